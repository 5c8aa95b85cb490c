"""Paying an invoice: one charge and one order, whatever happens on the way."""

from datetime import timedelta

import pytest

from accounts.models import Entitlement, OutgoingMail
from commerce import stripe_gateway as gateway
from commerce.billing import payments, reconciliation
from commerce.models import InvoiceStatus, OrderStatus, PaymentAttempt, PaymentState, StripeCustomer
from sandbox.proxy import Fault, Order
from tests.commerce.stripe_side import ASKS_THE_BANK, DECLINED_AT_ONCE, DECLINED_LATER, charges
from tracking.models import Event, EventName

pytestmark = pytest.mark.django_db

INTENTS = "/v1/payment_intents"


def is_paid(invoice):
    invoice.refresh_from_db()
    invoice.order.refresh_from_db()
    return (invoice.status, invoice.order.status) == (InvoiceStatus.PAID, OrderStatus.ACTIVE)


def is_untouched(invoice):
    invoice.refresh_from_db()
    invoice.order.refresh_from_db()
    return (invoice.status, invoice.order.status) == (InvoiceStatus.OPEN, OrderStatus.AWAITING_PAYMENT)


def test_a_good_card_pays_the_invoice_and_fulfils_the_order(pay, invoice, localstripe, now, admin):
    attempt = pay()
    assert attempt.state == PaymentState.SUCCEEDED
    assert is_paid(invoice)
    assert invoice.paid_at == now
    [charge] = charges(localstripe)
    assert (charge.amount, charge.currency, charge.id) == (invoice.total_minor, "eur", attempt.stripe_intent_id)
    assert Entitlement.objects.filter(account=invoice.account, code="sso").exists()
    event = Event.objects.get(name=EventName.INVOICE_PAID)
    assert (event.user_id, event.actor_kind, event.object_id) == (admin.pk, "customer", invoice.number)
    receipt = OutgoingMail.objects.get(kind="receipt")
    assert receipt.to == admin.email
    assert invoice.number in receipt.subject
    assert f"/orders/{invoice.order.number}/" in receipt.text


def test_settling_again_changes_nothing(pay, invoice, localstripe, now):
    attempt = pay()
    payments.settle(attempt_id=attempt.pk, now=now + timedelta(hours=1))
    invoice.refresh_from_db()
    assert invoice.paid_at == now
    assert OutgoingMail.objects.filter(kind="receipt").count() == 1
    assert Event.objects.filter(name=EventName.INVOICE_PAID).count() == 1
    assert len(charges(localstripe)) == 1


def test_a_paid_invoice_is_not_paid_again(pay, invoice, localstripe):
    pay()
    with pytest.raises(payments.InvoiceNotPayable):
        pay()
    assert len(charges(localstripe)) == 1
    assert PaymentAttempt.objects.count() == 1


def test_a_declined_card_charges_nothing_and_another_card_can_be_used(pay, invoice, localstripe):
    first = pay(DECLINED_LATER)
    assert (first.state, first.error_code) == (PaymentState.FAILED, "card_declined")
    assert first.decline_reason == "The bank declined the card."
    assert is_untouched(invoice)
    second = pay()
    assert second.state == PaymentState.SUCCEEDED
    assert (first.number, second.number) == (1, 2)
    assert first.idempotency_key != second.idempotency_key
    assert is_paid(invoice)
    assert len(charges(localstripe)) == 1


def test_a_card_that_could_not_be_set_up_starts_no_payment(pay, invoice, localstripe):
    with pytest.raises(payments.CardNotReady):
        pay(DECLINED_AT_ONCE)
    assert not PaymentAttempt.objects.exists()
    assert is_untouched(invoice)


def test_a_card_of_another_company_starts_no_payment(stripe, stripe_js, invoice, globex, admin, now):
    setup = payments.prepare_card(account=globex, now=now)
    stripe_js.set_up(setup.client_secret)
    with pytest.raises(payments.CardNotReady):
        payments.start_payment(invoice=invoice, setup_id=setup.id, actor=admin.membership.actor(), now=now)
    assert not PaymentAttempt.objects.exists()


def test_the_bank_asks_and_the_customer_says_yes(pay, invoice, stripe_js, localstripe, now):
    attempt = pay(ASKS_THE_BANK)
    assert attempt.state == PaymentState.REQUIRES_ACTION
    assert is_untouched(invoice)
    stripe_js.answer_bank(payments.bank_question(attempt=attempt, now=now))
    assert payments.settle(attempt_id=attempt.pk, now=now).state == PaymentState.SUCCEEDED
    assert is_paid(invoice)
    assert len(charges(localstripe)) == 1


def test_the_bank_asks_and_the_customer_says_no(pay, invoice, stripe_js, localstripe, now):
    attempt = pay(ASKS_THE_BANK)
    stripe_js.answer_bank(payments.bank_question(attempt=attempt, now=now), success=False)
    attempt = payments.settle(attempt_id=attempt.pk, now=now)
    assert (attempt.state, attempt.error_code) == (PaymentState.FAILED, "payment_intent_authentication_failure")
    assert gateway.retrieve_payment(attempt.stripe_intent_id).status == "canceled"
    assert is_untouched(invoice)
    assert pay().state == PaymentState.SUCCEEDED


def test_while_the_bank_asks_no_other_payment_starts(pay, invoice):
    first = pay(ASKS_THE_BANK)
    with pytest.raises(payments.AlreadyPaying) as refused:
        pay()
    assert refused.value.attempt == first
    assert PaymentAttempt.objects.count() == 1


def test_the_bank_s_question_can_be_left_for_another_card(pay, invoice, localstripe, now):
    attempt = payments.give_up(attempt=pay(ASKS_THE_BANK), now=now)
    assert attempt.state == PaymentState.CANCELLED
    assert pay().state == PaymentState.SUCCEEDED
    assert len(charges(localstripe)) == 1


def test_giving_up_after_the_bank_said_yes_keeps_the_payment(pay, invoice, stripe_js, now):
    attempt = pay(ASKS_THE_BANK)
    stripe_js.answer_bank(payments.bank_question(attempt=attempt, now=now))
    assert payments.give_up(attempt=attempt, now=now).state == PaymentState.SUCCEEDED
    assert is_paid(invoice)


def test_a_question_left_alone_for_a_day_is_withdrawn(pay, invoice, now):
    attempt = pay(ASKS_THE_BANK)
    payments.resume(attempt_id=attempt.pk, now=now + timedelta(hours=25))
    attempt.refresh_from_db()
    assert attempt.state == PaymentState.CANCELLED
    assert is_untouched(invoice)


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.RATE_LIMIT, Fault.BAD_GATEWAY])
def test_without_an_answer_nobody_knows_and_the_same_request_is_sent_again(
    pay, invoice, stripe, localstripe, now, fault
):
    stripe.order(Order(fault, path=INTENTS))
    attempt = pay()
    assert attempt.state == PaymentState.UNKNOWN
    assert is_untouched(invoice)
    with pytest.raises(payments.AlreadyPaying):
        pay()
    payments.resume(attempt_id=attempt.pk, now=now + timedelta(minutes=1))
    attempt.refresh_from_db()
    assert attempt.state == PaymentState.SUCCEEDED
    assert is_paid(invoice)
    sent = [call.idempotency_key for call in stripe.calls if (call.method, call.path) == ("POST", INTENTS)]
    assert sent == [attempt.idempotency_key] * 2
    assert len(charges(localstripe)) == 1


def test_an_answer_lost_after_the_charge_is_found_again(pay, invoice, stripe, localstripe, now):
    stripe.order(Order(Fault.DROP_RESPONSE, path=INTENTS))
    attempt = pay()
    assert attempt.state == PaymentState.UNKNOWN
    assert len(charges(localstripe)) == 1
    payments.resume(attempt_id=attempt.pk, now=now + timedelta(minutes=1))
    assert is_paid(invoice)
    [charge] = charges(localstripe)
    attempt.refresh_from_db()
    assert attempt.stripe_intent_id == charge.id


def test_an_answer_lost_after_the_charge_is_repeated_by_the_client_itself(
    pay, invoice, stripe, localstripe, monkeypatch
):
    monkeypatch.setattr(gateway, "MAX_NETWORK_RETRIES", 1)
    stripe.order(Order(Fault.DROP_RESPONSE, path=INTENTS))
    assert pay().state == PaymentState.SUCCEEDED
    assert is_paid(invoice)
    assert len(charges(localstripe)) == 1


def test_an_answer_later_than_the_time_limit_is_unknown_until_it_is_found(
    pay, invoice, stripe, localstripe, monkeypatch, now
):
    monkeypatch.setattr(gateway, "TIMEOUT_SECONDS", 0.4)
    stripe.order(Order(Fault.DELAY, path=INTENTS, seconds=1.2))
    attempt = pay()
    assert attempt.state == PaymentState.UNKNOWN
    monkeypatch.setattr(gateway, "TIMEOUT_SECONDS", 10)
    payments.resume(attempt_id=attempt.pk, now=now + timedelta(minutes=1))
    assert is_paid(invoice)
    assert len(charges(localstripe)) == 1


def test_a_stripe_that_stays_broken_ends_with_a_person(pay, invoice, stripe, localstripe, now):
    stripe.order(Order(Fault.SAVED_500, path=INTENTS))
    attempt = pay()
    for hours in (1, 12, 22):
        payments.resume(attempt_id=attempt.pk, now=now + timedelta(hours=hours))
        attempt.refresh_from_db()
        assert attempt.state == PaymentState.UNKNOWN
    sent = len(stripe.calls)
    payments.resume(attempt_id=attempt.pk, now=now + timedelta(hours=24))
    attempt.refresh_from_db()
    assert (attempt.state, attempt.error_code) == (PaymentState.REVIEW, "outcome_unknown")
    assert [call.method for call in stripe.calls[sent:]] == ["GET"]  # Looked for, never sent again.
    assert charges(localstripe) == []
    assert payments.release(attempt=attempt, now=now).state == PaymentState.CANCELLED
    assert pay().state == PaymentState.SUCCEEDED


def test_the_answer_about_the_payment_is_lost_but_not_the_payment(pay, invoice, stripe, now):
    stripe.order(Order(Fault.BAD_GATEWAY, method="GET", path=INTENTS))
    attempt = pay()
    assert attempt.state == PaymentState.UNKNOWN
    assert attempt.stripe_intent_id
    payments.resume(attempt_id=attempt.pk, now=now + timedelta(minutes=1))
    assert is_paid(invoice)


def test_a_refusal_of_the_first_request_is_a_failure(frozen, invoice, localstripe, now):
    localstripe.flush()  # Customer and card are gone.
    assert payments.submit(attempt_id=frozen.pk, now=now).state == PaymentState.FAILED
    assert is_untouched(invoice)


def test_a_refusal_of_the_second_says_nothing_about_the_first(pay, invoice, stripe, localstripe, settings, now):
    stripe.order(Order(Fault.DROP_RESPONSE, path=INTENTS))
    attempt = pay()
    localstripe.flush()  # As if the event were not listed yet …
    stripe.forget()
    payments.resume(attempt_id=attempt.pk, now=now + timedelta(minutes=1))  # … and the request no longer taken.
    attempt.refresh_from_db()
    assert attempt.state == PaymentState.REVIEW
    with pytest.raises(payments.AlreadyPaying):
        pay()


# A process killed between two steps leaves its row behind.


@pytest.fixture
def frozen(stripe, stripe_js, invoice, admin, now):
    """An attempt written down, and its process killed before it was sent."""
    setup = payments.prepare_card(account=invoice.account, now=now)
    stripe_js.set_up(setup.client_secret)
    customer = StripeCustomer.objects.get().stripe_id
    card = gateway.retrieve_setup(setup.id).card_id
    gateway.attach_card(card_id=card, customer_id=customer)
    return payments.freeze(invoice, customer=customer, card_id=card, by_id=admin.pk, now=now)


def test_killed_before_sending(frozen, invoice, localstripe, now):
    payments.resume(attempt_id=frozen.pk, now=now + timedelta(seconds=30))
    assert charges(localstripe) == []  # Its process may still be alive.
    payments.resume(attempt_id=frozen.pk, now=now + timedelta(minutes=1))
    assert is_paid(invoice)
    assert len(charges(localstripe)) == 1


def test_killed_before_sending_and_found_too_late_charges_nobody_by_surprise(frozen, invoice, localstripe, now):
    payments.resume(attempt_id=frozen.pk, now=now + timedelta(hours=1))
    frozen.refresh_from_db()
    assert (frozen.state, frozen.error_code) == (PaymentState.CANCELLED, "never_sent")
    assert charges(localstripe) == []


def test_killed_after_the_charge_and_before_the_answer(frozen, invoice, stripe, localstripe, now):
    PaymentAttempt.objects.filter(pk=frozen.pk).update(state=PaymentState.SUBMITTING, submitted_at=now)
    gateway.create_payment(frozen.request, key=frozen.idempotency_key)
    stripe.forget()  # As the plain stand-in, which knows no keys: sending it again would charge twice.
    payments.resume(attempt_id=frozen.pk, now=now + timedelta(minutes=1))
    assert is_paid(invoice)
    assert len(charges(localstripe)) == 1


def test_killed_while_sending(frozen, invoice, localstripe, now):
    PaymentAttempt.objects.filter(pk=frozen.pk).update(state=PaymentState.SUBMITTING, submitted_at=now)
    payments.resume(attempt_id=frozen.pk, now=now + timedelta(minutes=1))
    assert is_paid(invoice)
    assert len(charges(localstripe)) == 1


def test_the_sweep_finds_what_its_process_has_left_behind(frozen, now):
    assert reconciliation.due_payments(now=now) == []
    assert reconciliation.due_payments(now=now + timedelta(minutes=1)) == [frozen.pk]


# What Stripe holds is not what was asked for.


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("amount", 1, "amount_mismatch"),
        ("currency", "usd", "currency_mismatch"),
        ("customer", None, "customer_mismatch"),
        ("metadata", {"attempt_id": "another"}, "attempt_mismatch"),
    ],
)
def test_a_payment_that_does_not_fit_is_never_taken_as_paid(frozen, invoice, now, field, value, code):
    PaymentAttempt.objects.filter(pk=frozen.pk).update(state=PaymentState.SUBMITTING)
    request = {**frozen.request, field: value}
    intent = gateway.create_payment({name: kept for name, kept in request.items() if kept is not None}, key="other")
    attempt = payments.settle(attempt_id=frozen.pk, now=now, intent_id=intent.id)
    assert (attempt.state, attempt.error_code) == (PaymentState.REVIEW, code)
    assert is_untouched(invoice)


def test_a_payment_of_the_other_mode_is_never_taken_as_paid(request, invoice, now, monkeypatch):
    monkeypatch.setattr(gateway, "is_live", lambda: True)
    frozen = request.getfixturevalue("frozen")
    assert payments.submit(attempt_id=frozen.pk, now=now).error_code == "livemode_mismatch"
    frozen.refresh_from_db()
    assert frozen.state == PaymentState.REVIEW
    assert is_untouched(invoice)


def test_money_for_an_invoice_voided_meanwhile_goes_to_a_person(pay, invoice, stripe_js, localstripe, now):
    attempt = pay(ASKS_THE_BANK)
    type(invoice).objects.filter(pk=invoice.pk).update(status=InvoiceStatus.VOID)
    stripe_js.answer_bank(payments.bank_question(attempt=attempt, now=now))
    attempt = payments.settle(attempt_id=attempt.pk, now=now)
    assert (attempt.state, attempt.error_code) == (PaymentState.REVIEW, "invoice_void")
    assert not OutgoingMail.objects.filter(kind="receipt").exists()


def test_money_for_a_contract_that_moved_goes_to_a_person(pay, invoice, stripe_js, now):
    attempt = pay(ASKS_THE_BANK)
    contract = invoice.order.contract
    type(contract).objects.filter(pk=contract.pk).update(version=99)
    stripe_js.answer_bank(payments.bank_question(attempt=attempt, now=now))
    attempt = payments.settle(attempt_id=attempt.pk, now=now)
    assert (attempt.state, attempt.error_code) == (PaymentState.REVIEW, "ContractMoved")
    assert is_untouched(invoice)


def test_a_payment_that_stripe_does_not_know_goes_to_a_person(pay, invoice, localstripe, now):
    attempt = pay(ASKS_THE_BANK)
    localstripe.flush()
    attempt = payments.settle(attempt_id=attempt.pk, now=now)
    assert (attempt.state, attempt.error_code) == (PaymentState.REVIEW, "payment_not_found")


def test_the_quote_may_expire_and_prices_may_change_once_it_is_accepted(pay, invoice, products):
    from commerce.models import Price

    Price.objects.update(unit_price=999)
    later = invoice.order.quote.expires_at + timedelta(days=3)
    assert pay(at=later).amount_minor == invoice.total_minor
    assert is_paid(invoice)


def test_a_customer_that_stripe_has_forgotten_is_made_anew(pay, invoice, localstripe, acme, now):
    first = payments.customer_id(acme, now=now)
    assert payments.customer_id(acme, now=now) == first
    localstripe.flush()
    assert pay().state == PaymentState.SUCCEEDED
    assert StripeCustomer.objects.get().stripe_id != first
