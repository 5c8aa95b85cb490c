"""Paying back by card what a company has in credit: once, whatever dies on the way.

As with payments: request and idempotency key are frozen before anything is sent, what became of it is asked of Stripe
by `settle`, and an outcome that nobody knows is a state of its own. What is refunded comes out of the company's
balance, so that no invoice seems paid with money that went back; and never more than is left of the payment.

Whatever asks Stripe may not run inside a transaction.
"""

import logging
from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum
from django.utils.translation import gettext as _

from accounts.notifications import notify
from accounts.scope import system_scope
from commerce import stripe_gateway as gateway
from commerce.billing import balances
from commerce.billing.contacts import billing_contacts
from commerce.billing.payments import REPLAY_LIMIT, SEND_LEASE, pause
from commerce.models import PaymentAttempt, PaymentState, RefundAttempt, RefundState
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record

logger = logging.getLogger(__name__)


class NotRefundable(Exception):
    """The payment took no money, or not so much is left of it or in credit."""


class RefundedMeanwhile(Exception):
    """Something of the payment was paid back since whoever asks looked at it: the same click twice, as a rule."""


def left_of(payment: PaymentAttempt) -> int:
    """What of the payment has not been paid back, and is not about to be. One query."""
    if payment.state != PaymentState.SUCCEEDED:
        return 0
    return payment.amount_minor - (payment.refunds.counting().aggregate(total=Sum("amount_minor"))["total"] or 0)


def begin(
    *,
    payment: PaymentAttempt,
    amount_minor: int,
    reason: str,
    actor: Actor,
    now: datetime,
    seen_left_minor: int | None = None,
) -> RefundAttempt:
    """Write down a refund with all that will be sent, and take it out of the balance. `submit` sends it.

    `seen_left_minor` is what was left of the payment as a person read it.
    Raises NotRefundable, RefundedMeanwhile, and gateway.CurrencyNotPayable: then nothing has changed.
    """
    with transaction.atomic():
        locked = PaymentAttempt.objects.select_for_update(of=("self",)).get(pk=payment.pk)
        if seen_left_minor is not None and seen_left_minor != left_of(locked):
            raise RefundedMeanwhile(_("Something of this payment was paid back since you looked. Look again."))
        _check(locked, amount_minor)
        refund_id = uuid4()
        refund = RefundAttempt.objects.create(
            pk=refund_id,
            account_id=locked.account_id,
            payment=locked,
            amount_minor=amount_minor,
            currency=locked.currency,
            reason=reason.strip()[:200],
            request=gateway.refund_request(
                intent_id=locked.stripe_intent_id,
                amount_minor=amount_minor,
                currency=locked.currency,
                metadata={"refund_id": str(refund_id), "portal": settings.ENV.portal_env},
            ),
            idempotency_key=f"{settings.ENV.portal_env}:refund:{refund_id}",
            created_by_id=actor.user_id,
            created_at=now,
            next_check_at=now + SEND_LEASE,
        )
        balances.pay_back(refund=refund, now=now)
    return refund


def submit(*, refund_id: UUID, now: datetime) -> RefundAttempt:
    """Send a refund that has not been sent yet; one that has been is left alone."""
    with system_scope(durable=True):
        claimed = RefundAttempt.objects.filter(pk=refund_id, state=RefundState.CREATED).update(
            state=RefundState.SUBMITTING, submitted_at=now, next_check_at=now + SEND_LEASE
        )
    refund = RefundAttempt.objects.get(pk=refund_id)
    return _send(refund, now=now, again=False) if claimed else refund


def settle(*, refund_id: UUID, now: datetime, stripe_id: str = "") -> RefundAttempt:
    """Ask Stripe what became of a refund, and write it down. Forward only and repeatable.

    `stripe_id` is for one whose answer was lost. Raises gateway.OutcomeUnknown when Stripe can't be asked.
    """
    refund = RefundAttempt.objects.select_related("payment").get(pk=refund_id)
    stripe_id = refund.stripe_refund_id or stripe_id
    if not stripe_id or refund.state_choice.is_final:
        return refund
    try:
        found = gateway.retrieve_refund(stripe_id)
    except gateway.NotFound:
        return _close(refund, RefundState.REVIEW, now=now, error_code="refund_not_found")
    if problem := _mismatch(refund, found):
        logger.error("refund %s does not fit %s: %s", refund.pk, found.id, problem)
        return _close(refund, RefundState.REVIEW, now=now, error_code=problem)
    return _close(refund, _state_of(found), now=now, stripe_id=found.id)


def resume(*, refund_id: UUID, now: datetime) -> None:
    """Take up a refund that stopped on the way. Raises gateway.GatewayError when Stripe still does not answer."""
    refund = RefundAttempt.objects.due(now).select_related("payment").filter(pk=refund_id).first()
    if refund is None:
        return
    with system_scope(refund.account_id, durable=True):
        claimed = (
            RefundAttempt.objects.due(now)
            .filter(pk=refund_id)
            .update(checks=F("checks") + 1, next_check_at=now + max(SEND_LEASE, pause(refund.checks)))
        )
    if not claimed:
        return
    if refund.stripe_refund_id:
        settle(refund_id=refund.pk, now=now)
    elif refund.state == RefundState.CREATED:
        submit(refund_id=refund.pk, now=now)
    elif found := gateway.find_refund(intent_id=refund.payment.stripe_intent_id, refund_id=str(refund.pk)):
        settle(refund_id=refund.pk, now=now, stripe_id=found)
    elif now - refund.created_at > REPLAY_LIMIT:
        _close(refund, RefundState.REVIEW, now=now, error_code="outcome_unknown")
    else:
        _send(refund, now=now, again=True)


def release(*, refund: RefundAttempt, now: datetime) -> RefundAttempt:
    """A person has made sure that nothing went back: it is the company's credit again.

    Runs in that person's own transaction; a refund that is not under review stays as it is.
    """
    with transaction.atomic():
        locked = RefundAttempt.objects.select_for_update(of=("self",)).get(pk=refund.pk)
        if locked.state != RefundState.REVIEW:
            return locked
        locked.state, locked.settled_at, locked.next_check_at = RefundState.FAILED, now, None
        locked.save(update_fields=["state", "settled_at", "next_check_at"])
        balances.take_back(refund=locked, now=now)
    return locked


def _check(payment: PaymentAttempt, amount_minor: int) -> None:
    if not 0 < amount_minor <= left_of(payment):
        raise NotRefundable(_("Less than that is left of this payment."))
    balances.lock(payment.account_id)
    if amount_minor > balances.balance_of(payment.account, payment.currency):
        raise NotRefundable(_("The company has less than that in credit. Credit an invoice first."))


def _send(refund: RefundAttempt, *, now: datetime, again: bool) -> RefundAttempt:
    """Send the frozen request under the frozen key: the first time, or again. No GatewayError leaves here."""
    try:
        found = gateway.create_refund(refund.request, key=refund.idempotency_key)
    except gateway.OutcomeUnknown as error:
        logger.warning("refund %s: outcome unknown: %s", refund.pk, error)
        return _close(refund, RefundState.UNKNOWN, now=now, error_code=error.code)
    except gateway.KeyReused:
        logger.exception("refund %s: its key was used for something else", refund.pk)
        return _close(refund, RefundState.REVIEW, now=now, error_code="key_reused")
    except gateway.GatewayError as error:
        # Refused at first, nothing was done. Refused again, the first may have been.
        logger.exception("refund %s: refused", refund.pk)
        return _close(refund, RefundState.REVIEW if again else RefundState.FAILED, now=now, error_code=error.code)
    try:
        return settle(refund_id=refund.pk, now=now, stripe_id=found.id)
    except gateway.GatewayError as error:
        return _close(refund, RefundState.UNKNOWN, now=now, error_code=error.code, stripe_id=found.id)


def _state_of(found: gateway.Refund) -> RefundState:
    match found.status:
        case "succeeded":
            return RefundState.SUCCEEDED
        case "pending" | "requires_action":
            return RefundState.PENDING
        case "failed" | "canceled":
            return RefundState.FAILED
    return RefundState.REVIEW


def _close(
    refund: RefundAttempt, state: RefundState, *, now: datetime, error_code: str = "", stripe_id: str = ""
) -> RefundAttempt:
    """Move the refund forward; one that another process has brought to its end meanwhile stays there."""
    with system_scope(refund.account_id, durable=True):
        locked = RefundAttempt.objects.select_for_update(of=("self",)).select_related("account").get(pk=refund.pk)
        is_further = locked.state == RefundState.REVIEW or locked.state == RefundState.PENDING
        if locked.state_choice.is_final or (is_further and state == RefundState.UNKNOWN):
            return locked
        locked.state, locked.error_code = state, error_code[:80]
        locked.stripe_refund_id = locked.stripe_refund_id or stripe_id
        locked.next_check_at = now + pause(locked.checks)
        if state.is_final:
            locked.settled_at, locked.next_check_at = now, None
        locked.save(update_fields=["state", "error_code", "stripe_refund_id", "next_check_at", "settled_at"])
        if state == RefundState.FAILED:
            balances.take_back(refund=locked, now=now)
        if state == RefundState.SUCCEEDED:
            _tell(locked, now=now)
    return locked


def _tell(refund: RefundAttempt, *, now: datetime) -> None:
    record(
        name=EventName.PAYMENT_REFUNDED,
        actor=Actor.system(refund.account_id),
        now=now,
        object_type="invoice",
        object_id=refund.payment.invoice.number,
        properties={"amount_minor": refund.amount_minor, "currency": refund.currency},
    )
    notify(
        kind="refund",
        to=billing_contacts(refund.account),
        account=refund.account,
        context={"refund": refund, "invoice": refund.payment.invoice},
    )


def _mismatch(refund: RefundAttempt, found: gateway.Refund) -> str:
    """What about a refund at Stripe is not what was asked for; empty if it is the same to the cent."""
    wanted = refund.request
    checks = {
        "refund_mismatch": found.refund_id == str(refund.pk),
        "amount_mismatch": found.amount == wanted["amount"],
        "currency_mismatch": found.currency == refund.currency,
        "payment_mismatch": found.intent_id == wanted["payment_intent"],
    }
    return next((problem for problem, fits in checks.items() if not fits), "")
