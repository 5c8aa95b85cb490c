from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commerce.pricing.money import (
    MAX_MINOR,
    AmountTooLarge,
    AmountTooPrecise,
    CurrencyMismatch,
    Money,
    NotANumber,
    NothingToShareAmong,
    Remainder,
    UnknownChoice,
    UnknownCurrency,
    allocate,
    exponent_of,
    from_minor,
    parse_decimal,
    parse_whole,
    round_half_away,
    round_money,
    split,
    to_minor,
)

amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=6)
minors = st.integers(min_value=-(10**12), max_value=10**12)


@pytest.mark.parametrize(
    ("currency", "exponent"),
    [("EUR", 2), ("JPY", 0), ("UGX", 0), ("ISK", 0), ("BHD", 3), ("CLF", 4), ("HUF", 2), ("TWD", 2), ("MGA", 2)],
)
def test_a_currency_has_the_decimals_of_iso_4217(currency, exponent):
    assert exponent_of(currency) == exponent


@pytest.mark.parametrize("currency", ["eur", "XAU", "EURO", ""])
def test_an_unknown_currency_is_refused(currency):
    with pytest.raises(UnknownCurrency):
        round_money(Decimal(1), currency)


@pytest.mark.parametrize(
    ("value", "places", "rounded"),
    [
        ("2.5", 0, "3"),
        ("-2.5", 0, "-3"),
        ("0.125", 2, "0.13"),
        ("7.24495", 2, "7.24"),
        ("1.005", 2, "1.01"),
        ("-0.001", 2, "0.00"),
    ],
)
def test_halves_round_away_from_zero_and_only_once(value, places, rounded):
    assert str(round_half_away(Decimal(value), places)) == rounded


@settings(deadline=None)
@given(amounts, st.integers(min_value=0, max_value=4))
def test_rounding_a_credit_mirrors_rounding_the_charge(amount, places):
    assert round_half_away(-amount, places) == -round_half_away(amount, places)


def test_the_decimal_context_of_the_caller_changes_nothing():
    with localcontext(prec=3, rounding="ROUND_DOWN"):
        assert str(round_money(Decimal("1234567.895"), "EUR")) == "1234567.90"


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), 0.1, True, "1"])
def test_what_is_no_exact_number_is_refused(value):
    with pytest.raises(NotANumber):
        to_minor(value, "EUR")


@pytest.mark.parametrize("text", ["", "twelve", "NaN", "-Infinity"])
def test_text_that_is_no_number_is_refused(text):
    with pytest.raises(NotANumber):
        parse_decimal(text)


def test_a_count_with_a_fraction_is_refused():
    assert parse_whole("12.0") == 12
    with pytest.raises(NotANumber):
        parse_whole("12.5")


def test_a_total_that_no_column_holds_is_refused():
    assert to_minor(from_minor(MAX_MINOR, "EUR"), "EUR") == MAX_MINOR
    with pytest.raises(AmountTooLarge):
        to_minor(from_minor(MAX_MINOR, "EUR") + Decimal("0.01"), "EUR")
    with pytest.raises(AmountTooLarge):
        Money(MAX_MINOR, "EUR") + Money(1, "EUR")


def test_money_adds_up_in_one_currency_only():
    assert Money(150, "EUR") - Money(200, "EUR") == Money(-50, "EUR")
    with pytest.raises(CurrencyMismatch):
        Money(1, "EUR") + Money(1, "USD")


@pytest.mark.parametrize(
    ("money", "text"),
    [(Money(123450, "EUR"), "EUR 1,234.50"), (Money(-5, "BHD"), "-BHD 0.005"), (Money(1000, "JPY"), "JPY 1,000")],
)
def test_money_reads_with_its_own_decimals(money, text):
    assert str(money) == text


def test_the_remainder_goes_to_the_part_that_was_named():
    assert split(Decimal("100"), 3, currency="EUR", remainder=Remainder.FIRST) == (
        Decimal("33.34"),
        Decimal("33.33"),
        Decimal("33.33"),
    )
    assert split(Decimal("100"), 3, currency="JPY") == (Decimal(33), Decimal(33), Decimal(34))


def test_the_whole_remainder_goes_to_one_part():
    assert split(Decimal("-0.05"), 3, currency="EUR") == (Decimal("-0.01"), Decimal("-0.01"), Decimal("-0.03"))


@settings(deadline=None)
@given(minors, st.integers(min_value=1, max_value=60), st.sampled_from(Remainder))
def test_parts_add_up_and_negatives_mirror(minor, parts, remainder):
    amount = from_minor(minor, "EUR")
    shares = split(amount, parts, currency="EUR", remainder=remainder)
    assert sum(to_minor(share, "EUR") for share in shares) == minor
    assert split(-amount, parts, currency="EUR", remainder=remainder) == tuple(-share for share in shares)


def test_a_split_that_cannot_add_up_is_refused():
    with pytest.raises(NothingToShareAmong):
        split(Decimal(100), 0, currency="EUR")
    with pytest.raises(AmountTooPrecise):
        split(Decimal("100.005"), 2, currency="EUR")
    with pytest.raises(UnknownChoice):
        Remainder("middle")


def test_a_discount_is_spread_by_largest_remainder():
    assert allocate(100, [1, 1, 1]) == (34, 33, 33)
    assert allocate(-100, [1, 1, 1]) == (-34, -33, -33)
    assert allocate(10, [0, Decimal("0.5"), Decimal("0.25")]) == (0, 7, 3)


@settings(deadline=None)
@given(minors, st.lists(st.integers(min_value=0, max_value=1000), min_size=1, max_size=12).filter(any))
def test_allocated_shares_add_up_and_stay_within_one_of_their_part(total, weights):
    shares = allocate(total, weights)
    assert sum(shares) == total
    assert all(
        abs(share * sum(weights) - total * weight) < sum(weights) for share, weight in zip(shares, weights, strict=True)
    )


def test_nothing_can_be_allocated_without_weights():
    with pytest.raises(NothingToShareAmong):
        allocate(100, [0, 0])
