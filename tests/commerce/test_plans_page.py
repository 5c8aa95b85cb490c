"""The plans page: the account's own prices, and nobody else's."""

import pytest
from django.urls import reverse

from commerce.models import Price, Product, TaxRate
from tests.factories import make_account, make_contract, make_member, make_tier

URL = reverse("commerce:plans")


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """The contract of the tests is running."""


def test_it_shows_the_three_plans_at_the_accounts_prices(admin, contract, signed_in):
    page = signed_in(admin).get(URL).content.decode()
    # Premier: 12, 20 and 32 times 0.95.
    for price in ("€11.40", "€19.00", "€30.40"):
        assert f"{price} per seat and month" in page
    assert page.count("Your plan") == 1
    assert "You have 50 seats." in page


def test_another_tiers_price_is_nowhere_in_the_page(admin, contract, signed_in):
    page = signed_in(admin).get(URL).content.decode()
    # Team, Business and Enterprise of the essential, growth and strategic books.
    for price in ("13.20", "12.00", "10.80", "22.00", "20.00", "18.00", "35.20", "32.00", "28.80"):
        assert price not in page


def test_what_a_contract_was_made_with_is_shown_whatever_tier_and_currency_come_later(admin, contract, acme, signed_in):
    """A change of the contract costs by its book, in its currency: so the page says that price."""
    acme.tier, acme.currency = make_tier("essential"), "USD"
    acme.save()
    page = signed_in(admin).get(URL).content.decode()
    assert "€19.00 per seat and month" in page
    assert "22.00" not in page
    assert "$" not in page


def test_a_percentage_of_the_plan_is_a_price(admin, acme, contract, signed_in):
    price = Price.objects.filter(book=contract.price_book, product__code="onboarding")
    price.update(method="percent_of_total", unit_price=0, figures={"percent": "15", "covers": ["plan"]})
    page = signed_in(admin).get(URL).content.decode()
    assert "15 % of the price of your plan" in page
    assert "talk to us" not in page
    configured = signed_in(admin).get(reverse("commerce:configure") + "?plan=business&seats=50&onboarding=1")
    assert "Onboarding package at 15 % of" in configured.content.decode()


def test_it_says_whether_prices_have_the_tax_in_them(admin, contract, signed_in):
    client = signed_in(admin)
    assert "At your prices, before tax." in client.get(URL).content.decode()
    TaxRate.objects.update(treatment="inclusive")
    assert "At your prices, tax included." in client.get(URL).content.decode()
    configured = client.get(reverse("commerce:configure") + "?plan=business&seats=60").content.decode()
    assert "including" in configured
    assert "Before tax. Prepaid until your term ends" in configured


def test_a_product_without_a_price_is_shown_and_not_sold(admin, contract, acme, signed_in):
    Price.objects.for_account(acme).filter(product__code="enterprise").delete()
    page = signed_in(admin).get(URL).content.decode()
    assert "Enterprise" in page
    assert "Not sold at your prices yet" in page
    assert "?plan=enterprise" not in page


def test_a_product_that_is_sold_no_more_is_gone(admin, contract, signed_in):
    Product.objects.filter(code="audit_log").update(lifecycle="end_of_sale")
    assert "Audit log export" not in signed_in(admin).get(URL).content.decode()


def test_an_account_without_a_contract_can_look(other_admin, products, signed_in):
    response = signed_in(other_admin).get(URL)
    assert response.status_code == 200
    assert "You have no running contract" in response.content.decode()


def test_a_billing_contact_sees_prices_and_no_way_to_buy(acme, contract, signed_in):
    payer = make_member(acme, "bill@acme.example", "Bill", roles=["billing"])
    page = signed_in(payer).get(URL).content.decode()
    assert "€19.00" in page
    assert reverse("commerce:configure") not in page
    assert page.count("data-primary-action") == 1


def test_it_has_one_primary_action(admin, contract, signed_in):
    assert signed_in(admin).get(URL).content.decode().count("data-primary-action") == 1


def test_it_costs_eight_queries_however_long_the_catalogue(admin, contract, signed_in, most_queries):
    client = signed_in(admin)
    with most_queries(8):
        client.get(URL)


def test_prices_of_another_company_are_their_own(other_admin, globex, contract, products, signed_in):
    make_contract(globex, products)
    page = signed_in(other_admin).get(URL).content.decode()
    assert "€20.00 per seat and month" in page
    assert "€19.00" not in page


@pytest.mark.parametrize("person", ["member", "viewer"])
def test_who_may_not_see_prices_is_refused(person, contract, signed_in, request):
    assert signed_in(request.getfixturevalue(person)).get(URL).status_code == 403


def test_anonymous_visitors_are_asked_to_sign_in(client, db):
    response = client.get(URL)
    assert (response.status_code, response.url.partition("?")[0]) == (302, reverse("account_login"))


def test_a_currency_without_a_book_sells_nothing(products, signed_in):
    swiss = make_account("Bern AG", tier="premier", currency="CHF")
    person = make_member(swiss, "admin@bern.example", "Bo", roles=["administrator"])
    page = signed_in(person).get(URL).content.decode()
    assert "€" not in page
