"""Asking us for a quote of what the portal can't sell by itself, and our answer."""

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import Account, User
from accounts.notifications import notify
from commerce.models import Quote, QuoteRequest, QuoteRequestReason, QuoteRequestStatus
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record


class NotOpen(Exception):
    """It was answered or closed in the meantime."""


class QuoteOfOthers(Exception):
    """The quote belongs to another company."""


def ask(
    *,
    account: Account,
    user: User,
    actor: Actor,
    reason: QuoteRequestReason,
    configuration: dict[str, object],
    summary: str,
    message: str,
    form_key: uuid.UUID,
    now: datetime,
) -> QuoteRequest:
    """Put a wish into the queue of the account's people, and tell them. The same form sent twice asks once."""
    if made := QuoteRequest.objects.for_account(account).filter(form_key=form_key).first():
        return made
    try:
        with transaction.atomic():
            asked = QuoteRequest.objects.create(
                account=account,
                requested_by=user,
                reason=reason,
                configuration=configuration,
                summary=summary[:200],
                message=message,
                form_key=form_key,
                created_at=now,
            )
    except IntegrityError:
        return QuoteRequest.objects.for_account(account).get(form_key=form_key)  # The other click was faster.
    record(
        name=EventName.QUOTE_REQUESTED,
        actor=actor,
        now=now,
        object_type="quote_request",
        object_id=str(asked.public_id),
        properties={"reason": reason.value},
    )
    team = {one.pk: one for one in (account.sales_contact, account.owner) if one is not None}
    notify(kind="quote_requested", to=team.values(), account=account, context={"quote_request": asked})
    return asked


def answer(
    *, asked: QuoteRequest, text: str, quote: Quote | None, staff: User, actor: Actor, now: datetime
) -> QuoteRequest:
    """Answer it, as a rule with a quote, and tell who asked. Raises `NotOpen`, `QuoteOfOthers`."""
    with transaction.atomic():
        asked = (
            QuoteRequest.objects.select_for_update(of=("self",))
            .select_related("account", "requested_by")
            .get(pk=asked.pk)
        )
        if not asked.is_open:
            raise NotOpen(_("It was answered or closed in the meantime."))
        if quote is not None and quote.account_id != asked.account_id:
            raise QuoteOfOthers(_("That quote belongs to another company."))
        asked.answer, asked.quote = text, quote
        asked.status = QuoteRequestStatus.ANSWERED
        asked.answered_by, asked.answered_at = staff, now
        asked.save(update_fields=["answer", "quote", "status", "answered_by", "answered_at"])
        record(
            name=EventName.QUOTE_REQUEST_ANSWERED,
            actor=actor,
            now=now,
            object_type="quote_request",
            object_id=str(asked.public_id),
            properties={"quote": str(quote.public_id) if quote else ""},
        )
        notify(
            kind="quote_request_answered",
            to=[asked.requested_by],
            account=asked.account,
            context={"quote_request": asked},
        )
    return asked
