"""Stripe Checkout: the page of Stripe's own on which a customer pays. By the client and errors of `stripe_gateway`.

Which ways to pay the page offers is set in Stripe's dashboard, and 3-D Secure is Stripe's to ask for.
https://docs.stripe.com/api/checkout/sessions
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from commerce import stripe_gateway as gateway
from commerce.stripe_gateway import CheckoutSession, Json


@dataclass(frozen=True)
class Session:
    """A page at Stripe on which one payment can be made (Checkout Session)."""

    id: str
    status: str  # open, complete or expired.
    url: str  # Empty once it is not open any more.
    intent_id: str  # Empty until somebody tries to pay.
    attempt_id: str
    is_live: bool


def session_request(
    *,
    amount_minor: int,
    currency: str,
    customer_id: str,
    description: str,
    metadata: Mapping[str, str],
    success_url: str,
    cancel_url: str,
) -> Json:
    """What `create_session` sends, to be frozen first. The page lives for a day. Raises CurrencyNotPayable."""
    price = {
        "currency": currency.lower(),
        "unit_amount": gateway.charge_amount(amount_minor, currency),
        "product_data": {"name": description},
    }
    return {
        "mode": "payment",
        "customer": customer_id,
        "line_items": [{"price_data": price, "quantity": 1}],
        # What is paid is the invoice, to the cent and in its currency.
        "adaptive_pricing": {"enabled": False},
        "submit_type": "pay",
        "metadata": dict(metadata),
        "payment_intent_data": {"metadata": dict(metadata)},
        "success_url": success_url,
        "cancel_url": cancel_url,
    }


def create_session(request: Json, *, key: str) -> Session:
    """Have the page made: nobody is charged by that. Raises OutcomeUnknown, KeyReused, Refused."""
    with gateway.our_errors():
        return _session(gateway.client().v1.checkout.sessions.create(request, {"idempotency_key": key}))  # type: ignore[arg-type]


def retrieve_session(session_id: str) -> Session:
    """Raises GatewayError."""
    with gateway.our_errors():
        return _session(gateway.client().v1.checkout.sessions.retrieve(session_id))


def expire_session(session_id: str) -> Session:
    """Make sure that nobody pays on the page any more. Raises Refused once it is not open, and other GatewayErrors."""
    with gateway.our_errors():
        return _session(gateway.client().v1.checkout.sessions.expire(session_id))


def leads_to_stripe(url: str) -> bool:
    """Whether an address is where Stripe's pages are: nobody is sent to another."""
    found = urlsplit(url)
    return f"{found.scheme}://{found.netloc}" == settings.STRIPE_CHECKOUT_ORIGIN


def _session(found: CheckoutSession) -> Session:
    return Session(
        id=found.id,
        status=found.status or "",
        url=found.url or "",
        intent_id=gateway.reference(found, "payment_intent"),
        attempt_id=found.metadata.to_dict().get("attempt_id", "") if found.metadata else "",
        is_live=found.livemode,
    )
