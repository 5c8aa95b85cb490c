"""Charging invoices to the company's default card: on the due date, then by the policy's days, and "Retry now".

Each try is a payment attempt like any other, frozen with its key before anything is sent. A soft decline is tried again
on the next day of the policy; a hard one stops until another card is chosen. Whatever asks Stripe may not run inside a
transaction.
"""

import logging
from datetime import date, datetime

from django.db.models import Exists, OuterRef

from accounts.notifications import notify
from accounts.scope import system_scope
from commerce import stripe_gateway as gateway
from commerce.billing import payments, standing
from commerce.billing.cards import NoCard, default_card
from commerce.billing.contacts import billing_contacts
from commerce.models import (
    AutoPay,
    Collection,
    DunningPolicy,
    Invoice,
    PaymentAttempt,
    PaymentState,
    Stop,
    StoredCard,
)
from commerce.models.dunning import local_day
from tracking.actor import Actor

logger = logging.getLogger(__name__)

BATCH = 200
# Declines after which the same card is never accepted. https://docs.stripe.com/declines/codes
HARD_DECLINES = frozenset(
    {
        "expired_card",
        "highest_risk_level",
        "incorrect_number",
        "invalid_account",
        "lost_card",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "stolen_card",
        "transaction_not_allowed",
    }
)
WANTS_THE_CUSTOMER = frozenset({"authentication_required", "payment_intent_authentication_failure"})


def begin_due(*, now: datetime) -> int:
    """Note every invoice that is due, of companies that pay by themselves; how many. Once each. Two queries."""
    agreed = AutoPay.objects.running().filter(account=OuterRef("account"))
    invoices = Invoice.objects.payable().filter(Exists(agreed), collection=None, due_date__lte=local_day(now))
    found = [
        Collection(account=invoice.account, invoice=invoice, first_date=today, next_try_date=today)
        for invoice in invoices.select_related("account").order_by("due_date", "pk")
        for today in [invoice.account.local_date(now)]
    ]
    return len(Collection.objects.bulk_create(found, batch_size=500, ignore_conflicts=True))


def due_collections(*, now: datetime) -> list[int]:
    """Begin what is due today, look at what failed, and say for which invoices the card is to be tried now.

    May run as often as it likes: a card is tried once for each date.
    """
    begin_due(now=now)
    for collection in Collection.objects.answered().select_related("account").order_by("pk"):
        try:
            follow(collection=collection, now=now)
        except Exception:
            logger.exception("what follows for %s could not be written down", collection.pk)
    due = Collection.objects.due(now).order_by("next_try_date", "pk")
    return list(due.values_list("pk", flat=True)[:BATCH])


def collect(*, collection_id: int, now: datetime) -> PaymentAttempt | None:
    """Try the default card for one invoice whose date has come; the attempt, or none where nothing is to be tried."""
    attempt = _claim(collection_id, now=now)
    if attempt is None:
        return None
    attempt = payments.submit(attempt_id=attempt.pk, now=now)
    follow(collection=Collection.objects.select_related("account").get(pk=collection_id), now=now)
    return attempt


def follow(*, collection: Collection, now: datetime) -> None:
    """Write down what follows from the last try: another date, or why there is none. Repeatable."""
    with system_scope(collection.account_id):
        locked = (
            Collection.objects.answered()
            .select_for_update(of=("self",))
            .select_related("account", "invoice", "last_attempt")
            .filter(pk=collection.pk)
            .first()
        )
        if locked is None or locked.last_attempt is None:
            return
        today = locked.account.local_date(now)
        if locked.last_attempt.error_code == "never_sent":  # Its process died before Stripe was asked.
            locked.next_try_date, locked.tries = today, locked.tries - 1
            locked.save(update_fields=["next_try_date", "tries"])
            return
        locked.stop = _reason_to_stop(locked.last_attempt)
        if not locked.stop:
            locked.next_try_date = _next_date(locked, today)
            locked.stop = "" if locked.next_try_date else Stop.EXHAUSTED
        locked.save(update_fields=["stop", "next_try_date"])
        _tell(locked)


def retry(*, invoice: Invoice, after: int, actor: Actor, now: datetime) -> PaymentAttempt:
    """Charge the default card now, as somebody of the company asks for it, and return the attempt as far as it came.

    `after` is the number of the last attempt that they saw, so that pressing twice charges once. Raises NoCard,
    and what `payments.charge` does.
    """
    card = default_card(invoice.account)
    if card is None:
        raise NoCard
    return payments.charge(
        invoice=invoice,
        customer=card.stripe_customer_id,
        card_id=card.stripe_card_id,
        actor=actor,
        now=now,
        after=after,
    )


def _claim(collection_id: int, *, now: datetime) -> PaymentAttempt | None:
    """Freeze the next attempt and use up its date, both or neither; a date that nothing can be tried on is told."""
    with system_scope(durable=True):
        due = Collection.objects.due(now).filter(pk=collection_id).select_related("account").first()
        if due is None:
            return None
        invoice = Invoice.objects.select_for_update(of=("self",)).get(pk=due.invoice_id)
        locked = Collection.objects.select_for_update(of=("self",)).get(pk=due.pk)
        if locked.next_try_date != due.next_try_date or not invoice.is_payable:
            return None
        locked.account, locked.invoice = due.account, invoice
        card = default_card(due.account)
        locked.next_try_date = None
        try:
            attempt = _frozen(invoice, card, now=now)
        except NoCard:
            locked.stop = Stop.NO_CARD
        except gateway.CurrencyNotPayable:
            locked.stop = Stop.NOT_PAYABLE
        except payments.AlreadyPaying:
            return None  # Somebody pays in this moment; the date stands until that has come to its end.
        else:
            locked.tries += 1
            locked.last_attempt = attempt
            locked.save(update_fields=["next_try_date", "tries", "last_attempt"])
            return attempt
        locked.save(update_fields=["next_try_date", "stop"])
        _tell(locked)
        return None


def _frozen(invoice: Invoice, card: StoredCard | None, *, now: datetime) -> PaymentAttempt:
    if card is None:
        raise NoCard
    return payments.freeze(
        invoice,
        customer=card.stripe_customer_id,
        card_id=card.stripe_card_id,
        by_id=None,
        now=now,
        off_session=True,
    )


def _reason_to_stop(attempt: PaymentAttempt) -> str:
    codes = {attempt.decline_code, attempt.error_code}
    if attempt.state == PaymentState.REQUIRES_ACTION or codes & WANTS_THE_CUSTOMER:
        return Stop.NEEDS_YOU
    return Stop.HARD_DECLINE if codes & HARD_DECLINES else ""


def _next_date(collection: Collection, today: date) -> date | None:
    """The policy's next day that is still to come."""
    policy = DunningPolicy.of(collection.invoice.legal_entity)
    days = (policy.after(tries, collection.first_date) for tries in range(collection.tries, len(policy.retry_days) + 1))
    return next((day for day in days if day is not None and day > today), None)


def _tell(collection: Collection) -> None:
    account = collection.account
    notify(
        kind="card_not_charged",
        to=billing_contacts(account),
        account=account,
        context={
            "invoice": collection.invoice,
            "collection": collection,
            "attempt": collection.last_attempt,
            "stop": Stop(collection.stop) if collection.stop else None,
            "dunning": standing.of_account(account),
        },
    )
