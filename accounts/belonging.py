"""The companies that a person may work for: those they belong to, and subsidiaries that are open to the parent."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, QuerySet

from accounts.law.terms import terms_in_force
from accounts.models import Account, Membership, User
from accounts.permissions import VIEW_PERMISSIONS, Role

_PARTS = ("tier", "owner", "sales_contact", "parent", "security_policy")


def memberships_of(user: User) -> list[Membership]:
    """The person's memberships by company name, then a stand-in for each subsidiary that they may look at.

    A company's administrators see its subsidiaries where the subsidiary is open to them, and theirs in turn. One query,
    and one more for each level of subsidiaries that there is.
    """
    own = list(
        Membership.objects.active()
        .filter(user=user)
        .select_related("home_layout", *(f"account__{part}" for part in _PARTS))
        .annotate(leads=Exists(_open_below("account_id")), terms_in_force=terms_in_force())
        .order_by("account__name", "pk")
    )
    administered = [one for one in own if Role.ADMINISTRATOR in one.roles]
    leading = [one.account_id for one in administered if one.leads]  # type: ignore[attr-defined]  # As annotated.
    return own + _looking_on(user, leading, seen={one.account_id for one in own})


def _looking_on(user: User, leading: Iterable[int], *, seen: set[int]) -> list[Membership]:
    found: list[Membership] = []
    parents = list(leading)
    while parents:
        below = list(
            Account.objects.filter(parent__in=parents, is_open_to_parent=True, is_active=True)
            .exclude(pk__in=seen)
            .select_related(*_PARTS)
            .annotate(leads=Exists(_open_below("pk")))
            .order_by("name", "pk")
        )
        found += [_stand_in(user, account) for account in below]
        seen |= {account.pk for account in below}
        parents = [account.pk for account in below if account.leads]
    return found


def _open_below(parent: str) -> QuerySet[Account]:
    return Account.objects.filter(parent=OuterRef(parent), is_open_to_parent=True, is_active=True)


def _stand_in(user: User, account: Account) -> Membership:
    membership = Membership(user=user, account=account, roles=[Role.ADMINISTRATOR])
    membership.is_of_parent = True
    membership.limited_to = VIEW_PERMISSIONS
    return membership
