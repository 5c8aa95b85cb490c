"""The staff's admin: unfold's look, under a Content-Security-Policy of its own."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from unfold.sites import UnfoldAdminSite


def _refusing_nonsense(view: Callable[..., Any]) -> Callable[..., Any]:
    """400 for what no page of the admin sends, and Django's own would fail at: null bytes, and keys that are none."""
    model_admin = getattr(view, "__self__", None)

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        asked = (value for name, values in request.GET.lists() for value in (name, *values))
        if any("\x00" in value for value in (request.path, *asked)):
            raise BadRequest
        if isinstance(model_admin, admin.ModelAdmin):
            _check_keys(model_admin, request)
        response: HttpResponseBase = view(request, *args, **kwargs)
        return response

    return checked


def _check_keys(model_admin: admin.ModelAdmin[Any], request: HttpRequest) -> None:
    """Raises `BadRequest` for a row or a choice that nothing can have as its key."""
    models = {ACTION_CHECKBOX_NAME: model_admin.model}
    for name in model_admin.get_autocomplete_fields(request):
        models[name] = model_admin.model._meta.get_field(name).related_model
    for name, model in models.items():
        for value in filter(None, request.POST.getlist(name)):
            try:
                model._meta.pk.get_prep_value(value)
            except (ValueError, ValidationError) as problem:
                raise BadRequest from problem
            if "\x00" in value:
                raise BadRequest


class PortalAdminSite(UnfoldAdminSite):
    """Only staff get in; a customer who tries is refused."""

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        sensible = super().admin_view(_refusing_nonsense(view), cacheable)
        wider: Callable[..., Any] = csp_update(settings.ADMIN_CSP_ADDITIONS)(sensible)
        return wider

    @method_decorator([login_not_required, never_cache])
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Staff sign in where everybody does: with the same limits and the same second factor.

        Raises `PermissionDenied` for somebody who is signed in already, and is not on the staff.
        """
        if request.user.is_authenticated:
            if self.has_permission(request):
                return redirect("admin:index")
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"), reverse("account_login"))

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Pages that several apps contribute to, before those of the models."""
        from portal.staff import (
            account_360,
            claim_contacts,
            data_quality,
            deal_desk,
            duplicates,
            permissions,
            portfolio,
            renewals,
            setup,
            view_as,
        )

        def page(route: str, view: Callable[..., Any], name: str) -> URLPattern:
            return path(route, self.admin_view(view), name=name)

        return [
            page("accounts/account/<int:pk>/360/", account_360.account_360, "account_360"),
            page("accounts/account/<int:pk>/360/<slug:name>/", account_360.account_360_panel, "account_360_panel"),
            page("accounts/account/<int:pk>/claim-contacts/", claim_contacts.claim_contacts, "claim_contacts"),
            page("view-as/<uuid:public_id>/", view_as.view_as, "view_as"),
            page("duplicates/", duplicates.candidates, "duplicates"),
            page("duplicates/<int:first>/<int:second>/", duplicates.merge, "merge_people"),
            page("duplicates/<int:first>/<int:second>/two/", duplicates.tell_apart, "tell_apart"),
            page("portfolio/", portfolio.portfolio, "portfolio"),
            page("portfolio/hand-over/", portfolio.hand_over_accounts, "hand_over"),
            page("portfolio/cover/", portfolio.add_cover, "add_cover"),
            page("portfolio/cover/<int:pk>/end/", portfolio.stop_cover, "stop_cover"),
            page("deal-desk/", deal_desk.queue, "deal_desk"),
            page("deal-desk/<uuid:public_id>/", deal_desk.decide, "deal_desk_request"),
            page("renewals/", renewals.renewal_board, "renewal_board"),
            page("setup/", setup.checklist, "setup"),
            page("setup/tick/<slug:code>/", setup.tick, "tick_setup"),
            page("setup/decisions/", setup.decide, "decide_setup"),
            page("setup/test-mail/", setup.send_test_mail, "test_mail"),
            page("data-quality/", data_quality.data_quality, "data_quality"),
            page("permissions/", permissions.permissions, "permissions"),
            *super().get_urls(),
        ]

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_staff)


# The brand's primary colour on light and on dark pages, as assets/brand.css has it.
BRAND_ON_LIGHT, BRAND_ON_DARK = "#0b5d67", "#4fc3d3"


def brand_shades(request: HttpRequest) -> dict[str, str]:
    """The shades unfold asks for: 600 is its colour on light pages, 500 on dark ones, and the others lie around."""
    lighter = {"50": 10, "100": 20, "200": 40, "300": 60, "400": 80}
    darker = {"700": 85, "800": 70, "900": 55, "950": 40}
    return {
        **{shade: f"color-mix(in oklab, {BRAND_ON_DARK} {part}%, white)" for shade, part in lighter.items()},
        "500": BRAND_ON_DARK,
        "600": BRAND_ON_LIGHT,
        **{shade: f"color-mix(in oklab, {BRAND_ON_LIGHT} {part}%, black)" for shade, part in darker.items()},
    }


def favicon(request: HttpRequest) -> str:
    return static("portal/favicon.svg")


def stylesheet(request: HttpRequest) -> str:
    return static("portal/admin.css")


def script(request: HttpRequest) -> str:
    return static("portal/admin.js")
