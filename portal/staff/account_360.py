"""Account 360: everything the vendor's people may know of one customer, on one page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from accounts.http import StaffRequest, requires_staff
from accounts.models import Account
from accounts.panels import Panel
from portal.providers import provided


@dataclass(frozen=True)
class ShownPanel:
    """A panel with its content; without any it fetches itself."""

    panel: Panel
    html: SafeString | None


def panels() -> list[Panel]:
    """Every app's panels, in the order of the page."""
    found: Iterable[Panel] = (panel for module in provided("account_360") for panel in module.PANELS)
    return sorted(found, key=lambda panel: panel.order)


@require_safe
@requires_staff("accounts.view_account")
def account_360(request: StaffRequest, pk: int) -> HttpResponse:
    """One page per customer; each part by its own permission."""
    account = _account(pk)
    today = _today(account)
    shown = [
        ShownPanel(panel, _content(request, panel, account, today) if panel.is_at_once else None)
        for panel in panels()
        if request.user.has_perm(panel.permission)
    ]
    return _page(request, account, {"title": account.name, "panels": shown})


@require_safe
@requires_staff("accounts.view_account")
def account_360_panel(request: StaffRequest, pk: int, name: str) -> HttpResponse:
    """One part of the page: for the page itself, or as a page of its own for those without JavaScript."""
    panel = next((one for one in panels() if one.name == name), None)
    if panel is None:
        raise Http404
    if not request.user.has_perm(panel.permission):
        request.refused = panel.permission
        raise PermissionDenied
    account = _account(pk)
    html = _content(request, panel, account, _today(account))
    if request.htmx:
        return HttpResponse(html)
    shown = [ShownPanel(panel, html)]
    return _page(request, account, {"title": f"{account.name}: {panel.title}", "panels": shown, "is_part": True})


def _account(pk: int) -> Account:
    return get_object_or_404(Account.objects.select_related("tier", "owner", "sales_contact", "parent"), pk=pk)


def _today(account: Account) -> date:
    return account.local_date(timezone.now())


def _content(request: StaffRequest, panel: Panel, account: Account, today: date) -> SafeString:
    context = {**panel.context(account, today), "account": account, "today": today}
    return render_to_string(panel.template, context, request)


def _page(request: StaffRequest, account: Account, context: dict[str, Any]) -> HttpResponse:
    return render(request, "admin/account_360.html", admin.site.each_context(request) | {"account": account} | context)
