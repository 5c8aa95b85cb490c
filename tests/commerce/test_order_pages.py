"""Orders as people follow them."""

from datetime import timedelta
from urllib.parse import parse_qs, urlencode

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.models.audit import AuditNote
from commerce.models import Invoice, Order, Product, ProductStep
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
    assert [(item.label, item.state) for item in response.context["timeline"]] == [
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
    assert [item.state for item in response.context["timeline"]] == ["done"] * 3
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
    assert "is active already" in page


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


def numbers_at(client, **query):
    return [order.number for order in client.get(LIST, query).context["page"].rows]


def test_orders_are_found_by_number_product_reference_status_and_day(order, admin, signed_in):
    client = signed_in(admin)
    Order.objects.filter(pk=order.pk).update(placed_at=order.placed_at)
    found = [order.number]
    for query in (
        {"q": order.number}, {"q": order.number.lower()}, {"q": str(order.serial)}, {"q": "single sign"},
        {"status": "awaiting_payment"}, {"since": "2026-11-18", "until": "2026-11-18"},
        {"status": "nonsense"}, {"since": "yesterday"},
    ):  # fmt: skip
        assert numbers_at(client, **query) == found, query
    for query in ({"q": "O-1"}, {"q": "Team"}, {"status": "active"}, {"until": "2026-11-17"}, {"since": "2026-11-19"}):
        assert numbers_at(client, **query) == [], query
    assert "No order is as you asked" in client.get(LIST, {"q": "O-1"}).content.decode()


def test_the_chosen_orders_come_as_a_list_that_no_spreadsheet_calculates(quote, admin, accept, signed_in):
    order = accept(quote, admin, po_number="=1+1")
    client = signed_in(admin)
    listed = b"".join(client.get(reverse("commerce:export-orders"), {"q": "business"}).streaming_content).decode()
    header, row = listed.splitlines()
    assert header.startswith("\ufeffOrder,Company,Status,Placed on")
    assert row == (
        f"{order.number},Acme Logistics GmbH,Waiting for payment,2026-11-18,Ada Achterberg,{order.contract.number},"
        '\'=1+1,"Business, Single sign-on & directory sync",1677.13,EUR'
    )
    assert AuditNote.objects.get(action="export.taken").actor_id == admin.pk
    none = b"".join(client.get(reverse("commerce:export-orders"), {"q": "Enterprise"}).streaming_content).decode()
    assert len(none.splitlines()) == 1


def test_an_order_is_made_again_on_top_of_what_is_there(order, admin, now, signed_in):
    fulfil(order=order, now=now, actor=Actor.system())
    response = signed_in(admin).post(url_of(order, "order-again"))
    target, _, query = response.url.partition("?")
    assert target == reverse("commerce:configure")
    assert parse_qs(query) == {"plan": ["business"], "seats": ["60"], "sso": ["2"]}
    assert Order.objects.count() == 1


def test_what_is_sold_no_more_is_said(order, admin, now, signed_in):
    fulfil(order=order, now=now, actor=Actor.system())
    Product.objects.filter(code="business").update(lifecycle="end_of_sale")
    page = signed_in(admin).post(url_of(order, "order-again"), follow=True).content.decode()
    assert "Business: It is sold no more." in page
    Product.objects.filter(code="sso").update(lifecycle="end_of_sale")
    page = signed_in(admin).post(url_of(order, "order-again"), follow=True).content.decode()
    assert f"Nothing of order {order.number} can be ordered any more." in page


def test_the_reference_stands_once_it_is_on_a_bill(order, admin, signed_in):
    page = signed_in(admin).post(url_of(order, "change-reference"), {"po_number": "PO-7"}, follow=True)
    assert "its number stands on it" in page.content.decode()
    order.refresh_from_db()
    assert order.po_number == ""
    with pytest.raises(IntegrityError, match="is invoiced"), transaction.atomic():
        Order.objects.update(po_number="PO-7")


def test_until_then_it_can_be_written_down(admin, acme, contract, now, signed_in):
    free = Order.objects.create(
        account=acme, contract=contract, status="active", placed_at=now, currency="EUR", total_minor=0, placed_by=admin
    )
    client = signed_in(admin)
    assert "Purchase order number" in client.get(url_of(free)).content.decode()
    client.post(url_of(free, "change-reference"), {"po_number": "PO-7"})
    free.refresh_from_db()
    assert free.po_number == "PO-7"
    assert numbers_at(client, q="po-7") == [free.number]


def test_an_order_that_is_set_up_shows_each_step_and_the_next(order, admin, now, signed_in, most_queries):
    for position, name in enumerate(("Connect your directory", "Test it with you"), start=1):
        ProductStep.objects.create(
            product=Product.objects.get(code="sso"), position=position, name=name, expected_days=2
        )
    fulfil(order=order, now=now, actor=Actor.system())
    client = signed_in(admin)
    with most_queries(6):
        response = client.get(url_of(order))
    page = response.content.decode()
    assert [(stage.label, stage.state) for stage in response.context["timeline"]] == [
        ("Ordered", "done"), ("Paid", "done"), ("Set up", "current"), ("Active", "future"),
    ]  # fmt: skip
    assert response.context["timeline"][2].detail == "0 of 2 steps"
    next_step = response.context["next_step"]
    assert next_step.startswith("Next: Connect your directory of Single sign-on & directory sync, expected by")
    assert "20" in next_step
    assert "Test it with you" in page


def test_an_empty_list_says_so(admin, contract, signed_in):
    page = signed_in(admin).get(LIST).content.decode()
    assert "No orders yet" in page
    assert page.count("data-primary-action") == 1


def test_an_order_costs_six_queries(order, admin, signed_in, most_queries):
    client = signed_in(admin)
    with most_queries(6):
        client.get(url_of(order))


# Who may


def test_another_companys_order_is_not_found(order, other_admin, signed_in):
    client = signed_in(other_admin)
    assert client.get(url_of(order)).status_code == 404
    for name in ("cancel-order", "order-again", "change-reference"):
        assert client.post(url_of(order, name), {"po_number": "X"}).status_code == 404
    assert order.number not in b"".join(client.get(reverse("commerce:export-orders")).streaming_content).decode()
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
    assert client.get(reverse("commerce:export-orders")).status_code == 403
    for name in ("cancel-order", "order-again", "change-reference"):
        assert client.post(url_of(order, name), {"po_number": "X"}).status_code == 403


def test_a_billing_contact_looks_and_does_not_cancel(order, acme, signed_in):
    client = signed_in(make_member(acme, "b@acme.example", "Bill", roles=["billing"]))
    assert client.get(url_of(order)).content.decode().count("data-primary-action") == 1
    assert client.post(url_of(order, "cancel-order")).status_code == 403
    order.refresh_from_db()
    assert order.status == "awaiting_payment"


def test_anonymous_visitors_are_asked_to_sign_in(order, client):
    for response in (client.get(LIST), client.get(url_of(order)), client.post(url_of(order, "cancel-order"))):
        assert response.url.partition("?")[0] == reverse("account_login")
