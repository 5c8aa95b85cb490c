"""What finance does with invoices and payments: credits, write-offs, refunds, and closing the books."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.jobs import enqueue
from commerce import amounts
from commerce import stripe_gateway as gateway
from commerce.admin.bases import staff_of
from commerce.billing import crediting, invoicing, receivables, refunds, standing, totals, transfers
from commerce.models import BankTransfer, DayTotal, Dunning, Invoice, InvoiceLine, PaymentAttempt
from commerce.pricing.money import Money, exponent_of, from_minor, to_minor
from commerce.tasks import submit_refund
from tracking.actor import Actor

REFUSALS = (
    crediting.NotCreditable,
    crediting.MoreThanLeft,
    invoicing.InvoiceBeingPaid,
    receivables.NotOpen,
    refunds.NotRefundable,
    standing.NotHeld,
    totals.NothingToExplain,
    transfers.NotHandled,
    gateway.CurrencyNotPayable,
)


# Somebody did the same meanwhile, or clicked twice: the page shows what is left now.
MEANWHILE = (crediting.CreditedMeanwhile, refunds.RefundedMeanwhile)
MOST_DIGITS = 15


class ReasonForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200, widget=UnfoldAdminTextInputWidget)


class WriteOffForm(ReasonForm):
    """Why nobody will pay; only our people read it."""


class LeftForm(ReasonForm):
    """A part of what is left, or all of it; with what was left as the page was read."""

    seen_left_minor = forms.IntegerField(widget=forms.HiddenInput)


class CreditForm(LeftForm):
    """How much of each line goes back, before tax; empty lines stay. All empty: everything that is left."""

    def __init__(self, *args: Any, invoice: Invoice, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = _("The customer reads it.")
        self.fields["seen_left_minor"].initial = crediting.total_left(invoice)
        self.invoice = invoice
        self.left = {
            position: found for position, found in crediting.left_of(invoice).items() if found[1]
        }  # By position.
        for position, (line, left) in self.left.items():
            self.fields[f"line_{position}"] = self._amount(line, left)

    def _amount(self, line: InvoiceLine, left: int) -> forms.DecimalField:
        words = amounts.money(Money(left, self.invoice.currency))
        return forms.DecimalField(
            label=line.description,
            required=False,
            help_text=_("%(amount)s before tax is left.") % {"amount": words},
            max_digits=MOST_DIGITS,
            decimal_places=exponent_of(self.invoice.currency),
            widget=UnfoldAdminTextInputWidget,
        )

    def amounts(self) -> dict[int, int] | None:
        """Net minor units by position; None for all that is left."""
        given = {position: self.cleaned_data.get(f"line_{position}") for position in self.left}
        chosen = {
            position: to_minor(amount, self.invoice.currency)
            for position, amount in given.items()
            if amount is not None
        }
        return chosen or None


class RefundForm(LeftForm):
    """How much of a payment goes back; all that is left, where nobody says less."""

    def __init__(self, *args: Any, payment: PaymentAttempt, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        left = refunds.left_of(payment)
        self.fields["seen_left_minor"].initial = left
        self.fields["amount"] = forms.DecimalField(
            label=_("Amount"),
            initial=from_minor(left, payment.currency),
            min_value=from_minor(1, payment.currency),
            max_digits=MOST_DIGITS,
            decimal_places=exponent_of(payment.currency),
            widget=UnfoldAdminTextInputWidget,
        )
        self.order_fields(["amount", "reason"])


def credit_page(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """Credit an invoice, or a part of it."""
    invoice = get_object_or_404(Invoice.objects.select_related("account", "order"), pk=invoice_id)
    form = CreditForm(request.POST or None, invoice=invoice)

    def credit(actor: Actor) -> str:
        note = crediting.credit_invoice(
            invoice=invoice,
            reason=form.cleaned_data["reason"],
            amounts=form.amounts(),
            seen_left_minor=form.cleaned_data["seen_left_minor"],
            actor=actor,
            now=timezone.now(),
        )
        return _("Credit note %(number)s was issued.") % {"number": note.number}

    return money_page(
        request, invoice, form, credit, permission="commerce.credit_invoices", title=_("Credit this invoice")
    )


def write_off_page(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """Give up an invoice that nobody will pay."""
    invoice = get_object_or_404(Invoice.objects.select_related("account"), pk=invoice_id)
    form = WriteOffForm(request.POST or None)

    def write_off(actor: Actor) -> str:
        receivables.write_off(invoice=invoice, reason=form.cleaned_data["reason"], actor=actor, now=timezone.now())
        return _("Invoice %(number)s was written off.") % {"number": invoice.number}

    title = _("Write this invoice off")
    return money_page(request, invoice, form, write_off, permission="commerce.write_off_invoices", title=title)


def refund_page(request: HttpRequest, payment_id: str) -> HttpResponse:
    """Pay a payment back, or a part of it."""
    payment = get_object_or_404(PaymentAttempt.objects.select_related("account", "invoice"), pk=payment_id)
    form = RefundForm(request.POST or None, payment=payment)

    def refund(actor: Actor) -> str:
        begun = refunds.begin(
            payment=payment,
            amount_minor=to_minor(form.cleaned_data["amount"], payment.currency),
            seen_left_minor=form.cleaned_data["seen_left_minor"],
            reason=form.cleaned_data["reason"],
            actor=actor,
            now=timezone.now(),
        )
        enqueue(submit_refund, refund_id=str(begun.pk))
        return _("The refund is on its way.")

    return money_page(request, payment, form, refund, permission="commerce.refund_payments", title=_("Pay back"))


def money_page(
    request: HttpRequest,
    row: Invoice | PaymentAttempt | Dunning | BankTransfer | DayTotal,
    form: forms.Form,
    act: Callable[[Actor], str],
    *,
    permission: str,
    title: str,
) -> HttpResponse:
    """Ask for what `form` asks, then act; a refusal comes back with everything typed."""
    if not request.user.has_perm(permission):
        raise PermissionDenied
    if request.method == "POST" and form.is_valid():
        account_id = None if isinstance(row, DayTotal) else row.account_id
        try:
            done = act(Actor.staff(staff_of(request).pk, account_id))
        except MEANWHILE as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.path)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal) or _("That is not possible now."))
        else:
            messages.success(request, done)
            return HttpResponseRedirect(_back(row))
    context = {
        **admin.site.each_context(request),
        "title": title,
        "form": form,
        "row": row,
        "about": _about(row),
        "back": _back(row),
    }
    status = 422 if form.is_bound else 200
    return render(request, "admin/commerce/money_form.html", context, status=status)


def _about(row: Model) -> str:
    """Which money it is, where the form doesn't say."""
    match row:
        case BankTransfer():
            arrived = amounts.money(Money(row.amount_minor, row.currency))
            return _("%(amount)s arrived: %(text)s") % {"amount": arrived, "text": row.text} if row.text else arrived
        case Invoice() if row.is_payable:
            return _("%(amount)s is to be paid.") % {"amount": amounts.money(Money(row.due_minor, row.currency))}
    return ""


def _back(row: Model) -> str:
    return reverse(f"admin:commerce_{row._meta.model_name}_change", args=[row.pk])
