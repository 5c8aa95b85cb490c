"""The configurator: what is typed is priced on the server, in one round trip."""

import html
import re
import uuid

import pytest
from django.urls import reverse

from commerce.models import Deal, Price, Product, Quote
from tests.factories import make_member
from tracking.models import UsageDaily

PAGE = reverse("commerce:configure")
PRICE = reverse("commerce:configure-price")
CREATE = reverse("commerce:create-quote")


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026: 2 months and 14 days of the contract are left."""


def text_of(response):
    return re.sub(r"\s+", " ", response.content.decode())


def test_it_opens_with_what_the_account_has(admin, contract, signed_in):
    page = text_of(signed_in(admin).get(PAGE))
    assert 'value="team"' in page
    assert re.search(r'name="seats" value="50"', page)
    assert "This is what you have now" in page
    assert page.count("data-primary-action") == 1


def test_the_address_fills_it_in(admin, contract, signed_in):
    page = text_of(signed_in(admin).get(PAGE, {"plan": "business", "seats": "60", "sso": "1"}))
    assert re.search(r'value="business"[^>]*checked', page)
    assert re.search(r'name="seats" value="60"', page)
    # By hand in test_configuring: 1,409.36 and 267.77 tax.
    for figure in ("-€1,402.36", "€2,804.71", "€7.01", "€1,409.36", "€267.77", "€1,677.13", "€570.00", "€1,142.85"):
        assert figure in page
    assert "2 months and 14 days left of 12" in page
    assert page.count("data-primary-action") == 1


def test_the_price_follows_what_is_typed(admin, contract, signed_in):
    response = signed_in(admin).get(PRICE, {"plan": "team", "seats": "60"}, headers={"HX-Request": "true"})
    part = text_of(response)
    assert part.strip().startswith('<section class="card" id="price"')
    # 114 × 2.460273972 = 280.4712; 19 % of it 53.2893.
    assert "€280.47" in part
    assert "€333.76" in part
    assert 'data-announce="Due now €333.76. Per month from now on €684.00."' in part  # Read aloud with the swap.
    assert "10 more seats at €11.40 a month" in part
    assert response["HX-Replace-Url"] == f"{PAGE}?plan=team&seats=60"


def test_it_can_be_asked_by_post_as_well(admin, contract, signed_in):
    response = signed_in(admin).post(PRICE, {"plan": "team", "seats": "60", "csrfmiddlewaretoken": "x"})
    assert "€333.76" in text_of(response)
    assert "csrf" not in response["HX-Replace-Url"]


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("seats=0", "greater than or equal to 1"),
        ("seats=-4", "greater than or equal to 1"),
        ("seats=1.5", "Enter a whole number of seats."),
        ("seats=1.000", "Enter a whole number of seats."),  # A thousand, where people write it so.
        ("seats=abc", "Enter a whole number of seats."),
        ("seats=", "Enter how many seats you need."),
        ("seats=5001", "More than 5,000 of Team: talk to us"),
        ("seats=" + "9" * 40, "More than 5,000 of Team: talk to us"),
        ("seats=" + "9" * 6000, "Enter a whole number of seats."),
        ("plan=gold", "We don&#x27;t sell the plan “gold”."),
        ("gold=1", "We don&#x27;t sell “gold”."),
        ("%3Cscript%3Ealert(1)%3C%2Fscript%3E=1", "We don&#x27;t sell “&lt;script&gt;"),
        ("sso=1&sso=2", "This is listed twice."),
        ("seats=60&seats=70", "This is listed twice."),
        ("sso=-1", "Enter 0 or more."),
        ("seats=49", "a reduction takes effect at the end of your term"),
        ("seats=50", "This is what you have now"),
    ],
)
def test_what_cannot_be_sold_is_said(admin, contract, signed_in, named, words):
    response = signed_in(admin).get(f"{PRICE}?{named}")
    part = text_of(response)
    assert response.status_code == 200
    assert words in part
    assert "Review the quote" not in part
    assert part.count("data-primary-action") == 1
    assert "<script" not in part


def test_what_was_sold_once_is_named_with_what_has_taken_its_place(admin, contract, products, signed_in, today):
    client = signed_in(admin)
    Product.objects.filter(code="business").update(end_of_sale_date=today, successor=products["enterprise"])
    Product.objects.filter(code="sso").update(lifecycle="end_of_sale")
    page = html.unescape(text_of(client.get(PRICE, {"plan": "business", "seats": "60", "sso": "1"})))
    assert "Business is sold no more; “Enterprise” has taken its place." in page
    assert "Single sign-on & directory sync is sold no more." in page
    Product.objects.filter(code="sso").update(lifecycle="draft")
    page = html.unescape(text_of(client.get(PRICE, {"sso": "1"})))
    assert "We don't sell “sso”." in page
    assert "Single sign-on" not in page


def test_seats_in_use_are_named(admin, acme, contract, signed_in, today):
    UsageDaily.objects.create(account_id=acme.pk, meter="seats", date=today, quantity=46)
    assert "46 seats are in use" in text_of(signed_in(admin).get(PRICE, {"plan": "business", "seats": "40"}))
    assert "46 of 50 seats are used now." in text_of(signed_in(admin).get(PAGE))


def test_a_smaller_plan_waits_for_the_end_of_the_term(admin, acme, products, signed_in):
    from tests.factories import make_contract

    make_contract(acme, products, plan="business")
    part = text_of(signed_in(admin).get(PRICE, {"plan": "team"}))
    assert "Team: a reduction takes effect at the end of your term. Plan it on the page of your contract." in part


def test_without_a_contract_there_is_nothing_to_configure(other_admin, products, signed_in):
    client = signed_in(other_admin)
    page = text_of(client.get(PAGE))
    assert "no running contract" in page
    assert page.count("data-primary-action") == 1
    assert "no running contract" in text_of(client.get(PRICE, {"seats": "60"}))
    assert client.post(CREATE, {"seats": "60", "form_key": str(uuid.uuid4())}).status_code == 422


def test_it_costs_eight_queries_and_a_write(admin, contract, signed_in, most_queries):
    client = signed_in(admin)
    with most_queries(9):
        client.get(PAGE)
    with most_queries(9):
        client.get(PAGE, {"plan": "business", "seats": "60"})
    with most_queries(9):
        client.get(PRICE, {"plan": "business", "seats": "60"})


# Creating the quote of what was priced


def hidden_fields(part):
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', part))


def test_the_quote_is_of_what_was_shown(admin, contract, signed_in):
    client = signed_in(admin)
    part = client.get(PRICE, {"plan": "business", "seats": "60", "sso": "1"}).content.decode()
    response = client.post(CREATE, hidden_fields(part))
    quote = Quote.objects.get()
    assert response.url == reverse("commerce:quote", args=[quote.public_id])
    assert quote.total_minor == 167_713


def test_a_double_click_makes_one_quote(admin, contract, signed_in):
    client = signed_in(admin)
    sent = hidden_fields(client.get(PRICE, {"seats": "60"}).content.decode())
    assert client.post(CREATE, sent).url == client.post(CREATE, sent).url
    assert (Quote.objects.count(), Deal.objects.count()) == (1, 1)


def test_what_cannot_be_bought_goes_back_with_the_reason(admin, acme, contract, signed_in):
    client = signed_in(admin)
    sent = hidden_fields(client.get(PRICE, {"plan": "business", "seats": "60"}).content.decode())
    Price.objects.for_account(acme).filter(product__code="business").delete()
    response = client.post(CREATE, sent)
    assert response.status_code == 422
    assert "Business is not sold at your prices yet" in text_of(response)
    assert not Quote.objects.exists()


@pytest.mark.parametrize("form_key", ["", "x"])
def test_a_form_without_its_key_is_none_of_ours(admin, contract, signed_in, form_key):
    assert signed_in(admin).post(CREATE, {"seats": "60", "form_key": form_key}).status_code == 404


# Who may


@pytest.mark.parametrize("roles", [["viewer"], ["support", "viewer"], ["billing"], ["approver"]])
def test_who_may_not_buy_is_refused(acme, contract, signed_in, roles):
    client = signed_in(make_member(acme, "somebody@acme.example", "Somebody", roles=roles))
    assert client.get(PAGE).status_code == 403
    assert client.get(PRICE, {"seats": "60"}).status_code == 403
    assert client.post(CREATE, {"seats": "60", "form_key": str(uuid.uuid4())}).status_code == 403
    assert not Quote.objects.exists()


def test_anonymous_visitors_are_asked_to_sign_in(client, db):
    for response in (client.get(PAGE), client.get(PRICE), client.post(CREATE)):
        assert (response.status_code, response.url.partition("?")[0]) == (302, reverse("account_login"))


def test_the_hidden_fields_of_the_form_are_no_products(admin, contract, signed_in):
    client = signed_in(admin)
    page = client.get("/plans/configure/?plan=business&seats=60").content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)"[^>]*? value="([^"]*)"', page))
    assert {"csrfmiddlewaretoken", "company", "form_key"} <= hidden.keys()
    answer = client.post("/plans/configure/price/", hidden | {"plan": "business", "seats": "60"})
    assert "We don't sell" not in html.unescape(answer.content.decode())
    assert "Due now" in answer.content.decode()
