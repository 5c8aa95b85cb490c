from decimal import Decimal
from fractions import Fraction

import pytest

from commerce.pricing.methods import BlockPrice
from commerce.pricing.money import NegativeAmount, PercentOutOfRange
from commerce.pricing.renewal import RenewalMethod
from commerce.pricing.tax import TaxTreatment, tax_line
from commerce.pricing.tiers import (
    DiscountExceedsPrice,
    DiscountMethod,
    DiscountSchedule,
    DiscountTier,
    FractionalQuantity,
    Tier,
    TieredPrice,
    TierMethod,
)
from commerce.pricing.waterfall import (
    Adjustment,
    AdjustmentKind,
    LineTerms,
    PriceRule,
    RenewalTerms,
    RulesOutOfOrder,
    ShareOfTotal,
    line_amount,
    price_line,
)

TEN_PERCENT = DiscountSchedule(DiscountMethod.RANGE, (DiscountTier(start=1, percent=Decimal(10)),))


def terms(**changes) -> LineTerms:
    return LineTerms(**{"original_price": Decimal(100), "quantity": 10, "currency": "EUR"} | changes)


def total(**changes) -> int:
    return price_line(terms(**changes)).total.minor


def steps(**changes) -> dict[str, Decimal]:
    return {step.name: step.value for step in price_line(terms(**changes)).steps}


def test_every_step_is_kept_in_its_order():
    priced = price_line(
        terms(
            list_override=Decimal(120),
            multiplier=Fraction(1, 2),
            volume_schedule=TEN_PERCENT,
            term_schedule=DiscountSchedule(DiscountMethod.RANGE, (DiscountTier(start=12, percent=Decimal(50)),)),
            term_months=12,
            rules=(PriceRule(order=1, min_quantity=10, discount_percent=Decimal(10)),),
            discount=Adjustment(AdjustmentKind.DISCOUNT_PERCENT, Decimal(20)),
            partner_percent=Decimal(25),
            distributor_percent=Decimal(10),
        )
    )
    assert [(step.name, str(step.value.normalize())) for step in priced.steps] == [
        ("original_price", "1E+2"),
        ("list_price", "1.2E+2"),
        ("base_price", "1.2E+2"),
        ("prorated_price", "6E+1"),
        ("volume_price", "54"),
        ("term_price", "27"),
        ("regular_price", "27"),
        ("rule_1_price", "24.3"),
        ("customer_price", "19.44"),
        ("partner_price", "14.58"),
        ("net_unit_price", "13.122"),
        ("line_total", "131.22"),
    ]
    assert priced.total.minor == 13122


def test_the_line_total_is_the_only_rounding():
    # Rounded to four decimals first, the unit price would carry 7.24495 up to 7.25.
    assert total(original_price=Decimal("7.24495"), quantity=1) == 724


BLOCK = TieredPrice(TierMethod.BLOCK, (Tier(start=1, until=11, flat=Decimal(500)),))


def test_the_base_is_the_first_price_that_exists():
    prices = {
        "special_price": (Decimal(90), 90_000),
        "contracted_price": (Decimal(80), 80_000),
        "method": (BlockPrice(tiers=BLOCK), 50_000),
        "share_of_total": (ShareOfTotal(Decimal(10), Decimal(4000)), 400_000),
    }
    given = {name: price for name, (price, _) in prices.items()}
    for name, (_, expected) in prices.items():
        assert total(**given) == expected, name
        given.pop(name)
    assert total() == 100_000


def test_a_block_has_one_price_whatever_its_quantity():
    priced = price_line(terms(method=BlockPrice(tiers=BLOCK), volume_schedule=TEN_PERCENT))
    assert priced.effective_quantity == 1
    assert priced.total.minor == 50_000
    assert total(method=BlockPrice(tiers=BLOCK), volume_schedule=TEN_PERCENT, schedules_stack=True) == 45_000


def test_a_contracted_price_excludes_volume_discounts_unless_they_stack():
    assert total(contracted_price=Decimal(80), volume_schedule=TEN_PERCENT) == 80_000
    assert total(contracted_price=Decimal(80), volume_schedule=TEN_PERCENT, schedules_stack=True) == 72_000


def test_a_share_of_other_lines_is_not_prorated_again():
    assert total(share_of_total=ShareOfTotal(Decimal(15), Decimal(200)), quantity=1, multiplier=Fraction(1, 2)) == 3_000


def test_what_is_paid_once_is_never_prorated():
    assert total(multiplier=Fraction(1, 3), one_time=True) == 100_000


def test_an_amount_off_is_prorated_with_its_line_unless_told_otherwise():
    half = {"multiplier": Fraction(1, 2), "discount": Adjustment(AdjustmentKind.DISCOUNT_AMOUNT, Decimal(10))}
    assert total(**half) == 45_000
    assert total(**half, prorate_amount_discounts=False) == 40_000
    with pytest.raises(DiscountExceedsPrice):
        total(discount=Adjustment(AdjustmentKind.DISCOUNT_AMOUNT, Decimal(101)))


def test_a_rule_with_a_special_price_sends_the_line_round_once_more():
    rules = (
        PriceRule(order=20, discount_percent=Decimal(50)),
        PriceRule(order=10, special_price=Decimal(60)),
        PriceRule(order=30, min_quantity=11, special_price=Decimal(1)),
    )
    names = [step.name for step in price_line(terms(rules=rules, volume_schedule=TEN_PERCENT)).steps]
    assert names.count("base_price") == 2
    assert names.count("rule_10_special_price") == 1
    assert total(rules=rules, volume_schedule=TEN_PERCENT) == 27_000


def test_two_rules_cannot_have_the_same_place():
    with pytest.raises(RulesOutOfOrder):
        total(rules=(PriceRule(order=1), PriceRule(order=1)))


def test_a_renewal_at_the_sold_price_carries_its_discounts_and_gets_no_more():
    sold = RenewalTerms(RenewalMethod.SAME, Decimal(90))
    discount = Adjustment(AdjustmentKind.DISCOUNT_PERCENT, Decimal(10))
    assert total(renewal=sold, volume_schedule=TEN_PERCENT, discount=discount) == 90_000
    assert total(renewal=RenewalTerms(RenewalMethod.LIST, Decimal(90)), volume_schedule=TEN_PERCENT) == 90_000
    assert total(renewal=RenewalTerms(RenewalMethod.LIST, Decimal(70))) == 100_000


def test_an_uplift_comes_after_the_discounts_and_is_not_compounded():
    uplift = RenewalTerms(RenewalMethod.UPLIFT, Decimal(90), uplift_percent=Decimal(5), uplift_years=2)
    assert total(renewal=uplift, partner_percent=Decimal(10)) == 89_100
    assert steps(renewal=uplift)["uplifted_regular_price"] == 99


def test_adjustments_run_in_the_order_given():
    percent_first = [
        Adjustment(AdjustmentKind.DISCOUNT_PERCENT, Decimal(10)),
        Adjustment(AdjustmentKind.DISCOUNT_AMOUNT, Decimal(10)),
    ]
    assert line_amount(list_price=Decimal(100), quantity=1, adjustments=percent_first, currency="EUR") == 80
    assert line_amount(list_price=Decimal(100), quantity=1, adjustments=percent_first[::-1], currency="EUR") == 81


def test_a_line_of_hours_has_fractions_and_a_line_of_seats_has_none():
    hours = {"list_price": Decimal("4.4556"), "quantity": Decimal("10.625"), "adjustments": []}
    assert line_amount(**hours, currency="USD") == Decimal("47.34")
    assert line_amount(**hours, currency="JPY") == 47
    with pytest.raises(FractionalQuantity):
        line_amount(**hours, currency="USD", quantity_places=0)


@pytest.mark.parametrize(
    ("kind", "value", "error"),
    [
        ("discount_amount", "101", DiscountExceedsPrice),
        ("discount_amount", "-1", NegativeAmount),
        ("option", "-101", DiscountExceedsPrice),
        ("discount_percent", "101", PercentOutOfRange),
        ("partner_percent", "-1", PercentOutOfRange),
    ],
)
def test_an_adjustment_that_makes_no_sense_is_refused(kind, value, error):
    with pytest.raises(error):
        line_amount(
            list_price=Decimal(100),
            quantity=1,
            adjustments=[Adjustment(AdjustmentKind(kind), Decimal(value))],
            currency="EUR",
        )


@pytest.mark.parametrize(
    ("total_minor", "treatment", "net", "tax"),
    [
        (10_000, "exclusive", 10_000, 1_900),
        (-10_000, "exclusive", -10_000, -1_900),
        (11_900, "inclusive", 10_000, 1_900),
        (-10_000, "inclusive", -8_403, -1_597),
        (3, "exclusive", 3, 1),
    ],
)
def test_tax_is_rounded_per_line_and_mirrors_for_credits(total_minor, treatment, net, tax):
    taxed = tax_line(total_minor, rate_percent=Decimal(19), treatment=TaxTreatment(treatment))
    assert (taxed.net_minor, taxed.tax_minor) == (net, tax)
    assert taxed.gross_minor == net + tax


def test_a_tax_rate_is_a_percentage():
    with pytest.raises(PercentOutOfRange):
        tax_line(100, rate_percent=Decimal(-1))
