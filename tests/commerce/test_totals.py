"""Our totals of a day against Stripe's: the same, or a finding that somebody of finance explains."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.urls import reverse

from accounts.models import OutgoingMail
from commerce import stripe_gateway as gateway
from commerce.billing import crediting, payments, refunds, returning, totals
from commerce.models import DayTotal, Invoice, InvoiceStatus, PaymentAttempt
from tests.factories import make_invoice, make_staff
from tracking.actor import Actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def finance(db):
    return make_staff("finance@vendor.example", "Fay Nance", group="Finance")


@pytest.fixture
def paid(pay):
    """A payment of today, by the machine's clock, which is Stripe's."""
    return pay(at=datetime.now(UTC))


def compare():
    now = datetime.now(UTC)
    return totals.compare(day=now.date(), now=now)


def test_what_both_have_is_no_finding(paid, invoice):
    assert compare() == compare() == []
    total = DayTotal.objects.get()
    assert (total.ours_minor, total.theirs_minor, total.currency) == (invoice.total_minor, invoice.total_minor, "EUR")
    assert not total.is_different


def test_a_payment_that_only_stripe_has_is_found_and_told_once(paid, finance, invoice):
    other = make_unknown(paid)
    found = compare()
    assert [total.findings for total in found] == [[{"id": other, "finding": "only_at_stripe"}]]
    assert found[0].theirs_minor == 2 * invoice.total_minor
    assert compare() == []
    assert DayTotal.objects.get().is_open


def make_unknown(paid, **metadata):
    """Somebody charges the same with our keys, past the portal."""
    request = paid.request | {"metadata": {"attempt_id": str(uuid4()), **metadata}}
    return gateway.create_payment(request, key=uuid4().hex).id


def test_a_payment_that_stripe_does_not_know_is_found(stripe, invoice, make_attempt):
    now = datetime.now(UTC)
    make_attempt(invoice, state="succeeded", stripe_intent_id="pi_gone", settled_at=now)
    found = compare()
    assert found[0].findings == [{"id": "pi_gone", "finding": "only_with_us"}]
    assert (found[0].ours_minor, found[0].theirs_minor) == (invoice.total_minor, 0)


def test_what_stripe_has_on_another_day_is_no_difference(paid):
    """As we learned of it after midnight, or days later."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    PaymentAttempt.objects.update(settled_at=tomorrow)
    assert compare() == totals.compare(day=tomorrow.date(), now=tomorrow) == []
    assert not DayTotal.objects.get().is_different


def test_payments_of_another_portal_at_the_same_stripe_are_none_of_ours(paid):
    make_unknown(paid, portal="elsewhere")
    assert compare() == []


def test_another_amount_is_found(paid, acme, make_attempt):
    now = datetime.now(UTC)
    bill = make_invoice(acme, now=now, subtotal_minor=50, total_minor=50)
    other = make_unknown(paid)
    make_attempt(bill, state="succeeded", stripe_intent_id=other, settled_at=now)
    total = compare()[0]
    assert total.findings == [{"id": other, "finding": "other_amount"}]
    assert total.theirs_minor - total.ours_minor == paid.amount_minor - 50


def test_money_taken_for_nothing_is_found_until_it_is_sent_back(pay, invoice, stripe_js):
    now = datetime.now(UTC)
    asked = pay("4000002760003184", at=now)
    Invoice.objects.filter(pk=invoice.pk).update(status=InvoiceStatus.VOID)
    stripe_js.answer_bank(payments.bank_question(attempt=asked, now=now))
    held = payments.settle(attempt_id=asked.pk, now=now)
    assert [total.findings for total in compare()] == [[{"id": held.stripe_intent_id, "finding": "under_review"}]]
    returning.return_money(attempt_id=held.pk, now=now)
    assert compare() == []
    payment, refund = DayTotal.objects.order_by("kind")
    assert not payment.is_different
    assert (payment.ours_minor, refund.ours_minor) == (held.amount_minor, held.amount_minor)
    assert not refund.is_different


def test_refunds_are_compared_as_well(paid, invoice, finance):
    now, actor = datetime.now(UTC), Actor.staff(finance.pk, invoice.account_id)
    crediting.credit_invoice(invoice=invoice, reason="Returned", actor=actor, now=now)
    refund = refunds.begin(payment=paid, amount_minor=10_00, reason="Returned", actor=actor, now=now)
    refunds.submit(refund_id=refund.pk, now=now)
    assert compare() == []
    total = DayTotal.objects.get(kind="refunds")
    assert (total.ours_minor, total.theirs_minor, total.is_different) == (10_00, 10_00, False)


def test_an_explanation_stands_until_something_else_is_found(paid, finance):
    make_unknown(paid)
    total = compare()[0]
    totals.explain(total=total, words="By hand", actor=Actor.staff(finance.pk), now=datetime.now(UTC))
    assert compare() == []
    assert DayTotal.objects.get().explanation == "By hand"
    make_unknown(paid)
    assert len(compare()) == 1
    assert DayTotal.objects.get().is_open


def test_finance_is_told_and_explains(paid, finance, agent, signed_in):
    make_unknown(paid)
    now = datetime.now(UTC) + timedelta(days=1)
    assert len(totals.compare_last_days(now=now)) == 1
    assert totals.compare_last_days(now=now) == []
    assert OutgoingMail.objects.filter(kind="totals_differ").count() == 1
    total = DayTotal.objects.get()
    url = reverse("admin:commerce_daytotal_explain", args=[total.pk])
    assert signed_in(agent).get(url).status_code == 403
    client = signed_in(finance)
    page = reverse("admin:commerce_daytotal_change", args=[total.pk])
    assert url in client.get(page).content.decode()
    assert client.post(url, {"reason": ""}).status_code == 422
    assert client.post(url, {"reason": "A test of ours"}).status_code == 302
    assert client.post(url, {"reason": "Again"}).status_code == 422
    total.refresh_from_db()
    assert (total.explanation, total.is_open) == ("A test of ours", False)
    assert url not in client.get(page).content.decode()  # Offered as long as it is possible.


def test_nobody_but_finance_sees_totals(paid, agent, admin, signed_in, client):
    make_unknown(paid)
    total = compare()[0]
    pages = [
        reverse("admin:commerce_daytotal_changelist"),
        reverse("admin:commerce_daytotal_change", args=[total.pk]),
        reverse("admin:commerce_daytotal_explain", args=[total.pk]),
    ]
    for page in pages:
        assert client.get(page).status_code == 302
        assert signed_in(agent).post(page, {"reason": "Mine"}).status_code == 403
        assert signed_in(admin).post(page, {"reason": "Mine"}).status_code in (302, 403)
    assert DayTotal.objects.get().is_open
