from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commerce.pricing.money import NegativeAmount, NotANumber, PercentOutOfRange, UnknownChoice
from commerce.pricing.tiers import (
    MAX_QUANTITY,
    BuyUpHint,
    DiscountAmbiguous,
    DiscountExceedsPrice,
    DiscountMethod,
    DiscountSchedule,
    DiscountTier,
    FractionalQuantity,
    NoTier,
    PackageIsEmpty,
    QuantityTooLarge,
    Tier,
    TieredPrice,
    TierMethod,
    TiersEmpty,
    TiersGap,
    TiersOverlap,
    buy_up_hint,
    checked_quantity,
    discount_bands,
    discounted_amount,
    discounted_unit_price,
    exact_tier_price,
    package_amount,
    tiered_amount,
    true_up,
)


def prices(method: str, *tiers: tuple) -> TieredPrice:
    return TieredPrice(
        TierMethod(method),
        tuple(
            Tier(start=start, until=until, unit_price=Decimal(unit), flat=Decimal(flat))
            for start, until, unit, flat in tiers
        ),
    )


def schedule(method: str, *tiers: tuple) -> DiscountSchedule:
    return DiscountSchedule(
        DiscountMethod(method),
        tuple(DiscountTier(start=start, until=until, percent=Decimal(percent)) for start, until, percent in tiers),
    )


def amount(price_list: TieredPrice, quantity) -> Decimal:
    return tiered_amount(price_list, quantity, currency="EUR")


STEPS = (1, 6, "7", "0"), (6, 11, "6.5", "0"), (11, None, "6", "0")


@st.composite
def tier_lists(draw, prices_to=100):
    starts = sorted(draw(st.sets(st.integers(min_value=2, max_value=200), max_size=6)))
    bounds = [draw(st.integers(min_value=0, max_value=1)), *starts, None]
    money = st.decimals(min_value=0, max_value=prices_to, places=4)
    return tuple(
        Tier(start=start, until=until, unit_price=draw(money), flat=draw(money)) for start, until in pairwise(bounds)
    )


@pytest.mark.parametrize(("quantity", "total"), [(0, "0.00"), (5, "35.00"), (6, "39.00"), (10, "65.00"), (11, "66.00")])
def test_volume_prices_all_units_at_the_tier_of_the_quantity(quantity, total):
    assert amount(prices("volume", *STEPS), quantity) == Decimal(total)


@pytest.mark.parametrize(("quantity", "total"), [(0, "0.00"), (5, "35.00"), (6, "41.50"), (11, "73.50")])
def test_graduated_prices_each_unit_at_its_own_tier(quantity, total):
    assert amount(prices("graduated", *STEPS), quantity) == Decimal(total)


@pytest.mark.parametrize(("quantity", "total"), [(0, "0.00"), (1, "11.00"), (5, "15.00"), (6, "20.50")])
def test_a_graduated_tier_from_zero_gains_no_unit_and_flats_count_once_reached(quantity, total):
    assert amount(prices("graduated", (0, 6, "1", "10"), (6, None, "0.5", "5")), quantity) == Decimal(total)


def test_a_flat_fee_from_zero_is_due_without_units_in_volume_pricing():
    assert amount(prices("volume", (0, 101, "1", "10"), (101, None, "0.5", "10")), 0) == Decimal("10.00")


@pytest.mark.parametrize(("quantity", "total"), [(1, "10.00"), (10, "10.00"), (11, "18.00"), (20, "18.00")])
def test_a_block_has_one_price(quantity, total):
    assert amount(prices("block", (1, 11, "0", "10"), (11, 21, "0", "18")), quantity) == Decimal(total)


def test_overage_is_paid_above_the_first_unit_of_a_block():
    block = TieredPrice(
        TierMethod.BLOCK, (Tier(start=100, until=None, flat=Decimal(50), overage_price=Decimal("0.5")),)
    )
    assert amount(block, 110) == Decimal("55.00")


@pytest.mark.parametrize(("method", "quantity"), [("block", 0), ("block", 21), ("volume", 21), ("graduated", 21)])
def test_outside_of_all_tiers_there_is_no_price(method, quantity):
    with pytest.raises(NoTier) as refused:
        amount(prices(method, (1, 11, "1", "10"), (11, 21, "1", "18")), quantity)
    assert refused.value.code == "no_tier"


def test_units_below_the_first_graduated_tier_have_no_price():
    with pytest.raises(NoTier):
        amount(prices("graduated", (5, None, "1", "0")), 10)


@pytest.mark.parametrize(
    ("quantity", "free", "total"),
    [(0, 0, "0"), (1, 0, "5"), (100, 0, "5"), (101, 0, "10"), (100, 100, "0"), (101, 100, "5"), (201, 100, "10")],
)
def test_started_packages_count_whole_after_the_free_units(quantity, free, total):
    assert package_amount(
        quantity, package_size=100, package_price=Decimal(5), free_units=free, currency="EUR"
    ) == Decimal(total)


def test_a_package_holds_something():
    with pytest.raises(PackageIsEmpty):
        package_amount(1, package_size=0, package_price=Decimal(5), currency="EUR")


@pytest.mark.parametrize(
    ("tiers", "error"),
    [
        ((), TiersEmpty),
        (((5, 5, "1", "0"),), TiersEmpty),
        (((1, 6, "1", "0"), (5, None, "1", "0")), TiersOverlap),
        (((1, None, "1", "0"), (5, None, "1", "0")), TiersOverlap),
        (((1, 6, "1", "0"), (7, None, "1", "0")), TiersGap),
        (((-1, 6, "1", "0"),), NegativeAmount),
        (((1, 6, "-1", "0"),), NegativeAmount),
        (((1, 6, "NaN", "0"),), NotANumber),
    ],
)
def test_tiers_that_contradict_themselves_are_refused(tiers, error):
    with pytest.raises(error):
        prices("volume", *tiers)


def test_the_order_in_which_tiers_are_written_does_not_matter():
    assert prices("graduated", *reversed(STEPS)) == prices("graduated", *STEPS)


@pytest.mark.parametrize(
    ("quantity", "places", "error"),
    [
        (-1, 0, NegativeAmount),
        (Decimal("1.5"), 0, FractionalQuantity),
        (Decimal("1.25"), 1, FractionalQuantity),
        (MAX_QUANTITY + 1, 0, QuantityTooLarge),
        (Decimal("NaN"), 0, NotANumber),
        (Decimal("Infinity"), 0, NotANumber),
    ],
)
def test_a_quantity_that_cannot_be_sold_is_refused(quantity, places, error):
    with pytest.raises(error):
        checked_quantity(quantity, places=places)


def test_a_quantity_may_have_the_decimals_that_its_unit_has():
    assert checked_quantity(Decimal("2.5"), places=1) == Fraction(5, 2)
    assert checked_quantity(Decimal("60.000")) == 60
    assert tiered_amount(prices("graduated", *STEPS), Decimal("5.5"), currency="EUR", quantity_places=1) == Decimal(
        "38.25"
    )


def test_an_unknown_method_is_refused():
    with pytest.raises(UnknownChoice):
        TierMethod("stairstep")


@settings(deadline=None)
@given(tier_lists(), st.integers(min_value=0, max_value=500), st.integers(min_value=0, max_value=500))
def test_graduated_totals_never_fall_as_the_quantity_rises(tiers, quantity, more):
    graduated = TieredPrice(TierMethod.GRADUATED, tiers)
    assert exact_tier_price(graduated, Fraction(quantity + more)) >= exact_tier_price(graduated, Fraction(quantity))


@settings(deadline=None)
@given(tier_lists(), st.integers(min_value=0, max_value=300), st.integers(min_value=0, max_value=300))
def test_graduated_units_bought_later_go_on_where_the_first_ended(tiers, first, later):
    graduated = TieredPrice(TierMethod.GRADUATED, tiers)
    assert exact_tier_price(graduated, Fraction(first)) + exact_tier_price(
        graduated, Fraction(later), already=Fraction(first)
    ) == exact_tier_price(graduated, Fraction(first + later))


STEEP = prices("volume", (1, 21, "2", "0"), (21, None, "1", "0"))


def test_a_larger_quantity_that_costs_less_is_shown():
    assert buy_up_hint(STEEP, 20, currency="EUR") == BuyUpHint(21, Decimal("21.00"))
    assert buy_up_hint(STEEP, 10, currency="EUR") is None
    assert buy_up_hint(STEEP, 30, currency="EUR") is None


PERCENTS = (1, 10, "10"), (10, 20, "20"), (20, None, "30")


@pytest.mark.parametrize(
    ("method", "quantity", "total"),
    [("range", 9, "810"), ("range", 10, "800"), ("range", 30, "2100"), ("slab", 9, "810"), ("slab", 10, "890")],
)
def test_a_range_discounts_all_units_and_a_slab_each_at_its_own(method, quantity, total):
    assert discounted_amount(
        schedule(method, *PERCENTS), list_price=Decimal(100), quantity=quantity, currency="EUR"
    ) == Decimal(total)


@pytest.mark.parametrize("method", ["range", "slab"])
def test_outside_of_all_tiers_there_is_no_discount(method):
    only_some = schedule(method, (11, 26, "10"))
    for quantity, total in [(0, 0), (10, 1000), (26, 2600 if method == "range" else 2450)]:
        assert discounted_amount(only_some, list_price=Decimal(100), quantity=quantity, currency="EUR") == total


@settings(deadline=None)
@given(
    st.decimals(min_value=0, max_value=1000, places=4),
    st.integers(min_value=1, max_value=300),
    st.integers(min_value=1, max_value=300),
    st.lists(st.integers(min_value=0, max_value=100), min_size=3, max_size=3),
)
def test_slabs_of_a_first_and_a_later_purchase_add_up(price, first, later, percents):
    slab = schedule("slab", (1, 10, percents[0]), (10, 100, percents[1]), (100, None, percents[2]))
    unit = Fraction(price)

    def total(quantity, already=0):
        return quantity * discounted_unit_price(slab, unit, Fraction(quantity), already=Fraction(already))

    assert total(first) + total(later, already=first) == total(first + later)


def test_bands_say_which_units_get_what():
    slab = schedule("slab", (1, 11, "0"), (11, None, "10"))
    assert [(band.first, band.last, band.tier.percent) for band in discount_bands(slab, Fraction(60))] == [
        (1, 10, Decimal(0)),
        (11, 60, Decimal(10)),
    ]
    later = discount_bands(slab, Fraction(10), already=Fraction(50))
    assert [(band.first, band.last, band.tier.percent) for band in later] == [(51, 60, Decimal(10))]


def test_an_amount_off_each_unit_cannot_exceed_the_price():
    off = DiscountSchedule(DiscountMethod.RANGE, (DiscountTier(start=1, amount=Decimal(3)),))
    assert discounted_amount(off, list_price=Decimal(10), quantity=2, currency="EUR") == Decimal(14)
    with pytest.raises(DiscountExceedsPrice):
        discounted_amount(off, list_price=Decimal(2), quantity=2, currency="EUR")


@pytest.mark.parametrize("percent", ["-1", "100.01"])
def test_a_percentage_is_between_0_and_100(percent):
    with pytest.raises(PercentOutOfRange):
        DiscountTier(start=1, percent=Decimal(percent))


def test_a_discount_is_a_percentage_or_an_amount():
    with pytest.raises(DiscountAmbiguous):
        DiscountTier(start=1)
    with pytest.raises(DiscountAmbiguous):
        DiscountTier(start=1, percent=Decimal(1), amount=Decimal(1))


def test_a_minimum_commitment_is_trued_up_and_never_paid_back():
    assert true_up(commitment=Decimal(1000), spent=Decimal("640.50"), currency="EUR") == Decimal("359.50")
    assert true_up(commitment=Decimal(1000), spent=Decimal(1200), currency="EUR") == 0
