"""What an entry says to people: who did what, in a sentence, with names looked up when the log is read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import brands
from accounts.audit import AuditAction
from accounts.matrix import permission_label
from accounts.models import AuditEntry, AuditNote, User
from accounts.permissions import Role
from accounts.sso.answers import Reason
from tracking.actor import ActorKind


@dataclass(frozen=True)
class Change:
    """One field of a row, before and after, as people read it."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Line:
    """One entry as people read it."""

    entry: AuditEntry
    actor: str
    sentence: str
    changes: list[Change]
    ip: str  # Where from, as long as that is kept.

    @property
    def sequence(self) -> int:
        return self.entry.sequence

    @property
    def occurred_at(self) -> datetime:
        return self.entry.occurred_at

    @property
    def is_by_staff(self) -> bool:
        return self.entry.actor_kind == ActorKind.STAFF


class People:
    """Names by number. Somebody who is not there any more is known by their number alone."""

    def __init__(self, entries: Iterable[AuditEntry]) -> None:
        """One query for a page of entries."""
        ids = {pk for one in entries for pk in (one.actor_id, one.on_behalf_of, one.subject_id) if pk}
        rows = User.objects.filter(pk__in=ids).values_list("pk", "name", "email") if ids else ()
        self._names = {pk: name or email for pk, name, email in rows}

    @cached_property
    def _vendor(self) -> str:
        """Asked for once: a long export asks the cache for nothing row by row."""
        return brands.current().name

    def name(self, pk: int | None) -> str:
        if pk is None:
            return _("somebody")
        return self._names.get(pk) or _("person %(number)d") % {"number": pk}

    def actor(self, entry: AuditEntry) -> str:
        """Who acted; staff with whom they work for, and for whom they acted."""
        if entry.actor_kind == ActorKind.CRM:
            return _("The CRM")
        if not entry.actor_id:
            return _("The portal") if entry.actor_kind == ActorKind.SYSTEM else _("Somebody")
        if entry.actor_kind != ActorKind.STAFF:
            return self.name(entry.actor_id)
        names = {
            "name": self.name(entry.actor_id),
            "vendor": self._vendor,
            "customer": self.name(entry.on_behalf_of),
        }
        if entry.on_behalf_of:
            return _("%(name)s of %(vendor)s on behalf of %(customer)s") % names
        return _("%(name)s of %(vendor)s") % names


def lines(entries: Iterable[AuditEntry]) -> list[Line]:
    """Entries as people read them; two queries."""
    entries = list(entries)
    people = People(entries)
    notes = [entry.source_id for entry in entries if entry.source == AuditNote._meta.db_table]
    rows = AuditNote.objects.filter(pk__in=notes, ip__isnull=False).values_list("pk", "ip") if notes else ()
    addresses = {pk: str(ip) for pk, ip in rows}
    return [_line(entry, people, addresses) for entry in entries]


def _line(entry: AuditEntry, people: People, addresses: Mapping[int, str]) -> Line:
    actor = people.actor(entry)
    if entry.source == AuditNote._meta.db_table:
        sentence, changes, ip = _of_note(entry, actor, people), [], addresses.get(entry.source_id, "")
    else:
        changes, ip = changes_of(entry), ""
        sentence = _of_membership(entry, actor, people) if entry.object_type == "accounts.membership" else ""
        sentence = sentence or _of_row(entry, actor, people)
    return Line(entry, actor, sentence, changes, ip)


class _Told(dict[str, str]):
    """What a note's sentence names; what it does not say is left open rather than failing the page."""

    def __missing__(self, name: str) -> str:
        return "–"


def _of_note(entry: AuditEntry, actor: str, people: People) -> str:
    if entry.action not in AuditAction.values:
        return _("%(actor)s: %(action)s") % {"actor": actor, "action": entry.action}
    told = _Told({name: _text(value) for name, value in entry.changes.items()})
    if entry.action in (AuditAction.SSO_REFUSED, AuditAction.SSO_TEST_REFUSED) and told["reason"] in Reason.values:
        told["reason"] = str(Reason(told["reason"]).label) % told
    if entry.action == AuditAction.ACCESS_REFUSED:
        told["permission"] = permission_label(told["permission"])
    told |= {"actor": actor, "subject": people.name(entry.subject_id), "object": entry.object_label or "–"}
    return str(AuditAction(entry.action).label) % told


def _of_membership(entry: AuditEntry, actor: str, people: People) -> str:
    """In the words of somebody who looks after people; empty where the general sentence says it as well."""
    told = {"actor": actor, "person": people.name(entry.subject_id)}
    before, after = entry.changes.get("roles", [None, None])
    if entry.action == "membership.created":
        return _("%(actor)s added %(person)s as %(roles)s") % {**told, "roles": _roles(after or [])}
    if "is_active" in entry.changes:
        if entry.changes["is_active"][1]:
            return _("%(actor)s let %(person)s in again") % told
        return _("%(actor)s deactivated %(person)s") % told
    if before is None or after is None:
        return ""
    gained = [role for role in after if role not in before]
    lost = [role for role in before if role not in after]
    roles = {**told, "gained": _roles(gained), "lost": _roles(lost)}
    if gained and lost:
        return _("%(actor)s gave %(person)s the role %(gained)s instead of %(lost)s") % roles
    if gained:
        return (
            ngettext(
                "%(actor)s gave %(person)s the role %(gained)s",
                "%(actor)s gave %(person)s the roles %(gained)s",
                len(gained),
            )
            % roles
        )
    return (
        ngettext(
            "%(actor)s took the role %(lost)s from %(person)s",
            "%(actor)s took the roles %(lost)s from %(person)s",
            len(lost),
        )
        % roles
    )


def _roles(names: Iterable[str]) -> str:
    return ", ".join(str(Role(name).label) if name in Role.values else name for name in names)


def _of_row(entry: AuditEntry, actor: str, people: People) -> str:
    thing = kind_name(entry.object_type)
    label = entry.object_label or (people.name(entry.subject_id) if entry.subject_id else "")
    told = {"actor": actor, "thing": f"{thing} {label}".strip()}
    if entry.action.endswith(".created"):
        return _("%(actor)s created %(thing)s") % told
    if entry.action.endswith(".removed"):
        return _("%(actor)s removed %(thing)s") % told
    return _("%(actor)s changed %(thing)s") % told


def kind_name(object_type: str) -> str:
    """What a kind of thing is called: "case", "contract"."""
    try:
        return str(apps.get_model(object_type)._meta.verbose_name)
    except (LookupError, ValueError):
        return object_type


def changes_of(entry: AuditEntry) -> list[Change]:
    """The fields of a changed row. Of a new one its own page tells more."""
    if not entry.action.endswith(".changed"):
        return []
    return [
        Change(
            _label(entry.object_type, name),
            _value(entry.object_type, name, pair[0]),
            _value(entry.object_type, name, pair[1]),
        )
        for name, pair in sorted(entry.changes.items())
        if isinstance(pair, list) and len(pair) == 2
    ]


def _field(object_type: str, name: str) -> Any:
    try:
        model = apps.get_model(object_type)
        return next((one for one in model._meta.concrete_fields if one.attname == name), None)
    except (LookupError, ValueError, FieldDoesNotExist):
        return None


def _label(object_type: str, name: str) -> str:
    field = _field(object_type, name)
    text = str(field.verbose_name) if field else name.replace("_", " ")
    return text[:1].upper() + text[1:]


def _value(object_type: str, name: str, value: Any) -> str:
    if name == "roles" and isinstance(value, list):
        return _roles(value) or "–"
    field = _field(object_type, name)
    choices = dict(field.flatchoices) if field is not None and field.flatchoices else {}
    if not isinstance(value, list | dict) and value in choices:
        return str(choices[value])
    return _text(value)


def _text(value: Any) -> str:
    if value in (None, "", [], {}):
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(_text(inner) for inner in value)
    return str(value)
