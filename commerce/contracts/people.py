"""Whom to tell of a contract: its customer's buyers, and our own people who look after them."""

from accounts.models import Account, Membership, User
from accounts.permissions import Permission, allowed


def buyers_of(account: Account) -> list[User]:
    members = Membership.objects.for_account(account).active().select_related("user")
    return [member.user for member in members if allowed(member.roles, Permission.BUY)]


def contacts_of(account: Account) -> list[User]:
    """Our own people who look after the account."""
    people = {one.pk: one for one in (account.sales_contact, account.owner) if one is not None}
    return list(people.values())
