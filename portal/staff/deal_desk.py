"""The deal desk: quotes that wait for an approval of our own people, and what was decided lately."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.http import StaffRequest, requires_staff
from accounts.models import User
from commerce import amounts
from commerce.deal_desk import deal_decisions, deal_desk
from commerce.models import DeltaKind, Quote, QuoteApproval, QuoteApprovalStatus, QuoteLine
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.money import Money
from commerce.quotes import manual_prices
from commerce.quotes.quote_changes import differences
from commerce.quotes.quote_lifecycle import QuoteRefused

PERMISSION = "commerce.view_quoteapproval"
MEASURED = timedelta(days=90)  # Over what time the page says how long approvals take.
SHOWN_LINES = 50
SHOWN = 100  # Who has more waiting decides on these first.


class Tab(StrEnum):
    """Which requests are shown."""

    MINE = "mine"
    WAITING = "waiting"
    DECIDED = "decided"


TAB_LABELS = {
    Tab.MINE: gettext_lazy("Waiting for me"),
    Tab.WAITING: gettext_lazy("All waiting"),
    Tab.DECIDED: gettext_lazy("Recently decided"),
}
NOTHING = {
    Tab.MINE: gettext_lazy("Nothing waits for you."),
    Tab.WAITING: gettext_lazy("No quote waits for an approval."),
    Tab.DECIDED: gettext_lazy("Nothing has been decided yet."),
}


class DecisionForm(forms.Form):
    """What somebody says to a quote, and to which price of it."""

    price_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)
    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=deal_decisions.LONGEST_NOTE,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=gettext_lazy("Needed to reject. Whoever made the quote reads it."),
    )


@require_safe
@requires_staff(PERMISSION)
def queue(request: StaffRequest) -> HttpResponse:
    """Waiting for me, all that waits, and what was decided lately."""
    now = timezone.now()
    asked = request.GET.get("show", "")
    tab = next((one for one in Tab if one == asked), Tab.MINE)
    rows = list(_rows(request, tab, now)[: SHOWN + 1])
    return render(
        request,
        "admin/staff/deal_desk.html",
        admin.site.each_context(request)
        | {
            "title": _("Deal desk"),
            "rows": [_row(approval) for approval in rows[:SHOWN]],
            "has_more": len(rows) > SHOWN,
            "tabs": [(one, TAB_LABELS[one], one is tab) for one in Tab],
            "nothing": NOTHING[tab],
            "is_decided": tab is Tab.DECIDED,
            "median": _median(now),
            "measured_days": MEASURED.days,
        },
    )


def _median(now: datetime) -> str:
    """How long approvals take, in the largest two units: "1 day, 4 hours". Empty where nothing was decided."""
    found = deal_decisions.median_time_in_approval(since=now - MEASURED)
    return "" if found is None else timesince(now - found, now)


def _rows(request: StaffRequest, tab: Tab, now: datetime) -> QuerySet[QuoteApproval]:
    rows = QuoteApproval.objects.select_related(
        "account", "approver", "decided_by", "quote__account", "quote__submitted_by"
    )
    if tab is Tab.DECIDED:
        return rows.decided().filter(kept_from=None).order_by("-decided_at", "-pk")
    waiting = rows.waiting().told().order_by("told_at", "pk")
    if tab is Tab.MINE:
        return waiting.filter(deal_desk.asked_of(request.user, today=now.date())).distinct()
    return waiting


@dataclass(frozen=True)
class Row:
    """One request in the list."""

    approval: QuoteApproval
    total: str
    discount: str  # The highest of its lines; empty where none was given.
    is_below_floor: bool
    reasons: list[str]


def _row(approval: QuoteApproval) -> Row:
    quote = approval.quote
    highest = Decimal(approval.facts.get("max_discount_percent", "0"))
    return Row(
        approval=approval,
        total=amounts.money(Money(quote.total_minor, quote.currency)),
        discount=amounts.number(round(highest, 2)) if highest else "",
        is_below_floor=approval.facts.get("lines_below_floor", "0") != "0",
        reasons=deal_desk.reasons_of(approval),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@requires_staff(PERMISSION)
def decide(request: StaffRequest, public_id: UUID) -> HttpResponseBase:
    """One request: what is quoted, why it needs an approval, what changed since the last one, and the decision."""
    related = ("account", "approver", "escalate_to", "decided_by", "quote__account", "quote__submitted_by")
    approval = get_object_or_404(QuoteApproval.objects.select_related(*related), public_id=public_id)
    now = timezone.now()
    form = DecisionForm(request.POST or None, initial={"price_hash": approval.price_hash})
    if request.method != "POST":
        return _request_page(request, approval, form, now)
    if form.is_valid():
        try:
            done = _decided(request, approval, form.cleaned_data, now)
        except (deal_decisions.DecisionRefused, QuoteRefused) as refusal:
            approval.refresh_from_db()
            form.add_error("note" if isinstance(refusal, deal_decisions.NoteMissing) else None, str(refusal))
        else:
            messages.success(request, done)
            return redirect("admin:deal_desk")
    return _request_page(request, approval, form, now, status=422)


def _decided(request: StaffRequest, approval: QuoteApproval, said: dict[str, Any], now: datetime) -> str:
    steps = {"approve": deal_decisions.approve, "reject": deal_decisions.reject}
    step = steps.get(request.POST.get("decision", ""))
    if step is None:
        raise BadRequest
    decided = step(approval=approval, user=request.user, price_hash=said["price_hash"], note=said["note"], now=now)
    return deal_decisions.in_words(decided)


def _request_page(
    request: StaffRequest, approval: QuoteApproval, form: DecisionForm, now: datetime, *, status: int = 200
) -> HttpResponse:
    quote = approval.quote
    chain = QuoteApproval.objects.for_account(approval.account).filter(quote=quote)
    last_approved = _last_approved(quote)
    changed = differences(last_approved, quote) if last_approved else []
    refusal = deal_decisions.why_not(approval, request.user, now=now)
    return render(
        request,
        "admin/staff/deal_desk_request.html",
        admin.site.each_context(request)
        | {
            "title": _("Quote %(number)s for %(customer)s") % {"number": quote.number, "customer": quote.account.name},
            "approval": approval,
            "quote": quote,
            "reasons": deal_desk.reasons_of(approval),
            "lines": _lines(quote, request.GET.get("page", "")),
            "totals": _totals(quote),
            "chain": chain.select_related("approver", "escalate_to", "decided_by", "on_behalf_of").order_by(
                "position", "pk"
            ),
            "last_approved": last_approved,
            "differences": changed[:SHOWN_LINES],
            "hidden_differences": max(len(changed) - SHOWN_LINES, 0),
            "form": form,
            "refusal": refusal,
            "absentee": None if refusal else _absentee(approval, request.user, now),
            "queue_url": reverse("admin:deal_desk"),
        },
        status=status,
    )


def _absentee(approval: QuoteApproval, user: User, now: datetime) -> User | None:
    """Whom somebody decides for; None where they decide for themselves."""
    asked = deal_desk.on_whose_behalf(approval, user, today=now.date())
    return asked if asked != user else None


@dataclass(frozen=True)
class Line:
    """One product of the quote, as the deal desk reads it."""

    line: QuoteLine
    quantity: str
    unit_price: str
    discount: str
    floor: str
    is_below_floor: bool


def _lines(quote: Quote, page: str) -> "Page[Line]":
    """Those to look at first come first: below their floor, then by what was taken off."""
    lines = list(quote.lines.select_related("product").order_by("position", "pk"))
    floors = deal_desk.Floors.of(quote, lines)
    by_hand = manual_prices.from_json(quote.manual_prices)
    off = {
        line.pk: Decimal(0) if line.change == DeltaKind.SWAP_OUT else deal_desk.discount_percent(by_hand, line)
        for line in lines
    }
    lines.sort(key=lambda line: (not floors.is_below(line), -off[line.pk]))
    shown: list[Line] = [_line(quote, line, floors, off[line.pk]) for line in lines]
    return Paginator(shown, SHOWN_LINES).get_page(page)


def _line(quote: Quote, line: QuoteLine, floors: deal_desk.Floors, percent: Decimal) -> Line:
    floor = floors.prices.get(line.product_id)
    return Line(
        line=line,
        quantity=amounts.number(line.quantity),
        unit_price=_price(line.unit_price, quote),
        discount=amounts.number(round(percent, 2)) if percent else "",
        floor=_price(floor, quote) if floor is not None else "",
        is_below_floor=floors.is_below(line),
    )


def _price(value: Decimal, quote: Quote) -> str:
    return amounts.unit_price(UnitPrice(value, quote.currency))


def _totals(quote: Quote) -> list[tuple[str, str]]:
    def shown(minor: int) -> str:
        return amounts.money(Money(minor, quote.currency))

    return [
        (_("Due now, with tax"), shown(quote.total_minor)),
        (_("Each month before"), shown(quote.recurring_before_minor)),
        (_("Each month afterwards"), shown(quote.recurring_after_minor)),
    ]


def _last_approved(quote: Quote) -> Quote | None:
    """The version before this one that our people last approved."""
    approved = QuoteApproval.objects.filter(status=QuoteApprovalStatus.APPROVED).values("quote")
    versions = Quote.objects.versions_of(quote).filter(version__lt=quote.version, approved_at__isnull=False)
    return versions.filter(pk__in=approved).last()
