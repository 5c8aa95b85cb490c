"""Quotes: those of the portal to be seen, and those that our people make, led from the draft to the offer."""

import copy
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from accounts.admin import ReadOnly
from accounts.models import Account
from commerce import amounts, explanations, quote_comments, quote_lifecycle, staff_quotes
from commerce.admin.bases import AmountsByPermission, staff_of
from commerce.admin.quote_page import QuotePage
from commerce.models import Quote, QuoteComment, QuoteLine
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.money import Money
from commerce.quote_changes import Difference, differences
from commerce.situations import ConfigurationRefused, situation_of
from commerce.staff_forms import StaffCommentForm, StaffQuoteForm, StepForm, steps_of
from tracking.actor import Actor


class QuoteLineInline(AmountsByPermission, ReadOnly, TabularInline):
    model = QuoteLine
    amounts = frozenset({"price", "amount", "words", "waterfall"})
    seen_with = "commerce.view_quote"
    fields = ["position", "product", "change", "units", "price", "amount", "words", "waterfall"]
    readonly_fields = fields
    extra = 0
    hide_title = True

    @display(description=_("quantity"))
    def units(self, line: QuoteLine) -> str:
        return amounts.number(line.quantity)

    @display(description=_("unit price"))
    def price(self, line: QuoteLine) -> str:
        return amounts.unit_price(UnitPrice(line.unit_price, line.quote.currency))

    @display(description=_("amount"))
    def amount(self, line: QuoteLine) -> str:
        return amounts.money(Money(line.total_minor, line.quote.currency))

    @display(description=_("steps of the price"))
    def waterfall(self, line: QuoteLine) -> str:
        """The steps at which the price changed."""
        steps = [(name, round(Decimal(value), 4)) for name, value in line.steps]
        changed = [step for step, before in zip(steps, [("", None), *steps], strict=False) if step[1] != before[1]]
        return " → ".join(f"{name.replace('_', ' ')} {amounts.number(value)}" for name, value in changed)


@admin.register(Quote)
class QuoteAdmin(QuotePage, AmountsByPermission, ReadOnly, ModelAdmin):
    """Made here by our people, and by customers in the portal; once submitted, changed by new versions alone."""

    list_display = ["number", "title", "account", "status_label", "total", "created_by", "created_at", "last_day"]
    list_filter = ["status", "origin", "created_at"]
    list_select_related = ["account", "created_by"]
    search_fields = ["account__name", "serial"]
    inlines = [QuoteLineInline]
    change_form_outer_before_template = "commerce/admin_quote.html"
    change_form_outer_after_template = "commerce/admin_quote_comments.html"

    @display(
        description=_("status"),
        label={
            "draft": "primary",
            "in_approval": "warning",
            "approved": "success",
            "rejected": "danger",
            "presented": "info",
            "viewed": "info",
            "accepted": "warning",
            "ordered": "success",
            "expired": "danger",
        },
    )
    def status_label(self, quote: Quote) -> tuple[str, str]:
        return quote.status, quote.get_status_display()

    # Making and leading quotes

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("commerce.add_quote")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("<int:pk>/edit/", wrap(self.edit), name="commerce_quote_edit"),
            path("<int:pk>/step/", wrap(require_POST(self.step)), name="commerce_quote_step"),
            path("<int:pk>/comment/", wrap(require_POST(self.comment)), name="commerce_quote_comment"),
        ]
        return own + super().get_urls()  # type: ignore[no-any-return]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context: dict[str, Any] = {"comment_form": StaffCommentForm()} | (extra_context or {})
        found = Quote.objects.filter(pk=object_id).first() if object_id.isascii() and object_id.isdigit() else None
        if found is not None:
            may_lead = self.has_add_permission(request)
            context |= {
                "quote": found,
                "steps": steps_of(found, timezone.now()) if may_lead else [],
                "may_lead": may_lead,
                "versions": Quote.objects.versions_of(found).exclude(pk=found.pk),
                "comments": QuoteComment.objects.about(found).select_related("author", "quote"),
                "differences": self._differences(request, found),
            }
        return super().change_view(request, object_id, form_url, context)  # type: ignore[no-any-return]

    def _differences(self, request: HttpRequest, quote: Quote) -> list[Difference]:
        if quote.version == 1 or not request.user.has_perm("commerce.view_amounts"):
            return []
        return differences(Quote.objects.versions_of(quote).get(version=quote.version - 1), quote)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A new quote for the company in the address, or an alternative beside the quote in it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        beside = _named(Quote.objects.select_related("account", "deal"), request.GET.get("beside", ""))
        account = beside.account if beside else _named(Account.objects.all(), request.GET.get("account", ""))
        if account is None:
            return render(request, "commerce/admin_quote_company.html", self._page(request, gettext("New quote")))

        def write(form: StaffQuoteForm, actor: Actor) -> Quote:
            return staff_quotes.draft(
                account=account,
                configuration=form.configuration,
                manual=form.manual,
                terms=form.terms,
                user=staff_of(request),
                actor=actor,
                now=timezone.now(),
                beside=beside,
            )

        return self._editor(request, account, write, quote=beside)

    def edit(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A draft, to be written anew."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        quote = get_object_or_404(Quote.objects.select_related("account"), pk=pk)

        def write(form: StaffQuoteForm, actor: Actor) -> Quote:
            return staff_quotes.change(
                quote=quote,
                configuration=form.configuration,
                manual=form.manual,
                terms=form.terms,
                actor=actor,
                now=timezone.now(),
            )

        return self._editor(request, quote.account, write, quote=quote)

    def _editor(
        self,
        request: HttpRequest,
        account: Account,
        write: Callable[[StaffQuoteForm, Actor], Quote],
        *,
        quote: Quote | None,
    ) -> HttpResponse:
        context = self._page(request, _("Quote for %(company)s") % {"company": account.name})
        try:
            situation = situation_of(account, quote_lifecycle.day_of(account, timezone.now()))
        except ConfigurationRefused as refusal:
            return render(request, "commerce/admin_quote_company.html", context | {"refusal": str(refusal)}, status=422)
        form = StaffQuoteForm(
            situation,
            request.POST if request.method == "POST" else None,
            quote=quote,
            may_discount=request.user.has_perm("commerce.give_discounts"),
        )
        if form.is_bound and not form.is_valid() and "way_out" in request.POST:
            form = form.with_way_out(request.POST["way_out"])
        elif form.is_bound and form.is_valid() and "preview" not in request.POST:
            try:
                made = write(form, Actor.staff(staff_of(request).pk, account.pk))
            except (quote_lifecycle.QuoteRefused, ConfigurationRefused) as refusal:
                form.add_error(None, str(refusal))
            else:
                self.message_user(request, _("Quote %(number)s is saved as a draft.") % {"number": made.number})
                return redirect("admin:commerce_quote_change", made.pk)
        context |= {"form": form, "account": account, "preview": _preview(form) if form.is_bound else None}
        return render(request, "commerce/admin_quote_edit.html", context, status=422 if form.errors else 200)

    def step(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take a quote one step on: what each of the page's buttons does."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        quote = get_object_or_404(Quote.objects.select_related("account"), pk=pk)
        form = StepForm(request.POST)
        if not form.is_valid():
            self.message_user(request, " ".join(form.errors_in_words), messages.ERROR)
            return redirect("admin:commerce_quote_change", pk)
        user = staff_of(request)
        actor, now = Actor.staff(user.pk, quote.account_id), timezone.now()
        try:
            led = form.lead(quote, user=user, actor=actor, now=now)
        except (quote_lifecycle.QuoteRefused, ConfigurationRefused) as refusal:
            self.message_user(request, f"{quote.number}: {refusal}", messages.ERROR)
            return redirect("admin:commerce_quote_change", pk)
        done = _("%(number)s: %(status)s") % {"number": led.number, "status": led.get_status_display()}
        self.log_change(request, led, done)
        self.message_user(request, done)
        return redirect("admin:commerce_quote_change", led.pk)

    def comment(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer the customer, or leave a note for colleagues."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        quote = get_object_or_404(Quote.objects.select_related("account", "deal"), pk=pk)
        form = StaffCommentForm(request.POST)
        if not form.is_valid():
            shown = copy.copy(request)
            shown.method = "GET"  # The page as it was, with what was typed.
            response = self.change_view(shown, str(pk), extra_context={"comment_form": form})
            response.status_code = 422
            return response
        user = staff_of(request)
        quote_comments.comment(
            quote=quote,
            author=user,
            text=form.cleaned_data["text"],
            is_internal=form.cleaned_data["is_internal"],
            actor=Actor.staff(user.pk, quote.account_id),
            now=timezone.now(),
        )
        return redirect("admin:commerce_quote_change", pk)

    def _page(self, request: HttpRequest, title: str) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "title": title, "opts": self.opts}


R = TypeVar("R", Quote, Account)


def _named(rows: QuerySet[R], pk: str) -> R | None:
    """The row that the address names; none for what is no number."""
    return rows.filter(pk=int(pk)).first() if pk.isascii() and pk.isdigit() and len(pk) < 19 else None


def _preview(form: StaffQuoteForm) -> dict[str, Any] | None:
    """The price of what is typed, in the words that the customer will read, and what rules and bundles say about it."""
    priced = form.priced if form.is_valid() else None
    if priced is None:
        return None

    def money(minor: int) -> str:
        return amounts.money(Money(minor, priced.currency))

    return {
        "alerts": [alert.message for alert in form.verdict.alerts] if form.verdict else [],
        "added": form.added,
        "lines": [
            (line.name, explanations.in_words(line.explanation), money(line.net_minor))
            for line in priced.lines
            if line.quantity_change
        ],
        "totals": [
            (_("Subtotal"), money(priced.due_net_minor)),
            (_("Tax"), money(priced.due_tax_minor)),
            (_("Due on acceptance"), money(priced.due_now_minor)),
            (_("Each month afterwards"), money(priced.monthly_minor)),
        ],
    }
