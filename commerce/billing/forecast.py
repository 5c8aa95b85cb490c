"""The next invoice of a company as it would be today: what is certain, and what its use comes to if it goes on so."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from accounts.models import Account
from commerce import amounts
from commerce.billing.owed import ledger_for, lines_of, shares_in, spans
from commerce.billing.periods import words_of
from commerce.billing.usage_bills import LATE_DAYS, MonthOfUse, metered_on, month_of_use, used_in
from commerce.models import BillingKind, Contract, ProductKind, SubscriptionDelta
from commerce.pricing.money import Money
from commerce.pricing.proration import Period, add_months


@dataclass(frozen=True, slots=True)
class ForecastLine:
    """One line of it, with what it rests on."""

    label: str
    words: str
    amount_minor: int
    currency: str

    @property
    def amount(self) -> str:
        return amounts.money(Money(self.amount_minor, self.currency))


@dataclass(frozen=True, slots=True)
class NextInvoice:
    """What comes when, before tax. `is_estimate`: use decides about a part of it."""

    date: date
    lines: tuple[ForecastLine, ...]
    is_estimate: bool

    @property
    def total(self) -> str:
        return amounts.money(Money(sum(line.amount_minor for line in self.lines), self.lines[0].currency))


def next_invoices(account: Account, today: date) -> list[NextInvoice]:
    """The next bills of its running contracts' periods, and those of this month's use, by date.

    Two queries; for metered products a few more.
    """
    contracts = list(Contract.objects.for_account(account).current(today).order_by("pk"))
    ledgers = ledger_for(contracts) if contracts else {}
    found: list[NextInvoice] = []
    for contract in contracts:
        contract.account = account
        deltas = ledgers.get(contract.pk, [])
        found += [*_of_period(contract, deltas, today), *_of_use(contract, deltas, today)]
    return sorted(found, key=lambda one: one.date)


def _of_period(contract: Contract, deltas: list[SubscriptionDelta], today: date) -> list[NextInvoice]:
    span = next(spans(contract, BillingKind.PERIOD, since=today + timedelta(days=1)), None)
    if span is None:
        return []
    owed = lines_of(shares_in(contract, BillingKind.PERIOD, span, deltas), span)
    lines = [
        ForecastLine(
            line.product.name,
            words_of(
                span, start_date=span.start_date, unit_price=line.shares[-1].delta.unit_price, currency=line.currency
            ),
            line.minor,
            line.currency,
        )
        for line in owed
        if line.minor > 0
    ]
    return [NextInvoice(span.start_date, tuple(lines), is_estimate=False)] if lines else []


def _of_use(contract: Contract, deltas: list[SubscriptionDelta], today: date) -> list[NextInvoice]:
    """This month's use, if it goes on as it has so far; a level, if it stays below its highest day."""
    if not any(delta.subscription.product.kind == ProductKind.USAGE for delta in deltas):
        return []
    first = today.replace(day=1)
    month = Period(max(first, contract.start_date), min(add_months(first, 1), contract.end_date))
    lines = []
    for metered in metered_on(contract):
        used = used_in(contract, metered.meter, month)
        days = (today - month.start_date).days + 1
        expected = used * month.days / days if metered.meter.is_monthly else used
        use = month_of_use(contract, metered, month, used=expected.quantize(Decimal("1.")), is_over=True)
        lines.append(_estimate(use, used))
    return [NextInvoice(month.until_date + timedelta(days=LATE_DAYS), tuple(lines), is_estimate=True)] if lines else []


def _estimate(use: MonthOfUse, used: Decimal) -> ForecastLine:
    so_far = _("%(used)s so far this month; if it goes on like this: ") % {"used": amounts.number(used)}
    return ForecastLine(use.metered.subscription.product.name, so_far + use.words, use.amount_minor, use.currency)
