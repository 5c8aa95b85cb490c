"""The types that belong to no upper app."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.notifications.law import LAW_TYPES
from accounts.notifications.people import PEOPLE_TYPES
from accounts.notifications.security import SECURITY_TYPES
from accounts.notifications.team import TEAM_TYPES
from accounts.notifications.types import Category, Context, NotificationType


class Digest(NotificationType):
    """What somebody has chosen to read in one mail a day or a week."""

    name = "digest"
    label = _("Summary")
    category = Category.PRODUCT
    is_chosen = False
    in_bell = False
    may_be_digested = False
    html_template = "mail/digest.html"

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("accounts:notifications")


class RolesChanged(NotificationType):
    """An administrator has given somebody other roles."""

    name = "roles_changed"
    label = _("My roles have changed")
    category = Category.SECURITY
    is_optional = False
    line = _("Your roles at %(company)s have changed")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        return {"company": context["member"].account.name}

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("accounts:people")


TYPES: tuple[type[NotificationType], ...] = (
    Digest,
    RolesChanged,
    *PEOPLE_TYPES,
    *TEAM_TYPES,
    *LAW_TYPES,
    *SECURITY_TYPES,
)
