"""The engine against a second computation: written here, from the prose of docs/pricing.md, the plain way.

Nothing of `commerce.pricing` calculates below: months are counted day by day, slabs unit by unit, and a price is one
expression. 500 quotes drawn by chance, and the same ones on every machine, must agree to the last minor unit.
"""

import calendar
import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from commerce.pricing.proration import Period, ProrationMode
from commerce.pricing.quote import (
    Billing,
    Holding,
    LineKind,
    LineRole,
    PercentOfTotal,
    QuoteLine,
    QuoteMode,
    QuoteRequest,
)
from commerce.pricing.quoting import price_quote
from commerce.pricing.tax import TaxTreatment
from commerce.pricing.tiers import DiscountMethod, DiscountSchedule, DiscountTier
from commerce.pricing.waterfall import Adjustment, AdjustmentKind

QUOTES = 500
DECIMALS = {"JPY": 0, "EUR": 2, "KWD": 3}


# --- The second computation ------------------------------------------------------------------------------------------


@dataclass
class Expected:
    """What one line comes to, in minor units; `whole` is what a percentage bought with it would cover."""

    role: LineRole
    due: int
    whole: int
    monthly: Fraction
    monthly_before: Fraction
    period: int


def half_away(value: Fraction) -> int:
    return (1 if value >= 0 else -1) * int(abs(value) + Fraction(1, 2))


def minor(value: Fraction, currency: str) -> int:
    return half_away(value * 10 ** DECIMALS[currency])


def months_later(start: date, months: int, day: int | None = None) -> date:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(day or start.day, calendar.monthrange(year, month + 1)[1]))


def months_of(request: QuoteRequest) -> Fraction:
    """The months from the change to the end of the contract, as the quote's mode counts them."""
    start, until = request.change_date, request.contract.until_date
    days = (until - start).days
    if request.proration_mode is ProrationMode.DAY:
        return Fraction(days, 365) * 12
    if request.proration_mode is ProrationMode.CALENDAR_PERIOD:
        day, used, month = request.contract.start_date.day, Fraction(0), -1
        while months_later(start, month, day) < until:
            first, last = months_later(start, month, day), months_later(start, month + 1, day)
            overlap = (min(last, until) - max(first, start)).days
            used += Fraction(max(overlap, 0), (last - first).days)
            month += 1
        return used
    whole = 0
    while months_later(start, whole + 1) <= until:
        whole += 1
    rest = (until - months_later(start, whole)).days
    if request.proration_mode is ProrationMode.MONTH:
        return Fraction(whole + (1 if rest else 0))
    return whole + rest / Fraction(365, 12)


def times_due(request: QuoteRequest, billing: Billing, price_months: int) -> Fraction:
    """How many times a price for so many months is due now."""
    if billing is Billing.ONCE:
        return Fraction(1)
    if billing is Billing.TERM:
        return months_of(request) / price_months
    period = request.billing_period
    left = (min(period.until_date, request.contract.until_date) - request.change_date).days
    return Fraction(request.period_months, price_months) * Fraction(left, (period.until_date - period.start_date).days)


def discounted(price: Fraction, tier: DiscountTier | None, times: Fraction) -> Fraction:
    if tier is None:
        return price
    if tier.percent is not None:
        return price * (100 - Fraction(tier.percent)) / 100
    return price - Fraction(tier.amount) * times


def units_total(line: QuoteLine, times: Fraction, *, units: int, already: int) -> Fraction:
    """What `units` of a line cost for `times` its price: unit by unit, then the discount given by hand."""
    price, total = Fraction(line.unit_price) * times, Fraction(0)
    for unit in range(already + 1, already + units + 1):
        tier = None
        if line.schedule is not None:
            place = already + units if line.schedule.method is DiscountMethod.RANGE else unit
            tier = next((t for t in line.schedule.tiers if t.start <= place and (not t.until or place < t.until)), None)
        total += discounted(price, tier, times)
    if line.discount is None:
        return total
    if line.discount.kind is AdjustmentKind.DISCOUNT_PERCENT:
        return total * (100 - Fraction(line.discount.value)) / 100
    return total - units * Fraction(line.discount.value) * times


def expected_of(request: QuoteRequest, line: QuoteLine) -> list[Expected]:
    """A line by what the customer holds on it: charge, credit, both, or nothing."""
    held, months, currency = line.holding, line.price_months, request.currency
    is_same = held is not None and held.product_code == line.product_code
    held_units = int(held.quantity) if held else 0
    held_monthly = Fraction(0)
    if held is not None and held.billing is not Billing.ONCE:
        held_monthly = held_units * Fraction(held.unit_price) / held.price_months
    credited = held_units if not is_same else max(held_units - int(line.quantity), 0)
    charged = int(line.quantity) - (held_units if is_same else 0)
    results = []
    if held is not None and credited:
        billing = held.billing or line.billing
        times = times_due(request, billing, held.price_months)
        gone = is_same and not line.quantity
        total = credited * Fraction(held.unit_price) * times
        results.append(
            Expected(LineRole.CREDIT, -minor(total, currency), 0, Fraction(0), held_monthly if gone else Fraction(0), 0)
        )
        if gone:
            return results
    if is_same and charged <= 0:
        kept = int(line.quantity)
        billing = held.billing or line.billing
        monthly = Fraction(0) if held.billing is Billing.ONCE else kept * Fraction(held.unit_price) / held.price_months
        whole = kept * Fraction(held.unit_price) * times_due(request, billing, held.price_months)
        period = monthly * request.period_months if billing is Billing.PERIOD else Fraction(0)
        results.append(
            Expected(LineRole.UNCHANGED, 0, minor(whole, currency), monthly, held_monthly, minor(period, currency))
        )
        return results
    already = held_units if is_same else 0
    times = times_due(request, line.billing, months)
    due = units_total(line, times, units=charged, already=already)
    monthly = Fraction(0)
    if line.billing is not Billing.ONCE:
        monthly = units_total(line, Fraction(1, months), units=charged, already=already)
    whole = due
    if is_same:
        monthly += held_monthly
        whole += (
            held_units * Fraction(held.unit_price) * times_due(request, held.billing or line.billing, held.price_months)
        )
    period = monthly * request.period_months if line.billing is Billing.PERIOD else Fraction(0)
    results.append(
        Expected(
            LineRole.CHARGE,
            minor(due, currency),
            minor(whole, currency),
            monthly,
            held_monthly,
            minor(period, currency),
        )
    )
    return results


def taxed(request: QuoteRequest, total: int, percent: Decimal) -> tuple[int, int]:
    """Net and tax of a rounded line total."""
    rate = Fraction(percent) / 100
    if request.tax_treatment is TaxTreatment.INCLUSIVE:
        tax = half_away(total * rate / (1 + rate))
        return total - tax, tax
    if request.tax_treatment is TaxTreatment.TAKEN_OUT:
        return total - half_away(total * rate / (1 + rate)), 0
    return total, half_away(total * rate)


def shown(request: QuoteRequest, line: QuoteLine, monthly: Fraction) -> int:
    """A monthly price as it is shown: without the tax that is in it where nobody pays that."""
    whole = minor(monthly, request.currency)
    is_taken_out = request.tax_treatment is TaxTreatment.TAKEN_OUT
    return taxed(request, whole, line.tax_rate_percent)[0] if is_taken_out else whole


def totals_of(request: QuoteRequest) -> dict[str, int]:
    """The sums of the quote, from the second computation alone."""
    plain = [
        (line, one) for line in request.lines if line.percent_of_total is None for one in expected_of(request, line)
    ]
    rows = list(plain)
    for line in request.lines:
        if line.percent_of_total is None:
            continue
        share = line.percent_of_total
        covered = [one for other, one in plain if other.kind in share.covers]
        rate, is_new = Fraction(share.percent) / 100, line.holding is None
        base = sum(one.whole if is_new else one.due for one in covered)
        scale = 10 ** DECIMALS[request.currency]
        monthly = rate * sum(minor(one.monthly, request.currency) for one in covered) / scale
        before = rate * sum(minor(one.monthly_before, request.currency) for one in covered) / scale
        period = half_away(rate * sum(one.period for one in covered))
        rows.append(
            (
                line,
                Expected(
                    LineRole.CHARGE, half_away(rate * base), 0, monthly, Fraction(0) if is_new else before, period
                ),
            )
        )
    due = [taxed(request, one.due, line.tax_rate_percent) for line, one in rows]
    later = [taxed(request, one.period, line.tax_rate_percent) for line, one in rows]
    return {
        "due_net": sum(net for net, _ in due),
        "due_tax": sum(tax for _, tax in due),
        "period_net": sum(net for net, _ in later),
        "period_tax": sum(tax for _, tax in later),
        "monthly": sum(shown(request, line, one.monthly) for line, one in rows),
        "monthly_before": sum(shown(request, line, one.monthly_before) for line, one in rows),
    }


# --- Quotes by chance ------------------------------------------------------------------------------------------------


class Chance:
    """Draws a quote. The seed says which, on every machine."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def amount(self, most: int, places: int = 4) -> Decimal:
        return Decimal(self.random.randint(0, most * 10**places)).scaleb(-places)

    def schedule(self) -> DiscountSchedule | None:
        if self.random.random() < 0.4:
            return None
        bounds = sorted(self.random.sample(range(2, 60), 2))
        in_percent = self.random.random() < 0.7
        return DiscountSchedule(
            self.random.choice(list(DiscountMethod)),
            tuple(
                DiscountTier(
                    start=start,
                    until=until,
                    percent=self.amount(60, 2) if in_percent else None,
                    amount=None if in_percent else self.amount(5),
                )
                for start, until in zip([1, *bounds], [*bounds, None], strict=True)
            ),
        )

    def discount(self) -> Adjustment | None:
        kind = self.random.choice([None, AdjustmentKind.DISCOUNT_PERCENT, AdjustmentKind.DISCOUNT_AMOUNT])
        return None if kind is None else Adjustment(kind, self.amount(30 if kind.endswith("percent") else 1))

    def holding(self, index: int) -> Holding | None:
        drawn = self.random.random()
        if drawn < 0.4:
            return None
        return Holding(
            product_code=f"p{index}" if drawn < 0.75 else f"old{index}",
            name="Held",
            quantity=self.random.randint(1, 60),
            unit_price=self.amount(40),
            price_months=self.random.choice([1, 12]),
        )

    def line(self, index: int) -> QuoteLine:
        holding = self.holding(index)
        removable = holding is not None and holding.product_code == f"p{index}"
        return QuoteLine(
            product_code=f"p{index}",
            name=f"Product {index}",
            kind=self.random.choice(list(LineKind)),
            quantity=self.random.randint(0 if removable else 1, 80),
            # Above what amounts take off, so that none of them exceeds it.
            unit_price=self.amount(40) + 150,
            billing=self.random.choice(list(Billing)),
            price_months=self.random.choice([1, 3, 12]),
            holding=holding,
            schedule=self.schedule(),
            discount=self.discount(),
            tax_rate_percent=self.random.choice([Decimal(0), Decimal(7), Decimal(19), Decimal("8.1")]),
        )

    def share(self, index: int) -> QuoteLine:
        held = Holding(product_code=f"share{index}", name="Share", quantity=1, unit_price=Decimal(0))
        return QuoteLine(
            product_code=f"share{index}",
            name="Premium support",
            kind=LineKind.ADDON,
            quantity=1,
            unit_price=Decimal(0),
            billing=Billing.TERM,
            holding=self.random.choice([None, held]),
            percent_of_total=PercentOfTotal(percent=self.amount(30, 2)),
            tax_rate_percent=Decimal(19),
        )

    def quote(self) -> QuoteRequest:
        start = date(2023, 1, 1) + timedelta(days=self.random.randint(0, 1500))
        contract = Period(start, start + timedelta(days=self.random.randint(20, 1100)))
        change = start + timedelta(days=self.random.randint(0, contract.days - 1))
        lines = [self.line(index) for index in range(self.random.randint(1, 6))]
        lines += [self.share(index) for index in range(self.random.choice([0, 0, 1, 2]))]
        return QuoteRequest(
            mode=QuoteMode.AMENDMENT,
            currency=self.random.choice(list(DECIMALS)),
            lines=tuple(lines),
            contract=contract,
            change_date=change,
            billing_period=Period(
                change - timedelta(days=self.random.randint(0, 27)), change + timedelta(days=self.random.randint(1, 28))
            ),
            period_months=self.random.choice([1, 3]),
            proration_mode=self.random.choice(list(ProrationMode)),
            tax_treatment=self.random.choice(list(TaxTreatment)),
            credit_downgrades=True,
        )


@pytest.mark.parametrize("hundred", range(QUOTES // 100))
def test_two_computations_agree_to_the_last_minor_unit(hundred):
    for seed in range(hundred * 100, hundred * 100 + 100):
        request = Chance(seed).quote()
        priced = price_quote(request)
        assert {
            "due_net": priced.due_net_minor,
            "due_tax": priced.due_tax_minor,
            "period_net": priced.period_net_minor,
            "period_tax": priced.period_tax_minor,
            "monthly": priced.monthly_minor,
            "monthly_before": priced.monthly_before_minor,
        } == totals_of(request), f"seed {seed}"


def test_the_drawn_quotes_reach_what_they_are_to_prove():
    """A differential test of simple cases alone would agree on anything."""
    roles, kinds = set(), set()
    for seed in range(QUOTES):
        request = Chance(seed).quote()
        roles |= {line.role for line in price_quote(request).lines}
        for line in request.lines:
            kinds.add((line.billing, line.percent_of_total is None, line.holding is None, line.schedule is None))
            kinds.add((request.currency, request.proration_mode, request.tax_treatment))
    assert roles == set(LineRole)
    assert {
        (billing, True, held, plain) for billing in Billing for held in (True, False) for plain in (True, False)
    } <= kinds
    assert {(c, m, t) for c in DECIMALS for m in ProrationMode for t in TaxTreatment} <= kinds
