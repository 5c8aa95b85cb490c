"""Offers to renew: a quote for the term after a contract's, made for many contracts at once, and made anew.

The statements are as many for one contract as for five hundred.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction

from commerce.configuring.situations import Configuration, plain
from commerce.models import (
    Deal,
    DealSource,
    DealStage,
    DealType,
    DeltaKind,
    NoticeKind,
    Quote,
    QuoteKind,
    QuoteLine,
    QuoteOrigin,
    QuoteStatus,
    Renewal,
    RenewalNotice,
    RenewalState,
)
from commerce.pricing import quote as engine
from commerce.pricing.money import PricingError, stored
from commerce.quotes import explanations
from commerce.quotes.quote_lifecycle import UNDER_WAY, end_of
from commerce.renewals.prices import Basis, PricedRenewal, price_renewal, read_basis
from commerce.renewals.timeline import OFFER_DAYS
from tracking.actor import Actor
from tracking.models import Event, EventName
from tracking.services import build_event

logger = logging.getLogger(__name__)

MONTHS_OF_YEAR = 12


def offer(renewals: Sequence[Renewal], *, now: datetime, today: date) -> list[Renewal]:
    """Offer renewals, or offer them anew in place of what was offered before; those for which it could be done.

    Each with its contract, account and quote. Runs in a transaction that has them locked; `today` is a day on which
    price books and taxes are read: the first one of the batch's.
    """
    basis = read_basis(renewals, today)
    priced = [found for renewal in renewals if (found := _priced(basis, renewal)) is not None]
    if not priced:
        return []
    older = _older(priced)
    deals = _deals([one for one in priced if older[one.renewal.pk] is None], now=now)
    quotes = [_quote(one, older[one.renewal.pk], deals.get(one.renewal.pk), now=now) for one in priced]
    Quote.objects.bulk_create(quotes)
    QuoteLine.objects.bulk_create(
        _line(one, quote, line, position)
        for one, quote in zip(priced, quotes, strict=True)
        for position, line in enumerate(one.priced.lines, start=1)
    )
    _present(quotes, now=now)
    for one, quote in zip(priced, quotes, strict=True):
        _note(one, quote, now=now)
    offered = [one.renewal for one in priced]
    Renewal.objects.bulk_update(offered, _WRITTEN)
    RenewalNotice.objects.bulk_create(
        (
            RenewalNotice(
                account=renewal.account, renewal=renewal, kind=NoticeKind.OFFER, days_before=OFFER_DAYS, created_at=now
            )
            for renewal in offered
            if renewal.is_notified
        ),
        ignore_conflicts=True,
    )
    Event.objects.bulk_create(event_of(renewal, EventName.RENEWAL_OFFERED, now) for renewal in offered)
    return offered


_WRITTEN = [
    "state", "quote", "offered_at", "method", "uplift_percent", "promised_percent", "flags", "monthly_before_minor",
    "monthly_after_minor",
]  # fmt: skip


def _priced(basis: Basis, renewal: Renewal) -> PricedRenewal | None:
    try:
        found = price_renewal(basis, renewal)
    except PricingError:
        logger.exception("the renewal of %s could not be priced", renewal.contract)
        return None
    if found is None:
        logger.warning("there is nothing to renew of %s, or no tax is known", renewal.contract)
    return found


def _older(priced: Iterable[PricedRenewal]) -> dict[int, Quote | None]:
    """The versions that new offers take the place of, superseded, by renewal. None begins a quote and a deal."""
    quotes = {one.renewal.pk: one.renewal.quote for one in priced}
    offered = [quote for quote in quotes.values() if quote is not None]
    if offered:
        rows = Quote.objects.filter(pk__in=[quote.pk for quote in offered], status__in=UNDER_WAY)
        rows.update(status=QuoteStatus.SUPERSEDED)
        lost = Deal.objects.filter(pk__in=[quote.deal_id for quote in offered], closed_at__isnull=False)
        closed = set(lost.values_list("pk", flat=True))
        quotes = {pk: None if quote and quote.deal_id in closed else quote for pk, quote in quotes.items()}
    return quotes


def _deals(priced: Iterable[PricedRenewal], *, now: datetime) -> dict[int, Deal]:
    """The sale that each first offer begins, by renewal."""
    deals = {
        one.renewal.pk: Deal(
            account=one.renewal.account,
            name=f"{one.renewal.account.name}: {one.renewal.contract.number}"[:120],
            type=DealType.RENEWAL,
            stage=DealStage.PROPOSAL,
            source=DealSource.PORTAL,
            amount_minor=one.monthly_after_minor * MONTHS_OF_YEAR,
            currency=one.renewal.currency,
            owner_id=one.renewal.account.sales_contact_id,
            close_date=one.renewal.due_date,
            created_at=now,
        )
        for one in priced
    }
    Deal.objects.bulk_create(deals.values())
    return deals


def _quote(one: PricedRenewal, older: Quote | None, deal: Deal | None, *, now: datetime) -> Quote:
    renewal, priced = one.renewal, one.priced
    account, contract = renewal.account, renewal.contract
    today = account.local_date(now)
    quote = Quote(
        account=account,
        contract=contract,
        contract_version=contract.version,
        origin=QuoteOrigin.SYSTEM,
        kind=QuoteKind.RENEWAL,
        currency=priced.currency,
        price_date=today,
        start_date=renewal.due_date,
        term_months=renewal.term_months,
        expires_at=end_of(account, max(renewal.grace_until_date - timedelta(days=1), today)),
        configuration=_configuration(one),
        subtotal_minor=priced.due_net_minor,
        tax_minor=priced.due_tax_minor,
        total_minor=priced.due_now_minor,
        recurring_before_minor=one.monthly_before_minor,
        recurring_after_minor=one.monthly_after_minor,
        price_hash=priced.price_hash,
        created_at=now,
    )
    if older is None:
        if deal is None:
            raise ValueError(f"the first offer for {contract} has no deal")
        quote.deal = deal
    else:
        quote.deal_id, quote.serial, quote.version = older.deal_id, older.serial, older.version + 1
    return quote


def _configuration(one: PricedRenewal) -> dict[str, object]:
    """What is renewed, as other quotes say it; and what there was before it."""
    lines = {line.product_code: line for line in one.priced.lines}
    plan = next((line for line in lines.values() if line.kind is engine.LineKind.PLAN), None)
    configuration = Configuration(
        plan=plan.product_code if plan else "",
        seats=int(plan.quantity) if plan else 0,
        addons={code: line.quantity for code, line in lines.items() if line is not plan},
    )
    before = {code: plain(line.quantity) for code, line in one.owned.items()}
    return {**configuration.as_json(), "before": before, "until": one.renewal.period.until_date}


def _line(one: PricedRenewal, quote: Quote, line: engine.PricedLine, position: int) -> QuoteLine:
    return QuoteLine(
        account=one.renewal.account,
        quote=quote,
        position=position,
        product=one.owned[line.product_code].product,
        change=DeltaKind.RENEWAL,
        quantity=line.quantity,
        quantity_after=line.quantity,
        unit_price=stored(Fraction(line.sold_unit_price) / line.price_months),
        total_minor=line.net_minor,
        tax_rate=line.tax_rate_percent / 100,
        tax_minor=line.tax_minor,
        tax_category=one.tax.category.value,
        recurring_minor=one.monthly_minor(line),
        steps=[[step.name, str(step.value)] for step in line.steps],
        explanation=explanations.to_json(line.explanation),
    )


def _present(quotes: Sequence[Quote], *, now: datetime) -> None:
    """The steps of a quote that nobody has to approve: its prices were agreed with the contract."""
    rows = Quote.objects.filter(pk__in=[quote.pk for quote in quotes])
    rows.update(status=QuoteStatus.SUBMITTED, submitted_at=now)
    rows.update(status=QuoteStatus.APPROVED, approved_at=now)
    rows.update(status=QuoteStatus.PRESENTED, presented_at=now)
    for quote in quotes:
        quote.status, quote.submitted_at, quote.approved_at, quote.presented_at = QuoteStatus.PRESENTED, now, now, now


def _note(one: PricedRenewal, quote: Quote, *, now: datetime) -> None:
    """Write an offer onto its renewal, which is saved with the others."""
    renewal = one.renewal
    if renewal.state == RenewalState.WAITING:
        renewal.state = RenewalState.OFFERED
    renewal.quote = quote
    renewal.offered_at = renewal.offered_at or now
    renewal.method, renewal.uplift_percent = one.method, one.uplift_percent
    renewal.promised_percent, renewal.flags = one.promised_percent, dict(one.flags)
    renewal.monthly_before_minor, renewal.monthly_after_minor = one.monthly_before_minor, one.monthly_after_minor


def event_of(renewal: Renewal, name: EventName, now: datetime) -> Event:
    """What is recorded of a renewal, by the portal itself."""
    return build_event(
        name=name,
        actor=Actor.system(renewal.account_id),
        now=now,
        object_type="contract",
        object_id=str(renewal.contract.public_id),
        properties={
            "number": renewal.contract.number,
            "due_date": renewal.due_date.isoformat(),
            "monthly_before_minor": renewal.monthly_before_minor,
            "monthly_after_minor": renewal.monthly_after_minor,
            "currency": renewal.currency,
        },
    )
