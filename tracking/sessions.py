"""Visits: one user's events, cut where they were away for half an hour.

Source of the rule: Google Analytics, "inactive for 30 minutes or more". Midnight does not cut a visit, and there is no
longest visit. Events of other users, or of the same person under another account, are other visits: pass one user's
events at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

INACTIVITY_SECONDS = 30 * 60


class EventsOutOfOrder(ValueError):
    """A gap between two events is below zero: they were not in the order of time."""


@dataclass(frozen=True, slots=True)
class Session:
    """One visit. Its length is from the first event to the last; a visit of one event has none."""

    started_at: datetime
    last_event_at: datetime
    events: int

    @property
    def length(self) -> timedelta:
        return self.last_event_at - self.started_at


def starts_new_session(gap_seconds: float | Decimal) -> bool:
    """Whether an event this long after the one before begins a new visit. Raises EventsOutOfOrder."""
    if gap_seconds < 0:
        raise EventsOutOfOrder(f"a gap of {gap_seconds} s")
    return gap_seconds >= INACTIVITY_SECONDS


def count_sessions(gaps_seconds: Iterable[float | Decimal]) -> int:
    """Number of visits, from the gaps between one user's events: n gaps are n + 1 events, none is one event."""
    return 1 + sum(starts_new_session(gap) for gap in gaps_seconds)


def sessions_of(events_at: Iterable[datetime]) -> Sequence[Session]:
    """One user's visits in the order of time, from the times of their events in any order."""
    sessions: list[Session] = []
    for event_at in sorted(events_at):
        if sessions and not starts_new_session((event_at - sessions[-1].last_event_at).total_seconds()):
            current = sessions[-1]
            sessions[-1] = Session(current.started_at, event_at, current.events + 1)
        else:
            sessions.append(Session(event_at, event_at, 1))
    return sessions
