from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tracking.sessions import EventsOutOfOrder, Session, count_sessions, sessions_of

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("gaps", "sessions"),
    [
        ([], 1),
        ([0, 0], 1),
        ([1799], 1),
        ([Decimal("1799.999")], 1),
        ([1800], 2),
        ([1799, 1799], 1),
        ([3600, 10, 1800], 3),
    ],
)
def test_half_an_hour_away_starts_a_new_visit(gaps, sessions):
    assert count_sessions(gaps) == sessions


def test_events_against_the_order_of_time_are_refused():
    with pytest.raises(EventsOutOfOrder):
        count_sessions([10, -1])


def test_visits_have_a_start_a_length_and_their_events_whatever_the_order():
    minutes = [90, 0, 10, 39, 60]
    assert sessions_of(NOON + timedelta(minutes=each) for each in minutes) == [
        Session(NOON, NOON + timedelta(minutes=60), 4),
        Session(NOON + timedelta(minutes=90), NOON + timedelta(minutes=90), 1),
    ]


def test_midnight_does_not_cut_a_visit():
    late = datetime(2026, 11, 18, 23, 50, tzinfo=UTC)
    (visit,) = sessions_of([late, late + timedelta(minutes=20)])
    assert visit.length == timedelta(minutes=20)


def test_nobody_came():
    assert sessions_of([]) == []
