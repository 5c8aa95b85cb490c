"""The last day of a term, and the first of the next: contracts renew by themselves, and are rolled over, many at once.

The successor begins the day the old term ended, with what was quoted; also where it was accepted in grace.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import F

from accounts.models import Entitlement
from accounts.services import add_grants
from commerce.catalogue.catalogue import grants_for
from commerce.contracts.contracts import OwnedLine
from commerce.models import (
    Contract,
    ContractStatus,
    Deal,
    DealStage,
    DeltaKind,
    NoticeKind,
    Order,
    OrderStatus,
    OrderStep,
    PeriodClose,
    ProductGrant,
    Quote,
    QuoteLine,
    QuoteStatus,
    Renewal,
    RenewalNotice,
    RenewalState,
    Subscription,
    SubscriptionDelta,
)
from commerce.pricing.money import to_minor
from commerce.renewals import bills
from commerce.renewals.offers import event_of
from commerce.renewals.prices import owned_after
from tracking.models import Event, EventName

GRACE_SOURCE = "grace:{}"  # Of entitlements that a contract in grace keeps.


@dataclass(frozen=True)
class Turn:
    """One contract on its way into the next term."""

    renewal: Renewal
    successor: Contract
    lines: Sequence[QuoteLine]
    extra: Mapping[int, Decimal]  # By product: units that came after the quote was accepted.


def accept_by_clause(renewals: Sequence[Renewal], *, now: datetime) -> None:
    """On the last day of their term: what renews by itself is accepted as it was offered."""
    quotes = Quote.objects.filter(pk__in=[renewal.quote_id for renewal in renewals])
    quotes.update(status=QuoteStatus.ACCEPTED, accepted_at=now, accepted_hash=F("price_hash"))
    Renewal.objects.filter(pk__in=[renewal.pk for renewal in renewals]).update(
        state=RenewalState.ACCEPTED, accepted_at=now, is_automatic=True
    )
    Event.objects.bulk_create(event_of(renewal, EventName.RENEWAL_ACCEPTED, now) for renewal in renewals)


def roll_over(renewals: Sequence[Renewal], *, now: datetime) -> None:
    """Begin the new terms of accepted renewals: successor, ledger, entitlements, order and bill.

    Each with its contract, account and quote. Runs in a transaction that has them locked.
    """
    turns = _turns(renewals, now=now)
    orders = _orders(turns, now=now)
    _write_ledger(turns, orders)
    _bill(turns, orders, now=now)
    _close(turns, now=now)


def _turns(renewals: Sequence[Renewal], *, now: datetime) -> list[Turn]:
    """The successors, made, with what goes onto them."""
    lines: dict[int, list[QuoteLine]] = defaultdict(list)
    quoted = QuoteLine.objects.filter(quote__in=[renewal.quote_id for renewal in renewals])
    for line in quoted.select_related("product").order_by("position"):
        lines[line.quote_id].append(line)
    owned = owned_after(renewals)
    turns = []
    for renewal in renewals:
        quote = _quote_of(renewal)
        before = {code: Decimal(quantity) for code, quantity in quote.configuration.get("before", {}).items()}
        more = [
            (line, line.quantity - before.get(line.product.code, Decimal(0)))
            for line in owned[renewal.contract_id]
            if line.quantity > before.get(line.product.code, Decimal(0))
        ]
        renewed = _with_new(lines[quote.pk], [line for line, _units in more])
        extra = {line.product.pk: units for line, units in more}
        turns.append(Turn(renewal, _successor(renewal, now), renewed, extra))
    Contract.objects.bulk_create(turn.successor for turn in turns)
    return turns


def _with_new(lines: Sequence[QuoteLine], more: Sequence[OwnedLine]) -> list[QuoteLine]:
    """The lines of a quote, and one of no units for each product that was bought after it was accepted."""
    quoted = {line.product_id for line in lines}
    return [
        *lines,
        *(
            QuoteLine(
                product=held.product, quantity=Decimal(0), unit_price=held.unit_price, recurring_minor=0,
                tax_rate=lines[0].tax_rate, tax_category=lines[0].tax_category,
            )
            for held in more
            if held.product.pk not in quoted
        ),
    ]  # fmt: skip


def _successor(renewal: Renewal, now: datetime) -> Contract:
    old = renewal.contract
    accepted = renewal.accepted_at or now
    return Contract(
        account=renewal.account,
        start_date=renewal.due_date,
        end_date=renewal.period.until_date,
        term_months=renewal.term_months,
        billing_frequency=old.billing_frequency,
        notice_days=old.notice_days,
        auto_renew=old.auto_renew,
        longest_pause_days=old.longest_pause_days,
        most_pauses=old.most_pauses,
        currency=old.currency,
        price_book_id=old.price_book_id,
        signed_date=renewal.account.local_date(accepted),
        created_at=now,
    )


def _orders(turns: Sequence[Turn], *, now: datetime) -> dict[int, Order]:
    """The order of each quote, by renewal: the customer's own, or one made now for what renewed by itself.

    What is renewed is had, paid or not: its bill is dunned like any other. An order that waits for its payment goes on
    waiting, and is active as soon as it is paid.
    """
    quotes = [turn.renewal.quote_id for turn in turns]
    placed = {order.quote_id: order for order in Order.objects.filter(quote__in=quotes)}
    made = [
        Order(
            account=turn.renewal.account,
            quote_id=turn.renewal.quote_id,
            contract=turn.successor,
            deal_id=_quote_of(turn.renewal).deal_id,
            status=OrderStatus.ACTIVE,
            placed_at=now,
            currency=turn.renewal.currency,
            total_minor=_quote_of(turn.renewal).total_minor,
        )
        for turn in turns
        if turn.renewal.quote_id not in placed
    ]
    Order.objects.bulk_create(made)
    paid = [order for order in placed.values() if order.status == OrderStatus.PAID]
    Order.objects.filter(pk__in=[order.pk for order in paid]).update(status=OrderStatus.ACTIVE)
    OrderStep.objects.bulk_create(
        (
            OrderStep(account_id=order.account_id, order=order, status=OrderStatus.ACTIVE, reached_at=now)
            for order in [*paid, *made]
        ),
        ignore_conflicts=True,
    )
    by_quote = placed | {order.quote_id: order for order in made}
    return {turn.renewal.pk: by_quote[turn.renewal.quote_id] for turn in turns}


def _write_ledger(turns: Sequence[Turn], orders: Mapping[int, Order]) -> None:
    """What each successor begins with, and what may be used from then on."""
    written = [(turn, line, Subscription(
        account=turn.renewal.account, contract=turn.successor, product=line.product
    )) for turn in turns for line in turn.lines]  # fmt: skip
    Subscription.objects.bulk_create(subscription for _turn, _line, subscription in written)
    billed_from = PeriodClose.open_from(turn.renewal.due_date for turn in turns)
    SubscriptionDelta.objects.bulk_create(
        SubscriptionDelta(
            account=turn.renewal.account,
            subscription=subscription,
            kind=DeltaKind.RENEWAL,
            quantity=_quantity(turn, line),
            unit_price=line.unit_price,
            recurring_minor=_monthly(turn, line),
            currency=turn.renewal.currency,
            effective_date=turn.renewal.due_date,
            billing_date=billed_from[turn.renewal.due_date],
            order=orders[turn.renewal.pk],
        )
        for turn, line, subscription in written
    )
    grants: dict[int, list[ProductGrant]] = defaultdict(list)
    for grant in ProductGrant.objects.filter(product__in={line.product_id for _turn, line, _sub in written}):
        grants[grant.product_id].append(grant)
    add_grants(
        Entitlement(
            account=turn.renewal.account,
            code=grant.code,
            quantity=grant.quantity,
            start_date=turn.successor.start_date,
            end_date=turn.successor.end_date,
            source=f"subscription:{subscription.pk}",
        )
        for turn, line, subscription in written
        for grant in grants_for(grants[line.product_id], _quantity(turn, line))
    )
    # What was kept in grace is had from the new term instead, from its first day on.
    kept = [GRACE_SOURCE.format(turn.renewal.pk) for turn in turns if turn.renewal.grace_at is not None]
    if kept:
        Entitlement.objects.filter(source__in=kept).update(end_date=F("start_date"))


def _quantity(turn: Turn, line: QuoteLine) -> Decimal:
    return line.quantity + turn.extra.get(line.product_id, Decimal(0))


def _monthly(turn: Turn, line: QuoteLine) -> int:
    extra = turn.extra.get(line.product_id)
    if not extra:
        return line.recurring_minor
    return line.recurring_minor + to_minor(extra * line.unit_price, turn.renewal.currency)


def _bill(turns: Sequence[Turn], orders: Mapping[int, Order], *, now: datetime) -> None:
    """What renewed by itself is billed now; of the others, only what came after their own bill."""
    owed = []
    for turn in turns:
        renewal, order = turn.renewal, orders[turn.renewal.pk]
        quote, today = _quote_of(renewal), renewal.account.local_date(now)
        if renewal.is_automatic:
            owed.append(bills.of_quote(order, quote, turn.lines, today=today, extra=turn.extra))
        elif turn.extra:
            owed.append(bills.of_extra(renewal.account, quote, turn.lines, today=today, extra=turn.extra))
    bills.issue(owed, now=now)


def _close(turns: Sequence[Turn], *, now: datetime) -> None:
    """The old contracts are renewed, the quotes ordered, the deals won, the people told."""
    Contract.objects.filter(pk__in=[turn.renewal.contract_id for turn in turns]).update(status=ContractStatus.RENEWED)
    quotes = Quote.objects.filter(pk__in=[turn.renewal.quote_id for turn in turns])
    quotes.filter(status=QuoteStatus.ACCEPTED).update(status=QuoteStatus.ORDERED)
    deals = [(_quote_of(turn.renewal).deal_id, turn.renewal.account) for turn in turns]
    Deal.objects.exclude(stage=DealStage.WON).close(deals, DealStage.WON, now=now)
    for turn in turns:
        turn.renewal.state, turn.renewal.successor = RenewalState.ROLLED_OVER, turn.successor
        turn.renewal.rolled_over_at = now
    Renewal.objects.bulk_update([turn.renewal for turn in turns], ["state", "successor", "rolled_over_at"])
    RenewalNotice.objects.bulk_create(
        (
            RenewalNotice(
                account=turn.renewal.account, renewal=turn.renewal, kind=NoticeKind.RENEWED, days_before=0,
                created_at=now,
            )
            for turn in turns
        ),
        ignore_conflicts=True,
    )  # fmt: skip
    Event.objects.bulk_create(event_of(turn.renewal, EventName.CONTRACT_RENEWED, now) for turn in turns)


def _quote_of(renewal: Renewal) -> Quote:
    if renewal.quote is None:
        raise ValueError(f"the renewal of {renewal.contract_id} has no quote")
    renewal.quote.contract = renewal.contract  # It is at hand, and says how often it is billed.
    return renewal.quote
