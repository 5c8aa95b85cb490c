"""Stripe's deliveries: stored once, answered at once, processed later, in any order."""

import threading
import time
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import OutgoingMail
from commerce import stripe_gateway as gateway
from commerce import webhooks
from commerce.billing import payments, reconciliation
from commerce.models import (
    EventCursor,
    InvoiceStatus,
    PaymentAttempt,
    PaymentState,
    StripeCustomer,
    WebhookEvent,
    WebhookState,
)
from sandbox.proxy import Fault, Order
from tests.commerce.conftest import WEBHOOK_SECRET
from tests.commerce.stripe_side import ASKS_THE_BANK, DECLINED_LATER, charges, deliver, event_of, signed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_the_day_of_the_tests(now):
    """Webhooks are handled when they come: the clock says what the rest of the tests passes in."""
    with time_machine.travel(now):
        yield


def process_all(now):
    """What the workers do with all that is due."""
    for event_id in WebhookEvent.objects.due(now).order_by("pk").values_list("event_id", flat=True):
        webhooks.process(event_id=event_id, now=now)


def soon():
    return timezone.now() + timedelta(seconds=1)


@pytest.fixture
def authenticated(pay, stripe_js, now):
    """The bank's question has been answered with yes, and nothing has told the portal yet."""
    attempt = pay(ASKS_THE_BANK)
    stripe_js.answer_bank(payments.bank_question(attempt=attempt, now=now))
    return attempt


def test_an_event_is_stored_without_secrets_and_answered(client, stripe):
    assert deliver(client, event_of("pi_1", "a")).status_code == 200
    event = WebhookEvent.objects.get()
    assert (event.event_id, event.type, event.object_id) == ("evt_1", "payment_intent.succeeded", "pi_1")
    assert event.state == WebhookState.RECEIVED
    assert "never-kept" not in str(event.payload)


def test_a_duplicate_is_answered_and_not_stored_again(client, stripe, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        assert [deliver(client, event_of("pi_1", "a")).status_code for _ in range(3)] == [200, 200, 200]
    assert WebhookEvent.objects.count() == 1
    assert len(callbacks) == 3  # A worker is woken each time: the earlier wake-up may have been lost.


def test_a_secret_being_rotated_still_counts(client, stripe):
    assert deliver(client, event_of("pi_1", "a"), secret="whsec_older").status_code == 200


@pytest.mark.parametrize(("secret", "age"), [("whsec_of_somebody", 0), (WEBHOOK_SECRET, 3600)])
def test_what_stripe_did_not_sign_just_now_is_refused_and_not_stored(client, stripe, secret, age):
    assert deliver(client, event_of("pi_1", "a"), secret=secret, at=time.time() - age).status_code == 400
    assert not WebhookEvent.objects.exists()


def test_a_body_changed_on_the_way_is_refused(client, stripe):
    body, signature = signed(event_of("pi_1", "a"), secret=WEBHOOK_SECRET)
    no_ascii = "t=1,v1=\u00e9"
    for sent, header in (
        (body + b" ", signature), (body, ""), (b"", signature), (b"not json", signature), (body, no_ascii),
    ):  # fmt: skip
        answer = client.post(
            "/webhooks/stripe/", sent, content_type="application/json", headers={"Stripe-Signature": header}
        )
        assert answer.status_code == 400
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize(("intent_id", "state"), [("pi_ours", "parked"), ("pi_other", "ignored"), (None, "ignored")])
def test_a_payment_that_a_bank_takes_back_waits_for_a_person(
    client, stripe, invoice, make_attempt, now, intent_id, state
):
    make_attempt(invoice, state="succeeded", stripe_intent_id="pi_ours", settled_at=now)
    event = event_of("dp_1", "", kind="charge.dispute.created")
    event["data"]["object"] = {
        "id": "dp_1", "object": "dispute", "payment_intent": intent_id, "reason": "fraudulent",
        "status": "needs_response", "metadata": {},
    }  # fmt: skip
    assert deliver(client, event).status_code == 200
    process_all(soon())
    stored = WebhookEvent.objects.get()
    assert stored.state == state
    words = f"the payment of invoice {invoice.number} is disputed: fraudulent, needs_response"
    assert stored.last_error == (words if state == "parked" else "")
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.OPEN


def test_something_signed_that_is_no_event_is_refused(client, stripe):
    assert deliver(client, {"hello": "there"}).status_code == 400
    assert not WebhookEvent.objects.exists()


def test_a_body_too_large_is_refused_unread(client, stripe):
    assert deliver(client, event_of("pi_1", "a", padding="x" * 300_000)).status_code == 413
    assert not WebhookEvent.objects.exists()


def test_an_event_of_the_other_mode_is_refused(client, stripe):
    assert deliver(client, event_of("pi_1", "a", live=True)).status_code == 400
    assert not WebhookEvent.objects.exists()


def test_only_deliveries_are_taken(client, stripe):
    assert client.get("/webhooks/stripe/").status_code == 405


def test_an_unknown_type_is_stored_and_ignored(client, stripe, now):
    assert deliver(client, event_of("cus_1", "a", kind="customer.created")).status_code == 200
    process_all(soon())
    assert WebhookEvent.objects.get().state == WebhookState.IGNORED


def test_a_payment_of_another_shop_on_the_same_stripe_account_is_ignored(client, stripe):
    deliver(client, event_of("pi_1", ""))
    process_all(soon())
    assert WebhookEvent.objects.get().state == WebhookState.IGNORED


def test_the_webhook_comes_before_the_return_page(client, authenticated, invoice, localstripe, now):
    deliver(client, event_of(authenticated.stripe_intent_id, authenticated.pk))
    process_all(soon())
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID
    paid_at = invoice.paid_at
    assert payments.settle(attempt_id=authenticated.pk, now=now).state == PaymentState.SUCCEEDED
    invoice.refresh_from_db()
    assert invoice.paid_at == paid_at
    assert len(charges(localstripe)) == 1


def test_the_webhook_comes_before_our_own_answer(client, pay, stripe, invoice, localstripe):
    stripe.order(Order(Fault.DROP_RESPONSE, path="/v1/payment_intents"))
    attempt = pay()
    assert (attempt.state, attempt.stripe_intent_id) == (PaymentState.UNKNOWN, "")
    [charge] = charges(localstripe)
    deliver(client, event_of(charge.id, attempt.pk))
    process_all(soon())
    attempt.refresh_from_db()
    assert (attempt.state, attempt.stripe_intent_id) == (PaymentState.SUCCEEDED, charge.id)


def test_events_in_the_wrong_order_end_in_the_same_place(client, authenticated, invoice):
    failed = event_of(
        authenticated.stripe_intent_id, authenticated.pk, kind="payment_intent.payment_failed", event_id="evt_2"
    )
    for event in (event_of(authenticated.stripe_intent_id, authenticated.pk), failed):
        deliver(client, event)
    process_all(soon())
    authenticated.refresh_from_db()
    assert authenticated.state == PaymentState.SUCCEEDED
    assert set(WebhookEvent.objects.values_list("state", flat=True)) == {WebhookState.PROCESSED}


def test_an_event_that_lies_changes_nothing(client, pay, invoice):
    attempt = pay(ASKS_THE_BANK)
    deliver(client, event_of(attempt.stripe_intent_id, attempt.pk))
    process_all(soon())
    attempt.refresh_from_db()
    invoice.refresh_from_db()
    assert attempt.state == PaymentState.REQUIRES_ACTION
    assert invoice.status == InvoiceStatus.OPEN
    event = WebhookEvent.objects.get()
    assert event.state == WebhookState.PARKED
    assert "requires_action" in event.last_error


def test_an_event_for_an_unknown_attempt_is_tried_again_and_parked_in_the_end(client, stripe, admin):
    deliver(client, event_of("pi_1", "00000000-0000-4000-8000-000000000000"))
    moment = soon()
    for _ in range(webhooks.ATTEMPTS):
        assert WebhookEvent.objects.get().state in (WebhookState.RECEIVED, WebhookState.FAILED)
        process_all(moment)
        moment += timedelta(hours=1)
    event = WebhookEvent.objects.get()
    assert (event.state, event.attempts) == (WebhookState.PARKED, webhooks.ATTEMPTS)
    assert "no payment attempt" in event.last_error


def test_a_stripe_that_cannot_be_asked_is_asked_again(client, authenticated, stripe, invoice):
    stripe.order(Order(Fault.BAD_GATEWAY, method="GET", path="/v1/payment_intents"))
    deliver(client, event_of(authenticated.stripe_intent_id, authenticated.pk))
    process_all(soon())
    assert WebhookEvent.objects.get().state == WebhookState.FAILED
    process_all(soon() + timedelta(hours=1))
    assert WebhookEvent.objects.get().state == WebhookState.PROCESSED
    authenticated.refresh_from_db()
    assert authenticated.state == PaymentState.SUCCEEDED


def test_money_for_an_attempt_closed_without_it_is_shown_to_a_person(client, pay, frozen_request, now):
    attempt = pay(DECLINED_LATER)
    late = gateway.create_payment(frozen_request(attempt), key="by-hand")
    deliver(client, event_of(late.id, attempt.pk))
    process_all(soon())
    attempt.refresh_from_db()
    assert attempt.state == PaymentState.FAILED
    event = WebhookEvent.objects.get()
    assert event.state == WebhookState.PARKED
    assert late.id in event.last_error


def test_a_worker_that_dies_with_an_event_leaves_it_to_another(client, stripe):
    deliver(client, event_of("pi_1", ""))
    moment = soon()
    WebhookEvent.objects.update(attempts=1, next_at=moment + webhooks.LEASE)
    process_all(moment)
    assert WebhookEvent.objects.get().state == WebhookState.RECEIVED
    process_all(moment + webhooks.LEASE)
    assert WebhookEvent.objects.get().state == WebhookState.IGNORED


def test_an_event_that_kills_each_worker_is_parked(client, stripe):
    deliver(client, event_of("pi_1", ""))
    WebhookEvent.objects.update(attempts=webhooks.ATTEMPTS)
    process_all(soon())
    assert WebhookEvent.objects.get().state == WebhookState.PARKED


def test_a_parked_event_can_be_replayed(client, stripe):
    deliver(client, event_of("pi_1", ""))
    WebhookEvent.objects.update(state=WebhookState.PARKED, attempts=9)
    webhooks.replay(event=WebhookEvent.objects.get(), now=timezone.now())
    process_all(soon())
    assert WebhookEvent.objects.get().state == WebhookState.IGNORED


# Reconciliation


def test_a_delivery_that_never_came_is_fetched(authenticated, invoice, now):
    reconciliation.fetch_events(now=now)
    assert {event.type for event in WebhookEvent.objects.all()} == {"payment_intent.succeeded"}
    process_all(now)
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID


def test_events_are_fetched_from_an_hour_before_the_last_time(authenticated, now, stripe):
    reconciliation.fetch_events(now=now)
    stored = WebhookEvent.objects.count()
    reconciliation.fetch_events(now=now)
    assert WebhookEvent.objects.count() == stored
    since = int((now - timedelta(hours=1)).timestamp())
    asked = [call.path for call in stripe.calls if call.path.startswith("/v1/events")]
    assert len(asked) == 2 * len(webhooks.EVENT_TYPES)
    assert all(str(since) in path for path in asked[len(webhooks.EVENT_TYPES) :])


def test_a_list_that_broke_off_is_read_again_from_the_same_place(stripe, now):
    stripe.order(Order(Fault.BAD_GATEWAY, method="GET", path="/v1/events"))
    with pytest.raises(gateway.OutcomeUnknown):
        reconciliation.fetch_events(now=now)
    assert not EventCursor.objects.exists()
    reconciliation.fetch_events(now=now)
    assert EventCursor.objects.count() == len(webhooks.EVENT_TYPES)


def test_a_successful_payment_that_we_never_made_is_shown_to_a_person(pay, frozen_request, now):
    attempt = pay()
    stray = frozen_request(attempt) | {"metadata": {"attempt_id": "00000000-0000-4000-8000-000000000000"}}
    intent = gateway.create_payment(stray, key="by-hand")
    reconciliation.fetch_events(now=now)
    for hours in range(webhooks.ATTEMPTS):
        process_all(now + timedelta(hours=hours))
    assert WebhookEvent.objects.get(object_id=intent.id).state == WebhookState.PARKED
    assert WebhookEvent.objects.get(object_id=attempt.stripe_intent_id).state == WebhookState.PROCESSED


def test_the_sweep_finds_each_event_that_is_due(client, stripe):
    deliver(client, event_of("pi_1", ""))
    assert reconciliation.due_events(now=soon()) == ["evt_1"]
    assert reconciliation.due_events(now=soon() - timedelta(hours=1)) == []


@pytest.fixture
def frozen_request():
    """What an attempt sent, with a card that works."""

    def request(attempt):
        card = gateway.client().v1.payment_methods.retrieve("pm_card_visa").id
        gateway.attach_card(card_id=card, customer_id=StripeCustomer.objects.get().stripe_id)
        return attempt.request | {"payment_method": card}

    return request


# At once


@pytest.mark.django_db(transaction=True)
def test_deliveries_return_page_and_jobs_at_once_make_one_payment(stripe, stripe_js, invoice, pay, localstripe, now):
    attempt = pay(ASKS_THE_BANK)
    stripe_js.answer_bank(payments.bank_question(attempt=attempt, now=now))
    event = event_of(attempt.stripe_intent_id, attempt.pk)
    barrier, statuses = threading.Barrier(6), []

    def delivery():
        statuses.append(deliver(Client(), event).status_code)
        webhooks.process(event_id="evt_1", now=soon())

    def return_page():
        payments.settle(attempt_id=attempt.pk, now=now)

    def job():
        payments.resume(attempt_id=attempt.pk, now=now + timedelta(minutes=1))

    def at_once(work):
        barrier.wait()
        try:
            work()
        finally:
            connection.close()

    workers = [threading.Thread(target=at_once, args=(work,)) for work in (delivery, return_page, job) * 2]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert statuses == [200, 200]
    assert WebhookEvent.objects.count() == 1
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID
    assert PaymentAttempt.objects.get().state == PaymentState.SUCCEEDED
    assert invoice.order.steps.count() == 3
    assert OutgoingMail.objects.filter(kind="receipt").count() == 1
    assert len(charges(localstripe)) == 1
