"""What the pages about money have in common: amounts for those who may see them, and actions that are possible."""

from collections.abc import Collection, Iterable
from typing import Any, ClassVar

from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.dataclasses import UnfoldAction

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


class PossibleActions(ModelAdmin):
    """Offers on the page of a row only what can be done with it."""

    def possible_actions(self, row: Any) -> Collection[str]:
        """The methods among `actions_detail` that would not be refused."""
        raise NotImplementedError

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[UnfoldAction]:
        row = self.get_object(request, object_id)
        if row is None:
            return []
        possible = {f"{self.opts.app_label}_{self.opts.model_name}_{name}" for name in self.possible_actions(row)}
        return [one for one in super().get_actions_detail(request, object_id) if one.action_name in possible]


def staff_of(request: HttpRequest) -> User:
    """Who is signed in to the admin."""
    if not isinstance(request.user, User):
        raise TypeError("the admin is for people who signed in")
    return request.user
