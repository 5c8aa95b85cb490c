"""Where Stripe delivers its events: verify, store, answer. Processing comes later."""

import logging

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.jobs import enqueue
from commerce import stripe_gateway as gateway
from commerce import webhooks
from commerce.tasks import process_webhook

logger = logging.getLogger(__name__)

MAX_BYTES = 256 * 1024  # Events are a few kilobytes.


@csrf_exempt  # Signed instead.
@login_not_required
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """200 also for what came before or is of no interest; 400 for what Stripe did not sign, which is not stored."""
    if int(request.headers.get("Content-Length") or 0) > MAX_BYTES:
        return HttpResponse(status=413)
    try:
        event = gateway.verify_event(request.body, request.headers.get("Stripe-Signature", ""))
        webhooks.receive(event=event, now=timezone.now())
    except gateway.BadSignature as error:
        logger.warning("a webhook was refused: %s", error)
        return HttpResponse(status=400)
    except webhooks.WrongMode as error:
        logger.exception("event %s is of the other mode of Stripe than our key", error)
        return HttpResponse(status=400)
    enqueue(process_webhook, event_id=event.id)
    return HttpResponse(status=200)
