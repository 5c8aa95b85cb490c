"""The engine against a second computation, for the steps of a line: methods, rules, schedules that count together.

`test_pricing_differential` draws what customers do to what they hold; here everything is bought anew, and what differs
is how a price comes about. Written from the prose of docs/pricing.md, unit by unit; nothing of `commerce.pricing`
calculates.
"""

import random
import re
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from commerce.pricing.methods import (
    BlockPrice,
    GraduatedPrice,
    Method,
    PackagePrice,
    UsagePrice,
    VolumePrice,
)
from commerce.pricing.proration import Period, ProrationMode
from commerce.pricing.quote import Billing, LineKind, QuoteLine, QuoteMode, QuoteRequest
from commerce.pricing.quoting import price_quote
from commerce.pricing.renewal import RenewalMethod
from commerce.pricing.tax import TaxTreatment
from commerce.pricing.tiers import (
    AggregationScope,
    DiscountMethod,
    DiscountSchedule,
    DiscountTier,
    Tier,
    TieredPrice,
    TierMethod,
)
from commerce.pricing.waterfall import Adjustment, AdjustmentKind, PriceRule, RenewalTerms
from tests.commerce.test_pricing_differential import DECIMALS, minor, months_later, shown, taxed, times_due

QUOTES = 500
PRICED_AS_A_WHOLE = (BlockPrice, PackagePrice, UsagePrice)


# --- The second computation ------------------------------------------------------------------------------------------


def holds(tier, unit: int) -> bool:
    return tier.start <= unit and (tier.until is None or unit < tier.until)


def method_total(method: Method, units: int) -> Fraction:
    """What so many units cost by a method, for the price's own months."""
    match method:
        case VolumePrice():
            reached = next(tier for tier in method.tiers.tiers if holds(tier, units))
            return units * Fraction(reached.unit_price) + Fraction(reached.flat)
        case GraduatedPrice():
            own = [next(tier for tier in method.tiers.tiers if holds(tier, unit)) for unit in range(1, units + 1)]
            flats = {tier.start: Fraction(tier.flat) for tier in own}
            return sum((Fraction(tier.unit_price) for tier in own), Fraction(0)) + sum(flats.values())
        case BlockPrice():
            block = next(tier for tier in method.tiers.tiers if holds(tier, units))
            return Fraction(block.flat) + (units - block.start) * Fraction(block.overage_price)
        case PackagePrice():
            started, paid = 0, units - method.free_units
            while paid > 0:
                started, paid = started + 1, paid - method.package_size
            return started * Fraction(method.package_price)
        case UsagePrice():
            return Fraction(method.commitment) if method.is_prepaid else Fraction(0)
    raise AssertionError(f"no second computation for {method}")


def less(price: Fraction, percent: Decimal) -> Fraction:
    return price * (100 - Fraction(percent)) / 100


def scheduled(price: Fraction, schedule: DiscountSchedule, *, place: int, units: int, times: Fraction) -> Fraction:
    """The price of a unit after a schedule: all at the discount of `place`, or on the average of each at its own."""

    def one(unit: int) -> Fraction:
        tier = next((tier for tier in schedule.tiers if holds(tier, unit)), None)
        if tier is None:
            return price
        return less(price, tier.percent) if tier.percent is not None else price - Fraction(tier.amount) * times

    if schedule.method is DiscountMethod.RANGE:
        return one(place)
    return sum((one(unit) for unit in range(1, units + 1)), Fraction(0)) / units


def counted_together(request: QuoteRequest, line: QuoteLine) -> int:
    """The units that decide a volume discount: the line's own, or those of all lines counted with it."""
    schedule = line.schedule
    if schedule.scope is AggregationScope.LINE or (schedule.scope is AggregationScope.GROUP and not line.group):
        return int(line.quantity)
    alike = [other for other in request.lines if other.schedule == schedule]
    if schedule.scope is AggregationScope.GROUP:
        alike = [other for other in alike if other.group == line.group]
    return sum(int(other.quantity) for other in alike)


def regular(request: QuoteRequest, line: QuoteLine, times: Fraction, special: Decimal | None) -> tuple[Fraction, int]:
    """Steps 1 to 5: the regular price, and how many times it is due."""
    units, whole = int(line.quantity), isinstance(line.method, PRICED_AS_A_WHOLE)
    if special is not None:
        base, effective = Fraction(special), units
    elif line.contracted_price is not None:
        base, effective = Fraction(line.contracted_price), units
    elif line.method is None:
        base, effective = Fraction(line.unit_price if line.list_override is None else line.list_override), units
    else:
        total = method_total(line.method, units)
        base, effective = (total, 1) if whole else (total / units, units)
    price = base * times
    is_fixed = special is None and (line.contracted_price is not None or line.is_contracted or whole)
    if is_fixed and not line.schedules_stack:
        return price, effective
    if line.schedule is not None:
        place = counted_together(request, line)
        price = scheduled(price, line.schedule, place=place, units=units, times=times)
    if line.term_schedule is not None:
        months, contract = 0, request.contract
        while months_later(contract.start_date, months + 1) <= contract.until_date:
            months += 1
        price = scheduled(price, line.term_schedule, place=months, units=units, times=times)
    return price, effective


def total_of(request: QuoteRequest, line: QuoteLine, times: Fraction) -> Fraction:
    """All steps of a line, unrounded."""
    renewal = line.renewal
    if renewal is not None and renewal.method is not RenewalMethod.LIST:
        price, effective = Fraction(renewal.sold_price) * times, int(line.quantity)
    else:
        met = [rule for rule in sorted(line.rules, key=lambda rule: rule.order) if line.quantity >= rule.min_quantity]
        specials = [rule.special_price for rule in met if rule.special_price is not None]
        price, effective = regular(request, line, times, specials[-1] if specials else line.special_price)
        for rule in met:
            if rule.discount_percent is not None:
                price = less(price, rule.discount_percent)
        if line.discount is not None and line.discount.kind is AdjustmentKind.DISCOUNT_PERCENT:
            price = less(price, line.discount.value)
        elif line.discount is not None:
            price -= Fraction(line.discount.value) * times
    if renewal is not None:
        if renewal.method is RenewalMethod.UPLIFT:
            price *= 1 + Fraction(renewal.uplift_percent) / 100 * Fraction(renewal.uplift_years)
        price = less(price, renewal.promised_percent)
    return less(less(price, line.partner_percent), line.distributor_percent) * effective


def totals_of(request: QuoteRequest) -> dict[str, int]:
    due_net = due_tax = period_net = period_tax = monthly = 0
    for line in request.lines:
        price_months = 1 if line.billing is Billing.ONCE else line.price_months
        due = total_of(request, line, times_due(request, line.billing, price_months))
        net, tax = taxed(request, minor(due, request.currency), line.tax_rate_percent)
        due_net, due_tax = due_net + net, due_tax + tax
        if line.billing is Billing.ONCE:
            continue
        each_month = total_of(request, line, Fraction(1)) / line.price_months
        monthly += shown(request, line, each_month)
        if line.billing is Billing.PERIOD:
            later = minor(each_month * request.period_months, request.currency)
            net, tax = taxed(request, later, line.tax_rate_percent)
            period_net, period_tax = period_net + net, period_tax + tax
    return {
        "due_net": due_net,
        "due_tax": due_tax,
        "period_net": period_net,
        "period_tax": period_tax,
        "monthly": monthly,
    }


# --- Quotes by chance ------------------------------------------------------------------------------------------------


class Chance:
    """Draws a quote. The seed says which, on every machine."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def amount(self, most: int, places: int = 4, least: int = 0) -> Decimal:
        return least + Decimal(self.random.randint(0, most * 10**places)).scaleb(-places)

    def maybe(self, value, share: float = 0.2):
        return value if self.random.random() < share else None

    def bounds(self) -> list[tuple[int, int | None]]:
        inner = sorted(self.random.sample(range(2, 60), 2))
        return list(zip([self.random.choice([0, 1]), *inner], [*inner, None], strict=True))

    def tiers(self, method: TierMethod) -> TieredPrice:
        is_block = method is TierMethod.BLOCK
        return TieredPrice(
            method,
            tuple(
                Tier(
                    start=start,
                    until=until,
                    unit_price=Decimal(0) if is_block else self.amount(40, least=150),
                    flat=self.amount(90, 2, least=5000 if is_block else 0),
                    overage_price=self.amount(5) if is_block else Decimal(0),
                )
                for start, until in self.bounds()
            ),
        )

    def method(self) -> Method | None:
        makes = [
            lambda: None,
            lambda: VolumePrice(tiers=self.tiers(TierMethod.VOLUME)),
            lambda: GraduatedPrice(tiers=self.tiers(TierMethod.GRADUATED)),
            lambda: BlockPrice(tiers=self.tiers(TierMethod.BLOCK)),
            lambda: PackagePrice(
                package_price=self.amount(90, 2, least=150),
                package_size=self.random.randint(1, 25),
                free_units=self.random.choice([0, 0, 5]),
            ),
            lambda: UsagePrice(
                unit_price=self.amount(1, 6), commitment=self.amount(500, 2, least=150), is_prepaid=True
            ),
        ]
        return self.random.choice(makes)()

    def schedule(self, scope: AggregationScope) -> DiscountSchedule:
        """In percent where prices are of a whole: an amount off each unit has no unit there."""
        is_slab = scope is AggregationScope.LINE and self.random.random() < 0.5
        return DiscountSchedule(
            DiscountMethod.SLAB if is_slab else DiscountMethod.RANGE,
            tuple(DiscountTier(start=start, until=until, percent=self.amount(40, 2)) for start, until in self.bounds()),
            scope=scope,
        )

    def rules(self) -> tuple[PriceRule, ...]:
        return tuple(
            PriceRule(
                order=order,
                min_quantity=self.random.choice([0, 10, 40]),
                special_price=self.maybe(self.amount(40, least=100)),
                discount_percent=self.maybe(self.amount(20, 2), 0.6),
            )
            for order in self.random.sample(range(1, 9), self.random.choice([0, 0, 1, 2]))
        )

    def renewal(self) -> RenewalTerms:
        return RenewalTerms(
            method=self.random.choice(list(RenewalMethod)),
            sold_price=self.amount(40),
            uplift_percent=self.amount(9, 2),
            uplift_years=self.random.choice([1, 2, Decimal("1.5")]),
            promised_percent=self.random.choice([Decimal(0), self.amount(10, 2)]),
        )

    def discount(self, method: Method | None) -> Adjustment | None:
        kinds = [None, AdjustmentKind.DISCOUNT_PERCENT]
        if not isinstance(method, PackagePrice):  # Its price may be nothing, with all units free.
            kinds.append(AdjustmentKind.DISCOUNT_AMOUNT)
        kind = self.random.choice(kinds)
        return None if kind is None else Adjustment(kind, self.amount(20 if kind.endswith("percent") else 1))

    def line(self, index: int, shared: list[DiscountSchedule]) -> QuoteLine:
        method = self.method()
        own = self.random.choice([None, self.schedule(AggregationScope.LINE), *shared])
        return QuoteLine(
            product_code=f"p{index}",
            name=f"Product {index}",
            kind=self.random.choice(list(LineKind)),
            quantity=self.random.randint(1, 80),
            unit_price=self.amount(40, least=150),
            billing=self.random.choice(list(Billing)),
            price_months=self.random.choice([1, 3, 12]),
            method=method,
            is_contracted=method is not None and self.random.random() < 0.2,
            contracted_price=self.maybe(self.amount(40, least=100)) if method is None else None,
            list_override=self.maybe(self.amount(40, least=100)) if method is None else None,
            special_price=self.maybe(self.amount(40, least=100), 0.1),
            schedules_stack=self.random.random() < 0.2,
            schedule=own,
            term_schedule=self.maybe(self.schedule(AggregationScope.QUOTE)),
            rules=self.rules(),
            discount=self.discount(method),
            partner_percent=self.random.choice([Decimal(0), self.amount(20, 2)]),
            distributor_percent=self.random.choice([Decimal(0), self.amount(20, 2)]),
            renewal=self.maybe(self.renewal()),
            group=self.random.choice(["", "north", "south"]),
            tax_rate_percent=self.random.choice([Decimal(0), Decimal(7), Decimal(19), Decimal("8.1")]),
        )

    def quote(self) -> QuoteRequest:
        start = date(2023, 1, 1) + timedelta(days=self.random.randint(0, 1500))
        shared = [self.schedule(AggregationScope.QUOTE), self.schedule(AggregationScope.GROUP)]
        return QuoteRequest(
            mode=QuoteMode.NEW,
            currency=self.random.choice(list(DECIMALS)),
            lines=tuple(self.line(index, shared) for index in range(self.random.randint(1, 6))),
            contract=Period(start, start + timedelta(days=self.random.randint(20, 1100))),
            change_date=start,
            billing_period=Period(
                start - timedelta(days=self.random.randint(0, 27)), start + timedelta(days=self.random.randint(1, 28))
            ),
            period_months=self.random.choice([1, 3]),
            proration_mode=self.random.choice(list(ProrationMode)),
            tax_treatment=self.random.choice(list(TaxTreatment)),
        )


@pytest.mark.parametrize("hundred", range(QUOTES // 100))
def test_two_computations_of_all_steps_agree_to_the_last_minor_unit(hundred):
    for seed in range(hundred * 100, hundred * 100 + 100):
        request = Chance(seed).quote()
        priced = price_quote(request)
        assert {
            "due_net": priced.due_net_minor,
            "due_tax": priced.due_tax_minor,
            "period_net": priced.period_net_minor,
            "period_tax": priced.period_tax_minor,
            "monthly": priced.monthly_minor,
        } == totals_of(request), f"seed {seed}"


def test_the_drawn_quotes_reach_every_step():
    """Steps that no drawn line has would agree whatever they did."""
    names, methods, scopes = set(), set(), set()
    for seed in range(QUOTES):
        request = Chance(seed).quote()
        names |= {re.sub(r"\d+_", "", step.name) for line in price_quote(request).lines for step in line.steps}
        methods |= {type(line.method) for line in request.lines}
        scopes |= {
            line.schedule.scope
            for line in request.lines
            if line.schedule is not None and counted_together(request, line) > line.quantity
        }
    assert names == {
        "original_price", "list_price", "base_price", "prorated_price", "volume_price", "term_price", "regular_price",
        "rule_special_price", "rule_price", "customer_price", "uplifted_regular_price", "uplifted_customer_price",
        "promised_price", "partner_price", "net_unit_price", "line_total",
    }  # fmt: skip
    assert methods == {type(None), VolumePrice, GraduatedPrice, BlockPrice, PackagePrice, UsagePrice}
    assert scopes == {AggregationScope.QUOTE, AggregationScope.GROUP}
