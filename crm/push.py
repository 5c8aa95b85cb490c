"""Portal to Salesforce: take rows from the outbox, send their records as they are now, note what became of each.

What holds, whatever happens to a worker or the network:

- A committed change is sent: its row is in the outbox, and stays until an answer about it is recorded.
- A record is made once: it is addressed by its external id, so a call whose answer was lost is simply made again.
- Changes of one record arrive in order: a record is in the hands of one worker at a time, and what is sent is its
  current state. A worker that dies keeps its rows until the lease ends; one that wakes up later changes nothing.
- One bad record does not hold up others: each row of a call has its own result.
"""

import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef
from django.utils.translation import gettext as _

from crm import mapping, outbox, pauses, pull, rendering, retry
from crm.client import MAX_ROWS, Crm, CrmError, RowResult
from crm.models import Link, OutboxRow, OutboxState, SyncAttempt, SyncedObject

# Longer than a task may run (CELERY_TASK_TIME_LIMIT): a lease that ends belongs to a worker that is gone.
LEASE = timedelta(seconds=100)
# From this attempt on a record is sent alone: in company it may be the one that spoils the call.
ALONE_FROM = 3
BLOCKED_FOR_AT_MOST = timedelta(hours=24)
_CLAIM_LOCK = 7_203_001  # Of pg_advisory_xact_lock; any number that nothing else uses.


@dataclass(frozen=True)
class Claim:
    """Rows of one object in our hands, one per record."""

    crm_object: str
    token: UUID
    rows: tuple[OutboxRow, ...]


@dataclass
class Parcel:
    """One record on its way."""

    row: OutboxRow
    link: Link
    plan: mapping.Plan

    @property
    def is_new(self) -> bool:
        return not self.link.crm_id


@dataclass(frozen=True)
class Outcome:
    """What became of one row."""

    row_id: int
    state: OutboxState
    next_at: datetime
    attempts: int
    code: str = ""
    message: str = ""


def push_batch(*, crm: Crm, now: datetime, random: Random) -> int:
    """Send the next records that are due, at most one call; how many rows were dealt with, 0 when nothing is due.

    Never raises for Salesforce's sake: what failed is written on the rows, or into the pause.
    """
    if pauses.running(now) or not OutboxRow.objects.due(now).exists():
        return 0
    for crm_object in SyncedObject:  # Parents are declared before their children.
        claim = claim_rows(crm_object=crm_object, now=now)
        if claim.rows:
            _send(claim, crm=crm, now=now, random=random)
            return len(claim.rows)
    return 0


@transaction.atomic
def claim_rows(*, crm_object: str, now: datetime) -> Claim:
    """Lease the due records of one object, each with its newest row; older rows of the same record are sent with it."""
    with connection.cursor() as cursor:
        # Claims take milliseconds and happen one after the other, so that of two workers the second sees what the
        # first has leased and no record is ever in two hands.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CLAIM_LOCK])
    same_record = OutboxRow.objects.held(now).of(OuterRef("object"), OuterRef("external_id"))  # type: ignore[arg-type]
    due = list(
        OutboxRow.objects.due(now)
        .filter(~Exists(same_record), object=crm_object)
        .order_by("id")
        .values_list("external_id", "attempts")[:MAX_ROWS]
    )
    if due and due[0][1] >= ALONE_FROM:
        wanted = {due[0][0]}
    else:
        wanted = {external_id for external_id, attempts in due if attempts < ALONE_FROM}
    newest: dict[UUID, OutboxRow] = {}
    open_rows = OutboxRow.objects.unfinished().filter(object=crm_object, external_id__in=wanted)
    for row in open_rows.select_for_update(skip_locked=True).order_by("id"):
        newest[row.external_id] = row
    token = uuid.uuid4()
    mine = [row.pk for row in newest.values()]
    open_rows.exclude(pk__in=mine).filter(pk__lt=max(mine, default=0)).update(
        state=OutboxState.SUPERSEDED, done_at=now, lease_token=None
    )
    leased = OutboxRow.objects.filter(pk__in=mine)
    # An attempt that ended with its worker counts: a record that kills workers must not do so in company for ever.
    leased.filter(state=OutboxState.LEASED).update(attempts=F("attempts") + 1)
    leased.update(state=OutboxState.LEASED, lease_token=token, next_at=now + LEASE)
    return Claim(crm_object, token, tuple(sorted(newest.values(), key=lambda row: row.pk)))


def _send(claim: Claim, *, crm: Crm, now: datetime, random: Random) -> None:
    outcomes, parcels = _pack(claim, now=now)
    _settle(claim, outcomes, now=now)
    try:
        parcels, outcomes = _with_news_from_there(claim, parcels, crm=crm, now=now)
    except CrmError as error:
        _note_failed_call(claim, [parcel.row for parcel in parcels], error, now=now, random=random)
        return
    _settle(claim, outcomes, now=now)
    # New records by their external id; known ones by their Id, so that one deleted over there is not made anew from
    # the few fields that have changed.
    for is_new, write in ((True, crm.upsert), (False, crm.update)):
        group = [parcel for parcel in parcels if parcel.is_new is is_new]
        if not group:
            continue
        started = time.monotonic()
        try:
            results = write(claim.crm_object, [_payload(parcel) for parcel in group])
        except CrmError as error:
            away = retry.classify(error.http_status, error.code).kind in pauses.PAUSING
            rows = [parcel.row for parcel in (parcels if away else group)]  # Those noted already are no longer ours.
            _note_failed_call(claim, rows, error, now=now, random=random, milliseconds=_since(started))
            if away:
                return
        else:
            _record(claim, group, results, milliseconds=_since(started), now=now, random=random)


def _pack(claim: Claim, *, now: datetime) -> tuple[list[Outcome], list[Parcel]]:
    """Spell the records, and set aside what need not or can't be sent."""
    ids = [row.external_id for row in claim.rows]
    Link.objects.bulk_create([Link(object=claim.crm_object, external_id=one) for one in ids], ignore_conflicts=True)
    records = rendering.load(claim.crm_object, ids)
    links = {link.external_id: link for link in Link.objects.filter(object=claim.crm_object, external_id__in=ids)}
    missing = outbox.missing_parents(
        parent for one, record in records.items() if not links[one].crm_id for parent in mapping.parents_of(record)
    )
    for parent_object in {parent[0] for parent in missing}:
        # A record brings its parents along, also those that were never queued.
        of_object = [external_id for name, external_id in missing if name == parent_object]
        outbox.enqueue_missing(crm_object=parent_object, external_ids=of_object, now=now)
    outcomes: list[Outcome] = []
    parcels: list[Parcel] = []
    for row in claim.rows:
        record, link = records.get(row.external_id), links[row.external_id]
        if record is None:
            outcomes.append(_done(row, now, _("The record is no longer in the portal.")))
            continue
        absent = [] if link.crm_id else [one for one in mapping.parents_of(record) if one in missing]
        if absent:
            outcomes.append(_blocked(row, now, code="PARENT_MISSING", message=absent[0][0]))
            continue
        plan = _plan(claim.crm_object, record, link)
        if plan.fields:
            parcels.append(Parcel(row, link, plan))
        else:
            outcomes.append(_done(row, now, _("Nothing that Salesforce does not have.")))
    return outcomes, parcels


def _plan(crm_object: str, record: mapping.Record, link: Link) -> mapping.Plan:
    return mapping.plan(
        crm_object,
        mapping.values_of(record),
        is_new=not link.crm_id,
        pushed_hash=link.pushed_hash,
        agreed=link.field_versions,
    )


def _with_news_from_there(
    claim: Claim, parcels: Sequence[Parcel], *, crm: Crm, now: datetime
) -> tuple[list[Parcel], list[Outcome]]:
    """Before a shared field is written, take in what Salesforce holds now: a change there may be the later one.

    Between this reading and the writing lie milliseconds in which a change over there is overwritten unseen.
    """
    shared = [parcel.row.external_id for parcel in parcels if parcel.link.crm_id and parcel.plan.shared]
    if not shared:
        return list(parcels), []
    pull.refresh(crm=crm, crm_object=claim.crm_object, external_ids=shared, now=now)
    fresh = Claim(claim.crm_object, claim.token, tuple(parcel.row for parcel in parcels))
    outcomes, repacked = _pack(fresh, now=now)
    return repacked, outcomes


def _payload(parcel: Parcel) -> mapping.Values:
    key: mapping.Values = {} if parcel.is_new else {"Id": parcel.link.crm_id}
    # New, or a contact of theirs that got a claim link and hears now whose it is.
    if parcel.is_new or parcel.link.pushed_at is None:
        key[mapping.EXTERNAL_ID] = str(parcel.row.external_id)
    return {
        **key,
        mapping.UPDATED_AT: mapping.timestamp(parcel.row.created_at),
        **parcel.plan.fields,
    }


def _record(
    claim: Claim,
    parcels: Sequence[Parcel],
    results: Sequence[RowResult],
    *,
    milliseconds: int,
    now: datetime,
    random: Random,
) -> None:
    """Note what became of each record: one transaction, so that link and row agree."""
    pauses.end()
    with transaction.atomic():
        mine = _still_mine(claim, [parcel.row for parcel in parcels])
        links = {
            link.pk: link
            for link in Link.objects.filter(pk__in=[parcel.link.pk for parcel in parcels])
            .select_for_update()
            .order_by("pk")
        }
        arrived = False
        outcomes = []
        for parcel, result in zip(parcels, results, strict=True):
            if parcel.row.pk not in mine:
                continue
            if not result.code:
                link = links[parcel.link.pk]
                arrived |= not link.crm_id
                _note_arrival(link, parcel.plan, result.crm_id, now=now)
            elif result.code in retry.GONE:
                _note_loss(links[parcel.link.pk])
            outcomes.append(_outcome_of(parcel, result, now=now, random=random))
        Link.objects.bulk_update(links.values(), ["crm_id", "pushed_hash", "pushed_at", "field_versions"])
        _settle(claim, outcomes, now=now)
        SyncAttempt.objects.bulk_create(
            SyncAttempt(
                row=parcel.row, at=now, http_status=200, code=result.code, message=result.message,
                milliseconds=milliseconds,
            )
            for parcel, result in zip(parcels, results, strict=True)
        )  # fmt: skip
        if arrived:
            # A parent may be among them.
            OutboxRow.objects.filter(state=OutboxState.BLOCKED).update(next_at=now)


def _note_arrival(link: Link, plan: mapping.Plan, crm_id: str, *, now: datetime) -> None:
    link.crm_id = crm_id
    link.pushed_hash = plan.own_hash
    link.pushed_at = now
    link.field_versions |= {name: {"portal": value, "crm": value} for name, value in plan.shared.items()}


def _note_loss(link: Link) -> None:
    """Deleted over there. A person sees it fail; a retry, or the next change, makes it anew and in full."""
    link.crm_id = link.pushed_hash = ""
    link.field_versions = {}


def _outcome_of(parcel: Parcel, result: RowResult, *, now: datetime, random: Random) -> Outcome:
    if not result.code:
        return _done(parcel.row, now)
    # Salesforce has one code for a column it does not know and for a parent it does not have.
    names_parent = result.message.startswith("Foreign key external ID")
    action = retry.classify(400, result.code, names_missing_parent=names_parent)
    return _after_error(parcel.row, action, result.code, result.message, now=now, random=random)


def _after_error(
    row: OutboxRow, action: retry.Action, code: str, message: str, *, now: datetime, random: Random
) -> Outcome:
    attempts = row.attempts + 1
    later = now + timedelta(seconds=retry.delay(action, attempts, random))
    match action.kind:
        case retry.Kind.WAIT:
            return _blocked(row, now, code=code, message=message)
        case retry.Kind.FAIL:
            return Outcome(row.pk, OutboxState.DEAD, now, attempts, code, message)
        case retry.Kind.BACK_OFF if action.attempts and attempts >= action.attempts:
            return Outcome(row.pk, OutboxState.DEAD, now, attempts, code, message)
        case retry.Kind.BACK_OFF:
            return Outcome(row.pk, OutboxState.PENDING, later, attempts, code, message)
        case _:
            return Outcome(row.pk, OutboxState.PENDING, later, row.attempts, code, message)


def _note_failed_call(
    claim: Claim,
    rows: Sequence[OutboxRow],
    error: CrmError,
    *,
    now: datetime,
    random: Random,
    milliseconds: int = 0,
) -> None:
    """The call as a whole failed: Salesforce is away, or one of the records spoils it for all."""
    action = retry.classify(error.http_status, error.code)
    code = error.code or str(error.http_status)
    if action.kind in pauses.PAUSING:
        # Nobody's fault: no attempt counts, and a long outage fills no log.
        pauses.begin(error=error, action=action, now=now, random=random)
        outcomes = [Outcome(row.pk, OutboxState.PENDING, now, row.attempts, code, error.message) for row in rows]
        _settle(claim, outcomes, now=now)
        return
    if action.kind is retry.Kind.FAIL and len(rows) > 1:
        # Taken apart: each is sent alone, and only the guilty one fails.
        outcomes = [Outcome(row.pk, OutboxState.PENDING, now, ALONE_FROM, code, error.message) for row in rows]
    else:
        outcomes = [_after_error(row, action, code, error.message, now=now, random=random) for row in rows]
    _settle(claim, outcomes, now=now)
    SyncAttempt.objects.bulk_create(
        SyncAttempt(
            row=row, at=now, http_status=error.http_status, code=code, message=error.message, milliseconds=milliseconds
        )
        for row in rows
    )


def _done(row: OutboxRow, now: datetime, message: str = "") -> Outcome:
    return Outcome(row.pk, OutboxState.DONE, now, row.attempts, message=message)


def _blocked(row: OutboxRow, now: datetime, *, code: str, message: str) -> Outcome:
    if now - row.created_at > BLOCKED_FOR_AT_MOST:
        return Outcome(row.pk, OutboxState.DEAD, now, row.attempts, code, message)
    # It is woken when something arrives; this is for parents that arrive by another way.
    return Outcome(row.pk, OutboxState.BLOCKED, now + timedelta(seconds=retry.WAIT.base), row.attempts, code, message)


def _still_mine(claim: Claim, rows: Iterable[OutboxRow]) -> set[int]:
    held = OutboxRow.objects.filter(pk__in=[row.pk for row in rows], state=OutboxState.LEASED, lease_token=claim.token)
    return set(held.select_for_update().values_list("pk", flat=True))


def _settle(claim: Claim, outcomes: Iterable[Outcome], *, now: datetime) -> None:
    """Write the outcomes on rows that are still ours; rows that share one are written together."""
    alike: dict[Outcome, list[int]] = {}
    for outcome in outcomes:
        alike.setdefault(replace(outcome, row_id=0), []).append(outcome.row_id)
    with transaction.atomic():
        for outcome, ids in alike.items():
            OutboxRow.objects.filter(pk__in=ids, state=OutboxState.LEASED, lease_token=claim.token).update(
                state=outcome.state,
                next_at=outcome.next_at,
                attempts=outcome.attempts,
                last_code=outcome.code,
                last_message=outcome.message,
                lease_token=None,
                done_at=now if outcome.state is OutboxState.DONE else None,
            )


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
