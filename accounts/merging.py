"""Joining two entries of one person: what one of them had goes on under the other, and nothing is lost.

The entry that is joined stays, deactivated and naming the one that goes on (`User.merged_into`). Events and the audit
log are never rewritten: they keep the number of the entry that acted, and the map says whose it is today.

Each app says in its `same_person.py` what follows a person, and what stays and why. A test holds both against the
models.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import Exists, OuterRef
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.audit import AuditAction, note
from accounts.law.erasing import open_erasure
from accounts.models import Account, Membership, PersonMerge, ScimUser, User
from accounts.notifications import notify
from accounts.permissions import Role
from accounts.sessions import end_sessions
from tracking.actor import Actor

MAY_MERGE = "accounts.merge_people"
SHORTEST_REASON = 10


class CannotMerge(Exception):
    """Why these two entries are not joined."""


class SameEntry(CannotMerge):
    """There are no two entries."""


class StaffInvolved(CannotMerge):
    """One of the two is of the vendor's staff, whose entries say who did what for customers."""


class AlreadyMerged(CannotMerge):
    """One of the two was joined with another entry in the meantime."""


class SurvivorInactive(CannotMerge):
    """The entry to keep cannot sign in, and the other one can."""


class ErasureOpen(CannotMerge):
    """One of the two is about to be erased: that has to end or be taken back first."""


class BothInDirectory(CannotMerge):
    """A company's directory has both: it would bring the joined entry back. They are joined there first."""


@dataclass(frozen=True)
class Follows:
    """A column that names a person (or their membership), and goes over to the entry that stays."""

    model: str  # "cases.Case"
    column: str
    title: Promise | str  # What the preview calls the rows.
    # Columns that are unique together with this one. Where the entry that stays has such a row, that one counts, and
    # the other one is left where it is, or deleted.
    once_per: tuple[str, ...] | None = None
    deletes_second: bool = False
    apart_from: str = ""  # A column that must not name the same person.

    @property
    def name(self) -> str:
        return f"{self.model}.{self.column}"

    @property
    def of_memberships(self) -> bool:
        return apps.get_model(self.model)._meta.get_field(self.column).related_model is Membership

    def _all(self) -> models.QuerySet[Any]:
        model: type[models.Model] = apps.get_model(self.model)
        return model._base_manager.all()

    def rows(self, old: models.Model, new: models.Model) -> models.QuerySet[Any]:
        """Those that go over from `old` to `new`."""
        rows: models.QuerySet[Any] = self._all().filter(**{self.column: old})
        if self.once_per is not None:
            rows = rows.exclude(Exists(self._twins(new)))
        if self.apart_from:
            rows = rows.exclude(**{self.apart_from: new})
        return rows

    def seconds(self, old: models.Model, new: models.Model) -> models.QuerySet[Any]:
        """Those that stand in the way of none, because the entry that stays has its own."""
        rows: models.QuerySet[Any] = self._all().filter(Exists(self._twins(new)), **{self.column: old})
        return rows

    def _twins(self, new: models.Model) -> models.QuerySet[Any]:
        alike = {column: OuterRef(column) for column in self.once_per or ()}
        rows: models.QuerySet[Any] = self._all().filter(**{self.column: new}, **alike)
        return rows

    def move(self, old: models.Model, new: models.Model) -> int:
        if self.deletes_second:
            self.seconds(old, new).delete()
        return self.rows(old, new).update(**{self.column: new})


@cache
def providers() -> tuple[ModuleType, ...]:
    names = [f"{app}.same_person" for app in settings.LOCAL_APPS]
    return tuple(import_module(name) for name in names if find_spec(name))


def following() -> Iterator[Follows]:
    """What all apps move, lower apps first."""
    for provider in providers():
        yield from provider.FOLLOWS


def staying() -> Mapping[str, str]:
    """Columns that keep naming the joined entry, each with the reason."""
    return {name: reason for provider in providers() for name, reason in provider.STAYS.items()}


@dataclass(frozen=True)
class Moved:
    """One line of the preview: how many rows of a kind go over."""

    title: Promise | str
    count: int


def preview(*, merged: User, survivor: User) -> list[Moved]:
    """What joining them would move; nothing is changed. One query for each kind of row."""
    pairs = _shared_companies(merged, survivor)
    found = []
    for follows in following():
        ends = pairs if follows.of_memberships else [(merged, survivor)]
        found.append(Moved(follows.title, sum(follows.rows(old, new).count() for old, new in ends)))
    addresses = EmailAddress.objects.filter(user=merged).count()
    return [line for line in (Moved(_("E-mail addresses"), addresses), *found) if line.count]


def check(*, merged: User, survivor: User) -> None:
    """Whether the two may be joined. Raises a `CannotMerge`."""
    if merged.pk == survivor.pk:
        raise SameEntry
    if any(person.is_staff or person.is_superuser for person in (merged, survivor)):
        raise StaffInvolved
    if merged.merged_into_id is not None or survivor.merged_into_id is not None:
        raise AlreadyMerged
    if merged.is_active and not survivor.is_active:
        raise SurvivorInactive
    if open_erasure(merged) is not None or open_erasure(survivor) is not None:
        raise ErasureOpen
    directory = ScimUser.objects.filter(deleted_at__isnull=True)
    theirs = directory.filter(membership__user=survivor).values("account")
    if directory.filter(membership__user=merged, account__in=theirs).exists():
        raise BothInDirectory


@transaction.atomic
def merge_people(*, merged: User, survivor: User, by: User, reason: str, now: datetime) -> PersonMerge:
    """Let everything of `merged` go on under `survivor`. Doing it twice is once.

    Raises `PermissionDenied`, and a `CannotMerge` that says why not.
    """
    if not by.has_perm(MAY_MERGE):
        raise PermissionDenied
    companies = _lock(merged, survivor)
    merged.refresh_from_db()
    survivor.refresh_from_db()
    if merged.merged_into_id == survivor.pk and survivor.pk is not None:
        return merged.merge
    check(merged=merged, survivor=survivor)
    address = merged.email
    _move_sign_in(merged, survivor)
    _end_entry(merged, survivor)
    moved = _move_all(merged, survivor)  # Last: frozen rows let go only of an entry that has ended.
    done = PersonMerge.objects.create(
        merged=merged, survivor=survivor, address=address, made_by=by, reason=reason, moved=moved, made_at=now
    )
    for company in companies:
        note(
            action=AuditAction.PEOPLE_MERGED,
            actor=Actor.staff(by.pk, company.pk),
            now=now,
            subject_id=survivor.pk,
            details={"reason": reason, "merged": merged.pk},
        )
    notify(
        kind="people_merged",
        to=[survivor, User(email=address, name=survivor.name, language=survivor.language)],
        account=None,
        context={"address": address, "kept": survivor.email},
    )
    return done


def _lock(merged: User, survivor: User) -> list[Account]:
    """Take their companies, then themselves, each in the order of their numbers; the companies of either."""
    of_either = Account.objects.filter(memberships__user__in=[merged, survivor]).values("pk")
    companies = list(Account.objects.filter(pk__in=of_either).order_by("pk").select_for_update(no_key=True))
    list(User.objects.filter(pk__in=[merged.pk, survivor.pk]).order_by("pk").select_for_update())
    return companies


def _shared_companies(merged: User, survivor: User) -> list[tuple[Membership, Membership]]:
    """Their places in companies where both have one."""
    theirs = {one.account_id: one for one in Membership.objects.filter(user=survivor)}
    rows = Membership.objects.filter(user=merged, account__in=theirs).order_by("pk")
    return [(one, theirs[one.account_id]) for one in rows]


def _move_all(merged: User, survivor: User) -> dict[str, int]:
    pairs = _shared_companies(merged, survivor)
    for old, new in pairs:
        _unite(old, new)
    for provider in providers():
        if unite := getattr(provider, "unite", None):
            unite(merged, survivor)
    moved = {}
    for follows in following():
        ends = pairs if follows.of_memberships else [(merged, survivor)]
        moved[follows.name] = sum(follows.move(old, new) for old, new in ends)
    return {name: count for name, count in moved.items() if count}


def _unite(old: Membership, new: Membership) -> None:
    """One place in the company with the roles of both; of a place that is over, no role counts."""
    roles = set().union(*(one.roles for one in (old, new) if one.is_active)) or set(new.roles)
    new.roles = [role.value for role in Role if role in roles]
    new.is_active = new.is_active or old.is_active
    new.department = new.department or old.department
    new.created_at = min(new.created_at, old.created_at)
    new.last_seen_at = max(filter(None, (new.last_seen_at, old.last_seen_at)), default=None)
    new.save(update_fields=["roles", "is_active", "department", "created_at", "last_seen_at"])
    if old.is_active:
        old.is_active = False
        old.save(update_fields=["is_active"])


def _move_sign_in(merged: User, survivor: User) -> None:
    """Either address, and either's passkeys, from now on lead to the entry that stays.

    A second factor is never weakened: the other one's app and recovery codes come along only where there are none.
    """
    _move_addresses(merged, survivor)
    kinds = Authenticator.Type
    passkeys = Authenticator.objects.filter(user=merged, type=kinds.WEBAUTHN)
    passkeys.update(user=survivor)
    for kind in (kinds.TOTP, kinds.RECOVERY_CODES):
        if not Authenticator.objects.filter(user=survivor, type=kind).exists():
            Authenticator.objects.filter(user=merged, type=kind).update(user=survivor)
    if not survivor.has_usable_password() and merged.has_usable_password():
        survivor.password = merged.password
    for field in ("phone", "job_title", "language"):
        setattr(survivor, field, getattr(survivor, field) or getattr(merged, field))
    survivor.dismissed_announcements = sorted({*survivor.dismissed_announcements, *merged.dismissed_announcements})
    survivor.save(update_fields=["password", "phone", "job_title", "language", "dismissed_announcements"])


def _move_addresses(merged: User, survivor: User) -> None:
    """Of an address that both have written down, one is kept; whoever of them has verified it has done so for both."""
    own, others = EmailAddress.objects.filter(user=survivor), EmailAddress.objects.filter(user=merged)
    of_both = others.filter(email__in=own.values("email"))
    verified = list(of_both.filter(verified=True).values_list("email", flat=True))
    of_both.delete()
    own.filter(email__in=verified).update(verified=True)
    others.update(user=survivor, primary=False)


def _end_entry(merged: User, survivor: User) -> None:
    """Nobody signs in with it any more, and the sessions it has are over: the password they rest on is gone."""
    User.objects.filter(merged_into=merged).update(merged_into=survivor)
    merged.merged_into, merged.is_active = survivor, False
    merged.email = f"merged-{merged.pk}@merged.invalid"
    merged.set_unusable_password()
    merged.save(update_fields=["merged_into", "is_active", "email", "password"])
    end_sessions(user=merged)
