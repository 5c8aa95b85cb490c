"""The customers' table of permissions as django-rules: `user.has_perm("customer.buy", membership)`, also in templates.

Pages ask `accounts.http.requires`, and everything asks the one table in `accounts.permissions`.
"""

from rules.permissions import set_perm
from rules.predicates import Predicate, predicate

from accounts.models import Membership, User
from accounts.permissions import Permission


def name_of(permission: Permission) -> str:
    return f"customer.{permission.value}"


def granted_by_roles(permission: Permission) -> Predicate:
    """Whether the person's own membership grants it."""

    def may(user: User, membership: Membership | None) -> bool:
        return membership is not None and membership.user_id == user.pk and membership.may(permission)

    made: Predicate = predicate(may, name=f"may_{permission.value}")  # type: ignore[no-untyped-call]  # rules has no types.
    return made


def register() -> None:
    """Make each permission known, once per process."""
    for permission in Permission:
        set_perm(name_of(permission), granted_by_roles(permission))  # type: ignore[no-untyped-call]  # rules has no types.
