"""Salesforce to portal: read what changed over there, and take what is Salesforce's to say.

Polling is what makes it right: each object is read by its `SystemModstamp` in half-open windows that overlap. Applying
a record twice changes nothing, and neither does our own change coming back: it equals what both sides agreed on.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import pghistory
from django.db import models, transaction

from accounts.models import Account, Membership, User
from cases.models import Case, CaseStatus
from cases.services import close_case, reopen, resolve_case
from commerce.models import Activity, Deal, DealStage, OrderStatus
from crm import mapping, outbox, rendering
from crm.client import Crm
from crm.merging import Agreed, Side, merge
from crm.models import Conflict, Cursor, Link, OutboxRow, SyncedObject, Winner
from tracking.actor import Actor

# A record carries the time of its statement and shows itself when that commits. The window ends a little in the past,
# for statements of this second; transactions that take longer are met by the overlap, which is read again each time.
SETTLE = timedelta(seconds=2)
OVERLAP = timedelta(minutes=10)
PAGE = 200  # Records applied in one transaction.
TASK = "Task"  # Salesforce's name of what sales did; it has no counterpart that we send.


class NotSpellable(Exception):
    """The portal has no word for a value of Salesforce, or may not follow it."""


Setter = Callable[[models.Model, mapping.Value, datetime], None]


def _text(attribute: str, limit: int) -> Setter:
    def set_text(instance: models.Model, value: mapping.Value, at: datetime) -> None:
        text = str(value or "")
        if len(text) > limit:
            raise NotSpellable
        setattr(instance, attribute, text)

    return set_text


def _coded(attribute: str, codes: Mapping[str, str]) -> Setter:
    def set_code(instance: models.Model, value: mapping.Value, at: datetime) -> None:
        if not value:
            setattr(instance, attribute, "")
        elif value in codes:
            setattr(instance, attribute, codes[str(value)])
        else:
            raise NotSpellable

    return set_code


def _set_country(instance: models.Model, value: mapping.Value, at: datetime) -> None:
    text = str(value or "").upper()
    if len(text) != 2 or not text.isalpha():  # Salesforce's people may write "Germany".
        raise NotSpellable
    cast("Account", instance).billing_country = text


def _set_name(instance: models.Model, value: mapping.Value, at: datetime) -> None:
    if not value:
        raise NotSpellable
    _text("name", 200)(instance, value, at)


def _set_case_status(instance: models.Model, value: mapping.Value, at: datetime) -> None:
    case = cast("Case", instance)
    if value not in mapping.CASE_STATUS_OF:
        raise NotSpellable
    status = CaseStatus(mapping.CASE_STATUS_OF[str(value)])
    # The case's own services, so that the customer is told as if it had happened here.
    if status is CaseStatus.RESOLVED:
        resolve_case(case=case, now=at)
    elif status is CaseStatus.CLOSED:
        close_case(case=case, now=at)
    else:
        reopen(case=case, now=at)
    case.refresh_from_db()
    if case.status != status:  # What no service stands for, such as waiting for the customer.
        case.status, case.updated_at = status, at


def _set_priority(instance: models.Model, value: mapping.Value, at: datetime) -> None:
    codes = {label: code for code, label in mapping.PRIORITIES.items()}
    if value not in codes:
        raise NotSpellable
    cast("Case", instance).priority = codes[str(value)]


def _set_stage(instance: models.Model, value: mapping.Value, at: datetime) -> None:
    deal = cast("Deal", instance)
    if value not in mapping.STAGE_OF:
        raise NotSpellable
    stage = DealStage(mapping.STAGE_OF[str(value)])
    reopens = deal.stage == DealStage.WON and stage is not DealStage.WON
    if reopens and deal.orders.filter(status__in=[OrderStatus.PAID, OrderStatus.ACTIVE]).exists():
        raise NotSpellable  # What a customer has bought in the portal stays won: the order is the fact.
    if stage != deal.stage:
        deal.closed_at = at if stage.is_closed else None
    deal.stage = stage


def _set_close_date(instance: models.Model, value: mapping.Value, at: datetime) -> None:
    if not isinstance(value, str):
        raise NotSpellable
    cast("Deal", instance).close_date = date.fromisoformat(value)


@dataclass(frozen=True)
class Inbound:
    """What is read of one object: the setter of each field, and whose rows they are."""

    setters: Mapping[str, Setter]
    extra: tuple[str, ...]  # Further columns of the query.
    find: Callable[[UUID], models.Model | None]  # The row to change, locked.
    after: Callable[[models.Model, Mapping[str, Any], Link], list[str]]  # Other attributes changed.


def _find_account(external_id: UUID) -> models.Model | None:
    return Account.objects.select_for_update().filter(public_id=external_id).first()


def _find_person(external_id: UUID) -> models.Model | None:
    return User.objects.select_for_update(of=("self",)).filter(memberships__public_id=external_id).first()


def _find_case(external_id: UUID) -> models.Model | None:
    return Case.objects.select_for_update().filter(public_id=external_id).first()


def _find_deal(external_id: UUID) -> models.Model | None:
    return Deal.objects.select_for_update().filter(public_id=external_id).first()


def _nothing_else(instance: models.Model, record: Mapping[str, Any], link: Link) -> list[str]:
    return []


def _owner_to(attribute: str) -> Callable[[models.Model, Mapping[str, Any], Link], list[str]]:
    """Follow the owner over there when they change, if they are one of the vendor's people here too.

    One that was seen before is no news: in the portal the company may have been handed over since.
    """

    def follow_owner(instance: models.Model, record: Mapping[str, Any], link: Link) -> list[str]:
        address = (record.get("Owner") or {}).get("Email")
        seen = link.field_versions.get("Owner")
        link.field_versions["Owner"] = {"portal": None, "crm": address}
        if seen is not None and seen["crm"] == address:
            return []
        owner = User.objects.filter(email__iexact=address, is_staff=True).first() if address else None
        if owner is None or getattr(instance, f"{attribute}_id") == owner.pk:
            return []
        setattr(instance, attribute, owner)
        return [attribute]

    return follow_owner


INBOUND: dict[str, Inbound] = {
    SyncedObject.ACCOUNT: Inbound(
        setters={
            "Name": _set_name,
            "Industry": _coded("industry", mapping.INDUSTRY_OF),
            "Phone": _text("phone", 40),
            "Website": _text("website", 200),
            "BillingStreet": _text("billing_street", 200),
            "BillingPostalCode": _text("billing_postal_code", 20),
            "BillingCity": _text("billing_city", 100),
            "BillingCountry": _set_country,
        },
        extra=("Owner.Email",),
        find=_find_account,
        after=_owner_to("sales_contact"),
    ),
    SyncedObject.CONTACT: Inbound(
        setters={"Phone": _text("phone", 40), "Title": _text("job_title", 100)},
        extra=(),
        find=_find_person,
        after=_nothing_else,
    ),
    SyncedObject.CASE: Inbound(
        # The status first: it reads the case anew.
        setters={"Status": _set_case_status, "Priority": _set_priority},
        extra=(),
        find=_find_case,
        after=_nothing_else,
    ),
    SyncedObject.OPPORTUNITY: Inbound(
        setters={"StageName": _set_stage, "CloseDate": _set_close_date},
        extra=("Owner.Email",),
        find=_find_deal,
        after=_owner_to("owner"),
    ),
}
POLLED: tuple[str, ...] = (*INBOUND, TASK)


def pull_object(*, crm: Crm, crm_object: str, now: datetime) -> int:
    """Read one object up to now and apply it; how many records were read. Raises CrmError."""
    cursor, _created = Cursor.objects.get_or_create(
        object=crm_object, defaults={"read_until": datetime(2000, 1, 1, tzinfo=UTC)}
    )
    until = crm.server_time() - SETTLE
    since = cursor.read_until - OVERLAP
    where = f"SystemModstamp >= {_literal(since)} AND SystemModstamp < {_literal(until)}"
    records = crm.query(_soql(crm_object, where))
    count = 0
    while True:
        page = list(islice(records, PAGE))
        count += len(page)
        # Each page reaches as far as its last record, the last one as far as the window.
        reached = _moment(page[-1]["SystemModstamp"]) if len(page) == PAGE else until
        with transaction.atomic():
            _apply_page(crm_object, page, now=now)
            Cursor.objects.filter(pk=cursor.pk, read_until__lt=reached).update(read_until=reached)
            Cursor.objects.filter(pk=cursor.pk).update(updated_at=now, last_error="")
        if len(page) < PAGE:
            return count


def refresh(*, crm: Crm, crm_object: str, external_ids: Iterable[UUID], now: datetime) -> None:
    """Read these records now, before they are written. Raises CrmError."""
    ids = ", ".join(f"'{external_id}'" for external_id in external_ids)
    records = list(crm.query(_soql(crm_object, f"{mapping.EXTERNAL_ID} IN ({ids})")))
    _apply_page(crm_object, records, now=now)


def _soql(crm_object: str, where: str) -> str:
    if crm_object == TASK:
        fields = ["Id", "Subject", "TaskSubtype", "WhatId", "ActivityDate", "SystemModstamp"]
        where += " AND Status = 'Completed' AND WhatId != null"
    else:
        inbound = INBOUND[crm_object]
        fields = ["Id", mapping.EXTERNAL_ID, "SystemModstamp", *inbound.setters, *inbound.extra]
        where += f" AND {mapping.EXTERNAL_ID} != null"
    return f"SELECT {', '.join(fields)} FROM {crm_object} WHERE {where} ORDER BY SystemModstamp, Id"  # noqa: S608


def _literal(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def _apply_page(crm_object: str, records: Sequence[Mapping[str, Any]], *, now: datetime) -> None:
    """Apply records: changes that are no news to Salesforce, and that the audit ascribes to it."""
    with outbox.origin(outbox.ORIGIN_CRM), pghistory.context(**Actor.crm().as_metadata()):
        if crm_object == TASK:
            for record in records:
                _apply_task(record)
            return
        known = {external_id: record for record in records if (external_id := _external_id(record))}
        in_step = _in_step(crm_object, known)
        for external_id, record in known.items():
            if external_id not in in_step:
                _apply(crm_object, external_id, record, now=now)


def _external_id(record: Mapping[str, Any]) -> UUID | None:
    try:
        return UUID(str(record[mapping.EXTERNAL_ID]))
    except ValueError:
        return None  # Somebody typed into the field over there.


def _in_step(crm_object: str, records: Mapping[UUID, Mapping[str, Any]]) -> set[UUID]:
    """Records that were applied before: the overlap brings each several times, and most need no second look."""
    links = Link.objects.arrived().filter(object=crm_object, external_id__in=records)
    ours = rendering.load(crm_object, records)
    same: set[UUID] = set()
    for link in links.filter(external_id__in=ours):
        record, values = records[link.external_id], mapping.values_of(ours[link.external_id])
        agreed = all(
            link.field_versions.get(name) == {"portal": values[name], "crm": record.get(name)}
            for name in INBOUND[crm_object].setters
        )
        if agreed and link.seen_modstamp == _moment(record["SystemModstamp"]):
            same.add(link.external_id)
    return same


def _apply(crm_object: str, external_id: UUID, record: Mapping[str, Any], *, now: datetime) -> None:
    """Take what is Salesforce's to say of one record. Does nothing the second time."""
    inbound = INBOUND[crm_object]
    instance = inbound.find(external_id)
    if instance is None:
        return  # A record of another portal, or one that is gone.
    at = _moment(record["SystemModstamp"])
    Link.objects.bulk_create([Link(object=crm_object, external_id=external_id)], ignore_conflicts=True)
    link = Link.objects.select_for_update().get(object=crm_object, external_id=external_id)
    before = mapping.values_of(rendering.load(crm_object, [external_id])[external_id])

    taken = []
    for name, setter in inbound.setters.items():
        if _decide(link, name, portal=before[name], crm=record.get(name), at=at, now=now) is Side.PORTAL:
            continue
        try:
            setter(instance, record.get(name), at)
        except NotSpellable:
            _note_conflict(link, name, kept=before[name], lost=record.get(name), winner=Winner.PORTAL, at=at)
        taken.append(name)
    changed = inbound.after(instance, record, link)
    if taken or changed:
        instance.save()
    after = mapping.values_of(rendering.load(crm_object, [external_id])[external_id]) if taken else before
    for name in taken:
        link.field_versions[name] = {"portal": after[name], "crm": record.get(name)}
    if not link.crm_id:
        link.crm_id = str(record["Id"])
    link.seen_modstamp = max(at, link.seen_modstamp or at)
    link.save(update_fields=["crm_id", "seen_modstamp", "field_versions"])
    if crm_object == SyncedObject.CONTACT and taken:
        _tell_other_contacts(cast("User", instance), external_id, now=now)


def _decide(link: Link, name: str, *, portal: mapping.Value, crm: mapping.Value, at: datetime, now: datetime) -> Side:
    """Whose value a field has from now on; the portal's also where nothing is to be done."""
    known = link.field_versions.get(name)
    agreed = Agreed(portal=known["portal"], crm=known["crm"]) if known else None
    if agreed == Agreed(portal, crm):
        return Side.PORTAL
    if portal == crm:
        link.field_versions[name] = {"portal": portal, "crm": crm}
        return Side.PORTAL
    if name not in mapping.shared_fields(link.object):
        return Side.CRM
    latest = OutboxRow.objects.of(link.object, link.external_id).order_by("-id").values_list("created_at", flat=True)
    merged = merge(agreed, portal=portal, crm=crm, portal_at=latest.first(), crm_at=at)
    if merged.is_conflict:
        kept, lost = (portal, crm) if merged.keep is Side.PORTAL else (crm, portal)
        _note_conflict(link, name, kept=kept, lost=lost, winner=Winner(merged.keep.value), at=at)
    if merged.keep is Side.PORTAL:
        if agreed:  # The other side's move has been seen; ours is still to be sent.
            link.field_versions[name] = {"portal": agreed.portal, "crm": crm}
        outbox.enqueue_missing(crm_object=link.object, external_ids=[link.external_id], now=now)
    return merged.keep


def _note_conflict(
    link: Link, name: str, *, kept: mapping.Value, lost: mapping.Value, winner: Winner, at: datetime
) -> None:
    Conflict.objects.get_or_create(
        object=link.object,
        external_id=link.external_id,
        field=name,
        at=at,
        defaults={"kept": kept, "lost": lost, "winner": winner},
    )


def _tell_other_contacts(user: User, external_id: UUID, *, now: datetime) -> None:
    """A person in two companies is two contacts over there: what one of them says is news for the other."""
    others = Membership.objects.filter(user=user).exclude(public_id=external_id).values_list("public_id", flat=True)
    outbox.enqueue_missing(crm_object=SyncedObject.CONTACT, external_ids=others, now=now)


def _apply_task(record: Mapping[str, Any]) -> None:
    """What sales did about a deal, or for a company, outside the portal."""
    link = Link.objects.filter(crm_id=record["WhatId"]).first()
    if link is None:
        return
    deal = Deal.objects.select_related("account").filter(public_id=link.external_id).first()
    account = deal.account if deal else Account.objects.filter(public_id=link.external_id).first()
    if account is None:
        return
    occurred_at = _moment(record["SystemModstamp"])
    if day := record.get("ActivityDate"):
        occurred_at = datetime.combine(date.fromisoformat(day), time(), ZoneInfo(account.time_zone))
    Activity.objects.update_or_create(
        crm_id=record["Id"],
        defaults={
            "account": account,
            "deal": deal,
            "kind": str(record.get("TaskSubtype") or "Task").lower(),
            "subject": str(record.get("Subject") or "")[:200],
            "occurred_at": occurred_at,
        },
    )
