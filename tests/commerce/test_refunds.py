"""Paying back: never more than is left, once, and every refund ends where a person sees it."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from accounts.models import OutgoingMail
from commerce.billing import balances, crediting, reconciliation, refunds
from commerce.models import PaymentState, RefundAttempt, RefundState, WebhookEvent
from sandbox.proxy import Fault, Order
from tests.commerce.stripe_side import deliver
from tests.factories import make_staff
from tracking.actor import Actor
from tracking.models import Event, EventName

pytestmark = pytest.mark.django_db

REFUNDS = "/v1/refunds"


@pytest.fixture
def finance(db):
    return make_staff("finance@vendor.example", "Fay Nance", group="Finance")


@pytest.fixture
def actor(finance, acme):
    return Actor.staff(finance.pk, acme.pk)


@pytest.fixture
def payment(pay, invoice, actor, now):
    """A payment by card whose invoice was credited: all of it may go back."""
    attempt = pay()
    crediting.credit_invoice(invoice=invoice, reason="Returned", actor=actor, now=now)
    return attempt


@pytest.fixture
def begin(payment, actor, now):
    def begin(amount_minor=None):
        amount = payment.amount_minor if amount_minor is None else amount_minor
        return refunds.begin(payment=payment, amount_minor=amount, reason="Returned", actor=actor, now=now)

    return begin


def at_stripe(localstripe, payment):
    import stripe

    from sandbox.localstripe import SECRET_KEY

    api = stripe.StripeClient(SECRET_KEY, base_addresses={"api": localstripe.url}).v1
    return [refund.amount for refund in api.refunds.list({"payment_intent": payment.stripe_intent_id}).data]


def test_a_refund_pays_back_what_was_credited(begin, payment, localstripe, acme, admin, now):
    refund = refunds.submit(refund_id=begin().pk, now=now)
    assert refund.state == RefundState.SUCCEEDED
    assert at_stripe(localstripe, payment) == [payment.amount_minor]
    assert balances.balance_of(acme, "EUR") == 0
    assert refunds.left_of(payment) == 0
    assert Event.objects.filter(name=EventName.PAYMENT_REFUNDED).count() == 1
    assert OutgoingMail.objects.get(kind="refund").to == admin.email


def test_the_customer_sees_on_the_invoice_what_went_back(begin, invoice, signed_in, admin, other_admin, now):
    url = reverse("commerce:invoice", args=[invoice.number])
    client = signed_in(admin)
    waiting = begin(10_00)
    assert "Paid back to the card" not in client.get(url).content.decode()
    refunds.submit(refund_id=waiting.pk, now=now)
    page = client.get(url).content.decode()
    assert "Paid back to the card" in page
    assert "€10.00" in page
    assert signed_in(other_admin).get(url).status_code == 404


def test_two_parts_go_back_and_no_third(begin, payment, localstripe, now):
    for amount in (1000, payment.amount_minor - 1000):
        refunds.submit(refund_id=begin(amount).pk, now=now)
    with pytest.raises(refunds.NotRefundable):
        begin(1)
    assert sum(at_stripe(localstripe, payment)) == payment.amount_minor


@pytest.mark.parametrize("amount", [0, -5, 10**9])
def test_no_other_amount_than_is_left_is_begun(begin, payment, acme, amount):
    with pytest.raises(refunds.NotRefundable):
        begin(amount)
    assert not RefundAttempt.objects.exists()
    assert balances.balance_of(acme, "EUR") == payment.amount_minor


def test_what_was_not_credited_is_not_paid_back(pay, actor, now):
    attempt = pay()
    with pytest.raises(refunds.NotRefundable, match="in credit"):
        refunds.begin(payment=attempt, amount_minor=100, reason="No", actor=actor, now=now)
    assert not RefundAttempt.objects.exists()


def test_a_payment_that_took_no_money_gives_none_back(invoice, make_attempt, actor, now):
    attempt = make_attempt(invoice, state="failed")
    with pytest.raises(refunds.NotRefundable):
        refunds.begin(payment=attempt, amount_minor=1, reason="No", actor=actor, now=now)


def test_the_database_refuses_more_than_is_left(begin, payment, now):
    refund = begin(payment.amount_minor - 10)
    with pytest.raises(IntegrityError, match="more than is left"), transaction.atomic():
        RefundAttempt.objects.create(
            account=payment.account, payment=payment, amount_minor=11, currency="EUR", reason="", request={},
            idempotency_key="another",
        )  # fmt: skip
    for change in ({"amount_minor": 1}, {"request": {}}, {"idempotency_key": "x"}):
        with pytest.raises(IntegrityError, match="is frozen"), transaction.atomic():
            RefundAttempt.objects.filter(pk=refund.pk).update(**change)


@pytest.mark.parametrize("fault", [Fault.DROP_RESPONSE, Fault.RESET, Fault.RATE_LIMIT, Fault.BAD_GATEWAY])
def test_a_lost_answer_pays_back_once(begin, payment, stripe, localstripe, now, fault):
    stripe.order(Order(fault, path=REFUNDS))
    refund = refunds.submit(refund_id=begin().pk, now=now)
    assert refund.state == RefundState.UNKNOWN
    refunds.resume(refund_id=refund.pk, now=now + timedelta(minutes=5))
    refund.refresh_from_db()
    assert refund.state == RefundState.SUCCEEDED
    assert at_stripe(localstripe, payment) == [payment.amount_minor]


def test_a_refund_whose_worker_died_before_sending_is_sent(begin, payment, localstripe, now):
    refund = begin()
    assert reconciliation.due_refunds(now=now + timedelta(minutes=1)) == [refund.pk]
    refunds.resume(refund_id=refund.pk, now=now + timedelta(minutes=1))
    refund.refresh_from_db()
    assert refund.state == RefundState.SUCCEEDED
    assert at_stripe(localstripe, payment) == [payment.amount_minor]


def test_sending_twice_pays_back_once(begin, payment, localstripe, now):
    refund = begin()
    refunds.submit(refund_id=refund.pk, now=now)
    refunds.submit(refund_id=refund.pk, now=now)
    refunds.settle(refund_id=refund.pk, now=now)
    assert at_stripe(localstripe, payment) == [payment.amount_minor]
    assert OutgoingMail.objects.filter(kind="refund").count() == 1


def test_a_refund_that_failed_is_credit_again(begin, payment, acme, now):
    refund = begin()
    RefundAttempt.objects.update(state="submitting")
    refunds._close(refund, RefundState.FAILED, now=now, error_code="expired_or_canceled_card")
    assert balances.balance_of(acme, "EUR") == payment.amount_minor
    assert refunds.left_of(payment) == payment.amount_minor
    with pytest.raises(IntegrityError, match="cannot go from"), transaction.atomic():
        RefundAttempt.objects.update(state="succeeded")


def refund_event(refund, stripe_id, *, kind="refund.updated"):
    return {
        "id": "evt_refund", "object": "event", "type": kind, "created": 1, "livemode": False,
        "api_version": "2026-03-25.dahlia",
        "data": {"object": {"id": stripe_id, "object": "refund", "metadata": {"refund_id": str(refund.pk)}}},
    }  # fmt: skip


def test_an_event_settles_a_refund_whose_answer_was_lost(
    begin, payment, stripe, localstripe, client, now, time_machine_now
):
    from commerce import stripe_gateway as gateway
    from commerce import webhooks

    stripe.order(Order(Fault.DROP_RESPONSE, path=REFUNDS))
    refund = refunds.submit(refund_id=begin().pk, now=now)
    stripe_id = gateway.find_refund(intent_id=payment.stripe_intent_id, refund_id=str(refund.pk))
    assert deliver(client, refund_event(refund, stripe_id)).status_code == 200
    webhooks.process(event_id="evt_refund", now=now)
    refund.refresh_from_db()
    assert (refund.state, refund.stripe_refund_id) == (RefundState.SUCCEEDED, stripe_id)
    assert WebhookEvent.objects.get(event_id="evt_refund").state == "processed"


def test_a_refund_that_is_another_at_stripe_waits_for_a_person(begin, payment, stripe, localstripe, now):
    from commerce import stripe_gateway as gateway

    other = gateway.create_refund({"payment_intent": payment.stripe_intent_id, "amount": 7}, key="by hand")
    refund = begin()
    RefundAttempt.objects.update(state="submitting")
    settled = refunds.settle(refund_id=refund.pk, now=now, stripe_id=other.id)
    assert (settled.state, settled.error_code) == (RefundState.REVIEW, "refund_mismatch")


def test_a_refund_under_review_is_released_by_a_person(signed_in, finance, agent, begin, payment, acme):
    refund = begin()
    RefundAttempt.objects.update(state="review")
    url, sent = (
        reverse("admin:commerce_refundattempt_changelist"),
        {"action": "release", "_selected_action": [refund.pk]},
    )
    signed_in(agent).post(url, sent)
    assert RefundAttempt.objects.get().state == RefundState.REVIEW
    signed_in(finance).post(url, sent)
    assert RefundAttempt.objects.get().state == RefundState.FAILED
    assert balances.balance_of(acme, "EUR") == payment.amount_minor


def test_finance_pays_back_in_the_admin_and_nobody_else(signed_in, finance, agent, payment):
    url = reverse("admin:commerce_paymentattempt_refund", args=[payment.pk])
    assert signed_in(agent).get(url).status_code == 403
    client = signed_in(finance)
    assert client.get(url).status_code == 200
    sent = {"reason": "A tenner", "seen_left_minor": payment.amount_minor}
    refused = client.post(url, sent | {"amount": "999999"})
    assert refused.status_code == 422
    assert "Less than that is left" in refused.content.decode()
    for nonsense in ("1e999999", "0", "-1", "10.005", "ten", "9" * 30):
        assert client.post(url, sent | {"amount": nonsense}).status_code == 422
    assert not RefundAttempt.objects.exists()
    page = reverse("admin:commerce_paymentattempt_change", args=[payment.pk])
    assert url in client.get(page).content.decode()
    assert client.post(url, sent | {"amount": "10.00"}).status_code == 302
    assert RefundAttempt.objects.get().amount_minor == 10_00
    left = payment.amount_minor - 10_00
    rest = {"reason": "The rest", "amount": f"{left / 100:.2f}", "seen_left_minor": left}
    assert client.post(url, rest).status_code == 302
    assert url not in client.get(page).content.decode()  # Nothing is left.


def test_a_refund_that_is_clicked_twice_goes_back_once(signed_in, finance, payment):
    url = reverse("admin:commerce_paymentattempt_refund", args=[payment.pk])
    client = signed_in(finance)
    page = client.get(url).content.decode()
    assert f'name="seen_left_minor" value="{payment.amount_minor}"' in page
    assert "Balance entries" in page  # The admin's own frame is around it.
    sent = {"amount": "10.00", "reason": "A tenner", "seen_left_minor": payment.amount_minor}
    client.post(url, sent)
    again = client.post(url, sent, follow=True)
    assert "was paid back since you looked" in again.content.decode()
    assert RefundAttempt.objects.get().amount_minor == 10_00


@pytest.mark.django_db(transaction=True)
def test_two_refunds_at_once_never_pay_back_more_than_was_paid(acme, now, products, admin):
    from commerce.models import BalanceEntry, PaymentAttempt
    from tests.factories import make_invoice

    invoice = make_invoice(acme, now=now)
    payment = PaymentAttempt.objects.create(
        account=acme, invoice=invoice, number=1, state=PaymentState.SUCCEEDED, amount_minor=1000, currency="EUR",
        request={"customer": "cus"}, idempotency_key="k", stripe_intent_id="pi_1",
    )  # fmt: skip
    BalanceEntry.objects.create(account=acme, currency="EUR", kind="credit", amount_minor=5000)
    barrier, begun = threading.Barrier(4), []

    def begin():
        barrier.wait()
        try:
            begun.append(
                refunds.begin(payment=payment, amount_minor=700, reason="", actor=Actor.system(acme.pk), now=now)
            )
        except refunds.NotRefundable:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(begun) == 1
    assert balances.balance_of(acme, "EUR") == 4300
