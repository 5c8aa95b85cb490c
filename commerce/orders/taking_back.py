"""Giving an order up after it was paid, until it is active: what was paid becomes the company's credit."""

from datetime import datetime

from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.languages import documents_language
from accounts.scope import staff_scope
from commerce.billing import crediting, invoicing
from commerce.contracts import ledger
from commerce.models import Contract, Invoice, Order, OrderStatus, PendingChange, Quote, QuoteStatus, StepState
from commerce.orders import licences, provisioning
from commerce.orders.cancelling import OrderNotCancellable, cancel_order, close_cancelled
from commerce.orders.fulfilling import PaymentUnderway
from tracking.actor import Actor, ActorKind


class SetupBegun(OrderNotCancellable):
    """Somebody works on it, or a part of it is done: only our people take it back."""


class ContractChangedSince(OrderNotCancellable):
    """The contract was changed again, or another change of it is under way: taking this one out would break that."""


def give_up(*, order: Order, reason: str, actor: Actor, now: datetime) -> Order:
    """Cancel an order that is not active yet; the order as it is afterwards. Doing it twice changes nothing.

    What it changed of the contract is taken back, what was paid is credited to the company's balance, and its licence
    keys are revoked. The company's own people may until somebody has begun to set it up, ours until it is active.
    Raises `SetupBegun`, `ContractChangedSince`, `OrderNotCancellable`, `PaymentUnderway`: then nothing has changed.
    """
    if order.status == OrderStatus.AWAITING_PAYMENT:
        order.refresh_from_db(fields=["status"])
    if order.status == OrderStatus.AWAITING_PAYMENT:
        return cancel_order(order=order, now=now, note=reason, actor=actor)
    with staff_scope(actor):
        locked = Order.objects.select_for_update(no_key=True, of=("self",))
        order = locked.select_related("account", "quote", "deal", "placed_by").get(pk=order.pk)
        if order.status == OrderStatus.CANCELLED:
            return order
        _check_not_set_up(order, actor)
        order.contract = Contract.objects.locked(order.contract_id)
        _check_contract(order, now)

        today = order.account.local_date(now)
        Contract.objects.filter(pk=order.contract_id).update(version=F("version") + 1)
        ledger.take_back(order=order, today=today, actor=actor)
        provisioning.cancel_steps(order=order)
        licences.revoke_of(order=order, now=now)
        order.status = OrderStatus.CANCELLED
        order.save(update_fields=["status"])
        _credit(order, actor=actor, now=now)
        close_cancelled(order, note=reason, actor=actor, now=now, was_paid=True)
    return order


def give_renewal_up(*, order: Order, actor: Actor, now: datetime) -> Order:
    """Cancel the order of a term that will not begin, as its contract ends; the order as it is afterwards.

    What was paid is credited to the company's balance. Raises `OrderNotCancellable`, `PaymentUnderway`.
    """
    with override(documents_language(order.account)):
        reason = _("Contract %(number)s ends.") % {"number": order.contract.number}
    if order.status == OrderStatus.AWAITING_PAYMENT:
        return cancel_order(order=order, now=now, note=reason, actor=actor)
    with staff_scope(actor):
        claimed = Order.objects.filter(pk=order.pk, status=OrderStatus.PAID).update(status=OrderStatus.CANCELLED)
        if claimed:
            order.status = OrderStatus.CANCELLED
            Quote.objects.filter(order=order, status=QuoteStatus.ACCEPTED).update(status=QuoteStatus.SUPERSEDED)
            _credit(order, actor=actor, now=now)
            close_cancelled(order, note=reason, actor=actor, now=now, was_paid=True)
    return order


def _check_not_set_up(order: Order, actor: Actor) -> None:
    if order.status != OrderStatus.PAID:
        raise OrderNotCancellable(_("Order %(number)s is active already.") % {"number": order.number})
    if order.quote is not None and order.quote.is_renewal:  # It waits for the new term, and renewals decide about that.
        raise OrderNotCancellable(
            _("Order %(number)s renews a contract: decide about that where it is renewed.") % {"number": order.number}
        )
    begun = order.provisioning.filter(state__in=[StepState.RUNNING, StepState.DONE])
    if actor.kind == ActorKind.CUSTOMER and begun.exists():
        raise SetupBegun(
            _("We have begun to set order %(number)s up. Talk to us to cancel it.") % {"number": order.number}
        )


def _check_contract(order: Order, now: datetime) -> None:
    """Only the last change of a running contract can be taken out, and nothing that waits may build on it."""
    contract = order.contract
    is_last = order.quote is None or contract.version == order.quote.contract_version + 1
    waits = (
        PendingChange.objects.open().filter(contract=contract).exists()
        or Order.objects.awaiting_payment().filter(contract=contract).exists()
    )
    if waits or not is_last or not contract.is_running(order.account.local_date(now)):
        raise ContractChangedSince(
            _("Contract %(contract)s was changed after order %(number)s, or is about to be. Talk to us to cancel it.")
            % {"contract": contract.number, "number": order.number}
        )


def _credit(order: Order, *, actor: Actor, now: datetime) -> None:
    """What is left of its bill; nothing where finance has credited all of it, or it cost nothing."""
    invoice = Invoice.objects.filter(order=order).first()
    if invoice is None or not any(left for _line, left in crediting.left_of(invoice).values()):
        return
    with override(documents_language(order.account)):
        reason = _("Order %(number)s was cancelled.") % {"number": order.number}
    try:
        crediting.credit_invoice(invoice=invoice, reason=reason, actor=actor, now=now)
    except invoicing.InvoiceBeingPaid as error:
        raise PaymentUnderway(_("A payment for this order is on its way. Wait for its result first.")) from error
    except crediting.NotCreditable as error:
        raise OrderNotCancellable(str(error)) from error
