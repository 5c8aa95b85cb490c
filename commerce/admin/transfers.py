"""Bank transfers: a statement is looked at, then read in; what doesn't fit waits here for a decision."""

import hashlib
import re

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.cache import cache
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from accounts.admin import ReadOnly
from accounts.http import StaffRequest, requires_staff
from accounts.models import Account
from commerce import amounts
from commerce.admin.bases import AmountsByPermission, PossibleActions
from commerce.admin.receivables import MOST_DIGITS, ReasonForm, money_page
from commerce.billing import bank_statements, transfers
from commerce.billing.references import in_groups
from commerce.models import BankStatement, BankTransfer, Invoice, TransferProblem, TransferState
from commerce.pricing.money import Money, exponent_of, from_minor, to_minor
from tracking.actor import Actor

MAY_HANDLE = "commerce.handle_transfers"
MAY_PAY_BACK = "commerce.refund_payments"
STATES = {"waiting": "warning", "matching": "info", "settled": "success", "credited": "info"}
KEPT_SECONDS = 60 * 60  # Between the look and the confirmation.


class StatementForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("Bank statement"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.xml"}),
        help_text=gettext_lazy(
            "camt.053 (XML), or CSV: booked_date, amount, currency, payer, iban, reference, bank_id."
            " At most 5 MB and 2000 payments."
        ),
    )

    def clean_file(self) -> tuple[str, list[bank_statements.Line]]:
        upload: UploadedFile[bytes] = self.cleaned_data["file"]
        content = upload.read(bank_statements.MOST_BYTES + 1)
        if len(content) > bank_statements.MOST_BYTES:
            raise forms.ValidationError(_("The file is too large."))
        try:
            return upload.name or "", bank_statements.read(content)
        except bank_statements.StatementRefused as refused:
            raise forms.ValidationError(str(refused)) from refused


class AssignForm(forms.Form):
    number = forms.CharField(label=gettext_lazy("Invoice number"), max_length=40, widget=UnfoldAdminTextInputWidget)

    def clean_number(self) -> Invoice:
        found = Invoice.objects.filter(number__iexact=self.cleaned_data["number"].strip(), corrects=None).first()
        if found is None:
            raise forms.ValidationError(_("There is no such invoice."))
        return found


class PayBackForm(ReasonForm):
    """How much goes back; all that can, where nobody says less."""

    def __init__(self, data: QueryDict | None, *, transfer: BankTransfer) -> None:
        super().__init__(data)
        left, currency = transfers.left_to_pay_back(transfer), transfer.currency
        self.fields["amount"] = forms.DecimalField(
            label=_("Amount"),
            initial=from_minor(left, currency),
            min_value=from_minor(1, currency),
            max_digits=MOST_DIGITS,
            decimal_places=exponent_of(currency),
            help_text=_("At most %(amount)s is in credit.") % {"amount": amounts.money(Money(left, currency))},
            widget=UnfoldAdminTextInputWidget,
        )
        self.order_fields(["amount", "reason"])


class CompanyForm(forms.Form):
    company = forms.ModelChoiceField(
        Account.objects.all(),
        label=gettext_lazy("Company"),
        widget=AutocompleteSelect(BankTransfer._meta.get_field("account"), admin.site),
    )

    is_another = forms.BooleanField(
        label=gettext_lazy("This is another payment"), required=False, widget=UnfoldBooleanWidget
    )

    def __init__(self, data: QueryDict | None, *, transfer: BankTransfer) -> None:
        is_key = data is None or re.fullmatch(r"[0-9]{1,18}", data.get("company") or "")
        # The widget looks up whatever was sent.
        super().__init__(data if is_key else QueryDict(), initial={"company": transfer.account})
        if marked := transfers.marked_invoice(transfer):
            self.fields["is_another"].help_text = transfers.marked_words(marked)
        else:
            del self.fields["is_another"]


@requires_staff(MAY_HANDLE)
def look_at_statement(request: StaffRequest) -> HttpResponse:
    """Choose a statement, and see what would become of it."""
    form = StatementForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or not form.is_valid():
        return _statement_page(request, {"form": form}, status=422 if form.errors else 200)
    name, lines = form.cleaned_data["file"]
    token = hashlib.sha256(repr(lines).encode()).hexdigest()
    cache.set(_kept_at(request, token), (name, lines), KEPT_SECONDS)
    matches = transfers.look_at(lines=lines, today=timezone.now().date())
    context = {"form": StatementForm(), "token": token, "name": name, "rows": [_row(match) for match in matches]}
    return _statement_page(request, context)


@requires_staff(MAY_HANDLE)
def read_statement(request: StaffRequest) -> HttpResponse:
    """Read in what was looked at."""
    token = request.POST.get("token", "")
    kept = cache.get(_kept_at(request, token)) if re.fullmatch(r"[0-9a-f]{64}", token) else None
    if request.method != "POST" or kept is None:
        messages.warning(request, _("The statement is no longer at hand. Choose it again."))
        return redirect("admin:commerce_bankstatement_read")
    name, lines = kept
    read = transfers.take_in(name=name, lines=lines, actor=Actor.staff(request.user.pk), now=timezone.now())
    if read is None:
        messages.info(request, _("Nothing in this statement is new."))
        return redirect("admin:commerce_banktransfer_changelist")
    return redirect("admin:commerce_bankstatement_progress", read.pk)


@requires_staff(MAY_HANDLE)
def statement_progress(request: StaffRequest, pk: int) -> HttpResponse:
    """How far a statement is; asked again every other second while its payments are matched."""
    statement = get_object_or_404(BankStatement, pk=pk)
    part = "admin/commerce/_statement_progress.html"
    context = {"statement": statement, "progress": transfers.progress(statement), "part": part}
    if request.headers.get("HX-Request"):
        return render(request, part, context)
    frame = admin.site.each_context(request) | {"title": _("Read a bank statement in")}
    return render(request, "admin/commerce/statement_progress.html", frame | context)


def _statement_page(request: StaffRequest, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    frame = admin.site.each_context(request) | {"title": _("Read a bank statement in")}
    return render(request, "admin/commerce/read_statement.html", frame | context, status=status)


def _kept_at(request: StaffRequest, token: str) -> str:
    return f"bank_statement:{request.user.pk}:{token}"


def _row(match: transfers.Match) -> dict[str, object]:
    line = match.line
    return {
        "line": line,
        "amount": amounts.money(Money(line.amount_minor, line.currency)),
        "invoice": match.invoice,
        "is_known": match.is_known,
        "problem": TransferProblem(match.problem).label if match.problem else "",
    }


@admin.register(BankTransfer)
class BankTransferAdmin(AmountsByPermission, ReadOnly, PossibleActions):
    amounts = frozenset({"amount"})
    list_display = ["booked_date", "payer_name", "amount", "text", "state_label", "open_problem", "account", "invoice"]
    list_filter = ["state", "problem", "booked_date"]
    ordering = ["-state", "-booked_date", "-pk"]  # What waits comes first.
    fields = [
        "state_words", "open_problem", "marked", "note", "booked_date", "payer_name", "iban", "amount", "text",
        "account", "invoice", "statement", "handled_by", "handled_at",
    ]  # fmt: skip
    readonly_fields = ["state_words", "open_problem", "marked", "iban", "amount"]
    list_select_related = ["account", "invoice"]
    search_fields = ["payer_name", "payer_iban", "text", "invoice__number", "account__name"]
    actions_detail = ["recognise", "assign", "to_balance", "send_back", "pay_back"]

    @display(description=gettext_lazy("state"), label=STATES)
    def state_label(self, transfer: BankTransfer) -> tuple[str, str]:
        return "matching" if transfer.is_being_matched else transfer.state, self.state_words(transfer)

    @display(description=gettext_lazy("state"))
    def state_words(self, transfer: BankTransfer) -> str:
        if transfer.is_being_matched:  # By a worker; it waits for nobody yet.
            return _("Being matched")
        return str(transfer.get_state_display())

    @display(description=gettext_lazy("amount"))
    def amount(self, transfer: BankTransfer) -> str:
        return amounts.money(Money(transfer.amount_minor, transfer.currency))

    @display(description=gettext_lazy("payer's IBAN"))
    def iban(self, transfer: BankTransfer) -> str:
        return in_groups(transfer.payer_iban) or "–"

    @display(description=gettext_lazy("problem"))
    def open_problem(self, transfer: BankTransfer) -> str:
        return transfer.get_problem_display() if transfer.state == TransferState.WAITING else ""

    @display(description=gettext_lazy("paid by hand"))
    def marked(self, transfer: BankTransfer) -> str:
        invoice = transfers.marked_invoice(transfer)
        return transfers.marked_words(invoice) if invoice else ""

    @action(description=gettext_lazy("This is that payment"), url_path="recognise", permissions=["handle"])
    def recognise(self, request: HttpRequest, object_id: int) -> HttpResponse:
        transfer = _transfer(object_id)
        form = AssignForm(request.POST or None, initial={"number": transfer.invoice or ""})

        def act(actor: Actor) -> str:
            invoice = form.cleaned_data["number"]
            transfers.recognise(transfer=transfer, invoice=invoice, actor=actor, now=timezone.now())
            return _("It is the payment of invoice %(number)s. Nothing else has changed.") % {"number": invoice.number}

        return money_page(request, transfer, form, act, permission=MAY_HANDLE, title=_("This is that payment"))

    @action(description=gettext_lazy("Assign to an invoice"), url_path="assign", permissions=["handle"])
    def assign(self, request: HttpRequest, object_id: int) -> HttpResponse:
        transfer = _transfer(object_id)
        form = AssignForm(request.POST or None, initial={"number": transfer.invoice or ""})

        def act(actor: Actor) -> str:
            invoice = form.cleaned_data["number"]
            transfers.assign(transfer=transfer, invoice=invoice, actor=actor, now=timezone.now())
            return _("Assigned to invoice %(number)s.") % {"number": invoice.number}

        return money_page(request, transfer, form, act, permission=MAY_HANDLE, title=_("Assign to an invoice"))

    @action(description=gettext_lazy("To a company's balance"), url_path="to-balance", permissions=["handle"])
    def to_balance(self, request: HttpRequest, object_id: int) -> HttpResponse:
        transfer = _transfer(object_id)
        form = CompanyForm(request.POST or None, transfer=transfer)

        def act(actor: Actor) -> str:
            company, is_another = form.cleaned_data["company"], form.cleaned_data.get("is_another", False)
            now = timezone.now()
            transfers.to_balance(transfer=transfer, account=company, actor=actor, now=now, is_another=is_another)
            return _("It is in the balance of %(company)s.") % {"company": company}

        return money_page(request, transfer, form, act, permission=MAY_HANDLE, title=_("To a company's balance"))

    @action(description=gettext_lazy("Sent back"), url_path="send-back", permissions=["handle"])
    def send_back(self, request: HttpRequest, object_id: int) -> HttpResponse:
        transfer = _transfer(object_id)
        form = ReasonForm(request.POST or None)

        def act(actor: Actor) -> str:
            note = form.cleaned_data["reason"]
            transfers.send_back(transfer=transfer, note=note, actor=actor, now=timezone.now())
            return _("Noted. The transfer itself is made at the bank.")

        return money_page(request, transfer, form, act, permission=MAY_HANDLE, title=_("Note that it was sent back"))

    @action(description=gettext_lazy("Pay back"), url_path="pay-back", permissions=["refund"])
    def pay_back(self, request: HttpRequest, object_id: int) -> HttpResponse:
        transfer = _transfer(object_id)
        form = PayBackForm(request.POST or None, transfer=transfer)

        def act(actor: Actor) -> str:
            amount = to_minor(form.cleaned_data["amount"], transfer.currency)
            transfers.pay_back(transfer=transfer, amount_minor=amount, actor=actor, now=timezone.now())
            self.log_change(request, transfer, form.cleaned_data["reason"])
            return _("It is out of the balance. The transfer itself is made at the bank.")

        return money_page(request, transfer, form, act, permission=MAY_PAY_BACK, title=_("Pay back by bank transfer"))

    def possible_actions(self, row: BankTransfer) -> list[str]:
        """To decide while it waits, afterwards to pay back what is left of it."""
        if row.state != TransferState.WAITING:
            return ["pay_back"] if transfers.left_to_pay_back(row) else []
        return ["recognise"] * bool(transfers.marked_invoice(row)) + ["assign", "to_balance", "send_back"]

    def has_refund_permission(self, request: HttpRequest, *args: object) -> bool:
        return request.user.has_perm(MAY_PAY_BACK)

    def has_handle_permission(self, request: HttpRequest, *args: object) -> bool:
        return request.user.has_perm(MAY_HANDLE)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("read/", wrap(look_at_statement), name="commerce_bankstatement_read"),
            path("read/<int:pk>/", wrap(statement_progress), name="commerce_bankstatement_progress"),
            path("read/confirm/", wrap(read_statement), name="commerce_bankstatement_confirm"),
            *super().get_urls(),
        ]


def _transfer(pk: int) -> BankTransfer:
    return get_object_or_404(BankTransfer.objects.select_related("account", "invoice"), pk=pk)
