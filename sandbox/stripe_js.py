"""What Stripe.js sends from the pay page, and how Stripe signs what it delivers: without a browser or Stripe."""

import hashlib
import hmac
import json
from typing import Any

from sandbox import web
from sandbox.localstripe import PUBLISHABLE_KEY

GOOD = "4242424242424242"
DECLINED_LATER = "4000000000000341"  # Can be set up; the charge is declined.
DECLINED_AT_ONCE = "4000000000000002"
ASKS_THE_BANK = "4000002760003184"


class StripeJs:
    """Talks to the stand-in past the proxy, as browsers do."""

    def __init__(self, url: str) -> None:
        self.url = url

    def set_up(self, client_secret: str, number: str = GOOD) -> str:
        """confirmCardSetup(): the intent's status, or the error's code."""
        setup_id = client_secret.split("_secret_")[0]
        card = {"number": number, "exp_month": "12", "exp_year": "2090", "cvc": "123"}
        sent = {"client_secret": client_secret, "payment_method_data": {"type": "card", "card": card}}
        answer = self._post(f"/v1/setup_intents/{setup_id}/confirm", sent)
        if answer.get("status") == "requires_action":
            answer = self._post(f"/v1/setup_intents/{setup_id}/confirm", {"client_secret": client_secret})
        return str(answer.get("status") or answer["error"]["code"])

    def answer_bank(self, client_secret: str, *, success: bool = True) -> dict[str, Any]:
        """confirmCardPayment(): the customer tells the bank yes or no."""
        intent_id = client_secret.split("_secret_")[0]
        path = f"/v1/payment_intents/{intent_id}/_authenticate?success={str(success).lower()}"
        return self._post(path, {"client_secret": client_secret})

    def _post(self, path: str, values: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps({"key": PUBLISHABLE_KEY, **values}).encode()
        answer: dict[str, Any] = json.loads(web.request(self.url + path, method="POST", data=body).body)
        return answer


def sign(body: bytes, *, secret: str, at: float) -> str:
    """The header with which Stripe signs a delivery at that second."""
    moment = int(at)
    digest = hmac.new(secret.encode(), b"%d.%s" % (moment, body), hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"
