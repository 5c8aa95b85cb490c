"""How much of each meter an account has used."""

from datetime import date
from decimal import Decimal

import pytest

from tracking.models import Meter, UsageDaily
from tracking.services import record_usage, usage_to_date

TODAY = date(2026, 11, 18)


def report(*rows, account=3):
    return record_usage(
        rows=[
            UsageDaily(account_id=account, meter=meter, date=day, quantity=Decimal(quantity))
            for meter, day, quantity in rows
        ]
    )


def used(today=TODAY, account=3):
    return usage_to_date(account_id=account, today=today)


def test_a_monthly_meter_adds_up_the_calendar_month_so_far(db):
    report(
        (Meter.API_CALLS, date(2026, 10, 31), 1000),
        (Meter.API_CALLS, date(2026, 11, 1), 200),
        (Meter.API_CALLS, date(2026, 11, 17), 30),
        (Meter.API_CALLS, date(2026, 11, 18), 4),
        (Meter.API_CALLS, date(2026, 11, 19), 5000),
    )

    assert used() == {Meter.API_CALLS: Decimal(234)}


def test_a_level_is_its_latest_day(db):
    report((Meter.SEATS, date(2026, 11, 3), 48), (Meter.SEATS, date(2026, 11, 16), 46))
    report((Meter.SEATS, date(2026, 11, 19), 60))

    assert used() == {Meter.SEATS: Decimal(46)}


def test_a_new_month_starts_at_nothing_but_a_level_stays(db):
    report((Meter.API_CALLS, date(2026, 10, 31), 1000), (Meter.STORAGE_GB, date(2026, 10, 31), "312.5"))

    assert used(date(2026, 11, 1)) == {Meter.API_CALLS: Decimal(0), Meter.STORAGE_GB: Decimal("312.5")}


@pytest.mark.parametrize(
    ("today", "expected"), [(date(2026, 10, 31), {Meter.SEATS: Decimal(46)}), (date(2026, 11, 1), {})]
)
def test_a_level_older_than_two_months_is_not_shown(db, today, expected):
    report((Meter.SEATS, date(2026, 8, 31), 46))

    assert used(today) == expected


def test_another_account_is_not_counted_and_nothing_is_nothing(db):
    report((Meter.SEATS, TODAY, 46))
    report((Meter.SEATS, TODAY, 9), account=4)

    assert used() == {Meter.SEATS: Decimal(46)}
    assert used(account=5) == {}


def test_it_costs_one_query(db, django_assert_num_queries):
    report(*[(meter, date(2026, 11, day), day) for meter in Meter for day in range(1, 19)])

    with django_assert_num_queries(1):
        figures = used()

    assert figures[Meter.AUTOMATION_RUNS] == sum(range(1, 19))
    assert figures[Meter.SEATS] == 18


def test_a_day_reported_twice_keeps_the_later_report(db):
    report((Meter.SEATS, TODAY, 40))

    assert report((Meter.SEATS, TODAY, 46)) == 1

    assert UsageDaily.objects.get().quantity == 46
