"""Home, where everything of a company comes together, and the style guide."""

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.forms import CompanyForm
from accounts.http import AccountRequest, requires, session_digest
from accounts.models import Account
from accounts.permissions import Permission
from cases.models import Case
from commerce import contracts
from recommendations.models import ContentBlock
from tracking.models import EventName
from tracking.services import buffer_page_view

OPEN_CASES_SHOWN = 5


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """A customer's Home; staff who come here are led to the admin."""
    if request.user.is_staff:
        return redirect("admin:index")
    return customer_home(request)


@requires(Permission.VIEW_HOME)
def customer_home(request: AccountRequest) -> HttpResponse:
    """Contract dates, use against limits, open cases, one recommendation, news for the industry, the account team."""
    account, membership = request.account, request.membership
    now = timezone.now()
    today = now.astimezone(ZoneInfo(account.time_zone)).date()
    context: dict[str, Any] = {"account": account, "today": today, "greeting": _greeting(request, account)}
    if membership.may(Permission.VIEW_CONTRACTS):
        context["contract"] = contracts.overview(account, today)
    if membership.may(Permission.VIEW_CASES):
        context["cases"] = (
            Case.objects.for_account(account).open().order_by("-updated_at", "-pk")[: OPEN_CASES_SHOWN + 1]
        )
    context["blocks"] = ContentBlock.objects.matching(account)[:2]
    buffer_page_view(name=EventName.HOME_VIEWED, actor=request.actor, now=now, session_key=session_digest(request))
    return render(request, "portal/home.html", context)


def _greeting(request: AccountRequest, account: Account) -> str:
    hour = timezone.now().astimezone(ZoneInfo(account.time_zone)).hour
    name = request.user.first_name
    if hour < 12:
        return _("Good morning, %(name)s") % {"name": name}
    if hour < 18:
        return _("Good afternoon, %(name)s") % {"name": name}
    return _("Good evening, %(name)s") % {"name": name}


@login_not_required
@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every component in its states; not there in production."""
    return render(request, "styleguide.html", {"form": CompanyForm({"phone": "<", "time_zone": "Mars"})})
