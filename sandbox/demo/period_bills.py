"""Customers who pay by period, and one that pays for what it uses: their bills up to today."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts.models import Account, Entitlement
from commerce import documents
from commerce.billing.bills import USUAL_DAYS_TO_PAY, BillLine
from commerce.billing.owed import lines_of, shares_in, spans
from commerce.billing.periods import in_words
from commerce.billing.usage_bills import LATE_DAYS, Before, Metered, MonthOfUse, bill_line, commitment_owed
from commerce.catalogue.taxes import tax_on_sale
from commerce.models import (
    BilledEntry,
    BillingFrequency,
    BillingKind,
    BillingOutcome,
    BillingPeriod,
    Contract,
    ContractedPrice,
    DeltaKind,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    Subscription,
    SubscriptionDelta,
    UsageCharge,
)
from commerce.models.catalogue import MOST_PLACES
from commerce.pricing.methods import UsagePrice
from commerce.pricing.proration import Period, add_months
from commerce.pricing.tax import tax_line
from sandbox.demo.books import Books
from sandbox.demo.bundles import BY_USE
from sandbox.demo.company import SELLER, Company
from sandbox.demo.world import World
from tracking.models import Meter, UsageDaily

BY_PERIOD = {
    "Globex Retail Ltd": BillingFrequency.QUARTER,
    "Acme Warehousing B.V.": BillingFrequency.MONTH,
    "Heliotec Energía S.L.": BillingFrequency.MONTH,
    "Zorgpunt Twente": BillingFrequency.QUARTER,
}
METERED = "Globex Retail Ltd"
USED_FOR_MONTHS = 8
CALL = UsagePrice(unit_price=Decimal("0.0012"), commitment=Decimal(100))
MINIMUM_MONTHS = 3
DAYS_UNTIL_PAID = 9


def frequency_of(account: Account) -> BillingFrequency:
    return BY_PERIOD.get(account.name, BillingFrequency.TERM)


def calls_since(world: World) -> date:
    """Since when calls above the limit are paid for."""
    return add_months(world.calendar.today.replace(day=1), -USED_FOR_MONTHS)


def sell_calls(world: World, company: Company, books: Books) -> None:
    """One customer pays for the calls above its limit, at least a minimum each quarter."""
    term = books.terms[METERED][-1]
    account, product = term.contract.account, company.products[BY_USE]
    first = max(calls_since(world), _month_after(term.contract))
    world.add(
        ContractedPrice(
            account=account, product=product, currency=account.currency, method="usage", unit_price=CALL.unit_price,
            price_months=MINIMUM_MONTHS, figures={"commitment": str(CALL.commitment)}, valid_from=first,
        )
    )  # fmt: skip
    subscription = term.subscriptions[product.pk] = world.add(
        Subscription(
            account=account, contract=term.contract, product=product, created_at=_morning(account, first)
        )
    )  # fmt: skip
    term.deltas.append(
        world.add(
            SubscriptionDelta(
                account=account, subscription=subscription, kind=DeltaKind.NEW, quantity=Decimal(1),
                unit_price=Decimal(0), recurring_minor=0, currency=account.currency, effective_date=first,
                billing_date=first, created_at=_morning(account, first),
            )
        )
    )  # fmt: skip


def bill_periods(world: World, company: Company, books: Books) -> None:
    """Each period that has begun; what its orders have paid for is noted as that."""
    for term in [term for name in BY_PERIOD for term in books.terms[name]]:
        contract = term.contract
        for span in spans(contract, BillingKind.PERIOD, since=contract.start_date):
            if span.start_date > world.calendar.today:
                break
            shares = list(shares_in(contract, BillingKind.PERIOD, span, term.deltas))
            owed = [in_words(line, span) for line in lines_of(shares, span) if line.minor > 0]
            invoice, _lines = _issue(world, company, contract.account, owed, day=span.start_date)
            period = _note(world, contract, BillingKind.PERIOD, span.period, invoice)
            for share in shares:
                entry = BilledEntry(
                    account=contract.account, period=period, delta=share.delta, from_date=share.from_date,
                    amount_minor=share.minor,
                )  # fmt: skip
                world.add(entry)


def bill_use(world: World, company: Company, books: Books) -> None:
    """Each month of calls that is over, with what is missing to the minimum at the end of each quarter."""
    term = books.terms[METERED][-1]
    contract = term.contract
    subscription = term.subscriptions[company.products[BY_USE].pk]
    first = next(delta.effective_date for delta in term.deltas if delta.subscription is subscription)
    metered = Metered(subscription, first, CALL, MINIMUM_MONTHS, ((first, Decimal(1)),))
    used = _by_month(world, contract.account, Meter.API_CALLS)
    spent_so_far: dict[Period, int] = defaultdict(int)
    billed_so_far: dict[Period, int] = defaultdict(int)
    for month in _months_over(first, contract.end_date, world.calendar.today):
        entitled = max(_limits(world, contract.account, Meter.API_CALLS, month))
        above = max(used[month.start_date] - entitled, Decimal(0))
        spent = CALL.used(above, currency=contract.currency, quantity_places=MOST_PLACES).minor
        shared = metered.committed_in(month.start_date)
        spent_so_far[shared] += spent
        is_last = month.until_date == shared.until_date
        owed = commitment_owed(contract, metered, shared, spent_so_far[shared], is_last=is_last)
        amount = owed - billed_so_far[shared]
        billed_so_far[shared] += amount
        use = MonthOfUse(
            metered, month, used[month.start_date], entitled, Before(), spent, amount, contract.currency
        )  # fmt: skip
        day = month.until_date + timedelta(days=LATE_DAYS)
        invoice, lines = _issue(world, company, contract.account, [bill_line(use)] if amount else [], day=day)
        period = _note(world, contract, BillingKind.USAGE, month, invoice)
        world.add(
            UsageCharge(
                account=contract.account, period=period, subscription=subscription, meter=Meter.API_CALLS,
                start_date=month.start_date, end_date=month.until_date, used=use.used, entitled=entitled,
                spent_minor=spent, amount_minor=amount, line=lines[0] if lines else None,
            )
        )  # fmt: skip


def _issue(
    world: World, company: Company, account: Account, lines: Sequence[BillLine], *, day: date
) -> tuple[Invoice | None, list[InvoiceLine]]:
    """The bill of a period, paid a few days later; none of nothing."""
    if not lines:
        return None, []
    tax = tax_on_sale(account, company.taxes[account.billing_country])
    taxed = [tax_line(line.minor, rate_percent=tax.rate_percent, treatment=tax.treatment) for line in lines]
    paid_at = _morning(account, day + timedelta(days=DAYS_UNTIL_PAID))
    is_paid = paid_at < world.calendar.now
    net, taxes = sum(one.net_minor for one in taxed), sum(one.tax_minor for one in taxed)
    invoice = world.add(
        Invoice(
            legal_entity=settings.LEGAL_ENTITY, account=account, currency=account.currency,
            status=InvoiceStatus.PAID if is_paid else InvoiceStatus.OPEN, subtotal_minor=net, tax_minor=taxes,
            total_minor=net + taxes, bill_to=documents.bill_to(account),
            seller={"name": settings.LEGAL_ENTITY, **SELLER}, issue_date=day,
            due_date=day + timedelta(days=USUAL_DAYS_TO_PAY), paid_at=paid_at if is_paid else None,
        )
    )  # fmt: skip
    rows = [
        InvoiceLine(
            account=account, invoice=invoice, position=position, product=line.product, description=line.product.name,
            explanation=line.explanation, quantity=line.quantity, unit_price=line.unit_price,
            total_minor=amount.net_minor, tax_rate=0 if tax.is_reversed else tax.rate_percent / 100,
            tax_minor=amount.tax_minor, tax_category=tax.category.value,
        )
        for position, (line, amount) in enumerate(zip(lines, taxed, strict=True), start=1)
    ]  # fmt: skip
    return invoice, [world.add(row) for row in rows]


def _note(world: World, contract: Contract, kind: BillingKind, days: Period, invoice: Invoice | None) -> BillingPeriod:
    without = BillingOutcome.ORDERED if kind == BillingKind.PERIOD else BillingOutcome.NOTHING
    return world.add(
        BillingPeriod(
            account=contract.account, contract=contract, kind=kind, start_date=days.start_date,
            end_date=days.until_date, outcome=BillingOutcome.BILLED if invoice else without,
            invoice=invoice, billed_at=_morning(contract.account, invoice.issue_date if invoice else days.start_date),
        )
    )  # fmt: skip


def _months_over(first: date, end: date, today: date) -> Iterator[Period]:
    while (until := min(add_months(first, 1), end)) + timedelta(days=LATE_DAYS) <= today and first < until:
        yield Period(first, until)
        first = until


def _by_month(world: World, account: Account, meter: Meter) -> dict[date, Decimal]:
    found: dict[date, Decimal] = defaultdict(Decimal)
    _columns, rows = world.tables[UsageDaily]
    for account_id, code, day, quantity in rows:
        if account_id == account.pk and code == meter.value:
            found[day.replace(day=1)] += Decimal(str(quantity))
    return found


def _limits(world: World, account: Account, meter: Meter, month: Period) -> Iterator[Decimal]:
    """On each day of a month."""
    grants = [one for one in world.rows(Entitlement) if (one.account_id, one.code) == (account.pk, meter.value)]
    for number in range(month.days):
        day = month.start_date + timedelta(days=number)
        yield sum(
            (
                one.quantity or Decimal(0)
                for one in grants
                if one.start_date <= day and (one.end_date is None or day < one.end_date)
            ),
            Decimal(0),
        )


def _month_after(contract: Contract) -> date:
    return add_months(contract.start_date.replace(day=1), 1)


def _morning(account: Account, day: date) -> datetime:
    return datetime.combine(day, time(8, 15), tzinfo=ZoneInfo(account.time_zone))
