"""All contracts of a company, or of the group that somebody sees from the parent: side by side, and in figures."""

from collections.abc import Sequence
from urllib.parse import urlencode

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.belonging import group_of
from accounts.http import AccountRequest, requires, session_digest, whole_group
from accounts.models import Membership
from accounts.paging import page_of
from accounts.permissions import Permission
from accounts.spreadsheets import csv_response
from commerce.contracts.contract_filters import ContractFilter
from commerce.contracts.contract_rows import ContractRow, rows_of
from commerce.contracts.ledger import monthly_by_currency
from commerce.contracts.visibility import Sight, figures_of
from commerce.pricing.money import from_minor
from tracking.models import EventName
from tracking.services import buffer_page_view, record

MOST_IN_A_FILE = 5_000
COMPANIES_SHOWN = 30  # With their meters; of a larger group, one looks at one company.


@whole_group
@require_safe
@requires(Permission.VIEW_CONTRACTS)
def all_contracts(request: AccountRequest) -> HttpResponse:
    """Every contract that somebody may see, filtered, with what the chosen ones cost by currency."""
    today = request.account.local_date(timezone.now())
    memberships = seen_by(request)
    chosen = ContractFilter(memberships, request.GET)
    contracts = chosen.chosen(today)
    page = page_of(contracts.select_related("account"), cursor=request.GET.get("cursor", ""))
    priced = Sight.of_members(memberships).prices
    running = contracts.current(today)
    context = {
        "page": page,
        "rows": rows_of(page.rows, priced, today),
        "filter_form": chosen,
        "filter_query": urlencode({name: request.GET[name] for name in chosen.fields if request.GET.get(name)}),
        "is_filtered": any(chosen.cleaned_data.values()),
        "is_group": len(memberships) > 1,
        "running": running.count(),
        "totals": list(monthly_by_currency(running.filter(account__in=priced), today).items()),
        "shows_prices": bool(priced),
        "today": today,
    }
    return render(request, "commerce/all_contracts.html", context, status=422 if chosen.errors else 200)


@whole_group
@require_safe
@requires(Permission.VIEW_CONTRACTS)
def export_contracts(request: AccountRequest) -> StreamingHttpResponse:
    """The chosen contracts as CSV."""
    now = timezone.now()
    today = request.account.local_date(now)
    memberships = seen_by(request)
    contracts = ContractFilter(memberships, request.GET).chosen(today).select_related("account")
    rows = rows_of(list(contracts[:MOST_IN_A_FILE]), Sight.of_members(memberships).prices, today)
    record(
        name=EventName.DOCUMENT_DOWNLOADED,
        actor=request.actor,
        now=now,
        object_type="contracts",
        object_id=today.isoformat(),
    )
    header = [
        _("Company"), _("Contract"), _("Status"), _("First day"), _("Last day"), _("Notice deadline"),
        _("Renews by itself"), _("Covers"), _("Per month, before tax"), _("Currency"),
    ]  # fmt: skip
    return csv_response(f"contracts-{today}.csv", header, (_cells(row) for row in rows))


@whole_group
@require_safe
@requires(Permission.VIEW_CONTRACTS)
def contract_dashboard(request: AccountRequest) -> HttpResponse:
    """What ends when, what is used, and what was billed each month: of one company, or of the whole group."""
    now = timezone.now()
    memberships = seen_by(request)
    figures = figures_of(Sight.of_members(memberships), request.account.local_date(now))
    buffer_page_view(name=EventName.CONTRACT_VIEWED, actor=request.actor, now=now, session_key=session_digest(request))
    context = {
        "figures": figures,
        "companies": [(one.account, figures.uses.get(one.account_id, [])) for one in memberships][:COMPANIES_SHOWN],
        "is_group": len(memberships) > 1,
    }
    return render(request, "commerce/contract_dashboard.html", context)


def seen_by(request: AccountRequest) -> Sequence[Membership]:
    """Through which memberships the person sees contracts here: of the chosen company, or of all of its group.

    The group is shown where the chosen company is part of it; somebody who works for another company, too, sees that
    one alone.
    """
    group = group_of(request.memberships)
    inside = any(one.account_id == request.account.pk for one in group)
    shown = group if inside else [request.membership]
    return [one for one in shown if one.may(Permission.VIEW_CONTRACTS)]


def _cells(row: ContractRow) -> list[object]:
    contract = row.contract
    return [
        contract.account.name,
        contract.number,
        contract.get_status_display(),
        contract.start_date,
        contract.last_date,
        contract.notice_date if contract.auto_renew else "",
        _("yes") if contract.auto_renew else _("no"),
        row.covers,
        "" if row.monthly_minor is None else from_minor(row.monthly_minor, contract.currency),
        contract.currency,
    ]
