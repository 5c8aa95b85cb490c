"""What becomes of a request of the deal desk: approved, rejected with a reason, or put before somebody else besides.

The contract and the quote are locked before the request, as every step of a quote locks them: decisions that come at
once go one after the other, and each request is decided once.
"""

from datetime import datetime, timedelta
from statistics import median

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.notifications import notify
from accounts.scope import system_scope
from commerce.deal_desk import deal_desk
from commerce.models import Quote, QuoteApproval, QuoteApprovalStatus, QuoteStatus
from commerce.models.deal_desk import QuoteApprovalQuerySet
from commerce.quotes import quote_lifecycle
from tracking.actor import Actor

LONGEST_NOTE = 500  # Characters.


class DecisionRefused(Exception):
    """It cannot be decided so, or not by this person; the message says why."""


class MayNotDecide(DecisionRefused):
    """Somebody else is asked."""


class NotTheirTurn(DecisionRefused):
    """Those of an earlier position have not decided yet."""


class AlreadyDecided(DecisionRefused):
    """It is over: decided, not needed any more, or overtaken."""


class PriceMoved(DecisionRefused):
    """What was read is not what the quote says."""


class NoteMissing(DecisionRefused):
    """Who rejects says why."""


def approve(*, approval: QuoteApproval, user: User, price_hash: str, note: str = "", now: datetime) -> QuoteApproval:
    """Approve what somebody has read (`price_hash`). The last one approves the quote; else the next ones are told.

    Raises `MayNotDecide`, `NotTheirTurn`, `AlreadyDecided`, `PriceMoved`, and `quote_lifecycle.QuoteRefused` where the
    quote cannot be offered any more; an expired quote is closed by then. Otherwise nothing has changed.
    """
    actor = Actor.staff(user.pk, approval.account_id)
    _refuse_when_expired(approval, now)
    with transaction.atomic():
        quote, approval = _open(approval, user, price_hash=price_hash, now=now)
        _decide(approval, QuoteApprovalStatus.APPROVED, user, note, now=now)
        if not deal_desk.tell_next(quote=quote, now=now):
            quote_lifecycle.approve(quote=quote, actor=actor, now=now)
            _tell_submitter("deal_desk_approved", approval, quote)
    return approval


def reject(*, approval: QuoteApproval, user: User, price_hash: str, note: str, now: datetime) -> QuoteApproval:
    """Reject it, and say why: the quote is rejected, and nobody else is asked any more.

    Raises `NoteMissing` and the errors of `approve`.
    """
    if not note.strip():
        raise NoteMissing(_("Say why you reject it: whoever made the quote reads it."))
    actor = Actor.staff(user.pk, approval.account_id)
    _refuse_when_expired(approval, now)
    with transaction.atomic():
        quote, approval = _open(approval, user, price_hash=price_hash, now=now)
        _decide(approval, QuoteApprovalStatus.REJECTED, user, note, now=now)
        others = QuoteApproval.objects.for_account(quote.account).waiting().filter(quote=quote)
        for other in others.select_for_update(no_key=True):
            other.status, other.decided_at = QuoteApprovalStatus.SKIPPED, now
            other.save(update_fields=["status", "decided_at"])
        quote_lifecycle.reject(quote=quote, actor=actor, now=now)
        _tell_submitter("deal_desk_rejected", approval, quote)
    return approval


def escalate_due(*, now: datetime) -> int:
    """Put before the next ones what has waited too long, and at once what nobody is left to decide; how many."""
    late = QuoteApproval.objects.to_escalate(now).order_by("escalate_at", "pk")
    escalated = sum(_escalate(found, QuoteApproval.objects.to_escalate(now), now) for found in late)
    orphaned = QuoteApproval.objects.of_nobody().order_by("told_at", "pk")
    return escalated + sum(_escalate(found, QuoteApproval.objects.of_nobody(), now) for found in orphaned)


def _escalate(found: QuoteApproval, due: QuoteApprovalQuerySet, now: datetime) -> bool:
    """Whether it was put before somebody, who is told."""
    with system_scope(found.account_id):
        quote = quote_lifecycle.locked(found.quote)
        rows = due.select_for_update(no_key=True, of=("self",))
        approval = rows.select_related("approver", "escalate_to").filter(pk=found.pk).first()
        if approval is None or quote.is_expired(now):
            return False
        before = set(deal_desk.deciders_of(approval, quote, today=now.date()))
        approval.escalated_at = now
        people = deal_desk.deciders_of(approval, quote, today=now.date())
        if not people:
            people = deal_desk.put_before_last_resort(approval, quote, today=now.date())
        if not people:  # Nobody at all: tried again until there is somebody, or the quote expires.
            return False
        approval.save(update_fields=["escalated_at", "escalate_to_group", "escalate_to"])
        deal_desk.tell(approval, quote, [user for user in people if user not in before])
    return True


def _refuse_when_expired(approval: QuoteApproval, now: datetime) -> None:
    """Close a quote whose time ran out, without waiting for the job; its requests lapse with it."""
    with transaction.atomic():
        quote = quote_lifecycle.locked(approval.quote)
        if quote.status_choice.is_under_way and quote.is_expired(now):
            Quote.objects.filter(pk=quote.pk).update(status=QuoteStatus.EXPIRED)


def _open(approval: QuoteApproval, user: User, *, price_hash: str, now: datetime) -> tuple[Quote, QuoteApproval]:
    """The quote and the request as they are now, locked, if this person may decide about it."""
    quote = quote_lifecycle.locked(approval.quote)
    rows = QuoteApproval.objects.select_for_update(no_key=True, of=("self",))
    locked = rows.select_related("approver", "escalate_to", "decided_by", "account").get(pk=approval.pk)
    locked.quote = quote
    if reason := why_not(locked, user, now=now):
        raise reason
    if price_hash != locked.price_hash or price_hash != quote.price_hash:
        raise PriceMoved(_("The quote is not what you have read. Read it again."))
    return quote, locked


def why_not(approval: QuoteApproval, user: User, *, now: datetime) -> DecisionRefused | None:
    """Why this person cannot decide about it now; None where they can."""
    if not approval.is_waiting:
        return AlreadyDecided(in_words(approval))
    if deal_desk.on_whose_behalf(approval, user, today=now.date()) is None:
        if user.pk in (approval.quote.submitted_by_id, approval.quote.created_by_id):
            return MayNotDecide(_("Nobody decides about a quote of their own."))
        return MayNotDecide(_("This is for %(whom)s to decide.") % {"whom": approval.whom})
    if approval.told_at is None:
        return NotTheirTurn(_("Others decide about this quote first. You get a mail when it is your turn."))
    return None


def in_words(approval: QuoteApproval) -> str:
    """How a request stands, as the staff read it."""
    quote = approval.quote
    names = {"who": approval.decided_by, "number": quote.number}
    match approval.status_choice:
        case QuoteApprovalStatus.APPROVED:
            return _("%(who)s has approved quote %(number)s.") % names
        case QuoteApprovalStatus.REJECTED:
            return _("%(who)s has rejected quote %(number)s.") % names
        case QuoteApprovalStatus.SKIPPED:
            return _("A colleague has rejected quote %(number)s: nothing is left to decide.") % names
        case QuoteApprovalStatus.LAPSED:
            return _lapsed_in_words(quote)
    return _("Quote %(number)s waits for an approval.") % names


def median_time_in_approval(*, since: datetime) -> timedelta | None:
    """How long our own people take, apart from the customer; None where nothing was decided. One query."""
    times = times_in_approval(since=since)
    return timedelta(seconds=median(time.total_seconds() for time in times)) if times else None


def times_in_approval(*, since: datetime) -> list[timedelta]:
    """How long each quote waited for our own people. One query.

    From a quote's submission to the last decision about it, of quotes that somebody decided about since then. What was
    kept from an earlier version took nobody any time.
    """
    decided = QuoteApproval.objects.decided().filter(decided_at__gte=since, kept_from=None)
    over = decided.exclude(quote__status=QuoteStatus.IN_APPROVAL).values("quote", "quote__submitted_at")
    ends = over.annotate(end=Max("decided_at")).values_list("quote__submitted_at", "end")
    return [end - start for start, end in ends if start is not None]


def _lapsed_in_words(quote: Quote) -> str:
    names = {"number": quote.number}
    match quote.status_choice:
        case QuoteStatus.EXPIRED:
            return _("Quote %(number)s expired before this was decided. A new version has to be made.") % names
        case QuoteStatus.WITHDRAWN:
            return _("Quote %(number)s was withdrawn: nothing is left to decide.") % names
    return _("A newer version has taken the place of quote %(number)s.") % names


def _decide(approval: QuoteApproval, status: QuoteApprovalStatus, user: User, note: str, *, now: datetime) -> None:
    asked = deal_desk.on_whose_behalf(approval, user, today=now.date())
    approval.status = status
    approval.decided_by, approval.decided_at = user, now
    approval.on_behalf_of = asked if asked != user else None
    approval.note = note.strip()[:LONGEST_NOTE]
    approval.save(update_fields=["status", "decided_by", "decided_at", "on_behalf_of", "note"])


def _tell_submitter(kind: str, approval: QuoteApproval, quote: Quote) -> None:
    """Our people alone: a customer reads on their quote how it stands."""
    person = quote.submitted_by
    if person is not None and person.is_staff:
        context = {"approval": approval, "quote": quote, "customer": quote.account}
        notify(kind=kind, to=[person], account=None, context=context)
