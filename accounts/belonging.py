"""The companies that a person may work for: those they belong to, and subsidiaries that are open to the parent."""

from collections.abc import Iterable
from operator import attrgetter

from django.db.models import Exists, OuterRef, QuerySet

from accounts.compiled import Compiled, Each, Given
from accounts.law.terms import terms_in_force
from accounts.models import Account, Membership, User
from accounts.permissions import VIEW_PERMISSIONS, Role

# Whether subsidiaries are open to a company's administrators, as the queries below annotate it.
_leads = attrgetter("leads")
_PARTS = ("tier", "owner", "sales_contact", "parent", "security_policy")


def memberships_of(user: User) -> list[Membership]:
    """The person's memberships by company name, then a stand-in for each subsidiary that they may look at.

    A company's administrators see its subsidiaries where the subsidiary is open to them, and theirs in turn. One query,
    and one more for each level of subsidiaries that there is.
    """
    own = _own(user=user.pk)
    administered = [one for one in own if Role.ADMINISTRATOR in one.roles]
    leading = [one.account_id for one in administered if _leads(one)]
    return [*own, *_looking_on(user, leading, seen={one.account_id for one in own})]


def group_of(memberships: Iterable[Membership]) -> list[Membership]:
    """Of what `memberships_of` gave, the companies of the person's group: those whose subsidiaries they see, and these.

    Empty where there is no subsidiary to see. No query.
    """
    memberships = list(memberships)
    below = [one for one in memberships if one.is_of_parent]
    leading = {one.account.parent_id for one in below}
    heads = [one for one in memberships if not one.is_of_parent and one.account_id in leading]
    inside = {one.account_id for one in heads}
    own_below = [one for one in memberships if not one.is_of_parent and one.account.parent_id in inside]
    rest = [one for one in own_below if one.account_id not in inside]
    return [*heads, *sorted([*below, *rest], key=lambda one: one.account.name)] if below else []


def _looking_on(user: User, leading: Iterable[int], *, seen: set[int]) -> list[Membership]:
    found: list[Membership] = []
    parents = list(leading)
    while parents:
        below = [account for account in _below(parents=parents) if account.pk not in seen]
        found += [_stand_in(user, account) for account in below]
        seen |= {account.pk for account in below}
        parents = [account.pk for account in below if _leads(account)]
    return found


def _open_below(parent: str) -> QuerySet[Account]:
    return Account.objects.filter(parent=OuterRef(parent), is_open_to_parent=True, is_active=True)


def _stand_in(user: User, account: Account) -> Membership:
    membership = Membership(user=user, account=account, roles=[Role.ADMINISTRATOR])
    membership.is_of_parent = True
    membership.limited_to = VIEW_PERMISSIONS
    return membership


_own = Compiled(
    lambda: (
        Membership.objects.active()
        .filter(user=Given("user"))
        .select_related("home_layout", *(f"account__{part}" for part in _PARTS))
        .annotate(leads=Exists(_open_below("account_id")), terms_in_force=terms_in_force())
        .order_by("account__name", "pk")
    )
)
_below = Compiled(
    lambda: (
        Account.objects.filter(parent__in=Each(Given("parents")), is_open_to_parent=True, is_active=True)
        .select_related(*_PARTS)
        .annotate(leads=Exists(_open_below("pk")))
        .order_by("name", "pk")
    )
)
