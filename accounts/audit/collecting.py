"""Reading what was committed into the log: nothing skipped, nothing twice, whatever order transactions end in.

A row's key is given out before its transaction commits, so a lower key can appear after a higher one. Each run
therefore looks at every key above the source's floor that has no entry yet; the floor moves up to a key only when no
transaction that could still hold a lower one is running (`AuditSource`).
"""

from datetime import datetime

from django.db import connection, models, transaction
from django.db.models import Exists, OuterRef
from psycopg import sql

from accounts.audit.chain import GENESIS, entry_hash
from accounts.audit.sources import Content, contents_of, sources
from accounts.models.audit import AuditEntry, AuditSource

BATCH = 1000  # Rows of one source in one transaction.
_LOCK = 0x41554449  # The advisory lock of the one writer of the chain.


def collect(*, now: datetime) -> int:
    """Read a batch of each source; the number of entries added. 0 also where another worker is reading."""
    with transaction.atomic():
        if not writes_alone():
            return 0
        oldest, newest = _transactions()
        tops = _highest_keys()
        states = {state.name: state for state in AuditSource.objects.all()}
        added: list[Content] = []
        for name, top in tops.items():
            state = states.get(name) or AuditSource(name=name)
            if top > state.floor or state.ceiling is not None:
                added += _read(state, top=top, oldest=oldest, newest=newest)
        append(added, now=now)
    return len(added)


def writes_alone() -> bool:
    """Whether nobody else appends to the chain until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _transactions() -> tuple[int, int]:
    """The oldest transaction that may still commit something, and the next one to begin."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_snapshot_xmin(now_)::text::bigint, pg_snapshot_xmax(now_)::text::bigint "
            "FROM pg_current_snapshot() AS now_"
        )
        oldest, newest = cursor.fetchone()
    return int(oldest), int(newest)


def _highest_keys() -> dict[str, int]:
    """The highest key of each source; one query for all."""
    parts = [
        sql.SQL("SELECT {name}, coalesce(max({key}), 0) FROM {table}").format(
            name=sql.Literal(name), key=sql.Identifier(model._meta.pk.attname), table=sql.Identifier(name)
        )
        for name, model in sources().items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(" UNION ALL ").join(parts).as_string(None))
        return dict(cursor.fetchall())


def _read(state: AuditSource, *, top: int, oldest: int, newest: int) -> list[Content]:
    """What is new in one source, and how far it has been read after that."""
    is_settled = state.ceiling is not None and state.fence is not None and oldest >= state.fence
    rows = list(unread(sources()[state.name], above=state.floor).order_by("pk")[:BATCH])
    if is_settled and (len(rows) < BATCH or rows[-1].pk >= (state.ceiling or 0)):
        state.floor, state.ceiling, state.fence = state.ceiling or 0, None, None
    if state.ceiling is None:
        state.ceiling = top if top > state.floor else None
    elif state.fence is None:
        # A run later than the ceiling: by now every transaction with a lower key has its number.
        state.fence = newest
    state.save()
    return list(contents_of(state.name, rows).values())


def unread(model: type[models.Model], *, above: int) -> models.QuerySet[models.Model]:
    """Rows of a source that have no entry."""
    entries = AuditEntry.objects.filter(source=model._meta.db_table, source_id=OuterRef("pk"))
    return model._default_manager.filter(~Exists(entries), pk__gt=above)


def append(contents: list[Content], *, now: datetime) -> None:
    """Put entries at the end of the chain, in the order in which they happened. Only under `writes_alone`."""
    last = AuditEntry.objects.order_by("-sequence").first()
    sequence, previous = (last.sequence, last.hash) if last else (0, GENESIS)
    now = max(now, last.recorded_at) if last else now  # Days lie behind each other, whatever clock a worker has.
    entries = []
    for content in sorted(contents, key=lambda one: (one.occurred_at, one.source, one.source_id)):
        sequence += 1
        digest = entry_hash(content, sequence=sequence, recorded_at=now, previous_hash=previous)
        entries.append(
            AuditEntry(**vars(content), sequence=sequence, recorded_at=now, previous_hash=previous, hash=digest)
        )
        previous = digest
    AuditEntry.objects.bulk_create(entries, batch_size=500)
