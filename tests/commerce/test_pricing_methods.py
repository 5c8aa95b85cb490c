"""Each way to price a line, through a whole quote: what is due, what follows, and what the line says."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.pricing.explanation import render
from commerce.pricing.figures import FigureMissing, FiguresWrong, FigureUnknown, parse_schedule
from commerce.pricing.methods import METHODS, UsagePrice, method_of
from commerce.pricing.money import NegativeAmount, NotANumber, PercentOutOfRange, PricingError, UnknownChoice
from commerce.pricing.proration import Period
from commerce.pricing.quote import Billing, Holding, LineKind, PercentOfTotal, QuoteLine, QuoteMode, QuoteRequest
from commerce.pricing.quoting import PercentOfPercent, price_quote
from commerce.pricing.tiers import NoTier, PackageIsEmpty, SlabNotAllowed, TiersGap, TiersOverlap
from commerce.pricing.waterfall import Adjustment, AdjustmentKind, PriceRule

YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))
STEPS = [
    {"from": "1", "to": "11", "unit_price": "10"},
    {"from": "11", "to": "51", "unit_price": "8"},
    {"from": "51", "to": None, "unit_price": "5", "flat": "20"},
]
BLOCKS = [
    {"from": "1", "to": "11", "flat": "100"},
    {"from": "11", "to": "101", "flat": "700", "overage_price": "2"},
]


def line(quantity=60, unit_price="0", **changes) -> QuoteLine:
    defaults = {
        "product_code": "team", "name": "Team", "kind": LineKind.PLAN, "billing": Billing.TERM, "unit": "seats",
    }  # fmt: skip
    return QuoteLine(quantity=quantity, unit_price=Decimal(unit_price), **(defaults | changes))


def by(code, quantity=60, unit_price="0", figures=None, **changes) -> QuoteLine:
    method = method_of(code, Decimal(unit_price), figures or {})
    return line(quantity, unit_price, method=method, **changes)


def quote(*lines, mode=QuoteMode.NEW, **changes):
    asked = {"currency": "EUR", "contract": YEAR, "change_date": YEAR.start_date} | changes
    return price_quote(QuoteRequest(mode=mode, lines=lines, **asked))


def monthly(*lines, **changes) -> int:
    return quote(*lines, **changes).monthly_minor


def words(*lines, **changes) -> str:
    return render(quote(*lines, **changes).lines[0].explanation)


def held(quantity, unit_price="9"):
    return Holding(product_code="team", name="Team", quantity=quantity, unit_price=Decimal(unit_price))


@pytest.mark.parametrize(
    ("code", "unit_price", "figures", "quantity", "expected"),
    [
        ("list", "12", {}, 60, 72_000),
        ("volume", "0", {"tiers": STEPS}, 10, 10_000),
        ("volume", "0", {"tiers": STEPS}, 60, 32_000),
        ("graduated", "0", {"tiers": STEPS}, 60, 10_000 + 32_000 + 5_000 + 2_000),
        ("block", "0", {"tiers": BLOCKS}, 10, 10_000),
        ("block", "0", {"tiers": BLOCKS}, 60, 70_000 + 49 * 200),
        ("package", "50", {"package_size": "25"}, 60, 15_000),
        ("package", "50", {"package_size": "25", "free_units": "10"}, 60, 10_000),
        ("cost_plus", "0", {"cost": "8", "markup_percent": "25"}, 60, 60_000),
        ("cost_plus", "10", {}, 60, 60_000),
        ("usage", "0.01", {"commitment": "500", "is_prepaid": True}, 1, 50_000),
        ("usage", "0.01", {"commitment": "500"}, 1, 0),
    ],
)  # fmt: skip
def test_what_a_quantity_costs_by_each_method(code, unit_price, figures, quantity, expected):
    priced = quote(by(code, quantity, unit_price, figures))
    assert priced.monthly_minor == expected
    assert priced.due_net_minor == expected * 12


@pytest.mark.parametrize(
    ("code", "figures", "expected"),
    [
        # 5 held at 9.00 stay; 10 more: at the tier of 15; units 6 to 10 at 10 and 11 to 15 at 8; the dearer block.
        ("volume", {"tiers": STEPS}, 4_500 + 8_000),
        ("graduated", {"tiers": STEPS}, 4_500 + 9_000),
        ("block", {"tiers": BLOCKS}, 4_500 + 70_800 - 10_000),
    ],
)
def test_more_of_the_same_goes_on_where_the_units_held_ended(code, figures, expected):
    priced = quote(by(code, 15, "0", figures, holding=held(5)), mode=QuoteMode.AMENDMENT)
    assert priced.monthly_before_minor == 4_500
    assert priced.monthly_minor == expected
    assert priced.due_net_minor == (expected - 4_500) * 12


def test_a_block_that_holds_more_units_already_costs_nothing_more():
    flat = [{"from": "1", "to": None, "flat": "100"}]
    priced = quote(by("block", 15, "0", {"tiers": flat}, holding=held(5)), mode=QuoteMode.AMENDMENT)
    assert priced.due_net_minor == 0


def test_a_package_that_was_begun_is_filled_first():
    line = by("package", 30, "50", {"package_size": "25"}, holding=held(20))
    assert quote(line, mode=QuoteMode.AMENDMENT).due_net_minor == 5_000 * 12
    assert quote(replace(line, quantity=25), mode=QuoteMode.AMENDMENT).due_net_minor == 0


def test_a_quantity_outside_of_the_tiers_has_no_price():
    with pytest.raises(NoTier):
        quote(by("block", 101, "0", {"tiers": BLOCKS}))


def test_what_a_unit_was_sold_at_makes_the_same_month_again():
    sold = quote(by("block", 60, "0", {"tiers": BLOCKS})).lines[0].sold_unit_price
    kept = quote(by("block", 60, "0", {"tiers": BLOCKS}, holding=held(60, str(sold))), mode=QuoteMode.AMENDMENT)
    assert kept.monthly_minor == 79_800
    assert kept.due_net_minor == 0


# Use, and its commitment


def test_use_is_billed_afterwards_and_at_least_the_commitment():
    usage = UsagePrice(unit_price=Decimal("0.01"), commitment=Decimal(500), included_units=1000)
    assert usage.used(10_000, currency="EUR").minor == 9_000
    assert usage.owed(10_000, currency="EUR").minor == 50_000
    assert usage.owed(101_000, currency="EUR").minor == 100_000
    prepaid = replace(usage, is_prepaid=True)
    assert prepaid.owed(10_000, currency="EUR").minor == 0
    assert prepaid.owed(101_000, currency="EUR").minor == 50_000


def test_use_says_what_it_costs_and_the_least():
    usage = by("usage", 1, "0.002", {"commitment": "500", "is_prepaid": True}, name="API calls", billing=Billing.PERIOD)
    period = Period(date(2026, 1, 1), date(2026, 2, 1))
    assert words(usage, billing_period=period) == (
        "API calls by use at EUR 0.002 each, at least EUR 500.00 a month, paid in advance:"
        " EUR 500.00 now, then EUR 500.00 a month"
    )


# In words


def test_each_method_says_how_it_came_to_its_price():
    assert words(by("volume", 60, "0", {"tiers": [*STEPS[:2], {"from": "51", "unit_price": "8"}]})) == (
        "60 seats at EUR 8.00 a month, the price from 51 on, for 12 months: EUR 5,760.00"
    )
    assert words(by("graduated", 60, "0", {"tiers": STEPS})) == (
        "60 seats, 10 at EUR 10.00 a month, 40 at EUR 8.00 a month, 10 at EUR 5.00 a month, plus EUR 20.00 a month,"
        " for 12 months: EUR 5,880.00"
    )
    assert words(by("block", 60, "0", {"tiers": BLOCKS})) == (
        "60 seats, block of 11 to 100 at EUR 700.00 a month, 49 above its first at EUR 2.00 each, for 12 months:"
        " EUR 9,576.00"
    )
    assert words(by("package", 60, "50", {"package_size": "25"})) == (
        "60 seats, 3 × 25 at EUR 50.00 a month, for 12 months: EUR 1,800.00"
    )
    assert "cost" not in words(by("cost_plus", 60, "0", {"cost": "8", "markup_percent": "25"}))


def test_more_that_costs_less_is_said_and_never_hidden():
    steep = [{"from": "1", "to": "11", "unit_price": "10"}, {"from": "11", "to": None, "unit_price": "5"}]
    priced = quote(by("volume", 10, "0", {"tiers": steep})).lines[0]
    assert (priced.buy_up.quantity, priced.buy_up.amount) == (11, Decimal("660.00"))
    assert "More costs less here: 11 would come to EUR 660.00 now" in render(priced.explanation)
    assert quote(by("volume", 5, "0", {"tiers": steep})).lines[0].buy_up is None
    schedule = parse_schedule(
        [{"from": "1", "to": "11", "percent": "0"}, {"from": "11", "percent": "50"}], method="range"
    )
    assert quote(line(10, "10", schedule=schedule)).lines[0].buy_up.quantity == 11


# Agreed prices, and what the staff give


def test_an_agreed_price_takes_discounts_only_where_it_says_so():
    schedule = parse_schedule([{"from": "1", "percent": "10"}], method="range")
    agreed = line(10, "12", contracted_price=Decimal(10), schedule=schedule)
    assert monthly(agreed) == 10_000
    assert words(agreed).startswith("10 seats at EUR 10.00 a month, the price agreed with you, for 12 months")
    assert monthly(replace(agreed, schedules_stack=True)) == 9_000
    assert "10 % volume discount" in words(replace(agreed, schedules_stack=True))
    tiers = by("volume", 10, "0", {"tiers": STEPS}, is_contracted=True, schedule=schedule)
    assert monthly(tiers) == 10_000
    assert "agreed with you" in words(tiers)


def test_the_staff_give_prices_discounts_and_shares_in_their_order():
    given = line(
        10,
        "12",
        list_override=Decimal(11),
        discount=Adjustment(AdjustmentKind.DISCOUNT_PERCENT, Decimal(10)),
        partner_percent=Decimal(20),
        distributor_percent=Decimal(5),
    )
    priced = quote(given).lines[0]
    figures = {step.name: step.value for step in priced.steps}
    assert (figures["original_price"], figures["list_price"]) == (12, 11)
    assert (priced.monthly_minor, priced.sold_unit_price) == (7_524, Decimal("7.524"))
    assert render(priced.explanation) == (
        "10 seats at EUR 11.00 a month, 10 % discount, 20 % for the partner, 5 % for the distributor, for 12 months:"
        " EUR 902.88"
    )
    assert monthly(replace(given, special_price=Decimal(5), discount=None)) == 3_800


def test_rules_say_what_they_gave():
    rules = (
        PriceRule(order=2, discount_percent=Decimal(10), label="Autumn"),
        PriceRule(order=1, special_price=Decimal(10), label="Switchers"),
    )
    ruled = line(10, "12", rules=rules)
    assert monthly(ruled) == 9_000
    assert words(ruled).startswith(
        "10 seats at EUR 10.00 a month, a special price: Switchers, 10 % discount: Autumn, for 12 months"
    )


def test_a_discount_of_the_term_is_by_its_months():
    schedule = parse_schedule([{"from": "24", "percent": "10"}], method="range", by_term=True)
    long = Period(date(2026, 1, 1), date(2028, 1, 1))
    assert monthly(line(10, "12", term_schedule=schedule)) == 12_000
    assert monthly(line(10, "12", term_schedule=schedule), contract=long) == 10_800
    assert "10 % discount for a term of 24 months" in words(line(10, "12", term_schedule=schedule), contract=long)


# Counted together


RANGE = [{"from": "1", "to": "50", "percent": "0"}, {"from": "50", "to": None, "percent": "20"}]


def test_units_of_several_lines_count_together():
    schedule = parse_schedule(RANGE, method="range", scope="quote", code="a")
    first, second = line(30, "10", schedule=schedule), line(30, "10", schedule=schedule, key="second")
    assert monthly(first, second) == 48_000
    assert monthly(first) == 30_000
    assert "20 % volume discount for 60 units in all" in words(first, second)
    other = replace(second, schedule=parse_schedule(RANGE, method="range", scope="quote", code="b"))
    assert monthly(first, other) == 60_000


def test_units_of_one_group_count_together():
    schedule = parse_schedule(RANGE, method="range", scope="group")
    groups = {"1": "a", "2": "a", "3": "b"}
    lines = [line(30, "10", schedule=schedule, key=key, group=group) for key, group in groups.items()]
    assert monthly(*lines) == 24_000 * 2 + 30_000
    assert monthly(*(replace(each, group="") for each in lines)) == 90_000


def test_units_held_count_where_the_schedule_says_so():
    for counts, expected in ((True, 9_000 * 4 + 16_000), (False, 9_000 * 4 + 20_000)):
        schedule = parse_schedule(RANGE, method="range", counts_held=counts)
        priced = quote(line(60, "10", schedule=schedule, holding=held(40)), mode=QuoteMode.AMENDMENT)
        assert priced.monthly_minor == expected


@given(st.lists(st.integers(1, 200), min_size=1, max_size=5))
def test_a_shared_schedule_prices_the_parts_as_the_sum(parts):
    schedule = parse_schedule(RANGE, method="range", scope="quote")
    together = quote(*(line(part, "10", schedule=schedule, key=str(number)) for number, part in enumerate(parts)))
    assert together.due_net_minor == quote(line(sum(parts), "10", schedule=schedule)).due_net_minor


def test_slabs_count_one_line_and_no_months():
    with pytest.raises(SlabNotAllowed):
        parse_schedule(RANGE, method="slab", scope="quote")
    with pytest.raises(SlabNotAllowed):
        parse_schedule(RANGE, method="slab", by_term=True)
    with pytest.raises(SlabNotAllowed):
        quote(line(10, "12", term_schedule=parse_schedule(RANGE, method="slab")))


# Percentages


def test_a_percentage_covers_kinds_and_products():
    support = line(1, product_code="support", name="Support", kind=LineKind.SERVICE, unit="")
    addon = line(1, "100", product_code="sso", kind=LineKind.ADDON, unit="")
    by_kind = replace(support, method=PercentOfTotal(percent=Decimal(10), covers=frozenset({LineKind.PLAN})))
    assert quote(line(10, "10"), addon, by_kind).lines[-1].net_minor == 12_000
    by_product = PercentOfTotal(percent=Decimal(10), covers=frozenset(), products=frozenset({"sso"}))
    assert quote(line(10, "10"), addon, replace(support, method=by_product)).lines[-1].net_minor == 12_000
    assert quote(line(10, "10"), addon, replace(support, percent_of_total=by_kind.method)).lines[-1].net_minor == 12_000


def test_a_percentage_of_itself_or_of_another_is_refused():
    own = line(1, product_code="support", method=PercentOfTotal(percent=Decimal(10), products=frozenset({"support"})))
    with pytest.raises(PercentOfPercent):
        quote(line(), own)
    other = line(1, product_code="care", method=PercentOfTotal(percent=Decimal(10)))
    with pytest.raises(PercentOfPercent):
        quote(line(), replace(own, method=PercentOfTotal(percent=Decimal(10), products=frozenset({"care"}))), other)


# Currencies


@pytest.mark.parametrize(("currency", "expected"), [("JPY", 1_234), ("EUR", 123_445), ("KWD", 1_234_454)])
def test_totals_have_the_decimals_of_their_currency(currency, expected):
    assert monthly(line(1, "1234.4535"), currency=currency) == expected


# What is refused when it is typed in


@pytest.mark.parametrize(
    ("code", "unit_price", "figures", "error"),
    [
        ("magic", "1", {}, UnknownChoice),
        ("list", "-1", {}, NegativeAmount),
        ("list", "1", {"tiers": []}, FigureUnknown),
        ("volume", "0", {}, FigureMissing),
        ("volume", "0", {"tiers": [STEPS[0], STEPS[2]]}, TiersGap),
        ("volume", "0", {"tiers": [STEPS[0], STEPS[0]]}, TiersOverlap),
        ("volume", "0", {"tiers": [{"from": "1", "unit_price": "-1"}]}, NegativeAmount),
        ("volume", "0", {"tiers": [{"from": "1.5", "unit_price": "1"}]}, NotANumber),
        ("volume", "0", {"tiers": [{"from": "1", "unit_price": 1.5}]}, FiguresWrong),
        ("volume", "0", {"tiers": [{"from": "1", "price": "1"}]}, FigureUnknown),
        ("volume", "0", {"tiers": "1-10: 5"}, FigureMissing),
        ("volume", "0", [], FiguresWrong),
        ("package", "1", {"package_size": "0"}, PackageIsEmpty),
        ("package", "1", {"package_size": "NaN"}, NotANumber),
        ("percent_of_total", "0", {"percent": "101"}, PercentOutOfRange),
        ("percent_of_total", "0", {"percent": "10", "covers": ["everything"]}, UnknownChoice),
        ("percent_of_total", "0", {"percent": "10", "covers": [], "products": []}, PricingError),
        ("percent_of_total", "5", {"percent": "10", "covers": ["plan"]}, FiguresWrong),
        ("usage", "1", {"commitment": "-5"}, NegativeAmount),
        ("usage", "1", {"is_prepaid": "yes"}, FiguresWrong),
    ],
)  # fmt: skip
def test_figures_that_make_no_price_are_refused(code, unit_price, figures, error):
    with pytest.raises(error):
        method_of(code, Decimal(unit_price), figures)


def test_every_method_says_what_it_is_and_what_it_wants():
    for code, method in METHODS.items():
        assert method.code == code
        assert method.label
        assert method.hint
