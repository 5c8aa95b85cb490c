"""Home, where everything of a company comes together, and the style guide."""

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from accounts.forms import CompanyForm
from accounts.http import AccountRequest, requires, session_digest
from accounts.models import Entitlements, Membership
from accounts.permissions import Permission
from accounts.portfolios import account_team
from cases.models import Case
from commerce import contracts
from commerce.contracts import ContractOverview
from commerce.usage import meters_on
from recommendations.models import ContentBlock
from recommendations.services import note_shown, recommend
from tracking.models import EventName
from tracking.services import buffer_page_view

CASES_SHOWN = 5
BLOCKS_SHOWN = 2
NOTICE_SHOWN_DAYS = 90
NOON, EVENING = 12, 18


@require_safe
def home(request: HttpRequest) -> HttpResponseBase:
    """A customer's Home; staff who come here are led to the admin."""
    if request.user.is_staff:
        return redirect("admin:index")
    return customer_home(request)


@requires(Permission.VIEW_HOME)
def customer_home(request: AccountRequest) -> HttpResponse:
    """Contract dates, use against limits, open cases, one recommendation, news for the industry, the account team."""
    account, may = request.account, request.membership.may
    now = timezone.now()
    today = now.astimezone(ZoneInfo(account.time_zone)).date()
    contract = contracts.overview(account, today)
    entitlements = Entitlements.of(account, today=today)
    meters = meters_on(account, today, entitlements)
    recommendations = recommend(
        account=account,
        today=today,
        usage={one.meter: one.used for one in meters if one.used is not None},
        entitlements=entitlements,
        contract=contract,
    )
    context: dict[str, Any] = {
        "account": account,
        "team": account_team(account, today),
        "greeting": _greeting(request.user.first_name, now.astimezone(ZoneInfo(account.time_zone)).hour),
        "primary": _primary_action(request.membership),
        "meters": meters if may(Permission.VIEW_USAGE) else [],
        "recommendations": recommendations,
        "blocks": ContentBlock.objects.matching(account)[:BLOCKS_SHOWN],
        "shows_contract": may(Permission.VIEW_CONTRACTS),
        "shows_prices": may(Permission.VIEW_PRICES),
        "shows_cases": may(Permission.VIEW_CASES),
        "shows_approvals": may(Permission.APPROVE_PURCHASES),
    }
    if contract is not None and may(Permission.VIEW_CONTRACTS):
        context |= _contract_card(contract)
    if may(Permission.VIEW_CASES):
        found = list(
            Case.objects.visible_to(request.membership).open().order_by("-updated_at", "-pk")[: CASES_SHOWN + 1]
        )
        context |= {"cases": found[:CASES_SHOWN], "has_more_cases": len(found) > CASES_SHOWN}
    session_key = session_digest(request)
    buffer_page_view(name=EventName.HOME_VIEWED, actor=request.actor, now=now, session_key=session_key)
    note_shown(recommendations=recommendations, actor=request.actor, now=now, session_key=session_key)
    return render(request, "portal/home.html", context)


def _contract_card(contract: ContractOverview) -> dict[str, Any]:
    step = contract.next_step
    days = (step.date - contract.today).days if step else 0
    notice = ""
    if step is not None and step.kind == "notice" and days <= NOTICE_SHOWN_DAYS:
        notice = ngettext(
            "The notice deadline is in %(days)d day. Change or decline the renewal before %(date)s.",
            "The notice deadline is in %(days)d days. Change or decline the renewal before %(date)s.",
            days,
        ) % {"days": days, "date": date_format(step.date)}
    terms = {"months": contract.contract.term_months}
    return {
        "contract": contract,
        "notice": notice,
        "contract_note": _("%(months)d months, renews automatically") % terms
        if contract.contract.auto_renew
        else _("%(months)d months, ends without renewal") % terms,
    }


def _primary_action(membership: Membership) -> dict[str, str]:
    """The one thing each role comes here for."""
    if membership.may(Permission.OPEN_CASES):
        return {"label": _("Open a case"), "url": reverse("cases:new"), "icon": "message-square"}
    if membership.may(Permission.BUY):
        return {"label": _("See plans and add-ons"), "url": reverse("commerce:plans"), "icon": "layers"}
    if membership.may(Permission.VIEW_INVOICES):
        return {"label": _("See invoices"), "url": reverse("commerce:invoices"), "icon": "receipt"}
    return {"label": _("Find help"), "url": reverse("knowledge:help"), "icon": "life-buoy"}


def _greeting(name: str, hour: int) -> str:
    if hour < NOON:
        return _("Good morning, %(name)s") % {"name": name}
    if hour < EVENING:
        return _("Good afternoon, %(name)s") % {"name": name}
    return _("Good evening, %(name)s") % {"name": name}


@login_not_required
@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every component in its states; not there in production."""
    return render(request, "styleguide.html", {"form": CompanyForm({"phone": "<", "time_zone": "Mars"})})
