"""What a contract's ledger comes to in a period. Only reads: what is billed of it is `periods`' to write."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from commerce.contracts.contracts import cycle_of
from commerce.models import (
    BillingKind,
    BillingPeriod,
    BillingRule,
    Contract,
    DeltaKind,
    Product,
    SubscriptionDelta,
)
from commerce.pricing.money import from_minor, to_minor
from commerce.pricing.periods import Span, TermSpan, span_within, spans_of
from commerce.pricing.proration import Period

NOTHING_CARRIED: Mapping[int, Fraction] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Share:
    """One entry of the ledger in one period: from when it counts, and what it comes to there, exactly."""

    delta: SubscriptionDelta
    from_date: date
    amount: Fraction  # In the currency's main unit, signed; with tax where prices have it in them.

    @property
    def minor(self) -> int:
        """By itself, rounded once."""
        return to_minor(self.amount, self.delta.currency)


@dataclass(frozen=True, slots=True)
class OwedLine:
    """What one product comes to in a period: all of its entries, rounded once."""

    shares: tuple[Share, ...]
    quantity: Decimal  # Owned on the first day, or as soon as something is.
    minor: int

    @property
    def product(self) -> Product:
        return self.shares[0].delta.subscription.product

    @property
    def currency(self) -> str:
        return self.shares[0].delta.currency

    @property
    def changes_within(self) -> bool:
        """Whether it is not the same on all days."""
        return len({share.from_date for share in self.shares if share.amount}) > 1


def kind_for(contract: Contract, product: Product) -> BillingKind | None:
    """How a product is billed on the contract; what is paid once belongs to its order."""
    match contract.rule_for(product):
        case BillingRule.TERM:
            return BillingKind.TERM
        case BillingRule.PERIOD:
            return BillingKind.PERIOD
    return None


def ledger_for(contracts: Iterable[Contract]) -> Mapping[int, list[SubscriptionDelta]]:
    """The ledgers of contracts, by their ids, with what the amounts depend on. One query."""
    found: dict[int, list[SubscriptionDelta]] = defaultdict(list)
    rows = SubscriptionDelta.objects.filter(subscription__contract__in=contracts)
    for delta in rows.select_related("subscription__product", "order__quote").order_by("billing_date", "pk"):
        found[delta.subscription.contract_id].append(delta)
    return found


def spans(contract: Contract, kind: BillingKind, *, since: date) -> Iterator[Span]:
    """The periods of a contract that begin on `since` or later, in order."""
    term = Period(contract.start_date, contract.end_date)
    if kind == BillingKind.TERM:
        if since <= contract.start_date:
            yield TermSpan(term)
        return
    for span in spans_of(term, months=contract.frequency.months, since=since):
        if span.start_date >= since:
            yield span


def span_of(contract: Contract, period: BillingPeriod) -> Span:
    """What a period that stands in the books costs by."""
    days = Period(period.start_date, period.end_date)
    if period.kind == BillingKind.TERM:
        return TermSpan(days)
    return span_within(contract.start_date, days, months=contract.frequency.months)


def shares_in(
    contract: Contract, kind: BillingKind, span: Span, deltas: Iterable[SubscriptionDelta]
) -> Iterator[Share]:
    """What each entry that is billed before the period ends comes to in it; nothing where an order paid for it."""
    for delta in deltas:
        if delta.billing_date < span.until_date and kind_for(contract, delta.subscription.product) == kind:
            from_date = max(min(_from(contract, kind, delta), span.until_date), span.start_date)
            months = Fraction(0) if _stays_paid(kind, delta) else span.months_from(from_date)
            price = Fraction(delta.quantity) * Fraction(delta.unit_price)
            yield Share(delta, from_date, price * months)


def lines_of(
    shares: Iterable[Share], span: Span, *, carried: Mapping[int, Fraction] = NOTHING_CARRIED
) -> list[OwedLine]:
    """The shares of a period by product, the dearest first, each rounded once.

    `carried` is what earlier periods left unbilled of a subscription by rounding.
    """
    grouped: dict[int, list[Share]] = defaultdict(list)
    for share in shares:
        grouped[share.delta.subscription_id].append(share)
    lines = []
    for pk, group in grouped.items():
        exact = sum((one.amount for one in group), carried.get(pk, Fraction(0)))
        lines.append(OwedLine(tuple(group), _shown_quantity(group, span), to_minor(exact, group[0].delta.currency)))
    return sorted(lines, key=lambda line: -line.minor)


def remainders(
    contract: Contract, kind: BillingKind, billed: Iterable[Span], deltas: Sequence[SubscriptionDelta]
) -> dict[int, Fraction]:
    """What rounding left over in the periods billed so far, by subscription: the last period takes it.

    EUR 100 a year in twelve parts are eleven times 8.33 and once 8.37.
    """
    left: dict[int, Fraction] = defaultdict(Fraction)
    for span in billed:
        whole = [share for share in shares_in(contract, kind, span, deltas) if share.from_date == span.start_date]
        for line in lines_of(whole, span):
            exact = sum((share.amount for share in line.shares), Fraction(0))
            left[line.shares[0].delta.subscription_id] += exact - Fraction(from_minor(line.minor, line.currency))
    return left


def _from(contract: Contract, kind: BillingKind, delta: SubscriptionDelta) -> date:
    """From when an entry is billed by period: an order has paid for the rest of the period that it was priced in."""
    is_renewal = delta.kind == DeltaKind.RENEWAL  # Billed as it begins, with or without an order.
    if delta.order is None and not is_renewal:
        return delta.billing_date
    if kind == BillingKind.TERM:
        return contract.end_date
    quote = delta.order.quote if delta.order else None
    priced = delta.billing_date if quote is None else quote.start_date or quote.price_date
    return max(delta.billing_date, cycle_of(contract, max(priced, contract.start_date)).until_date)


def _stays_paid(kind: BillingKind, delta: SubscriptionDelta) -> bool:
    """A pause takes nothing back of a term that is paid."""
    return kind == BillingKind.TERM and delta.kind in (DeltaKind.PAUSE, DeltaKind.RESUME)


def _shown_quantity(shares: Iterable[Share], span: Span) -> Decimal:
    shares = [share for share in shares if share.amount]
    first = min((share.from_date for share in shares), default=span.start_date)
    return sum((share.delta.quantity for share in shares if share.from_date == first), Decimal(0))
