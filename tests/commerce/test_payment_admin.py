"""What finance sees of the money, and the three things that they may do."""

import pytest
from django.urls import reverse

from commerce.models import Invoice, PaymentAttempt, PaymentState, WebhookEvent, WebhookState
from tests.factories import make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def finance(db):
    return make_staff("finance@vendor.example", "Fay Nance", group="Finance")


@pytest.fixture
def event(db, now):
    return WebhookEvent.objects.create(
        event_id="evt_1",
        type="payment_intent.succeeded",
        payload={"data": {"object": {"id": "pi_1"}}},
        state=WebhookState.PARKED,
        attempts=8,
        last_error="no payment attempt",
        next_at=now,
    )


def act(client, model, action, rows):
    url = reverse(f"admin:commerce_{model}_changelist")
    return client.post(url, {"action": action, "_selected_action": [row.pk for row in rows]}, follow=True)


@pytest.mark.parametrize("model", ["invoice", "paymentattempt", "webhookevent"])
def test_lists_and_pages_can_be_read(signed_in, finance, invoice, make_attempt, event, model):
    row = {"invoice": invoice, "paymentattempt": make_attempt(invoice), "webhookevent": event}[model]
    client = signed_in(finance)
    assert client.get(reverse(f"admin:commerce_{model}_changelist")).status_code == 200
    assert client.get(reverse(f"admin:commerce_{model}_change", args=[row.pk])).status_code == 200
    assert client.get(reverse(f"admin:commerce_{model}_add")).status_code == 403
    assert client.post(reverse(f"admin:commerce_{model}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


def test_a_payment_under_review_is_released_by_a_person(signed_in, finance, invoice, make_attempt):
    attempt = make_attempt(invoice, state="review", error_code="amount_mismatch")
    act(signed_in(finance), "paymentattempt", "release", [attempt])
    attempt.refresh_from_db()
    assert (attempt.state, attempt.error_code) == (PaymentState.CANCELLED, "amount_mismatch")


@pytest.mark.parametrize("state", ["submitting", "unknown", "requires_action", "succeeded"])
def test_a_payment_that_may_still_move_is_not_released(signed_in, finance, invoice, make_attempt, state):
    attempt = make_attempt(invoice, state=state)
    act(signed_in(finance), "paymentattempt", "release", [attempt])
    attempt.refresh_from_db()
    assert attempt.state == state


def test_stripe_is_asked_by_a_worker(signed_in, finance, invoice, make_attempt, django_capture_on_commit_callbacks):
    attempt = make_attempt(invoice, state="unknown")
    with django_capture_on_commit_callbacks() as callbacks:
        assert act(signed_in(finance), "paymentattempt", "check_now", [attempt]).status_code == 200
    assert len(callbacks) == 1


def test_an_event_is_processed_again(signed_in, finance, event, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        act(signed_in(finance), "webhookevent", "replay", [event])
    assert len(callbacks) == 1
    event.refresh_from_db()
    assert (event.state, event.attempts, event.last_error) == (WebhookState.RECEIVED, 0, "")


def test_who_does_not_keep_the_books_sees_no_payments(signed_in, agent, invoice, make_attempt, event):
    make_attempt(invoice)
    client = signed_in(agent)
    for model in ("paymentattempt", "webhookevent", "invoice"):
        assert client.get(reverse(f"admin:commerce_{model}_changelist")).status_code == 403
    assert PaymentAttempt.objects.count() == Invoice.objects.count() == 1
