"""Giving an order up before it is active: what was paid is credited, what it changed is taken back."""

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from accounts.models import Entitlements, OutgoingMail
from commerce.billing import crediting, settling
from commerce.billing.balances import balance_of
from commerce.configuring.situations import Configuration
from commerce.contracts.contracts import ledger_of, overview, overview_of
from commerce.contracts.ledger import movements
from commerce.models import Deal, Invoice, LicenceKey, Order, ProvisioningStep, SubscriptionDelta
from commerce.orders import cancelling, provisioning, taking_back
from commerce.quotes.quoting import create_quote
from tests.commerce.test_provisioning import finish, step_of, system, templates  # noqa: F401
from tests.factories import make_staff
from tests.racing import race
from tracking.actor import Actor


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


@pytest.fixture
def order(templates, quote, admin, accept, now):  # noqa: F811
    placed = accept(quote, admin)
    return settling.record_bank_transfer(order=placed, actor=Actor.system(placed.account_id), now=now)


def give_up(order, actor, now):
    return taking_back.give_up(order=order, reason="We chose the wrong plan.", actor=actor, now=now)


def test_what_was_paid_is_credit_and_what_was_bought_is_gone(order, acme, admin, contract, now, today):
    after = give_up(order, admin.membership.actor(), now)

    assert (after.status, after.quote.status) == ("cancelled", "ordered")
    assert balance_of(acme, "EUR") == order.total_minor
    note = Invoice.objects.credit_notes().get()
    assert (note.total_minor, note.corrects.order) == (-order.total_minor, order)
    assert {line.product.code: line.quantity for line in overview(acme, today).lines} == {"team": 50}
    assert overview(acme, today).monthly_minor == 57_000
    assert Entitlements.of(acme, today=today).limit("seats") == 50
    contract.refresh_from_db()
    assert contract.version == 3
    assert set(order.provisioning.values_list("state", flat=True)) == {"cancelled"}
    assert Deal.objects.get().stage == "lost"
    assert order.steps.get(status="cancelled").note == "We chose the wrong plan."
    assert OutgoingMail.objects.get(kind="order_cancelled").to == admin.email


def test_the_day_before_it_is_taken_back_it_was_owned(order, acme, admin, now, today):
    give_up(order, admin.membership.actor(), now + timedelta(days=2))
    owned = {line.product.code: line.quantity for line in overview(acme, today).lines}
    assert owned == {"business": 60, "sso": 1}


def test_the_movements_of_revenue_add_up(order, contract, admin, now, today):
    give_up(order, admin.membership.actor(), now)
    moved = movements(ledger_of(contract), from_date=today, until_date=today + timedelta(days=30))
    assert moved.start_minor == moved.end_minor == 57_000
    labels = [amendment.label for amendment in overview_of(contract, today).amendments]
    assert labels[-1] == "Order taken back"


def test_cancelling_twice_changes_nothing(order, admin, now):
    give_up(order, admin.membership.actor(), now)
    before = SubscriptionDelta.objects.count()
    assert give_up(order, admin.membership.actor(), now).status == "cancelled"
    assert SubscriptionDelta.objects.count() == before
    assert Invoice.objects.credit_notes().count() == 1


def test_what_is_begun_is_taken_back_by_our_people_alone(order, acme, admin, agent, now):
    finish(order, "Connect your directory", now)
    finish(order, "Issue the licence key", now)
    with pytest.raises(taking_back.SetupBegun):
        give_up(order, admin.membership.actor(), now)
    order.refresh_from_db()
    assert order.status == "paid"
    assert balance_of(acme, "EUR") == 0

    give_up(order, Actor.staff(agent.pk, acme.pk), now)
    assert LicenceKey.objects.get().revoked_at == now
    assert step_of(order, "Connect your directory").state == "done"
    assert step_of(order, "Move your workspace").state == "cancelled"


def test_an_active_order_is_not_taken_back(order, agent, now):
    for step in ProvisioningStep.objects.in_order():
        provisioning.finish_step(step=step, actor=Actor.system(order.account_id), now=now)
    with pytest.raises(cancelling.OrderNotCancellable, match="active already"):
        give_up(order, Actor.staff(agent.pk, order.account_id), now)
    assert not Invoice.objects.credit_notes().exists()


def test_a_contract_that_changed_since_keeps_what_it_has(order, acme, admin, accept, now):
    more = create_quote(
        account=acme, actor=admin.membership.actor(), user=admin, now=now, form_key=uuid.uuid4(),
        configuration=Configuration("business", 70),
    )  # fmt: skip
    second = accept(more, admin)
    with pytest.raises(taking_back.ContractChangedSince):  # What waits for its payment builds on it.
        give_up(order, admin.membership.actor(), now)
    settling.record_bank_transfer(order=second, actor=Actor.system(acme.pk), now=now)
    with pytest.raises(taking_back.ContractChangedSince):
        give_up(order, admin.membership.actor(), now)
    order.refresh_from_db()
    assert order.status == "paid"
    assert not Invoice.objects.credit_notes().exists()


def test_what_finance_credited_is_not_credited_twice(order, acme, admin, agent, now):
    crediting.credit_invoice(
        invoice=order.invoice, reason="Goodwill", actor=Actor.staff(agent.pk, acme.pk), now=now, amounts={2: 1000}
    )
    give_up(order, admin.membership.actor(), now)
    assert balance_of(acme, "EUR") == order.total_minor


def test_it_works_with_the_rights_of_a_customers_request(order, acme, admin, now, as_customer):
    with as_customer(admin.membership):
        give_up(order, admin.membership.actor(), now)
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE commerce_order SET status = 'paid'")
    assert balance_of(acme, "EUR") == order.total_minor


@pytest.mark.django_db(transaction=True)
def test_cancelling_and_setting_up_at_once_end_in_one_of_both(order, admin, acme, now):
    step = step_of(order, "Move your workspace")
    actor = Actor.system(order.account_id)
    ended = race(
        lambda: give_up(order, admin.membership.actor(), now).status,
        lambda: provisioning.begin_step(step=step, actor=actor, now=now).state,
    )
    order.refresh_from_db()
    step.refresh_from_db()
    if ended[0] == "cancelled":
        assert isinstance(ended[1], provisioning.StepMoved)
        assert (order.status, step.state, balance_of(acme, "EUR")) == ("cancelled", "cancelled", order.total_minor)
    else:
        assert isinstance(ended[0], taking_back.SetupBegun)
        assert (order.status, step.state, balance_of(acme, "EUR")) == ("paid", "running", 0)


@pytest.mark.django_db(transaction=True)
def test_a_double_click_credits_once(order, admin, acme, now):
    def click():
        return give_up(order, admin.membership.actor(), now).status

    assert race(click, click) == ["cancelled", "cancelled"]
    assert Invoice.objects.credit_notes().count() == 1
    assert balance_of(acme, "EUR") == order.total_minor


# The page and the admin


def test_the_buyer_cancels_on_the_order_s_page(order, admin, acme, signed_in):
    client = signed_in(admin)
    page = client.get(reverse("commerce:order", args=[order.number])).content.decode()
    assert "becomes your credit" in page
    told = client.post(reverse("commerce:cancel-order", args=[order.number]), follow=True).content.decode()
    assert "What was paid is your credit" in told
    order.refresh_from_db()
    assert order.status == "cancelled"
    assert balance_of(acme, "EUR") == order.total_minor


@pytest.mark.parametrize(("person", "status"), [("viewer", 403), ("other_admin", 404)])
def test_nobody_else_cancels(order, person, status, signed_in, request):
    client = signed_in(request.getfixturevalue(person))
    assert client.post(reverse("commerce:cancel-order", args=[order.number])).status_code == status
    assert Order.objects.get().status == "paid"
    assert not Invoice.objects.credit_notes().exists()


def test_our_people_cancel_with_a_reason(order, signed_in):
    client = signed_in(make_staff("finance@vendor.example", "Fay Lund", group="Finance"))
    url = reverse("admin:commerce_order_cancel", args=[order.pk])
    assert client.post(url, {"reason": ""}).status_code == 422
    assert Order.objects.get().status == "paid"
    assert client.post(url, {"reason": "Ordered twice by mistake."}).status_code == 302
    assert Order.objects.get().status == "cancelled"
    assert "Ordered twice by mistake." in OutgoingMail.objects.get(kind="order_cancelled").text


def test_who_may_not_change_orders_cancels_none(order, agent, signed_in):
    url = reverse("admin:commerce_order_cancel", args=[order.pk])
    assert signed_in(agent).post(url, {"reason": "No."}).status_code == 403
    assert Order.objects.get().status == "paid"
