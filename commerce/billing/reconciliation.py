"""What finds payments again when a process died, an answer was lost or a webhook never came.

The jobs in `commerce.tasks` ask what is due, and hand each of it to a worker of its own.
"""

from datetime import datetime, timedelta
from uuid import UUID

from commerce import stripe_gateway as gateway
from commerce import webhooks
from commerce.models import EventCursor, PaymentAttempt, RefundAttempt, WebhookEvent

OVERLAP = timedelta(hours=1)  # Read twice: events may be listed late, and storing them twice does nothing.
KEPT_BY_STRIPE = timedelta(days=30)
BATCH = 200


def due_payments(*, now: datetime) -> list[UUID]:
    """Attempts that stopped on the way, or are to be asked about again; the longest waiting first."""
    return list(PaymentAttempt.objects.due(now).order_by("next_check_at").values_list("pk", flat=True)[:BATCH])


def due_refunds(*, now: datetime) -> list[UUID]:
    """Refunds that stopped on the way, or are to be asked about again; the longest waiting first."""
    return list(RefundAttempt.objects.due(now).order_by("next_check_at").values_list("pk", flat=True)[:BATCH])


def due_events(*, now: datetime) -> list[str]:
    """Ids of stored events whose wake-up was lost, or that are to be tried again; the longest waiting first."""
    return list(WebhookEvent.objects.due(now).order_by("next_at").values_list("event_id", flat=True)[:BATCH])


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
