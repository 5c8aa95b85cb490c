"""Units added to what is held cost no more than those, until the renewal (docs/pricing.md)."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.configuring.configuring import configure
from commerce.configuring.situations import Configuration
from commerce.models import Price
from commerce.pricing.explanation import render
from commerce.pricing.methods import BlockPrice
from commerce.pricing.proration import Period
from commerce.pricing.quote import Billing, Holding, LineKind, QuoteLine, QuoteMode, QuoteRequest
from commerce.pricing.quoting import price_quote
from commerce.pricing.tiers import DiscountMethod, DiscountSchedule, DiscountTier, Tier, TieredPrice, TierMethod
from commerce.pricing.waterfall import PriceRule

SLAB = DiscountSchedule(
    DiscountMethod.SLAB,
    (DiscountTier(start=1, until=11, percent=Decimal(0)), DiscountTier(start=11, percent=Decimal(10))),
)
HELD = Holding(product_code="business", name="Business", quantity=50, unit_price=Decimal("9.50"))
# Ten more seats, at 10.80 today.
SEATS = QuoteLine(
    product_code="business",
    name="Business",
    kind=LineKind.PLAN,
    quantity=60,
    unit="seats",
    unit_price=Decimal(12),
    billing=Billing.TERM,
    schedule=SLAB,
    holding=HELD,
    locks_added_price=True,
)


def priced(line):
    request = QuoteRequest(
        mode=QuoteMode.AMENDMENT,
        currency="EUR",
        lines=(line,),
        contract=Period(date(2026, 1, 1), date(2027, 1, 1)),
        change_date=date(2026, 7, 1),
        billing_period=Period(date(2026, 7, 1), date(2026, 8, 1)),
    )
    return price_quote(request).lines[0]


def test_added_units_cost_what_those_held_do():
    line = priced(SEATS)
    assert (line.net_minor, line.sold_unit_price) == (57_000, Decimal("9.50"))
    assert (line.monthly_before_minor, line.monthly_minor) == (47_500, 57_000)
    assert render(line.explanation).startswith(
        "10 more seats at EUR 9.50 a month, the price in your contract, 6 months"
    )
    assert [step.name for step in line.steps][-3:] == ["locked_price", "net_unit_price", "line_total"]


def test_the_price_of_a_year_locks_that_of_a_month():
    yearly = replace(HELD, unit_price=Decimal(114), price_months=12)
    assert priced(replace(SEATS, holding=yearly)).net_minor == 57_000


@pytest.mark.parametrize(
    "changes",
    [
        {"locks_added_price": False},
        {"holding": replace(HELD, unit_price=Decimal("10.80"))},
        {"holding": replace(HELD, unit_price=Decimal(11))},
        {"holding": replace(HELD, unit_price=Decimal(0))},
        {"holding": replace(HELD, billing=Billing.ONCE)},
    ],
    ids=["not promised", "as much today", "less today", "a bundle brought it", "paid once"],
)
def test_todays_price_holds_where_nothing_is_locked(changes):
    line = priced(replace(SEATS, **changes))
    assert line.net_minor == 64_800
    assert "the price in your contract" not in render(line.explanation)


@pytest.mark.parametrize(
    ("changes", "net_minor"),
    [({"special_price": Decimal(10)}, 54_000), ({"list_override": Decimal(20)}, 108_000)],
    ids=["special price", "list price"],
)
def test_what_staff_set_by_hand_holds(changes, net_minor):
    assert priced(replace(SEATS, **changes)).net_minor == net_minor


def test_the_price_of_a_whole_says_nothing_of_more_units():
    tiers = (Tier(start=0, until=56, flat=Decimal(400)), Tier(start=56, flat=Decimal(900)))
    block = replace(SEATS, schedule=None, method=BlockPrice(tiers=TieredPrice(TierMethod.BLOCK, tiers)))
    assert priced(block).net_minor == 300_000


def test_a_lower_special_price_of_a_rule_holds():
    rule = PriceRule(order=1, special_price=Decimal(5), label="")
    assert priced(replace(SEATS, schedule=None, rules=(rule,))).net_minor == 30_000


@given(today=st.decimals(0, 100, places=2), held=st.decimals(0, 100, places=2), more=st.integers(1, 200))
def test_a_lock_never_makes_a_line_dearer(today, held, more):
    line = replace(SEATS, unit_price=today, quantity=50 + more, holding=replace(HELD, unit_price=held))
    free = priced(replace(line, locks_added_price=False))
    locked = priced(line)
    assert locked.net_minor <= free.net_minor
    if held:
        assert locked.sold_unit_price == min(free.sold_unit_price, held)


@pytest.mark.parametrize(
    ("is_promised", "net_minor", "monthly_minor"), [(True, 28_047, 68_400), (False, 30_507, 69_400)]
)
def test_seats_that_have_become_dearer_are_added_as_was_promised(
    acme, contract, products, today, settings, is_promised, net_minor, monthly_minor
):
    settings.PRICE_LOCK_ADDED_UNITS = is_promised
    Price.objects.for_account(acme).filter(product=products["team"]).update(unit_price="12.40")

    priced = configure(acme, Configuration("team", 60), today)

    # 10 × 11.40 × 2.460273972 = 280.4712, or 10 × 12.40 × 2.460273972 = 305.0740.
    assert (priced.due_net_minor, priced.monthly_before_minor, priced.monthly_minor) == (
        net_minor,
        57_000,
        monthly_minor,
    )
