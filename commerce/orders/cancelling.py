"""Giving an order up: before it is paid."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.notifications import notify
from commerce.billing import invoicing
from commerce.models import DealStage, Invoice, Order, OrderStatus, OrderStep, Quote, QuoteStatus, Renewal, RenewalState
from commerce.orders.fulfilling import PaymentUnderway
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record


class OrderNotCancellable(Exception):
    """The order is paid or active."""


def cancel_order(*, order: Order, now: datetime, note: str = "", actor: Actor | None = None) -> Order:
    """Give an order up before it is paid: its bill is void, its quote closed, its deal lost.

    Cancelling twice changes nothing. Raises `OrderNotCancellable`, `PaymentUnderway`.
    """
    with transaction.atomic():
        if renewed_a_term(order):
            raise OrderNotCancellable(_("The renewed term has begun. Our team can credit what is not owed."))
        invoice = Invoice.objects.filter(order=order).first()
        if invoice is not None:
            _void(invoice, now)  # Locks the invoice, as starting a payment does: no payment starts in between.
        cancelled = Order.objects.filter(pk=order.pk, status=OrderStatus.AWAITING_PAYMENT).update(
            status=OrderStatus.CANCELLED
        )
        order = Order.objects.select_related("account", "quote", "deal", "placed_by").get(pk=order.pk)
        if not cancelled:
            if order.status == OrderStatus.CANCELLED:
                return order
            raise OrderNotCancellable(_("Order %(number)s is paid already.") % {"number": order.number})
        if order.quote is not None:
            Quote.objects.filter(pk=order.quote.pk, status=QuoteStatus.ACCEPTED).update(status=QuoteStatus.SUPERSEDED)
        close_cancelled(order, note=note, actor=actor or Actor.system(order.account_id), now=now)
    return order


def renewed_a_term(order: Order) -> bool:
    """Whether a term that has begun rests on the order: it can't be given up any more. One query."""
    rolled_over = Renewal.objects.in_state(RenewalState.ROLLED_OVER)
    return order.quote_id is not None and rolled_over.filter(quote=order.quote_id).exists()


def close_cancelled(order: Order, *, note: str, actor: Actor, now: datetime, was_paid: bool = False) -> None:
    """Write down that an order was given up, lose its deal, and tell whoever placed it. Runs in its transaction."""
    OrderStep.objects.create(
        account=order.account, order=order, status=OrderStatus.CANCELLED, reached_at=now, note=note[:200]
    )
    if order.deal is not None and not order.deal.orders.bought().exists():
        order.deal.stage = DealStage.LOST
        order.deal.closed_at = now
        order.deal.close_date = order.account.local_date(now)
        order.deal.save(update_fields=["stage", "closed_at", "close_date"])
    record(
        name=EventName.ORDER_CANCELLED,
        actor=actor,
        now=now,
        object_type="order",
        object_id=str(order.public_id),
        properties={"number": order.number, "total_minor": order.total_minor, "currency": order.currency},
    )
    if order.placed_by is not None:
        context = {"order": order, "reason": note, "was_paid": was_paid}
        notify(kind="order_cancelled", to=[order.placed_by], account=order.account, context=context)


def _void(invoice: Invoice, now: datetime) -> None:
    try:
        invoicing.void_invoice(invoice=invoice, now=now)
    except invoicing.InvoiceBeingPaid as error:
        raise PaymentUnderway(_("A payment for this order is on its way. Wait for its result first.")) from error
    except invoicing.OnlyCreditable as error:
        message = _("Invoice %(number)s can't be withdrawn any more. Our team can credit it.")
        raise OrderNotCancellable(message % {"number": invoice.number}) from error
