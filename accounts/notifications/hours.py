"""Quiet hours and the hour of the summary, on a person's own clock. Pure: moments go in as `now`, zones by name.

Hours are kept as the clock shows them. On the night when it jumps forward, an hour that is left out counts as the
moment of the jump; when it is set back, the first of the two counts.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def quiet_ends_at(now: datetime, *, zone: ZoneInfo, quiet: tuple[time, time] | None) -> datetime | None:
    """When the quiet hours that `now` lies in are over; None outside them. From 22:00 until 7:00 spans midnight."""
    if quiet is None:
        return None
    start, end = quiet
    today = now.astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        ends_on = day if end > start else day + timedelta(days=1)
        ends_at = _moment(ends_on, end, zone)
        if _moment(day, start, zone) <= now < ends_at:
            return ends_at
    return None


def last_digest_at(now: datetime, *, zone: ZoneInfo, hour: int, weekday: int | None = None) -> datetime:
    """The latest moment at which a summary was due, `now` included: every day at `hour`, or on one `weekday`."""
    day = now.astimezone(zone).date()
    if weekday is not None:
        day -= timedelta(days=(day.weekday() - weekday) % 7)
    due_at = _moment(day, time(hour), zone)
    if due_at > now:
        due_at = _moment(day - timedelta(days=1 if weekday is None else 7), time(hour), zone)
    return due_at


def _moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
