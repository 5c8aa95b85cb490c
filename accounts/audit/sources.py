"""The tables that the log is read from, and what an entry says of a row there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pghistory.models
from django.apps import apps
from django.db import models
from django.db.models import OuterRef, Subquery

from accounts.models.audit import AuditNote
from accounts.tenancy import READ, TABLES, Tenant
from tracking.actor import ActorKind

MASK = "•••"
LONGEST = 300  # Characters of a text that the log repeats.
# Values that the log never repeats: secrets, and what says who somebody is. Companies' own addresses are no person's.
SECRETS = ("password", "secret", "token", "key", "certificate", "credential", "metadata", "signature", "digest")
PERSONAL = ("email", "name", "first_name", "last_name", "phone", "job_title", "note", "reason")
OF_COMPANIES = frozenset({"accounts.account", "commerce.product", "knowledge.article", "knowledge.category"})
# What says nothing to anybody.
TECHNICAL = frozenset({"id", "public_id", "created_at", "updated_at", "version", "serial", "form_key"})
LABELS = ("number", "title", "code", "slug", "subject", "domain")  # What a thing is called, the first that it has.
VERBS = {"insert": "created", "update": "changed", "delete": "removed"}

Row = models.Model


@dataclass(frozen=True)
class Content:
    """What an entry says, before it has its place in the chain."""

    account_id: int | None
    is_public: bool
    occurred_at: datetime
    action: str
    actor_kind: str
    actor_id: int | None
    on_behalf_of: int | None
    subject_id: int | None
    object_type: str
    object_id: str
    object_label: str
    changes: dict[str, Any]
    source: str
    source_id: int


@cache
def sources() -> dict[str, type[models.Model]]:
    """Every table that the log is read from: those of the audit triggers, and the notes."""
    events = [model for model in apps.get_models() if issubclass(model, pghistory.models.Event)]
    models_read: list[type[models.Model]] = [*events, AuditNote]
    return {model._meta.db_table: model for model in sorted(models_read, key=lambda one: one._meta.db_table)}


def contents_of(source: str, rows: Iterable[Row]) -> dict[int, Content]:
    """What the log says of rows of a source, by their keys; one more query where they are changes."""
    rows = list(rows)
    if sources()[source] is AuditNote:
        return {row.pk: _of_note(row) for row in rows if isinstance(row, AuditNote)}
    before = _rows_before(sources()[source], rows)
    return {row.pk: _of_event(source, row, before.get(row.pk)) for row in rows}


def _rows_before(model: type[models.Model], rows: list[Row]) -> dict[int, Row]:
    """The state of each row's object before it. Rows of one object are in the order of their keys: the object was
    locked while each was written."""
    updates = [row.pk for row in rows if getattr(row, "pgh_label", "") != "insert"]
    if not updates:
        return {}
    earlier = model._default_manager.filter(pgh_obj_id=OuterRef("pgh_obj_id"), pgh_id__lt=OuterRef("pgh_id"))
    pairs = dict(
        model._default_manager.filter(pk__in=updates)
        .annotate(before_id=Subquery(earlier.order_by("-pgh_id").values("pgh_id")[:1]))
        .values_list("pk", "before_id")
    )
    found = model._default_manager.in_bulk([pk for pk in pairs.values() if pk is not None])
    return {pk: found[before] for pk, before in pairs.items() if before in found}


def _of_note(row: AuditNote) -> Content:
    return Content(
        account_id=row.account_id,
        is_public=row.account_id is not None,
        occurred_at=row.occurred_at.astimezone(UTC),
        action=row.action,
        actor_kind=row.actor_kind,
        actor_id=row.actor_id,
        on_behalf_of=row.on_behalf_of,
        subject_id=row.subject_id,
        object_type=row.object_type,
        object_id=row.object_id,
        object_label=row.object_label,
        changes=plain(row.details),
        source=row._meta.db_table,
        source_id=row.pk,
    )


def _of_event(source: str, row: Any, before: Row | None) -> Content:
    tracked: type[models.Model] = row.pgh_tracked_model
    context = row.pgh_context if isinstance(row.pgh_context, dict) else {}
    kind = tracked._meta.label_lower
    account_id = row.pgh_obj_id if kind == "accounts.account" else getattr(row, "account_id", None)
    return Content(
        account_id=account_id,
        is_public=account_id is not None and is_public(tracked._meta.db_table),
        occurred_at=row.pgh_created_at.astimezone(UTC),
        action=f"{tracked._meta.model_name}.{VERBS.get(row.pgh_label, row.pgh_label)}",
        actor_kind=str(context.get("kind") or ActorKind.SYSTEM),
        actor_id=_number(context.get("user_id")),
        on_behalf_of=_number(context.get("on_behalf_of")),
        subject_id=_number(getattr(row, "user_id", None)),
        object_type=kind,
        object_id=str(row.pgh_obj_id),
        object_label=_label(row, kind),
        changes=_changes(row, before, kind),
        source=source,
        source_id=row.pk,
    )


def is_public(table: str) -> bool:
    """A customer may read of a row in the log what they may read of the row itself."""
    rule = TABLES.get(table)
    return isinstance(rule, Tenant) and rule.grants.startswith(READ) and not rule.only


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _label(row: Any, kind: str) -> str:
    name: str | None = getattr(row, "name", None)
    if kind in OF_COMPANIES and name:
        return name[:200]
    number = getattr(row.pgh_tracked_model, "number", None)
    if isinstance(number, property) and number.fget:  # Made from the serial, as in "CS-10482".
        return str(number.fget(row))
    labels = [str(getattr(row, field)) for field in LABELS if getattr(row, field, None)]
    return labels[0][:200] if labels else ""


def _changes(row: Row, before: Row | None, kind: str) -> dict[str, Any]:
    """Of a new row what it holds; of a changed one what differs, as [before, after]."""
    told: dict[str, Any] = {}
    for name in fields_of(type(row)):
        new = plain(getattr(row, name))
        old = plain(getattr(before, name)) if before is not None else None
        if new != old and not (before is None and new in ("", [], {}, None, False)):
            told[name] = [MASK if old else old, MASK if new else new] if is_masked(name, kind) else [old, new]
    return told


def fields_of(model: type[models.Model]) -> list[str]:
    """The columns of an event table that tell something of the object."""
    return [
        field.attname
        for field in model._meta.concrete_fields
        if not field.name.startswith("pgh_") and field.name not in TECHNICAL
    ]


def is_masked(field: str, kind: str) -> bool:
    if any(word in field for word in SECRETS):
        return True
    return field in PERSONAL and kind not in OF_COMPANIES


def plain(value: Any) -> Any:
    """The value as it comes back from the database in JSON, so that a hash over it can be made again."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    text = str(value).replace("\x00", "")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
