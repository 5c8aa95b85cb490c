"""Metered use, billed after each calendar month: what went over the contract's limits, and minimum commitments.

Use is counted as on the usage page: what adds up over the month, or the highest day of a level. What a contract
entitles to is free, by the highest limit that held on any day of the month; what is above it is priced by the method
of the price that held when the product was bought.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

from django.db import transaction
from django.db.models import DateField, ExpressionWrapper, F, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Trunc
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.languages import documents_language
from accounts.models import Entitlement
from commerce import amounts
from commerce.billing import bills
from commerce.catalogue.pricebooks import prices_for
from commerce.models import (
    BillingKind,
    BillingOutcome,
    BillingPeriod,
    Contract,
    Product,
    ProductKind,
    Renewal,
    Subscription,
    SubscriptionDelta,
    TermsMethod,
    UsageCharge,
)
from commerce.models.catalogue import MOST_PLACES
from commerce.models.renewals import local_day
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.methods import UsagePrice
from commerce.pricing.money import Money, stored
from commerce.pricing.proration import Period, add_months
from tracking.actor import Actor
from tracking.models import Meter, UsageDaily

logger = logging.getLogger(__name__)

LATE_DAYS = 3  # So long after a month its use may still be reported; then it is billed.


@dataclass(frozen=True, slots=True)
class Metered:
    """A metered product on a contract, and the price that holds for it. `months` is how long a commitment runs."""

    subscription: Subscription
    since: date
    price: UsagePrice
    months: int
    ledger: tuple[tuple[date, Decimal], ...]  # From which day it is billed, and how many more or less.

    @property
    def meter(self) -> Meter:
        return Meter(self.subscription.product.meter)

    def days_held(self, period: Period) -> int:
        """On how many days of a period it is had, and its minimum therefore runs: not while paused, nor once ended."""
        days = [max(min(day, period.until_date), period.start_date) for day, _quantity in self.ledger]
        held = accumulate(quantity for _day, quantity in self.ledger)
        ends = [*days[1:], period.until_date]
        return sum((end - day).days for day, end, quantity in zip(days, ends, held, strict=True) if quantity > 0)

    def committed_in(self, month: date) -> Period:
        """The calendar months that share a commitment with a month."""
        first = self.since.replace(day=1)
        number = ((month.year - first.year) * 12 + month.month - first.month) // self.months
        return Period(add_months(first, number * self.months), add_months(first, (number + 1) * self.months))


@dataclass(frozen=True, slots=True)
class Before:
    """What the contract before this one billed of a calendar month in which it was renewed: the month is one."""

    used: Decimal = Decimal(0)
    entitled: Decimal = Decimal(0)
    spent_minor: int = 0


@dataclass(frozen=True, slots=True)
class MonthOfUse:
    """What was used of a meter in a month of a contract, and what that comes to."""

    metered: Metered
    period: Period
    used: Decimal
    entitled: Decimal
    before: Before
    spent_minor: int
    amount_minor: int
    currency: str

    @property
    def counted(self) -> Decimal:
        """Of the calendar month: all of it, or the highest day of a level."""
        whole = self.metered.meter.is_monthly
        return self.used + self.before.used if whole else max(self.used, self.before.used)

    @property
    def units(self) -> Decimal:
        """What is paid for: above the limit, and above what the price includes."""
        return max(self.counted - self.entitled - self.metered.price.included_units, Decimal(0))

    @property
    def words(self) -> str:
        price = self.metered.price
        figures = {
            "used": amounts.number(self.counted),
            "meter": self.metered.meter.name_over_time,
            "free": amounts.number(self.entitled + price.included_units),
            "units": amounts.number(self.units),
            "price": amounts.unit_price(UnitPrice(price.unit_price, self.currency)),
        }
        said = _("%(used)s %(meter)s, of which %(free)s are included: %(units)s at %(price)s each") % figures
        if self.before.spent_minor:
            said += _(", of which %(amount)s was billed with the term before") % {
                "amount": amounts.money(Money(self.before.spent_minor, self.currency))
            }
        missing = self.amount_minor - self.spent_minor
        if missing > 0:
            said += _(", plus %(amount)s that is missing to the agreed minimum") % {
                "amount": amounts.money(Money(missing, self.currency))
            }
        elif missing < 0:
            said += _(", less what was paid in advance or billed before")
        return said


def bill_usage_due(*, now: datetime) -> int:
    """Bill every month of use that is over and reported, wherever the customer is; how many. Twice is as once."""
    done = 0
    for contract in due_for_usage(now):
        try:
            with transaction.atomic():
                locked = Contract.objects.locked(contract.pk)
                done += len([_bill_month(locked, month, now=now) for month in _open_months(locked, now)])
        except Exception:
            logger.exception("use of contract %s could not be billed", contract)
    return done


def due_for_usage(now: datetime) -> QuerySet[Contract]:
    """Contracts with a month of use that is over, reported and not in the books, where their customer is. One query."""
    billed = BillingPeriod.objects.filter(contract=OuterRef("pk"), kind=BillingKind.USAGE).order_by()
    bought = SubscriptionDelta.objects.filter(
        subscription__contract=OuterRef("pk"), subscription__product__kind=ProductKind.USAGE
    ).order_by()
    counted_until = Coalesce(
        Subquery(billed.values("contract").annotate(last=Max("end_date")).values("last")),
        Subquery(bought.values("subscription__contract").annotate(first=Min("effective_date")).values("first")),
    )
    reported_until = ExpressionWrapper(local_day(now) - LATE_DAYS, output_field=DateField())
    return (
        Contract.objects.annotate(counted_until=counted_until, reported_until=reported_until)
        .filter(counted_until__lt=F("end_date"))
        .filter(Q(counted_until__lt=Trunc("reported_until", "month")) | Q(end_date__lte=F("reported_until")))
        .order_by("pk")
    )


def metered_on(contract: Contract) -> list[Metered]:
    """The metered products of a contract, each at the price that was agreed for it. Two queries, and four for each."""
    ledgers: dict[Subscription, list[tuple[date, Decimal]]] = defaultdict(list)
    bought: dict[Subscription, date] = {}
    deltas = SubscriptionDelta.objects.filter(
        subscription__contract=contract, subscription__product__kind=ProductKind.USAGE
    )
    for delta in deltas.select_related("subscription__product").order_by("billing_date", "pk"):
        ledgers[delta.subscription].append((delta.billing_date, delta.quantity))
        bought[delta.subscription] = min(delta.effective_date, bought.get(delta.subscription, delta.effective_date))
    found = []
    for subscription in sorted(ledgers, key=lambda one: one.pk):
        priced = _price_of(contract, subscription.product, bought[subscription])
        if priced is not None:
            found.append(Metered(subscription, bought[subscription], *priced, tuple(ledgers[subscription])))
    return found


def _price_of(contract: Contract, product: Product, since: date) -> tuple[UsagePrice, int] | None:
    """The price of use, and for how many months it is: of the day it was bought, as renewals have kept or raised it.

    A renewal at today's list begins anew; what was promised for staying is of what is paid in advance only. Two
    queries, and two for each term before.
    """
    rise = Fraction(1)
    while renewal := Renewal.objects.filter(successor=contract).select_related("contract").first():
        held = SubscriptionDelta.objects.filter(subscription__contract=renewal.contract, subscription__product=product)
        bought = held.aggregate(first=Min("effective_date"))["first"]
        if bought is None or (renewal.method == TermsMethod.LIST and product.code not in renewal.flags):
            break
        if renewal.method == TermsMethod.UPLIFT and product.code not in renewal.flags:
            rise *= 1 + Fraction(renewal.uplift_percent) / 100
        contract, since = renewal.contract, bought
    price = prices_for(account=contract.account, today=since, contract=contract).get(product.pk)
    method = price.row.as_method() if price else None
    if price is None or not isinstance(method, UsagePrice):
        return None
    risen = replace(
        method,
        unit_price=stored(rise * Fraction(method.unit_price)),
        commitment=stored(rise * Fraction(method.commitment)),
    )
    return risen, price.row.price_months


def month_of_use(contract: Contract, metered: Metered, period: Period, *, used: Decimal, is_over: bool) -> MonthOfUse:
    """What a month of use comes to; while it runs, what it would if it ended so. Three queries."""
    currency, price = contract.currency, metered.price
    before = _before(contract, metered, period)
    use = MonthOfUse(
        metered,
        period,
        used,
        max(entitled_in(contract, metered.meter, period), before.entitled),
        before,
        0,
        0,
        currency,
    )
    whole = price.used(max(use.counted - use.entitled, Decimal(0)), currency=currency, quantity_places=MOST_PLACES)
    spent = max(whole.minor - before.spent_minor, 0)
    shared = metered.committed_in(period.start_date)
    so_far = UsageCharge.objects.filter(
        subscription=metered.subscription, start_date__gte=shared.start_date, start_date__lt=period.start_date
    ).aggregate(spent=Sum("spent_minor", default=0), amount=Sum("amount_minor", default=0))
    is_last = is_over and period.until_date in (shared.until_date, contract.end_date)
    owed = commitment_owed(contract, metered, shared, so_far["spent"] + spent, is_last=is_last)
    return replace(use, spent_minor=spent, amount_minor=max(owed - so_far["amount"], 0))


def _before(contract: Contract, metered: Metered, period: Period) -> Before:
    """What the term before has billed of the same calendar month, and of its limits. One query, where there may be."""
    if period.start_date != contract.start_date or period.start_date.day == 1:
        return Before()
    rows = UsageCharge.objects.for_account(contract.account).filter(
        period__contract__renewal__successor=contract, meter=metered.meter, end_date=contract.start_date
    )
    row = rows.filter(start_date__gte=period.start_date.replace(day=1)).first()
    return Before() if row is None else Before(row.used, row.entitled, row.spent_minor)


def used_in(contract: Contract, meter: Meter, period: Period) -> Decimal:
    """What the company used of a meter in a month: all of it, or the highest day of a level. One query."""
    rows = UsageDaily.objects.for_account(contract.account_id).filter(
        meter=meter, date__gte=period.start_date, date__lt=period.until_date
    )
    found: Decimal | None = rows.aggregate(found=Sum("quantity") if meter.is_monthly else Max("quantity"))["found"]
    return found or Decimal(0)


def entitled_in(contract: Contract, meter: Meter, period: Period) -> Decimal:
    """The highest limit of a meter on any day of a month. One query."""
    rows = list(
        Entitlement.objects.filter(account=contract.account_id, code=meter, start_date__lt=period.until_date)
        .exclude(end_date__lte=period.start_date)
        .values_list("start_date", "end_date", "quantity")
    )
    days = {max(start, period.start_date) for start, _end, _quantity in rows}
    return max((_limit_on(day, rows) for day in days), default=Decimal(0))


def _limit_on(day: date, rows: Iterable[tuple[date, date | None, Decimal | None]]) -> Decimal:
    holding = (quantity for start, end, quantity in rows if start <= day and (end is None or day < end))
    return sum((quantity or Decimal(0) for quantity in holding), Decimal(0))


def commitment_owed(contract: Contract, metered: Metered, shared: Period, spent_minor: int, *, is_last: bool) -> int:
    """What is owed of all use under a commitment so far; what is missing to it, once its time is over."""
    first = max(shared.start_date, contract.start_date)
    days = metered.days_held(Period(first, min(shared.until_date, contract.end_date)))
    commitment = Fraction(metered.price.commitment) * Fraction(days, shared.days)
    committed = Money.rounded(commitment, contract.currency).minor
    if metered.price.is_prepaid:
        return max(spent_minor - committed, 0)
    return max(spent_minor, committed) if is_last else spent_minor


def _open_months(contract: Contract, now: datetime) -> Iterator[Period]:
    """Months of the contract that are over and not in the books, in order. Two queries."""
    rows = BillingPeriod.objects.filter(contract=contract, kind=BillingKind.USAGE)
    start = rows.aggregate(last=Max("end_date"))["last"]
    if start is None:
        metered = contract.subscriptions.filter(product__kind=ProductKind.USAGE)
        start = metered.aggregate(first=Min("deltas__effective_date"))["first"]
    today = contract.account.local_date(now)
    while start is not None and start < contract.end_date:
        end = min(add_months(start.replace(day=1), 1), contract.end_date)
        if today < end + timedelta(days=LATE_DAYS):
            return
        yield Period(start, end)
        start = end


def _bill_month(contract: Contract, month: Period, *, now: datetime) -> BillingPeriod:
    """Bill a month of use and note it. Runs in a transaction that has the contract locked."""
    use = [
        month_of_use(contract, metered, month, used=used_in(contract, metered.meter, month), is_over=True)
        for metered in _uncounted(contract, month)
    ]
    billed = [one for one in use if one.amount_minor]
    invoice = None
    if billed:
        with override(documents_language(contract.account)):
            invoice = bills.issue(
                contract=contract,
                lines=[bill_line(one) for one in billed],
                actor=Actor.system(contract.account_id),
                now=now,
            )
    period = BillingPeriod.objects.create(
        account=contract.account,
        contract=contract,
        kind=BillingKind.USAGE,
        start_date=month.start_date,
        end_date=month.until_date,
        outcome=BillingOutcome.BILLED if billed else BillingOutcome.NOTHING,
        invoice=invoice,
        billed_at=now,
    )
    rows = [] if invoice is None else list(invoice.lines.order_by("position"))
    _note(period, use, lines={one.metered.subscription.pk: row.pk for one, row in zip(billed, rows, strict=True)})
    return period


def _note(period: BillingPeriod, use: Sequence[MonthOfUse], *, lines: dict[int, int]) -> None:
    UsageCharge.objects.bulk_create(
        UsageCharge(
            account_id=period.account_id,
            period=period,
            subscription=one.metered.subscription,
            meter=one.metered.meter,
            start_date=period.start_date,
            end_date=period.end_date,
            used=one.used,
            entitled=one.entitled,
            spent_minor=one.spent_minor,
            amount_minor=one.amount_minor,
            line_id=lines.get(one.metered.subscription.pk),
        )
        for one in use
    )


def _uncounted(contract: Contract, month: Period) -> Iterable[Metered]:
    """Use belongs to the company: what another of its contracts has billed of the month is not billed here."""
    counted = set(
        UsageCharge.objects.for_account(contract.account)
        .filter(start_date__lt=month.until_date, end_date__gt=month.start_date)
        .values_list("meter", flat=True)
    )
    return [one for one in metered_on(contract) if one.meter not in counted and one.since < month.until_date]


def bill_line(use: MonthOfUse) -> bills.BillLine:
    """A month of use on its bill."""
    return bills.BillLine(
        product=use.metered.subscription.product,
        quantity=use.units,
        unit_price=use.metered.price.unit_price,
        minor=use.amount_minor,
        explanation=use.words,
    )
