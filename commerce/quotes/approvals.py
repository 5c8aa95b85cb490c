"""Purchases above a buyer's limit: asked for, approved, refused, withdrawn, or overtaken by events.

Each ends once, in a result that both people are told. The contract is locked before the approval, as accepting a quote
locks it: a decision and a purchase of the same thing go one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.members import lock_company
from accounts.models import Account, Membership, User
from accounts.notifications import notify
from accounts.permissions import Permission, Role
from commerce.models import ApprovalStatus, Contract, Order, PurchaseApproval, Quote
from commerce.quotes import acceptance, quote_lifecycle
from commerce.quotes.limits import Limits
from tracking.actor import Actor, ActorKind
from tracking.models import EventName
from tracking.services import record

LONGEST_NOTE = 500  # Characters.
NAMED = 5  # So many people are named where somebody asks whom to turn to.


class NoApprover(Exception):
    """Nobody of the company may approve so much; the message says whom to ask."""


class MayNotDecide(Exception):
    """This person may not decide about this purchase; the message says why."""


class AlreadyDecided(Exception):
    """It has ended before: approved, refused, withdrawn or overtaken."""

    def __init__(self, message: str, *, approval: PurchaseApproval) -> None:
        super().__init__(message)
        self.approval = approval


class _Consent(TypedDict):
    """The buyer's, to this price."""

    shown_hash: str
    consent_name: str
    po_number: str
    ip: str | None


def purchase(
    *,
    quote: Quote,
    membership: Membership,
    shown_hash: str,
    consent_name: str,
    po_number: str,
    ip: str | None,
    actor: Actor,
    now: datetime,
) -> Order | PurchaseApproval:
    """Accept a quote, or above the buyer's limit ask a colleague to approve it.

    Raises the errors of `acceptance.accept_quote`, and `NoApprover`; then nothing has changed.
    """
    consent: _Consent = {"shown_hash": shown_hash, "consent_name": consent_name, "po_number": po_number, "ip": ip}
    with transaction.atomic():
        try:
            order = acceptance.accept_quote(quote=quote, actor=actor, now=now, **consent)
        except acceptance.ApprovalNeeded:
            return _request(quote, membership, actor=actor, now=now, **consent)
        for waiting in PurchaseApproval.objects.for_account(quote.account).waiting().filter(quote=quote):
            _lapse(waiting, _("Order %(number)s was placed by a colleague.") % {"number": order.number}, now=now)
    return order


def _request(
    quote: Quote,
    membership: Membership,
    *,
    shown_hash: str,
    consent_name: str,
    po_number: str,
    ip: str | None,
    actor: Actor,
    now: datetime,
) -> PurchaseApproval:
    """Keep the buyer's consent, and ask those who may approve. Asked twice, it is one request."""
    Contract.objects.select_for_update(no_key=True).get(pk=quote.contract_id)
    waiting = PurchaseApproval.objects.for_account(quote.account).waiting().filter(quote=quote).first()
    if waiting is not None:
        return waiting
    amount_minor = quote.commitment_minor()
    approvers = approvers_of(quote.account, amount_minor, quote.currency, buyer_id=membership.user_id)
    if not approvers:
        raise NoApprover(whom_to_ask(quote.account, buyer_id=membership.user_id))
    approval = PurchaseApproval.objects.create(
        account=quote.account,
        quote=quote,
        amount_minor=amount_minor,
        currency=quote.currency,
        expires_at=quote.expires_at,
        requested_by=membership.user,
        requested_roles=membership.roles,
        requested_at=now,
        consent_name=consent_name.strip()[:150],
        consent_ip=ip,
        price_hash=shown_hash,
        po_number=po_number.strip()[:60],
    )
    _record(EventName.APPROVAL_REQUESTED, approval, actor=actor, now=now)
    notify(kind="approval_requested", to=approvers, account=quote.account, context={"approval": approval})
    return approval


def approve(*, approval: PurchaseApproval, actor: Actor, note: str = "", now: datetime) -> PurchaseApproval:
    """Approve a colleague's purchase, and place the order by the very consent that they gave.

    Where it cannot be ordered any more (the quote expired or changed, another order is open, the buyer may buy no
    longer), it ends as lapsed with the reason. Raises `MayNotDecide`, `AlreadyDecided`; then nothing has changed.
    """
    with transaction.atomic():
        approval = _open(approval)
        _check_decider(approval, actor)
        try:
            with transaction.atomic():
                buyer = _check_buyer(approval)
                _decide(approval, ApprovalStatus.APPROVED, actor=actor, note=note, now=now)
                order = acceptance.accept_quote(
                    quote=approval.quote,
                    shown_hash=approval.price_hash,
                    consent_name=approval.consent_name,
                    po_number=approval.po_number,
                    ip=approval.consent_ip,
                    actor=buyer.actor(),
                    now=now,
                    approval=approval,
                )
        except quote_lifecycle.QuoteRefused as refusal:
            approval.refresh_from_db()
            _lapse(approval, str(refusal), now=now)
            return approval
        _record(EventName.APPROVAL_DECIDED, approval, actor=actor, now=now)
        notify(
            kind="approval_given",
            to=[approval.requested_by],
            account=approval.account,
            context={"approval": approval, "order": order},
        )
    return approval


def refuse(*, approval: PurchaseApproval, actor: Actor, note: str, now: datetime) -> PurchaseApproval:
    """Refuse a colleague's purchase, and tell them why. The quote stays open.

    Raises `MayNotDecide`, `AlreadyDecided`.
    """
    with transaction.atomic():
        approval = _open(approval)
        _check_decider(approval, actor)
        _decide(approval, ApprovalStatus.REFUSED, actor=actor, note=note, now=now)
        _record(EventName.APPROVAL_DECIDED, approval, actor=actor, now=now)
        notify(
            kind="approval_refused",
            to=[approval.requested_by],
            account=approval.account,
            context={"approval": approval},
        )
    return approval


def withdraw(*, approval: PurchaseApproval, actor: Actor, now: datetime) -> PurchaseApproval:
    """The buyer no longer wants it. Raises `MayNotDecide` for anybody else, `AlreadyDecided`."""
    with transaction.atomic():
        approval = _open(approval)
        if actor.kind != ActorKind.CUSTOMER or actor.user_id != approval.requested_by_id:
            raise MayNotDecide(_("Only %(name)s can withdraw this.") % {"name": approval.requested_by})
        _end(approval, ApprovalStatus.WITHDRAWN, now=now)
        _record(EventName.APPROVAL_DECIDED, approval, actor=actor, now=now)
    return approval


def lapse_overtaken(*, now: datetime) -> int:
    """End what waits for nothing any more, and tell the buyers; how many."""
    ended = 0
    for found in PurchaseApproval.objects.overtaken_by(now).select_related("quote"):
        with transaction.atomic():
            try:
                approval = _open(found)
            except AlreadyDecided:
                continue
            expired = approval.expires_at <= now
            _lapse(
                approval,
                _("The quote expired before anybody decided.")
                if expired
                else _("The quote can no longer be accepted."),
                now=now,
            )
            ended += 1
    return ended


def _open(approval: PurchaseApproval) -> PurchaseApproval:
    """The approval as it is now, locked. Raises `AlreadyDecided`."""
    Contract.objects.select_for_update(no_key=True).get(pk=approval.quote.contract_id)
    # Then the company, as all changes of its people do: a decision takes the places of two of them.
    lock_company(account=approval.account, by=None)
    rows = PurchaseApproval.objects.select_for_update(no_key=True, of=("self",))
    locked = rows.select_related("account", "quote", "requested_by", "decided_by").get(pk=approval.pk)
    if not locked.is_waiting:
        raise AlreadyDecided(in_words(locked), approval=locked)
    return locked


def _check_decider(approval: PurchaseApproval, actor: Actor) -> None:
    """As of now, whatever the request knew: a role may have been taken away in between."""
    if actor.kind != ActorKind.CUSTOMER or actor.on_behalf_of is not None or actor.user_id is None:
        raise MayNotDecide(_("Only the company's own people decide about its purchases."))
    if actor.user_id == approval.requested_by_id:
        raise MayNotDecide(_("Nobody approves their own purchase. A colleague has to decide."))
    reason = why_not(approval, _current_membership(approval.account, actor.user_id))
    if reason:
        raise MayNotDecide(reason)


def why_not(approval: PurchaseApproval, membership: Membership | None) -> str:
    """Why this person may not decide; empty where they may."""
    if membership is None or not membership.may(Permission.APPROVE_PURCHASES):
        return _("You may not approve purchases.")
    if membership.user_id == approval.requested_by_id:
        return _("Nobody approves their own purchase. A colleague has to decide.")
    limits = Limits.of(approval.account, approval.currency)
    if not limits.allow(membership.roles, Permission.APPROVE_PURCHASES, approval.amount_minor):
        return _("This purchase is above the limit up to which you may approve.")
    return ""


def _check_buyer(approval: PurchaseApproval) -> Membership:
    buyer = _current_membership(approval.account, approval.requested_by_id)
    if buyer is None or not buyer.may(Permission.BUY):
        raise quote_lifecycle.QuoteRefused(
            _("%(name)s may no longer buy for the company.") % {"name": approval.requested_by.name}
        )
    return buyer


def _current_membership(account: Account, user_id: int) -> Membership | None:
    """Somebody's place in the company as it is now. Locked: roles don't change while a decision is made by them."""
    rows = Membership.objects.for_account(account).active().filter(user_id=user_id)
    return rows.select_for_update(no_key=True, of=("self",)).first()


def _decide(approval: PurchaseApproval, status: ApprovalStatus, *, actor: Actor, note: str, now: datetime) -> None:
    approval.decided_by_id = actor.user_id
    approval.note = note.strip()[:LONGEST_NOTE]
    _end(approval, status, now=now)


def _lapse(approval: PurchaseApproval, reason: str, *, now: datetime) -> None:
    approval.note = reason[:LONGEST_NOTE]
    _end(approval, ApprovalStatus.LAPSED, now=now)
    _record(EventName.APPROVAL_DECIDED, approval, actor=Actor.system(approval.account_id), now=now)
    notify(
        kind="approval_lapsed",
        to=[approval.requested_by],
        account=approval.account,
        context={"approval": approval},
    )


def _end(approval: PurchaseApproval, status: ApprovalStatus, *, now: datetime) -> None:
    approval.status = status
    approval.decided_at = now
    approval.save(update_fields=["status", "decided_by", "decided_at", "note"])


def _record(name: EventName, approval: PurchaseApproval, *, actor: Actor, now: datetime) -> None:
    record(
        name=name,
        actor=actor,
        now=now,
        object_type="approval",
        object_id=str(approval.public_id),
        properties={
            "quote": str(approval.quote.public_id),
            "amount_minor": approval.amount_minor,
            "currency": approval.currency,
            "status": approval.status,
        },
    )


# Whom it concerns


def approvers_of(account: Account, amount_minor: int, currency: str, *, buyer_id: int) -> list[User]:
    """Who may approve so much of what somebody else buys, in alphabetical order."""
    roles = Limits.of(account, currency).roles_that_approve(amount_minor)
    members = Membership.objects.for_account(account).active().filter(roles__overlap=roles).exclude(user_id=buyer_id)
    return [member.user for member in members.select_related("user").order_by("user__name", "pk")]


def who_decides(approval: PurchaseApproval) -> str:
    """Whom a request waits for, by name; where nobody can decide any more, whom to ask about that."""
    account, buyer_id = approval.account, approval.requested_by_id
    approvers = approvers_of(account, approval.amount_minor, approval.currency, buyer_id=buyer_id)
    names = [user.name for user in approvers[:NAMED]]
    return ", ".join(names) if names else whom_to_ask(account, buyer_id=buyer_id)


def whom_to_ask(account: Account, *, buyer_id: int) -> str:
    """What somebody reads whose purchase nobody can approve."""
    members = Membership.objects.for_account(account).active().filter(roles__contains=[Role.ADMINISTRATOR])
    rows = members.exclude(user_id=buyer_id).select_related("user").order_by("user__name", "pk")[:NAMED]
    names = ", ".join(member.user.name for member in rows)
    if not names:
        return _("Nobody of your company can approve this amount. Ask your account team.")
    return _("Nobody of your company can approve this amount. Ask an administrator to change that: %(names)s.") % {
        "names": names
    }


def in_words(approval: PurchaseApproval) -> str:
    """How a request stands, as both people read it."""
    names = {"who": approval.decided_by, "buyer": approval.requested_by}
    match approval.status:
        case ApprovalStatus.APPROVED:
            return _("%(who)s has approved this purchase.") % names
        case ApprovalStatus.REFUSED:
            return _("%(who)s has refused this purchase.") % names
        case ApprovalStatus.WITHDRAWN:
            return _("%(buyer)s has withdrawn this purchase.") % names
        case ApprovalStatus.LAPSED:
            return _("This purchase could not be ordered: %(reason)s") % {"reason": approval.note}
    return _("This purchase waits for an approval.")


@dataclass(frozen=True)
class Need:
    """What stands between a buyer and their purchase: the limit, and who can approve it."""

    limit_minor: int
    amount_minor: int  # What is held against it.
    approvers: Sequence[User]  # Some of them.
    has_more: bool
    whom_to_ask: str  # Where nobody can approve it.


def need_of(quote: Quote, membership: Membership) -> Need | None:
    """What this buyer needs to buy the quote; None where they may at once. Three queries, four where nobody may."""
    limits = Limits.of(quote.account, quote.currency)
    limit = limits.highest(membership.roles, Permission.BUY)
    if limit is None:
        return None
    amount_minor = quote.commitment_minor()
    if amount_minor <= limit:
        return None
    members = Membership.objects.for_account(quote.account).active().select_related("user")
    able = members.filter(roles__overlap=limits.roles_that_approve(amount_minor)).exclude(user_id=membership.user_id)
    found = [member.user for member in able.order_by("user__name", "pk")[: NAMED + 1]]
    return Need(
        limit_minor=limit,
        amount_minor=amount_minor,
        approvers=found[:NAMED],
        has_more=len(found) > NAMED,
        whom_to_ask="" if found else whom_to_ask(quote.account, buyer_id=membership.user_id),
    )
