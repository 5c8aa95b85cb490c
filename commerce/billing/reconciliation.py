"""What finds payments again when a process died, an answer was lost or a webhook never came."""

import logging
from datetime import datetime, timedelta

from accounts.jobs import enqueue
from commerce import stripe_gateway as gateway
from commerce import webhooks
from commerce.models import EventCursor, PaymentAttempt, RefundAttempt, WebhookEvent

logger = logging.getLogger(__name__)

OVERLAP = timedelta(hours=1)  # Read twice: events may be listed late, and storing them twice does nothing.
KEPT_BY_STRIPE = timedelta(days=30)
BATCH = 200


def resume_payments(*, now: datetime) -> int:
    """Hand every attempt that is due to a worker of its own; how many."""
    from commerce.tasks import resume_payment

    due = list(PaymentAttempt.objects.due(now).order_by("next_check_at").values_list("pk", flat=True)[:BATCH])
    for attempt_id in due:
        enqueue(resume_payment, attempt_id=str(attempt_id))
    return len(due)


def resume_refunds(*, now: datetime) -> int:
    """Hand every refund that is due to a worker of its own; how many."""
    from commerce.tasks import resume_refund

    due = list(RefundAttempt.objects.due(now).order_by("next_check_at").values_list("pk", flat=True)[:BATCH])
    for refund_id in due:
        enqueue(resume_refund, refund_id=str(refund_id))
    return len(due)


def sweep_webhooks(*, now: datetime) -> int:
    """Hand every stored event that is due to a worker: a lost wake-up costs seconds; how many."""
    from commerce.tasks import process_webhook

    due = list(WebhookEvent.objects.due(now).order_by("next_at").values_list("event_id", flat=True)[:BATCH])
    for event_id in due:
        enqueue(process_webhook, event_id=event_id)
    return len(due)


def fetch_events(*, now: datetime) -> None:
    """Store the events that Stripe lists, as if they had been delivered: those that were already are left alone.

    How far each type has been read moves only after its list was read to the end. Raises gateway.GatewayError.
    """
    for event_type in webhooks.EVENT_TYPES:
        cursor = EventCursor.objects.filter(event_type=event_type).first()
        since = cursor.fetched_until - OVERLAP if cursor else now - KEPT_BY_STRIPE
        for event in gateway.list_events(event_type=event_type, since=since):
            if not WebhookEvent.objects.filter(event_id=event.id).exists():
                webhooks.receive(event=event, now=now)
        EventCursor.objects.update_or_create(event_type=event_type, defaults={"fetched_until": now})
