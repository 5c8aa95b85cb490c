"""Parts of setting up an installation: each app's `setup.py` lists its own, and `portal` composes the checklist."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models.expressions import Combinable, Subquery
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class SetupState(models.TextChoices):
    DONE = "done", _("Done")
    ATTENTION = "attention", _("Look at this")
    OPEN = "open", _("To do")


class SetupGroup(models.TextChoices):
    """The sections of the checklist, in their order."""

    HOUSE = "house", _("The house")
    SELLING = "selling", _("Selling")
    SERVICE = "service", _("Service")
    CONNECTIONS = "connections", _("Connections")
    PEOPLE = "people", _("People and security")
    OPENING = "opening", _("Opening")


@dataclass(frozen=True)
class Finding:
    """How a part stands, and why, in a sentence."""

    state: SetupState
    why: str

    @classmethod
    def when(cls, is_done: bool, *, done: str, otherwise: str, state: SetupState = SetupState.OPEN) -> "Finding":
        return cls(SetupState.DONE, done) if is_done else cls(state, otherwise)


Facts = Mapping[str, Any]


class RowCount(Subquery):
    """How many rows a query has, as a part of another one."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS counted)"
    output_field = models.IntegerField()


@dataclass(frozen=True)
class SetupItem:
    """One line of the checklist. Without `check` a person ticks it off, and says what they did.

    `facts` names what a check goes by, as parts of the one statement that reads it for the whole checklist.
    """

    code: str
    title: str | Promise
    group: SetupGroup
    url: Callable[[], str]  # Where it is done; empty: in the environment of the installation.
    check: Callable[[datetime, Facts], Finding] | None = None
    facts: Callable[[datetime], Mapping[str, Combinable]] | None = None
    help: str | Promise = ""  # What to do, for those a person ticks.


def read_facts(items: Iterable[SetupItem], now: datetime) -> Facts:
    """What all of them go by. One query, from one row of a table that is never empty."""
    wanted: dict[str, Combinable] = {}
    for item in items:
        if item.facts is not None:
            wanted |= item.facts(now)
    return ContentType.objects.values(**wanted)[:1].get()
