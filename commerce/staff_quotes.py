"""Quotes that the vendor's people make for a company: drafted, checked, presented, and revised as new versions.

Priced as the portal prices, with what was set by hand on top; never changed once they were submitted.
"""

import uuid
from dataclasses import asdict, dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Account, User
from commerce import manual_prices, quote_lifecycle
from commerce.configuring import price
from commerce.manual_prices import ManualPrices
from commerce.models import DealSource, Quote, QuoteOrigin, QuoteStatus
from commerce.quote_lifecycle import QuoteClosed, QuoteNotReady, QuoteRefused, day_of
from commerce.quoting import next_version, open_deal, update_deal, write
from commerce.situations import Configuration, situation_of
from tracking.actor import Actor
from tracking.models import EventName

REVISABLE = (
    QuoteStatus.REJECTED,
    QuoteStatus.APPROVED,
    QuoteStatus.PRESENTED,
    QuoteStatus.VIEWED,
    QuoteStatus.EXPIRED,
    QuoteStatus.DECLINED,
)


class DateIsPast(QuoteRefused):
    """A promise that would have ended already."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a quote says beside its lines. `valid_until` is its last day; none: 30 days once it is presented."""

    title: str = ""
    payment_days: int = 14
    special_terms: str = ""
    valid_until: date | None = None


def draft(
    *,
    account: Account,
    configuration: Configuration,
    manual: ManualPrices,
    terms: Terms,
    user: User,
    actor: Actor,
    now: datetime,
    beside: Quote | None = None,
) -> Quote:
    """A first draft, at today's prices; `beside` another quote, an alternative of its deal while that is open.

    Raises `ConfigurationRefused`, `DateIsPast`.
    """
    today = day_of(account, now)
    _check_terms(terms, today)
    situation = situation_of(account, today)
    priced = price(situation, configuration, manual)
    quote = Quote(
        account=account, origin=QuoteOrigin.STAFF, created_by=user, created_at=now, form_key=uuid.uuid4(),
        manual_prices=manual_prices.to_json(manual), **asdict(terms),
    )  # fmt: skip
    with transaction.atomic():
        source = DealSource.REPRESENTATIVE
        deal = beside.deal if beside and beside.deal.closed_at is None else None
        quote.deal = deal or open_deal(situation, priced, configuration, source=source)
        write(quote, situation, priced, configuration)
        quote_lifecycle.record_step(EventName.QUOTE_CREATED, quote, actor=actor, now=now)
    return quote


def change(
    *, quote: Quote, configuration: Configuration, manual: ManualPrices, terms: Terms, actor: Actor, now: datetime
) -> Quote:
    """Write a draft anew, at today's prices. Raises `QuoteNotReady`, `ConfigurationRefused`, `DateIsPast`."""
    with transaction.atomic():
        quote = quote_lifecycle.locked(quote)
        if quote.status != QuoteStatus.DRAFT:
            raise QuoteNotReady(_("What was submitted stands. Revise it: that makes a new version."))
        today = day_of(quote.account, now)
        _check_terms(terms, today)
        situation = situation_of(quote.account, today)
        priced = price(situation, configuration, manual)
        quote.manual_prices = manual_prices.to_json(manual)
        for name, value in asdict(terms).items():
            setattr(quote, name, value)
        write(quote, situation, priced, configuration)
        update_deal(quote, situation, priced)
    return quote


def revise(*, quote: Quote, user: User, actor: Actor, now: datetime, valid_until: date | None = None) -> Quote:
    """A new version as a draft, at today's prices; what can no longer be accepted is the version before.

    Raises `QuoteClosed`, `QuoteNotReady`, `ConfigurationRefused`, `DateIsPast`.
    """
    with transaction.atomic():
        quote = quote_lifecycle.locked(quote)
        newest = Quote.objects.versions_of(quote).latest("version")
        if newest.version > quote.version:
            raise QuoteClosed(_("Version %(version)s is the newest. Revise that one.") % {"version": newest.version})
        if quote.status not in REVISABLE or quote.deal.closed_at:
            raise QuoteNotReady(
                _("Quote %(number)s cannot be revised: %(status)s.")
                % {"number": quote.number, "status": quote.get_status_display()}
            )
        today = day_of(quote.account, now)
        _check_terms(Terms(valid_until=valid_until), today)
        configuration = Configuration.from_json(quote.configuration)
        situation = situation_of(quote.account, today)
        priced = price(situation, configuration, manual_prices.from_json(quote.manual_prices))
        if quote.status not in (QuoteStatus.EXPIRED, QuoteStatus.DECLINED):
            quote_lifecycle.supersede(quote)
        fresh = next_version(quote, user=user, origin=QuoteOrigin.STAFF, now=now)
        fresh.manual_prices, fresh.valid_until = quote.manual_prices, valid_until
        write(fresh, situation, priced, configuration)
        update_deal(fresh, situation, priced)
        quote_lifecycle.record_step(EventName.QUOTE_CREATED, fresh, actor=actor, now=now)
    return fresh


def extend(*, quote: Quote, valid_until: date, user: User, actor: Actor, now: datetime) -> Quote:
    """Let an offer stand longer: a new version at today's prices, checked again, and presented where nothing is
    against it.

    Raises the errors of `revise`.
    """
    with transaction.atomic():
        fresh = revise(quote=quote, user=user, actor=actor, now=now, valid_until=valid_until)
        fresh = quote_lifecycle.submit(quote=fresh, actor=actor, now=now)
        if fresh.status == QuoteStatus.APPROVED:
            fresh = quote_lifecycle.present(quote=fresh, actor=actor, now=now)
    return fresh


def _check_terms(terms: Terms, today: date) -> None:
    if terms.valid_until is not None and terms.valid_until < today:
        raise DateIsPast(_("A quote is valid through today at least."))
