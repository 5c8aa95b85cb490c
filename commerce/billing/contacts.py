"""Whom a company has named for its bills."""

from accounts.models import Account, Membership, User
from accounts.permissions import Role


def billing_contacts(account: Account) -> list[User]:
    """The company's people for bills; where it has named none, its administrators."""
    members = Membership.objects.for_account(account).active().select_related("user").order_by("pk")
    chosen = members.with_role(Role.BILLING) or members.with_role(Role.ADMINISTRATOR)
    return [member.user for member in chosen]
