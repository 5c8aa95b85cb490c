"""The outbox, beside the triggers that fill it: rows the sync adds itself, and transactions that are no news."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from crm.models import Link, OutboxRow

ORIGIN_CRM = "crm"
ORIGIN_SEED = "seed"


@contextmanager
def origin(name: str) -> Iterator[None]:
    """A transaction that is no news to the CRM: its changes come from there, or are loaded data."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('portal.origin', true), '')")
        (before,) = cursor.fetchone()
        cursor.execute("SELECT set_config('portal.origin', %s, true)", [name])
        yield
        # Within another transaction the setting would outlive this block; a rollback takes it back by itself.
        cursor.execute("SELECT set_config('portal.origin', %s, true)", [before])


def enqueue_missing(*, crm_object: str, external_ids: Iterable[UUID], now: datetime) -> int:
    """Queue each record that has no row waiting; how many were added."""
    wanted = set(external_ids)
    waiting = set(
        OutboxRow.objects.unfinished()
        .filter(object=crm_object, external_id__in=wanted)
        .values_list("external_id", flat=True)
    )
    return enqueue(crm_object=crm_object, external_ids=wanted - waiting, now=now)


def enqueue(*, crm_object: str, external_ids: Iterable[UUID], now: datetime) -> int:
    """Queue records whether or not they wait already; how many rows were added."""
    rows = [
        OutboxRow(object=crm_object, external_id=external_id, created_at=now, next_at=now)
        for external_id in sorted(external_ids)
    ]
    OutboxRow.objects.bulk_create(rows, batch_size=2_000)
    return len(rows)


def missing_parents(parents: Iterable[tuple[str, UUID]]) -> set[tuple[str, UUID]]:
    """Those the CRM is not known to have; one query per object."""
    wanted: dict[str, set[UUID]] = {}
    for crm_object, external_id in parents:
        wanted.setdefault(crm_object, set()).add(external_id)
    missing: set[tuple[str, UUID]] = set()
    for crm_object, ids in wanted.items():
        arrived = Link.objects.arrived().filter(object=crm_object, external_id__in=ids)
        missing |= {(crm_object, one) for one in ids - set(arrived.values_list("external_id", flat=True))}
    return missing


def send_again(*, crm_object: str, external_id: UUID, now: datetime) -> None:
    """A person wants the record sent: what failed is tried anew, and a record in step is written once more in full."""
    with transaction.atomic():
        rows = OutboxRow.objects.of(crm_object, external_id)
        if rows.unfinished().exists():
            rows.unfinished().retry(now)
            return
        Link.objects.filter(object=crm_object, external_id=external_id).update(pushed_hash="")
        enqueue(crm_object=crm_object, external_ids=[external_id], now=now)
