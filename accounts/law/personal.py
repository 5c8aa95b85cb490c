"""What the portal holds about people. Each app says it of its own tables, in `privacy.py`; found by name.

Every table with a column that names a person is in one of two lists there: `PERSONAL`, with what its owner gets of it
and what becomes of it when they are erased; or `EXEMPT`, with the reason. A test holds both against the models.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from allauth.account.models import EmailAddress
from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.functional import Promise

from accounts.models import OutgoingMail, PersonMerge, StoredFile, User


class Fate(StrEnum):
    """What becomes of a person's rows when the person is erased."""

    DELETE = "delete"
    UNTIE = "untie"  # The row stays, the column that names the person is emptied.
    KEEP = "keep"  # The row stays; it names an erased person.


@dataclass(frozen=True)
class PersonalData:
    """The rows of one table that are about a person."""

    model: str  # "cases.CaseMessage"
    person: str  # The field that names them: a foreign key to the user, the user's number, or an e-mail address.
    title: str | Promise  # What it is to them: "Messages in cases".
    fields: tuple[str, ...]  # What they get; never anything of other people.
    fate: Fate
    reason: str | Promise = ""  # Why it is kept, and how long; empty for what is deleted.
    file: str = ""  # A field or relation that leads to their stored files.
    only: Mapping[str, Any] | None = None  # Conditions besides: staff's own notes are not the customer's.
    emptied: tuple[str, ...] = ()  # Further columns of an untied row that could tell who it was.
    where_staff_too: bool = False  # Whether it is given out where the person is of the vendor's staff.
    # Where the address alone does not say whose a row is: given the person and their addresses. See `rows`.
    whose: Callable[[User, set[str]], models.Q] | None = None
    # Why rows without a reason to be kept have no end in accounts.law.retention either.
    lasts: str = ""

    @property
    def name(self) -> str:
        """The name of the file in the export."""
        return self.model.lower().replace(".", "-")

    def rows(self, user: User) -> models.QuerySet[Any]:
        """The person's rows, in the order in which they came."""
        model: type[models.Model] = apps.get_model(self.model)
        field = model._meta.get_field(self.person.partition("__")[0])
        rows: models.QuerySet[Any] = model._default_manager.filter(**(self.only or {})).order_by("pk")
        if field.related_model is not None or not isinstance(field, models.CharField):
            return rows.filter(models.Q(**{f"{self.person}__in": entries_of(user).values("pk")}))
        addresses = addresses_of(user)
        theirs = self.whose(user, addresses) if self.whose else models.Q(in_lower_case__in=addresses)
        named: models.QuerySet[Any] = rows.annotate(in_lower_case=Lower(self.person))
        return named.filter(theirs)

    def files(self, user: User) -> Iterator[StoredFile]:
        """Files that they sent with these rows."""
        if self.file:
            wanted = self.rows(user).filter(**{f"{self.file}__isnull": False}).values(self.file)
            yield from StoredFile.objects.filter(pk__in=wanted, uploaded_by=user).order_by("pk")


def entries_of(user: User) -> models.QuerySet[User]:
    """The person's entry, and those that were joined with it."""
    return User.objects.filter(models.Q(pk=user.pk) | models.Q(merged_into=user.pk))


def addresses_of(user: User) -> set[str]:
    """Every e-mail address that is theirs or was, in lower case.

    Anybody can name an address: theirs is what they verified, and what they had when we wrote to them. An address that
    somebody else has by now is no longer theirs.
    """
    verified = EmailAddress.objects.annotate(address=Lower("email")).filter(verified=True)
    own = {user.email.lower(), *verified.filter(user=user).values_list("address", flat=True)}
    written_to = OutgoingMail.objects.filter(user__in=entries_of(user)).values_list(Lower("to"), flat=True).distinct()
    joined = PersonMerge.objects.filter(survivor__in=entries_of(user)).values_list(Lower("address"), flat=True)
    earlier = {*written_to, *joined} - own - {""}
    if earlier:
        people = User.objects.annotate(address=Lower("email")).exclude(pk__in=entries_of(user).values("pk"))
        earlier -= set(people.filter(address__in=earlier).values_list("address", flat=True))
        earlier -= set(verified.filter(address__in=earlier).exclude(user=user).values_list("address", flat=True))
    return own | earlier


@cache
def personal_data() -> tuple[PersonalData, ...]:
    """What all apps hold about people, lower apps first."""
    return tuple(entry for module in _providers() for entry in getattr(module, "PERSONAL", ()))


@cache
def exempt() -> dict[str, str]:
    """Tables that name people and are no data about them, each with the reason."""
    return {model: reason for module in _providers() for model, reason in getattr(module, "EXEMPT", {}).items()}


def _providers() -> Iterator[Any]:
    for app in settings.LOCAL_APPS:
        if find_spec(f"{app}.privacy"):
            yield import_module(f"{app}.privacy")
