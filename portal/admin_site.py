"""The staff's admin: unfold's look, under a Content-Security-Policy of its own."""

from collections.abc import Callable
from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite


class PortalAdminSite(UnfoldAdminSite):
    """Only staff get in; customers who try are sent to sign in as somebody else."""

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        wider: Callable[..., Any] = csp_update(settings.ADMIN_CSP_ADDITIONS)(super().admin_view(view, cacheable))
        return wider

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_staff)
