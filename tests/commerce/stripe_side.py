"""Stripe's side of a payment as tests drive it: the card form in a browser, and signed deliveries."""

import json
import time
from datetime import timedelta

import stripe

from sandbox.localstripe import SECRET_KEY
from sandbox.stripe_js import ASKS_THE_BANK, DECLINED_AT_ONCE, DECLINED_LATER, GOOD, StripeJs, sign

__all__ = ["ASKS_THE_BANK", "DECLINED_AT_ONCE", "DECLINED_LATER", "GOOD", "StripeJs"]

any_clock = timedelta(days=20 * 365)


def charges(localstripe):
    """Every payment that took money."""
    api = stripe.StripeClient(SECRET_KEY, base_addresses={"api": localstripe.url}).v1
    return [found for found in api.payment_intents.list({"limit": 100}).data if found.status == "succeeded"]


def event_of(intent_id, attempt_id, *, kind="payment_intent.succeeded", event_id="evt_1", live=False, **metadata):
    """An event as Stripe sends it."""
    subject = {
        "id": intent_id,
        "object": "payment_intent",
        "status": "succeeded",
        "client_secret": "never-kept",
        "metadata": {"attempt_id": str(attempt_id), **metadata},
    }
    return {
        "id": event_id,
        "object": "event",
        "type": kind,
        "created": int(time.time()),
        "livemode": live,
        "api_version": "2026-03-25.dahlia",
        "data": {"object": subject},
    }


def signed(event, *, secret, at=None):
    """Body and header of a delivery."""
    body = json.dumps(event).encode()
    return body, sign(body, secret=secret, at=at if at is not None else time.time())


def deliver(client, event, *, secret="whsec_tests", at=None):
    body, signature = signed(event, secret=secret, at=at)
    return client.post(
        "/webhooks/stripe/", body, content_type="application/json", headers={"Stripe-Signature": signature}
    )
