"""Who may download a file: whoever has its permission, and whom the room that the file belongs to lets see it."""

from collections.abc import Callable

from accounts.models import Membership, StoredFile
from accounts.permissions import Permission

Guard = Callable[[Membership, StoredFile], bool]

_GUARDS: dict[Permission, Guard] = {}


def guard(permission: Permission, check: Guard) -> None:
    """Files with this permission also ask `check`. Called once, by the app whose files they are, as it gets ready."""
    _GUARDS[permission] = check


def is_visible(membership: Membership, stored: StoredFile) -> bool:
    """Whether this person, whose roles allow it, also sees what the file belongs to."""
    check = _GUARDS.get(Permission(stored.permission))
    return check is None or check(membership, stored)
