"""The only module that speaks to Stripe: no more of its API than is exercised, our types out, our errors.

Amounts come in as ISO minor units; what Stripe counts differently for some currencies is known here alone.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import stripe
from django.conf import settings

from commerce.pricing.money import EXPONENTS
from commerce.stripe_currencies import MINIMUMS, STRIPE_EXPONENTS

TIMEOUT_SECONDS = 10  # To connect, and between two bytes of an answer.
# The version whose shapes and parameters we rely on; a webhook endpoint is made with the same. Newer ones (endive, the
# SDK's own) take allowed_payment_method_types instead of payment_method_types, which the stand-in does not know.
API_VERSION = "2026-03-25.dahlia"
MAX_NETWORK_RETRIES = 2  # Under the same idempotency key; worst case about 32 s with the time limit above.

Json = dict[str, Any]
CheckoutSession = stripe.checkout.Session  # For `stripe_checkout`, which does not import the SDK.


class GatewayError(Exception):
    """Stripe did not do what was asked."""

    def __init__(self, message: str = "", *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class OutcomeUnknown(GatewayError):
    """No answer, or one that leaves open whether it was done. Ask again under the same key, never under another."""


class Refused(GatewayError):
    """Stripe would not do it as it was asked; nothing was done."""


class NotFound(Refused):
    """Stripe knows no such object under our key."""


class CurrencyNotPayable(Refused):
    """Cards cannot be charged this amount in this currency."""


class KeyReused(GatewayError):
    """The idempotency key was used for a request with other parameters."""


class CardDeclined(GatewayError):
    """The bank said no; nothing was charged."""

    def __init__(self, message: str = "", *, code: str = "", decline_code: str = "", intent_id: str = "") -> None:
        super().__init__(message, code=code)
        self.decline_code = decline_code
        self.intent_id = intent_id


class AuthenticationRequired(CardDeclined):
    """The bank wants the customer to be present."""


class BadSignature(GatewayError):
    """The delivery was not signed with one of our secrets, or too long ago."""


@dataclass(frozen=True)
class Setup:
    """A card being noted for later use (SetupIntent)."""

    id: str
    status: str
    customer_id: str
    card_id: str
    client_secret: str

    @property
    def is_ready(self) -> bool:
        return self.status == "succeeded" and bool(self.card_id)


@dataclass(frozen=True)
class Card:
    """What may be shown of a card."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True)
class Intent:
    """A payment at Stripe (PaymentIntent). `amount` is in Stripe's units, as in the request that made it."""

    id: str
    status: str
    amount: int
    currency: str  # Upper case, as ours.
    customer_id: str
    attempt_id: str
    is_live: bool
    client_secret: str
    error_code: str
    decline_code: str


@dataclass(frozen=True)
class Refund:
    """Money on its way back. `amount` is in Stripe's units."""

    id: str
    status: str
    amount: int
    currency: str  # Upper case, as ours.
    intent_id: str
    refund_id: str  # Ours.


@dataclass(frozen=True)
class Moved:
    """Money that moved at Stripe, in or out. In ISO minor units."""

    id: str
    amount_minor: int
    currency: str
    mark: str  # Our id of it, in its metadata.


@dataclass(frozen=True)
class Event:
    """Something that happened at Stripe, delivered or listed."""

    id: str
    type: str
    occurred_at: datetime
    api_version: str
    is_live: bool
    object_id: str
    attempt_id: str
    payload: Json  # Without secrets.


def stripe_amount(amount_minor: int, currency: str) -> int:
    """ISO minor units in the units that Stripe counts in. Raises CurrencyNotPayable."""
    if currency not in STRIPE_EXPONENTS:
        raise CurrencyNotPayable(f"cards cannot be charged in {currency}", code="currency_not_payable")
    theirs, ours = STRIPE_EXPONENTS[currency], EXPONENTS[currency]
    amount, rest = divmod(amount_minor * int(10**theirs), int(10**ours))
    # Of three decimals, the last must be zero.
    if rest or (theirs == 3 and amount % 10):
        raise CurrencyNotPayable(f"{currency} cannot be charged that exactly", code="amount_too_precise")
    return amount


def iso_amount(amount: int, currency: str) -> int:
    """What Stripe counts so, in ISO minor units."""
    return amount * int(10 ** EXPONENTS[currency]) // int(10 ** STRIPE_EXPONENTS[currency])


def charge_amount(amount_minor: int, currency: str) -> int:
    """As `stripe_amount`, for what a card is to be charged. Raises CurrencyNotPayable also for too little."""
    amount = stripe_amount(amount_minor, currency)
    if amount < MINIMUMS.get(currency, 1):
        raise CurrencyNotPayable(f"{currency} is not charged in such small amounts", code="amount_too_small")
    return amount


def is_live() -> bool:
    """Whether our key moves real money."""
    key: str = settings.STRIPE_SECRET_KEY
    return key.startswith(("sk_live_", "rk_live_"))


def create_customer(*, name: str, email: str, metadata: Mapping[str, str], key: str) -> str:
    """The id of a new customer. Raises GatewayError."""
    params: Json = {"name": name, "metadata": dict(metadata)}
    if email:
        params["email"] = email
    with our_errors():
        return client().v1.customers.create(params, {"idempotency_key": key}).id  # type: ignore[arg-type]


def customer_exists(customer_id: str) -> bool:
    """False for one that was deleted, or made under another key. Raises GatewayError."""
    try:
        with our_errors():
            return not _get(client().v1.customers.retrieve(customer_id), "deleted", default=False)
    except NotFound:
        return False


def create_setup(*, customer_id: str, metadata: Mapping[str, str], key: str) -> Setup:
    """A place for the browser to put a card, so that its number never reaches us. Raises GatewayError."""
    params: Json = {
        "customer": customer_id,
        "usage": "off_session",
        "payment_method_types": ["card"],
        "metadata": dict(metadata),
    }
    with our_errors():
        return _setup(client().v1.setup_intents.create(params, {"idempotency_key": key}))  # type: ignore[arg-type]


def retrieve_setup(setup_id: str) -> Setup:
    """Raises GatewayError."""
    with our_errors():
        return _setup(client().v1.setup_intents.retrieve(setup_id))


def attach_card(*, card_id: str, customer_id: str) -> None:
    """Make the card the customer's, where setting it up has not done so (the stand-in never does).

    Raises Refused for somebody else's card, CardDeclined, and other GatewayErrors.
    """
    with our_errors():
        owner = reference(client().v1.payment_methods.retrieve(card_id), "customer")
        if not owner:
            client().v1.payment_methods.attach(card_id, {"customer": customer_id})
    if owner and owner != customer_id:
        raise Refused("the card belongs to another customer", code="card_of_another_customer")


def retrieve_card(card_id: str) -> Card:
    """How a card is recognised. Raises GatewayError."""
    with our_errors():
        card = client().v1.payment_methods.retrieve(card_id).card
    if card is None:
        raise Refused("this is no card", code="not_a_card")
    return Card(brand=card.brand, last4=card.last4, exp_month=card.exp_month, exp_year=card.exp_year)


def detach_card(card_id: str) -> None:
    """Forget a card; one that is nobody's already stays so. Raises OutcomeUnknown."""
    try:
        with our_errors():
            client().v1.payment_methods.detach(card_id)
    except NotFound:
        return
    except Refused:
        with our_errors():
            if reference(client().v1.payment_methods.retrieve(card_id), "customer"):
                raise


def payment_request(
    *,
    amount_minor: int,
    currency: str,
    customer_id: str,
    card_id: str,
    metadata: Mapping[str, str],
    off_session: bool = False,
) -> Json:
    """What `create_payment` sends, to be frozen first. `off_session`: nobody is there to answer the bank.

    Raises CurrencyNotPayable.
    """
    request: Json = {
        "amount": charge_amount(amount_minor, currency),
        "currency": currency.lower(),
        "customer": customer_id,
        "payment_method": card_id,
        "payment_method_types": ["card"],
        "confirm": True,
        "metadata": dict(metadata),
    }
    return request | {"off_session": True} if off_session else request


def create_payment(request: Json, *, key: str) -> Intent:
    """Charge the card. Raises CardDeclined, OutcomeUnknown, KeyReused, Refused."""
    with our_errors():
        return _intent(client().v1.payment_intents.create(request, {"idempotency_key": key}))  # type: ignore[arg-type]


def retrieve_payment(intent_id: str) -> Intent:
    """Raises GatewayError."""
    with our_errors():
        return _intent(client().v1.payment_intents.retrieve(intent_id))


def cancel_payment(intent_id: str) -> Intent:
    """Make sure that no money moves any more. Raises Refused once it has moved, and other GatewayErrors."""
    with our_errors():
        return _intent(client().v1.payment_intents.cancel(intent_id))


def refund_request(*, intent_id: str, amount_minor: int, currency: str, metadata: Mapping[str, str]) -> Json:
    """What `create_refund` sends, to be frozen first. Raises CurrencyNotPayable."""
    return {
        "payment_intent": intent_id,
        "amount": stripe_amount(amount_minor, currency),
        "metadata": dict(metadata),
    }


def create_refund(request: Json, *, key: str) -> Refund:
    """Pay back. Raises OutcomeUnknown, KeyReused, Refused. How much is left is for us to know: see `refunds`."""
    with our_errors():
        return _refund(client().v1.refunds.create(request, {"idempotency_key": key}))  # type: ignore[arg-type]


def retrieve_refund(refund_id: str) -> Refund:
    """Raises GatewayError."""
    with our_errors():
        return _refund(client().v1.refunds.retrieve(refund_id))


def find_refund(*, intent_id: str, refund_id: str) -> str:
    """Stripe's id of a refund whose answer was lost; empty where there is none. Raises GatewayError."""
    with our_errors():
        params: Json = {"payment_intent": intent_id, "limit": 100}
        made = map(_refund, client().v1.refunds.list(params).auto_paging_iter())  # type: ignore[arg-type]
        return next((refund.id for refund in made if refund.refund_id == refund_id), "")


def list_events(*, event_type: str, since: datetime) -> Iterator[Event]:
    """Events of a type, in no order that counts. Raises GatewayError, also between two events."""
    with our_errors():
        params: Json = {"type": event_type, "created": {"gte": int(since.timestamp())}, "limit": 100}
        for event in client().v1.events.list(params).auto_paging_iter():  # type: ignore[arg-type]
            yield _event(event)


def list_payments(*, since: datetime, until: datetime) -> Iterator[Moved]:
    """Payments of our attempts that succeeded in a half-open time, as events tell of them. Raises GatewayError."""
    for event in list_events(event_type="payment_intent.succeeded", since=since):
        subject = event.payload["data"]["object"]
        if event.attempt_id and event.occurred_at < until and _is_of_this_portal(subject.get("metadata") or {}):
            currency = str(subject["currency"]).upper()
            yield Moved(event.object_id, iso_amount(subject["amount"], currency), currency, event.attempt_id)


def list_refunds(*, since: datetime, until: datetime) -> Iterator[Moved]:
    """Refunds of ours that were begun in a half-open time and have succeeded. Raises GatewayError."""
    params: Json = {"limit": 100}
    if not settings.STRIPE_API_BASE:  # Not exercised: the stand-in can't be asked for a time, and all are read.
        params["created"] = {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
    with our_errors():
        for found in client().v1.refunds.list(params).auto_paging_iter():  # type: ignore[arg-type]
            refund, metadata = _refund(found), _metadata(found)
            is_within = since <= datetime.fromtimestamp(found.created, UTC) < until
            if is_within and refund.refund_id and refund.status == "succeeded" and _is_of_this_portal(metadata):
                amount_minor = iso_amount(refund.amount, refund.currency)
                yield Moved(refund.id, amount_minor, refund.currency, refund.refund_id)


def find_payment(*, attempt_id: str, since: datetime) -> str:
    """The id of a payment made for an attempt whose answer was lost; empty where no event tells of one.

    Raises GatewayError.
    """
    succeeded = list_events(event_type="payment_intent.succeeded", since=since)
    return next((event.object_id for event in succeeded if event.attempt_id == attempt_id), "")


def verify_event(payload: bytes, signature: str) -> Event:
    """The event of a delivery signed with any of our secrets. Raises BadSignature."""
    if not signature.isascii():  # Signatures are compared as ASCII.
        raise BadSignature("not a signature")
    for secret in settings.STRIPE_WEBHOOK_SECRETS:
        try:
            return _event(stripe.Webhook.construct_event(payload, signature, secret))
        except stripe.SignatureVerificationError:
            continue
        except (ValueError, AttributeError, KeyError) as error:  # Signed, but no event that we can read.
            raise BadSignature(str(error)) from error
    raise BadSignature("no secret fits")


def client() -> stripe.StripeClient:
    """The SDK's client, for `stripe_checkout` and this module alone."""
    return _build_client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE, TIMEOUT_SECONDS, MAX_NETWORK_RETRIES)


@lru_cache(maxsize=4)
def _build_client(secret_key: str, api_base: str, timeout: float, retries: int) -> stripe.StripeClient:
    return stripe.StripeClient(
        secret_key,
        stripe_version=API_VERSION,
        base_addresses={"api": api_base} if api_base else None,
        max_network_retries=retries,
        http_client=stripe.RequestsClient(timeout=timeout),
    )


@contextmanager
def our_errors() -> Iterator[None]:
    """Raises a GatewayError for each that the SDK raises."""
    try:
        yield
    except stripe.CardError as error:
        raise _declined(error) from error
    except stripe.IdempotencyError as error:
        raise KeyReused(str(error), code="key_reused") from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise Refused(str(error), code="not_allowed") from error
    except stripe.InvalidRequestError as error:
        kind = NotFound if error.http_status == 404 else Refused
        raise kind(str(error), code=error.code or "invalid_request") from error
    except stripe.StripeError as error:  # No connection, 429, 409 in use, 5xx, and what is no JSON.
        raise OutcomeUnknown(str(error), code=error.code or type(error).__name__) from error


def _declined(error: stripe.CardError) -> CardDeclined:
    kind = AuthenticationRequired if error.code == "authentication_required" else CardDeclined
    intent = _get(error.error, "payment_intent", default=None)
    return kind(
        error.user_message or "",
        code=error.code or "card_declined",
        decline_code=_get(error.error, "decline_code", default="") or "",
        intent_id=_get(intent, "id", default="") or "",
    )


def _get(found: object, name: str, *, default: Any) -> Any:
    """A field that not every answer has: Stripe's objects raise for what is missing."""
    return getattr(found, name, default)


def reference(found: object, name: str) -> str:
    """The id of another object, whether it came expanded or not."""
    value = _get(found, name, default=None)
    return value if isinstance(value, str) else str(_get(value, "id", default="") or "")


def _setup(found: stripe.SetupIntent) -> Setup:
    return Setup(
        id=found.id,
        status=found.status,
        customer_id=reference(found, "customer"),
        card_id=reference(found, "payment_method"),
        client_secret=found.client_secret or "",
    )


def _intent(found: stripe.PaymentIntent) -> Intent:
    problem = _get(found, "last_payment_error", default=None)
    return Intent(
        id=found.id,
        status=found.status,
        amount=found.amount,
        currency=found.currency.upper(),
        customer_id=reference(found, "customer"),
        attempt_id=found.metadata.to_dict().get("attempt_id", ""),
        is_live=_get(found, "livemode", default=False),
        client_secret=found.client_secret or "",
        error_code=_get(problem, "code", default="") or "",
        decline_code=_get(problem, "decline_code", default="") or "",
    )


def _refund(found: stripe.Refund) -> Refund:
    return Refund(
        id=found.id,
        status=found.status or "",
        amount=found.amount,
        currency=found.currency.upper(),
        intent_id=reference(found, "payment_intent"),
        refund_id=_metadata(found).get("refund_id", ""),
    )


def _metadata(found: stripe.StripeObject) -> dict[str, str]:
    metadata = _get(found, "metadata", default=None)
    return metadata.to_dict() if metadata else {}


def _is_of_this_portal(metadata: Mapping[str, str]) -> bool:
    """Not of another environment that shares the Stripe account."""
    return metadata.get("portal", settings.ENV.portal_env) == settings.ENV.portal_env


def _event(found: stripe.Event) -> Event:
    payload: Json = found.to_dict()
    subject: Json = payload["data"]["object"]
    subject.pop("client_secret", None)
    metadata = subject.get("metadata") or {}
    return Event(
        id=found.id,
        type=found.type,
        occurred_at=datetime.fromtimestamp(found.created, UTC),
        api_version=payload.get("api_version") or "",
        is_live=bool(payload.get("livemode", False)),
        object_id=subject.get("id") or "",
        attempt_id=metadata.get("attempt_id") or "",
        payload=payload,
    )
