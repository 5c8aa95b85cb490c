"""A quote's way from a draft to an offer, and the ways out. Each step is one that the database lets happen, too.

Whatever changes a quote locks its contract first, then the quote: two steps of one quote go one after the other.
"""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import Account, Membership
from accounts.notifications import notify
from accounts.permissions import Permission, Role, allowed
from accounts.scope import staff_scope
from commerce import amounts
from commerce.configuring import configuring
from commerce.configuring.situations import Configuration, situation_of
from commerce.deal_desk import deal_desk
from commerce.models import Contract, Quote, QuoteStatus
from commerce.pricing.money import Money
from commerce.quotes import quote_documents
from tracking.actor import Actor, ActorKind
from tracking.models import EventName
from tracking.services import record

QUOTE_DAYS = 30  # A quote can be accepted through the end of this many days after the day it was presented.
LONGEST_NOTE = 500  # Characters.

UNDER_WAY = [status for status in QuoteStatus if status.is_under_way]


class QuoteRefused(Exception):
    """Something cannot be done with a quote; the message says why."""


class QuoteExpired(QuoteRefused):
    """Its time is over; it can be refreshed at today's prices."""


class QuoteClosed(QuoteRefused):
    """It was withdrawn, declined or replaced."""


class QuoteNotReady(QuoteRefused):
    """It is not as far as that yet, or further already."""


class ContractChanged(QuoteRefused):
    """The contract was changed or ended after the quote was made."""


class ReasonMissing(QuoteRefused):
    """Nobody said why."""


class NobodyApproves(QuoteRefused):
    """It needs an approval that nobody but its maker could give."""


class NotTheirs(QuoteRefused):
    """Somebody else's quote."""


def locked(quote: Quote) -> Quote:
    """The quote as it is now, with its contract, its account and its deal. Runs in a transaction."""
    contract = Contract.objects.select_for_update(no_key=True).get(pk=quote.contract_id)
    rows = Quote.objects.select_for_update(no_key=True, of=("self",)).select_related("account", "deal")
    found = rows.get(pk=quote.pk)
    found.contract = contract
    return found


# From the draft to the offer


def submit(*, quote: Quote, actor: Actor, now: datetime) -> Quote:
    """Hand a draft in: with no rule against it, it is approved at once, and in the portal presented, too.

    What our people drafted is held against the rules of today once more: it may have waited. Raises `QuoteNotReady`,
    `QuoteExpired`, `ContractChanged`, `NobodyApproves`, `ConfigurationRefused`; then nothing has changed.
    """
    with transaction.atomic():
        quote = locked(quote)
        _check_status(quote, QuoteStatus.DRAFT, now=now)
        _check_contract(quote, now)
        if quote.is_by_staff:
            configuring.check(
                situation_of(quote.account, quote.account.local_date(now)), Configuration.from_json(quote.configuration)
            )
        quote.submitted_at, quote.submitted_by_id = now, actor.user_id
        _step(quote, QuoteStatus.SUBMITTED, "submitted_at", "submitted_by")
        if _is_waited_for(quote, actor=actor, now=now):
            _step(quote, QuoteStatus.IN_APPROVAL)
            record_step(EventName.QUOTE_SUBMITTED, quote, actor=actor, now=now)
            return quote
        return _approved(quote, actor=actor, now=now)


def _is_waited_for(quote: Quote, *, actor: Actor, now: datetime) -> bool:
    """Ask for the approvals that the quote needs, with the owner's rights; whether anybody has to decide."""
    try:
        with staff_scope(actor):
            return deal_desk.ask(quote=quote, now=now)
    except deal_desk.NoApprover as refusal:
        raise NobodyApproves(str(refusal)) from refusal


def approve(*, quote: Quote, actor: Actor, now: datetime) -> Quote:
    """All who had to approve the quote did. One made in the portal is presented at once.

    Who may approve is for the caller to know; here nobody approves what they submitted. Raises `QuoteExpired` (and
    closes the quote), `QuoteNotReady`, `ContractChanged`, `NotTheirs`.
    """
    with transaction.atomic():
        quote = locked(quote)
        if not _expire_if_due(quote, now):
            _check_decider(quote, actor, now)
            _check_contract(quote, now)
            return _approved(quote, actor=actor, now=now)
    raise _expired()


def reject(*, quote: Quote, actor: Actor, now: datetime) -> Quote:
    """Somebody who had to approve the quote did not; why stands with their decision.

    Raises `QuoteExpired` (and closes the quote), `QuoteNotReady`, `NotTheirs`.
    """
    with transaction.atomic():
        quote = locked(quote)
        if not _expire_if_due(quote, now):
            _check_decider(quote, actor, now)
            _step(quote, QuoteStatus.REJECTED)
            record_step(EventName.QUOTE_REJECTED, quote, actor=actor, now=now)
            return quote
    raise _expired()


def present(*, quote: Quote, actor: Actor, now: datetime) -> Quote:
    """Offer an approved quote to its company; from now on its time runs.

    Raises `QuoteNotReady`, `QuoteExpired`, `ContractChanged`; then nothing has changed.
    """
    with transaction.atomic():
        quote = locked(quote)
        _check_status(quote, QuoteStatus.APPROVED, now=now)
        _check_contract(quote, now)
        return _presented(quote, actor=actor, now=now)


def _approved(quote: Quote, *, actor: Actor, now: datetime) -> Quote:
    quote.approved_at = now
    _step(quote, QuoteStatus.APPROVED, "approved_at")
    if not quote.is_by_staff:
        return _presented(quote, actor=actor, now=now)
    record_step(EventName.QUOTE_APPROVED, quote, actor=actor, now=now)
    return quote


def _presented(quote: Quote, *, actor: Actor, now: datetime) -> Quote:
    quote.presented_at = now
    last_day = last_day_of(quote.contract, quote.account.local_date(now), quote.valid_until, quote.start_date)
    quote.expires_at = end_of(quote.account, last_day)
    _step(quote, QuoteStatus.PRESENTED, "presented_at", "expires_at")
    quote_documents.write_down(quote, now)
    record_step(EventName.QUOTE_PRESENTED, quote, actor=actor, now=now)
    if actor.kind != ActorKind.CUSTOMER:
        _tell(quote)
    return quote


def _tell(quote: Quote) -> None:
    """Whoever buys for the company hears of an offer that they did not see appear."""
    roles = [role for role in Role if allowed([role], Permission.BUY)]
    buyers = Membership.objects.for_account(quote.account).active().filter(roles__overlap=roles)
    context = {
        "quote": quote,
        "by": quote.created_by,
        "total": amounts.money(Money(quote.total_minor, quote.currency)),
        "last_day": date_format(quote.last_day, "DATE_FORMAT"),
    }
    people = [member.user for member in buyers.select_related("user").order_by("pk")]
    notify(kind="quote_presented", to=people, account=quote.account, context=context)


# The ways out


def decline(*, quote: Quote, reason: str, actor: Actor, now: datetime) -> Quote:
    """The company does not want it, and says why. Raises `QuoteClosed`, `QuoteExpired`, `ReasonMissing`."""
    with transaction.atomic():
        quote = locked(quote)
        _check_open(quote, now)
        if not reason.strip():
            raise ReasonMissing(_("Say why, so that we can make you a better offer."))
        return _close(quote, QuoteStatus.DECLINED, reason, name=EventName.QUOTE_DECLINED, actor=actor, now=now)


def withdraw(*, quote: Quote, reason: str = "", actor: Actor, now: datetime) -> Quote:
    """Take a quote back: our people any, and say why; somebody of the company one that they made themselves.

    Raises `QuoteClosed`, `NotTheirs`, `ReasonMissing`.
    """
    with transaction.atomic():
        quote = locked(quote)
        status = quote.status_choice
        if not (status.is_under_way or status is QuoteStatus.REJECTED):
            raise QuoteClosed(_("This quote is closed already."))
        if actor.kind == ActorKind.CUSTOMER:
            if quote.is_by_staff or quote.created_by_id != actor.user_id:
                raise NotTheirs(_("Only who made a quote withdraws it. You can decline it."))
        elif not reason.strip():
            raise ReasonMissing(_("Say why: the customer reads it."))
        return _close(quote, QuoteStatus.WITHDRAWN, reason, name=EventName.QUOTE_WITHDRAWN, actor=actor, now=now)


def supersede(quote: Quote) -> None:
    """Another version takes its place. Runs in a transaction that has the quote locked."""
    _step(quote, QuoteStatus.SUPERSEDED)


def supersede_others(quote: Quote, *, actor: Actor) -> None:
    """One of a deal's quotes is accepted: the others are history, those too that the customer has not seen yet."""
    with staff_scope(actor):
        others = Quote.objects.for_account(quote.account).filter(deal=quote.deal).exclude(pk=quote.pk)
        others.filter(Q(status=QuoteStatus.REJECTED) | Q(status__in=UNDER_WAY)).update(status=QuoteStatus.SUPERSEDED)


def expire_due(now: datetime) -> int:
    """Close every quote whose time is over; the number closed."""
    return Quote.objects.expired_by(now).update(status=QuoteStatus.EXPIRED)


def _close(quote: Quote, status: QuoteStatus, reason: str, *, name: EventName, actor: Actor, now: datetime) -> Quote:
    quote.closed_at, quote.closed_by_id = now, actor.user_id
    quote.closing_note = reason.strip()[:LONGEST_NOTE]
    _step(quote, status, "closed_at", "closed_by", "closing_note")
    record_step(name, quote, actor=actor, now=now)
    return quote


# What has to hold


def _check_status(quote: Quote, status: QuoteStatus, *, now: datetime) -> None:
    if quote.is_expired(now):
        raise _expired()
    if quote.status != status:
        raise QuoteNotReady(
            _("Quote %(number)s is not where this can be done: %(status)s.")
            % {"number": quote.number, "status": quote.get_status_display()}
        )


def _check_open(quote: Quote, now: datetime) -> None:
    if quote.is_expired(now):
        raise _expired()
    if not quote.status_choice.is_open:
        raise QuoteClosed(_("This quote is closed already."))


def _check_contract(quote: Quote, now: datetime) -> None:
    if quote.is_outdated(quote.account.local_date(now)):
        raise ContractChanged(
            _("Your contract has changed since this quote was made. Refresh it to see today's price.")
            if not quote.is_by_staff
            else _("The contract has changed since this quote was made. Revise it at today's prices.")
        )


def _check_decider(quote: Quote, actor: Actor, now: datetime) -> None:
    _check_status(quote, QuoteStatus.IN_APPROVAL, now=now)
    if actor.user_id is not None and actor.user_id == quote.submitted_by_id:
        raise NotTheirs(_("Nobody approves a quote that they submitted."))


def _expire_if_due(quote: Quote, now: datetime) -> bool:
    """Close a quote whose time ran out before anybody decided, without waiting for the job that does."""
    if quote.status_choice.is_under_way and quote.is_expired(now):
        _step(quote, QuoteStatus.EXPIRED)
    return quote.status == QuoteStatus.EXPIRED


def _expired() -> QuoteExpired:
    return QuoteExpired(_("This quote has expired. Refresh it to see today's price."))


# Dates


def last_day_of(
    contract: Contract, today: date, valid_until: date | None = None, start_date: date | None = None
) -> date:
    """The last day on which a quote can be accepted: 30 days on, or as was promised.

    Never after its contract, nor after the day on which it should start: nobody pays for time that is over.
    """
    return min(valid_until or today + timedelta(days=QUOTE_DAYS), start_date or contract.last_date, contract.last_date)


def end_of(account: Account, day: date) -> datetime:
    """When a day is over where the account is."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(account.time_zone))


# Writing it down


def _step(quote: Quote, status: QuoteStatus, *written: str) -> None:
    quote.status = status
    quote.save(update_fields=["status", *written])


def record_step(name: EventName, quote: Quote, *, actor: Actor, now: datetime, **properties: Any) -> None:
    record(
        name=name,
        actor=actor,
        now=now,
        object_type="quote",
        object_id=str(quote.public_id),
        properties=figures_of(quote) | properties,
    )


def figures_of(quote: Quote) -> dict[str, Any]:
    """What events say about a quote."""
    return {
        "number": quote.number,
        "deal": str(quote.deal.public_id),
        "origin": quote.origin,
        "total_minor": quote.total_minor,
        "annual_minor": quote.deal.amount_minor,
        "currency": quote.currency,
    }
