"""What holds of every way to price a line, whatever the figures are."""

from dataclasses import replace
from datetime import date
from decimal import Decimal, localcontext

import pytest
from django.utils import timezone
from django.utils.translation import override
from hypothesis import given, settings
from hypothesis import strategies as st

from commerce.pricing.methods import METHODS, method_of
from commerce.pricing.proration import Period
from commerce.pricing.quote import Billing, Holding, LineKind, LineRole, QuoteLine, QuoteMode, QuoteRequest
from commerce.pricing.quoting import price_quote

YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))
prices = st.decimals(min_value=0, max_value=1_000, places=4)
quantities = st.integers(1, 400)


@st.composite
def tables(draw, prices_of):
    """Tiers from the first unit on, without a gap and without an end; `prices_of` names the figures of each."""
    starts = [1, *sorted(draw(st.sets(st.integers(2, 300), max_size=4)))]
    bounds = zip(starts, [*starts[1:], None], strict=True)
    return {
        "tiers": [
            {"from": str(start), "to": until and str(until), **{name: str(draw(prices)) for name in prices_of}}
            for start, until in bounds
        ]
    }


FIGURES = {
    "list": st.just({}),
    "cost_plus": st.fixed_dictionaries({"cost": prices.map(str), "markup_percent": prices.map(str)}),
    "volume": tables(["unit_price", "flat"]),
    "graduated": tables(["unit_price", "flat"]),
    "block": tables(["flat", "overage_price"]),
    "package": st.fixed_dictionaries({"package_size": st.integers(1, 50).map(str), "free_units": st.just("3")}),
    "usage": st.fixed_dictionaries({"commitment": prices.map(str), "is_prepaid": st.booleans()}),
    "percent_of_total": st.fixed_dictionaries(
        {"percent": st.decimals(min_value=1, max_value=100, places=2).map(str), "covers": st.just(["plan", "addon"])}
    ),
}
# A block counts what is above its own first unit, and a volume tier may cost less in all: both can fall.
NEVER_FALL = ("list", "cost_plus", "graduated", "package", "usage")


def line(code, figures, unit_price, quantity, **changes) -> QuoteLine:
    if code == "percent_of_total":  # It has neither a price nor units of its own.
        unit_price, quantity = Decimal(0), 1
    return QuoteLine(
        product_code=changes.pop("product_code", code),
        name=code.title(),
        kind=changes.pop("kind", LineKind.ADDON),
        quantity=quantity,
        unit_price=unit_price,
        billing=Billing.TERM,
        method=method_of(code, unit_price, figures),
        tax_rate_percent=Decimal(19),
        **changes,
    )


def quote(*lines, mode=QuoteMode.NEW, change_date=YEAR.start_date, **changes):
    return price_quote(
        QuoteRequest(mode=mode, currency="EUR", contract=YEAR, change_date=change_date, lines=lines, **changes)
    )


@st.composite
def lines_of_every_method(draw):
    """One line by each method, so that the percentage has something of every kind to cover."""
    return [line(code, draw(figures), draw(prices), draw(quantities)) for code, figures in FIGURES.items()]


def test_every_method_is_held_to_this():
    assert FIGURES.keys() == METHODS.keys()


@settings(deadline=None, max_examples=40)
@given(lines_of_every_method(), st.randoms())
def test_lines_of_every_method_add_up_in_any_order(lines, random):
    priced = quote(*lines)
    assert priced.due_net_minor == sum(each.net_minor for each in priced.lines)
    assert priced.due_now_minor == sum(each.net_minor + each.tax_minor for each in priced.lines)
    assert priced.monthly_minor == sum(each.monthly_minor for each in priced.lines)
    random.shuffle(lines)
    assert quote(*lines).price_hash == priced.price_hash


@pytest.mark.parametrize("code", NEVER_FALL)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_more_units_never_cost_less(code, data):
    figures, unit_price = data.draw(FIGURES[code]), data.draw(prices)
    fewer, more = sorted([data.draw(quantities), data.draw(quantities)])
    cost = [quote(line(code, figures, unit_price, quantity)).due_net_minor for quantity in (fewer, more)]
    assert cost[0] <= cost[1]


@pytest.mark.parametrize("code", sorted(FIGURES.keys() - {"usage", "percent_of_total"}))
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_what_was_bought_is_credited_at_the_price_it_was_sold_at(code, data):
    """By whatever method it was priced: the credit for the whole year is what the year cost."""
    bought = line(code, data.draw(FIGURES[code]), data.draw(prices), data.draw(quantities))
    (sold,) = quote(bought).lines
    held = Holding(
        product_code=code, name="Held", quantity=bought.quantity, unit_price=sold.sold_unit_price,
        tax_rate_percent=Decimal(19),
    )  # fmt: skip
    swapped = line("list", {}, Decimal(1), 1, product_code="other", holding=held)
    priced = quote(swapped, mode=QuoteMode.AMENDMENT, credit_downgrades=True)
    (credit,) = (each for each in priced.lines if each.role is LineRole.CREDIT)
    # The price of a unit is kept with twelve decimals: exact, but where the year ends on half a cent.
    assert abs(credit.net_minor + sold.net_minor) <= 1


@settings(deadline=None, max_examples=40)
@given(lines_of_every_method())
def test_no_price_depends_on_the_thread_the_language_or_the_time_zone(lines):
    """Nor on the database, which tests without its fixture can't reach."""
    here = quote(*lines).price_hash
    with localcontext(prec=3), override("ar"), timezone.override("Pacific/Kiritimati"):
        assert quote(*lines).price_hash == here


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_graduated_units_cost_the_same_bought_at_once_or_one_after_the_other(data):
    figures, first, then = data.draw(FIGURES["graduated"]), data.draw(quantities), data.draw(quantities)
    at_once = line("graduated", figures, Decimal(0), first + then)
    (before,) = quote(replace(at_once, quantity=first)).lines
    held = Holding(product_code="graduated", name="Held", quantity=first, unit_price=before.sold_unit_price)
    added = quote(replace(at_once, holding=held), mode=QuoteMode.AMENDMENT)
    assert abs(before.net_minor + added.due_net_minor - quote(at_once).due_net_minor) <= 1  # Two roundings, not one.
