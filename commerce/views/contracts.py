"""What a customer has on contract, and the dates that matter."""

from collections.abc import Iterable, Mapping, Sequence

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.http import AccountRequest, requires, session_digest
from accounts.models import Entitlements
from accounts.permissions import Permission
from commerce.catalogue.catalogue import grants_of
from commerce.contracts import amendments
from commerce.contracts.amendment_forms import OnForm
from commerce.contracts.applying import last_end
from commerce.contracts.contracts import ContractOverview, overview_of
from commerce.contracts.freeing import TooMuchUsed, beyond
from commerce.contracts.ledger import Entry
from commerce.contracts.line_use import use_of_lines
from commerce.contracts.usage import MeterUse, uses_of, year_of
from commerce.models import ChangeKind, Contract, ContractStatus, Order, PendingLine, ProductGrant
from commerce.renewals.reading import grace_of
from tracking.models import EventName
from tracking.services import buffer_page_view

MOST_SHOWN = 50  # Contracts and orders of one page; a company has a handful.


@require_safe
@requires(Permission.VIEW_CONTRACTS)
def contract_list(request: AccountRequest) -> HttpResponse:
    """The running contract with its dates and lines, then the earlier ones."""
    now = timezone.now()
    today = request.account.local_date(now)
    contracts = list(
        Contract.objects.for_account(request.account).select_related("account").latest_first()[:MOST_SHOWN]
    )
    running = sorted((one for one in contracts if one.is_running(today)), key=lambda one: (one.end_date, one.pk))
    context = {
        "running": [overview_of(one, today) for one in running[:1]],
        "others": [one for one in contracts if one not in running[:1]],
        "grace": grace_of(request.account, today),
        **_rights(request),
    }
    buffer_page_view(name=EventName.CONTRACT_VIEWED, actor=request.actor, now=now, session_key=session_digest(request))
    return render(request, "commerce/contracts.html", context)


@require_safe
@requires(Permission.VIEW_CONTRACTS)
def contract(request: AccountRequest, number: str) -> HttpResponse:
    """One contract: its dates, what it covers against what is used, its changes and its orders.

    `?on=2026-03-01` shows what was owned on that day, or will be, and at what price.
    """
    now = timezone.now()
    contracts = Contract.objects.for_account(request.account).select_related("account", "renewal__successor")
    shown = get_object_or_404(contracts.by_number(number))
    today = request.account.local_date(now)
    rights = _rights(request)
    form = OnForm(request.GET if "on" in request.GET else None)
    on = form.cleaned_data["on"] if form.is_bound and form.is_valid() else None
    overview = overview_of(shown, today, on=on, renewal=getattr(shown, "renewal", None))
    is_running = shown.is_running(today)
    year = year_of(request.account, today)
    meters = uses_of(year.to_date, Entitlements.of(request.account, today=today).limits) if is_running else []
    grants = grants_of([line.product for line in overview.lines] + [line.product for line in _planned_lines(overview)])
    used = year.to_date if is_running else {}
    context = {
        "overview": overview,
        "lines": use_of_lines(overview.lines, grants=grants, used=used, history=year.months),
        "contract": shown,
        "form": form,
        "on": on,
        "is_running": is_running,
        "is_paused": overview.planned is not None and overview.planned.kind == ChangeKind.RESUME,
        "may_reactivate": rights["may_buy"]
        and shown.status == ContractStatus.ENDED
        and amendments.may_reactivate(shown, last_end(shown), today),
        "meters": meters,
        "to_free": [] if on else _to_free(overview, meters, grants),
        "orders": Order.objects.for_account(request.account).filter(contract=shown).latest_first()[:MOST_SHOWN]
        if rights["may_view_orders"]
        else [],
        **rights,
    }
    buffer_page_view(
        name=EventName.CONTRACT_VIEWED,
        actor=request.actor,
        now=now,
        object_type="contract",
        object_id=str(shown.public_id),
        session_key=session_digest(request),
    )
    return render(request, "commerce/contract.html", context, status=422 if form.errors else 200)


def _planned_lines(overview: ContractOverview) -> list[PendingLine]:
    """What the change that is open takes and gives; nothing where none is, or where it is about the whole contract."""
    return list(overview.planned.lines.all()) if overview.planned else []


def _to_free(
    overview: ContractOverview, meters: Iterable[MeterUse], grants: Mapping[int, Sequence[ProductGrant]]
) -> list[TooMuchUsed]:
    """What is in use today beyond what a planned reduction will leave."""
    if overview.planned is None or overview.planned.kind != ChangeKind.REDUCTION:
        return []
    limits = {use.meter.value: use.limit for use in meters if use.limit is not None}
    used = {use.meter: use.used for use in meters if use.used is not None}
    entries = [Entry.sold(line) for line in _planned_lines(overview)]
    return beyond(limits, used, before=overview.lines, entries=entries, grants=grants)


def _rights(request: AccountRequest) -> dict[str, bool]:
    may = request.membership.may
    return {
        "shows_prices": may(Permission.VIEW_PRICES),
        "may_buy": may(Permission.BUY),
        "may_view_orders": may(Permission.VIEW_ORDERS),
    }
