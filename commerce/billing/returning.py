"""Money that was taken for nothing: its invoice was withdrawn, or its order can't be fulfilled any more.

Such a payment stays under review until one of our people has it sent back. It never was the company's credit, and is
no refund of an invoice: it goes back in full, once.
"""

import logging
from datetime import datetime
from uuid import UUID

from django.conf import settings

from accounts.scope import system_scope
from commerce import stripe_gateway as gateway
from commerce.models import PaymentAttempt, PaymentState

logger = logging.getLogger(__name__)


def return_money(*, attempt_id: UUID, now: datetime) -> PaymentAttempt:
    """Send back what a payment under review has taken; where it took nothing, only let go of it.

    Repeatable: the key is the attempt's, and Stripe is asked first. Asks Stripe, so never inside a transaction. Raises
    gateway.GatewayError: then the payment stays under review, and may be sent back again.
    """
    attempt = PaymentAttempt.objects.get(pk=attempt_id)
    if not attempt.holds_money:
        return attempt
    intent_id, mark = attempt.stripe_intent_id, mark_of(attempt.pk)
    if not gateway.find_refund(intent_id=intent_id, refund_id=mark):
        request = gateway.refund_request(
            intent_id=intent_id,
            amount_minor=attempt.amount_minor,
            currency=attempt.currency,
            metadata={"refund_id": mark, "portal": settings.ENV.portal_env},
        )
        gateway.create_refund(request, key=f"{settings.ENV.portal_env}:{mark}")
    with system_scope(attempt.account_id, durable=True):
        locked = PaymentAttempt.objects.select_for_update(of=("self",)).get(pk=attempt.pk)
        if locked.holds_money:
            locked.state, locked.settled_at, locked.next_check_at = PaymentState.CANCELLED, now, None
            locked.save(update_fields=["state", "settled_at", "next_check_at"])
    return locked


def mark_of(attempt_id: UUID) -> str:
    """By which what was sent back for a payment is found at Stripe (metadata `refund_id`)."""
    return f"return:{attempt_id}"
