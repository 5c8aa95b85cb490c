"""From a price to a quote. What was shown is frozen on the quote, and charged as shown."""

import json
import uuid
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import Account, User
from accounts.scope import staff_scope
from commerce.configuring import configurations
from commerce.configuring.configuring import UnknownProduct, price
from commerce.configuring.situations import Configuration, Situation, situation_of
from commerce.contracts.contracts import line_label
from commerce.models import (
    Deal,
    DealSource,
    DealStage,
    DealType,
    DeltaKind,
    ProductKind,
    Quote,
    QuoteLine,
    QuoteOrigin,
    QuoteStatus,
)
from commerce.pricing import quote as engine
from commerce.pricing.money import stored
from commerce.quotes import explanations, manual_prices, quote_lifecycle
from commerce.quotes.quote_lifecycle import QuoteClosed, QuoteRefused, end_of, last_day_of
from tracking.actor import Actor
from tracking.models import EventName


class PriceIsPersonal(QuoteRefused):
    """Somebody of the vendor's gave these prices: only they can give them again."""


# Making quotes


def create_quote(
    *,
    account: Account,
    actor: Actor,
    user: User,
    configuration: Configuration,
    now: datetime,
    form_key: uuid.UUID,
    beside: Quote | None = None,
) -> Quote:
    """Freeze today's price of a configuration into a quote that stands for 30 days.

    The same form sent twice gives the same quote. `beside` an open one, it is an alternative of the same deal: one of
    them can be accepted. Raises `ConfigurationRefused`.
    """
    # A form that was changed after going back asks for another quote, although its key is the same.
    key = uuid.uuid5(form_key, json.dumps(configuration.as_json(), sort_keys=True))
    if made := Quote.objects.for_account(account).filter(form_key=key).first():
        if made.status_choice.is_under_way and not made.is_expired(now):
            return made
        key = uuid.uuid4()
    situation = situation_of(account, account.local_date(now))
    priced = price(situation, configuration)
    quote = Quote(account=account, created_by=user, created_at=now, form_key=key)
    try:
        with transaction.atomic():
            quote.deal = (
                beside.deal if beside else open_deal(situation, priced, configuration, source=DealSource.PORTAL)
            )
            write(quote, situation, priced, configuration)
            quote_lifecycle.record_step(EventName.QUOTE_CREATED, quote, actor=actor, now=now)
            configurations.note_quote(quote)
            return quote_lifecycle.submit(quote=quote, actor=actor, now=now)
    except IntegrityError:
        made = Quote.objects.for_account(account).filter(form_key=key).first()
        if made is None:
            raise
        return made  # The other click was faster.


def refresh_quote(*, quote: Quote, actor: Actor, user: User, now: datetime) -> Quote:
    """Ask for the same again at today's prices: a new version, in place of one that can't be accepted.

    Asked twice, it gives the same new version. A quote that still stands is returned as it is.
    Raises `QuoteClosed` for one that was ordered, withdrawn or declined, or that our people are revising,
    `PriceIsPersonal`, `ConfigurationRefused`.
    """
    with transaction.atomic():
        quote = quote_lifecycle.locked(quote)
        account = quote.account
        newer = _newest_version(quote, actor)
        if newer.version > quote.version:
            if not newer.is_shown_to_customers:
                raise QuoteClosed(_("We are preparing a new version of this quote. You hear from us."))
            return newer
        if (not quote.status_choice.is_open and quote.status != QuoteStatus.EXPIRED) or quote.deal.closed_at:
            raise QuoteClosed(_("This quote is closed. Configure a new one."))
        if not quote.is_expired(now) and not quote.is_outdated(account.local_date(now)):
            return quote
        if quote.is_renewal:
            raise QuoteClosed(_("Your renewal is offered anew within the hour. You hear from us."))
        if quote.manual_prices or quote.has_own_term:
            raise PriceIsPersonal(
                _("%(name)s made this offer for you. Ask them in a comment to renew it.") % {"name": quote.created_by}
            )
        configuration = Configuration.from_json(quote.configuration)
        situation = situation_of(account, account.local_date(now))
        priced = price(situation, configuration)
        if quote.status_choice.is_open:
            quote.status = QuoteStatus.EXPIRED if quote.is_expired(now) else QuoteStatus.SUPERSEDED
            quote.save(update_fields=["status"])
        fresh = next_version(quote, user=user, origin=QuoteOrigin.PORTAL, now=now)
        write(fresh, situation, priced, configuration)
        update_deal(fresh, situation, priced)
        quote_lifecycle.record_step(EventName.QUOTE_CREATED, fresh, actor=actor, now=now)
        return quote_lifecycle.submit(quote=fresh, actor=actor, now=now)


def next_version(quote: Quote, *, user: User, origin: QuoteOrigin, now: datetime) -> Quote:
    """The version after this one, not saved, without figures. Runs with the quote locked."""
    return Quote(
        account=quote.account,
        deal=quote.deal,
        serial=quote.serial,
        version=quote.version + 1,
        origin=origin,
        title=quote.title,
        payment_days=quote.payment_days,
        special_terms=quote.special_terms,
        start_date=quote.start_date,
        term_months=quote.term_months,
        created_by=user,
        created_at=now,
    )


def _newest_version(quote: Quote, actor: Actor) -> Quote:
    """The newest one, also where a customer does not see it yet."""
    with staff_scope(actor):
        return Quote.objects.versions_of(quote).select_related("account", "deal", "contract").latest("version")


# Writing figures


def write(quote: Quote, situation: Situation, priced: engine.PricedQuote, configuration: Configuration) -> None:
    """Put a price onto a draft, with its lines, in place of what it said before. Runs in a transaction."""
    contract, account = situation.contract, situation.account
    quote.contract, quote.contract_version = contract, contract.version
    quote.currency = priced.currency
    quote.price_date = situation.today
    quote.expires_at = end_of(account, last_day_of(contract, situation.today, quote.valid_until, quote.start_date))
    quote.configuration = configuration.as_json()
    quote.subtotal_minor, quote.tax_minor = priced.due_net_minor, priced.due_tax_minor
    quote.total_minor = priced.due_now_minor
    quote.recurring_before_minor = priced.monthly_net_before_minor
    quote.recurring_after_minor = priced.monthly_net_minor
    quote.price_hash = priced.price_hash
    if quote.pk is not None:
        quote.lines.all().delete()
    quote.save()
    groups = {code: manual.group for code, manual in manual_prices.from_json(quote.manual_prices).items()}
    changed = [line for line in priced.lines if line.quantity_change]
    changed.sort(key=lambda line: groups.get(line.product_code, ""))  # Those of a group stand together.
    QuoteLine.objects.bulk_create(
        _quote_line(situation, priced, quote, line, position, group=groups.get(line.product_code, ""))
        for position, line in enumerate(changed, start=1)
    )


def _quote_line(
    situation: Situation,
    priced: engine.PricedQuote,
    quote: Quote,
    line: engine.PricedLine,
    position: int,
    *,
    group: str,
) -> QuoteLine:
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
        before = 0 if is_swap else priced.before_tax(line, line.monthly_before_minor)
        recurring = priced.before_tax(line, line.monthly_minor) - before
    return QuoteLine(
        account=situation.account,
        quote=quote,
        position=position,
        product=product,
        group=group,
        change=change,
        quantity=line.quantity_change,
        quantity_after=after,
        unit_price=monthly_unit_price(line),
        total_minor=line.net_minor,
        tax_rate=line.tax_rate_percent / 100,
        tax_minor=line.tax_minor,
        tax_category=situation.tax.category.value,
        recurring_minor=recurring,
        steps=[[step.name, str(step.value)] for step in line.steps],
        explanation=explanations.to_json(line.explanation),
    )


def monthly_unit_price(line: engine.PricedLine) -> Decimal:
    """What one unit of the line costs a month (a service: once) after all discounts, before any proration."""
    if line.billing is engine.Billing.ONCE:
        return line.sold_unit_price
    return stored(Fraction(line.sold_unit_price) / line.price_months)


def open_deal(
    situation: Situation, priced: engine.PricedQuote, configuration: Configuration, *, source: DealSource
) -> Deal:
    """The sale that a first quote begins."""
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
        source=source,
        amount_minor=_annual_gain(priced),
        currency=priced.currency,
        owner=situation.account.sales_contact,
        close_date=last_day_of(situation.contract, situation.today),
    )


def update_deal(quote: Quote, situation: Situation, priced: engine.PricedQuote) -> None:
    """The deal is worth what its latest quote is. Runs in a transaction."""
    deal = Deal.objects.select_for_update(no_key=True).get(pk=quote.deal_id)
    deal.amount_minor = _annual_gain(priced)
    deal.close_date = last_day_of(situation.contract, situation.today, quote.valid_until, quote.start_date)
    deal.save(update_fields=["amount_minor", "close_date"])
    quote.deal = deal


def _annual_gain(priced: engine.PricedQuote) -> int:
    """What the vendor gains a year, before tax: twelve times the recurring change; one-time sales as they are."""
    once = sum(line.net_minor for line in priced.lines if line.billing is engine.Billing.ONCE)
    return (priced.monthly_net_minor - priced.monthly_net_before_minor) * 12 + once


def _plan_code(situation: Situation) -> str:
    return situation.plan.product.code if situation.plan else ""
