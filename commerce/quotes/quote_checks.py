"""What a company reads while we check its quote: why, where the amount is the reason, and how long it usually takes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.core.cache import cache
from django.utils.translation import ngettext

from accounts.scope import staff_scope
from commerce.amounts import money
from commerce.deal_desk import deal_decisions
from commerce.models import Quote
from commerce.pricing.money import Money
from commerce.quotes.limits import self_service_limit
from tracking.actor import Actor

MEASURED = timedelta(days=90)
FEWEST = 5  # Decided quotes, before we say what is usual.
_CACHED_SECONDS = 3600
_NOBODY_KNOWS = 0


@dataclass(frozen=True)
class Check:
    """`limit`: what the company orders without us, where this is more. `within`: "2 days". Each may be empty."""

    limit: str
    within: str


def check_of(quote: Quote, *, actor: Actor, now: datetime) -> Check:
    """Two queries for a quote made in the portal, none for one of ours; and once an hour, one more."""
    limit = None if quote.is_by_staff else self_service_limit(quote.account, quote.currency)
    is_above = limit is not None and quote.commitment_minor() > limit
    return Check(
        limit=money(Money(limit, quote.currency)) if limit is not None and is_above else "",
        within=_in_words(_usual_seconds(actor, now)),
    )


def _usual_seconds(actor: Actor, now: datetime) -> int:
    """What nine of ten checks took no longer than; 0 where too few were made to say."""
    known: int | None = cache.get("commerce:usual_check")
    if known is None:
        with staff_scope(actor):  # Who decided about whose quotes is nothing that a customer may read.
            times = sorted(deal_decisions.times_in_approval(since=now - MEASURED))
        known = _NOBODY_KNOWS
        if len(times) >= FEWEST:
            known = ceil(times[-(-9 * len(times) // 10) - 1].total_seconds())
        cache.set("commerce:usual_check", known, _CACHED_SECONDS)
    return known


def _in_words(seconds: int) -> str:
    """Rounded up to whole hours, and from two days on to whole days; empty where nobody knows."""
    if seconds == _NOBODY_KNOWS:
        return ""
    hours = max(ceil(seconds / 3600), 1)
    if hours <= 48:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    days = ceil(hours / 24)
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
