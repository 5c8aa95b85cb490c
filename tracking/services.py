"""Recording what happened, and reading usage."""

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, Q, Subquery, Sum
from redis import Redis
from redis.exceptions import LockError, RedisError

from tracking.actor import Actor, ActorKind
from tracking.models import Event, EventName, Meter, UsageDaily

logger = logging.getLogger(__name__)

BUFFER_KEY = "portal:page-views"
FLUSH_LOCK_KEY = "portal:page-views:flush"
FLUSH_LOCK_SECONDS = 60  # A worker that died while flushing holds up the next for so long.
BUFFER_LIMIT = 100_000  # Page views kept while the database is away; older ones are dropped first.


def build_event(
    *,
    name: EventName,
    actor: Actor,
    now: datetime,
    object_type: str = "",
    object_id: str = "",
    session_key: str = "",
    properties: dict[str, Any] | None = None,
) -> Event:
    """The event as a row, not yet saved."""
    return Event(
        name=name,
        account_id=actor.account_id,
        user_id=actor.user_id,
        actor_kind=actor.kind,
        on_behalf_of=actor.on_behalf_of,
        session_key=session_key,
        object_type=object_type,
        object_id=object_id,
        properties=properties or {},
        occurred_at=now,
    )


def record(
    *,
    name: EventName,
    actor: Actor,
    now: datetime,
    object_type: str = "",
    object_id: str = "",
    properties: dict[str, Any] | None = None,
) -> None:
    """Write an event in the transaction of the change it tells of: what earns money is never lost with a buffer."""
    if _records_nothing.get():
        return
    build_event(
        name=name, actor=actor, now=now, object_type=object_type, object_id=object_id, properties=properties
    ).save(force_insert=True)


_names_nobody: ContextVar[bool] = ContextVar("page_views_without_person", default=False)


@contextmanager
def page_views_without_person() -> Iterator[None]:
    """Page views buffered in the block are the company's alone: no person, no session."""
    token = _names_nobody.set(True)
    try:
        yield
    finally:
        _names_nobody.reset(token)


_records_nothing: ContextVar[bool] = ContextVar("nothing_recorded", default=False)


@contextmanager
def nothing_recorded() -> Iterator[None]:
    """What is looked at in the block is no use of the portal: it leaves no events."""
    token = _records_nothing.set(True)
    try:
        yield
    finally:
        _records_nothing.reset(token)


def _redis() -> "Redis":
    return Redis.from_url(settings.REDIS_URL, socket_connect_timeout=0.5, socket_timeout=0.5)


def buffer_page_view(
    *,
    name: EventName,
    actor: Actor,
    now: datetime,
    object_type: str = "",
    object_id: str = "",
    session_key: str = "",
    properties: dict[str, Any] | None = None,
) -> None:
    """Note a page view outside the request's transaction: losing one is accepted, slowing a page is not."""
    if _records_nothing.get():
        return
    if _names_nobody.get():
        actor, session_key = replace(actor, user_id=None, on_behalf_of=None), ""
    payload = {
        "name": name,
        "actor": asdict(actor),
        "object_type": object_type,
        "object_id": object_id,
        "session_key": session_key,
        "properties": properties or {},
        "occurred_at": now.isoformat(),
    }
    try:
        with _redis() as client, client.pipeline(transaction=False) as pipe:
            pipe.rpush(BUFFER_KEY, json.dumps(payload, default=str))
            pipe.ltrim(BUFFER_KEY, -BUFFER_LIMIT, -1)
            pipe.execute()
    except RedisError as error:
        logger.warning("page view not buffered: %s", error)


def flush_page_views(*, batch: int = 1000) -> int:
    """Move buffered page views into the event table; the number moved.

    A batch leaves the buffer only after it is stored: a worker killed in between stores a batch twice at worst, so
    each buffered view carries no money and no count that matters to the cent. One flush at a time: a second one would
    take views out of the buffer that neither has stored.
    """
    moved = 0
    with _redis() as client:
        lock = client.lock(FLUSH_LOCK_KEY, timeout=FLUSH_LOCK_SECONDS, blocking=False)
        if not lock.acquire():
            return 0
        try:
            while raw := client.lrange(BUFFER_KEY, 0, batch - 1):
                moved += _store(raw)
                client.ltrim(BUFFER_KEY, len(raw), -1)
                lock.reacquire()
        finally:
            with suppress(LockError):  # Held for too long: the next flush has it now.
                lock.release()
    return moved


def _store(raw: Iterable[bytes]) -> int:
    """Store buffered views; the number stored. One that can't be read (of another release) is dropped, not retried."""
    events = []
    for item in raw:
        try:
            events.append(_event_from(json.loads(item)))
        except (ValueError, KeyError, TypeError) as error:
            logger.warning("page view dropped: %r", error)
    return len(Event.objects.bulk_create(events))


def _event_from(payload: dict[str, Any]) -> Event:
    actor = payload["actor"]
    return build_event(
        name=EventName(payload["name"]),
        actor=Actor(**(actor | {"kind": ActorKind(actor["kind"])})),
        now=datetime.fromisoformat(payload["occurred_at"]),
        object_type=payload["object_type"],
        object_id=payload["object_id"],
        session_key=payload["session_key"],
        properties=payload["properties"],
    )


def usage_to_date(*, account_id: int, today: date) -> dict[Meter, Decimal]:
    """What the account has used of each meter, as of `today`, in one query.

    A monthly meter is the sum of the calendar month so far; a level (seats, storage) is its latest day on or before
    today. Meters without a row are absent.
    """
    return usage_of(account_ids=[account_id], today=today).get(account_id, {})


def usage_of(*, account_ids: Iterable[int], today: date) -> dict[int, dict[Meter, Decimal]]:
    """As `usage_to_date`, of each of the accounts that used anything. One query."""
    used: dict[int, dict[Meter, Decimal]] = defaultdict(dict)
    rows = UsageDaily.objects.filter(account_id__in=list(account_ids), date__lte=today)
    latest = UsageDaily.objects.filter(
        account_id=OuterRef("account_id"), meter=OuterRef("meter"), date__lte=today
    ).order_by("-date")
    for row in (
        rows.filter(date__gte=oldest_level(today))
        .values("account_id", "meter")
        .annotate(level=Subquery(latest.values("quantity")[:1]))
        .annotate(total=Sum("quantity", filter=Q(date__gte=today.replace(day=1))))
        .order_by("account_id", "meter")
    ):
        meter = Meter(row["meter"])
        used[row["account_id"]][meter] = (row["total"] or Decimal(0)) if meter.is_monthly else row["level"]
    return used


def levels_of(*, account_ids: Iterable[int], meter: Meter, today: date) -> dict[int, Decimal]:
    """The latest level of a meter (not a monthly one) for each account that reported it lately, in one query."""
    rows = UsageDaily.objects.filter(account_id__in=account_ids, meter=meter).between(oldest_level(today), today)
    latest = rows.order_by("account_id", "-date").distinct("account_id")
    return dict(latest.values_list("account_id", "quantity"))


def oldest_level(today: date) -> date:
    """An account that stopped reporting two months ago shows nothing rather than a stale figure."""
    return date.fromordinal(today.toordinal() - 61)


def record_usage(*, rows: Iterable[UsageDaily]) -> int:
    """Store usage as reported; a day reported twice keeps the later report. The number of rows stored."""
    return len(
        UsageDaily.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["account_id", "meter", "date"],
            update_fields=["quantity"],
            batch_size=5000,
        )
    )
