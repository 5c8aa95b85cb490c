"""Paying on Stripe's own page, against a stand-in for it in front of localstripe."""

import time
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.urls import reverse

from commerce import stripe_checkout, webhooks
from commerce import stripe_gateway as gateway
from commerce.billing import checkouts, payments, reconciliation
from commerce.models import Invoice, InvoiceStatus, PaymentAttempt, PaymentState, WebhookEvent
from portal.environment import Environment
from sandbox.checkout import Checkout
from sandbox.proxy import Fault, Order, StripeProxy
from tests.commerce.stripe_side import ASKS_THE_BANK, DECLINED_LATER, charges, deliver

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_the_day_of_the_tests(now):
    with time_machine.travel(now):
        yield


@pytest.fixture
def stripe(stripe, localstripe, settings):
    """As for the card form, with the stand-in for Stripe's page between the proxy and localstripe."""
    with Checkout(localstripe.url) as page, StripeProxy(page.url) as proxy:
        settings.STRIPE_API_BASE, settings.STRIPE_CHECKOUT_ORIGIN = proxy.url, page.url
        settings.STRIPE_PAY_PAGE = "checkout"
        proxy.page = page
        yield proxy


@pytest.fixture
def start(stripe, invoice, admin, now):
    """What a click on Pay begins."""

    def start(at=now):
        return checkouts.start(
            invoice=invoice,
            actor=admin.membership.actor(),
            address=lambda path: f"http://testserver{path}",
            now=at,
        )

    return start


def policy(response, directive):
    """The sources that a page's policy names for something."""
    parts = (part.split(" ", 1) for part in response["Content-Security-Policy"].split("; "))
    return next(sources for name, sources in parts if name == directive)


def settled(attempt, now):
    return payments.settle(attempt_id=attempt.pk, now=now)


def nothing_is_paid(localstripe, invoice):
    invoice.refresh_from_db()
    return charges(localstripe) == [] and invoice.status == InvoiceStatus.OPEN


def page_event(attempt, kind):
    subject = {
        "id": attempt.stripe_session_id,
        "object": "checkout.session",
        "metadata": {"attempt_id": str(attempt.pk), "portal": "test"},
    }
    return {
        "id": f"evt_{kind}", "object": "event", "type": kind, "created": int(time.time()), "livemode": False,
        "api_version": gateway.API_VERSION, "data": {"object": subject},
    }  # fmt: skip


# From the pay page and back


def test_the_customer_pays_on_stripe_s_page_and_comes_back(stripe, localstripe, signed_in, admin, invoice):
    client, pay_page = signed_in(admin), reverse("commerce:pay", args=[invoice.number])
    shown = client.get(pay_page)
    text = shown.content.decode()
    assert "You pay on the page of our payment service" in text
    assert text.count("data-primary-action") == 1
    assert "pay.js" not in text
    assert policy(shown, "form-action") == f"'self' {stripe.page.url}"
    assert policy(shown, "script-src") == "'self'"

    sent = client.post(f"{pay_page}checkout/", headers={"Referer": f"http://testserver{pay_page}"})
    attempt = PaymentAttempt.objects.get()
    session = stripe.page.sessions[attempt.stripe_session_id]
    assert (sent.status_code, sent["Location"]) == (302, session["url"])
    assert (attempt.state, attempt.channel) == ("requires_action", "checkout")
    assert session["amount_total"] == attempt.amount_minor == invoice.due_minor
    assert nothing_is_paid(localstripe, invoice)

    assert stripe.page.pay(session["id"]) == "complete"
    back = client.get(session["success_url"].replace("http://testserver", ""), follow=True)
    assert "Thank you, it is paid" in back.content.decode()
    attempt.refresh_from_db()
    invoice.refresh_from_db()
    assert (attempt.state, invoice.status) == ("succeeded", "paid")
    assert [charge.id for charge in charges(localstripe)] == [attempt.stripe_intent_id]
    assert invoice.order.__class__.objects.get(pk=invoice.order_id).status == "active"


def test_a_form_that_was_put_aside_ends_on_our_page(stripe, signed_in, admin, invoice):
    pay_page = reverse("commerce:pay", args=[invoice.number])
    sent = signed_in(admin).post(f"{pay_page}checkout/")
    assert sent["Location"] == reverse("commerce:payment", args=[PaymentAttempt.objects.get().pk])


def test_who_comes_back_without_paying_goes_on_or_starts_again(stripe, localstripe, start, signed_in, admin, invoice):
    attempt, client = start(), signed_in(admin)
    page, finish = reverse("commerce:payment", args=[attempt.pk]), reverse("commerce:finish-payment", args=[attempt.pk])
    shown = client.get(page)
    text = shown.content.decode()
    assert "This payment is not finished" in text
    assert text.count("data-primary-action") == 1
    assert "js.stripe.com" not in text
    assert policy(shown, "form-action") == f"'self' {stripe.page.url}"
    pay_page = reverse("commerce:pay", args=[invoice.number])
    assert client.get(pay_page)["Location"] == page
    assert client.post(f"{pay_page}checkout/")["Location"] == page

    first = stripe.page.sessions[attempt.stripe_session_id]
    assert client.post(finish, {"ask": "1"})["Location"] == first["url"]
    assert client.post(finish, {"give_up": "1"})["Location"] == pay_page
    attempt.refresh_from_db()
    assert (attempt.state, first["status"]) == ("cancelled", "expired")
    assert nothing_is_paid(localstripe, invoice)
    assert start().number == 2


def test_who_starts_again_after_the_bank_said_no_is_told_why(stripe, localstripe, start, signed_in, admin, invoice):
    attempt, client = start(), signed_in(admin)
    stripe.page.pay(attempt.stripe_session_id, ASKS_THE_BANK)
    stripe.page.answer_bank(attempt.stripe_session_id, success=False)
    again = client.post(reverse("commerce:finish-payment", args=[attempt.pk]), {"give_up": "1"}, follow=True)
    assert again.redirect_chain == [(reverse("commerce:pay", args=[invoice.number]), 302)]
    assert "Nothing was charged." in again.content.decode()
    assert nothing_is_paid(localstripe, invoice)


def test_the_page_that_waits_is_looked_at_again_on_coming_back_to_it(stripe, start, signed_in, admin, invoice, now):
    attempt, client = start(), signed_in(admin)
    page = reverse("commerce:payment", args=[attempt.pk])
    assert 'hx-trigger="focus from:window"' in client.get(page).content.decode()
    stripe.page.pay(attempt.stripe_session_id)  # In another tab.
    settled(attempt, now)
    shown = client.get(page, headers={"HX-Request": "true"})
    assert "HX-Refresh" not in shown
    assert "Thank you, it is paid" in shown.content.decode()


def test_a_page_that_stripe_has_closed_says_so(stripe, start, signed_in, admin, now):
    attempt = start()
    stripe.page.expire(attempt.stripe_session_id)
    settled(attempt, now)
    text = signed_in(admin).get(reverse("commerce:payment", args=[attempt.pk])).content.decode()
    assert "was closed before anything was paid" in text
    assert "Pay again" in text


def test_coming_back_says_nothing_about_money(stripe, localstripe, start, signed_in, admin, invoice):
    attempt = start()
    back = reverse("commerce:payment-back", args=[attempt.pk])
    assert "This payment is not finished" in signed_in(admin).get(back, follow=True).content.decode()
    assert nothing_is_paid(localstripe, invoice)


def test_a_declined_card_leaves_the_page_open_for_another(stripe, localstripe, start, invoice, now):
    attempt = start()
    assert "declined" in stripe.page.pay(attempt.stripe_session_id, DECLINED_LATER)
    assert settled(attempt, now).state == PaymentState.REQUIRES_ACTION
    assert nothing_is_paid(localstripe, invoice)
    assert stripe.page.pay(attempt.stripe_session_id) == "complete"
    assert settled(attempt, now).state == PaymentState.SUCCEEDED
    assert len(charges(localstripe)) == 1


def test_the_bank_is_answered_on_stripe_s_page(stripe, localstripe, start, invoice, now):
    attempt = start()
    assert stripe.page.pay(attempt.stripe_session_id, ASKS_THE_BANK) == "requires_action"
    assert settled(attempt, now).state == PaymentState.REQUIRES_ACTION
    assert nothing_is_paid(localstripe, invoice)
    assert stripe.page.answer_bank(attempt.stripe_session_id) == "complete"
    assert settled(attempt, now).state == PaymentState.SUCCEEDED


# What only looks like an end


def test_events_are_hints_and_stripe_is_asked(stripe, localstripe, start, client, invoice, now):
    attempt = start()
    for kind in webhooks.EVENT_TYPES:
        if kind.startswith("checkout.session."):
            assert deliver(client, page_event(attempt, kind), at=now.timestamp()).status_code == 200
            webhooks.process(event_id=f"evt_{kind}", now=now + timedelta(minutes=1))
    attempt.refresh_from_db()
    assert attempt.state == PaymentState.REQUIRES_ACTION
    assert nothing_is_paid(localstripe, invoice)

    stripe.page.pay(attempt.stripe_session_id)
    WebhookEvent.objects.all().delete()
    deliver(client, page_event(attempt, "checkout.session.completed"), at=now.timestamp())
    webhooks.process(event_id="evt_checkout.session.completed", now=now + timedelta(minutes=1))
    attempt.refresh_from_db()
    assert attempt.state == PaymentState.SUCCEEDED
    assert WebhookEvent.objects.get().state == "processed"


def test_an_outcome_that_nobody_told_us_of_is_found(stripe, start, invoice, now):
    attempt = start()
    stripe.page.pay(attempt.stripe_session_id)
    reconciliation.fetch_events(now=now)
    for event_id in reconciliation.due_events(now=now):
        webhooks.process(event_id=event_id, now=now)
    attempt.refresh_from_db()
    assert attempt.state == PaymentState.SUCCEEDED
    assert set(WebhookEvent.objects.values_list("type", "state")) == {
        ("checkout.session.completed", "processed"), ("payment_intent.succeeded", "processed"),
    }  # fmt: skip


@pytest.mark.parametrize(("success", "state"), [(True, "succeeded"), (False, "failed")])
def test_a_bank_that_takes_days_is_waited_for(stripe, localstripe, start, invoice, now, success, state):
    attempt = start()
    stripe.page.pay_by_debit(attempt.stripe_session_id)
    assert settled(attempt, now).state == PaymentState.PROCESSING
    assert nothing_is_paid(localstripe, invoice)
    payments.resume(attempt_id=attempt.pk, now=now + timedelta(days=3))
    attempt.refresh_from_db()
    assert attempt.state == PaymentState.PROCESSING
    stripe.page.end_debit(attempt.stripe_session_id, success=success)
    ended = settled(attempt, now + timedelta(days=4))
    assert ended.state in (state, "cancelled" if not success else state)
    assert len(charges(localstripe)) == int(success)


def test_a_page_that_was_left_alone_is_closed_after_a_day(stripe, localstripe, start, invoice, now):
    attempt = start()
    payments.resume(attempt_id=attempt.pk, now=now + timedelta(hours=25))
    attempt.refresh_from_db()
    assert attempt.state == PaymentState.CANCELLED
    assert stripe.page.sessions[attempt.stripe_session_id]["status"] == "expired"
    assert nothing_is_paid(localstripe, invoice)


def test_what_was_paid_while_it_was_given_up_is_paid(stripe, localstripe, start, invoice, now):
    attempt = start()
    stripe.page.pay(attempt.stripe_session_id)
    assert payments.give_up(attempt=attempt, now=now).state == PaymentState.SUCCEEDED
    assert len(charges(localstripe)) == 1


# Trouble


@pytest.mark.parametrize("fault", [Fault.DROP_RESPONSE, Fault.RESET, Fault.RATE_LIMIT, Fault.BAD_GATEWAY])
def test_a_lost_answer_makes_one_page(stripe, start, invoice, now, fault):
    stripe.order(Order(fault, path="/v1/checkout/sessions"))
    attempt = start()
    assert (attempt.state, attempt.stripe_session_id) == ("unknown", "")
    payments.resume(attempt_id=attempt.pk, now=now + timedelta(minutes=2))
    attempt.refresh_from_db()
    assert attempt.state == PaymentState.REQUIRES_ACTION
    assert list(stripe.page.sessions) == [attempt.stripe_session_id]


def test_a_page_that_nobody_knows_of_is_let_go(stripe, localstripe, start, invoice, now):
    stripe.order(Order(Fault.DROP_RESPONSE, path="/v1/checkout/sessions"))
    attempt = start()
    payments.resume(attempt_id=attempt.pk, now=now + timedelta(minutes=16))
    attempt.refresh_from_db()
    assert (attempt.state, attempt.error_code) == ("cancelled", "never_sent")
    assert nothing_is_paid(localstripe, invoice)


def test_without_stripe_nothing_begins_and_the_page_says_so(stripe, localstripe, signed_in, admin, invoice):
    stripe.order(Order(Fault.BAD_GATEWAY, path="/v1/customers"))
    pay_page = reverse("commerce:pay", args=[invoice.number])
    page = signed_in(admin).post(f"{pay_page}checkout/", follow=True)
    assert "be reached just now. Nothing was charged" in page.content.decode()
    assert not PaymentAttempt.objects.exists()


@pytest.mark.parametrize(
    ("tampered", "problem"),
    [({"amount_total": 1}, "amount_mismatch"), ({"metadata": {"attempt_id": "other"}}, "attempt_mismatch")],
)
def test_a_page_that_does_not_fit_is_never_taken_as_paid(stripe, localstripe, start, invoice, now, tampered, problem):
    attempt = start()
    stripe.page.sessions[attempt.stripe_session_id].update(tampered)
    stripe.page.pay(attempt.stripe_session_id)
    attempt = settled(attempt, now)
    assert (attempt.state, attempt.error_code) == ("review", problem)
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.OPEN


def test_nobody_is_sent_anywhere_but_to_stripe(stripe, start, now):
    attempt = start()
    stripe.page.sessions[attempt.stripe_session_id]["url"] = "https://stripe.example/c/pay/1"
    assert checkouts.address_of(attempt=attempt, now=now) == ""
    assert not stripe_checkout.leads_to_stripe("https://checkout.stripe.com.example/c/pay/1")


def test_an_attempt_stays_on_the_page_that_it_has(start):
    attempt = start()
    with pytest.raises(IntegrityError), transaction.atomic():
        PaymentAttempt.objects.filter(pk=attempt.pk).update(stripe_session_id="cs_other")


def test_what_is_asked_for_is_what_stripe_s_sdk_knows(start):
    from stripe.params.checkout import _session_create_params as params

    sent = start().request
    assert sent.keys() <= params.SessionCreateParams.__annotations__.keys()
    assert sent["payment_intent_data"].keys() <= params.SessionCreateParamsPaymentIntentData.__annotations__.keys()
    (line,) = sent["line_items"]
    assert line.keys() <= params.SessionCreateParamsLineItem.__annotations__.keys()
    assert line["price_data"].keys() <= params.SessionCreateParamsLineItemPriceData.__annotations__.keys()


# Who may, and the setting


def test_only_who_may_buy_and_in_their_company(stripe, start, signed_in, viewer, other_admin, client, invoice):
    attempt = start()
    checkout = reverse("commerce:start-checkout", args=[invoice.number])
    back = reverse("commerce:payment-back", args=[attempt.pk])
    for person, status in ((other_admin, 404), (viewer, 403)):
        assert signed_in(person).post(checkout).status_code == status
        assert signed_in(person).get(back).status_code == status
    client.logout()
    assert "/accounts/login/" in client.post(checkout)["Location"]
    assert "/accounts/login/" in client.get(back)["Location"]
    assert PaymentAttempt.objects.count() == 1


def test_with_the_card_form_nobody_is_sent_to_stripe(stripe, settings, signed_in, admin, invoice):
    settings.STRIPE_PAY_PAGE = "card_form"
    pay_page = reverse("commerce:pay", args=[invoice.number])
    client = signed_in(admin)
    assert client.post(f"{pay_page}checkout/")["Location"] == pay_page
    assert policy(client.get(pay_page), "form-action") == "'self'"
    assert not PaymentAttempt.objects.exists()
    assert Invoice.objects.get(pk=invoice.pk).status == InvoiceStatus.OPEN


@pytest.mark.parametrize(
    "given",
    [
        {"stripe_pay_page": "elements"},
        {"stripe_checkout_origin": "checkout.stripe.com"},
        {"stripe_checkout_origin": "https://checkout.stripe.com/c"},
        {"stripe_checkout_origin": "http://checkout.example"},
    ],
)
def test_a_portal_with_a_wrong_way_to_pay_does_not_start(given):
    with pytest.raises(ValueError, match=r"stripe_pay_page|STRIPE_CHECKOUT_ORIGIN"):
        Environment(**given)
