"""Bills: the list, one of them, its PDF and its e-invoice."""

from copy import copy
from datetime import date, timedelta
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.http import AccountRequest, requires, session_digest, step_up
from accounts.models import StoredFile
from accounts.notifications import held_back
from accounts.paging import page_of
from accounts.permissions import Permission
from accounts.spreadsheets import csv_response
from commerce.billing import archives, cards, einvoices, invoicing, receivables, standing, statements
from commerce.billing.billing_profile import BillingProfileForm, save_profile
from commerce.days import DayField
from commerce.models import BalanceEntry, Invoice, RefundAttempt
from commerce.models.billing import InvoiceQuerySet
from tracking.models import EventName
from tracking.services import buffer_page_view, record

LONGEST_ARCHIVE = 500  # Invoices in one ZIP.


class InvoiceFilter(forms.Form):
    """Which invoices of the list are shown."""

    q = forms.CharField(label=gettext_lazy("Number, order or reference"), max_length=60, required=False)
    status = forms.ChoiceField(
        label=gettext_lazy("Status"),
        required=False,
        choices=[
            ("", gettext_lazy("All")),
            ("open", gettext_lazy("Open")),
            ("overdue", gettext_lazy("Overdue")),
            ("paid", gettext_lazy("Paid")),
            ("credit_note", gettext_lazy("Credit notes")),
        ],
    )
    since = DayField(label=gettext_lazy("From"), required=False)
    until = DayField(label=gettext_lazy("Until"), required=False)

    def chosen(self, invoices: InvoiceQuerySet, today: date) -> InvoiceQuerySet:
        """What is wrong in it is told, and filters nothing."""
        self.full_clean()
        given = self.cleaned_data
        if text := given.get("q"):
            invoices = invoices.matching(text)
        if given.get("since"):
            invoices = invoices.filter(issue_date__gte=given["since"])
        if given.get("until"):
            invoices = invoices.filter(issue_date__lte=given["until"])
        match given.get("status"):
            case "overdue":
                return invoices.overdue(today)
            case "credit_note":
                return invoices.credit_notes()
            case "open" | "paid" as status:
                return invoices.filter(status=status)
        return invoices


@require_safe
@requires(Permission.VIEW_INVOICES)
def invoice_list(request: AccountRequest) -> HttpResponse:
    """The latest first, with what is owed."""
    today = _today(request)
    invoices = Invoice.objects.for_account(request.account)
    dunning = standing.of_account(request.account)
    chosen = InvoiceFilter(request.GET)
    shown = chosen.chosen(invoices, today).select_related("order").latest_first()
    return render(
        request,
        "commerce/invoices.html",
        {
            "page": page_of(shown, cursor=request.GET.get("cursor", "")),
            "filter_form": chosen,
            "is_filtered": any(chosen.cleaned_data.values()),
            "filter_query": urlencode({name: request.GET[name] for name in chosen.fields if request.GET.get(name)}),
            "owed": invoices.owed(today),
            "credit": BalanceEntry.objects.for_account(request.account).by_currency(),
            "payable": invoices.payable().order_by("due_date", "pk").first(),
            "currencies": statements.currencies_of(request.account),
            "may_pay": request.membership.may(Permission.PAY_INVOICES),
            "may_change_billing": request.membership.may(Permission.MANAGE_BILLING),
            "today": today,
            "dunning": dunning,
            "pays_by_itself": dunning is not None and cards.pays_by_itself(request.account),
        },
    )


@require_safe
@requires(Permission.VIEW_INVOICES)
def invoice_archive(request: AccountRequest) -> HttpResponseBase:
    """The chosen invoices as PDFs in one ZIP, sent while it is made."""
    chosen = InvoiceFilter(request.GET).chosen(Invoice.objects.for_account(request.account), _today(request))
    found = list(chosen.select_related("pdf", "order", "corrects", "account").latest_first()[: LONGEST_ARCHIVE + 1])
    if len(found) > LONGEST_ARCHIVE:
        messages.error(
            request, _("These are more than %(most)d invoices. Choose a shorter time.") % {"most": LONGEST_ARCHIVE}
        )
        return redirect("commerce:invoices")
    return StreamingHttpResponse(
        archives.zipped(found, actor=request.actor, now=timezone.now()),
        content_type="application/zip",
        headers={"Content-Disposition": 'attachment; filename="invoices.zip"'},
    )


@require_safe
@requires(Permission.VIEW_INVOICES)
def account_statement(request: AccountRequest) -> HttpResponseBase:
    """What was billed and paid in a year until today, or in the chosen time, as a PDF or a CSV file.

    Of one currency: the one that is asked for, or the company's own.
    """
    chosen = InvoiceFilter(request.GET)
    chosen.full_clean()
    end = chosen.cleaned_data.get("until") or _today(request)
    start = chosen.cleaned_data.get("since") or end - timedelta(days=365)
    if start > end:
        messages.error(request, _("The last day of a statement is not before its first."))
        return redirect("commerce:invoices")
    currencies = statements.currencies_of(request.account)
    asked = request.GET.get("currency", "")
    currency = asked if asked in currencies else currencies[0]
    shown = statements.statement(request.account, currency=currency, start_date=start, end_date=end + timedelta(days=1))
    record(
        name=EventName.DOCUMENT_DOWNLOADED,
        actor=request.actor,
        now=timezone.now(),
        object_type="statement",
        object_id=end.isoformat(),
    )
    if request.GET.get("format") == "csv":
        return csv_response(f"statement-{end}.csv", *statements.as_table(shown))
    response = HttpResponse(statements.to_pdf(shown), content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="statement-{end}.pdf"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_BILLING)
@step_up
def billing_profile(request: AccountRequest) -> HttpResponse:
    """What new invoices say of the company."""
    # A form writes what was typed into its row, right or wrong: not into the one that the page shows.
    form = BillingProfileForm(request.POST or None, instance=copy(request.account))
    if request.method == "POST" and form.is_valid():
        sent = save_profile(form, actor=request.actor, now=timezone.now())
        messages.success(request, _("Saved. It stands on invoices from now on."))
        if sent:
            messages.info(request, held_back.words(sent))
        return redirect("commerce:billing-profile")
    return render(request, "commerce/billing_profile.html", {"form": form}, status=422 if form.errors else 200)


@require_safe
@requires(Permission.VIEW_INVOICES)
def invoice(request: AccountRequest, number: str) -> HttpResponse:
    now = timezone.now()
    found = get_object_or_404(
        Invoice.objects.for_account(request.account)
        .select_related("order", "corrects", "collection")
        .prefetch_related("lines"),
        number=number,
    )
    buffer_page_view(
        name=EventName.INVOICE_VIEWED,
        actor=request.actor,
        now=now,
        object_type="invoice",
        object_id=found.number,
        session_key=session_digest(request),
    )
    today = request.account.local_date(now)
    pending = found.attempts.pending().first()
    return render(
        request,
        "commerce/invoice.html",
        {
            "invoice": found,
            "crumbs": [{"label": _("Invoices"), "url": reverse("commerce:invoices")}, {"label": found.number}],
            "pending": pending,
            **_card_payment(request, found, is_paying=pending is not None),
            "may_pay": found.is_payable and request.membership.may(Permission.PAY_INVOICES),
            "is_overdue": found.is_overdue(today),
            "credit_notes": found.corrections.order_by("number"),
            "refunds": RefundAttempt.objects.for_account(request.account).succeeded().filter(payment__invoice=found),
            "next_reminder": receivables.next_reminder(found, today) if found.is_payable else None,
        },
    )


@require_safe
@requires(Permission.VIEW_INVOICES)
def invoice_pdf(request: AccountRequest, number: str) -> HttpResponse:
    found = get_object_or_404(
        Invoice.objects.for_account(request.account).select_related("pdf", "order", "corrects"), number=number
    )
    return _download(invoicing.document(invoice=found, actor=request.actor, now=timezone.now()))


@require_safe
@requires(Permission.VIEW_INVOICES)
def invoice_xml(request: AccountRequest, number: str) -> HttpResponse:
    """The e-invoice that the PDF carries."""
    found = get_object_or_404(
        Invoice.objects.for_account(request.account).select_related("pdf", "order", "corrects"), number=number
    )
    stored = invoicing.document(invoice=found, actor=request.actor, now=timezone.now())
    with stored.content.open("rb") as content:
        xml = einvoices.xml_of(content.read())
    if xml is None:
        messages.info(request, _("This invoice has no e-invoice: something that its standard asks for was not known."))
        return redirect("commerce:invoice", number=number)
    response = HttpResponse(xml, content_type="application/xml")
    response.headers["Content-Disposition"] = f'attachment; filename="{found.number}.xml"'
    return response


def _card_payment(request: AccountRequest, invoice: Invoice, *, is_paying: bool) -> dict[str, object]:
    """What the page of an open invoice says of the stored card, and of what follows if it stays unpaid."""
    if not invoice.is_payable:
        return {}
    card = cards.default_card(request.account)
    may = request.membership.may
    return {
        "card": card,
        "collection": getattr(invoice, "collection", None),
        "last_attempt": invoice.attempts.order_by("-number").first(),
        "pays_by_itself": cards.pays_by_itself(request.account),
        "dunning": standing.of_account(request.account),
        "may_charge_card": may(Permission.PAY_INVOICES) and card is not None and not is_paying,
        "may_change_billing": may(Permission.MANAGE_BILLING),
    }


def _download(stored: StoredFile) -> HttpResponse:
    with stored.content.open("rb") as content:
        response = HttpResponse(content.read(), content_type=stored.content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{stored.name}"'
    return response


def _today(request: AccountRequest) -> date:
    return request.account.local_date(timezone.now())
