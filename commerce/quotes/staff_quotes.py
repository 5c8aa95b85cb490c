"""Quotes that the vendor's people make for a company: drafted, checked, presented, and revised as new versions.

Priced as the portal prices, with what was set by hand on top; never changed once they were submitted.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from typing import Any, ClassVar

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Account, User
from commerce.configuring.configuring import price
from commerce.configuring.situations import Configuration, Situation, situation_of, starting
from commerce.models import DealSource, Quote, QuoteOrigin, QuoteStatus
from commerce.pricing.quote import PricedQuote
from commerce.quotes import manual_prices, quote_lifecycle
from commerce.quotes.manual_prices import ManualPrices
from commerce.quotes.quote_lifecycle import QuoteClosed, QuoteNotReady, QuoteRefused
from commerce.quotes.quoting import next_version, open_deal, update_deal, write
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

    _DAYS: ClassVar = ("valid_until", "start_date")

    title: str = ""
    payment_days: int = 14
    special_terms: str = ""
    valid_until: date | None = None
    start_date: date | None = None  # Of what is quoted; none: the day it is priced.
    term_months: int | None = None  # None: until the contract ends.

    @classmethod
    def names(cls) -> list[str]:
        """Of its fields; a quote has the same."""
        return [field.name for field in fields(cls)]

    @classmethod
    def of(cls, quote: Quote) -> "Terms":
        """Those that a quote has."""
        return cls(**{name: getattr(quote, name) for name in cls.names()})

    def as_json(self) -> dict[str, Any]:
        days = {name: getattr(self, name) for name in self._DAYS}
        return asdict(self) | {name: day and day.isoformat() for name, day in days.items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Terms":
        days = {name: stored[name] and date.fromisoformat(stored[name]) for name in cls._DAYS}
        return cls(**{**stored, **days})


@dataclass(frozen=True, kw_only=True)
class Calculation:
    """What a quote shall have, with what was set by hand, and what it costs today."""

    situation: Situation
    configuration: Configuration
    manual: ManualPrices
    priced: PricedQuote


def calculate(
    *,
    account: Account,
    configuration: Configuration,
    manual: ManualPrices,
    terms: Terms,
    now: datetime,
    on_line: Callable[[int], None] | None = None,
) -> Calculation:
    """Price what a quote shall have, for its term; nothing is written. `on_line` hears how many lines are priced.

    Raises `ConfigurationRefused`.
    """
    situation = starting(situation_of(account, account.local_date(now)), terms.start_date, terms.term_months)
    priced = price(situation, configuration, manual, on_line=on_line)
    return Calculation(situation=situation, configuration=configuration, manual=manual, priced=priced)


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
    found = calculate(account=account, configuration=configuration, manual=manual, terms=terms, now=now)
    return write_draft(calculation=found, terms=terms, user=user, actor=actor, now=now, beside=beside)


def write_draft(
    *,
    calculation: Calculation,
    terms: Terms,
    user: User,
    actor: Actor,
    now: datetime,
    beside: Quote | None = None,
    form_key: uuid.UUID | None = None,
) -> Quote:
    """A first draft of what was priced; of one `form_key` the database takes one. Raises `DateIsPast`."""
    situation, account = calculation.situation, calculation.situation.account
    _check_terms(terms, situation.today)
    quote = Quote(
        account=account, origin=QuoteOrigin.STAFF, created_by=user, created_at=now, form_key=form_key or uuid.uuid4(),
        manual_prices=manual_prices.to_json(calculation.manual), **asdict(terms),
    )  # fmt: skip
    with transaction.atomic():
        source = DealSource.REPRESENTATIVE
        deal = beside.deal if beside and beside.deal.closed_at is None else None
        priced, configuration = calculation.priced, calculation.configuration
        quote.deal = deal or open_deal(situation, priced, configuration, source=source)
        write(quote, situation, priced, configuration)
        quote_lifecycle.record_step(EventName.QUOTE_CREATED, quote, actor=actor, now=now)
    return quote


def change(
    *, quote: Quote, configuration: Configuration, manual: ManualPrices, terms: Terms, actor: Actor, now: datetime
) -> Quote:
    """Write a draft anew, at today's prices. Raises `QuoteNotReady`, `ConfigurationRefused`, `DateIsPast`."""
    check_draft(quote)
    found = calculate(account=quote.account, configuration=configuration, manual=manual, terms=terms, now=now)
    return write_change(quote=quote, calculation=found, terms=terms)


def write_change(*, quote: Quote, calculation: Calculation, terms: Terms) -> Quote:
    """Write a draft anew with what was priced. Raises `QuoteNotReady`, `DateIsPast`."""
    with transaction.atomic():
        quote = quote_lifecycle.locked(quote)
        check_draft(quote)
        _check_terms(terms, calculation.situation.today)
        quote.manual_prices = manual_prices.to_json(calculation.manual)
        for name, value in asdict(terms).items():
            setattr(quote, name, value)
        write(quote, calculation.situation, calculation.priced, calculation.configuration)
        update_deal(quote, calculation.situation, calculation.priced)
    return quote


def check_draft(quote: Quote) -> None:
    """Raises `QuoteNotReady` for what is no draft any more."""
    if quote.status != QuoteStatus.DRAFT:
        raise QuoteNotReady(_("What was submitted stands. Revise it: that makes a new version."))


def revise(
    *,
    quote: Quote,
    user: User,
    actor: Actor,
    now: datetime,
    valid_until: date | None = None,
    calculation: Calculation | None = None,
) -> Quote:
    """A new version as a draft, at today's prices; what can no longer be accepted is the version before.

    `calculation` is what `recalculate` found, where it was asked before. Raises `QuoteClosed`, `QuoteNotReady`,
    `ConfigurationRefused`, `DateIsPast`.
    """
    with transaction.atomic():
        quote = quote_lifecycle.locked(quote)
        check_revisable(quote)
        found = calculation or recalculate(quote=quote, now=now)
        _check_terms(Terms(valid_until=valid_until), found.situation.today)
        if quote.status not in (QuoteStatus.EXPIRED, QuoteStatus.DECLINED):
            quote_lifecycle.supersede(quote)
        fresh = next_version(quote, user=user, origin=QuoteOrigin.STAFF, now=now)
        fresh.manual_prices, fresh.valid_until = quote.manual_prices, valid_until
        fresh.start_date = found.situation.start_date
        write(fresh, found.situation, found.priced, found.configuration)
        update_deal(fresh, found.situation, found.priced)
        quote_lifecycle.record_step(EventName.QUOTE_CREATED, fresh, actor=actor, now=now)
    return fresh


def recalculate(*, quote: Quote, now: datetime, on_line: Callable[[int], None] | None = None) -> Calculation:
    """What the same costs today; what should have started by now starts at once. Raises `ConfigurationRefused`."""
    return calculate(
        account=quote.account,
        configuration=Configuration.from_json(quote.configuration),
        manual=manual_prices.from_json(quote.manual_prices),
        terms=terms_now(quote, now),
        now=now,
        on_line=on_line,
    )


def terms_now(quote: Quote, now: datetime) -> Terms:
    """The terms of a quote; what should have started by now starts at once."""
    terms = Terms.of(quote)
    is_late = quote.start_date is not None and quote.start_date < quote.account.local_date(now)
    return replace(terms, start_date=None) if is_late else terms


def check_revisable(quote: Quote) -> None:
    """Raises `QuoteClosed` where there is a newer version, `QuoteNotReady` where it cannot have one."""
    newest = Quote.objects.versions_of(quote).latest("version")
    if newest.version > quote.version:
        raise QuoteClosed(_("Version %(version)s is the newest. Revise that one.") % {"version": newest.version})
    if quote.status not in REVISABLE or quote.deal.closed_at:
        raise QuoteNotReady(
            _("Quote %(number)s cannot be revised: %(status)s.")
            % {"number": quote.number, "status": quote.get_status_display()}
        )


def extend(
    *,
    quote: Quote,
    valid_until: date,
    user: User,
    actor: Actor,
    now: datetime,
    calculation: Calculation | None = None,
) -> Quote:
    """Let an offer stand longer: a new version at today's prices, checked again, and presented where nothing is
    against it.

    Raises the errors of `revise`.
    """
    with transaction.atomic():
        fresh = revise(quote=quote, user=user, actor=actor, now=now, valid_until=valid_until, calculation=calculation)
        fresh = quote_lifecycle.submit(quote=fresh, actor=actor, now=now)
        if fresh.status == QuoteStatus.APPROVED:
            fresh = quote_lifecycle.present(quote=fresh, actor=actor, now=now)
    return fresh


def _check_terms(terms: Terms, today: date) -> None:
    if terms.valid_until is not None and terms.valid_until < today:
        raise DateIsPast(_("A quote is valid through today at least."))
