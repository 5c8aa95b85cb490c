"""The next invoice of a company as it would be today: what is certain, and what its use comes to if it goes on so."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from accounts.models import Account
from commerce import amounts
from commerce.billing.owed import ledger_for, lines_of, shares_in, spans
from commerce.billing.periods import words_of
from commerce.billing.usage_bills import LATE_DAYS, MonthOfUse, metered_on, month_of_use, used_in
from commerce.contracts.contracts import owned_on
from commerce.models import (
    BillingFrequency,
    BillingKind,
    Contract,
    ProductKind,
    Quote,
    RenewalState,
    SubscriptionDelta,
)
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.money import Money, to_minor
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

    Two queries; for metered products, and for the offer of a term to come, a few more.
    """
    running = Contract.objects.for_account(account).current(today).select_related("renewal__quote")
    contracts = list(running.order_by("pk"))
    ledgers = ledger_for(contracts) if contracts else {}
    found: list[NextInvoice] = []
    for contract in contracts:
        contract.account = account
        deltas = ledgers.get(contract.pk, [])
        found += _of_period(contract, deltas, today) or _of_renewal(contract, deltas)
        found += _of_use(contract, deltas, today)
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


def _of_renewal(contract: Contract, deltas: list[SubscriptionDelta]) -> list[NextInvoice]:
    """The first bill of the term that follows: by its offer, or before there is one, as it is today."""
    renewal = getattr(contract, "renewal", None)
    state = RenewalState.WAITING if renewal is None else RenewalState(renewal.state)
    if state == RenewalState.ACCEPTED:
        # Whoever renewed a prepaid contract has its bill already.
        follows = contract.frequency != BillingFrequency.TERM or (renewal is not None and renewal.is_automatic)
    else:
        follows = contract.auto_renew and state in (RenewalState.WAITING, RenewalState.OFFERED)
    if not follows:
        return []
    offer = None if renewal is None or state == RenewalState.WAITING else renewal.quote
    lines = list(_expected(contract, deltas) if offer is None else _offered(contract, offer))
    lines = [line for line in lines if line.amount_minor > 0]
    return [NextInvoice(contract.end_date, tuple(lines), is_estimate=False)] if lines else []


def _offered(contract: Contract, offer: Quote) -> Iterator[ForecastLine]:
    is_prepaid = contract.frequency == BillingFrequency.TERM
    for line in offer.lines.select_related("product"):
        price = line.net_unit_price
        first = to_minor(line.quantity_after * price * contract.frequency.months, offer.currency)
        words = _("New term, as offered: %(quantity)s at %(price)s a month") % {
            "quantity": amounts.number(line.quantity_after),
            "price": amounts.unit_price(UnitPrice(price, offer.currency)),
        }
        yield ForecastLine(line.product.name, words, line.total_minor if is_prepaid else first, offer.currency)


def _expected(contract: Contract, deltas: list[SubscriptionDelta]) -> Iterator[ForecastLine]:
    is_prepaid = contract.frequency == BillingFrequency.TERM
    months = contract.term_months if is_prepaid else contract.frequency.months
    for line in owned_on(deltas, contract.last_date):
        if line.is_recurring:
            words = _("New term, if it is renewed as it is today: %(quantity)s for %(price)s a month") % {
                "quantity": amounts.number(line.quantity),
                "price": amounts.money(Money(line.monthly_minor, line.currency)),
            }
            yield ForecastLine(line.product.name, words, line.monthly_minor * months, line.currency)


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
