"""Use of the vendor's product against what the contract allows."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Max, Sum
from django.db.models.functions import TruncMonth
from django.utils.translation import gettext as _

from accounts.models import Account, Entitlements
from commerce import amounts
from commerce.pricing.proration import add_months
from tracking.models import Meter, UsageDaily
from tracking.services import oldest_level, usage_to_date

MONTHS_SHOWN = 12
DAYS_SHOWN = 30


@dataclass(frozen=True)
class MeterUse:
    """One meter on one day. `limit` is empty where the account has no grant of it."""

    meter: Meter
    used: Decimal | None  # Empty where nothing was reported.
    limit: Decimal | None

    @property
    def is_over(self) -> bool:
        return self.used is not None and self.limit is not None and self.used > self.limit

    @property
    def amount(self) -> Decimal:
        """For the bar: nothing reported is drawn as nothing used."""
        return self.used or Decimal(0)

    @property
    def used_text(self) -> str:
        return amounts.number(self.used or Decimal(0))

    @property
    def limit_text(self) -> str:
        return "" if self.limit is None else amounts.number(self.limit)

    @property
    def overage(self) -> str:
        """How far it is over its limit, in words; empty when it is not."""
        if self.used is None or self.limit is None or self.used <= self.limit:
            return ""
        return _("%(over)s over the limit") % {"over": amounts.number(self.used - self.limit)}

    @property
    def note(self) -> str:
        if self.used is None:
            return _("Nothing was reported in the last two months")
        return _("Not limited by your contract") if self.limit is None else ""


@dataclass(frozen=True)
class UsagePoint:
    """What was used in one month, or on one day."""

    date: date
    quantity: Decimal | None  # Empty where nothing was reported.


@dataclass(frozen=True)
class UsageYear:
    """What an account used in each of twelve months, and of it as of today (`usage_to_date`)."""

    months: dict[Meter, tuple[UsagePoint, ...]]
    to_date: dict[Meter, Decimal]


@dataclass(frozen=True)
class MeterHistory:
    """A meter today and over time."""

    use: MeterUse
    points: tuple[UsagePoint, ...]

    @property
    def has_points(self) -> bool:
        return any(point.quantity is not None for point in self.points)


def meters_on(account: Account, today: date, entitlements: Entitlements) -> list[MeterUse]:
    """Every meter that is granted or used, as of a day. One query."""
    return uses_of(usage_to_date(account_id=account.pk, today=today), entitlements.limits)


def uses_of(used: Mapping[Meter, Decimal], limits: Mapping[str, Decimal]) -> list[MeterUse]:
    """Every meter that is granted or used, in the order of meters."""
    return [MeterUse(meter, used.get(meter), limits.get(meter)) for meter in Meter if meter in used or meter in limits]


def by_month(account: Account, today: date) -> dict[Meter, tuple[UsagePoint, ...]]:
    """Twelve calendar months up to this one: sums of monthly meters, the highest day of levels. One query."""
    return year_of(account, today).months


def year_of(account: Account, today: date) -> UsageYear:
    """Twelve calendar months up to this one, and what is used as of today. One query."""
    this_month = today.replace(day=1)
    months = [add_months(this_month, -number) for number in reversed(range(MONTHS_SHOWN))]
    rows = (
        UsageDaily.objects.for_account(account.pk)
        .filter(date__gte=months[0], date__lte=today)
        .annotate(month=TruncMonth("date"))
        .values("meter", "month")
        .annotate(total=Sum("quantity"), peak=Max("quantity"))
        .annotate(last_date=Max("date"), levels=ArrayAgg("quantity", order_by="-date"))
        .order_by("month")
    )
    found: dict[Meter, dict[date, Decimal]] = defaultdict(dict)
    to_date: dict[Meter, Decimal] = {}
    for row in rows:
        meter = Meter(row["meter"])
        found[meter][row["month"]] = row["total"] if meter.is_monthly else row["peak"]
        if row["last_date"] >= oldest_level(today):  # Of several months, the last one counts.
            so_far = row["total"] if row["month"] == this_month else Decimal(0)
            to_date[meter] = so_far if meter.is_monthly else row["levels"][0]
    points = {meter: tuple(UsagePoint(month, one.get(month)) for month in months) for meter, one in found.items()}
    return UsageYear(points, to_date)


def by_day(account: Account, today: date) -> dict[Meter, tuple[UsagePoint, ...]]:
    """The last thirty days, as reported. One query."""
    days = [today - timedelta(days=number) for number in range(DAYS_SHOWN - 1, -1, -1)]
    found: dict[Meter, dict[date, Decimal]] = defaultdict(dict)
    for row in UsageDaily.objects.for_account(account.pk).filter(date__gte=days[0], date__lte=today):
        found[Meter(row.meter)][row.date] = row.quantity
    return {meter: tuple(UsagePoint(day, values.get(day)) for day in days) for meter, values in found.items()}
