"""Quotes with many lines in the admin: all of them from a file, one at a time, and how far their price is."""

from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin

from accounts.models import Account
from accounts.spreadsheets import csv_response
from commerce.admin.bases import staff_of
from commerce.configuring.situations import Configuration, ConfigurationRefused, Situation, situation_of
from commerce.models import Quote, QuotePricing
from commerce.quotes import quote_pricing
from commerce.quotes.quote_lifecycle import QuoteRefused
from commerce.quotes.quote_sheets import COLUMNS, MOST_LINES, SheetLine, lines_of
from commerce.quotes.sheet_forms import LineForm, SheetForm
from commerce.quotes.staff_quotes import Terms

FORM_PRODUCTS = 60  # More on sale than this, and they are no longer all fields of one form.
SHOWN_LINES = 50


class QuoteSheets(ModelAdmin):
    """What the quotes' admin knows of long quotes."""

    def sheet_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        pages = {
            "sheet/": (self.new_sheet, "commerce_quote_new_sheet"),
            "<int:pk>/sheet/": (self.sheet, "commerce_quote_sheet"),
            "<int:pk>/sheet.csv": (self.download, "commerce_quote_sheet_csv"),
            "<int:pk>/line/": (self.line, "commerce_quote_line"),
            "pricing/<uuid:public_id>/": (self.pricing, "commerce_quote_pricing"),
            "pricing/<uuid:public_id>/cancel/": (require_POST(self.cancel_pricing), "commerce_quote_cancel_pricing"),
        }
        return [path(route, wrap(view), name=name) for route, (view, name) in pages.items()]

    def is_for_a_sheet(self, situation: Situation, quote: Quote | None) -> bool:
        """Whether a form with a field for each product would be too long to be used, or to be sent."""
        wanted = 0 if quote is None else quote_pricing.line_count(Configuration.from_json(quote.configuration))
        return max(len(situation.offered), wanted) > FORM_PRODUCTS

    def new_sheet(self, request: HttpRequest) -> HttpResponse:
        """A new quote for the company in the address, or beside the quote in it."""
        self.check_may_make(request)
        account, beside = self.named(request)
        if account is None:
            return self.without_quote(request)
        return self._sheet_page(request, account, draft=None, beside=beside)

    def sheet(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The lines of a draft, page by page, and the way to send all of them again."""
        draft = self._draft(request, pk)
        return self._sheet_page(request, draft.account, draft=draft, beside=None)

    def _sheet_page(
        self, request: HttpRequest, account: Account, *, draft: Quote | None, beside: Quote | None
    ) -> HttpResponse:
        situation = self.situation(request, account)
        if isinstance(situation, HttpResponse):
            return situation
        sent = (request.POST, request.FILES) if request.method == "POST" else (None, None)
        may_discount = request.user.has_perm("commerce.give_discounts")
        form = SheetForm(situation, *sent, quote=draft or beside, may_discount=may_discount)
        if form.is_bound and form.is_valid():
            try:
                made = quote_pricing.make(
                    account=account,
                    configuration=form.configuration,
                    manual=form.manual,
                    terms=form.terms,
                    user=staff_of(request),
                    form_key=form.cleaned_data["form_key"],
                    now=timezone.now(),
                    draft=draft,
                    beside=beside,
                )
            except (QuoteRefused, ConfigurationRefused) as refusal:
                form.add_error(None, str(refusal))
            else:
                return self.made(request, made)
        context = self.page(request, _("Lines of a quote for %(company)s") % {"company": account.name}) | {
            "form": form,
            "account": account,
            "quote": draft,
            "lines": None if draft is None else _page_of(request, situation, lines_of(draft)),
            "columns": ",".join(COLUMNS),
            "most_lines": MOST_LINES,
            "inline_lines": quote_pricing.INLINE_LINES,
        }
        return render(request, "commerce/admin_quote_sheet.html", context, status=422 if form.errors else 200)

    def line(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One line of a draft: that of the product in the address, or another one."""
        draft = self._draft(request, pk)
        situation = self.situation(request, draft.account)
        if isinstance(situation, HttpResponse):
            return situation
        form = LineForm(
            situation,
            draft,
            request.GET.get("product", ""),
            request.POST if request.method == "POST" else None,
            may_discount=request.user.has_perm("commerce.give_discounts"),
        )
        if form.code and form.found is None:
            raise Http404
        if form.is_bound and form.is_valid():
            try:
                made = quote_pricing.make(
                    account=draft.account,
                    configuration=form.configuration,
                    manual=form.manual,
                    terms=Terms.of(draft),
                    user=staff_of(request),
                    form_key=form.cleaned_data["form_key"],
                    now=timezone.now(),
                    draft=draft,
                )
            except (QuoteRefused, ConfigurationRefused) as refusal:
                form.add_error(None, str(refusal))
            else:
                return self.made(request, made)
        product = situation.product(form.code)
        context = self.page(request, product.name if product else _("Add a line")) | {"form": form, "quote": draft}
        return render(request, "commerce/admin_quote_line.html", context, status=422 if form.errors else 200)

    def download(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The lines of a quote, to be changed and sent back."""
        self.check_may_make(request)
        quote = get_object_or_404(Quote, pk=pk)
        name = f"{quote.number.replace(' ', '-')}.csv"
        return csv_response(name, COLUMNS, (line.cells for line in lines_of(quote)))

    def pricing(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        """How far a long quote is; asked again every few seconds while it is priced."""
        self.check_may_make(request)
        rows = QuotePricing.objects.select_related("account", "source", "quote", "started_by")
        pricing = get_object_or_404(rows, public_id=public_id)
        part = "commerce/_admin_quote_pricing.html"
        title = _("Quote for %(company)s") % {"company": pricing.account.name}
        context = self.page(request, title) | {"pricing": pricing, "part": part}
        return render(
            request, part if request.headers.get("HX-Request") else "commerce/admin_quote_pricing.html", context
        )

    def cancel_pricing(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        """Leave the quote as it was."""
        self.check_may_make(request)
        pricing = get_object_or_404(QuotePricing, public_id=public_id)
        try:
            quote_pricing.cancel(pricing=pricing, now=timezone.now())
        except quote_pricing.NotUnderWay:
            self.message_user(request, _("It was over already."), messages.WARNING)
        return redirect("admin:commerce_quote_pricing", pricing.public_id)

    # What the other pages about quotes need, too

    def check_may_make(self, request: HttpRequest) -> None:
        if not request.user.has_perm("commerce.add_quote"):
            raise PermissionDenied

    def made(self, request: HttpRequest, made: Quote | QuotePricing) -> HttpResponse:
        """To the draft, or to how far it is."""
        if isinstance(made, QuotePricing):
            return redirect("admin:commerce_quote_pricing", made.public_id)
        self.message_user(request, _("Quote %(number)s is saved as a draft.") % {"number": made.number})
        return redirect("admin:commerce_quote_change", made.pk)

    def named(self, request: HttpRequest) -> tuple[Account | None, Quote | None]:
        """The company, and the quote beside which another one is made, that the address names."""
        beside = _named(Quote.objects.select_related("account", "deal"), request.GET.get("beside", ""))
        account = beside.account if beside else _named(Account.objects.all(), request.GET.get("account", ""))
        return account, beside

    def situation(self, request: HttpRequest, account: Account) -> Situation | HttpResponse:
        """What prices depend on, or the page that says why there are none."""
        try:
            return situation_of(account, account.local_date(timezone.now()))
        except ConfigurationRefused as refusal:
            return self.without_quote(request, account, refusal=str(refusal))

    def without_quote(self, request: HttpRequest, account: Account | None = None, *, refusal: str = "") -> HttpResponse:
        """Whom it is for is not said, or nothing can be quoted to them."""
        title = _("Quote for %(company)s") % {"company": account.name} if account else _("New quote")
        context = self.page(request, title) | {"refusal": refusal}
        return render(request, "commerce/admin_quote_company.html", context, status=422 if refusal else 200)

    def page(self, request: HttpRequest, title: str) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "title": title, "opts": self.opts}

    def _draft(self, request: HttpRequest, pk: int) -> Quote:
        """Also one that is no draft any more: whoever sends it then reads why it stays."""
        self.check_may_make(request)
        return get_object_or_404(Quote.objects.select_related("account", "deal"), pk=pk)


@dataclass(frozen=True)
class ShownLine:
    """One line as the list shows it."""

    line: SheetLine
    name: str


def _page_of(request: HttpRequest, situation: Situation, lines: list[SheetLine]) -> Page[ShownLine]:
    products = situation.products
    shown = [
        ShownLine(line, products[line.product].name if line.product in products else line.product) for line in lines
    ]
    return Paginator(shown, SHOWN_LINES).get_page(request.GET.get("page"))


R = TypeVar("R", Quote, Account)


def _named(rows: QuerySet[R], pk: str) -> R | None:
    """The row that the address names; none for what is no number."""
    return rows.filter(pk=int(pk)).first() if pk.isascii() and pk.isdigit() and len(pk) < 19 else None
