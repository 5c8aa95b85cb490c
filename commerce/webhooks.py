"""Events of Stripe: stored under their id first, answered, then processed. They only say where to look."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import F

from commerce import stripe_gateway as gateway
from commerce.billing import payments, refunds
from commerce.models import PaymentAttempt, PaymentState, RefundAttempt, RefundState, WebhookEvent, WebhookState

logger = logging.getLogger(__name__)

DISPUTE_EVENTS = ("charge.dispute.created", "charge.dispute.closed")
REFUND_EVENTS = ("refund.created", "refund.updated", "refund.failed")
# What we listen to. payment_intent.created is not among them: it tells of nothing that has happened to money.
EVENT_TYPES = (
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    *REFUND_EVENTS,
    *DISPUTE_EVENTS,
)
ATTEMPTS = 8
LEASE = timedelta(minutes=2)  # A worker that died with an event leaves it to another after this.
FIRST_PAUSE = timedelta(seconds=5)


class UnknownPayment(Exception):
    """The event tells of a payment that we have no attempt for (yet)."""


class UnexpectedPayment(Exception):
    """Money moved, or did not move, against what we hold as closed."""


class PaymentDisputed(UnexpectedPayment):
    """A customer's bank takes a payment back: our people answer in Stripe's dashboard, and credit what is lost."""


class WrongMode(Exception):
    """An event of Stripe's test mode for a live portal, or the other way round."""


def receive(*, event: gateway.Event, now: datetime) -> None:
    """Store an event once, however often it comes; `process` follows. Raises WrongMode."""
    if event.is_live != gateway.is_live():
        raise WrongMode(event.id)
    if event.api_version != gateway.API_VERSION:
        # Nothing depends on its shape, as the object is asked for anew; yet the endpoint is not set up as meant.
        logger.warning("event %s is of API version %s, not %s", event.id, event.api_version, gateway.API_VERSION)
    WebhookEvent.objects.bulk_create(
        [
            WebhookEvent(
                event_id=event.id,
                type=event.type,
                occurred_at=event.occurred_at,
                object_id=event.object_id,
                api_version=event.api_version,
                is_live=event.is_live,
                payload=event.payload,
                received_at=now,
                next_at=now,
            )
        ],
        ignore_conflicts=True,
    )


def process(*, event_id: str, now: datetime) -> None:
    """Process one stored event, if it is due and no other worker has it.

    What can't be done yet is tried again later, and parked for a person in the end.
    """
    claimed = (
        WebhookEvent.objects.due(now).filter(event_id=event_id).update(attempts=F("attempts") + 1, next_at=now + LEASE)
    )
    if not claimed:
        return
    event = WebhookEvent.objects.get(event_id=event_id)
    if event.attempts > ATTEMPTS:  # Each time, its worker died or met an error of ours.
        _close(event, WebhookState.PARKED, now=now, error=event.last_error or "processing never ended")
        return
    try:
        state = _handle(event, now=now)
    except (gateway.GatewayError, UnknownPayment) as error:
        _postpone(event, error, now=now)
    except UnexpectedPayment as error:
        logger.error("event %s: %s", event.event_id, error)
        _close(event, WebhookState.PARKED, now=now, error=str(error))
    else:
        _close(event, state, now=now)


def replay(*, event: WebhookEvent, now: datetime) -> None:
    """Make an event due once more, as somebody asks for it in the admin."""
    WebhookEvent.objects.filter(pk=event.pk).update(
        state=WebhookState.RECEIVED, attempts=0, next_at=now, processed_at=None, last_error=""
    )


def _handle(event: WebhookEvent, *, now: datetime) -> WebhookState:
    if _metadata(event).get("portal", settings.ENV.portal_env) != settings.ENV.portal_env:
        return WebhookState.IGNORED  # Of another environment that shares the Stripe account.
    if event.type in DISPUTE_EVENTS:
        return _handle_dispute(event)
    if event.type in REFUND_EVENTS:
        return _handle_refund(event, now=now)
    attempt_id = _id_in(event, "attempt_id")
    if event.type not in EVENT_TYPES or attempt_id is None:
        return WebhookState.IGNORED  # Nothing of ours: the same Stripe account may sell other things.
    attempt = PaymentAttempt.objects.filter(pk=attempt_id).first()
    if attempt is None:
        raise UnknownPayment(f"no payment attempt {attempt_id}")
    attempt = payments.settle(attempt_id=attempt.pk, now=now, intent_id=event.object_id)
    if event.type == "payment_intent.succeeded":
        _check_success(event, attempt)
    return WebhookState.PROCESSED


def _handle_refund(event: WebhookEvent, *, now: datetime) -> WebhookState:
    refund_id = _id_in(event, "refund_id")
    if refund_id is None:
        return WebhookState.IGNORED  # Made by hand at Stripe, or not ours.
    if not RefundAttempt.objects.filter(pk=refund_id).exists():
        raise UnknownPayment(f"no refund {refund_id}")
    refund = refunds.settle(refund_id=refund_id, now=now, stripe_id=event.object_id)
    if event.type == "refund.failed" and refund.state != RefundState.FAILED:
        raise UnexpectedPayment(f"refund {refund_id} is {refund.state}, yet {event.object_id} failed")
    return WebhookState.PROCESSED


def _handle_dispute(event: WebhookEvent) -> WebhookState:
    """Raises PaymentDisputed for a payment of ours, so that the event waits for a person."""
    dispute = event.payload["data"]["object"]
    intent_id = dispute.get("payment_intent") or ""
    attempts = PaymentAttempt.objects.filter(stripe_intent_id=intent_id).exclude(stripe_intent_id="")
    attempt = attempts.select_related("invoice").first()
    if attempt is None:
        return WebhookState.IGNORED
    reason, status = dispute.get("reason", ""), dispute.get("status", "")
    raise PaymentDisputed(f"the payment of invoice {attempt.invoice.number} is disputed: {reason}, {status}")


def _id_in(event: WebhookEvent, name: str) -> UUID | None:
    """An id of ours that the event's object carries."""
    try:
        return UUID(_metadata(event).get(name, ""))
    except ValueError:
        return None


def _metadata(event: WebhookEvent) -> dict[str, str]:
    """What we wrote on the event's object, if it is ours."""
    return event.payload["data"]["object"].get("metadata") or {}


def _check_success(event: WebhookEvent, attempt: PaymentAttempt) -> None:
    """Money that we don't hold as received is for a person to look at."""
    if attempt.state == PaymentState.REVIEW:
        raise UnexpectedPayment(f"payment attempt {attempt.pk} is under review: {attempt.error_code}")
    if attempt.state != PaymentState.SUCCEEDED or attempt.stripe_intent_id != event.object_id:
        raise UnexpectedPayment(f"payment attempt {attempt.pk} is {attempt.state}, yet {event.object_id} succeeded")


def _postpone(event: WebhookEvent, error: Exception, *, now: datetime) -> None:
    if event.attempts >= ATTEMPTS:
        logger.error("event %s is parked after %d attempts: %s", event.event_id, event.attempts, error)
        _close(event, WebhookState.PARKED, now=now, error=str(error))
        return
    WebhookEvent.objects.filter(pk=event.pk).update(
        state=WebhookState.FAILED,
        last_error=str(error)[:2000],
        next_at=now + FIRST_PAUSE * 2**event.attempts,
    )


def _close(event: WebhookEvent, state: WebhookState, *, now: datetime, error: str = "") -> None:
    WebhookEvent.objects.filter(pk=event.pk).update(state=state, last_error=error[:2000], processed_at=now)
