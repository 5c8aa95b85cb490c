"""The one way to paid: by a card that Stripe vouches for, or by money on the bank account."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Membership, User
from accounts.notifications import notify
from accounts.permissions import Role
from commerce.billing import standing
from commerce.models import Invoice, InvoiceKind, InvoiceStatus, Order, PaymentAttempt
from commerce.orders import fulfilling
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record


def mark_paid(*, invoice: Invoice, amount_minor: int, payer: Actor, now: datetime) -> None:
    """An open invoice is paid: its order is fulfilled, a receipt is on its way, and what was suspended is restored.

    Runs in a transaction that has the invoice locked. Raises fulfilling.OrderCancelled, fulfilling.ContractMoved: then
    nothing has changed, and the money waits for a person.
    """
    standing.lock(invoice.account)
    if invoice.order is not None:
        invoice.order = fulfilling.fulfil(order=invoice.order, now=now, actor=payer)
    invoice.status, invoice.paid_at = InvoiceStatus.PAID, now
    invoice.save(update_fields=["status", "paid_at", "marked_paid_by"])
    record(
        name=EventName.INVOICE_PAID,
        actor=payer,
        now=now,
        object_type="invoice",
        object_id=invoice.number,
        properties={"amount_minor": amount_minor, "currency": invoice.currency},
    )
    notify(
        kind="receipt",
        to=_readers(invoice, payer),
        account=invoice.account,
        context={"invoice": invoice, "order": invoice.order, "amount_minor": amount_minor},
    )
    standing.look_again(account=invoice.account, now=now)


def record_bank_transfer(*, order: Order, actor: Actor, now: datetime) -> Order:
    """Staff saw the money for an order on the bank account: its bill is paid, the order fulfilled.

    Raises `fulfilling.PaymentUnderway` while a card payment may still arrive, and as `mark_paid`.
    """
    with transaction.atomic():
        invoices = Invoice.objects.select_for_update(of=("self",)).select_related("account", "order")
        invoice = invoices.filter(order=order, kind=InvoiceKind.INVOICE).first()
        if invoice is None or invoice.status != InvoiceStatus.OPEN:
            return fulfilling.fulfil(order=order, now=now, actor=actor)
        if PaymentAttempt.objects.pending().filter(invoice=invoice).exists():
            raise fulfilling.PaymentUnderway(_("A payment for this order is on its way. Wait for its result first."))
        invoice.marked_paid_by_id = actor.user_id  # By which its line of the bank statement is recognised later.
        mark_paid(invoice=invoice, amount_minor=invoice.due_minor, payer=actor, now=now)
        return invoice.order or order


def _readers(invoice: Invoice, payer: Actor) -> list[User]:
    """Who paid, and the company's billing contacts."""
    members = Membership.objects.active().filter(account_id=invoice.account_id).select_related("user")
    people = [member.user for member in members.filter(roles__contains=[Role.BILLING])]
    paid_by = members.filter(user_id=payer.user_id).first() if payer.user_id else None
    if paid_by is not None and paid_by.user not in people:
        people.insert(0, paid_by.user)
    return people
