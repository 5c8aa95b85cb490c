"""What the pages about money have in common: amounts are for those who may see them."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.http import HttpRequest

from accounts.models import User


class AmountsByPermission:
    """Columns and fields that tell an amount are left out for people without `commerce.view_amounts`.

    Stands before the admin's own class, whose methods `super()` is here: types cannot say so.
    """

    amounts: ClassVar[frozenset[str]] = frozenset()

    def get_list_display(self, request: HttpRequest) -> list[str]:
        return self._shown(request, super().get_list_display(request))  # type: ignore[misc]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self._shown(request, super().get_fields(request, obj))  # type: ignore[misc]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self._shown(request, super().get_readonly_fields(request, obj))  # type: ignore[misc]

    def _shown(self, request: HttpRequest, names: Iterable[str]) -> list[str]:
        hidden = frozenset() if request.user.has_perm("commerce.view_amounts") else self.amounts
        return [name for name in names if name not in hidden]


def staff_of(request: HttpRequest) -> User:
    """Who is signed in to the admin."""
    if not isinstance(request.user, User):
        raise TypeError("the admin is for people who signed in")
    return request.user
