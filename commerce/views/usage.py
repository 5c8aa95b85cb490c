"""Usage against limits, over time, and as a file."""

import csv

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.http import AccountRequest, requires, session_digest
from accounts.models import Entitlements
from accounts.permissions import Permission
from commerce.billing.forecast import next_invoices
from commerce.contracts.usage import MONTHS_SHOWN, MeterHistory, by_day, by_month, meters_on
from commerce.pricing.proration import add_months
from tracking.models import EventName, UsageDaily
from tracking.services import buffer_page_view, record


@require_safe
@requires(Permission.VIEW_USAGE)
def usage(request: AccountRequest) -> HttpResponse:
    """Each meter against its limit, with twelve months or thirty days behind it."""
    now = timezone.now()
    account = request.account
    today = account.local_date(now)
    is_daily = request.GET.get("by") == "day"
    history = by_day(account, today) if is_daily else by_month(account, today)
    meters = meters_on(account, today, Entitlements.of(account, today=today))
    may = request.membership.may
    buffer_page_view(name=EventName.USAGE_VIEWED, actor=request.actor, now=now, session_key=session_digest(request))
    return render(
        request,
        "commerce/usage.html",
        {
            "meters": [MeterHistory(use, history.get(use.meter, ())) for use in meters],
            "is_daily": is_daily,
            "over": [use for use in meters if use.is_over],
            "next_invoices": next_invoices(account, today) if may(Permission.VIEW_INVOICES) else [],
            "may_buy": may(Permission.BUY),
            "may_view_prices": may(Permission.VIEW_PRICES),
            "may_view_contracts": may(Permission.VIEW_CONTRACTS),
        },
    )


@require_safe
@requires(Permission.VIEW_USAGE)
def export_usage(request: AccountRequest) -> HttpResponse:
    """Twelve months of daily usage as CSV."""
    now = timezone.now()
    today = request.account.local_date(now)
    first = add_months(today.replace(day=1), -(MONTHS_SHOWN - 1))
    rows = (
        UsageDaily.objects.for_account(request.account.pk)
        .filter(date__gte=first, date__lte=today)
        .order_by("date", "meter")
        .values_list("date", "meter", "quantity")
    )
    response = HttpResponse(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="usage-{today.isoformat()}.csv"'},
    )
    writer = csv.writer(response)
    writer.writerow(["date", "meter", "quantity"])
    writer.writerows((day.isoformat(), meter, f"{quantity.normalize():f}") for day, meter, quantity in rows)
    record(
        name=EventName.DOCUMENT_DOWNLOADED,
        actor=request.actor,
        now=now,
        object_type="usage",
        object_id=first.isoformat(),
    )
    return response
