"""The first load: everything the portal has, queued for Salesforce.

Demo and migrated data is loaded as `portal.origin = seed`, which the triggers leave alone; this queues it once, parents
first. Records that wait already are not queued twice, so it can be run again after an interruption.
"""

from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from accounts.models import Account, Membership
from cases.models import Case, CaseMessage
from commerce.models import Deal, Order
from crm import outbox
from crm.models import Link, SyncedObject

BATCH = 2_000


def backfill(
    *, now: datetime, only: str | None = None, again: bool = False, progress: Callable[[str, int], None] | None = None
) -> dict[str, int]:
    """Queue what Salesforce is not known to have, or with `again` everything; how many rows per object.

    `progress` is told the object and the rows queued so far, after each batch.
    """
    counts: dict[str, int] = {}
    for crm_object, records in _everything().items():
        if only and crm_object != only:
            continue
        if not again:
            records = records.exclude(
                public_id__in=Link.objects.arrived().filter(object=crm_object).values("external_id")
            )
        counts[crm_object] = 0
        ids = records.order_by("pk").values_list("public_id", flat=True).iterator(chunk_size=BATCH)
        while batch := list(islice(ids, BATCH)):
            counts[crm_object] += outbox.enqueue_missing(crm_object=crm_object, external_ids=batch, now=now)
            if progress:
                progress(crm_object, counts[crm_object])
    return counts


def _everything() -> dict[str, QuerySet[Any]]:
    return {
        SyncedObject.ACCOUNT: Account.objects.all(),
        SyncedObject.CONTACT: Membership.objects.all(),
        SyncedObject.CASE: Case.objects.all(),
        SyncedObject.CASE_MESSAGE: CaseMessage.objects.for_customer(),
        SyncedObject.OPPORTUNITY: Deal.objects.all(),
        SyncedObject.ORDER: Order.objects.all(),
    }
