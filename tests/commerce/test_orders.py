"""Orders: what happens when one is paid, and when it is given up."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Entitlement, Entitlements, Feature, OutgoingMail
from commerce.billing import settling
from commerce.contracts import ledger
from commerce.contracts.contracts import overview
from commerce.models import (
    Contract,
    Deal,
    DeltaKind,
    Invoice,
    Order,
    PaymentAttempt,
    Product,
    ProductGrant,
    Quote,
    SubscriptionDelta,
)
from commerce.orders import cancelling, fulfilling
from tracking.actor import Actor
from tracking.models import Event


@pytest.fixture
def order(quote, admin, accept):
    return accept(quote, admin)


def fulfil(order, now, actor=None):
    return fulfilling.fulfil(order=order, now=now, actor=actor or Actor.system(order.account_id))


def test_a_paid_order_appends_to_the_ledger(order, contract, now):
    fulfil(order, now)

    entries = SubscriptionDelta.objects.filter(order=order).order_by("pk")
    assert [
        (entry.subscription.product.code, entry.kind, entry.quantity, entry.unit_price, entry.recurring_minor)
        for entry in entries
    ] == [
        ("team", "swap_out", -50, Decimal("11.4"), -57_000),
        ("business", "swap_in", 60, 19, 114_000),
        ("sso", "new", 1, Decimal("2.85"), 285),
    ]
    assert {entry.effective_date for entry in entries} == {date(2026, 11, 18)}
    contract.refresh_from_db()
    assert contract.version == 2


def test_what_is_owned_afterwards_is_what_was_bought(order, acme, now, today):
    fulfil(order, now)

    owned = overview(acme, today)
    assert {line.product.code: line.quantity for line in owned.lines} == {"business": 60, "sso": 1}
    assert owned.monthly_minor == 114_285
    # The day before nothing had changed.
    assert {line.product.code: line.quantity for line in overview(acme, date(2026, 11, 17)).lines} == {"team": 50}


def test_the_entitlement_is_there_at_once_and_ends_with_the_contract(order, acme, now, today):
    fulfil(order, now)

    allowed = Entitlements.of(acme, today=today)
    assert (allowed.limit("seats"), allowed.limit("api_calls")) == (60, 100_000)
    assert allowed.allows(Feature.SSO)
    assert Entitlements.of(acme, today=date(2027, 1, 31)).limit("seats") == 60
    assert Entitlements.of(acme, today=date(2027, 2, 1)).limit("seats") is None
    assert Entitlements.of(acme, today=date(2026, 11, 17)).limit("seats") == 50


def test_the_order_is_active_the_quote_ordered_and_the_deal_won(order, now, today):
    fulfil(order, now)

    order.refresh_from_db()
    assert (order.status, order.quote.status) == ("active", "ordered")
    assert [step.status for step in order.steps.order_by("pk")] == ["awaiting_payment", "paid", "active"]
    deal = Deal.objects.get()
    assert (deal.stage, deal.closed_at, deal.close_date, deal.amount_minor) == ("won", now, today, 687_420)


def test_the_buyer_hears_of_it_and_the_event_is_theirs(order, admin, now):
    fulfil(order, now)

    mail = OutgoingMail.objects.get(kind="order_confirmed")
    assert (mail.to, mail.subject) == (admin.email, f"Order {order.number} is active")
    assert f"/orders/{order.number}/" in mail.text
    assert "- Business: 60" in mail.text
    assert "Team" not in mail.text
    event = Event.objects.get(name="order_placed")
    assert (event.actor_kind, event.user_id, event.account_id) == ("customer", admin.pk, order.account_id)
    assert event.properties["annual_minor"] == 687_420


def test_fulfilling_twice_changes_nothing(order, acme, now):
    fulfil(order, now)
    before = (SubscriptionDelta.objects.count(), Entitlement.objects.count(), OutgoingMail.objects.count())
    fulfil(order, now)
    assert (SubscriptionDelta.objects.count(), Entitlement.objects.count(), OutgoingMail.objects.count()) == before
    assert Event.objects.filter(name="order_placed").count() == 1
    assert Contract.objects.get().version == 2


def test_it_works_with_the_rights_of_a_customers_request(order, admin, acme, now, today, as_customer):
    with as_customer(admin.membership):
        fulfil(order, now, admin.membership.actor())
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            assert cursor.fetchone() == ("portal_customer",)
    assert Entitlements.of(acme, today=today).limit("seats") == 60


def test_a_contract_that_moved_is_not_changed(order, now):
    Contract.objects.update(version=2)
    with pytest.raises(fulfilling.ContractMoved):
        fulfil(order, now)
    order.refresh_from_db()
    assert order.status == "awaiting_payment"
    assert not SubscriptionDelta.objects.filter(order=order).exists()


def test_money_that_comes_after_the_contracts_end_changes_nothing(order, now):
    with pytest.raises(fulfilling.ContractMoved):
        fulfil(order, datetime(2027, 2, 1, 9, 0, tzinfo=UTC))
    order.refresh_from_db()
    assert order.status == "awaiting_payment"


def test_buying_more_of_an_add_on_adds_to_its_line(order, admin, acme, now, today, accept):
    import uuid

    from commerce.configuring.situations import Configuration
    from commerce.quotes.quoting import create_quote

    fulfil(order, now)
    more = create_quote(
        account=acme, actor=admin.membership.actor(), user=admin, now=now, form_key=uuid.uuid4(),
        configuration=Configuration("business", 60, {"sso": 3}),
    )  # fmt: skip
    fulfil(accept(more, admin), now)
    assert {line.product.code: line.quantity for line in overview(acme, today).lines} == {"business": 60, "sso": 3}


def test_an_order_without_a_reference_of_its_own_has_the_company_s_usual_one(quote, admin, acme, accept):
    acme.billing_po_number = "PO-2026"
    acme.save(update_fields=["billing_po_number"])
    order = accept(type(quote).objects.get(pk=quote.pk), admin)
    assert (order.po_number, order.invoice.po_number, order.quote.po_number) == ("PO-2026", "PO-2026", "")


# Cancelling


def test_a_cancelled_order_voids_its_invoice_and_frees_the_contract(order, now):
    cancelling.cancel_order(order=order, now=now, note="Wrong number of seats")

    order.refresh_from_db()
    assert (order.status, order.quote.status) == ("cancelled", "superseded")
    assert order.steps.get(status="cancelled").note == "Wrong number of seats"
    assert Invoice.objects.get().status == "void"
    assert (Deal.objects.get().stage, Deal.objects.get().closed_at) == ("lost", now)
    assert not Order.objects.awaiting_payment().exists()


def test_cancelling_twice_changes_nothing(order, now):
    cancelling.cancel_order(order=order, now=now)
    cancelling.cancel_order(order=order, now=now)
    assert order.steps.count() == 2


def test_an_active_order_is_not_cancelled(order, now):
    fulfil(order, now)
    with pytest.raises(cancelling.OrderNotCancellable):
        cancelling.cancel_order(order=order, now=now)
    order.refresh_from_db()
    assert order.status == "active"


def test_an_order_being_paid_is_not_cancelled(order, now):
    invoice = Invoice.objects.get()
    PaymentAttempt.objects.create(
        account=order.account, invoice=invoice, number=1, amount_minor=invoice.total_minor, currency="EUR",
        request={}, idempotency_key="one", state="processing",
    )  # fmt: skip
    with pytest.raises(fulfilling.PaymentUnderway):
        cancelling.cancel_order(order=order, now=now)
    with pytest.raises(fulfilling.PaymentUnderway):
        settling.record_bank_transfer(order=order, actor=Actor.system(), now=now)
    order.refresh_from_db()
    assert (order.status, Invoice.objects.get().status) == ("awaiting_payment", "open")


def test_a_cancelled_order_is_never_fulfilled(order, now):
    cancelling.cancel_order(order=order, now=now)
    with pytest.raises(fulfilling.OrderCancelled):
        fulfil(order, now)


def test_a_bank_transfer_pays_and_fulfils(order, agent, now):
    settling.record_bank_transfer(order=order, actor=Actor.staff(agent.pk, order.account_id), now=now)
    order.refresh_from_db()
    assert (order.status, Invoice.objects.get().status) == ("active", "paid")
    assert Event.objects.get(name="order_placed").actor_kind == "staff"


# What the database refuses


@pytest.mark.parametrize(
    ("sql", "match"),
    [
        ("UPDATE commerce_order SET total_minor = 1", "is frozen"),
        ("UPDATE commerce_order SET status = 'active'", "cannot go from awaiting_payment to active"),
        ("UPDATE commerce_orderstep SET note = 'x'", "never changed"),
        ("DELETE FROM commerce_orderstep", "never changed"),
    ],
)
def test_the_database_refuses(order, sql, match):
    with pytest.raises(IntegrityError, match=match), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_the_cancelled_order_of_a_quote_is_what_lets_it_go(order, now):
    with pytest.raises(IntegrityError), transaction.atomic():
        Quote.objects.update(status="superseded")


def test_a_thousand_lines_cost_the_statements_of_a_few(contract, acme, now, today):
    """Ledger and entitlements are written as a whole."""

    def append(count, prefix):
        products = Product.objects.bulk_create(
            Product(code=f"{prefix}-{number}", name=f"Part {number}", kind="addon") for number in range(count)
        )
        ProductGrant.objects.bulk_create(
            ProductGrant(product=product, code="api_calls", quantity=10, is_per_unit=True) for product in products
        )
        entries = [ledger.Entry(product, DeltaKind.NEW, Decimal(2), Decimal(5), 1_000) for product in products]
        with CaptureQueriesContext(connection) as asked:
            ledger.append(
                contract=contract, entries=entries, effective_date=today, billing_date=today,
                actor=Actor.system(acme.pk),
            )  # fmt: skip
        return len(asked)

    before = Entitlements.of(acme, today=today).limit("api_calls")
    few = append(2, "few")
    assert append(60, "many") <= few < 20
    assert Entitlements.of(acme, today=today).limit("api_calls") == before + 62 * 20
