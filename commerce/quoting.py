"""From a price to a quote, and from a quote to an order.

What was shown is frozen on the quote, and charged as shown.
"""

import json
import uuid
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import Account, Membership, User
from accounts.permissions import Permission
from commerce import explanations, invoicing, orders
from commerce.configuring import Configuration, Situation, UnknownProduct, price, schedule_of, situation_of
from commerce.contracts import OwnedLine, line_label
from commerce.limits import Limits
from commerce.models import (
    Contract,
    Deal,
    DealSource,
    DealStage,
    DealType,
    DeltaKind,
    Order,
    OrderStatus,
    OrderStep,
    ProductKind,
    PurchaseApproval,
    Quote,
    QuoteLine,
    QuoteStatus,
)
from commerce.pricing import quote as engine
from commerce.pricing.money import stored
from commerce.pricing.waterfall import LineTerms, price_line
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record

QUOTE_DAYS = 30  # A quote can be accepted through the end of this many days after the day it was made.


# What can be wrong with accepting a quote.


class QuoteRefused(Exception):
    """A quote cannot be accepted; the message says why."""


class QuoteExpired(QuoteRefused):
    """Its time is over; it can be refreshed at today's prices."""


class QuoteClosed(QuoteRefused):
    """It was withdrawn or replaced."""


class QuoteChanged(QuoteRefused):
    """What the customer saw is not what the quote says."""


class ContractChanged(QuoteRefused):
    """The contract was changed or ended after the quote was made."""


class ConsentMissing(QuoteRefused):
    """Nobody put their name to it."""


class ApprovalNeeded(QuoteRefused):
    """It is above the buyer's limit: a colleague has to approve it first."""


class OrderPending(QuoteRefused):
    """Another order for the same contract waits for its payment."""

    def __init__(self, message: str, *, order: Order) -> None:
        super().__init__(message)
        self.order = order


# Making quotes


def create_quote(
    *, account: Account, actor: Actor, user: User, configuration: Configuration, now: datetime, form_key: uuid.UUID
) -> Quote:
    """Freeze today's price of a configuration into a quote that stands for 30 days.

    The same form sent twice gives the same quote. Raises `ConfigurationRefused`.
    """
    # A form that was changed after going back asks for another quote, although its key is the same.
    key = uuid.uuid5(form_key, json.dumps(configuration.as_json(), sort_keys=True))
    if made := Quote.objects.for_account(account).filter(form_key=key).first():
        if made.status_choice.is_open and not made.is_expired(now):
            return made
        key = uuid.uuid4()
    situation = situation_of(account, _day(account, now))
    priced = price(situation, configuration)
    try:
        with transaction.atomic():
            deal = _open_deal(situation, priced, configuration)
            return _freeze(situation, priced, configuration, deal=deal, user=user, actor=actor, now=now, form_key=key)
    except IntegrityError:
        made = Quote.objects.for_account(account).filter(form_key=key).first()
        if made is None:
            raise
        return made  # The other click was faster.


def refresh_quote(*, quote: Quote, actor: Actor, user: User, now: datetime) -> Quote:
    """Ask for the same again at today's prices: a new quote of the same deal, in place of one that can't be accepted.

    Asked twice, it gives the same new quote. A quote that still stands is returned as it is.
    Raises `QuoteClosed` for one that was ordered or withdrawn, `ConfigurationRefused`.
    """
    account = quote.account
    with transaction.atomic():
        deal = Deal.objects.select_for_update(no_key=True).get(pk=quote.deal_id)
        quote = Quote.objects.select_for_update(no_key=True).select_related("contract", "account").get(pk=quote.pk)
        newer = Quote.objects.for_account(account).filter(deal=deal, pk__gt=quote.pk).latest_first().first()
        if newer is not None:
            return newer
        if quote.status in (QuoteStatus.ACCEPTED, QuoteStatus.ORDERED, QuoteStatus.WITHDRAWN) or deal.closed_at:
            raise QuoteClosed(_("This quote is closed. Configure a new one."))
        if not quote.is_expired(now) and not is_outdated(quote, _day(account, now)):
            return quote
        configuration = Configuration.from_json(quote.configuration)
        situation = situation_of(account, _day(account, now))
        priced = price(situation, configuration)
        if quote.status_choice.is_open:
            quote.status = QuoteStatus.EXPIRED if quote.is_expired(now) else QuoteStatus.SUPERSEDED
            quote.save(update_fields=["status"])
        deal.amount_minor = _annual_gain(priced)
        deal.close_date = _last_day(situation)
        deal.save(update_fields=["amount_minor", "close_date"])
        return _freeze(
            situation, priced, configuration, deal=deal, user=user, actor=actor, now=now, form_key=uuid.uuid4()
        )


def is_outdated(quote: Quote, today: date) -> bool:
    """Whether the contract was changed, or ended, after the quote was made."""
    return quote.contract.version != quote.contract_version or not quote.contract.is_running(today)


def expire_due(now: datetime) -> int:
    """Close every quote whose time is over; the number closed."""
    return Quote.objects.expired_by(now).update(status=QuoteStatus.EXPIRED)


def _freeze(
    situation: Situation,
    priced: engine.PricedQuote,
    configuration: Configuration,
    *,
    deal: Deal,
    user: User,
    actor: Actor,
    now: datetime,
    form_key: uuid.UUID,
) -> Quote:
    quote = Quote.objects.create(
        account=situation.account,
        deal=deal,
        contract=situation.contract,
        contract_version=situation.contract.version,
        created_by=user,
        currency=priced.currency,
        price_date=situation.today,
        expires_at=datetime.combine(
            _last_day(situation) + timedelta(days=1), time(), tzinfo=ZoneInfo(situation.account.time_zone)
        ),
        configuration=configuration.as_json(),
        subtotal_minor=priced.due_net_minor,
        tax_minor=priced.due_tax_minor,
        total_minor=priced.due_now_minor,
        recurring_before_minor=priced.monthly_before_minor,
        recurring_after_minor=priced.monthly_minor,
        price_hash=priced.price_hash,
        form_key=form_key,
        created_at=now,
    )
    changed = [line for line in priced.lines if line.quantity_change]
    QuoteLine.objects.bulk_create(
        _quote_line(situation, quote, line, position) for position, line in enumerate(changed, start=1)
    )
    record(
        name=EventName.QUOTE_CREATED,
        actor=actor,
        now=now,
        object_type="quote",
        object_id=str(quote.public_id),
        properties=_figures_of(quote, deal),
    )
    return quote


def _quote_line(situation: Situation, quote: Quote, line: engine.PricedLine, position: int) -> QuoteLine:
    product = situation.product(line.product_code)
    if product is None:
        raise UnknownProduct(line.product_code)
    held = situation.owned.get(line.product_code)
    is_credit = line.role is engine.LineRole.CREDIT
    is_swap = line.kind is engine.LineKind.PLAN and situation.plan is not None and line.key != _plan_code(situation)
    if is_credit:
        change, after = DeltaKind.SWAP_OUT, Decimal(0)
        recurring = -(held.monthly_minor if held else 0)
    else:
        change = DeltaKind.SWAP_IN if is_swap else DeltaKind.QUANTITY if held else DeltaKind.NEW
        after = line.quantity_change + (held.quantity if held else Decimal(0))
        recurring = line.monthly_minor - (0 if is_swap else line.monthly_before_minor)
    return QuoteLine(
        account=situation.account,
        quote=quote,
        position=position,
        product=product,
        change=change,
        quantity=line.quantity_change,
        quantity_after=after,
        unit_price=_net_unit_price(situation, line, held),
        total_minor=line.net_minor,
        tax_rate=line.tax_rate_percent / 100,
        tax_minor=line.tax_minor,
        recurring_minor=recurring,
        steps=[[step.name, str(step.value)] for step in line.steps],
        explanation=explanations.to_json(line.explanation),
    )


def _net_unit_price(situation: Situation, line: engine.PricedLine, held: OwnedLine | None) -> Decimal:
    """What one unit of the line costs a month (a service: once) after volume discounts, before any proration."""
    if line.role is engine.LineRole.CREDIT:
        return line.unit_price
    offered = situation.offered.get(line.product_code)
    whole = price_line(
        LineTerms(
            original_price=line.unit_price,
            quantity=line.quantity_change,
            currency=situation.contract.currency,
            already=held.quantity if held and line.billing is not engine.Billing.ONCE else 0,
            volume_schedule=schedule_of(offered.price if offered else None),
        )
    )
    return stored(whole.net_unit_price)


def _open_deal(situation: Situation, priced: engine.PricedQuote, configuration: Configuration) -> Deal:
    plan = situation.product(configuration.plan)
    grows = (configuration.plan, configuration.seats) != (situation.current.plan, situation.seats)
    new = [line for line in priced.lines if line.quantity_change > 0 and line.product_code not in situation.owned]
    only_new = bool(new) and not grows
    first = situation.product(new[0].product_code) if only_new else plan
    what = line_label(first, Decimal(configuration.seats if first.kind == ProductKind.PLAN else 1)) if first else ""
    return Deal.objects.create(
        account=situation.account,
        name=f"{situation.account.name}: {what}"[:120],
        type=DealType.CROSS_SELL if only_new else DealType.EXPANSION,
        stage=DealStage.PROPOSAL,
        source=DealSource.PORTAL,
        amount_minor=_annual_gain(priced),
        currency=priced.currency,
        owner=situation.account.sales_contact,
        close_date=_last_day(situation),
    )


def _annual_gain(priced: engine.PricedQuote) -> int:
    """What the vendor gains a year: twelve times the recurring change; one-time sales as they are."""
    once = sum(line.net_minor for line in priced.lines if line.billing is engine.Billing.ONCE)
    return (priced.monthly_minor - priced.monthly_before_minor) * 12 + once


def _last_day(situation: Situation) -> date:
    """The last day on which a quote made today can be accepted: never after the contract it changes."""
    return min(situation.today + timedelta(days=QUOTE_DAYS), situation.contract.last_date)


def _plan_code(situation: Situation) -> str:
    return situation.plan.product.code if situation.plan else ""


def _day(account: Account, now: datetime) -> date:
    return now.astimezone(ZoneInfo(account.time_zone)).date()


def _figures_of(quote: Quote, deal: Deal) -> dict[str, Any]:
    return {
        "number": quote.number,
        "deal": str(deal.public_id),
        "total_minor": quote.total_minor,
        "annual_minor": deal.amount_minor,
        "currency": quote.currency,
    }


# What changed between two quotes


@dataclass(frozen=True)
class Difference:
    """One figure of a refreshed quote beside the one it replaces, in minor units."""

    label: str
    before_minor: int
    after_minor: int


def differences(old: Quote, new: Quote) -> list[Difference]:
    """What a refresh changed: each product's amount due, then the totals. Equal figures are left out. Two queries."""
    amounts: dict[str, list[int]] = {}
    for position, quote in enumerate((old, new)):
        for line in quote.lines.select_related("product"):
            credit = line.change == DeltaKind.SWAP_OUT
            label = _("Credit for %(product)s") % {"product": line.product.name} if credit else line.product.name
            amounts.setdefault(label, [0, 0])[position] += line.total_minor
    amounts[_("Tax")] = [old.tax_minor, new.tax_minor]
    amounts[_("Due now")] = [old.total_minor, new.total_minor]
    amounts[_("Each month afterwards")] = [old.recurring_after_minor, new.recurring_after_minor]
    return [Difference(label, *pair) for label, pair in amounts.items() if pair[0] != pair[1]]


# Acceptance


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
    Raises `QuoteExpired`, `QuoteClosed`, `QuoteChanged`, `ContractChanged`, `ConsentMissing`, `OrderPending`, and above
    the buyer's limit `ApprovalNeeded`.
    """
    with transaction.atomic():
        # The contract first: acceptances of two quotes for one contract go one after the other.
        contract = Contract.objects.select_for_update(no_key=True).get(pk=quote.contract_id)
        quote = (
            Quote.objects.select_for_update(no_key=True, of=("self",))
            .select_related("account", "deal")
            .get(pk=quote.pk)
        )
        quote.contract = contract
        if quote.status in (QuoteStatus.ACCEPTED, QuoteStatus.ORDERED):
            return quote.order
        _check_acceptable(quote, shown_hash=shown_hash, consent_name=consent_name, now=now)
        _check_limit(quote, actor, approval)

        quote.status = QuoteStatus.ACCEPTED
        quote.accepted_at = approval.requested_at if approval else now
        quote.accepted_by_id = actor.user_id
        quote.accepted_name = consent_name.strip()[:150]
        quote.accepted_ip = ip
        quote.accepted_hash = quote.price_hash
        quote.po_number = po_number.strip()[:60]
        quote.save(
            update_fields=[
                "status", "accepted_at", "accepted_by", "accepted_name", "accepted_ip", "accepted_hash", "po_number",
            ]
        )  # fmt: skip
        order = Order.objects.create(
            account=quote.account,
            quote=quote,
            contract=contract,
            deal=quote.deal,
            status=OrderStatus.AWAITING_PAYMENT,
            placed_by_id=actor.user_id,
            placed_at=now,
            currency=quote.currency,
            total_minor=quote.total_minor,
            po_number=quote.po_number,
        )
        OrderStep.objects.create(
            account=quote.account, order=order, status=OrderStatus.AWAITING_PAYMENT, reached_at=now
        )
        Quote.objects.for_account(quote.account).open().filter(deal=quote.deal).update(status=QuoteStatus.SUPERSEDED)
        record(
            name=EventName.QUOTE_ACCEPTED,
            actor=actor,
            now=now,
            object_type="quote",
            object_id=str(quote.public_id),
            properties=_figures_of(quote, quote.deal) | {"order": order.number},
        )
        if quote.total_minor == 0:
            orders.fulfil(order=order, now=now, actor=actor)
        else:
            invoicing.issue_invoice(order=order, quote=quote, now=now)
    return order


def _check_acceptable(quote: Quote, *, shown_hash: str, consent_name: str, now: datetime) -> None:
    if quote.is_expired(now):
        raise QuoteExpired(_("This quote has expired. Refresh it to see today's price."))
    if not quote.status_choice.is_open:
        raise QuoteClosed(_("This quote is closed. Configure a new one."))
    if shown_hash != quote.price_hash:
        raise QuoteChanged(_("The quote is not what you saw. Please read it again before you accept."))
    if is_outdated(quote, _day(quote.account, now)):
        raise ContractChanged(
            _("Your contract has changed since this quote was made. Refresh it to see today's price.")
        )
    if not consent_name.strip():
        raise ConsentMissing(_("Type your name to accept."))
    pending = Order.objects.for_account(quote.account).awaiting_payment().filter(contract=quote.contract).first()
    if pending is not None:
        raise OrderPending(
            _("Order %(number)s for this contract waits for its payment. Pay or cancel it first.")
            % {"number": pending.number},
            order=pending,
        )


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
