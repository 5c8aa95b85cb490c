"""What staff pages have in common: what nobody does by hand."""

from typing import Any, ClassVar

from django.http import HttpRequest


class Undeletable:
    """What other rows refer to: it ends, and is never deleted."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Kept(Undeletable):
    """History, and what other parts of the portal write. Nothing is added by hand; actions stay with who may change."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnly(Kept):
    """To be seen, not edited."""

    seen_with: ClassVar[str] = ""  # For an inline: the permission that shows it, instead of one for its own model.

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if self.seen_with:
            return request.user.has_perm(self.seen_with)
        return bool(super().has_view_permission(request, obj))  # type: ignore[misc]  # A mixin: the admin's.

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
