"""Quotes as people read, accept and refresh them."""

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from commerce.configuring.situations import Configuration
from commerce.models import Contract, Invoice, Order, Price, Quote
from commerce.quotes.quoting import create_quote
from tests.factories import make_member

LIST = reverse("commerce:quotes")


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


def url_of(quote, name="quote"):
    return reverse(f"commerce:{name}", args=[quote.public_id])


def consent_to(quote, **given):
    return {"shown_hash": quote.price_hash, "name": "Ada Achterberg", "consent": "on", "po_number": ""} | given


def more_quotes(admin, count, now):
    for number in range(count):
        create_quote(
            account=admin.membership.account,
            actor=admin.membership.actor(),
            user=admin,
            configuration=Configuration("team", 51 + number),
            now=now - timedelta(minutes=number),
            form_key=uuid.uuid4(),
        )


# Reading


def test_a_quote_says_what_it_costs_why_and_until_when(quote, admin, signed_in):
    page = signed_in(admin).get(url_of(quote)).content.decode()
    for words in ("Credit for Team", "-€1,402.36", "€2,804.71", "€1,677.13", "€1,142.85", "18 Dec", "€19.00 a month"):
        assert words in page or words in page.replace("Dec. 18", "18 Dec")
    assert "Accept and pay €1,677.13" in page
    assert page.count("data-primary-action") == 1


def test_opening_a_quote_marks_it_viewed_once(quote, admin, signed_in, now):
    client = signed_in(admin)
    client.get(url_of(quote))
    with time_machine.travel(now + timedelta(hours=1), tick=False):
        client.get(url_of(quote))
    quote.refresh_from_db()
    assert (quote.status, quote.viewed_at) == ("viewed", now)


def test_who_may_not_buy_reads_without_a_way_to_accept(quote, acme, signed_in):
    page = signed_in(make_member(acme, "b@acme.example", "Bill", roles=["billing"])).get(url_of(quote))
    page = page.content.decode()
    assert "€1,677.13" in page
    assert url_of(quote, "accept-quote") not in page
    assert page.count("data-primary-action") == 1


def test_the_list_shows_the_newest_first_and_pages_on(admin, contract, now, signed_in):
    more_quotes(admin, 30, now)
    client = signed_in(admin)
    first = client.get(LIST).context["page"]
    assert [len(first.rows), first.previous] == [25, ""]
    second = client.get(LIST, {"cursor": first.next}).context["page"]
    assert [len(second.rows), second.next] == [5, ""]
    numbers = [row.created_at for row in [*first.rows, *second.rows]]
    assert numbers == sorted(numbers, reverse=True)
    back = client.get(LIST, {"cursor": second.previous}).context["page"]
    assert [row.pk for row in back.rows] == [row.pk for row in first.rows]


def test_an_empty_list_says_so(admin, contract, signed_in):
    page = signed_in(admin).get(LIST).content.decode()
    assert "No quotes yet" in page
    assert page.count("data-primary-action") == 1


def test_the_pages_cost_the_same_with_many_quotes(admin, quote, now, signed_in, most_queries):
    client = signed_in(admin)
    more_quotes(admin, 28, now - timedelta(days=1))
    with most_queries(1):
        client.get(LIST)
    # The quote, marking it, its audit stays in the database; order, others, lines; a request for approval, the limits.
    with most_queries(8):
        client.get(url_of(quote))


# Accepting


def test_accepting_leads_to_payment(quote, admin, signed_in):
    response = signed_in(admin).post(url_of(quote, "accept-quote"), consent_to(quote, po_number="4500"))
    order = Order.objects.get()
    assert response.url == reverse("commerce:pay", args=[Invoice.objects.get().number])
    assert (order.placed_by, order.po_number, order.quote.accepted_ip) == (admin, "4500", "127.0.0.1")


def test_a_double_click_places_one_order(quote, admin, signed_in):
    client = signed_in(admin)
    first = client.post(url_of(quote, "accept-quote"), consent_to(quote))
    assert client.post(url_of(quote, "accept-quote"), consent_to(quote)).url == first.url
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [({"name": ""}, "Type your name to accept."), ({"consent": ""}, "Tick this box to accept.")],
)
def test_consent_has_a_name_and_a_tick(quote, admin, signed_in, given, words):
    response = signed_in(admin).post(url_of(quote, "accept-quote"), consent_to(quote, **given))
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Order.objects.exists()


def refused(client, quote, **given):
    response = client.post(url_of(quote, "accept-quote"), consent_to(quote, **given), follow=True)
    assert not Invoice.objects.exists()
    page = response.content.decode()
    assert page.count("data-primary-action") == 1
    return page


def test_an_expired_quote_offers_todays_price(quote, admin, signed_in):
    client = signed_in(admin)
    with time_machine.travel(quote.expires_at, tick=False):
        client = signed_in(admin)
        page = refused(client, quote)
        assert "This quote has expired" in page
        assert url_of(quote, "refresh-quote") in page
        response = client.post(url_of(quote, "refresh-quote"), follow=True)
    fresh = Quote.objects.latest_first().first()
    assert fresh != quote
    page = response.content.decode()
    assert f"What changed since quote {quote.number}" in page
    assert "-€1,402.36" in page
    assert page.count("data-primary-action") == 1


def test_a_price_that_is_not_the_one_shown_is_refused(quote, admin, signed_in):
    assert "not what you saw" in refused(signed_in(admin), quote, shown_hash="0" * 64)


def test_a_contract_changed_meanwhile_is_refused(quote, admin, signed_in):
    Contract.objects.update(version=5)
    page = refused(signed_in(admin), quote)
    assert "Your contract has changed since" in page
    assert url_of(quote, "refresh-quote") in page
    assert "Ready to accept" not in page
    listed = signed_in(admin).get(reverse("commerce:quotes")).content.decode()
    assert "Your contract has changed since" in listed
    assert "Ready to accept" not in listed


def test_a_second_order_is_refused_with_a_link_to_the_first(quote, admin, signed_in, now):
    client = signed_in(admin)
    client.post(url_of(quote, "accept-quote"), consent_to(quote))
    more_quotes(admin, 1, now)
    second = Quote.objects.exclude(pk=quote.pk).get()
    page = client.post(url_of(second, "accept-quote"), consent_to(second), follow=True).content.decode()
    assert reverse("commerce:order", args=[Order.objects.get().number]) in page
    assert Order.objects.count() == 1


def test_nothing_to_pay_leads_to_the_order(admin, acme, products, contract, now, signed_in):
    Price.objects.for_account(acme).filter(product=products["audit_log"]).update(unit_price=0)
    free = create_quote(
        account=acme,
        actor=admin.membership.actor(),
        user=admin,
        configuration=Configuration("team", 50, {"audit_log": 1}),
        now=now,
        form_key=uuid.uuid4(),
    )
    response = signed_in(admin).post(url_of(free, "accept-quote"), consent_to(free))
    order = Order.objects.get()
    assert response.url == reverse("commerce:order", args=[order.number])
    assert order.status == "active"


def test_a_refresh_of_what_is_owned_by_now_goes_to_the_configurator(quote, admin, accept, signed_in, now, acme):
    from commerce.orders.fulfilling import fulfil
    from tracking.actor import Actor

    again = create_quote(
        account=acme,
        actor=admin.membership.actor(),
        user=admin,
        configuration=Configuration("business", 60, {"sso": 1}),
        now=now,
        form_key=uuid.uuid4(),
    )
    fulfil(order=accept(quote, admin), now=now, actor=Actor.system())
    response = signed_in(admin).post(url_of(again, "refresh-quote"))
    assert response.url == reverse("commerce:configure") + "?plan=business&seats=60&sso=1&source=quote"


# Who may


def test_another_companys_quote_is_not_found(quote, other_admin, signed_in):
    client = signed_in(other_admin)
    assert client.get(url_of(quote)).status_code == 404
    assert client.post(url_of(quote, "accept-quote"), consent_to(quote)).status_code == 404
    assert client.post(url_of(quote, "refresh-quote")).status_code == 404
    assert client.get(LIST).context["page"].rows == []
    assert not Order.objects.exists()


@pytest.mark.parametrize("person", ["member", "viewer"])
def test_who_may_not_see_prices_is_refused(quote, person, signed_in, request):
    client = signed_in(request.getfixturevalue(person))
    assert client.get(LIST).status_code == 403
    assert client.get(url_of(quote)).status_code == 403
    assert client.post(url_of(quote, "accept-quote"), consent_to(quote)).status_code == 403
    assert not Order.objects.exists()


def test_an_approver_reads_and_does_not_buy(quote, acme, signed_in):
    client = signed_in(make_member(acme, "c@acme.example", "Cleo", roles=["approver"]))
    assert client.get(url_of(quote)).status_code == 200
    assert client.post(url_of(quote, "accept-quote"), consent_to(quote)).status_code == 403
    assert client.post(url_of(quote, "refresh-quote")).status_code == 403


def test_anonymous_visitors_are_asked_to_sign_in(quote, client):
    for response in (client.get(LIST), client.get(url_of(quote)), client.post(url_of(quote, "accept-quote"))):
        assert (response.status_code, response.url.partition("?")[0]) == (302, reverse("account_login"))
