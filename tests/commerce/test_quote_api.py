"""Quotes through the API: what the page and the PDF say, for those who may see prices."""

import pytest
from django.urls import reverse

from commerce.models import Quote
from commerce.quotes import staff_quotes
from commerce.quotes.staff_quotes import Terms
from tests.factories import make_contract, make_staff
from tracking.actor import Actor

URL = "/api/v1/quotes"


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """The quote stands."""


def test_a_quote_says_the_figures_and_words_of_its_page(admin, quote, signed_in):
    client = signed_in(admin)
    told = client.get(f"{URL}/{quote.public_id}").json()
    assert (told["number"], told["status"], told["total_minor"]) == (quote.number, "presented", 167_713)
    assert sum(line["total_minor"] + line["tax_minor"] for line in told["lines"]) == told["total_minor"]
    page = client.get(reverse("commerce:quote", args=[quote.public_id])).context["lines"].rows
    assert [line["explanation"] for line in told["lines"]] == [line.words for line in page]
    assert told["price_hash"] == quote.price_hash


def test_the_first_read_counts_as_seen(admin, quote, signed_in):
    signed_in(admin).get(f"{URL}/{quote.public_id}")
    assert Quote.objects.get().status == "viewed"


def test_the_list_shows_the_company_s_quotes_newest_first(admin, quote, signed_in):
    told = signed_in(admin).get(URL).json()
    assert [one["id"] for one in told["items"]] == [str(quote.public_id)]
    assert told["next_cursor"] is None


def test_a_draft_of_our_people_is_not_there(admin, contract, upgrade, signed_in, now):
    seller = make_staff("sales@vendor.example", "Sal Moreno", group="Sales")
    made = staff_quotes.draft(
        account=contract.account, configuration=upgrade, manual={}, terms=Terms(), user=seller,
        actor=Actor.staff(seller.pk, contract.account_id), now=now,
    )  # fmt: skip
    client = signed_in(admin)
    assert client.get(URL).json()["items"] == []
    assert client.get(f"{URL}/{made.public_id}").status_code == 404


def test_who_may_not_see_prices_gets_none(viewer, quote, signed_in):
    client = signed_in(viewer)
    for url in (URL, f"{URL}/{quote.public_id}"):
        response = client.get(url)
        assert response.status_code == 403
        assert quote.number not in response.content.decode()
    assert Quote.objects.get().status == "presented"


def test_another_company_does_not_find_it(other_admin, globex, products, quote, signed_in):
    make_contract(globex, products)
    client = signed_in(other_admin)
    assert client.get(f"{URL}/{quote.public_id}").status_code == 404
    assert client.get(URL).json()["items"] == []
