"""From a quote to an order: what was shown is accepted, by somebody who may, once."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Membership
from accounts.notifications import mail_companies
from accounts.permissions import Permission
from commerce.billing import balances, invoicing
from commerce.models import (
    ChangeKind,
    Order,
    OrderStatus,
    OrderStep,
    PendingChange,
    PurchaseApproval,
    Quote,
    QuoteStatus,
)
from commerce.orders import fulfilling
from commerce.quotes import quote_lifecycle
from commerce.quotes.limits import Limits
from commerce.quotes.quote_lifecycle import (
    ContractChanged,
    QuoteClosed,
    QuoteExpired,
    QuoteRefused,
)
from commerce.renewals.accepting import note_accepted
from tracking.actor import Actor, ActorKind
from tracking.models import EventName


class QuoteChanged(QuoteRefused):
    """What the customer saw is not what the quote says."""


class ConsentMissing(QuoteRefused):
    """Nobody put their name to it."""


class ApprovalNeeded(QuoteRefused):
    """It is above the buyer's limit: a colleague has to approve it first."""


class OrderPending(QuoteRefused):
    """Another order for the same contract waits for its payment."""

    def __init__(self, message: str, *, order: Order) -> None:
        super().__init__(message)
        self.order = order


class ChangePlanned(QuoteRefused):
    """Another change of the contract is planned; a contract is changed one at a time."""

    def __init__(self, message: str, *, change: PendingChange) -> None:
        super().__init__(message)
        self.change = change


def accept_quote(
    *,
    quote: Quote,
    shown_hash: str,
    consent_name: str,
    po_number: str = "",
    ip: str | None,
    actor: Actor,
    now: datetime,
    approval: PurchaseApproval | None = None,
) -> Order:
    """Accept a quote as shown: the order and its invoice, or, with nothing to pay, the order fulfilled.

    Accepting twice gives the one order. The price stands until the quote expires, whatever the price book says by
    then. With an `approval`, the buyer accepted it when they asked for that.
    Raises `QuoteExpired`, `QuoteClosed`, `QuoteChanged`, `ContractChanged`, `ConsentMissing`, `ChangePlanned`,
    `OrderPending`, and above the buyer's limit `ApprovalNeeded`.
    """
    with transaction.atomic():
        quote = quote_lifecycle.locked(quote)
        if quote.status in (QuoteStatus.ACCEPTED, QuoteStatus.ORDERED):
            return quote.order
        _check_acceptable(quote, shown_hash=shown_hash, consent_name=consent_name, now=now)
        _check_limit(quote, actor, approval)

        quote.status = QuoteStatus.ACCEPTED
        quote.accepted_at = approval.requested_at if approval else now
        quote.accepted_by_id = actor.user_id
        quote.accepted_name = consent_name.strip()[:150]
        quote.accepted_role = _role_of(quote, actor, approval)
        quote.accepted_ip = ip
        quote.accepted_hash = quote.price_hash
        quote.po_number = po_number.strip()[:60]
        quote.save(
            update_fields=[
                "status", "accepted_at", "accepted_by", "accepted_name", "accepted_role", "accepted_ip",
                "accepted_hash", "po_number",
            ]
        )  # fmt: skip
        order = Order.objects.create(
            account=quote.account,
            quote=quote,
            contract=quote.contract,
            deal=quote.deal,
            status=OrderStatus.AWAITING_PAYMENT,
            placed_by_id=actor.user_id,
            placed_at=now,
            currency=quote.currency,
            total_minor=quote.total_minor,
            po_number=quote.po_number or quote.account.billing_po_number,
        )
        OrderStep.objects.create(
            account=quote.account, order=order, status=OrderStatus.AWAITING_PAYMENT, reached_at=now
        )
        quote_lifecycle.supersede_others(quote, actor=actor)
        if quote.is_renewal:
            note_accepted(quote=quote, actor=actor, now=now)
        quote_lifecycle.record_step(EventName.QUOTE_ACCEPTED, quote, actor=actor, now=now, order=order.number)
        if quote.total_minor == 0:
            fulfilling.fulfil(order=order, now=now, actor=actor)
        else:
            invoice = invoicing.issue_invoice(order=order, quote=quote, now=now)
            is_settled = balances.use_for(invoice=invoice, actor=actor, now=now)
            mail_companies(kind="invoice_issued", told=[(quote.account, {"invoice": invoice})])
            if is_settled:
                fulfilling.fulfil(order=order, now=now, actor=actor)
    return order


def _check_acceptable(quote: Quote, *, shown_hash: str, consent_name: str, now: datetime) -> None:
    if quote.is_expired(now):
        raise QuoteExpired(_("This quote has expired. Refresh it to see today's price."))
    if quote.status == QuoteStatus.SUPERSEDED:
        raise QuoteClosed(_("This quote is closed: a newer one has taken its place. Read that first."))
    if not quote.status_choice.is_open:
        raise QuoteClosed(_("This quote is closed. Configure a new one."))
    if shown_hash != quote.price_hash:
        raise QuoteChanged(_("The quote is not what you saw. Please read it again before you accept."))
    if quote.is_outdated(quote.account.local_date(now)):
        raise ContractChanged(
            _("Your contract has changed since this quote was made. Refresh it to see today's price.")
        )
    if not consent_name.strip():
        raise ConsentMissing(_("Type your name to accept."))
    planned = PendingChange.objects.for_account(quote.account).open().filter(contract=quote.contract).first()
    if planned is not None and not _is_in_renewal(planned, quote):
        planned.contract = quote.contract
        raise ChangePlanned(_what_to_do(planned, quote), change=planned)
    pending = Order.objects.for_account(quote.account).awaiting_payment().filter(contract=quote.contract).first()
    if pending is not None:
        raise OrderPending(
            _("Order %(number)s for this contract waits for its payment. Pay or cancel it first.")
            % {"number": pending.number},
            order=pending,
        )


def _what_to_do(planned: PendingChange, quote: Quote) -> str:
    if _is_for_renewal(planned, quote):
        return _("A reduction was planned after this offer was made. A new offer with it is made within the hour.")
    return _("Another change of this contract is planned. Take that back first, or wait for its day.")


def _is_in_renewal(planned: PendingChange, quote: Quote) -> bool:
    """Whether a renewal was offered with what is planned for the end of the term."""
    return _is_for_renewal(planned, quote) and planned.requested_at <= quote.created_at


def _is_for_renewal(planned: PendingChange, quote: Quote) -> bool:
    is_reduction = planned.kind == ChangeKind.REDUCTION and planned.effective_date == quote.start_date
    return quote.is_renewal and is_reduction


def _check_limit(quote: Quote, actor: Actor, approval: PurchaseApproval | None) -> None:
    if approval is not None and approval.allows(quote, buyer_id=actor.user_id):
        return
    limits = Limits.of(quote.account, quote.currency)
    if not limits.by_role:  # The company has set none.
        return
    members = Membership.objects.for_account(quote.account).active()
    buyer = members.filter(user_id=actor.user_id).first() if actor.user_id is not None else None
    if buyer is None or not limits.allow(buyer.roles, Permission.BUY, quote.commitment_minor()):
        raise ApprovalNeeded(_("This is above your limit. A colleague has to approve it."))


def _role_of(quote: Quote, actor: Actor, approval: PurchaseApproval | None) -> str:
    """The roles of whoever accepts, as they are now: one query; those kept with an approval need none."""
    if approval is not None:
        return ",".join(approval.requested_roles)
    if actor.kind != ActorKind.CUSTOMER or actor.user_id is None:
        return ""
    member = Membership.objects.for_account(quote.account).active().filter(user_id=actor.user_id).first()
    return ",".join(member.roles) if member else ""
