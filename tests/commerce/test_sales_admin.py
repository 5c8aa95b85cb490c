"""The staff's pages about products, prices, contracts, quotes, orders and deals."""

from datetime import date

import pytest
from django.urls import reverse

from accounts.models.audit import AuditNote
from commerce.models import Deal, Invoice, Price, PriceBook, Product
from tests.factories import make_staff


@pytest.fixture
def finance(db):
    return make_staff("finance@vendor.example", "Fay Lund", group="Finance")


@pytest.fixture
def order(quote, admin, accept):
    return accept(quote, admin)


def url(model, name="changelist", *args):
    return reverse(f"admin:commerce_{model}_{name}", args=args)


def test_a_revenue_manager_sees_every_page(manager, order, quote, contract, products, signed_in):
    client = signed_in(manager)
    book = PriceBook.objects.first()
    shown = {
        "product": products["team"],
        "pricebook": book,
        "contract": contract,
        "quote": quote,
        "order": order,
        "deal": Deal.objects.get(),
    }
    for model, row in shown.items():
        assert client.get(url(model)).status_code == 200
        assert client.get(url(model, "change", row.pk)).status_code == 200, model
    assert "Business" in client.get(url("quote", "change", quote.pk)).content.decode()
    assert "1 Feb 2026 · New +50 (€570.00)" in client.get(url("contract", "change", contract.pk)).content.decode()


def test_quotes_and_contracts_are_not_edited(manager, quote, contract, signed_in):
    client = signed_in(manager)
    assert client.post(url("quote", "change", quote.pk), {"status": "ordered"}).status_code == 403
    assert client.post(url("contract", "change", contract.pk), {"version": 9}).status_code == 403
    assert client.get(url("quote", "delete", quote.pk)).status_code == 403


def prices_form(book, **added):
    """A new price, in a form of its own, above those that the book has."""
    rows = list(Price.objects.filter(book=book).order_by("product__kind", "product__rank", "product__name"))
    data = {"name": book.name, "regions": ""}
    for prefix, forms, initial in (("prices", 1, 0), ("prices-2", len(rows), len(rows))):
        data |= {
            f"{prefix}-TOTAL_FORMS": forms,
            f"{prefix}-INITIAL_FORMS": initial,
            f"{prefix}-MIN_NUM_FORMS": 0,
            f"{prefix}-MAX_NUM_FORMS": 1000,
        }
    for number, row in enumerate(rows):
        data |= {
            f"prices-2-{number}-id": row.pk,
            f"prices-2-{number}-book": book.pk,
            f"prices-2-{number}-unit_price": "0.01",  # Tried, and not taken: what was given is kept.
            f"prices-2-{number}-valid_from": "2020-01-01",
            f"prices-2-{number}-valid_until": "2027-01-01" if row.product.code == "team" else "",
        }
    return data | {f"prices-0-{name}": value for name, value in {"book": book.pk, **added}.items()}


def test_a_new_price_is_added_and_the_old_one_ends(manager, products, signed_in):
    book = PriceBook.objects.get(tier__code="premier")
    before = {price.pk: price.unit_price for price in Price.objects.filter(book=book)}
    sent = prices_form(
        book,
        product=products["team"].pk,
        unit_price="12.40",
        method="list",
        price_months="1",
        valid_from="2027-01-01",
    )
    response = signed_in(manager).post(url("pricebook", "change", book.pk), sent)
    assert response.status_code == 302, response.context["errors"]
    team = Price.objects.filter(book=book, product=products["team"]).order_by("valid_from")
    assert [(price.valid_from, price.valid_until) for price in team] == [
        (date(2024, 1, 1), date(2027, 1, 1)),
        (date(2027, 1, 1), None),
    ]
    assert {price.pk: price.unit_price for price in Price.objects.filter(pk__in=before)} == before


def test_finance_records_a_bank_transfer(finance, order, signed_in):
    sent = {"action": "next_step", "_selected_action": [order.pk]}
    response = signed_in(finance).post(url("order"), sent, follow=True)
    order.refresh_from_db()
    assert (order.status, Invoice.objects.get().status) == ("active", "paid")
    assert f"Order {order.number} is active." in response.content.decode()


def test_finance_cancels_an_order_and_hears_why_another_cannot_be(finance, order, signed_in):
    client = signed_in(finance)
    client.post(reverse("admin:commerce_order_cancel", args=[order.pk]), {"reason": "The buyer asked us to."})
    order.refresh_from_db()
    assert (order.status, order.steps.get(status="cancelled").note) == ("cancelled", "The buyer asked us to.")
    sent = {"action": "next_step", "_selected_action": [order.pk]}
    refused = client.post(url("order"), sent, follow=True).content.decode()
    assert f"{order.number}: Order {order.number} was cancelled." in refused


def test_support_looks_at_orders_and_moves_none(agent, order, signed_in):
    client = signed_in(agent)
    assert client.get(url("order")).status_code == 200
    assert client.post(reverse("admin:commerce_order_cancel", args=[order.pk]), {"reason": "No."}).status_code == 403
    order.refresh_from_db()
    assert order.status == "awaiting_payment"


def test_orders_are_found_by_number_product_and_reference_and_exported(finance, order, signed_in):
    client = signed_in(finance)
    for term in (order.number, str(order.serial), "business", "Acme"):
        assert client.get(url("order"), {"q": term}).context["cl"].result_count == 1, term
    assert client.get(url("order"), {"q": "Enterprise"}).context["cl"].result_count == 0
    sent = {"action": "export", "_selected_action": [order.pk]}
    listed = b"".join(client.post(url("order"), sent).streaming_content).decode()
    assert f"{order.number},Acme Logistics GmbH" in listed
    assert AuditNote.objects.get(action="export.taken").actor_id == finance.pk


def test_support_exports_no_amounts(agent, order, signed_in):
    client = signed_in(agent)
    client.post(url("order"), {"action": "export", "_selected_action": [order.pk]})
    assert not AuditNote.objects.filter(action="export.taken").exists()
    assert client.get(url("pricebook")).status_code == 403


def test_customers_are_sent_away(admin, products, signed_in):
    assert signed_in(admin).get(url("product")).status_code in (302, 403)
    assert Product.objects.count() == 6
