"""What the staff see of a company on its page: contracts, use against limits, deals, invoices and payments."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import F, Prefetch
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Account, Entitlements
from accounts.panels import Panel
from commerce import amounts
from commerce.configuring.configurations import in_words, products_of
from commerce.configuring.situations import Configuration
from commerce.contracts import usage
from commerce.contracts.contracts import current_contract, overview_of
from commerce.contracts.goals import goals_of
from commerce.contracts.papers import downloads_of, papers_of
from commerce.contracts.usage import MeterUse, UsagePoint
from commerce.contracts.visibility import Sight, figures_of
from commerce.models import (
    Contract,
    Deal,
    Invoice,
    InvoiceStatus,
    PaymentAttempt,
    QuoteRequest,
    SavedConfiguration,
)
from commerce.pricing.money import Money

CONTRACTS_SHOWN = 4
DEALS_SHOWN = 6
OPEN_SHOWN, PAID_SHOWN = 5, 3
ATTEMPTS_SHOWN = 2
WISHES_SHOWN = 5
PAPERS_SHOWN, GOALS_SHOWN = 6, 6


def contracts(account: Account, today: date) -> dict[str, Any]:
    """The running contract with its dates and lines, and the ones before it. Two queries."""
    found = list(Contract.objects.for_account(account).latest_first()[: CONTRACTS_SHOWN + 1])
    running = min((one for one in found if one.is_running(today)), key=lambda one: (one.end_date, one.pk), default=None)
    context: dict[str, Any] = {"others": [one for one in found if one != running][:CONTRACTS_SHOWN]}
    if running is None:
        return context
    running.account = account  # Known already, and asked for its taxes.
    overview = overview_of(running, today)
    monthly = overview.monthly_minor
    return context | {
        "contract": running,
        "overview": overview,
        "next_step": overview.next_step,
        "days_left": overview.days_left,
        "monthly": amounts.money(Money(monthly, running.currency)),
        "annual": amounts.money(Money(monthly * 12, running.currency)),
    }


@dataclass(frozen=True)
class MeterTrend:
    """A meter today, and where it has been going."""

    use: MeterUse
    points: tuple[UsagePoint, ...]

    @property
    def percent(self) -> int | None:
        """Of the limit; empty where there is none."""
        return int(self.use.amount * 100 / self.use.limit) if self.use.limit else None

    @property
    def tone(self) -> str:
        if self.percent is None or self.percent < 80:
            return "info"
        return "danger" if self.use.is_over else "warning"

    @property
    def change(self) -> str:
        """The last whole month against the one before, in words; empty without both."""
        before, last = (point.quantity for point in self.points[-3:-1]) if len(self.points) >= 3 else (None, None)
        if not before or last is None:
            return ""
        percent = int((last - before) * 100 / before)
        sign = "+" if percent > 0 else "−" if percent < 0 else "±"
        return _("%(change)s %% last month") % {"change": f"{sign}{abs(percent)}"}

    @property
    def line(self) -> str:
        """The months as points of a line, 100 wide and 24 high; empty without any."""
        known = [(at, point.quantity) for at, point in enumerate(self.points) if point.quantity is not None]
        top = max((quantity for _at, quantity in known), default=Decimal(0))
        if len(known) < 2 or not top:
            return ""
        step = Decimal(100) / (len(self.points) - 1)
        return " ".join(f"{at * step:.1f},{23 - quantity * 22 / top:.1f}" for at, quantity in known)


def meters(account: Account, today: date) -> dict[str, Any]:
    """Every meter against its limit, with its last twelve months. Two queries."""
    entitlements = Entitlements.of(account, today=today)
    year = usage.year_of(account, today)
    uses = usage.uses_of(year.to_date, entitlements.limits)
    return {
        "meters": [MeterTrend(use, year.months.get(use.meter, ())) for use in uses],
        "features": sorted(entitlements.features),
    }


def figures(account: Account, today: date) -> dict[str, Any]:
    """The customer's own dashboard: the same figures. Five queries."""
    return {"figures": figures_of(Sight.of_staff([account]), today)}


def papers(account: Account, today: date) -> dict[str, Any]:
    """The papers of the contract that ends first, and who has downloaded which. Five queries."""
    contract = current_contract(account, today)
    if contract is None:
        return {}
    shown = papers_of(contract, shows_prices=True)[:PAPERS_SHOWN]
    downloads = downloads_of(account.pk, [paper.key for paper in shown])
    return {"contract": contract, "papers": [(paper, downloads.get(paper.key, [])) for paper in shown]}


def goals(account: Account, today: date) -> dict[str, Any]:
    """The goals of the contract that ends first that are still pursued. Five queries."""
    contract = current_contract(account, today)
    if contract is None:
        return {}
    contract.account = account
    pursued = [state for state in goals_of(contract, today) if not state.now.is_dropped]
    return {"contract": contract, "goals": pursued[:GOALS_SHOWN]}


def deals(account: Account, today: date) -> dict[str, Any]:
    """Open ones first, then those that were closed last. One query."""
    rows = (
        Deal.objects.for_account(account)
        .select_related("owner")
        .order_by(F("closed_at").desc(nulls_first=True), "close_date", "pk")
    )
    found = list(rows[: DEALS_SHOWN + 1])
    return {
        "deals": [(deal, amounts.money(Money(deal.amount_minor, deal.currency))) for deal in found[:DEALS_SHOWN]],
        "has_more": len(found) > DEALS_SHOWN,
    }


def invoices(account: Account, today: date) -> dict[str, Any]:
    """Open ones by their due date, then the last that were paid, with the last tries to pay each. Four queries."""
    tries = Prefetch("attempts", PaymentAttempt.objects.order_by("-number"), to_attr="tries")
    of_account = Invoice.objects.for_account(account).prefetch_related(tries)
    open_ = list(of_account.filter(status=InvoiceStatus.OPEN).order_by("due_date", "pk")[: OPEN_SHOWN + 1])
    paid = list(of_account.filter(status=InvoiceStatus.PAID).latest_first()[:PAID_SHOWN])
    return {
        "invoices": [_bill(invoice, today) for invoice in [*open_[:OPEN_SHOWN], *paid]],
        "has_more": len(open_) > OPEN_SHOWN,
    }


def _bill(invoice: Invoice, today: date) -> dict[str, Any]:
    return {
        "invoice": invoice,
        "is_overdue": invoice.is_overdue(today),
        "total": amounts.money(Money(invoice.total_minor, invoice.currency)),
        "tries": getattr(invoice, "tries", [])[:ATTEMPTS_SHOWN],
    }


def wishes(account: Account, today: date) -> dict[str, Any]:
    """What its people put together and made no quote of, and what they asked us to quote. Three queries."""
    running = SavedConfiguration.objects.for_account(account).running().select_related("created_by").latest_first()
    typed = list(running[:WISHES_SHOWN])
    products = products_of(typed)
    asked = QuoteRequest.objects.for_account(account).open().select_related("requested_by").order_by("created_at", "pk")
    return {
        "asked": asked[:WISHES_SHOWN],
        "typed": [
            {
                "typed": one,
                "words": in_words(Configuration.from_json(one.configuration), products),
                "monthly": None
                if one.monthly_change_minor is None
                else amounts.money(Money(one.monthly_change_minor, one.currency)),
            }
            for one in typed
        ],
    }


PANELS = [
    Panel(
        name="contracts",
        title=gettext_lazy("Contracts"),
        permission="commerce.view_contract",
        order=10,
        template="admin/account_360/contracts.html",
        context=contracts,
        is_at_once=True,
    ),
    Panel(
        name="figures",
        title=gettext_lazy("Contracts in figures"),
        permission="commerce.view_contract",
        order=15,
        template="admin/account_360/figures.html",
        context=figures,
    ),
    Panel(
        name="usage",
        title=gettext_lazy("Usage against limits"),
        permission="accounts.view_entitlement",
        order=20,
        template="admin/account_360/usage.html",
        context=meters,
    ),
    Panel(
        name="goals",
        title=gettext_lazy("Goals"),
        permission="commerce.view_goal",
        order=22,
        template="admin/account_360/goals.html",
        context=goals,
    ),
    Panel(
        name="papers",
        title=gettext_lazy("Documents"),
        permission="commerce.view_contractpaper",
        order=24,
        template="admin/account_360/papers.html",
        context=papers,
    ),
    Panel(
        name="deals",
        title=gettext_lazy("Deals"),
        permission="commerce.view_deal",
        order=40,
        template="admin/account_360/deals.html",
        context=deals,
        is_at_once=True,
    ),
    Panel(
        name="wishes",
        title=gettext_lazy("Configured and asked for"),
        permission="commerce.view_savedconfiguration",
        order=45,
        template="admin/account_360/wishes.html",
        context=wishes,
    ),
    Panel(
        name="invoices",
        title=gettext_lazy("Invoices and payments"),
        permission="commerce.view_invoice",
        order=50,
        template="admin/account_360/invoices.html",
        context=invoices,
    ),
]
