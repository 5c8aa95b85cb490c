"""The jobs of payments as workers run them: by name, with plain arguments, and more than once."""

import pytest
import time_machine
from celery import current_app

from commerce import tasks
from commerce.billing import payments
from commerce.models import InvoiceStatus, PaymentAttempt, PaymentState, QuoteStatus, WebhookEvent, WebhookState
from sandbox.proxy import Fault, Order
from tests.commerce.stripe_side import ASKS_THE_BANK, charges, deliver, event_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(now):
    with time_machine.travel(now, tick=False) as clock:
        yield clock


@pytest.fixture(autouse=True)
def workers():
    """What is enqueued runs at once, once its transaction has committed."""
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


def test_every_schedule_names_a_job(settings):
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values() if "commerce" in entry["task"]}
    assert scheduled == {
        "commerce.tasks.process_webhooks",
        "commerce.tasks.resume_payments",
        "commerce.tasks.reconcile_payments",
        "commerce.tasks.expire_quotes",
        "commerce.tasks.escalate_approvals",
        "commerce.tasks.sweep_configurations",
        "commerce.tasks.resume_matching",
        "commerce.tasks.resume_quote_pricings",
        "commerce.tasks.draw_quotes",
        "commerce.tasks.apply_contract_changes",
        "commerce.tasks.set_orders_up",
        "commerce.tasks.bill_contracts",
        "commerce.tasks.check_books",
        "commerce.tasks.remind_of_invoices",
        "commerce.tasks.run_renewals",
        "commerce.tasks.tell_of_renewals",
        "commerce.tasks.collect_invoices",
        "commerce.tasks.compare_totals",
    }
    assert all(name in current_app.tasks for name in scheduled)


def test_a_payment_whose_answer_was_lost_is_finished_by_the_sweep(
    pay, stripe, invoice, localstripe, clock, django_capture_on_commit_callbacks
):
    stripe.order(Order(Fault.DROP_RESPONSE, path="/v1/payment_intents"))
    pay()
    clock.shift(60)
    with django_capture_on_commit_callbacks(execute=True):
        tasks.resume_payments()
        tasks.resume_payments()
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID
    assert PaymentAttempt.objects.get().state == PaymentState.SUCCEEDED
    assert len(charges(localstripe)) == 1


def test_a_delivery_is_processed_by_the_worker_that_it_wakes(
    client, pay, stripe_js, invoice, now, django_capture_on_commit_callbacks
):
    attempt = pay(ASKS_THE_BANK)
    stripe_js.answer_bank(payments.bank_question(attempt=attempt, now=now))
    with django_capture_on_commit_callbacks(execute=True):
        deliver(client, event_of(attempt.stripe_intent_id, attempt.pk))
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID
    assert WebhookEvent.objects.get().state == WebhookState.PROCESSED


def test_a_wake_up_that_was_lost_costs_one_sweep(client, pay, stripe_js, now, django_capture_on_commit_callbacks):
    attempt = pay(ASKS_THE_BANK)
    stripe_js.answer_bank(payments.bank_question(attempt=attempt, now=now))
    deliver(client, event_of(attempt.stripe_intent_id, attempt.pk))
    with django_capture_on_commit_callbacks(execute=True):
        tasks.process_webhooks()
    attempt.refresh_from_db()
    assert attempt.state == PaymentState.SUCCEEDED


def test_a_webhook_that_never_came_is_found_by_the_reconciliation(
    pay, stripe_js, invoice, now, django_capture_on_commit_callbacks
):
    attempt = pay(ASKS_THE_BANK)
    stripe_js.answer_bank(payments.bank_question(attempt=attempt, now=now))
    with django_capture_on_commit_callbacks(execute=True):
        tasks.reconcile_payments()
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID


def test_a_check_asked_for_in_the_admin(pay, stripe_js, now):
    attempt = pay(ASKS_THE_BANK)
    stripe_js.answer_bank(payments.bank_question(attempt=attempt, now=now))
    tasks.settle_payment(attempt_id=str(attempt.pk))
    attempt.refresh_from_db()
    assert attempt.state == PaymentState.SUCCEEDED


def test_offers_whose_time_is_over_say_so(quote, clock):
    clock.move_to(quote.expires_at)
    tasks.expire_quotes()
    quote.refresh_from_db()
    assert quote.status == QuoteStatus.EXPIRED
