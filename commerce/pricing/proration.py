"""How much of a price a stretch of time costs.

Dates are calendar dates in the account's time zone. Inside this package periods are half-open; functions that take the
last day of a period call it `end_date`, those that take the first day after it call it `until_date`.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import count, pairwise

from .money import Choice, PricingError, exact_price, from_minor, round_money, to_minor

# A year of 365 days in twelve equal months. Leap years are ignored on purpose: the same stretch costs the same every
# year.
DAYS_IN_YEAR = 365
DAYS_IN_MONTH = Fraction(DAYS_IN_YEAR, 12)
DEFAULT_TERM_MONTHS = 12


class PeriodIsEmpty(PricingError):
    """A period ends before it begins, or has no days to divide by."""

    code = "period_is_empty"


class PeriodTooLong(PricingError):
    """A period runs past the end of the calendar."""

    code = "period_too_long"


class TermIsEmpty(PricingError):
    """A price that covers no months cannot be prorated."""

    code = "term_is_empty"


class AnchorDayUnknown(PricingError):
    """The billing day is not a day of the month, or was given for weeks."""

    code = "anchor_day_unknown"


class ThirtyDaysNeedMonths(PricingError):
    """The 30-day rule divides partial months; a week has no such rule."""

    code = "thirty_needs_months"


class StubOutsidePeriod(PricingError):
    """A partial period does not lie within the full period that contains it."""

    code = "stub_outside_period"


class ChangeOutsidePeriod(PricingError):
    """A change does not fall into the period that it changes."""

    code = "change_outside_period"


class ProrationMode(Choice):
    """How the time of a quote is measured against the months its price covers."""

    DAY = "day"
    MONTH = "month"
    MONTH_DAY = "month_day"
    CALENDAR_PERIOD = "calendar_period"


class BillingUnit(Choice):
    """The period that a recurring price is for."""

    MONTH = "month"
    WEEK = "week"


class PartialRule(Choice):
    """What a period that is not used whole counts for."""

    ACTUAL = "actual"
    THIRTY = "thirty"
    ROUND_UP = "round_up"


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open stretch of days: `until_date` is the first day that no longer belongs to it."""

    start_date: date
    until_date: date

    def __post_init__(self) -> None:
        if self.until_date <= self.start_date:
            raise PeriodIsEmpty(f"{self.start_date} to {self.until_date} has no days")

    @classmethod
    def through(cls, start_date: date, end_date: date) -> Period:
        """The period whose last day is `end_date`. Raises PeriodIsEmpty, PeriodTooLong."""
        return cls(start_date, day_after(end_date))

    @property
    def days(self) -> int:
        return (self.until_date - self.start_date).days

    @property
    def end_date(self) -> date:
        """The last day that belongs to the period."""
        return self.until_date - timedelta(days=1)

    def __contains__(self, day: date) -> bool:
        return self.start_date <= day < self.until_date


@dataclass(frozen=True, slots=True)
class Duration:
    """A stretch of time as people say it: whole months, and the days after them."""

    months: int
    days: int


@dataclass(frozen=True, slots=True)
class MidPeriodChange:
    """What a change within a paid period costs: each side rounded, the net their sum."""

    credit: Decimal
    charge: Decimal

    @property
    def net(self) -> Decimal:
        return self.credit + self.charge


def day_after(day: date) -> date:
    """The next day. Raises PeriodTooLong on the last day of the calendar."""
    try:
        return day + timedelta(days=1)
    except OverflowError:
        raise PeriodTooLong(f"the calendar ends on {day}") from None


def add_months(day: date, months: int) -> date:
    """The same day of the month `months` later, or the month's last day where it is shorter.

    Counted from the first date each time: 31 January, 28 February, 31 March. Raises PeriodTooLong.
    """
    return _on_day(day.year * 12 + day.month - 1 + months, day.day)


@lru_cache(maxsize=64)  # Each line of a quote asks for its contract's.
def duration_of(period: Period) -> Duration:
    """Whole months from the start of the period, and the days that remain."""
    start, until = period.start_date, period.until_date
    months = (until.year - start.year) * 12 + until.month - start.month
    if add_months(start, months) > until:
        months -= 1
    return Duration(months, (until - add_months(start, months)).days)


def prorate_multiplier(
    period: Period,
    *,
    mode: ProrationMode = ProrationMode.MONTH_DAY,
    default_term_months: int | None = DEFAULT_TERM_MONTHS,
    anchor_day: int | None = None,
    partial: PartialRule = PartialRule.ACTUAL,
) -> Fraction:
    """How many times a price for `default_term_months` (12 where blank) is due for the period. Exact, never rounded.

    `anchor_day` and `partial` matter to the calendar-period mode only. Raises TermIsEmpty, AnchorDayUnknown.
    """
    term = _checked_term(default_term_months)
    match mode:
        case ProrationMode.DAY:
            months = Fraction(period.days, DAYS_IN_YEAR) * 12
        case ProrationMode.MONTH:
            duration = duration_of(period)
            months = Fraction(duration.months + (1 if duration.days else 0))
        case ProrationMode.MONTH_DAY:
            duration = duration_of(period)
            months = duration.months + duration.days / DAYS_IN_MONTH
        case ProrationMode.CALENDAR_PERIOD:
            months = periods_used(period, unit=BillingUnit.MONTH, partial=partial, anchor_day=anchor_day)
    return months / term


def term_price(
    price: Decimal,
    *,
    term_months: Decimal | int,
    currency: str,
    default_term_months: int | None = DEFAULT_TERM_MONTHS,
) -> Decimal:
    """What a term costs at a price for `default_term_months`. Raises TermIsEmpty, NegativeAmount, NotANumber."""
    multiplier = exact_price(term_months) / _checked_term(default_term_months)
    return round_money(exact_price(price) * multiplier, currency)


def periods_used(period: Period, *, unit: BillingUnit, partial: PartialRule, anchor_day: int | None = None) -> Fraction:
    """How many billing periods the days use up, whole ones and partial ones together.

    Billing periods begin on `anchor_day` of each month (its last day where the month is shorter), otherwise on the
    first day. Raises AnchorDayUnknown, ThirtyDaysNeedMonths, PeriodTooLong.
    """
    if partial is PartialRule.THIRTY and unit is BillingUnit.WEEK:
        raise ThirtyDaysNeedMonths("a partial week has no 30-day rule")
    used = Fraction(0)
    for begins, ends in pairwise(_boundaries(period.start_date, unit, anchor_day)):
        if begins >= period.until_date:
            break
        days = (min(ends, period.until_date) - max(begins, period.start_date)).days
        used += _share_of_period(days, (ends - begins).days, partial)
    return used


def period_price(
    price: Decimal,
    period: Period,
    *,
    unit: BillingUnit,
    partial: PartialRule,
    currency: str,
    anchor_day: int | None = None,
) -> Decimal:
    """What the days cost at a price per month or week: the periods are summed first, then rounded once.

    Raises AnchorDayUnknown, ThirtyDaysNeedMonths, NegativeAmount, NotANumber.
    """
    used = periods_used(period, unit=unit, partial=partial, anchor_day=anchor_day)
    return round_money(exact_price(price) * used, currency)


def stub_price(price: Decimal, *, stub: Period, full: Period, currency: str) -> Decimal:
    """What a short first or last period costs, by the days of the full period that contains it.

    Raises StubOutsidePeriod, NegativeAmount, NotANumber.
    """
    if stub.start_date < full.start_date or stub.until_date > full.until_date:
        raise StubOutsidePeriod(f"{stub} does not lie within {full}")
    return round_money(exact_price(price) * Fraction(stub.days, full.days), currency)


def days_left(period: Period, change_date: date) -> int:
    """Days of the period from the change on: the day of the change belongs to the new state.

    A change on `until_date` leaves none. Raises ChangeOutsidePeriod.
    """
    if not period.start_date <= change_date <= period.until_date:
        raise ChangeOutsidePeriod(f"{change_date} is not within {period.start_date} to {period.until_date}")
    return (period.until_date - change_date).days


def mid_period_change(
    *,
    old_price: Decimal,
    new_price: Decimal,
    remaining_days: int,
    period_days: int,
    currency: str,
    old_quantity: Decimal | int = 1,
    new_quantity: Decimal | int = 1,
) -> MidPeriodChange:
    """Credit for the old state and charge for the new one, for the days that are left of a paid period.

    Raises PeriodIsEmpty, ChangeOutsidePeriod, NegativeAmount, NotANumber.
    """
    if period_days < 1:
        raise PeriodIsEmpty("a period needs days to be divided by")
    if not 0 <= remaining_days <= period_days:
        raise ChangeOutsidePeriod(f"{remaining_days} of {period_days} days cannot be left")
    left = Fraction(remaining_days, period_days)
    credit = -to_minor(exact_price(old_price) * exact_price(old_quantity) * left, currency)
    charge = to_minor(exact_price(new_price) * exact_price(new_quantity) * left, currency)
    return MidPeriodChange(from_minor(credit, currency), from_minor(charge, currency))


def _checked_term(months: int | None) -> int:
    term = DEFAULT_TERM_MONTHS if months is None else months
    if term < 1:
        raise TermIsEmpty(f"a price for {term} months cannot be prorated")
    return term


def _share_of_period(days: int, length: int, partial: PartialRule) -> Fraction:
    if days == length or partial is PartialRule.ROUND_UP:
        return Fraction(1)
    return Fraction(days, length) if partial is PartialRule.ACTUAL else min(Fraction(days, 30), Fraction(1))


def _boundaries(start: date, unit: BillingUnit, anchor_day: int | None) -> Iterator[date]:
    """First days of successive billing periods, beginning with the one that contains `start`."""
    if unit is BillingUnit.WEEK:
        if anchor_day is not None:
            raise AnchorDayUnknown("weeks run from the first day; they have no day of the month")
        return (start + timedelta(weeks=number) for number in count())
    anchor = start.day if anchor_day is None else anchor_day
    if not 1 <= anchor <= 31:
        raise AnchorDayUnknown(f"{anchor} is not a day of a month")
    first = start.year * 12 + start.month - 1
    if _on_day(first, anchor) > start:
        first -= 1
    return (_on_day(number, anchor) for number in count(first))


def _on_day(month_number: int, day: int) -> date:
    year, month = divmod(month_number, 12)
    if not date.min.year <= year <= date.max.year:
        raise PeriodTooLong(f"the calendar has no year {year}")
    return date(year, month + 1, min(day, calendar.monthrange(year, month + 1)[1]))
