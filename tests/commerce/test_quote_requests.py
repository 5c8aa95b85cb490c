"""Asking for a quote of what the portal can't sell: offered where it refuses, answered by the staff."""

import html
import re
import uuid

import pytest
from django.urls import reverse

from accounts.models import Notification, OutgoingMail
from commerce.models import QuoteRequest
from commerce.quotes.quote_requests import NotOpen, QuoteOfOthers, answer
from tests.factories import make_contract, make_staff
from tracking.actor import Actor
from tracking.models import Event, EventName

ASK = reverse("commerce:ask-quote")
LIST = reverse("commerce:quote-requests")
LARGE = {"reason": "quantity", "plan": "team", "seats": "6000"}


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


@pytest.fixture
def seller(acme):
    acme.sales_contact = make_staff("seller@vendor.example", "Sally Seller", group="Sales")
    acme.save()
    return acme.sales_contact


@pytest.fixture
def asked(admin, contract, seller, signed_in):
    signed_in(admin).post(ASK, {**LARGE, "message": "By <b>March</b>.", "form_key": str(uuid.uuid4())})
    return QuoteRequest.objects.get()


def text_of(response):
    return html.unescape(re.sub(r"\s+", " ", response.content.decode()))


def url(asked, name="quote-request"):
    return reverse(f"commerce:{name}", args=[asked.public_id])


@pytest.mark.parametrize(
    ("typed", "reason"),
    [({"seats": "6000"}, "quantity"), ({"seats": "40"}, "downgrade")],
)
def test_it_is_offered_where_the_configurator_refuses(admin, contract, signed_in, typed, reason):
    part = text_of(signed_in(admin).get(reverse("commerce:configure-price"), typed))
    assert f"{ASK}?reason={reason}&plan=team&seats={typed['seats']}" in part
    assert "mailto:" not in part


def test_it_is_offered_without_a_contract_and_for_another_country(admin, other_admin, acme, contract, signed_in):
    configure = reverse("commerce:configure")
    assert f"{ASK}?reason=no_contract" in text_of(signed_in(other_admin).get(configure))
    acme.billing_country = "BR"
    acme.save()
    assert f"{ASK}?reason=tax_unknown" in text_of(signed_in(admin).get(configure))


def test_the_form_says_what_is_asked_for(admin, contract, signed_in):
    page = text_of(signed_in(admin).get(ASK, LARGE))
    assert "Team, 6,000 seats" in page
    assert page.count("data-primary-action") == 1


def test_the_wish_reaches_the_people_of_the_account(asked, admin, acme, seller):
    assert (asked.account, asked.requested_by, asked.reason, asked.status) == (acme, admin, "quantity", "open")
    assert asked.configuration == {"plan": "team", "seats": "6000", "addons": {}}
    assert asked.summary == "Team, 6,000 seats"
    mail = OutgoingMail.objects.get(kind="quote_requested")
    assert (mail.to, "By <b>March</b>." in mail.text) == (seller.email, True)
    assert Event.objects.get(name=EventName.QUOTE_REQUESTED).properties == {"reason": "quantity"}


def test_a_double_click_asks_once(admin, contract, signed_in):
    client, form_key = signed_in(admin), str(uuid.uuid4())
    for _again in range(2):
        client.post(ASK, {**LARGE, "form_key": form_key})
    assert QuoteRequest.objects.count() == 1


def test_without_a_configuration_words_are_needed(other_admin, products, signed_in):
    client, sent = signed_in(other_admin), {"reason": "no_contract", "form_key": str(uuid.uuid4())}
    assert client.post(ASK, sent).status_code == 422
    assert not QuoteRequest.objects.exists()
    client.post(ASK, sent | {"message": "We begin in March."})
    assert QuoteRequest.objects.get().summary == "No running contract"


@pytest.mark.parametrize("change", [{"message": "x" * 2001}, {"reason": "gold", "message": "x" * 2001}])
def test_too_much_is_refused_and_kept(admin, contract, signed_in, change):
    response = signed_in(admin).post(ASK, {**LARGE, "form_key": str(uuid.uuid4()), **change})
    assert response.status_code == 422
    assert "x" * 2001 in text_of(response)
    assert not QuoteRequest.objects.exists()


def test_an_answer_that_came_meanwhile_is_not_closed_away(admin, asked, seller, signed_in, now):
    client = signed_in(admin)
    answer(
        asked=asked, text="Gladly.", quote=None, staff=seller, actor=Actor.staff(seller.pk, asked.account_id), now=now
    )
    client.post(url(asked, "close-quote-request"))
    asked.refresh_from_db()
    assert (asked.status, asked.closed_at) == ("answered", None)


def test_another_currency_is_asked_for_in_words_and_the_page_says_what_stays(admin, contract, signed_in):
    client = signed_in(admin)
    assert f"{ASK}?reason=currency" in text_of(client.get(reverse("commerce:plans")))
    page = text_of(client.get(ASK, {"reason": "currency"}))
    assert f"Your contract {contract.number} stays in EUR until it ends on" in page
    form = {"reason": "currency", "form_key": str(uuid.uuid4())}
    assert client.post(ASK, form).status_code == 422
    client.post(ASK, form | {"message": "USD, please."})
    assert QuoteRequest.objects.get().summary == "Another currency"


def test_the_page_shows_the_wish_and_escapes_it(admin, asked, signed_in):
    response = signed_in(admin).get(url(asked))
    assert "By &lt;b&gt;March&lt;/b&gt;." in response.content.decode()
    assert "We are working on it" in text_of(response)
    assert "Team, 6,000 seats" in text_of(signed_in(admin).get(LIST))


def test_staff_answer_from_the_queue_with_a_quote(admin, asked, quote, seller, signed_in):
    client = signed_in(seller)
    queue = text_of(client.get(reverse("admin:commerce_quoterequest_changelist")))
    assert "Team, 6,000 seats" in queue
    page = reverse("admin:commerce_quoterequest_change", args=[asked.pk])
    response = client.post(page, {"answer": "Gladly.", "quote": quote.pk})
    assert response.status_code == 302, response.content.decode()
    asked.refresh_from_db()
    assert (asked.status, asked.answer, asked.quote, asked.answered_by) == ("answered", "Gladly.", quote, seller)
    assert OutgoingMail.objects.filter(kind="quote_request_answered", user=admin).count() == 1
    assert Notification.objects.filter(kind="quote_request_answered", user=admin).count() == 1
    shown = text_of(signed_in(admin).get(url(asked)))
    assert "Gladly." in shown
    assert f"Go to quote {quote.number}" in shown
    assert client.post(page, {"answer": "Again.", "quote": ""}).status_code == 403
    asked.refresh_from_db()
    assert asked.answer == "Gladly."


def test_a_quote_of_another_company_is_no_answer(asked, globex, seller, quote, now):
    quote.account = globex
    with pytest.raises(QuoteOfOthers):
        answer(asked=asked, text="Here.", quote=quote, staff=seller, actor=Actor.staff(seller.pk), now=now)
    asked.refresh_from_db()
    assert asked.status == "open"


def test_what_is_closed_is_answered_no_more(admin, asked, seller, signed_in, now):
    client = signed_in(admin)
    for _again in range(2):
        assert client.post(url(asked, "close-quote-request")).status_code == 302
    asked.refresh_from_db()
    assert (asked.status, asked.closed_at) == ("closed", now)
    with pytest.raises(NotOpen):
        answer(asked=asked, text="Here.", quote=None, staff=seller, actor=Actor.staff(seller.pk), now=now)
    assert not OutgoingMail.objects.filter(kind="quote_request_answered").exists()


# Comparing, being led, what fits


def test_plans_stand_side_by_side_with_what_differs(admin, contract, signed_in, most_queries):
    client = signed_in(admin)
    with most_queries(10):
        response = client.get(reverse("commerce:compare-plans"), {"seats": "60"})
    page = text_of(response)
    assert "€333.76" in page  # Team, ten more seats: as in the configurator.
    assert "/plans/configure/?plan=business&seats=60" in page
    assert "data-differs" in page
    assert page.count("data-primary-action") == 1


@pytest.mark.parametrize("seats", ["", "0", "-3", "x", "²", "9" * 40])
def test_nonsense_compares_what_is_held(admin, contract, signed_in, seats):
    assert 'name="seats" id="seats" min="1" value="50"' in text_of(
        signed_in(admin).get(reverse("commerce:compare-plans"), {"seats": seats})
    )


def test_a_plan_below_leads_to_a_request(admin, acme, products, signed_in):
    make_contract(acme, products, plan="business")
    page = text_of(signed_in(admin).get(reverse("commerce:compare-plans")))
    assert f"{ASK}?reason=downgrade&plan=team" in page


# Who may


def test_strangers_find_nothing(other_admin, asked, signed_in):
    client = signed_in(other_admin)
    assert client.get(url(asked)).status_code == 404
    assert client.post(url(asked, "close-quote-request")).status_code == 404
    asked.refresh_from_db()
    assert asked.is_open


def test_who_may_not_buy_is_refused(member, asked, signed_in):
    client = signed_in(member)
    assert client.get(LIST).status_code == 403
    assert client.post(ASK, {**LARGE, "form_key": str(uuid.uuid4())}).status_code == 403
    assert QuoteRequest.objects.count() == 1


def test_anonymous_visitors_are_asked_to_sign_in(client, asked):
    client.logout()
    for response in (client.get(LIST), client.get(ASK), client.get(url(asked))):
        assert (response.status_code, response.url.partition("?")[0]) == (302, reverse("account_login"))
