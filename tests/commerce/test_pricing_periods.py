"""Billing periods keep the day of the month, cover a term without gap or overlap, and cost by whole days."""

from datetime import date
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.pricing.periods import TermSpan, full_period, span_within, spans_of
from commerce.pricing.proration import ChangeOutsidePeriod, Period, TermIsEmpty, add_months

DAYS = st.dates(date(2024, 1, 1), date(2032, 12, 31))


def test_a_month_from_the_31st_keeps_its_day() -> None:
    spans = list(spans_of(Period(date(2026, 1, 31), date(2026, 5, 31)), months=1))
    assert [span.start_date for span in spans] == [
        date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30),
    ]  # fmt: skip
    assert spans[-1].until_date == date(2026, 5, 31)


def test_a_leap_day_comes_back_every_fourth_year() -> None:
    spans = list(spans_of(Period(date(2028, 2, 29), date(2032, 2, 29)), months=12))
    assert [span.start_date for span in spans] == [
        date(2028, 2, 29), date(2029, 2, 28), date(2030, 2, 28), date(2031, 2, 28),
    ]  # fmt: skip


def test_a_last_period_that_is_cut_short_costs_by_the_days_of_the_full_one() -> None:
    *_, last = spans_of(Period(date(2026, 8, 25), date(2026, 10, 5)), months=1)
    assert last.period == Period(date(2026, 9, 25), date(2026, 10, 5))
    assert last.months_from(last.start_date) == Fraction(10, 30)


@given(start=DAYS, days=st.integers(1, 1500), months=st.sampled_from([1, 3, 12]))
def test_periods_cover_a_term_without_gap_or_overlap(start: date, days: int, months: int) -> None:
    term = Period(start, date.fromordinal(start.toordinal() + days))
    spans = list(spans_of(term, months=months))
    assert spans[0].start_date == term.start_date
    assert spans[-1].until_date == term.until_date
    assert all(one.until_date == following.start_date for one, following in pairwise(spans))
    assert all(span.months_from(span.start_date) == months for span in spans[:-1])


@given(start=DAYS, later=st.integers(0, 1500), months=st.sampled_from([1, 3, 12]))
def test_a_day_lies_in_its_full_period(start: date, later: int, months: int) -> None:
    day = date.fromordinal(start.toordinal() + later)
    assert day in full_period(start, day, months=months)
    first = next(spans_of(Period(start, add_months(day, 24)), months=months, since=day))
    assert first.full == full_period(start, day, months=months)


@given(start=DAYS, first=st.integers(0, 364), second=st.integers(0, 364))
def test_what_a_term_costs_from_a_later_day_is_never_more(start: date, first: int, second: int) -> None:
    span = TermSpan(Period(start, add_months(start, 12)))
    early, late = (date.fromordinal(start.toordinal() + days) for days in sorted((first, second)))
    assert span.months_from(start) == 12
    assert span.months_from(late) <= span.months_from(early)
    assert span.months_from(span.until_date) == 0


def test_a_stretch_within_one_period_costs_its_days() -> None:
    grace = span_within(date(2026, 1, 31), Period(date(2027, 1, 31), date(2027, 2, 15)), months=1)
    assert grace.months_from(grace.start_date) == Fraction(15, 28)
    with pytest.raises(ChangeOutsidePeriod):
        span_within(date(2026, 1, 31), Period(date(2027, 1, 31), date(2027, 3, 15)), months=1)


def test_a_day_outside_of_a_period_and_a_period_without_months_are_refused() -> None:
    span = next(spans_of(Period(date(2026, 1, 1), date(2027, 1, 1)), months=3))
    with pytest.raises(ChangeOutsidePeriod):
        span.months_from(date(2026, 4, 2))
    with pytest.raises(TermIsEmpty):
        next(spans_of(Period(date(2026, 1, 1), date(2027, 1, 1)), months=0))
