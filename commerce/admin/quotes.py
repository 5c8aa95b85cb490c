"""Quotes: those of the portal to be seen, and those that our people make, led from the draft to the offer."""

import copy
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.admin import TabularInline
from unfold.decorators import display

from accounts.admin import ReadOnly
from accounts.models import Account
from commerce import amounts
from commerce.admin.bases import AmountsByPermission, staff_of
from commerce.admin.quote_page import QuotePage
from commerce.admin.quote_sheets import QuoteSheets
from commerce.configuring.situations import ConfigurationRefused
from commerce.models import Quote, QuoteComment, QuoteLine, QuotePricing
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.money import Money
from commerce.quotes import (
    explanations,
    price_steps,
    quote_comments,
    quote_lifecycle,
    quote_pricing,
    staff_quotes,
)
from commerce.quotes.quote_changes import Difference, differences
from commerce.quotes.staff_forms import StaffCommentForm, StaffQuoteForm, StepForm, steps_of
from tracking.actor import Actor


class QuoteLineInline(AmountsByPermission, ReadOnly, TabularInline):
    model = QuoteLine
    amounts = frozenset({"price", "amount", "explained", "waterfall"})
    seen_with = "commerce.view_quote"
    fields = ["position", "product", "group", "change", "units", "price", "amount", "explained", "waterfall"]
    readonly_fields = fields
    extra = 0
    per_page = 50
    ordering = ["position"]
    hide_title = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[QuoteLine]:
        rows: QuerySet[QuoteLine] = super().get_queryset(request)
        return rows.select_related("product", "quote")

    @display(description=_("quantity"))
    def units(self, line: QuoteLine) -> str:
        return amounts.number(line.quantity)

    @display(description=_("unit price"))
    def price(self, line: QuoteLine) -> str:
        return amounts.unit_price(UnitPrice(line.net_unit_price, line.quote.currency))

    @display(description=_("amount"))
    def amount(self, line: QuoteLine) -> str:
        return amounts.money(Money(line.total_minor, line.quote.currency))

    @display(description=_("how it came about"))
    def explained(self, line: QuoteLine) -> str:
        return capfirst(line.words)

    @display(description=_("steps of the price"))
    def waterfall(self, line: QuoteLine) -> str:
        steps = price_steps.in_words(line, line.quote.currency)
        return format_html_join("", '<span class="block">{}: {}</span>', steps)


@admin.register(Quote)
class QuoteAdmin(QuotePage, AmountsByPermission, ReadOnly, QuoteSheets):
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
        return own + self.sheet_urls() + super().get_urls()  # type: ignore[no-any-return]

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
                "pricing": QuotePricing.objects.under_way().filter(source=found).first(),
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
        self.check_may_make(request)
        account, beside = self.named(request)
        if account is None:
            return self.without_quote(request)

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

        query = urlencode({"beside": beside.pk} if beside else {"account": account.pk})
        sheet_url = f"{reverse('admin:commerce_quote_new_sheet')}?{query}"
        return self._editor(request, account, write, quote=beside, sheet_url=sheet_url)

    def edit(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A draft, to be written anew."""
        self.check_may_make(request)
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

        sheet_url = reverse("admin:commerce_quote_sheet", args=[quote.pk])
        return self._editor(request, quote.account, write, quote=quote, sheet_url=sheet_url)

    def _editor(
        self,
        request: HttpRequest,
        account: Account,
        write: Callable[[StaffQuoteForm, Actor], Quote],
        *,
        quote: Quote | None,
        sheet_url: str,
    ) -> HttpResponse:
        situation = self.situation(request, account)
        if isinstance(situation, HttpResponse):
            return situation
        if self.is_for_a_sheet(situation, quote):
            return redirect(sheet_url)
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
                return self.made(request, made)
        context = self.page(request, _("Quote for %(company)s") % {"company": account.name}) | {
            "form": form,
            "account": account,
            "sheet_url": sheet_url,
            "preview": _preview(form) if form.is_bound else None,
        }
        return render(request, "commerce/admin_quote_edit.html", context, status=422 if form.errors else 200)

    def step(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take a quote one step on: what each of the page's buttons does."""
        self.check_may_make(request)
        quote = get_object_or_404(Quote.objects.select_related("account"), pk=pk)
        form = StepForm(request.POST)
        if not form.is_valid():
            self.message_user(request, " ".join(form.errors_in_words), messages.ERROR)
            return redirect("admin:commerce_quote_change", pk)
        user = staff_of(request)
        actor, now = Actor.staff(user.pk, quote.account_id), timezone.now()
        try:
            led = form.lead(quote, user=user, actor=actor, now=now)
        except quote_pricing.BeingPriced as refusal:
            self.message_user(request, str(refusal), messages.WARNING)
            return self.made(request, refusal.pricing)
        except (quote_lifecycle.QuoteRefused, ConfigurationRefused) as refusal:
            self.message_user(request, f"{quote.number}: {refusal}", messages.ERROR)
            return redirect("admin:commerce_quote_change", pk)
        if isinstance(led, QuotePricing):
            return self.made(request, led)
        done = _("%(number)s: %(status)s") % {"number": led.number, "status": led.get_status_display()}
        self.log_change(request, led, done)
        self.message_user(request, done)
        return redirect("admin:commerce_quote_change", led.pk)

    def comment(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer the customer, or leave a note for colleagues."""
        self.check_may_make(request)
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
            (_("Each month afterwards, before tax"), money(priced.monthly_net_minor)),
        ],
    }
