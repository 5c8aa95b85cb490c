"""The one way into a contract's ledger: entries are appended, and what the account may use follows."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Self

from django.db.models import F, Q, QuerySet, Sum, prefetch_related_objects

from accounts.scope import staff_scope
from accounts.services import set_grants
from commerce.catalogue.catalogue import grants_for
from commerce.contracts.contracts import OwnedLine
from commerce.models import (
    Contract,
    DeltaKind,
    Order,
    PendingChange,
    PendingLine,
    PeriodClose,
    Product,
    QuoteLine,
    Subscription,
    SubscriptionDelta,
)
from tracking.actor import Actor


@dataclass(frozen=True)
class Entry:
    """What is to be appended for one product: signed, with its price."""

    product: Product
    kind: DeltaKind
    quantity: Decimal
    unit_price: Decimal  # Per unit and month (a service: per unit), with tax where prices are.
    recurring_minor: int  # Signed change of the monthly amount.

    @classmethod
    def sold(cls, line: QuoteLine | PendingLine) -> Self:
        """What a line of a quote, or of a planned change, says."""
        kind = line.change if isinstance(line, QuoteLine) else line.kind
        return cls(line.product, DeltaKind(kind), line.quantity, line.unit_price, line.recurring_minor)

    @classmethod
    def taking(cls, line: OwnedLine, kind: DeltaKind) -> Self:
        """All of what is owned of a product."""
        return cls(line.product, kind, -line.quantity, line.unit_price, -line.monthly_minor)

    @classmethod
    def ending(cls, line: QuoteLine) -> Self:
        """The end of what a line adds for some months only."""
        return cls(line.product, DeltaKind.CANCEL, -line.quantity, line.unit_price, -line.recurring_minor)

    @classmethod
    def giving_back(cls, taken: SubscriptionDelta, kind: DeltaKind) -> Self:
        """What an earlier entry took, at the price that it had."""
        return cls(taken.subscription.product, kind, -taken.quantity, taken.unit_price, -taken.recurring_minor)


def append(
    *,
    contract: Contract,
    entries: Iterable[Entry],
    effective_date: date,
    billing_date: date,
    actor: Actor,
    order: Order | None = None,
    change: PendingChange | None = None,
) -> None:
    """Append entries to the ledger, and grant what is owned from `effective_date` until the contract ends.

    What comes so late that the books of its day are closed is billed from the first open day. Runs in a transaction
    that has the contract locked.
    """
    entries = list(entries)
    billing_date = max(billing_date, PeriodClose.first_open_day() or billing_date)
    subscriptions = _subscriptions(contract, [entry.product for entry in entries])
    SubscriptionDelta.objects.bulk_create(
        SubscriptionDelta(
            account=contract.account,
            subscription=subscriptions[entry.product.pk],
            kind=entry.kind,
            quantity=entry.quantity,
            unit_price=entry.unit_price,
            recurring_minor=entry.recurring_minor,
            currency=contract.currency,
            effective_date=effective_date,
            billing_date=billing_date,
            order=order,
            change=change,
        )
        for entry in entries
    )
    if effective_date < contract.end_date:
        _grant(contract, list(subscriptions.values()), from_date=effective_date, actor=actor)


def _subscriptions(contract: Contract, products: Iterable[Product]) -> dict[int, Subscription]:
    """The contract's subscription to each product, by the product's id: those it has, and new ones. Two queries."""
    wanted = {product.pk: product for product in products}
    found = Subscription.objects.filter(account=contract.account, contract=contract, product__in=wanted)
    subscriptions = {one.product_id: one for one in found}
    missing = [
        Subscription(account=contract.account, contract=contract, product=product)
        for pk, product in wanted.items()
        if pk not in subscriptions
    ]
    for one in [*found, *Subscription.objects.bulk_create(missing)]:
        one.product = wanted[one.product_id]
        subscriptions[one.product_id] = one
    return subscriptions


def take_back(*, order: Order, today: date, actor: Actor) -> None:
    """Append the opposite of what an order appended: from today, or from its own day where that is still to come.

    Runs in a transaction that has the contract locked.
    """
    opposites: dict[tuple[date, date], list[Entry]] = defaultdict(list)
    for delta in order.deltas.select_related("subscription__product").order_by("pk"):
        days = max(delta.effective_date, today), max(delta.billing_date, today)
        opposites[days].append(Entry.giving_back(delta, DeltaKind.REVERSAL))
    for (effective_date, billing_date), entries in sorted(opposites.items()):
        append(
            contract=order.contract,
            entries=entries,
            effective_date=effective_date,
            billing_date=billing_date,
            actor=actor,
            order=order,
        )


def _grant(contract: Contract, subscriptions: Sequence[Subscription], *, from_date: date, actor: Actor) -> None:
    """What is owned on a day may be used from then on, until another entry of the ledger comes due.

    That is the vendor's to write, and a customer's request has no right to: this much runs as the owner, still in the
    customer's name.
    """
    deltas = SubscriptionDelta.objects.filter(subscription__in=subscriptions)
    later = deltas.filter(effective_date__gt=from_date, effective_date__lt=contract.end_date)
    days = sorted({from_date, *later.values_list("effective_date", flat=True)})
    prefetch_related_objects(subscriptions, "product__grants")
    for day in days:
        sums = deltas.filter(effective_date__lte=day).values("subscription").annotate(total=Sum("quantity")).order_by()
        quantities = dict(sums.values_list("subscription", "total"))
        with staff_scope(actor):
            set_grants(
                account=contract.account,
                grants={
                    f"subscription:{one.pk}": grants_for(one.product.grants.all(), quantities[one.pk])
                    for one in subscriptions
                },
                start_date=day,
                end_date=contract.end_date,
            )


@dataclass(frozen=True)
class Movements:
    """How the monthly recurring revenue of a ledger went from its start to its end. Minor units, none negative."""

    start_minor: int
    new_minor: int
    expansion_minor: int
    reactivation_minor: int
    contraction_minor: int
    churn_minor: int

    @property
    def end_minor(self) -> int:
        gained = self.new_minor + self.expansion_minor + self.reactivation_minor
        return self.start_minor + gained - self.contraction_minor - self.churn_minor


def movements(deltas: Iterable[SubscriptionDelta], *, from_date: date, until_date: date) -> Movements:
    """What changed in a period (half-open), by the day from which it is billed. Of one contract's ledger.

    A swap counts once, by its net, and so does an order that was taken back; a pause is a contraction, its end a
    reactivation.
    """
    start = 0
    swaps: dict[tuple[int | None, int | None], int] = defaultdict(int)
    sums: dict[str, int] = defaultdict(int)
    for delta in deltas:
        if delta.billing_date < from_date:
            start += delta.recurring_minor
        elif delta.billing_date < until_date:
            if delta.kind in (DeltaKind.SWAP_IN, DeltaKind.SWAP_OUT, DeltaKind.REVERSAL):
                swaps[delta.order_id, delta.change_id] += delta.recurring_minor
            else:
                sums[_movement_of(delta)] += abs(delta.recurring_minor)
    for net in swaps.values():
        sums["expansion" if net > 0 else "contraction"] += abs(net)
    return Movements(start, *(sums[name] for name in ("new", "expansion", "reactivation", "contraction", "churn")))


def _movement_of(delta: SubscriptionDelta) -> str:
    match DeltaKind(delta.kind):
        case DeltaKind.RENEWAL:
            return "new"
        case DeltaKind.NEW if delta.effective_date == delta.subscription.contract.start_date:
            return "new"
        case DeltaKind.RESUME | DeltaKind.REACTIVATION if delta.recurring_minor > 0:
            return "reactivation"
        case DeltaKind.CANCEL if delta.recurring_minor <= 0:
            return "churn"
    return "expansion" if delta.recurring_minor > 0 else "contraction"


def monthly_of(contracts: Iterable[Contract], today: date) -> dict[int, int]:
    """What each contract costs a month, before tax, as of today: one that begins later on its first day, one that is
    over on its last. By the contract's key; absent where nothing was ever owned. One query.
    """
    sums = _owned(contracts, today).values("subscription__contract").annotate(total=Sum("recurring_minor")).order_by()
    return dict(sums.values_list("subscription__contract", "total"))


def monthly_by_currency(contracts: QuerySet[Contract], today: date) -> dict[str, int]:
    """As `monthly_of`, added up by currency. One query."""
    sums = _owned(contracts, today).values("currency").annotate(total=Sum("recurring_minor")).order_by("currency")
    return dict(sums.values_list("currency", "total"))


def _owned(contracts: Iterable[Contract], today: date) -> QuerySet[SubscriptionDelta]:
    begun = Q(effective_date__lte=today) | Q(effective_date=F("subscription__contract__start_date"))
    return SubscriptionDelta.objects.filter(
        begun, subscription__contract__in=contracts, effective_date__lt=F("subscription__contract__end_date")
    )


def monthly_on(contract: Contract, day: date) -> int:
    """What is owned on a day costs a month, before tax: the sum of the ledger until then. One query."""
    rows = SubscriptionDelta.objects.filter(subscription__contract=contract, effective_date__lte=day)
    return rows.aggregate(total=Sum("recurring_minor"))["total"] or 0
