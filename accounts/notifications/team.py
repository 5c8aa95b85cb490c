"""What is told when the vendor's people share their work anew: to themselves, and to the companies they look after."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.notifications.types import Category, Context, NotificationType
from accounts.permissions import Permission


class ToStaff(NotificationType):
    """By mail alone: the vendor's people have no bell and no settings."""

    category = Category.PEOPLE
    action = _("Open the admin")
    is_optional = False
    is_chosen = False
    may_be_digested = False
    members_only = False
    in_bell = False


class PortfolioReceived(ToStaff):
    name = "portfolio_received"
    label = _("I look after more companies")


class PortfolioGiven(ToStaff):
    name = "portfolio_given"
    label = _("Somebody else looks after my companies")


class CoverArranged(ToStaff):
    name = "cover_arranged"
    label = _("Somebody stands in")


class SetupTest(ToStaff):
    """The mail by which somebody sees that mail arrives."""

    name = "setup_test"
    label = _("A test mail")


class AccountTeamChanged(NotificationType):
    name = "account_team_changed"
    label = _("Somebody else looks after us")
    category = Category.PEOPLE
    permission = Permission.VIEW_TEAM
    line = _("%(name)s looks after you from now on")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        return {"name": str(context["handover"].taker)}

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("accounts:company")


TEAM_TYPES: tuple[type[NotificationType], ...] = (
    PortfolioReceived,
    PortfolioGiven,
    CoverArranged,
    SetupTest,
    AccountTeamChanged,
)
