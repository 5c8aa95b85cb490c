"""Paying on Stripe's own page (Checkout): the other way to pay, chosen by STRIPE_PAY_PAGE.

What is frozen and sent under its key is the request for the page, by which nobody is charged. From then on the attempt
waits for the customer (`requires_action`), and `payments.settle` alone says what became of it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.scope import account_scope
from commerce import stripe_checkout as checkout
from commerce import stripe_gateway as gateway
from commerce.billing import payments
from commerce.models import Invoice, PaymentAttempt, PaymentChannel, PaymentState
from tracking.actor import Actor

PAY_PAGE = "checkout"


def is_chosen() -> bool:
    """Whether customers pay on Stripe's own page."""
    return bool(settings.STRIPE_PAY_PAGE == PAY_PAGE)


def start(*, invoice: Invoice, actor: Actor, address: Callable[[str], str], now: datetime) -> PaymentAttempt:
    """Have a page made on which the invoice can be paid; `address_of` tells where it is.

    `address` makes an address of a path: the customer comes back to where they signed in. Raises InvoiceNotPayable,
    AlreadyPaying and gateway.GatewayError: in each case nothing was charged.
    """
    customer = payments.customer_id(invoice.account, now=now)
    with account_scope([invoice.account_id], user_id=actor.user_id, actor=actor, durable=True):
        locked = Invoice.objects.select_for_update(of=("self",)).get(pk=invoice.pk)

        def request(metadata: Mapping[str, str]) -> gateway.Json:
            attempt_id = metadata["attempt_id"]
            return checkout.session_request(
                amount_minor=locked.due_minor,
                currency=locked.currency,
                customer_id=customer,
                description=_("Invoice %(number)s") % {"number": locked.number},
                metadata=metadata,
                success_url=address(reverse("commerce:payment-back", args=[attempt_id])),
                cancel_url=address(reverse("commerce:payment", args=[attempt_id])),
            )

        attempt = payments.begin(locked, request=request, by_id=actor.user_id, now=now, channel=PaymentChannel.CHECKOUT)
    return payments.submit(attempt_id=attempt.pk, now=now)


def address_of(*, attempt: PaymentAttempt, now: datetime) -> str:
    """Where the customer pays; empty where there is nothing (more) to be paid. Raises gateway.GatewayError."""
    if payments.settle(attempt_id=attempt.pk, now=now).state != PaymentState.REQUIRES_ACTION:
        return ""
    url = checkout.retrieve_session(attempt.stripe_session_id).url
    return url if checkout.leads_to_stripe(url) else ""
