"""Orders as people follow them."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.urls import reverse

from commerce.models import Invoice, Order
from commerce.orders.fulfilling import fulfil
from tests.factories import make_member
from tracking.actor import Actor

LIST = reverse("commerce:orders")


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


@pytest.fixture
def order(quote, admin, accept):
    return accept(quote, admin)


def url_of(order, name="order"):
    return reverse(f"commerce:{name}", args=[order.number])


def test_an_unpaid_order_offers_to_pay(order, admin, signed_in):
    response = signed_in(admin).get(url_of(order))
    page = response.content.decode()
    assert [(item["label"], item["state"]) for item in response.context["timeline"]] == [
        ("Ordered", "done"),
        ("Paid", "next"),
        ("Active", "future"),
    ]
    assert "Pay €1,677.13" in page
    assert reverse("commerce:pay", args=[Invoice.objects.get().number]) in page
    assert url_of(order, "cancel-order") in page
    assert page.count("data-primary-action") == 1


def test_an_active_order_links_to_all_that_belongs_to_it(order, admin, now, signed_in):
    fulfil(order=order, now=now, actor=Actor.system())
    response = signed_in(admin).get(url_of(order))
    page = response.content.decode()
    assert [item["state"] for item in response.context["timeline"]] == ["done"] * 3
    for url in (
        reverse("commerce:contract", args=[order.contract.number]),
        reverse("commerce:quote", args=[order.quote.public_id]),
        reverse("commerce:invoice", args=[Invoice.objects.get().number]),
    ):
        assert url in page
    assert url_of(order, "cancel-order") not in page
    assert page.count("data-primary-action") == 1


def test_an_unpaid_order_can_be_cancelled(order, admin, signed_in):
    response = signed_in(admin).post(url_of(order, "cancel-order"), follow=True)
    order.refresh_from_db()
    assert order.status == "cancelled"
    assert order.steps.get(status="cancelled").note == "Cancelled by Ada Achterberg"
    page = response.content.decode()
    assert "Nothing was charged" in page
    assert page.count("data-primary-action") == 1


def test_an_active_order_cannot(order, admin, now, signed_in):
    fulfil(order=order, now=now, actor=Actor.system())
    page = signed_in(admin).post(url_of(order, "cancel-order"), follow=True).content.decode()
    order.refresh_from_db()
    assert order.status == "active"
    assert "is paid already" in page


def test_the_list_pages_on(admin, contract, acme, now, signed_in, most_queries):
    Order.objects.bulk_create(
        Order(
            account=acme, contract=contract, status="active", placed_at=now - timedelta(days=number // 2),
            currency="EUR", total_minor=number, placed_by=admin,
        )
        for number in range(60)
    )  # fmt: skip
    client, seen, url = signed_in(admin), [], LIST
    for _page in range(3):
        with most_queries(2):
            page = client.get(url).context["page"]
        seen += [order.pk for order in page.rows]
        url = f"{LIST}?{urlencode({'cursor': page.next})}"
    assert page.next == ""
    assert len(seen) == len(set(seen)) == 60


def test_an_empty_list_says_so(admin, contract, signed_in):
    page = signed_in(admin).get(LIST).content.decode()
    assert "No orders yet" in page
    assert page.count("data-primary-action") == 1


def test_an_order_costs_four_queries(order, admin, signed_in, most_queries):
    client = signed_in(admin)
    with most_queries(4):
        client.get(url_of(order))


# Who may


def test_another_companys_order_is_not_found(order, other_admin, signed_in):
    client = signed_in(other_admin)
    assert client.get(url_of(order)).status_code == 404
    assert client.post(url_of(order, "cancel-order")).status_code == 404
    assert client.get(LIST).context["page"].rows == []
    order.refresh_from_db()
    assert order.status == "awaiting_payment"


@pytest.mark.parametrize("number", ["O-999999", "O-0", "Q-1", "5001", "O-" + "9" * 40])
def test_a_number_that_is_none_is_not_found(admin, contract, signed_in, number):
    assert signed_in(admin).get(reverse("commerce:order", args=[number])).status_code == 404


@pytest.mark.parametrize("person", ["member", "viewer"])
def test_who_may_not_see_orders_is_refused(order, person, signed_in, request):
    client = signed_in(request.getfixturevalue(person))
    assert client.get(LIST).status_code == 403
    assert client.get(url_of(order)).status_code == 403
    assert client.post(url_of(order, "cancel-order")).status_code == 403


def test_a_billing_contact_looks_and_does_not_cancel(order, acme, signed_in):
    client = signed_in(make_member(acme, "b@acme.example", "Bill", roles=["billing"]))
    assert client.get(url_of(order)).content.decode().count("data-primary-action") == 1
    assert client.post(url_of(order, "cancel-order")).status_code == 403
    order.refresh_from_db()
    assert order.status == "awaiting_payment"


def test_anonymous_visitors_are_asked_to_sign_in(order, client):
    for response in (client.get(LIST), client.get(url_of(order)), client.post(url_of(order, "cancel-order"))):
        assert response.url.partition("?")[0] == reverse("account_login")
