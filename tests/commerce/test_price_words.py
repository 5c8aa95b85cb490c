"""What a product costs, in a few words, by each way to price it."""

from decimal import Decimal

import pytest

from commerce.catalogue.catalogue import Offered
from commerce.catalogue.price_words import price_words, schedule_words
from commerce.models import BillingRule, DiscountSchedule, Price, Product

TIERS = [{"from": "1", "to": "5", "unit_price": "78"}, {"from": "5", "unit_price": "62.40"}]


def words(method, unit_price="0", figures=None, **product):
    made = Product(name="Storage pack", unit_label="pack", min_quantity=1, **product)
    price = Price(product=made, method=method, unit_price=Decimal(unit_price), figures=figures or {}, price_months=1)
    return price_words(Offered(made, price), "EUR")


@pytest.mark.parametrize(
    ("method", "unit_price", "figures", "said"),
    [
        ("list", "30", {}, "€30.00 per pack and month"),
        ("cost_plus", "30", {}, "€30.00 per pack and month"),
        ("volume", "0", {"tiers": TIERS}, "€78.00 per pack and month, €62.40 from 5 on"),
        ("graduated", "0", {"tiers": TIERS}, "€78.00 per pack and month, €62.40 from 5 on"),
        ("block", "0", {"tiers": [{"from": "1", "to": "11", "flat": "100"}]}, "from €100.00 a month"),
        ("package", "170", {"package_size": "5"}, "€170.00 for each 5 a month"),
        ("package", "170", {"package_size": "5", "free_units": "1"}, "€170.00 for each 5 a month, the first 1 free"),
        ("usage", "0.05", {}, "€0.05 per pack, by use"),
        ("percent_of_total", "0", {"percent": "12", "covers": ["plan"]}, "12 % of the price of your plan"),
        ("percent_of_total", "0", {"percent": "12", "covers": ["addon"]}, "12 % of the price of what it is for"),
        ("volume", "0", {"tiers": []}, "talk to us"),
    ],
)
def test_each_method_says_what_is_paid(method, unit_price, figures, said):
    assert words(method, unit_price, figures) == said


def test_a_schedule_says_what_it_takes_off():
    tiers = [
        {"from": "1", "to": "51", "percent": "0"},
        {"from": "51", "to": "201", "percent": "8"},
        {"from": "201", "to": None, "percent": "12.5"},
    ]
    assert schedule_words(DiscountSchedule(tiers=tiers)) == "8 % from 51 on, 12.5 % from 201 on"
    assert schedule_words(DiscountSchedule(tiers=[])) == ""


def test_what_is_paid_once_says_so():
    assert words("list", "1500", billing=BillingRule.ONCE) == "€1,500.00 once"


def test_without_a_price_people_talk_to_us():
    assert price_words(Offered(Product(name="Storage pack"), None), "EUR") == "talk to us"
