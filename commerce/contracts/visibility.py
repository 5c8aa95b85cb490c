"""What companies have on contract, how it is used and what it costs: one set of figures.

A customer's dashboard, a parent company's portfolio, and what our own people see of a company, or of all that they look
after, are this module's `figures_of`. They differ in whose figures are asked for, and in which ones somebody may see.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from django.db.models import Exists, OuterRef, Sum
from django.db.models.functions import TruncMonth

from accounts.models import Account, Entitlement, Membership
from accounts.permissions import Permission
from commerce.contracts.ledger import monthly_of
from commerce.contracts.usage import MeterUse, uses_of
from commerce.models import Contract, Invoice, InvoiceStatus, PendingChange
from commerce.pricing.proration import add_months
from tracking.models import Meter
from tracking.services import usage_of

SOON_DAYS = 90
SPEND_MONTHS = 12


@dataclass(frozen=True)
class Sight:
    """Whose figures are asked for, by what somebody may see of each company. Keys of accounts."""

    contracts: frozenset[int]
    prices: frozenset[int]
    usage: frozenset[int]
    invoices: frozenset[int]

    @classmethod
    def of_members(cls, memberships: Iterable[Membership]) -> "Sight":
        """What a person may see of each of these companies."""
        kinds = (
            Permission.VIEW_CONTRACTS,
            Permission.VIEW_PRICES,
            Permission.VIEW_USAGE,
            Permission.VIEW_INVOICES,
        )
        memberships = list(memberships)
        return cls(*(frozenset(one.account_id for one in memberships if one.may(kind)) for kind in kinds))

    @classmethod
    def of_portfolio(cls, accounts: Iterable[Account]) -> "Sight":
        """What runs, ends and costs: a page about many companies has no room for more."""
        keys = frozenset(account.pk for account in accounts)
        return cls(keys, keys, frozenset(), frozenset())

    @classmethod
    def of_staff(cls, accounts: Iterable[Account]) -> "Sight":
        """All of it: the admin's pages show amounts by the permissions of whoever looks."""
        keys = frozenset(account.pk for account in accounts)
        return cls(keys, keys, keys, keys)


@dataclass(frozen=True)
class RunningContract:
    """A contract that runs today."""

    contract: Contract
    days_left: int
    monthly_minor: int | None  # Before tax. None: not for this person.
    is_paused: bool

    @property
    def is_soon(self) -> bool:
        """Whether it ends, or renews, within ninety days."""
        return self.days_left <= SOON_DAYS


@dataclass(frozen=True)
class CurrencyTotal:
    """What runs in one currency. Amounts per month, before tax, of those whose prices may be seen."""

    currency: str
    monthly_minor: int
    soon_minor: int  # Of contracts that end within ninety days.

    @property
    def annual_minor(self) -> int:
        return self.monthly_minor * 12


@dataclass(frozen=True)
class MonthSpend:
    """What was billed in a calendar month less what was credited, before tax, by currency."""

    month: date
    by_currency: Mapping[str, int]


@dataclass(frozen=True)
class Figures:
    """The figures of some companies on a day."""

    today: date
    running: tuple[RunningContract, ...]  # Those that end first come first.
    uses: Mapping[int, list[MeterUse]]  # By account.
    spend: tuple[MonthSpend, ...]  # Twelve months, this one last.

    @cached_property
    def soon(self) -> list[RunningContract]:
        return [one for one in self.running if one.is_soon]

    @cached_property
    def totals(self) -> list[CurrencyTotal]:
        """By currency; nothing where no price may be seen."""
        monthly: dict[str, int] = defaultdict(int)
        soon: dict[str, int] = defaultdict(int)
        for one in self.running:
            if one.monthly_minor is not None:
                monthly[one.contract.currency] += one.monthly_minor
                soon[one.contract.currency] += one.monthly_minor if one.is_soon else 0
        return [CurrencyTotal(currency, monthly[currency], soon[currency]) for currency in sorted(monthly)]

    @cached_property
    def spend_currencies(self) -> list[str]:
        return sorted({currency for month in self.spend for currency in month.by_currency})

    @cached_property
    def spend_rows(self) -> list[tuple[date, list[tuple[str, int]]]]:
        """Each month with an amount in every currency that was ever billed in: what a chart is drawn from."""
        currencies = self.spend_currencies
        return [(one.month, [(each, one.by_currency.get(each, 0)) for each in currencies]) for one in self.spend]

    @cached_property
    def spend_totals(self) -> list[tuple[str, int]]:
        """What was billed in these months, by currency."""
        return [(each, sum(one.by_currency.get(each, 0) for one in self.spend)) for each in self.spend_currencies]

    @cached_property
    def paused_accounts(self) -> set[int]:
        """Companies all of whose contracts are paused: nothing is included there for now."""
        running = {one.contract.account_id for one in self.running if not one.is_paused}
        return {one.contract.account_id for one in self.running} - running

    def monthly_of_account(self, account_id: int) -> dict[str, int]:
        """What one company's contracts cost a month, by currency."""
        sums: dict[str, int] = defaultdict(int)
        for one in self.running:
            if one.contract.account_id == account_id and one.monthly_minor is not None:
                sums[one.contract.currency] += one.monthly_minor
        return dict(sums)


def figures_of(sight: Sight, today: date) -> Figures:
    """What somebody may see of these companies. Five queries, however many companies and contracts there are."""
    contracts = list(
        Contract.objects.filter(account__in=sight.contracts)
        .current(today)
        .select_related("account")
        .annotate(paused=Exists(PendingChange.objects.resuming().filter(contract=OuterRef("pk"))))
        .order_by("end_date", "pk")
    )
    monthly = monthly_of([one for one in contracts if one.account_id in sight.prices], today)
    running = tuple(
        RunningContract(
            contract=one,
            days_left=(one.end_date - today).days,
            monthly_minor=monthly.get(one.pk, 0) if one.account_id in sight.prices else None,
            is_paused=vars(one)["paused"],
        )
        for one in contracts
    )
    return Figures(today, running, _uses(sight.usage, today), _spend(sight.invoices, today))


def _uses(account_ids: frozenset[int], today: date) -> dict[int, list[MeterUse]]:
    used = usage_of(account_ids=account_ids, today=today)
    limits: dict[int, dict[str, Decimal]] = defaultdict(dict)
    grants = Entitlement.objects.filter(account__in=account_ids, code__in=Meter.values).on(today)
    sums = grants.values("account", "code").annotate(limit=Sum("quantity")).order_by()
    for account_id, code, limit in sums.values_list("account", "code", "limit"):
        limits[account_id][code] = limit
    return {pk: uses_of(used.get(pk, {}), limits.get(pk, {})) for pk in account_ids}


def _spend(account_ids: frozenset[int], today: date) -> tuple[MonthSpend, ...]:
    """Credit notes lower the month they are issued in; what was withdrawn was never owed."""
    first = add_months(today.replace(day=1), -(SPEND_MONTHS - 1))
    rows = (
        Invoice.objects.filter(account__in=account_ids, issue_date__gte=first, issue_date__lte=today)
        .exclude(status=InvoiceStatus.VOID)
        .annotate(month=TruncMonth("issue_date"))
        .values("month", "currency")
        .annotate(net=Sum("subtotal_minor"))
        .order_by()
        .values_list("month", "currency", "net")
    )
    found: dict[date, dict[str, int]] = defaultdict(dict)
    for month, currency, net in rows:
        found[month][currency] = net
    months = (add_months(first, number) for number in range(SPEND_MONTHS))
    return tuple(MonthSpend(month, found.get(month, {})) for month in months)
