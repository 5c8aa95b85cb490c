"""From a row of a price to what a customer is quoted: methods, agreed prices, schedules and rules."""

import uuid
from decimal import Decimal

import pytest

from commerce.catalogue.catalogue import offered_products
from commerce.catalogue.conditions import ConditionRefused
from commerce.configuring.configuring import NotSellable, configure
from commerce.configuring.situations import Configuration
from commerce.models import ContractedPrice, DiscountSchedule, Price, PriceRule, Product
from commerce.quotes.quoting import create_quote
from tests.factories import make_tier

pytestmark = pytest.mark.django_db
MORE = Configuration("team", 60)  # Ten more than there are.
TIERS = [{"from": "1", "to": "55", "unit_price": "11"}, {"from": "55", "to": None, "unit_price": "9"}]


@pytest.fixture
def team(acme, contract, products):
    return Price.objects.for_account(acme).get(product=products["team"])


def monthly(acme, today, configuration=MORE):
    priced = configure(acme, configuration, today)
    return priced.monthly_minor - priced.monthly_before_minor


def words(acme, today):
    from commerce.quotes import explanations

    return explanations.in_words(configure(acme, MORE, today).lines[0].explanation)


def test_a_price_is_by_the_method_of_its_row(acme, team, today):
    assert monthly(acme, today) == 11_400
    Price.objects.filter(pk=team.pk).update(method="volume", figures={"tiers": TIERS})
    assert monthly(acme, today) == 9_000
    assert "10 more seats at €9.00 a month, the price from 55 on" in words(acme, today)


def test_what_is_quoted_by_a_method_is_owned_at_its_unit_price(acme, team, admin, today, now):
    Price.objects.filter(pk=team.pk).update(method="package", unit_price=100, figures={"package_size": "40"})
    quote = create_quote(
        account=acme, actor=admin.membership.actor(), user=admin, configuration=MORE, now=now, form_key=uuid.uuid4()
    )
    line = quote.lines.get()
    assert (line.quantity, line.unit_price, line.recurring_minor) == (10, 0, 0)  # The second package was begun.
    more = create_quote(
        account=acme, actor=admin.membership.actor(), user=admin, configuration=Configuration("team", 90), now=now,
        form_key=uuid.uuid4(),
    ).lines.get()  # fmt: skip
    assert (more.quantity, more.unit_price, more.recurring_minor) == (40, Decimal("2.5"), 10_000)


def test_the_price_of_a_product_is_per_unit_and_month_by_whatever_method(acme, team, today):
    def shown():
        return offered_products(account=acme, today=today)["team"].unit_price

    assert shown() == Decimal("11.4")
    for method, unit_price, months, figures, expected in (
        ("volume", 0, 1, {"tiers": TIERS}, 11),
        ("package", 120, 12, {"package_size": "10"}, 10),
        ("block", 0, 1, {"tiers": [{"from": "1", "to": None, "flat": "100"}]}, 100),
        ("percent_of_total", 0, 1, {"percent": "10", "covers": ["plan"]}, None),
    ):
        Price.objects.filter(pk=team.pk).update(
            method=method, unit_price=unit_price, price_months=months, figures=figures
        )
        assert shown() == expected


def test_a_price_for_a_year_is_a_twelfth_a_month(acme, team, admin, today, now):
    Price.objects.filter(pk=team.pk).update(unit_price=120, price_months=12)
    assert monthly(acme, today) == 10_000
    quote = create_quote(
        account=acme, actor=admin.membership.actor(), user=admin, configuration=MORE, now=now, form_key=uuid.uuid4()
    )
    assert quote.lines.get().unit_price == 10


def test_an_agreed_price_stands_beside_the_one_of_the_book(acme, team, today):
    ContractedPrice.objects.create(
        account=acme, product=team.product, currency="EUR", unit_price=10, valid_from=team.valid_from
    )
    assert monthly(acme, today) == 10_000
    line = configure(acme, MORE, today).lines[0]
    steps = {step.name: step.value for step in line.steps}
    assert steps["list_price"] == Decimal("11.4")
    assert "10 more seats at €10.00 a month, the price agreed with you" in words(acme, today)


def test_schedules_of_several_products_count_together(acme, contract, team, products, today):
    tiers = [{"from": "1", "to": "60", "percent": "0"}, {"from": "60", "to": None, "percent": "50"}]
    schedule = DiscountSchedule.objects.create(name="All", method="range", scope="quote", tiers=tiers)
    Price.objects.for_account(acme).filter(product__code__in=["team", "sso"]).update(volume_schedule=schedule)
    alone = configure(acme, Configuration("team", 55), today)
    together = configure(acme, Configuration("team", 55, {"sso": 5}), today)
    assert alone.lines[0].monthly_minor - alone.monthly_before_minor == 5_700
    assert together.lines[0].monthly_minor - alone.monthly_before_minor == 2_850


def test_a_term_discount_counts_the_months_of_the_contract(acme, team, today):
    schedule = DiscountSchedule.objects.create(
        name="Long", kind="term", method="range", tiers=[{"from": "12", "percent": "10"}]
    )
    Price.objects.filter(pk=team.pk).update(term_schedule=schedule)
    assert monthly(acme, today) == 10_260


def test_a_rule_gives_its_discount_where_all_of_its_conditions_hold(acme, team, today):
    rule = PriceRule.objects.create(
        order=1,
        name="Logistics week",
        discount_percent=10,
        conditions=[
            {"fact": "product", "operator": "is", "value": "team"},
            {"fact": "quantity", "operator": "at_least", "value": "60"},
            {"fact": "industry", "operator": "is", "value": "logistics"},
        ],
    )
    assert monthly(acme, today) == 10_260
    assert "10 % discount: Logistics week" in words(acme, today)
    assert monthly(acme, today, Configuration("team", 59)) == 10_260  # Nine at the full price.
    rule.tier = make_tier("strategic")
    rule.save()
    assert monthly(acme, today) == 11_400


def test_a_rule_s_special_price_is_in_its_currency_alone(acme, team, today):
    rule = PriceRule.objects.create(order=1, name="Switch", special_price=8, currency="USD")
    assert monthly(acme, today) == 11_400
    rule.currency = "EUR"
    rule.save()
    assert monthly(acme, today) == 8_000


def test_a_rule_s_special_price_is_of_a_month_whatever_time_the_price_is_for(acme, team, today):
    Price.objects.filter(pk=team.pk).update(unit_price=120, price_months=12)
    PriceRule.objects.create(order=1, name="Switch", special_price=8, currency="EUR")
    assert monthly(acme, today) == 8_000
    assert "€96.00 a year, a special price: Switch" in words(acme, today)


@pytest.fixture
def share(products):
    """Single sign-on costs a fifth of the plan: 114.00 a month."""
    shares = Price.objects.filter(product=products["sso"])
    shares.update(method="percent_of_total", unit_price=0, figures={"percent": "20", "covers": ["plan"]})
    return Configuration("team", 50, {"sso": 1})


def test_rules_take_off_a_percentage_of_other_lines_too(acme, team, share, today):
    assert monthly(acme, today, share) == 11_400
    rule = PriceRule.objects.create(order=1, name="Welcome", discount_percent=50)
    assert monthly(acme, today, share) == 5_700
    rule.special_price, rule.currency = 5, "EUR"
    rule.save()
    assert monthly(acme, today, share) == 250


def test_a_price_that_no_column_holds_is_refused(acme, team, share, products, today, settings):
    settings.PRICE_LOCK_ADDED_UNITS = False  # Nothing keeps the price low.
    Product.objects.update(max_quantity=10**9)
    Price.objects.filter(pk=team.pk).update(unit_price=900)
    with pytest.raises(NotSellable, match="Talk to us"):
        configure(acme, Configuration("team", 10**6, {"sso": 1}), today)


def test_figures_that_no_longer_read_are_not_sold_and_not_free(acme, team, today):
    Price.objects.filter(pk=team.pk).update(method="volume", figures={})
    with pytest.raises(NotSellable):
        configure(acme, MORE, today)


def test_a_rule_that_nobody_can_read_stops_the_sale(acme, team, today):
    PriceRule.objects.create(
        order=1, name="?", discount_percent=10, conditions=[{"fact": "moon", "operator": "is", "value": "full"}]
    )
    with pytest.raises(ConditionRefused):
        configure(acme, MORE, today)
