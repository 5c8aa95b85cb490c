"""Billing periods: where they begin and end, and how many months of a price a stretch of one costs.

Periods begin on the contract's own day of the month, which is kept: 31 January, 28 February, 31 March. The last one
may be cut short by the end of the contract; it costs by the days of the full period that contains it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import count

from .proration import ChangeOutsidePeriod, Period, TermIsEmpty, add_months, duration_of, prorate_multiplier


@dataclass(frozen=True, slots=True)
class BillingSpan:
    """A period that is billed at once: its days, those of the full period, and the months the full one costs."""

    period: Period
    full: Period
    months: int

    @property
    def start_date(self) -> date:
        return self.period.start_date

    @property
    def until_date(self) -> date:
        return self.period.until_date

    def months_from(self, day: date) -> Fraction:
        """How many months of a price are due from a day until the period ends. The day belongs to the new state.

        Raises ChangeOutsidePeriod.
        """
        if not self.start_date <= day <= self.until_date:
            raise ChangeOutsidePeriod(f"{day} is not within {self.start_date} to {self.until_date}")
        return self.months * Fraction((self.until_date - day).days, self.full.days)


@dataclass(frozen=True, slots=True)
class TermSpan:
    """A whole term that is paid at once, measured as quotes measure it: whole months, and days of an equal month."""

    period: Period

    @property
    def start_date(self) -> date:
        return self.period.start_date

    @property
    def until_date(self) -> date:
        return self.period.until_date

    def months_from(self, day: date) -> Fraction:
        """As of a period. Raises ChangeOutsidePeriod."""
        if day == self.until_date:
            return Fraction(0)
        if day not in self.period:
            raise ChangeOutsidePeriod(f"{day} is not within {self.start_date} to {self.until_date}")
        return prorate_multiplier(Period(day, self.until_date), default_term_months=1)


Span = BillingSpan | TermSpan


def spans_of(term: Period, *, months: int, since: date | None = None) -> Iterator[BillingSpan]:
    """The billing periods of a term in order, beginning with the one that contains `since`. Raises TermIsEmpty."""
    first = _number_of(term.start_date, months, since or term.start_date)
    for number in count(first):
        full = Period(add_months(term.start_date, number * months), add_months(term.start_date, (number + 1) * months))
        if full.start_date >= term.until_date:
            return
        yield BillingSpan(Period(full.start_date, min(full.until_date, term.until_date)), full, months)


def full_period(start_date: date, day: date, *, months: int) -> Period:
    """The full period that contains a day, counted from the first day of the contract. Raises TermIsEmpty."""
    number = _number_of(start_date, months, day)
    return Period(add_months(start_date, number * months), add_months(start_date, (number + 1) * months))


def months_begun_after(day: date, term: Period, *, months: int = 1) -> int:
    """How many months of a price are billed in periods of the term that begin after the day: still to be paid.

    A last period that the term cuts short counts in full: it is the most that it can come to.
    """
    return sum(span.months for span in spans_of(term, months=months) if span.start_date > day)


def span_within(start_date: date, stretch: Period, *, months: int) -> BillingSpan:
    """A stretch of days as a part of the full period in which it begins: a stub, or days after the end of a term.

    Raises ChangeOutsidePeriod where it runs past that period.
    """
    full = full_period(start_date, stretch.start_date, months=months)
    if stretch.until_date > full.until_date:
        raise ChangeOutsidePeriod(f"{stretch.until_date} is after {full.until_date}")
    return BillingSpan(stretch, full, months)


def _number_of(start_date: date, months: int, day: date) -> int:
    if months < 1:
        raise TermIsEmpty("a billing period has at least one month")
    if day <= start_date:
        return 0
    number = duration_of(Period(start_date, day)).months // months
    # The day itself may begin the next one: a period from 31 January has its month over on 28 February.
    while add_months(start_date, (number + 1) * months) <= day:
        number += 1
    return number
