from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commerce.pricing.money import NegativeAmount
from commerce.pricing.proration import (
    AnchorDayUnknown,
    BillingUnit,
    ChangeOutsidePeriod,
    Duration,
    PartialRule,
    Period,
    PeriodIsEmpty,
    PeriodTooLong,
    ProrationMode,
    StubOutsidePeriod,
    TermIsEmpty,
    ThirtyDaysNeedMonths,
    add_months,
    days_left,
    duration_of,
    mid_period_change,
    period_price,
    periods_used,
    prorate_multiplier,
    stub_price,
    term_price,
)

dates = st.dates(min_value=date(2000, 1, 1), max_value=date(2060, 12, 31))
MONTH, WEEK = BillingUnit.MONTH, BillingUnit.WEEK


def through(start: str, end: str) -> Period:
    return Period.through(date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2025-01-31", 1, "2025-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2025-01-31", 2, "2025-03-31"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2025-03-31", -1, "2025-02-28"),
        ("2025-12-15", 1, "2026-01-15"),
    ],
)
def test_months_keep_the_anchor_day_and_clamp_to_the_end_of_short_months(day, months, later):
    assert add_months(date.fromisoformat(day), months) == date.fromisoformat(later)


@pytest.mark.parametrize(
    ("start", "end", "months", "days"),
    [
        ("2025-01-31", "2025-02-27", 1, 0),
        ("2025-01-31", "2025-02-28", 1, 1),
        ("2025-01-31", "2025-03-30", 2, 0),
        ("2025-01-30", "2025-02-26", 0, 28),
        ("2024-02-29", "2025-02-27", 12, 0),
        ("2025-01-01", "2025-01-01", 0, 1),
        ("2025-01-01", "2025-12-31", 12, 0),
    ],
)
def test_whole_months_and_the_days_after_them(start, end, months, days):
    assert duration_of(through(start, end)) == Duration(months, days)


@settings(deadline=None)
@given(dates, st.integers(min_value=1, max_value=4000))
def test_months_and_days_lead_back_to_the_end(start, days):
    period = Period(start, start + timedelta(days=days))
    duration = duration_of(period)
    assert add_months(start, duration.months) + timedelta(days=duration.days) == period.until_date
    assert 0 <= duration.days < 31


@pytest.mark.parametrize(
    ("mode", "multiplier"),
    [
        (ProrationMode.DAY, Fraction(366, 365)),
        (ProrationMode.MONTH, Fraction(1)),
        (ProrationMode.MONTH_DAY, Fraction(1)),
        (ProrationMode.CALENDAR_PERIOD, Fraction(1)),
    ],
)
def test_a_leap_year_counts_its_days_in_day_mode_only(mode, multiplier):
    assert prorate_multiplier(through("2024-01-01", "2024-12-31"), mode=mode) == multiplier


def test_the_rest_of_a_month_counts_by_mode():
    period = through("2025-01-01", "2025-03-10")
    modes = {mode: prorate_multiplier(period, mode=mode, default_term_months=1) for mode in ProrationMode}
    assert modes == {
        ProrationMode.DAY: Fraction(69 * 12, 365),
        ProrationMode.MONTH: 3,
        ProrationMode.MONTH_DAY: 2 + Fraction(120, 365),
        ProrationMode.CALENDAR_PERIOD: 2 + Fraction(10, 31),
    }


def test_calendar_periods_follow_the_anchor_day_and_may_round_up():
    period = through("2025-01-20", "2025-02-19")
    calendar_period = {"mode": ProrationMode.CALENDAR_PERIOD, "default_term_months": 1, "anchor_day": 1}
    assert prorate_multiplier(period, **calendar_period) == Fraction(12, 31) + Fraction(19, 28)
    assert prorate_multiplier(period, **calendar_period, partial=PartialRule.ROUND_UP) == 2


def test_a_blank_default_term_is_a_year():
    period = through("2025-01-01", "2025-06-30")
    assert prorate_multiplier(period, default_term_months=None) == Fraction(1, 2)
    assert term_price(Decimal(1200), term_months=6, default_term_months=None, currency="EUR") == Decimal("600.00")


def test_a_third_is_not_lost_on_the_way_to_a_half_cent():
    # A third of 0.045 is one cent and a half; times 0.333… it would be a hair less, and round down.
    assert term_price(Decimal("0.045"), term_months=1, default_term_months=3, currency="EUR") == Decimal("0.02")


@pytest.mark.parametrize("months", [0, -1])
def test_a_price_for_no_months_cannot_be_prorated(months):
    with pytest.raises(TermIsEmpty):
        prorate_multiplier(through("2025-01-01", "2025-12-31"), default_term_months=months)


def test_a_negative_price_is_refused():
    with pytest.raises(NegativeAmount):
        term_price(Decimal(-1), term_months=12, currency="EUR")


@pytest.mark.parametrize(("start", "end"), [("2025-01-02", "2025-01-01"), ("2025-01-02", "2024-12-01")])
def test_a_period_that_ends_before_it_begins_is_refused(start, end):
    with pytest.raises(PeriodIsEmpty):
        through(start, end)


def test_the_end_of_the_calendar_is_refused():
    with pytest.raises(PeriodTooLong):
        Period.through(date(2025, 1, 1), date.max)
    with pytest.raises(PeriodTooLong):
        add_months(date(9999, 12, 1), 1)


@pytest.mark.parametrize(
    ("start", "end", "anchor", "used"),
    [
        # Anchored on the 31st: 31 January, 28 February, 31 March.
        ("2025-01-31", "2025-02-27", 31, Fraction(1)),
        ("2025-02-28", "2025-03-30", 31, Fraction(1)),
        ("2025-02-10", "2025-03-05", 31, Fraction(18, 28) + Fraction(6, 31)),
        # Both ends partial, and both within one period.
        ("2025-03-28", "2025-05-04", 5, Fraction(8, 31) + 1),
        ("2025-03-10", "2025-03-12", 5, Fraction(3, 31)),
        # From the first day where no anchor is named.
        ("2025-01-31", "2025-03-01", None, 1 + Fraction(2, 31)),
        ("2024-01-31", "2024-02-28", None, Fraction(1)),
    ],
)
def test_partial_months_are_divided_by_the_full_period_that_contains_them(start, end, anchor, used):
    assert periods_used(through(start, end), unit=MONTH, partial=PartialRule.ACTUAL, anchor_day=anchor) == used


@pytest.mark.parametrize(
    ("end", "partial", "used"),
    [
        ("2025-01-15", PartialRule.THIRTY, Fraction(1, 2)),
        ("2025-01-30", PartialRule.THIRTY, Fraction(1)),
        ("2025-01-31", PartialRule.THIRTY, Fraction(1)),
        ("2025-02-28", PartialRule.THIRTY, Fraction(2)),
        ("2025-02-01", PartialRule.ROUND_UP, Fraction(2)),
        ("2025-01-31", PartialRule.ROUND_UP, Fraction(1)),
    ],
)
def test_thirty_and_round_up(end, partial, used):
    assert periods_used(through("2025-01-01", end), unit=MONTH, partial=partial) == used


def test_thirty_days_of_a_longer_partial_month_are_at_most_one():
    period = through("2025-01-01", "2025-01-30")
    assert periods_used(period, unit=MONTH, partial=PartialRule.THIRTY, anchor_day=31) == 1


def test_weeks_run_from_the_first_day():
    week = through("2025-01-01", "2025-01-08")
    assert periods_used(week, unit=WEEK, partial=PartialRule.ACTUAL) == Fraction(8, 7)
    assert periods_used(week, unit=WEEK, partial=PartialRule.ROUND_UP) == 2
    with pytest.raises(ThirtyDaysNeedMonths):
        periods_used(week, unit=WEEK, partial=PartialRule.THIRTY)
    with pytest.raises(AnchorDayUnknown):
        periods_used(week, unit=WEEK, partial=PartialRule.ACTUAL, anchor_day=1)


@pytest.mark.parametrize("anchor", [0, 32])
def test_an_anchor_that_is_no_day_of_a_month_is_refused(anchor):
    with pytest.raises(AnchorDayUnknown):
        periods_used(through("2025-01-01", "2025-01-31"), unit=MONTH, partial=PartialRule.ACTUAL, anchor_day=anchor)


@settings(deadline=None)
@given(dates, st.integers(min_value=1, max_value=1500), st.integers(min_value=1, max_value=31), st.data())
def test_periods_used_add_up_where_a_period_is_cut(start, days, anchor, data):
    cut = data.draw(st.integers(min_value=0, max_value=days - 1))
    parts = [Period(start, start + timedelta(days=days))]
    if cut:
        parts = [Period(start, start + timedelta(days=cut)), Period(start + timedelta(days=cut), parts[0].until_date)]
    whole = Period(start, start + timedelta(days=days))
    rule = {"unit": MONTH, "partial": PartialRule.ACTUAL, "anchor_day": anchor}
    assert sum(periods_used(part, **rule) for part in parts) == periods_used(whole, **rule)


def test_periods_are_summed_before_the_one_rounding():
    # 12/31 + 19/28 of 0.01 round to zero and to a cent apart, to a cent together.
    period = through("2025-01-20", "2025-02-19")
    assert period_price(
        Decimal("0.01"), period, unit=MONTH, partial=PartialRule.ACTUAL, anchor_day=1, currency="EUR"
    ) == Decimal("0.01")


def test_a_stub_lies_within_its_period():
    full = Period(date(2025, 1, 1), date(2025, 2, 1))
    assert stub_price(Decimal(31), stub=full, full=full, currency="EUR") == Decimal("31.00")
    with pytest.raises(StubOutsidePeriod):
        stub_price(Decimal(31), stub=Period(date(2025, 1, 20), date(2025, 2, 2)), full=full, currency="EUR")


@pytest.mark.parametrize(("day", "left"), [("2021-04-01", 30), ("2021-04-30", 1), ("2021-05-01", 0)])
def test_the_day_of_a_change_belongs_to_the_new_state(day, left):
    assert days_left(Period(date(2021, 4, 1), date(2021, 5, 1)), date.fromisoformat(day)) == left


@pytest.mark.parametrize("day", ["2021-03-31", "2021-05-02"])
def test_a_change_outside_of_the_period_is_refused(day):
    with pytest.raises(ChangeOutsidePeriod):
        days_left(Period(date(2021, 4, 1), date(2021, 5, 1)), date.fromisoformat(day))


@pytest.mark.parametrize(("remaining", "length"), [(31, 30), (-1, 30)])
def test_more_days_left_than_there_are_is_refused(remaining, length):
    with pytest.raises(ChangeOutsidePeriod):
        mid_period_change(
            old_price=Decimal(1), new_price=Decimal(2), remaining_days=remaining, period_days=length, currency="EUR"
        )


@settings(deadline=None)
@given(
    st.decimals(min_value=0, max_value=10**6, places=4),
    st.integers(min_value=0, max_value=10**4),
    st.integers(min_value=1, max_value=400),
    st.data(),
)
def test_a_change_to_the_same_price_costs_exactly_nothing(price, quantity, length, data):
    remaining = data.draw(st.integers(min_value=0, max_value=length))
    change = mid_period_change(
        old_price=price,
        new_price=price,
        old_quantity=quantity,
        new_quantity=quantity,
        remaining_days=remaining,
        period_days=length,
        currency="EUR",
    )
    assert change.credit == -change.charge
    assert change.net == 0
