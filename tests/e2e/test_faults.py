"""What dies on the way, and what comes twice: one charge, one order, one invoice, one Opportunity all the same."""

import hashlib
import hmac
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect

from sandbox import web
from sandbox.proxy import Fault
from sandbox.stack import WEB, WORKER
from tests.e2e.stack_fixtures import Portal, until
from tests.e2e.steps import (
    ACCEPTED,
    Purchase,
    assert_paid_once,
    expect_paid,
    fill_card,
    order_more_seats,
    pay_button,
)

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

PAYMENT = "/v1/payment_intents"


@pytest.fixture
def buyer(portal: Portal, visit):
    """An administrator's page, of a company that has bought nothing here yet and whose contract nothing waits for."""
    row = portal.row(
        "SELECT u.email FROM accounts_membership m JOIN accounts_user u ON u.id = m.user_id"
        " JOIN commerce_contract c ON c.account_id = m.account_id"
        " WHERE m.is_active AND 'administrator' = ANY(m.roles) AND NOT u.is_demo"
        " AND c.status = 'active' AND c.end_date > current_date + 30"
        " AND NOT EXISTS (SELECT 1 FROM commerce_order o WHERE o.account_id = m.account_id"
        "   AND (o.placed_at > now() - interval '2 hours' OR o.status = 'awaiting_payment'))"
        " AND NOT EXISTS (SELECT 1 FROM commerce_pendingchange p WHERE p.contract_id = c.id AND p.status = 'open')"
        " ORDER BY m.id LIMIT 1"
    )
    assert row is not None, "every company of the demo has just bought something"
    return visit(row["email"], by_code=True)


@pytest.fixture(autouse=True)
def no_trouble_is_left(portal: Portal):
    yield
    portal.end_trouble()


def charged(portal: Portal, purchase: Purchase):
    return until(lambda: portal.charges(purchase.invoice), "nothing was charged")


def test_two_tabs_and_a_double_click_charge_once(portal, buyer):
    purchase = order_more_seats(portal, buyer)
    other = buyer.context.new_page()
    other.goto(purchase.pay_path)
    for page in (buyer, other):
        fill_card(page, ACCEPTED)
    # Both tabs press twice within one moment, before any of them has an answer.
    twice = "button => { button.click(); button.click(); }"
    pay_button(buyer).evaluate(twice)
    pay_button(other).evaluate(twice)
    # Whichever tab is first comes to the payment; the other one too, or to the invoice if that is paid by then.
    for page in (buyer, other):
        expect(page.get_by_role("heading", level=1)).not_to_contain_text("Pay invoice", timeout=20_000)
        expect(page.get_by_role("main")).to_contain_text(re.compile(r"\bPaid\b|it is paid"), timeout=20_000)
    assert_paid_once(portal, purchase)


def test_a_webhook_delivered_twice_and_before_the_return_page_pays_once(portal, buyer):
    purchase = order_more_seats(portal, buyer)
    fill_card(buyer, ACCEPTED)
    portal.stripe_trouble.order(Fault.DELAY, path=PAYMENT, seconds=8)
    pay_button(buyer).click()
    [intent] = charged(portal, purchase)

    event = json.dumps(
        {
            "id": f"evt_{intent['id']}",
            "object": "event",
            "api_version": "2017-08-15",
            "created": int(time.time()),
            "livemode": False,
            "type": "payment_intent.succeeded",
            "data": {"object": intent},
        }
    ).encode()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: deliver(portal, event), range(2)))
    assert answers == [200, 200]
    until(
        lambda: portal.row("SELECT 1 FROM commerce_invoice WHERE number = %s AND status = 'paid'", purchase.invoice),
        "the webhook has not paid the invoice",
        seconds=7,
    )
    expect_paid(buyer)
    assert deliver(portal, event) == 200
    assert_paid_once(portal, purchase)
    email = portal.row(
        "SELECT email FROM accounts_user u JOIN commerce_order o ON o.placed_by_id = u.id WHERE o.serial = %s",
        int(purchase.order[2:]),
    )["email"]
    assert len(until(lambda: portal.mail(email, f"Receipt for {purchase.invoice}"), "no receipt was sent")) == 1


def deliver(portal: Portal, event: bytes) -> int:
    """Post an event as Stripe does, signed with the webhook's secret."""
    now = int(time.time())
    secret = portal.stack.env["STRIPE_WEBHOOK_SECRET"].encode()
    signature = hmac.new(secret, f"{now}.".encode() + event, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={now},v1={signature}"}
    address = f"{portal.stack.loopback_url}/webhooks/stripe/"
    return web.request(address, method="POST", data=event, headers=headers).status


def test_the_web_process_dies_after_the_charge_and_before_the_answer(portal, buyer):
    purchase = order_more_seats(portal, buyer)
    fill_card(buyer, ACCEPTED)
    portal.stripe_trouble.order(Fault.DELAY, path=PAYMENT, seconds=20)
    pay_button(buyer).click()
    charged(portal, purchase)
    portal.stack.kill(WEB)
    state = (
        "SELECT a.state FROM commerce_paymentattempt a JOIN commerce_invoice i ON i.id = a.invoice_id"
        " WHERE i.number = %s"
    )
    assert portal.row(state, purchase.invoice) == {"state": "submitting"}, "the answer had arrived already"
    portal.stack.restart(WEB)

    buyer.goto(purchase.pay_path)
    expect(buyer.get_by_role("heading", level=1, name="We are checking your payment")).to_be_visible()
    # The lease of who sent the payment ends: by then they are dead for certain.
    portal.change(
        "UPDATE commerce_paymentattempt SET next_check_at = now() FROM commerce_invoice i"
        " WHERE i.id = invoice_id AND i.number = %s",
        purchase.invoice,
    )
    expect_paid(buyer, seconds=45)
    assert_paid_once(portal, purchase)


def test_the_worker_dies_while_it_tells_salesforce_of_the_order(portal, buyer):
    # The org takes its time, and does what it was asked for when the worker is gone.
    portal.org_trouble(method="PATCH", path="composite/sobjects/Opportunity", delay=10)
    purchase = order_more_seats(portal, buyer)
    until(portal.org_has_met_trouble, "no worker has told the org of the Opportunity")
    portal.stack.kill(WORKER)
    assert not portal.org("Opportunity", purchase.deal_id), "the worker had its answer already"
    fill_card(buyer, ACCEPTED)
    pay_button(buyer).click()
    expect_paid(buyer)
    until(lambda: portal.org("Opportunity", purchase.deal_id), "the org has not done the dead worker's work")
    leased = "SELECT 1 FROM crm_outboxrow WHERE object = 'Opportunity' AND external_id = %s AND state = 'leased'"
    assert portal.row(leased, purchase.deal_id), "the worker had noted the answer already"
    portal.stack.restart(WORKER)
    # The dead worker's lease ends.
    portal.change("UPDATE crm_outboxrow SET next_at = now() WHERE state = 'leased'")
    until(
        lambda: (
            not portal.rows(
                "SELECT 1 FROM crm_outboxrow WHERE external_id = %s AND state <> 'done' AND state <> 'superseded'",
                purchase.deal_id,
            )
        ),
        "the Opportunity was not sent again",
        seconds=30,
    )
    assert_paid_once(portal, purchase)
