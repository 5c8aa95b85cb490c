"""Quiet hours and the hour of the summary, on clocks east and west and on the nights when they change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from accounts.notifications.hours import last_digest_at, quiet_ends_at

NIGHT = (time(22), time(7))
NOON = (time(12), time(13, 30))


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "now", "quiet", "ends"),
    [
        ("Europe/Berlin", "2026-11-18T21:30", NIGHT, "2026-11-19T06:00"),  # 22:30 there.
        ("Europe/Berlin", "2026-11-19T03:00", NIGHT, "2026-11-19T06:00"),
        ("Europe/Berlin", "2026-11-18T21:00", NIGHT, "2026-11-19T06:00"),  # On the stroke of ten.
        ("Europe/Berlin", "2026-11-18T20:59", NIGHT, None),
        ("Europe/Berlin", "2026-11-19T06:00", NIGHT, None),  # On the stroke of seven.
        ("Asia/Tokyo", "2026-11-18T13:00", NIGHT, "2026-11-18T22:00"),
        ("Asia/Kathmandu", "2026-11-18T16:15", NIGHT, "2026-11-19T01:15"),
        ("America/Los_Angeles", "2026-11-19T06:00", NIGHT, "2026-11-19T15:00"),
        ("America/Los_Angeles", "2026-11-18T21:30", NIGHT, None),
        ("Pacific/Kiritimati", "2026-11-18T08:00", NIGHT, "2026-11-18T17:00"),  # It is tomorrow there.
        ("Europe/Berlin", "2026-11-18T11:15", NOON, "2026-11-18T12:30"),
        ("Europe/Berlin", "2026-11-18T12:30", NOON, None),
        ("Europe/Berlin", "2026-03-28T22:00", NIGHT, "2026-03-29T05:00"),  # The night is an hour shorter.
        ("Europe/Berlin", "2026-10-24T21:00", NIGHT, "2026-10-25T06:00"),  # And an hour longer.
        ("America/New_York", "2026-03-08T06:59", NIGHT, "2026-03-08T11:00"),
        ("Europe/Berlin", "2026-11-18T21:30", None, None),
    ],
)
def test_quiet_hours_end_by_the_clock_of_the_person(zone, now, quiet, ends):
    assert quiet_ends_at(at(now), zone=ZoneInfo(zone), quiet=quiet) == (at(ends) if ends else None)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_quiet_hours_always_end_and_never_twice_in_a_row(zone):
    now = at("2026-01-01T00:00")
    while now < at("2027-01-01T00:00"):
        ends_at = quiet_ends_at(now, zone=ZoneInfo(zone), quiet=(time(2, 15), time(2, 45)))
        if ends_at is not None:
            assert now < ends_at <= now + timedelta(hours=2)
            assert quiet_ends_at(ends_at, zone=ZoneInfo(zone), quiet=(time(2, 15), time(2, 45))) is None
        now += timedelta(minutes=15)


@pytest.mark.parametrize(
    ("zone", "now", "hour", "weekday", "due"),
    [
        ("Europe/Berlin", "2026-11-18T10:30", 8, None, "2026-11-18T07:00"),
        ("Europe/Berlin", "2026-11-18T06:59", 8, None, "2026-11-17T07:00"),
        ("Europe/Berlin", "2026-11-18T07:00", 8, None, "2026-11-18T07:00"),
        ("Asia/Tokyo", "2026-11-18T23:30", 8, None, "2026-11-18T23:00"),
        ("America/Los_Angeles", "2026-11-18T10:30", 8, None, "2026-11-17T16:00"),
        ("Europe/Berlin", "2026-11-18T10:30", 8, 0, "2026-11-16T07:00"),  # A Wednesday: Monday of this week.
        ("Europe/Berlin", "2026-11-16T06:00", 8, 0, "2026-11-09T07:00"),  # Monday, too early.
        ("Europe/Berlin", "2026-11-18T10:30", 8, 3, "2026-11-12T07:00"),  # Thursday of last week.
        ("Europe/Berlin", "2026-03-29T12:00", 2, None, "2026-03-29T01:00"),  # 2:00 does not exist: 3:00.
        ("Europe/Berlin", "2026-10-25T12:00", 2, None, "2026-10-25T00:00"),  # 2:00 comes twice: the first.
    ],
)
def test_a_summary_was_due_at_its_hour(zone, now, hour, weekday, due):
    assert last_digest_at(at(now), zone=ZoneInfo(zone), hour=hour, weekday=weekday) == at(due)
