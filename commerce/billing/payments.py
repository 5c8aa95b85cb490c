"""Paying an invoice by card: one charge, whatever dies on the way.

An attempt freezes its request and its idempotency key in the database before anything is sent. What became of it is
always asked of Stripe, by `settle`: the page that returns from the bank, webhooks and the reconciliation all call it,
in any order and as often as they like. An outcome that nobody knows is a state of its own, and blocks another attempt.

Whatever asks Stripe may not run inside a transaction, as it waits for answers from elsewhere.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import F, Max

from accounts.models import Account
from accounts.scope import account_scope, system_scope
from commerce import stripe_checkout as checkout
from commerce import stripe_gateway as gateway
from commerce.billing import settling
from commerce.models import (
    Invoice,
    InvoiceStatus,
    PaymentAttempt,
    PaymentChannel,
    PaymentState,
    StripeCustomer,
)
from commerce.orders import fulfilling
from tracking.actor import Actor

logger = logging.getLogger(__name__)

# Above the longest time that one request to Stripe takes with its repetitions: whoever sent it is dead by then.
SEND_LEASE = timedelta(seconds=35)
FIRST_CHECK = timedelta(seconds=15)  # Doubled with each check …
LONGEST_PAUSE = timedelta(minutes=10)  # … up to this.
SEND_LIMIT = timedelta(minutes=15)  # Somebody who pressed Pay longer ago does not expect to be charged any more.
# Stripe may forget idempotency keys after 24 hours; nothing is sent again from here on.
REPLAY_LIMIT = timedelta(hours=23)
BANK_LIMIT = timedelta(hours=24)  # How long the bank's question may stand unanswered.
CLOCK_SKEW = timedelta(minutes=5)


class InvoiceNotPayable(Exception):
    """The invoice is paid or void, or nothing is owed on it."""


class AlreadyPaying(Exception):
    """A payment of this invoice may still take money; another one would take it twice."""

    def __init__(self, attempt: PaymentAttempt) -> None:
        super().__init__(str(attempt))
        self.attempt = attempt


class AlreadyTried(AlreadyPaying):
    """Somebody has tried since the page was shown; the attempt says how that went."""


class CardNotReady(Exception):
    """The browser has not finished setting the card up, or it is not this company's."""


def is_chargeable(invoice: Invoice) -> bool:
    """Whether cards can be charged what is due: in a currency that they take, so exactly, and not too little."""
    try:
        gateway.charge_amount(invoice.due_minor, invoice.currency)
    except gateway.CurrencyNotPayable:
        return False
    return True


# What a customer does


def prepare_card(*, account: Account, now: datetime) -> gateway.Setup:
    """A place at Stripe for the browser to put a card. Raises gateway.GatewayError; nothing is charged."""
    return gateway.create_setup(
        customer_id=customer_id(account, now=now),
        metadata={"account": str(account.public_id)},
        key=_key("seti", uuid4()),
    )


def start_payment(*, invoice: Invoice, setup_id: str, actor: Actor, now: datetime) -> PaymentAttempt:
    """Charge the card that the browser has set up, and return the attempt in the state that it reached.

    Raises InvoiceNotPayable, AlreadyPaying, CardNotReady, and gateway.GatewayError: in each case nothing was charged.
    A charge that was declined, or whose outcome is unknown, is no error but a state of the attempt.
    """
    account = invoice.account
    customer = customer_id(account, now=now)
    setup = gateway.retrieve_setup(setup_id)
    if not setup.is_ready or setup.customer_id != customer:
        raise CardNotReady
    gateway.attach_card(card_id=setup.card_id, customer_id=customer)
    return charge(invoice=invoice, customer=customer, card_id=setup.card_id, actor=actor, now=now)


def charge(
    *, invoice: Invoice, customer: str, card_id: str, actor: Actor, now: datetime, after: int | None = None
) -> PaymentAttempt:
    """Charge a card that is the customer's at Stripe. `after`: only if no attempt has a higher number.

    Raises InvoiceNotPayable, AlreadyPaying, AlreadyTried, and gateway.CurrencyNotPayable.
    """
    with account_scope([invoice.account_id], user_id=actor.user_id, actor=actor, durable=True):
        locked = Invoice.objects.select_for_update(of=("self",)).get(pk=invoice.pk)
        if after is not None and (since := locked.attempts.filter(number__gt=after).order_by("number").last()):
            raise AlreadyTried(since)
        attempt = freeze(locked, customer=customer, card_id=card_id, by_id=actor.user_id, now=now)
    return submit(attempt_id=attempt.pk, now=now)


def bank_question(*, attempt: PaymentAttempt, now: datetime) -> str:
    """The client secret with which the browser answers the bank; empty where the bank asks nothing (any more).

    Raises gateway.OutcomeUnknown.
    """
    if settle(attempt_id=attempt.pk, now=now).state != PaymentState.REQUIRES_ACTION:
        return ""
    intent = gateway.retrieve_payment(attempt.stripe_intent_id)
    return intent.client_secret if intent.status == "requires_action" else ""


def give_up(*, attempt: PaymentAttempt, now: datetime) -> PaymentAttempt:
    """Withdraw a payment that waits for the customer, so that it can be made otherwise. Raises gateway.GatewayError."""
    if attempt.state == PaymentState.REQUIRES_ACTION:
        try:
            if attempt.is_at_stripe:
                checkout.expire_session(attempt.stripe_session_id)
            else:
                gateway.cancel_payment(attempt.stripe_intent_id)
        except gateway.Refused:
            logger.info("payment attempt %s could not be withdrawn any more", attempt.pk)
    return settle(attempt_id=attempt.pk, now=now)


# What follows, by whoever comes first


def submit(*, attempt_id: UUID, now: datetime) -> PaymentAttempt:
    """Send an attempt that has not been sent yet; one that has been is left alone."""
    with system_scope(durable=True):
        claimed = PaymentAttempt.objects.filter(pk=attempt_id, state=PaymentState.CREATED).update(
            state=PaymentState.SUBMITTING, submitted_at=now, next_check_at=now + SEND_LEASE
        )
    attempt = PaymentAttempt.objects.get(pk=attempt_id)
    return _send(attempt, now=now, again=False) if claimed else attempt


def settle(*, attempt_id: UUID, now: datetime, intent_id: str = "") -> PaymentAttempt:
    """Ask Stripe what became of an attempt, and write it down; a payment that succeeded pays the invoice and fulfils
    its order in the same transaction.

    Forward only and repeatable. `intent_id` is for an attempt whose answer was lost, from an event that names it: it
    counts only if Stripe says that it is the attempt's. Raises gateway.OutcomeUnknown when Stripe can't be asked.
    """
    attempt = PaymentAttempt.objects.get(pk=attempt_id)
    if attempt.is_at_stripe and not attempt.state_choice.is_final:
        return _settle_page(attempt, now=now)
    intent_id = attempt.stripe_intent_id or intent_id
    if not intent_id or attempt.state_choice.is_final:
        return attempt
    try:
        intent = gateway.retrieve_payment(intent_id)
    except gateway.NotFound:
        if not attempt.stripe_intent_id:
            return attempt
        return _close(attempt, PaymentState.REVIEW, now=now, error_code="payment_not_found")
    if problem := _mismatch(attempt, intent):
        return _misfit(attempt, intent.id, problem, now=now)
    if intent.status == "requires_payment_method":
        # Declined or not authenticated. As long as it lives, a browser could confirm it with another card.
        try:
            gateway.cancel_payment(intent.id)
        except gateway.Refused:
            return attempt  # It has moved on in this moment: the next check sees where to.
    return _write_down(attempt, intent, now=now)


def resume(*, attempt_id: UUID, now: datetime) -> None:
    """Take up an attempt that stopped on the way: its process died, or Stripe did not answer.

    Raises gateway.OutcomeUnknown when Stripe still does not; a later check takes it up again.
    """
    attempt = _claim_check(attempt_id, now=now)
    if attempt is None:
        return
    age = now - attempt.created_at
    if attempt.stripe_intent_id or attempt.stripe_session_id:
        if age > BANK_LIMIT:
            give_up(attempt=attempt, now=now)
        else:
            settle(attempt_id=attempt.pk, now=now)
    elif age > SEND_LIMIT and (attempt.is_at_stripe or attempt.state == PaymentState.CREATED):
        # Nobody pays on a page whose address was never known.
        _close(attempt, PaymentState.CANCELLED, now=now, error_code="never_sent")
    elif attempt.state == PaymentState.CREATED:
        submit(attempt_id=attempt.pk, now=now)
    elif attempt.is_at_stripe:
        _send(attempt, now=now, again=True)
    elif found := gateway.find_payment(attempt_id=str(attempt.pk), since=attempt.created_at - CLOCK_SKEW):
        settle(attempt_id=attempt.pk, now=now, intent_id=found)
    elif age > REPLAY_LIMIT:
        _close(attempt, PaymentState.REVIEW, now=now, error_code="outcome_unknown")
    else:
        _send(attempt, now=now, again=True)


def release(*, attempt: PaymentAttempt, now: datetime) -> PaymentAttempt:
    """A person has made sure that nothing was charged: the customer may pay again.

    Runs in that person's own transaction; an attempt that is not under review stays as it is, and so does one that is
    known to have taken money (`returning.return_money`).
    """
    locked = PaymentAttempt.objects.select_for_update(of=("self",)).get(pk=attempt.pk)
    if locked.state != PaymentState.REVIEW or locked.holds_money:
        return locked
    return _save(locked, PaymentState.CANCELLED, now=now, error_code=locked.error_code)


# Steps


def freeze(
    invoice: Invoice, *, customer: str, card_id: str, by_id: int | None, now: datetime, off_session: bool = False
) -> PaymentAttempt:
    """Write down an attempt with all that will be sent, before anything is. `off_session`: nobody is there to confirm.

    Runs in a transaction that has the invoice locked. Raises as `charge` does.
    """

    def request(metadata: Mapping[str, str]) -> gateway.Json:
        return gateway.payment_request(
            amount_minor=invoice.due_minor,
            currency=invoice.currency,
            customer_id=customer,
            card_id=card_id,
            off_session=off_session,
            metadata=metadata,
        )

    return begin(invoice, request=request, by_id=by_id, now=now)


def begin(
    invoice: Invoice,
    *,
    request: Callable[[Mapping[str, str]], gateway.Json],
    by_id: int | None,
    now: datetime,
    channel: PaymentChannel = PaymentChannel.CARD,
) -> PaymentAttempt:
    """Write down an attempt with the request that its metadata leads to. As `freeze`, for any way to pay."""
    if not invoice.is_payable:
        raise InvoiceNotPayable
    earlier = PaymentAttempt.objects.filter(invoice=invoice)
    if pending := earlier.pending().first():
        raise AlreadyPaying(pending)
    attempt_id = uuid4()
    return PaymentAttempt.objects.create(
        pk=attempt_id,
        account_id=invoice.account_id,
        invoice=invoice,
        number=(earlier.aggregate(last=Max("number"))["last"] or 0) + 1,
        amount_minor=invoice.due_minor,
        currency=invoice.currency,
        request=request({"attempt_id": str(attempt_id), "invoice": invoice.number, "portal": settings.ENV.portal_env}),
        channel=channel,
        idempotency_key=_key("pay", attempt_id),
        is_live=gateway.is_live(),
        created_by_id=by_id,
        created_at=now,
        next_check_at=now + SEND_LEASE,
    )


def _send(attempt: PaymentAttempt, *, now: datetime, again: bool) -> PaymentAttempt:
    """Send the frozen request under the frozen key: the first time, or again. No GatewayError leaves here."""
    intent_id = ""
    try:
        if attempt.is_at_stripe:
            _note_page(attempt, checkout.create_session(attempt.request, key=attempt.idempotency_key))
        else:
            intent_id = gateway.create_payment(attempt.request, key=attempt.idempotency_key).id
    except gateway.CardDeclined as error:
        return _close(
            attempt,
            PaymentState.FAILED,
            now=now,
            error_code=error.code,
            decline_code=error.decline_code,
            intent_id=error.intent_id,
        )
    except gateway.OutcomeUnknown as error:
        logger.warning("payment attempt %s: outcome unknown: %s", attempt.pk, error)
        return _wait(attempt, now=now, error_code=error.code)
    except gateway.KeyReused:
        logger.exception("payment attempt %s: its key was used for something else", attempt.pk)
        return _close(attempt, PaymentState.REVIEW, now=now, error_code="key_reused")
    except gateway.Refused as error:
        # Refused at first, nothing was done. Refused again, the first may have been: a wrong API key says nothing.
        logger.exception("payment attempt %s: refused", attempt.pk)
        is_open = again and not attempt.is_at_stripe  # A page that nobody knows takes no money.
        return _close(attempt, PaymentState.REVIEW if is_open else PaymentState.FAILED, now=now, error_code=error.code)
    try:
        return settle(attempt_id=attempt.pk, now=now, intent_id=intent_id)
    except gateway.GatewayError as error:
        return _wait(attempt, now=now, error_code=error.code, intent_id=intent_id)


def _note_page(attempt: PaymentAttempt, session: checkout.Session) -> None:
    with system_scope(attempt.account_id, durable=True):
        PaymentAttempt.objects.filter(pk=attempt.pk, stripe_session_id="").update(stripe_session_id=session.id)


def _settle_page(attempt: PaymentAttempt, *, now: datetime) -> PaymentAttempt:
    """Ask what became of the page at Stripe, and then of the payment that was made on it. As `settle`.

    As long as the page is open, a payment on it is the customer's to make, or to try again.
    """
    if not attempt.stripe_session_id:
        return attempt
    try:
        session = checkout.retrieve_session(attempt.stripe_session_id)
        intent = gateway.retrieve_payment(session.intent_id) if session.intent_id else None
    except gateway.NotFound:
        return _close(attempt, PaymentState.REVIEW, now=now, error_code="payment_not_found")
    if session.attempt_id != str(attempt.pk) or session.is_live != attempt.is_live:
        return _misfit(attempt, session.id, "attempt_mismatch", now=now)
    if session.status == "open" and (intent is None or intent.status not in ("succeeded", "processing")):
        return _close(attempt, PaymentState.REQUIRES_ACTION, now=now)
    if intent is None:
        state = PaymentState.CANCELLED if session.status == "expired" else PaymentState.REVIEW
        return _close(attempt, state, now=now, error_code=f"page_{session.status}")
    if problem := _mismatch(attempt, intent):
        return _misfit(attempt, intent.id, problem, now=now)
    return _write_down(attempt, intent, now=now)


def _misfit(attempt: PaymentAttempt, found: str, problem: str, *, now: datetime) -> PaymentAttempt:
    logger.error("payment attempt %s does not fit %s: %s", attempt.pk, found, problem)
    return _close(attempt, PaymentState.REVIEW, now=now, error_code=problem)


def _write_down(attempt: PaymentAttempt, intent: gateway.Intent, *, now: datetime) -> PaymentAttempt:
    match intent.status:
        case "succeeded":
            return _pay(attempt, intent, now=now)
        case "canceled" if not intent.error_code:
            state = PaymentState.CANCELLED
        case "canceled" | "requires_payment_method":
            state = PaymentState.FAILED
        case "requires_action":
            state = PaymentState.REQUIRES_ACTION
        case "processing":
            state = PaymentState.PROCESSING
        case _:  # We never ask for a later capture or confirmation.
            state = PaymentState.REVIEW
    return _close(
        attempt,
        state,
        now=now,
        error_code=intent.error_code,
        decline_code=intent.decline_code,
        intent_id=intent.id,
    )


def _pay(attempt: PaymentAttempt, intent: gateway.Intent, *, now: datetime) -> PaymentAttempt:
    """The money is ours: the invoice is paid, its order fulfilled and a receipt on its way, or none of it."""
    with system_scope(attempt.account_id, durable=True):
        invoice = (
            Invoice.objects.select_for_update(of=("self",))
            .select_related("account", "order")
            .get(pk=attempt.invoice_id)
        )
        locked = PaymentAttempt.objects.select_for_update(of=("self",)).get(pk=attempt.pk)
        if locked.state_choice.is_final:
            return locked
        locked.stripe_intent_id = intent.id
        if invoice.status != InvoiceStatus.OPEN:
            logger.error("payment attempt %s: money for %s, which is %s", locked.pk, invoice.number, invoice.status)
            return _save(locked, PaymentState.REVIEW, now=now, error_code=f"invoice_{invoice.status}")
        try:
            settling.mark_paid(invoice=invoice, amount_minor=locked.amount_minor, payer=locked.payer, now=now)
        except (fulfilling.OrderCancelled, fulfilling.ContractMoved) as error:
            logger.exception("payment attempt %s: money for an order that can't be fulfilled", locked.pk)
            return _save(locked, PaymentState.REVIEW, now=now, error_code=type(error).__name__)
        return _save(locked, PaymentState.SUCCEEDED, now=now)


def _close(
    attempt: PaymentAttempt,
    state: PaymentState,
    *,
    now: datetime,
    error_code: str = "",
    decline_code: str = "",
    intent_id: str = "",
) -> PaymentAttempt:
    """Move the attempt forward; one that another process has brought to its end meanwhile stays there."""
    with system_scope(attempt.account_id, durable=True):
        locked = PaymentAttempt.objects.select_for_update(of=("self",)).get(pk=attempt.pk)
        under_review = locked.state == PaymentState.REVIEW and not state.is_final
        is_past = locked.state == PaymentState.PROCESSING and state == PaymentState.REQUIRES_ACTION
        if locked.state_choice.is_final or under_review or is_past:
            return locked
        locked.stripe_intent_id = locked.stripe_intent_id or intent_id
        return _save(locked, state, now=now, error_code=error_code, decline_code=decline_code)


def _wait(attempt: PaymentAttempt, *, now: datetime, error_code: str, intent_id: str = "") -> PaymentAttempt:
    """Nobody knows: say so, and look again soon."""
    with system_scope(attempt.account_id, durable=True):
        locked = PaymentAttempt.objects.select_for_update(of=("self",)).get(pk=attempt.pk)
        if locked.state not in (PaymentState.SUBMITTING, PaymentState.UNKNOWN):
            return locked
        locked.stripe_intent_id = locked.stripe_intent_id or intent_id
        locked.next_check_at = now + pause(locked.checks)
        return _save(locked, PaymentState.UNKNOWN, now=now, error_code=error_code)


def _save(
    attempt: PaymentAttempt, state: PaymentState, *, now: datetime, error_code: str = "", decline_code: str = ""
) -> PaymentAttempt:
    attempt.state = state
    attempt.error_code, attempt.decline_code = error_code[:80], decline_code[:80]
    if state.is_final:
        attempt.settled_at, attempt.next_check_at = now, None
    attempt.save(
        update_fields=["state", "stripe_intent_id", "error_code", "decline_code", "settled_at", "next_check_at"]
    )
    return attempt


def _claim_check(attempt_id: UUID, *, now: datetime) -> PaymentAttempt | None:
    """The attempt, if it is due and no other worker has taken it."""
    attempt = PaymentAttempt.objects.due(now).filter(pk=attempt_id).first()
    if attempt is None:
        return None
    with system_scope(attempt.account_id, durable=True):
        claimed = (
            PaymentAttempt.objects.due(now)
            .filter(pk=attempt_id)
            .update(checks=F("checks") + 1, next_check_at=now + max(SEND_LEASE, pause(attempt.checks)))
        )
    return attempt if claimed else None


def pause(checks: int) -> timedelta:
    """How long to wait before Stripe is asked again."""
    return min(FIRST_CHECK * (1 << min(checks, 10)), LONGEST_PAUSE)


def _mismatch(attempt: PaymentAttempt, intent: gateway.Intent) -> str:
    """What about a payment at Stripe is not what the attempt asked for; empty if it is the same to the cent."""
    wanted = attempt.request
    checks = {
        "attempt_mismatch": intent.attempt_id == str(attempt.pk),
        "amount_mismatch": intent.amount == gateway.stripe_amount(attempt.amount_minor, attempt.currency),
        "currency_mismatch": intent.currency == attempt.currency,
        "customer_mismatch": intent.customer_id == wanted["customer"],
        "livemode_mismatch": intent.is_live == attempt.is_live,
    }
    return next((problem for problem, fits in checks.items() if not fits), "")


def customer_id(account: Account, *, now: datetime) -> str:
    """The account's id at Stripe, made where there is none or Stripe has forgotten it."""
    known = StripeCustomer.objects.filter(account=account).first()
    if known is not None and known.is_live == gateway.is_live() and gateway.customer_exists(known.stripe_id):
        return known.stripe_id
    # The old id is in the key of its replacement: under the first key, Stripe would answer with the old one again.
    stripe_id = gateway.create_customer(
        name=account.name,
        email=account.billing_email,
        metadata={"account": str(account.public_id)},
        key=_key("cust", account.public_id) + (f":after:{known.stripe_id}" if known else ""),
    )
    with system_scope(account.pk, durable=True):
        customer, _created = StripeCustomer.objects.select_for_update().get_or_create(
            account=account, defaults={"stripe_id": stripe_id, "is_live": gateway.is_live(), "created_at": now}
        )
        if known is not None and customer.stripe_id == known.stripe_id:
            customer.stripe_id, customer.is_live, customer.created_at = stripe_id, gateway.is_live(), now
            customer.save(update_fields=["stripe_id", "is_live", "created_at"])
    return customer.stripe_id


def _key(purpose: str, subject: UUID) -> str:
    return f"{settings.ENV.portal_env}:{purpose}:{subject}"
