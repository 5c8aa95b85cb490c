"""What people can be told: one class per type, declared in the `notifications.py` of the app that tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.formats import isolated
from accounts.models import ByMail, Membership, OutgoingMail
from accounts.permissions import Permission

Context = Mapping[str, Any]
Text = str | Promise


class Category(models.TextChoices):
    """How a person's settings are grouped."""

    CASES = "cases", _("Cases")
    ORDERS = "orders", _("Orders and contracts")
    MONEY = "money", _("Invoices and payments")
    PEOPLE = "people", _("People and access")
    SECURITY = "security", _("Security and legal")
    PRODUCT = "product", _("Product news")

    @property
    def icon(self) -> str:
        return {
            "cases": "message-square",
            "orders": "package",
            "money": "receipt",
            "people": "users",
            "security": "shield-check",
            "product": "sparkles",
        }[self]


@dataclass(frozen=True)
class Attachment:
    """A file that comes with a mail."""

    name: str
    content: bytes
    content_type: str


class NotificationType:
    """One type of thing that people are told.

    Its mail is `mail/<name>.subject.txt` and `mail/<name>.txt`; the formatted part is made from the text. Its line in
    the bell is `line`, filled with what `params` gives, and leads to `link`. A type without a line is told by mail
    alone.
    """

    name: ClassVar[str]
    label: ClassVar[Text]  # In the settings: what it is about.
    category: ClassVar[Category]
    line: ClassVar[Text] = ""
    action: ClassVar[Text] = _("Open in the portal")  # On the button of the formatted mail.
    permission: ClassVar[Permission | None] = None  # Asked again when it is sent and when the bell is opened.
    is_optional: ClassVar[bool] = True  # Security and legal matters can't be switched off.
    is_marketing: ClassVar[bool] = False  # Stops with one click; never sent twice when the outcome is unknown.
    is_urgent: ClassVar[bool] = False  # Does not wait for the end of quiet hours.
    may_be_digested: ClassVar[bool] = True
    is_chosen: ClassVar[bool] = True  # False: has no line of its own in the settings.
    members_only: ClassVar[bool] = True  # False: also for somebody who has just left, or is about to join.
    html_template: ClassVar[str] = "mail/_layout.html"
    in_bell: ClassVar[bool] = True  # What holds until somebody chooses.
    by_mail: ClassVar[ByMail] = ByMail.NOW

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        """What the line names. Kept as JSON."""
        return {}

    @classmethod
    def link(cls, context: Context) -> str:
        """The path of the page that it is about; empty without one."""
        return ""

    @classmethod
    def answers(cls, context: Context) -> tuple[str, str] | None:
        """What a reply to its mail belongs to, as an app's `inbound.py` names it: ("case", "10482")."""
        return None

    @classmethod
    def document(cls, context: Context) -> str:
        """The number of the document that comes with it, where it goes to a company's address for invoices."""
        return ""

    @classmethod
    def attachment(cls, mail: OutgoingMail) -> Attachment | None:
        """The document of a mail, as it is sent."""
        return None

    @classmethod
    def why_not(cls, mail: OutgoingMail) -> str:
        """Why there is no use in its document by now; empty when there is."""
        return ""

    @classmethod
    def line_with(cls, params: Mapping[str, Any]) -> str:
        """The bell's line; what was kept before the line named more is shown without it."""
        try:
            return str(cls.line) % {name: isolated(value) for name, value in params.items()}
        except (KeyError, ValueError, TypeError):
            return str(cls.label)


class UnknownType(LookupError):
    """No `notifications.py` declares a type of this name."""


@cache
def types() -> dict[str, type[NotificationType]]:
    """Every type of every app, by name; an app's are its `notifications.TYPES`."""
    found: dict[str, type[NotificationType]] = {}
    for app in settings.LOCAL_APPS:
        module = f"{app}.notifications"
        if find_spec(module) is not None:
            for one in import_module(module).TYPES:
                if one.name in found:
                    raise ValueError(f"two notification types are named {one.name}")
                found[one.name] = one
    return found


def type_named(name: str) -> type[NotificationType]:
    """Raises `UnknownType`."""
    try:
        return types()[name]
    except KeyError:
        raise UnknownType(name) from None


def names_for(membership: Membership) -> list[str]:
    """The types that somebody with this membership may be told of."""
    return [one.name for one in types().values() if one.permission is None or membership.may(one.permission)]
