"""Parts of setting up an installation: each app's `setup.py` lists its own, and `portal` composes the checklist."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import models
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


@dataclass(frozen=True)
class SetupItem:
    """One line of the checklist. Without `check` a person ticks it off, and says what they did."""

    code: str
    title: str | Promise
    group: SetupGroup
    url: Callable[[], str]  # Where it is done; empty: in the environment of the installation.
    check: Callable[[datetime], Finding] | None = None
    help: str | Promise = ""  # What to do, for those a person ticks.
