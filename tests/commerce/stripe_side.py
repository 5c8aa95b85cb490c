"""Stripe's side of a payment as tests drive it: the card form in a browser, and signed deliveries."""

import hashlib
import hmac
import json
import time
from datetime import timedelta

import stripe

from sandbox import web
from sandbox.localstripe import PUBLISHABLE_KEY, SECRET_KEY

any_clock = timedelta(days=20 * 365)

GOOD = "4242424242424242"
DECLINED_LATER = "4000000000000341"  # Can be set up; the charge is declined.
DECLINED_AT_ONCE = "4000000000000002"
ASKS_THE_BANK = "4000002760003184"


class StripeJs:
    """Sends what Stripe.js sends from the pay page."""

    def __init__(self, url):
        self.url = url

    def set_up(self, client_secret, number=GOOD):
        """confirmCardSetup(): the intent's status, or the error's code."""
        setup_id = client_secret.split("_secret_")[0]
        card = {"number": number, "exp_month": "12", "exp_year": "2090", "cvc": "123"}
        sent = {"client_secret": client_secret, "payment_method_data": {"type": "card", "card": card}}
        answer = self._post(f"/v1/setup_intents/{setup_id}/confirm", sent)
        if answer.get("status") == "requires_action":
            answer = self._post(f"/v1/setup_intents/{setup_id}/confirm", {"client_secret": client_secret})
        return answer.get("status") or answer["error"]["code"]

    def answer_bank(self, client_secret, *, success=True):
        """confirmCardPayment(): the customer tells the bank yes or no."""
        intent_id = client_secret.split("_secret_")[0]
        path = f"/v1/payment_intents/{intent_id}/_authenticate?success={str(success).lower()}"
        return self._post(path, {"client_secret": client_secret})

    def _post(self, path, values):
        body = json.dumps({"key": PUBLISHABLE_KEY, **values}).encode()
        return json.loads(web.request(self.url + path, method="POST", data=body).body)


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
    moment = int(at if at is not None else time.time())
    digest = hmac.new(secret.encode(), b"%d.%s" % (moment, body), hashlib.sha256).hexdigest()
    return body, f"t={moment},v1={digest}"


def deliver(client, event, *, secret="whsec_tests", at=None):
    body, signature = signed(event, secret=secret, at=at)
    return client.post(
        "/webhooks/stripe/", body, content_type="application/json", headers={"Stripe-Signature": signature}
    )
