"""The group: a parent company's administrators see their subsidiaries side by side."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, Min, Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.belonging import group_of
from accounts.http import AccountRequest, requires, whole_group
from accounts.models import Account, Entitlement, Membership
from accounts.permissions import Permission
from cases.models import Case
from commerce.models import Contract, SubscriptionDelta
from tracking.models import Meter
from tracking.services import levels_of


@dataclass(frozen=True)
class Row:
    """One company of the group, as far as the person may see it there; None: not theirs to see, or nothing there."""

    membership: Membership
    renewal_date: date | None
    seats_used: Decimal | None
    seats_limit: Decimal | None
    open_cases: int | None
    monthly_minor: int | None
    currency: str

    @property
    def account(self) -> Account:
        return self.membership.account

    @property
    def note(self) -> str:
        if self.membership.is_of_parent:
            return _("Subsidiary, to look at")
        return _("Subsidiary") if self.account.parent_id else ""


@whole_group
@require_safe
@requires(Permission.VIEW_TEAM)
def group(request: AccountRequest) -> HttpResponse:
    """The companies that one may see from the parent: dates, seats, open cases, and what each costs."""
    rows = rows_of(group_of(request.memberships), today=timezone.now().date())
    context = {
        "rows": rows,
        "open_cases": sum(row.open_cases or 0 for row in rows),
        "next_renewal": min((row.renewal_date for row in rows if row.renewal_date), default=None),
    }
    return render(request, "portal/group.html", context)


def rows_of(memberships: list[Membership], *, today: date) -> list[Row]:
    """One row for each company, in the order given. Five queries, however many companies there are.

    The scope must be open for all of them.
    """
    ids = _may(memberships, Permission.VIEW_HOME)
    if not ids:
        return []
    contracts = Contract.objects.filter(account__in=ids).current(today)
    renewals = dict(contracts.values("account").annotate(first=Min("end_date")).values_list("account", "first"))
    used = levels_of(account_ids=_may(memberships, Permission.VIEW_USAGE), meter=Meter.SEATS, today=today)
    limits = _seat_limits(_may(memberships, Permission.VIEW_USAGE), today)
    prices = _monthly(_may(memberships, Permission.VIEW_PRICES), today)
    cases = _open_cases(_may(memberships, Permission.VIEW_CASES))
    return [
        Row(
            membership=one,
            renewal_date=renewals.get(one.account_id) if one.may(Permission.VIEW_CONTRACTS) else None,
            seats_used=used.get(one.account_id),
            seats_limit=limits.get(one.account_id),
            open_cases=cases.get(one.account_id, 0) if one.may(Permission.VIEW_CASES) else None,
            monthly_minor=prices.get(one.account_id) if one.may(Permission.VIEW_PRICES) else None,
            currency=one.account.currency,
        )
        for one in memberships
    ]


def _may(memberships: Iterable[Membership], permission: Permission) -> list[int]:
    return [one.account_id for one in memberships if one.may(permission)]


def _seat_limits(ids: list[int], today: date) -> dict[int, Decimal]:
    rows = Entitlement.objects.filter(account__in=ids, code=Meter.SEATS).on(today)
    return dict(rows.values("account").annotate(limit=Sum("quantity")).values_list("account", "limit"))


def _monthly(ids: list[int], today: date) -> dict[int, int]:
    """What running contracts cost a month, before tax: the sum of their ledgers."""
    running = Contract.objects.filter(account__in=ids).current(today).values("pk")
    rows = SubscriptionDelta.objects.filter(
        account__in=ids, subscription__contract__in=running, effective_date__lte=today
    )
    return dict(rows.values("account").annotate(monthly=Sum("recurring_minor")).values_list("account", "monthly"))


def _open_cases(ids: list[int]) -> dict[int, int]:
    """Of those that the person may see there: row-level security asks each company's own rules."""
    rows = Case.objects.filter(account__in=ids).open()
    return dict(rows.values("account").annotate(count=Count("pk")).values_list("account", "count"))
