"""What else can go wrong while money moves. docs/payments.md says which fault is proven where."""

import json
import logging
import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from celery import current_app
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commerce import stripe_gateway as gateway
from commerce import tasks, webhooks
from commerce.billing import payments, reconciliation, returning
from commerce.models import InvoiceStatus, OrderStatus, PaymentAttempt, PaymentState, WebhookEvent, WebhookState
from sandbox.dying import forget_connections
from sandbox.processes import LOOPBACK, free_port
from sandbox.proxy import Fault, Order, Saved, _parameters
from tests.commerce.conftest import WEBHOOK_SECRET
from tests.commerce.stripe_side import ASKS_THE_BANK, DECLINED_LATER, charges, deliver, event_of, signed
from tests.factories import make_invoice, make_member, make_staff
from tests.racing import race

pytestmark = pytest.mark.django_db

INTENTS = "/v1/payment_intents"
JSON = {"Accept": "application/json"}
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def at_the_day_of_the_tests(now):
    with time_machine.travel(now):
        yield


@pytest.fixture
def finance(db):
    return make_staff("finance@vendor.example", "Fay Nance", group="Finance")


@pytest.fixture
def asked(pay):
    """A payment that the bank asks about."""
    return pay(ASKS_THE_BANK)


def resume(attempt, at):
    payments.resume(attempt_id=attempt.pk, now=at)
    attempt.refresh_from_db()
    return attempt.state


def process_all(now):
    for event_id in reconciliation.due_events(now=now):
        webhooks.process(event_id=event_id, now=now)


def soon():
    return timezone.now() + timedelta(seconds=1)


def is_paid(invoice):
    invoice.refresh_from_db()
    invoice.order.refresh_from_db()
    return (invoice.status, invoice.order.status) == (InvoiceStatus.PAID, OrderStatus.ACTIVE)


def test_the_list_of_faults_names_tests_that_there_are():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs/payments.md").read_text())
    assert len(named) > 40
    missing = [(file, name) for file, name in named if f"def {name}(" not in (ROOT / file).read_text()]
    assert missing == []


# Between us and Stripe


def test_a_burst_of_refusals_to_be_asked_so_often_ends_with_one_charge(pay, invoice, stripe, localstripe, now):
    stripe.order(Order(Fault.RATE_LIMIT, path=INTENTS, times=4))
    attempt = pay()
    states = [resume(attempt, now + timedelta(minutes=minutes)) for minutes in (1, 3, 8, 20)]
    assert states == [PaymentState.UNKNOWN] * 3 + [PaymentState.SUCCEEDED]
    assert len(charges(localstripe)) == 1
    assert is_paid(invoice)


@pytest.fixture
def known_under_the_key(stripe):
    """Let Stripe know something under the key of each payment before it comes: `known_under_the_key(lambda …)`."""
    answer = stripe.answer

    def put(parameters):
        def first(call, *, headers, body):
            if (call.method, call.path) == ("POST", INTENTS):
                stripe._saved[headers["Authorization"], call.idempotency_key] = Saved(parameters(call, body))
            return answer(call, headers=headers, body=body)

        stripe.answer = first  # Of this proxy alone; `del stripe.answer` ends it.

    return put


def test_a_request_that_is_still_under_way_is_not_sent_beside_itself(
    pay, known_under_the_key, invoice, stripe, localstripe, now
):
    known_under_the_key(_parameters)  # The same request, without an answer yet: 409.
    attempt = pay()
    assert (attempt.state, charges(localstripe)) == (PaymentState.UNKNOWN, [])
    del stripe.answer
    stripe.forget()  # It came to nothing.
    assert resume(attempt, now + timedelta(minutes=1)) == PaymentState.SUCCEEDED
    assert len(charges(localstripe)) == 1
    assert is_paid(invoice)


def test_a_key_that_was_used_for_something_else_takes_nothing_and_waits_for_a_person(
    pay, known_under_the_key, invoice, localstripe
):
    known_under_the_key(lambda call, body: "other parameters")
    attempt = pay()
    assert (attempt.state, attempt.error_code) == (PaymentState.REVIEW, "key_reused")
    assert charges(localstripe) == []
    assert not is_paid(invoice)


def test_a_portal_without_stripe_says_so_and_charges_nobody(settings, stripe, signed_in, admin, invoice, now):
    settings.STRIPE_API_BASE = f"http://{LOOPBACK}:{free_port()}"
    client, page = signed_in(admin), reverse("commerce:pay", args=[invoice.number])
    assert client.get(page).status_code == 200
    assert "Nothing was charged" in client.post(page, headers=JSON).json()["error"]
    with pytest.raises(gateway.OutcomeUnknown):
        tasks.reconcile_payments()
    tasks.resume_payments()
    assert not PaymentAttempt.objects.exists()
    assert not is_paid(invoice)


# Deliveries


@pytest.mark.parametrize("order", [("failed", "succeeded"), ("succeeded", "failed")])
def test_a_failure_and_a_success_end_as_a_success_in_either_order(client, asked, stripe_js, invoice, now, order):
    stripe_js.answer_bank(payments.bank_question(attempt=asked, now=now))
    kinds = {"failed": "payment_intent.payment_failed", "succeeded": "payment_intent.succeeded"}
    for number, kind in enumerate(order):
        deliver(client, event_of(asked.stripe_intent_id, asked.pk, kind=kinds[kind], event_id=f"evt_{number}"))
        process_all(soon())
    assert is_paid(invoice)
    assert set(WebhookEvent.objects.values_list("state", flat=True)) == {WebhookState.PROCESSED}


def test_a_delivery_that_comes_too_late_is_refused_and_fetched_instead(client, asked, stripe_js, invoice, now):
    stripe_js.answer_bank(payments.bank_question(attempt=asked, now=now))
    late = event_of(asked.stripe_intent_id, asked.pk)
    assert deliver(client, late, at=time.time() - 301).status_code == 400
    assert not WebhookEvent.objects.exists()
    reconciliation.fetch_events(now=now)
    process_all(soon())
    assert is_paid(invoice)


def test_secrets_are_rotated_without_a_gap(client, stripe, settings):
    assert deliver(client, event_of("pi_1", "", event_id="evt_old"), secret="whsec_older").status_code == 200
    assert deliver(client, event_of("pi_1", "", event_id="evt_new"), secret=WEBHOOK_SECRET).status_code == 200
    settings.STRIPE_WEBHOOK_SECRETS = [WEBHOOK_SECRET]
    assert deliver(client, event_of("pi_1", "", event_id="evt_gone"), secret="whsec_older").status_code == 400
    assert set(WebhookEvent.objects.values_list("event_id", flat=True)) == {"evt_old", "evt_new"}


def test_a_body_that_was_parsed_and_written_again_on_the_way_is_refused(client, stripe):
    body, signature = signed(event_of("pi_1", ""), secret=WEBHOOK_SECRET)
    rewritten = json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert json.loads(rewritten) == json.loads(body)
    answer = client.post(
        "/webhooks/stripe/", rewritten, content_type="application/json", headers={"Stripe-Signature": signature}
    )
    assert answer.status_code == 400
    assert not WebhookEvent.objects.exists()


def test_an_event_of_another_version_of_the_api_counts_and_is_noticed(client, asked, stripe_js, invoice, now, caplog):
    stripe_js.answer_bank(payments.bank_question(attempt=asked, now=now))
    event = event_of(asked.stripe_intent_id, asked.pk) | {"api_version": "2031-01-01.unheard"}
    with caplog.at_level(logging.WARNING, logger="commerce.webhooks"):
        assert deliver(client, event).status_code == 200
    assert "2031-01-01.unheard" in caplog.text
    process_all(soon())
    assert is_paid(invoice)
    assert WebhookEvent.objects.get().api_version == "2031-01-01.unheard"


def test_an_event_of_another_environment_is_none_of_ours(client, stripe):
    elsewhere = "00000000-0000-4000-8000-000000000000"
    deliver(client, event_of("pi_1", elsewhere, portal="staging"))
    process_all(soon())
    assert WebhookEvent.objects.get().state == WebhookState.IGNORED


def test_an_event_that_names_a_payment_that_stripe_does_not_know_is_shown_to_a_person(client, pay, stripe, invoice):
    stripe.order(Order(Fault.RESET, path=INTENTS))
    attempt = pay()
    deliver(client, event_of("pi_nothing", attempt.pk))
    process_all(soon())
    attempt.refresh_from_db()
    assert attempt.state == PaymentState.UNKNOWN
    assert WebhookEvent.objects.get().state == WebhookState.PARKED
    assert not is_paid(invoice)


@pytest.mark.django_db(transaction=True)
def test_a_delivery_with_the_broker_away_is_stored_and_swept(client, asked, stripe_js, invoice, now):
    stripe_js.answer_bank(payments.bank_question(attempt=asked, now=now))
    kept = current_app.conf.broker_url
    forget_connections()
    current_app.conf.broker_url = f"redis://{LOOPBACK}:{free_port()}/0"
    try:
        assert deliver(client, event_of(asked.stripe_intent_id, asked.pk)).status_code == 200
    finally:
        forget_connections()
        current_app.conf.broker_url = kept
    assert WebhookEvent.objects.get().state == WebhookState.RECEIVED
    process_all(soon())
    assert is_paid(invoice)


@pytest.mark.django_db(transaction=True)
def test_a_delivery_that_can_t_be_stored_is_answered_with_an_error_so_that_it_comes_again(stripe):
    client = Client(raise_request_exception=False)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE commerce_webhookevent ADD CONSTRAINT no_room CHECK (false) NOT VALID")
    try:
        assert deliver(client, event_of("pi_1", "")).status_code == 500
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE commerce_webhookevent DROP CONSTRAINT no_room")
    assert not WebhookEvent.objects.exists()
    assert deliver(client, event_of("pi_1", "")).status_code == 200
    assert WebhookEvent.objects.count() == 1


# People


def test_the_bank_s_question_answered_in_another_tab_pays_once(
    asked, stripe_js, signed_in, admin, invoice, localstripe
):
    page = reverse("commerce:finish-payment", args=[asked.pk])
    first, second = signed_in(admin), signed_in(admin)
    secret = second.post(page, {"ask": "1"}, headers=JSON).json()["client_secret"]
    stripe_js.answer_bank(secret)
    ends = {tab.post(page, headers=JSON).json()["next"] for tab in (second, first)}
    assert ends == {reverse("commerce:payment", args=[asked.pk])}
    # The first tab asks once more, as it does not know: there is nothing left to ask.
    assert first.post(page, {"ask": "1"}, headers=JSON).json() == {"next": ends.pop()}
    assert is_paid(invoice)
    assert len(charges(localstripe)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_colleagues_who_pay_one_invoice_at_once_pay_it_once(
    stripe, stripe_js, signed_in, admin, acme, invoice, localstripe
):
    colleague = make_member(acme, "buyer@acme.example", "Bea Buyer", roles=["buyer"])
    page = reverse("commerce:pay", args=[invoice.number])

    def ready(user):
        client = signed_in(user)
        secret = client.post(page, headers=JSON).json()["client_secret"]
        stripe_js.set_up(secret)
        sent = {"setup": secret.split("_secret_")[0]}
        return lambda: client.post(f"{page}start/", sent, headers=JSON).json()["next"]

    ends = race(ready(admin), ready(colleague))
    attempt = PaymentAttempt.objects.get()
    assert set(ends) <= {
        reverse("commerce:payment", args=[attempt.pk]), reverse("commerce:invoice", args=[invoice.number])
    }  # fmt: skip
    assert len(charges(localstripe)) == 1
    assert is_paid(invoice)


# Amounts


@pytest.mark.parametrize(
    ("currency", "due_minor", "at_stripe"),
    [("JPY", 12_000, 12_000), ("UGX", 50_000, 5_000_000), ("KWD", 12_340, 12_340)],
)
def test_a_bill_in_any_currency_is_charged_to_the_unit(
    stripe, stripe_js, acme, admin, localstripe, now, currency, due_minor, at_stripe
):
    bill = make_invoice(acme, now=now, currency=currency, subtotal_minor=due_minor, total_minor=due_minor)
    setup = payments.prepare_card(account=acme, now=now)
    stripe_js.set_up(setup.client_secret)
    attempt = payments.start_payment(invoice=bill, setup_id=setup.id, actor=admin.membership.actor(), now=now)
    assert (attempt.state, attempt.amount_minor) == (PaymentState.SUCCEEDED, due_minor)
    [charge] = charges(localstripe)
    assert (charge.amount, charge.currency) == (at_stripe, currency.lower())
    bill.refresh_from_db()
    assert bill.status == InvoiceStatus.PAID


@pytest.mark.parametrize(
    ("currency", "due_minor"), [("EUR", 49), ("JPY", 49), ("HUF", 17_499), ("KWD", 12_345), ("IRR", 90_000)]
)
def test_what_cards_can_t_be_charged_is_said_before_a_card_is_asked_for(
    stripe, signed_in, acme, admin, now, currency, due_minor
):
    bill = make_invoice(acme, now=now, currency=currency, subtotal_minor=due_minor, total_minor=due_minor)
    client, page = signed_in(admin), reverse("commerce:pay", args=[bill.number])
    response = client.get(page, follow=True)
    assert response.redirect_chain[0][0] == reverse("commerce:invoice", args=[bill.number])
    assert "pay by bank transfer" in response.content.decode()
    assert client.post(page, headers=JSON).json() == {"next": reverse("commerce:invoice", args=[bill.number])}
    assert stripe.calls == []
    assert not PaymentAttempt.objects.exists()


def test_the_least_that_a_card_is_charged_is_charged(stripe, stripe_js, acme, admin, now):
    bill = make_invoice(acme, now=now, subtotal_minor=50, total_minor=50)
    setup = payments.prepare_card(account=acme, now=now)
    stripe_js.set_up(setup.client_secret)
    attempt = payments.start_payment(invoice=bill, setup_id=setup.id, actor=admin.membership.actor(), now=now)
    assert attempt.state == PaymentState.SUCCEEDED


# Money that nothing stands against


@pytest.fixture
def held(asked, invoice, stripe_js, now):
    """The bank said yes to a bill that was withdrawn meanwhile."""
    type(invoice).objects.filter(pk=invoice.pk).update(status=InvoiceStatus.VOID)
    stripe_js.answer_bank(payments.bank_question(attempt=asked, now=now))
    return payments.settle(attempt_id=asked.pk, now=now)


def refunded(attempt):
    made = gateway.client().v1.refunds.list({"payment_intent": attempt.stripe_intent_id}).data
    return [refund.amount for refund in made]


def test_money_for_a_withdrawn_bill_is_not_released_but_sent_back_once(held, now):
    assert held.holds_money
    assert payments.release(attempt=held, now=now).state == PaymentState.REVIEW
    for _ in range(2):
        assert returning.return_money(attempt_id=held.pk, now=now).state == PaymentState.CANCELLED
    assert refunded(held) == [held.amount_minor]


def test_a_return_whose_answer_was_lost_is_asked_for_again_and_sends_back_once(held, stripe, now):
    stripe.order(Order(Fault.DROP_RESPONSE, path="/v1/refunds"))
    with pytest.raises(gateway.OutcomeUnknown):
        returning.return_money(attempt_id=held.pk, now=now)
    held.refresh_from_db()
    assert held.state == PaymentState.REVIEW
    assert returning.return_money(attempt_id=held.pk, now=now).state == PaymentState.CANCELLED
    assert refunded(held) == [held.amount_minor]


def test_a_payment_that_holds_no_money_sends_none_back(pay, stripe, now):
    declined, paid = pay(DECLINED_LATER), pay()
    for attempt in (declined, paid):
        assert returning.return_money(attempt_id=attempt.pk, now=now).state == attempt.state
    assert refunded(paid) == []


def test_finance_sends_money_back_in_the_admin_and_nobody_else(
    signed_in, finance, agent, held, django_capture_on_commit_callbacks
):
    url = reverse("admin:commerce_paymentattempt_changelist")
    sent = {"action": "send_back", "_selected_action": [held.pk]}
    with django_capture_on_commit_callbacks() as callbacks:
        signed_in(agent).post(url, sent)
    assert callbacks == []
    with django_capture_on_commit_callbacks() as callbacks:
        assert "1 payments are being sent back" in signed_in(finance).post(url, sent, follow=True).content.decode()
    assert len(callbacks) == 1
    tasks.return_money(attempt_id=str(held.pk))
    held.refresh_from_db()
    assert held.state == PaymentState.CANCELLED
