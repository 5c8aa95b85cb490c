"""The staff's pages about prices: what they take, what they refuse with a reason, and who sees costs."""

import html
import json
from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse

from commerce.catalogue.catalogue import Offered
from commerce.catalogue.price_words import price_words
from commerce.catalogue.pricebooks import prices_for
from commerce.models import (
    ContractedPrice,
    DiscountSchedule,
    Price,
    PriceBook,
    PriceRule,
    ProductCost,
    TaxRate,
)
from tests.factories import make_staff

TIERS = [{"from": "1", "to": "11", "unit_price": "12"}, {"from": "11", "to": None, "unit_price": "10"}]


def url(model, name="add", *args):
    return reverse(f"admin:commerce_{model}_{name}", args=args)


def errors_of(response):
    forms = [response.context["adminform"].form]
    forms += [form for each in response.context["inline_admin_formsets"] for form in each.formset.forms]
    return " ".join(str(error) for form in forms for errors in form.errors.values() for error in errors)


def agreed(account, product, **fields):
    """What is sent to agree on a price."""
    sent = {
        "account": account.pk, "product": product.pk, "currency": "EUR", "method": "list", "unit_price": "",
        "price_months": "1", "figures": "{}", "valid_from": "2026-01-01", "valid_until": "",
    }  # fmt: skip
    figures = {"figures": json.dumps(fields.pop("figures"))} if "figures" in fields else {}
    return sent | fields | figures


@pytest.fixture
def client(manager, signed_in):
    return signed_in(manager)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "Enter the unit price; 0 where it is really free."),
        ({"unit_price": "-1"}, "greater than or equal to 0"),
        ({"unit_price": "abc"}, "Enter a number."),
        ({"unit_price": "12", "currency": "XXX"}, "no currency that we can price in"),
        ({"unit_price": "12", "price_months": "0"}, "greater than or equal to 1"),
        ({"unit_price": "12", "valid_until": "2026-01-01"}, "It ends after the day"),
        ({"unit_price": "12", "figures": {"tiers": TIERS}}, "a figure that this knows nothing of"),
        ({"method": "volume"}, "A figure is missing"),
        ({"method": "volume", "figures": {"tiers": [TIERS[0] | {"to": "10"}, TIERS[1]]}}, "units of neither"),
        ({"method": "volume", "figures": {"tiers": [TIERS[0] | {"to": "12"}, TIERS[1]]}}, "claim the same units"),
        ({"method": "graduated", "figures": {"tiers": [TIERS[0] | {"from": "0.5"}]}}, "no whole"),
        ({"method": "block", "figures": {"tiers": [{"from": "1", "flat": "-5"}]}}, "not below zero"),
        ({"method": "package", "unit_price": "5", "figures": {"package_size": "0"}}, "at least one unit"),
        ({"method": "percent_of_total", "figures": {"percent": "101", "covers": ["plan"]}}, "between 0 and 100"),
        ({"method": "percent_of_total", "figures": {"percent": "10", "products": ["sso"]}}, "a percentage of itself"),
        ({"method": "percent_of_total", "figures": {"percent": "10", "products": ["team"]}}, "of others itself"),
        ({"method": "cost_plus", "figures": {"markup_percent": "20"}}, "no cost in this currency on that day"),
        ({"method": "magic", "unit_price": "5"}, "Select a valid choice"),
    ],
)
def test_figures_that_make_no_price_are_refused_with_a_reason(acme, products, client, fields, reason):
    Price.objects.filter(product=products["team"]).update(method="percent_of_total", figures={"percent": "5"})
    response = client.post(url("contractedprice"), agreed(acme, products["sso"], **fields))
    assert response.status_code == 200
    assert reason.replace("no whole", "not a whole one") in errors_of(response)
    assert not ContractedPrice.objects.exists()


def test_a_price_is_agreed_by_a_method(acme, products, client, today):
    sent = agreed(acme, products["team"], method="volume", figures={"tiers": TIERS})
    response = client.post(url("contractedprice"), sent)
    assert response.status_code == 302, errors_of(response)
    found = prices_for(account=acme, today=today)[products["team"].pk].row
    assert found.as_method().charge(20, 0) == 200


def test_what_a_percentage_covers_does_not_become_one_itself(acme, products, client):
    figures = {"percent": "10", "covers": [], "products": ["sso"]}
    Price.objects.filter(product=products["audit_log"]).update(method="percent_of_total", unit_price=0, figures=figures)
    sent = agreed(acme, products["sso"], method="percent_of_total", figures={"percent": "10", "covers": ["plan"]})
    response = client.post(url("contractedprice"), sent)
    assert (response.status_code, ContractedPrice.objects.count()) == (200, 0)
    assert "“audit_log” is a percentage of others itself" in errors_of(response)
    Price.objects.filter(product=products["audit_log"]).update(valid_until=date(2026, 1, 1))
    assert client.post(url("contractedprice"), sent).status_code == 302


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"rate": "-0.2"}, "greater than or equal to 0"),
        ({"rate": "20"}, "less than or equal to 1"),
        ({"country": "F1"}, "two capital letters"),
        ({"valid_until": "2025-01-01"}, "It ends after the day"),
    ],
)
def test_a_tax_rate_that_makes_no_sense_is_refused(fields, reason, products, signed_in, db):
    client = signed_in(make_staff("finance@vendor.example", "Fay Lund", group="Finance"))
    sent = {
        "country": "fr", "name": "TVA", "rate": "0.2", "treatment": "exclusive", "valid_from": "2026-01-01",
        "valid_until": "",
    }  # fmt: skip
    response = client.post(url("taxrate"), sent | fields)
    assert reason in errors_of(response)
    assert not TaxRate.objects.filter(name="TVA").exists()
    assert client.post(url("taxrate"), sent).status_code == 302
    assert TaxRate.objects.get(name="TVA").country == "FR"


def test_cost_plus_keeps_the_price_that_comes_out_and_not_the_cost(acme, products, client):
    ProductCost.objects.create(product=products["team"], currency="EUR", cost="8", valid_from=date(2025, 1, 1))
    sent = agreed(acme, products["team"], method="cost_plus", figures={"markup_percent": "25"})
    response = client.post(url("contractedprice"), sent)
    assert response.status_code == 302, errors_of(response)
    price = ContractedPrice.objects.get()
    assert (price.unit_price, price.figures, price.method) == (10, {}, "cost_plus")


def test_cost_plus_of_a_year_is_twelve_times_the_cost_of_a_month(acme, products, client):
    for code in ("team", "onboarding"):
        ProductCost.objects.create(product=products[code], currency="EUR", cost="8", valid_from=date(2025, 1, 1))
        figures = {"markup_percent": "25"}
        sent = agreed(acme, products[code], method="cost_plus", figures=figures, price_months="12")
        assert client.post(url("contractedprice"), sent).status_code == 302
    prices = ContractedPrice.objects.order_by("pk").values_list("unit_price", flat=True)
    assert list(prices) == [120, 10]  # A service has no months.


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "1234"), ("KWD", "1.234"), ("KWD", "0.000123456789")])
def test_prices_of_any_currency_are_kept_to_the_last_decimal(acme, products, client, currency, amount):
    sent = agreed(acme, products["team"], currency=currency, unit_price=amount)
    response = client.post(url("contractedprice"), sent)
    assert response.status_code == 302, errors_of(response)
    assert ContractedPrice.objects.get().unit_price == Decimal(amount)


def test_a_price_that_was_agreed_can_only_be_ended(acme, products, client):
    price = ContractedPrice.objects.create(
        account=acme, product=products["team"], currency="EUR", unit_price=10, valid_from=date(2026, 1, 1)
    )
    sent = agreed(acme, products["team"], unit_price="1", valid_until="2026-06-01")
    response = client.post(url("contractedprice", "change", price.pk), sent)
    assert response.status_code == 302, errors_of(response)
    price.refresh_from_db()
    assert (price.unit_price, price.valid_until) == (10, date(2026, 6, 1))


def book_form(product, **fields):
    prices = {"TOTAL_FORMS": 1, "INITIAL_FORMS": 0, "MIN_NUM_FORMS": 0, "MAX_NUM_FORMS": 1000}
    first = {
        "product": product.pk, "method": "list", "unit_price": "9", "price_months": "1", "valid_from": "2026-01-01",
    }  # fmt: skip
    return (
        {"name": "Nordics", "tier": "", "account": "", "currency": "eur", "regions": "SE,FI"}
        | {f"prices-{name}": value for name, value in prices.items()}
        | {f"prices-0-{name}": value for name, value in first.items()}
        | fields
    )


def test_a_book_is_made_with_its_prices_for_a_region(acme, products, client, today):
    Price.objects.all().delete()
    response = client.post(url("pricebook"), book_form(products["team"]))
    assert response.status_code == 302, errors_of(response)
    book = PriceBook.objects.get(name="Nordics")
    assert (book.currency, book.regions) == ("EUR", ["SE", "FI"])
    assert prices_for(account=acme, today=today) == {}
    acme.billing_country = "SE"
    assert prices_for(account=acme, today=today)[products["team"].pk].row.unit_price == 9


def test_a_price_of_a_book_is_shown_in_words_and_can_only_be_ended(acme, products, client):
    price = Price.objects.get(book__tier=acme.tier, product=products["team"])
    page = url("pricebook", "change", price.book_id)
    assert price_words(Offered(price.product, price), "EUR") in html.unescape(client.get(page).content.decode())
    rows = list(Price.objects.filter(book=price.book).order_by("pk"))
    ended = {"id": price.pk, "valid_until": "2027-06-01", "unit_price": "1", "method": "list"}
    sent = {"name": price.book.name, "regions": "", "prices-TOTAL_FORMS": "0", "prices-INITIAL_FORMS": "0"}
    sent |= {"prices-2-TOTAL_FORMS": len(rows), "prices-2-INITIAL_FORMS": len(rows)}
    for number, row in enumerate(client.get(page).context["inline_admin_formsets"][1].formset.forms):
        sent[f"prices-2-{number}-id"] = row.instance.pk
        if row.instance == price:
            sent |= {f"prices-2-{number}-{name}": value for name, value in ended.items()}
    response = client.post(page, sent)
    assert response.status_code == 302, errors_of(response)
    after = Price.objects.get(pk=price.pk)
    assert (after.valid_until, after.unit_price) == (date(2027, 6, 1), price.unit_price)
    assert Price.objects.filter(book=price.book, valid_until=date(2027, 6, 1)).count() == 1


def test_tiers_are_typed_as_rows_and_end_where_the_next_begins(acme, products, client):
    sent = agreed(acme, products["team"], method="volume")
    del sent["figures"]
    rows = [{"from": "1", "unit_price": "12"}, {"from": "11", "unit_price": "10"}, {"from": "", "unit_price": ""}]
    cells = {f"figures-tiers-{i}-{name}": value for i, row in enumerate(rows) for name, value in row.items()}
    response = client.post(url("contractedprice"), sent | cells)
    assert response.status_code == 302, errors_of(response)
    price = ContractedPrice.objects.get()
    assert price.figures == {"tiers": TIERS}
    page = client.get(url("contractedprice", "change", price.pk)).content.decode()
    assert 'name="figures-tiers-1-unit_price" value="10"' in page


@pytest.mark.parametrize(
    ("boxes", "reason"),
    [
        ({"figures-package_size": "0"}, "at least one unit"),
        ({"figures-package_size": "ten"}, "no number"),
        ({"figures-package_size": "10", "figures-percent": "5"}, "knows nothing of"),
        ({"figures-package_size": "1\x00"}, "Null characters"),
    ],
)
def test_boxes_that_make_no_price_are_refused_and_kept(acme, products, client, boxes, reason):
    sent = agreed(acme, products["team"], method="package", unit_price="5")
    del sent["figures"]
    response = client.post(url("contractedprice"), sent | boxes)
    assert reason in errors_of(response)
    assert not ContractedPrice.objects.exists()
    assert 'name="figures-package_size"' in response.content.decode()


def test_boxes_make_a_price(acme, products, client):
    sent = agreed(acme, products["team"], method="percent_of_total")
    del sent["figures"]
    boxes = {"figures-percent": "10", "figures-covers": "addon", "figures-products": "sso, audit_log"}
    response = client.post(url("contractedprice"), sent | boxes)
    assert response.status_code == 302, errors_of(response)
    figures = {"percent": "10", "covers": ["addon"], "products": ["sso", "audit_log"]}
    assert ContractedPrice.objects.get().figures == figures


def test_a_schedule_and_a_rule_are_typed_as_rows(db, products, client):
    sent = schedule()
    del sent["tiers"]
    rows = [("from", "1"), ("percent", "0")], [("from", "11"), ("percent", "10")]
    cells = {f"tiers-{number}-{name}": value for number, row in enumerate(rows) for name, value in row}
    assert client.post(url("discountschedule"), sent | cells).status_code == 302
    assert DiscountSchedule.objects.get().tiers == [
        {"from": "1", "percent": "0", "to": "11"},
        {"from": "11", "percent": "10", "to": None},
    ]
    sent = rule()
    del sent["conditions"]
    row = {"fact": "product", "operator": "one_of", "value": "team, business"}
    assert client.post(url("pricerule"), sent | {f"conditions-0-{k}": v for k, v in row.items()}).status_code == 302
    made = PriceRule.objects.get()
    assert made.conditions == [{"fact": "product", "operator": "one_of", "value": ["team", "business"]}]
    page = client.get(url("pricerule", "change", made.pk)).content.decode()
    assert 'name="conditions-0-value" value="team, business"' in page
    assert "quantity of Team" in page
    row["fact"], row["operator"] = "quantity", "above"
    response = client.post(url("pricerule"), sent | {"order": "11"} | {f"conditions-0-{k}": v for k, v in row.items()})
    assert "compared with a number" in errors_of(response)


@pytest.mark.parametrize("page", ["pricerule", "configurationrule", "approvalrule"])
def test_a_null_character_in_a_condition_is_refused(db, client, page):
    stored = '[{"fact": "country", "operator": "is", "value": "D\\u0000E"}]'
    response = client.post(url(page), {"conditions": stored, "steps-TOTAL_FORMS": 0, "steps-INITIAL_FORMS": 0,
                                       "texts-TOTAL_FORMS": 0, "texts-INITIAL_FORMS": 0})  # fmt: skip
    assert "Null characters" in errors_of(response)


def test_a_book_of_a_tier_and_a_company_is_refused(acme, products, client):
    before = PriceBook.objects.count()
    response = client.post(url("pricebook"), book_form(products["team"], tier=acme.tier_id, account=acme.pk))
    assert "not of both" in errors_of(response)
    response = client.post(url("pricebook"), book_form(products["team"], regions="Sweden"))
    assert "two capital letters" in errors_of(response) or "at most 2" in errors_of(response)
    assert PriceBook.objects.count() == before


def schedule(**fields):
    tiers = fields.pop("tiers", [{"from": "1", "to": None, "percent": "5"}])
    return {
        "name": "Seats", "kind": "volume", "method": "slab", "scope": "line", "counts_held": "on",
        "tiers": json.dumps(tiers),
    } | fields  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"tiers": [{"from": "1", "percent": "101"}]}, "between 0 and 100"),
        ({"tiers": [{"from": "1"}]}, "either a percent or an amount"),
        ({"tiers": [{"from": "1", "to": "5", "percent": "1"}, {"from": "6", "percent": "2"}]}, "units of neither"),
        ({"tiers": [{"from": "-1", "percent": "1"}]}, "not below zero"),
        ({"scope": "quote"}, "Slabs count the units of one line"),
        ({"kind": "term"}, "Slabs count the units of one line"),
    ],
)
def test_a_schedule_that_cannot_be_read_is_refused(db, client, fields, reason):
    response = client.post(url("discountschedule"), schedule(**fields))
    assert reason in errors_of(response)
    assert not DiscountSchedule.objects.exists()


def test_a_schedule_that_a_price_has_stays_as_it_is(products, client):
    assert client.post(url("discountschedule"), schedule()).status_code == 302
    made = DiscountSchedule.objects.get()
    Price.objects.update(volume_schedule=made)
    sent = schedule(name="Seats of 2026", tiers=[{"from": "1", "percent": "50"}])
    assert client.post(url("discountschedule", "change", made.pk), sent).status_code == 302
    made.refresh_from_db()
    assert (made.name, made.tiers) == ("Seats of 2026", [{"from": "1", "to": None, "percent": "5"}])


def rule(**fields):
    conditions = fields.pop("conditions", [{"fact": "quantity", "operator": "at_least", "value": "50"}])
    return {
        "order": "10", "name": "Autumn", "is_active": "on", "conditions": json.dumps(conditions),
        "discount_percent": "5", "special_price": "", "currency": "", "tier": "", "account": "",
    } | fields  # fmt: skip


def test_two_rules_of_one_order_are_refused_when_they_are_saved(db, client):
    assert client.post(url("pricerule"), rule()).status_code == 302
    assert "Another active rule has this order" in errors_of(client.post(url("pricerule"), rule(name="Winter")))
    assert client.post(url("pricerule"), rule(name="Winter", is_active="")).status_code == 302
    assert sorted(PriceRule.objects.values_list("name", flat=True)) == ["Autumn", "Winter"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"conditions": [{"fact": "moon", "operator": "is", "value": "full"}]}, "There is no fact “moon”"),
        ({"discount_percent": ""}, "A rule gives a special price, a discount, or both."),
        ({"discount_percent": "120"}, "less than or equal to 100"),
        ({"special_price": "5"}, "A special price needs its currency."),
        ({"special_price": "5", "currency": "XXX"}, "no currency that we can price in"),
    ],
)
def test_a_rule_that_says_nothing_is_refused(db, client, fields, reason):
    assert reason in errors_of(client.post(url("pricerule"), rule(**fields)))
    assert not PriceRule.objects.exists()


def test_costs_are_for_those_who_set_prices_and_keep_the_books(products, manager, signed_in):
    ProductCost.objects.create(product=products["team"], currency="EUR", cost="8", valid_from=date(2025, 1, 1))
    seller = make_staff("sales@vendor.example", "Sal", group="Sales")
    assert signed_in(manager).get(url("productcost", "changelist")).status_code == 200
    assert signed_in(seller).get(url("productcost", "changelist")).status_code == 403
    assert signed_in(seller).get(url("contractedprice", "changelist")).status_code == 200
    assert signed_in(seller).get(url("contractedprice")).status_code == 403
