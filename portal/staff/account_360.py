"""Account 360: everything the vendor's people may know of one customer, on one page."""

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.http import HttpResponse
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
    """A panel with its content."""

    panel: Panel
    html: SafeString


def panels() -> list[Panel]:
    """Every app's panels, in the order of the page."""
    found: Iterable[Panel] = (panel for module in provided("account_360") for panel in module.PANELS)
    return sorted(found, key=lambda panel: panel.order)


@require_safe
@requires_staff("accounts.view_account")
def account_360(request: StaffRequest, pk: int) -> HttpResponse:
    """One page per customer; each part by its own permission."""
    rows = Account.objects.select_related("tier", "owner", "sales_contact", "parent")
    account = get_object_or_404(rows, pk=pk)
    today = timezone.now().astimezone(ZoneInfo(account.time_zone)).date()
    shown = [
        ShownPanel(
            panel,
            render_to_string(
                panel.template, {**panel.context(account, today), "account": account, "today": today}, request
            ),
        )
        for panel in panels()
        if request.user.has_perm(panel.permission)
    ]
    context = admin.site.each_context(request) | {"title": account.name, "account": account, "panels": shown}
    return render(request, "admin/account_360.html", context)
