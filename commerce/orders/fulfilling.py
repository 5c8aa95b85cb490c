"""What is paid for is the company's: the ledger, the entitlements, the won deal."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts.notifications import notify
from commerce.contracts import ledger
from commerce.models import (
    BillingRule,
    Contract,
    DealStage,
    Order,
    OrderStatus,
    OrderStep,
    Quote,
    QuoteLine,
    QuoteStatus,
    Renewal,
    RenewalState,
)
from commerce.orders import provisioning
from tracking.actor import Actor, ActorKind
from tracking.models import EventName
from tracking.services import record


class OrderCancelled(Exception):
    """The order was cancelled: it can't be fulfilled any more, and what was paid for it goes back."""


class PaymentUnderway(Exception):
    """A payment for the order is on its way, and may still arrive."""


class ContractMoved(Exception):
    """The contract was changed or ended while the order waited for its payment; a person must look at it."""


def fulfil(*, order: Order, now: datetime, actor: Actor) -> Order:
    """Make a paid order real: the contract's ledger, the entitlements, the won deal. The order as it is afterwards.

    A renewal is noted as paid; it is made real when the new term begins (commerce.renewals.rolling), paid or not.
    It is active at once, or once the steps that its products take are done.
    Called in the transaction that settles the payment; running it again changes nothing.
    Raises `OrderCancelled`, `ContractMoved`: then nothing has changed.
    """
    with transaction.atomic():
        claimed = Order.objects.filter(pk=order.pk, status=OrderStatus.AWAITING_PAYMENT).update(status=OrderStatus.PAID)
        order = Order.objects.select_related("account", "quote", "deal", "contract", "placed_by").get(pk=order.pk)
        if not claimed:
            if order.status == OrderStatus.CANCELLED:
                raise OrderCancelled(_("Order %(number)s was cancelled.") % {"number": order.number})
            return order
        if order.quote is not None and order.quote.is_renewal:
            _note_paid(order, now=now)
            return order
        today = order.account.local_date(now)
        _bump_contract(order, today)
        lines = [] if order.quote is None else list(order.quote.lines.select_related("product"))
        _amend(order, lines, today=today, actor=_placed_by(order, actor))
        _win(order, now=now, today=today)
        record(
            name=EventName.ORDER_PLACED,
            actor=_placed_by(order, actor),
            now=now,
            object_type="order",
            object_id=str(order.public_id),
            properties=_figures_of(order),
        )
        if provisioning.plan_steps(order=order, lines=lines, actor=actor, now=now):
            _tell(order, lines)
        else:
            provisioning.activate(order=order, lines=lines, actor=actor, now=now)
    return order


def _note_paid(order: Order, *, now: datetime) -> None:
    """Of a renewal: it is active once its term has begun, which waits for no money."""
    reached = [OrderStatus.PAID]
    if Renewal.objects.in_state(RenewalState.ROLLED_OVER).filter(quote=order.quote).exists():
        reached.append(OrderStatus.ACTIVE)
        order.status = OrderStatus.ACTIVE
        order.save(update_fields=["status"])
    OrderStep.objects.bulk_create(
        OrderStep(account=order.account, order=order, status=status, reached_at=now) for status in reached
    )
    record(
        name=EventName.ORDER_PLACED,
        actor=_placed_by(order, Actor.system(order.account_id)),
        now=now,
        object_type="order",
        object_id=str(order.public_id),
        properties=_figures_of(order),
    )


def _amend(order: Order, lines: Sequence[QuoteLine], *, today: date, actor: Actor) -> None:
    """What the quote says, from today or from its start on; what it adds for some months ends after them."""
    start = max(order.quote.start_date or today, today) if order.quote else today
    ledger.append(
        contract=order.contract, entries=map(ledger.Entry.sold, lines), effective_date=start, billing_date=start,
        actor=actor, order=order,
    )  # fmt: skip
    if order.quote is None or order.quote.term_months is None:
        return
    end = order.quote.period.until_date
    if end < order.contract.end_date:
        ending = [ledger.Entry.ending(line) for line in lines if line.product.billing != BillingRule.ONCE]
        ledger.append(
            contract=order.contract, entries=ending, effective_date=end, billing_date=end, actor=actor, order=order
        )


def _bump_contract(order: Order, today: date) -> None:
    """Count the amendment. The contract must run, and still be of the version that the quote was made for."""
    running = Contract.objects.filter(pk=order.contract_id).current(today)
    if order.quote is not None:
        running = running.filter(version=order.quote.contract_version)
    if not running.update(version=F("version") + 1):
        raise ContractMoved(
            _("The contract changed while order %(number)s waited for its payment.") % {"number": order.number}
        )


def _tell(order: Order, lines: Sequence[QuoteLine]) -> None:
    """Something of it has to be set up first."""
    if order.placed_by is not None:
        context = {"order": order, "lines": lines}
        notify(kind="order_set_up", to=[order.placed_by], account=order.account, context=context)


def _win(order: Order, *, now: datetime, today: date) -> None:
    """The order is paid, its quote ordered, its deal won."""
    OrderStep.objects.create(account=order.account, order=order, status=OrderStatus.PAID, reached_at=now)
    if order.quote is not None:
        Quote.objects.filter(pk=order.quote.pk, status=QuoteStatus.ACCEPTED).update(status=QuoteStatus.ORDERED)
    if order.deal is not None and not DealStage(order.deal.stage).is_closed:
        order.deal.stage = DealStage.WON
        order.deal.closed_at = now
        order.deal.close_date = today
        order.deal.save(update_fields=["stage", "closed_at", "close_date"])


def _placed_by(order: Order, actor: Actor) -> Actor:
    """Whoever placed the order: it is their purchase, whichever process saw the money arrive."""
    if actor.kind != ActorKind.SYSTEM or order.placed_by_id is None:
        return actor
    return Actor(user_id=order.placed_by_id, account_id=order.account_id, kind=ActorKind.CUSTOMER)


def _figures_of(order: Order) -> dict[str, Any]:
    return {
        "number": order.number,
        "quote": str(order.quote.public_id) if order.quote else None,
        "deal": str(order.deal.public_id) if order.deal else None,
        "annual_minor": order.deal.amount_minor if order.deal else 0,
        "total_minor": order.total_minor,
        "currency": order.currency,
    }
