"""What people are told about joining a company."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.notifications.types import Category, Context, NotificationType
from accounts.permissions import Permission


class Invited(NotificationType):
    """The link by which somebody joins. Kept nowhere but in the mail."""

    name = "invitation"
    label = _("You are invited")
    category = Category.PEOPLE
    action = _("Join")
    is_optional = False
    is_urgent = True
    is_chosen = False
    may_be_digested = False
    members_only = False
    in_bell = False


class ClaimLink(Invited):
    """The link by which a company's first administrator comes in."""

    name = "claim_link"
    action = _("Begin")


class InvitationAccepted(NotificationType):
    name = "invitation_accepted"
    label = _("Somebody I invited has joined")
    category = Category.PEOPLE
    permission = Permission.MANAGE_MEMBERS
    line = _("%(name)s has joined")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        return {"name": str(context["newcomer"])}

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("accounts:member", args=[context["member"].public_id])


class JoinRequested(NotificationType):
    name = "join_requested"
    label = _("Somebody asks to join")
    category = Category.PEOPLE
    permission = Permission.MANAGE_MEMBERS
    line = _("%(email)s would like to join")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        return {"email": context["asked"].email}

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("accounts:join-request", args=[context["asked"].public_id])


class JoinApproved(NotificationType):
    name = "join_approved"
    label = _("I was let in")
    category = Category.PEOPLE
    is_optional = False
    is_chosen = False
    may_be_digested = False
    members_only = False
    in_bell = False


class JoinDeclined(JoinApproved):
    name = "join_declined"
    label = _("I was not let in")


class PeopleMerged(JoinApproved):
    """To both addresses: whoever it was not meant for can object."""

    name = "people_merged"
    label = _("My entries were joined")
    category = Category.PEOPLE


PEOPLE_TYPES: tuple[type[NotificationType], ...] = (
    Invited,
    ClaimLink,
    InvitationAccepted,
    JoinRequested,
    JoinApproved,
    JoinDeclined,
    PeopleMerged,
)
