"""Portfolio: the companies somebody looks after, handing them over, and holiday cover."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.http import StaffRequest, requires_staff
from accounts.models import Account, Cover, HandoverLine, TeamRole, User
from accounts.portfolio_forms import CoverForm, HandoverForm
from accounts.portfolios import (
    REASSIGN,
    CoverRefused,
    Move,
    NothingToHandOver,
    NotYoursToGive,
    TakerUnfit,
    accounts_of,
    arrange_cover,
    end_cover,
    hand_over,
    plan_moves,
)
from cases.models import Case
from commerce.contracts.visibility import SOON_DAYS, Figures, Sight, figures_of
from commerce.models import Contract, SavedConfiguration

PERMISSION = "accounts.change_account"
SHOWN = 300  # Nobody looks after more companies; a hand-over moves as many at once.
HANDOVERS_SHOWN = 10


@dataclass(frozen=True)
class Row:
    """A company in somebody's portfolio."""

    account: Account
    roles: list[str]
    covered_for: User | None  # Whom one stands in for; None: one's own.
    renewal_date: date | None
    is_soon: bool
    risk: int | None
    open_cases: int
    monthly: list[tuple[str, int]]  # By currency, before tax.


@require_safe
@requires_staff(PERMISSION)
def portfolio(request: StaffRequest) -> HttpResponse:
    """My companies and those of colleagues I stand in for, by renewal; a colleague's for those who may reassign."""
    return _portfolio(request, _person(request, request.GET.get("person", "")))


def _portfolio(
    request: StaffRequest, person: User, cover_form: CoverForm | None = None, status: int = 200
) -> HttpResponse:
    today = timezone.now().date()
    found = Cover.objects.not_over(today).filter(Q(absentee=person) | Q(stand_in=person), end_date__gt=F("start_date"))
    not_over = list(found.select_related("absentee", "stand_in").order_by("start_date", "pk"))
    covers = [cover for cover in not_over if cover.stand_in == person and cover.is_running(today)]
    has_left = request.GET.get("left") == "yes"  # Somebody there put something together and made no quote of it.
    accounts = _accounts(person, [cover.absentee for cover in covers], today, has_left=has_left)
    figures = figures_of(Sight.of_portfolio(accounts[:SHOWN]), today)
    rows = [_row(account, person, [cover.absentee for cover in covers], figures) for account in accounts]
    lines = HandoverLine.objects.filter(Q(giver=person) | Q(handover__taker=person))
    return _page(
        request,
        "portfolio",
        {
            "title": _("My portfolio") if person == request.user else str(person),
            "person": person,
            "is_own": person == request.user,
            "rows": rows[:SHOWN],
            "figures": figures,
            "has_left": has_left,
            "has_more": len(rows) > SHOWN,
            "covers": covers,
            "own_covers": [cover for cover in not_over if cover.absentee == person],
            "today": today,
            "cover_form": cover_form or CoverForm(absentee=person),
            "lines": lines.select_related("account", "giver", "handover__taker").order_by("-handover__made_at", "-pk")[
                :HANDOVERS_SHOWN
            ],
            "colleagues": _colleagues(request),
        },
        status=status,
    )


def _accounts(person: User, absentees: list[User], today: date, *, has_left: bool) -> list[Any]:
    """The companies by renewal. One query."""
    left = Exists(SavedConfiguration.objects.abandoned().filter(account=OuterRef("pk")))
    running = Contract.objects.filter(account=OuterRef("pk")).current(today).order_by("end_date", "pk")[:1]
    cases = Case.objects.open().filter(account=OuterRef("pk")).order_by().values("account").annotate(count=Count("pk"))
    return list(
        accounts_of([person, *absentees])
        .filter(left if has_left else Q())
        .select_related("tier")
        .annotate(
            renewal_date=Subquery(running.values("end_date")),
            risk=Subquery(running.values("risk_score")),
            open_cases=Coalesce(Subquery(cases.values("count")), 0),
        )
        .order_by(F("renewal_date").asc(nulls_last=True), "name", "pk")[: SHOWN + 1]
    )


def _row(account: Any, person: User, absentees: list[User], figures: Figures) -> Row:
    people = {one.pk: one for one in [*absentees, person]}
    held = {role: people[pk] for role in TeamRole if (pk := getattr(account, f"{role.value}_id")) in people}
    is_own = person in held.values()
    renewal: date | None = account.renewal_date
    return Row(
        account=account,
        roles=[str(role.label) for role, holder in held.items() if not is_own or holder == person],
        covered_for=None if is_own else next(iter(held.values())),
        renewal_date=renewal,
        is_soon=renewal is not None and (renewal - figures.today).days <= SOON_DAYS,
        risk=account.risk,
        open_cases=account.open_cases,
        monthly=list(figures.monthly_of_account(account.pk).items()),
    )


def _person(request: StaffRequest, wanted: str) -> User:
    """Whose portfolio is meant: one's own, or with the permission a colleague's."""
    if not wanted or wanted == str(request.user.pk):
        return request.user
    if not request.user.has_perm(REASSIGN):
        raise PermissionDenied
    return get_object_or_404(User, pk=wanted if _is_key(wanted) else None, is_staff=True)


def _is_key(value: str) -> bool:
    """Whether it can be the key of a row. `isdigit` alone is content with "²"."""
    return value.isascii() and value.isdigit() and len(value) < 19


def _colleagues(request: StaffRequest) -> Iterable[User]:
    """Whose portfolios one may open: those who look after somebody."""
    if not request.user.has_perm(REASSIGN):
        return []
    holders = User.objects.filter(Q(accounts_owned__isnull=False) | Q(accounts_sold__isnull=False), is_staff=True)
    return holders.distinct().order_by("name", "pk")


# Handing over: choose, preview, done


@require_http_methods(["GET", "HEAD", "POST"])
@requires_staff(PERMISSION)
def hand_over_accounts(request: StaffRequest) -> HttpResponseBase:
    """To whom and why; then what will change; then it is done. `giver` limits it to what is theirs."""
    sent = request.POST if request.method == "POST" else request.GET
    giver = _giver(request, sent.get("giver", ""))
    if request.method == "POST" and sent.get("step") == "confirm":
        return _confirm(request, giver)
    accounts = _chosen(sent.getlist("account"), giver, takes_all="all" in sent)
    if not accounts:
        messages.error(request, _("Choose the companies first."))
        return redirect(_address(giver))
    form = HandoverForm(request.POST or None, giver=giver)
    context = {"accounts": accounts, "giver": giver, "takes_all": "all" in sent}
    if request.method == "POST" and form.is_valid():
        taker, roles = form.cleaned_data["taker"], form.cleaned_data["roles"]
        moves = plan_moves(accounts=accounts, roles=roles, taker=taker, giver=giver)
        if moves:
            return _preview(request, form, moves, accounts, giver)
        form.add_error(None, _("Nothing would change: they look after these companies already."))
    status = 422 if request.method == "POST" else 200
    return _page(request, "hand_over", context | {"title": _("Hand over"), "form": form}, status=status)


def _giver(request: StaffRequest, wanted: str) -> User | None:
    """Whose companies are given away; None for whoever has them, which takes the permission."""
    if wanted:
        return _person(request, wanted)
    if not request.user.has_perm(REASSIGN):
        return request.user
    return None


def _chosen(ids: list[str], giver: User | None, *, takes_all: bool) -> list[Account]:
    rows = accounts_of([giver]) if giver else Account.objects.all()
    if not (takes_all and giver):
        if not all(_is_key(value) for value in ids):
            raise BadRequest
        rows = rows.filter(pk__in=ids)
    return list(rows.select_related("owner", "sales_contact").order_by("name", "pk")[:SHOWN])


def _preview(
    request: StaffRequest, form: HandoverForm, moves: list[Move], accounts: list[Account], giver: User | None
) -> HttpResponse:
    by_id = {account.pk: account for account in accounts}
    lines = [
        {
            "account": by_id[move.account_id],
            "role": move.role.label,
            "holder": getattr(by_id[move.account_id], move.role.value),
            "value": f"{move.account_id}:{move.role.value}:{move.holder_id or ''}",
        }
        for move in moves
    ]
    return _page(
        request,
        "hand_over_preview",
        {"title": _("Hand over: is this right?"), "form": form, "lines": lines, "giver": giver}
        | {name: form.cleaned_data[name] for name in ("taker", "roles", "reason", "tells_customers")},
    )


MOVE = re.compile(r"([0-9]{1,18}):(owner|sales_contact):([0-9]{0,18})")


def _moves(values: list[str]) -> list[Move]:
    """As the preview wrote them."""
    found = [MOVE.fullmatch(value) for value in values]
    if not found or len(found) > 2 * SHOWN:
        raise BadRequest
    moves = []
    for match in found:
        if match is None:
            raise BadRequest
        moves.append(Move(int(match[1]), TeamRole(match[2]), int(match[3]) if match[3] else None))
    return moves


def _confirm(request: StaffRequest, giver: User | None) -> HttpResponseBase:
    form = HandoverForm(request.POST, giver=giver)
    if not form.is_valid():
        if form.has_error("taker"):
            messages.error(request, _("Nothing was handed over: this colleague cannot take companies now."))
            return redirect(_address(giver))
        raise BadRequest
    try:
        made = hand_over(
            moves=_moves(request.POST.getlist("move")),
            taker=form.cleaned_data["taker"],
            reason=form.cleaned_data["reason"],
            made_by=request.user,
            now=timezone.now(),
            tells_customers=form.cleaned_data["tells_customers"],
        )
    except NotYoursToGive as refusal:
        raise PermissionDenied from refusal
    except (NothingToHandOver, TakerUnfit) as refusal:
        messages.error(request, str(refusal))
        return redirect(_address(giver))
    moved = Account.objects.filter(handover_lines__handover=made).distinct()
    words = _("Handed over to %(name)s: %(reason)s") % {"name": made.taker, "reason": made.reason}
    LogEntry.objects.log_actions(request.user.pk, moved, CHANGE, change_message=words)
    count = moved.count()
    done = ngettext(
        "%(count)d company was handed over to %(name)s.", "%(count)d companies were handed over to %(name)s.", count
    )
    messages.success(request, done % {"count": count, "name": made.taker})
    return redirect(_address(giver))


# Holiday cover


@require_POST
@requires_staff(PERMISSION)
def add_cover(request: StaffRequest) -> HttpResponseBase:
    person = _person(request, request.POST.get("person", ""))
    form = CoverForm(request.POST, absentee=person)
    if form.is_valid():
        try:
            cover = arrange_cover(absentee=person, made_by=request.user, now=timezone.now(), **form.cleaned_data)
        except CoverRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request,
                _("%(name)s stands in. Both of you get a mail, and customers see it on those days.")
                % {"name": cover.stand_in},
            )
            return redirect(_address(person))
    return _portfolio(request, person, form, status=422)


@require_POST
@requires_staff(PERMISSION)
def stop_cover(request: StaffRequest, pk: int) -> HttpResponseBase:
    """Back early, or not going at all."""
    cover = get_object_or_404(Cover.objects.select_related("absentee", "stand_in"), pk=pk)
    try:
        end_cover(cover=cover, ended_by=request.user, today=timezone.now().date())
    except NotYoursToGive as refusal:
        raise PermissionDenied from refusal
    messages.success(request, _("%(name)s no longer stands in.") % {"name": cover.stand_in})
    return redirect(_address(cover.absentee if cover.absentee == request.user else None))


def _address(person: User | None) -> str:
    base = reverse("admin:portfolio")
    return f"{base}?{urlencode({'person': person.pk})}" if person else base


def _page(request: HttpRequest, name: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return render(request, f"admin/staff/{name}.html", admin.site.each_context(request) | context, status=status)
