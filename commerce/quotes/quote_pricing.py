"""Pricing long staff quotes in the background: asked for once, seen as it goes on, and one quote in the end.

The price is worked out outside of any transaction, so that everybody sees how far it is and may cancel it. Then one
transaction locks the request, writes the quote and says that it is done: whoever comes second finds nothing left to do.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts.jobs import enqueue
from accounts.languages import speaking_to
from accounts.models import Account, User
from accounts.scope import staff_scope
from commerce.configuring.situations import Configuration, ConfigurationRefused
from commerce.models import PricingPurpose, PricingStatus, Quote, QuotePricing
from commerce.quotes import manual_prices, staff_quotes
from commerce.quotes.manual_prices import ManualPrices
from commerce.quotes.quote_lifecycle import QuoteRefused
from commerce.quotes.staff_quotes import Calculation, Terms
from tracking.actor import Actor

INLINE_LINES = 200  # So many are priced while somebody waits.
TOLD_EVERY = 25  # Lines; each time costs a statement.
MOST_ATTEMPTS = 3  # A request that workers die of is given up.


class BeingPriced(QuoteRefused):
    """The same quote is being priced already; `pricing` says how far it is."""

    def __init__(self, pricing: QuotePricing) -> None:
        super().__init__(_("This quote is being priced already. Wait for that, or cancel it."))
        self.pricing = pricing


class NotUnderWay(Exception):
    """It is over: done, cancelled or given up."""


def is_long(configuration: Configuration) -> bool:
    """Whether it has too many lines to be priced while somebody waits."""
    return line_count(configuration) > INLINE_LINES


def line_count(configuration: Configuration) -> int:
    """The plan's line, and one for each other product."""
    return 1 + len(configuration.addons)


def make(
    *,
    account: Account,
    configuration: Configuration,
    manual: ManualPrices,
    terms: Terms,
    user: User,
    form_key: UUID,
    now: datetime,
    draft: Quote | None = None,
    beside: Quote | None = None,
) -> Quote | QuotePricing:
    """A new quote, or a `draft` written anew: a short one at once, a long one asked for.

    Raises `QuoteRefused`, and of a short one `ConfigurationRefused`.
    """
    if is_long(configuration):
        if draft is not None:
            staff_quotes.check_draft(draft)
        return _begin(
            QuotePricing(
                account=account,
                purpose=PricingPurpose.CHANGE if draft else PricingPurpose.NEW,
                source=draft,
                beside=beside,
                configuration=configuration.as_json(),
                manual_prices=manual_prices.to_json(manual),
                terms=terms.as_json(),
                form_key=form_key,
                line_count=line_count(configuration),
                started_by=user,
                created_at=now,
            )
        )
    actor = Actor.staff(user.pk, account.pk)
    if draft is not None:
        return staff_quotes.change(
            quote=draft, configuration=configuration, manual=manual, terms=terms, actor=actor, now=now
        )
    return staff_quotes.draft(
        account=account, configuration=configuration, manual=manual, terms=terms, user=user, actor=actor, now=now,
        beside=beside,
    )  # fmt: skip


def revise(*, quote: Quote, user: User, now: datetime, valid_until: date | None = None) -> Quote | QuotePricing:
    """A new version; with a day, one that is presented again and stands through it. A long one is asked for.

    Raises `QuoteRefused`, and of a short one `ConfigurationRefused`.
    """
    configuration = Configuration.from_json(quote.configuration)
    if is_long(configuration):
        staff_quotes.check_revisable(quote)
        return _begin(
            QuotePricing(
                account=quote.account,
                purpose=PricingPurpose.EXTEND if valid_until else PricingPurpose.REVISE,
                source=quote,
                configuration=quote.configuration,
                manual_prices=quote.manual_prices,
                terms=replace(staff_quotes.terms_now(quote, now), valid_until=valid_until).as_json(),
                line_count=line_count(configuration),
                started_by=user,
                created_at=now,
            )
        )
    actor = Actor.staff(user.pk, quote.account_id)
    if valid_until is not None:
        return staff_quotes.extend(quote=quote, valid_until=valid_until, user=user, actor=actor, now=now)
    return staff_quotes.revise(quote=quote, user=user, actor=actor, now=now)


def _begin(asked: QuotePricing) -> QuotePricing:
    """Wake a worker for it. Raises `BeingPriced` where its source is being priced already."""
    from commerce.tasks import price_quote

    try:
        with transaction.atomic():
            asked.save()
            enqueue(price_quote, account_id=asked.account_id, pricing_id=asked.pk)
    except IntegrityError:
        rows = QuotePricing.objects.for_account(asked.account)
        if made := rows.filter(form_key=asked.form_key).first():
            return made  # The same form, sent twice.
        if asked.source is None or (other := rows.under_way().filter(source=asked.source).first()) is None:
            raise
        raise BeingPriced(other) from None
    return asked


def run(*, pricing_id: int, now: datetime) -> None:
    """Price what was asked for, and write the quote. Run again, or twice at once, it writes one."""
    pricing = _claim(pricing_id, now)
    if pricing is None:
        return
    with speaking_to(pricing.started_by, None):
        try:
            _write(pricing, _calculate(pricing, now), now=now)
        except NotUnderWay:
            return
        except (ConfigurationRefused, QuoteRefused) as refusal:
            _give_up(pricing, str(refusal), now=now)


def run_left_behind(*, now: datetime) -> int:
    """Go on with what nobody works on; how many."""
    left = list(QuotePricing.objects.left_behind(now).order_by("created_at").values_list("pk", flat=True))
    for pk in left:
        run(pricing_id=pk, now=now)
    return len(left)


def cancel(*, pricing: QuotePricing, now: datetime) -> None:
    """End it without a quote. Raises `NotUnderWay`."""
    ended = QuotePricing.objects.under_way().filter(pk=pricing.pk)
    if not ended.update(status=PricingStatus.CANCELLED, finished_at=now):
        raise NotUnderWay


def _claim(pricing_id: int, now: datetime) -> QuotePricing | None:
    """Count the attempt; None where nothing is left to do."""
    rows = QuotePricing.objects.filter(pk=pricing_id)
    pricing = rows.select_related("account", "source__account", "beside__deal", "started_by").first()
    if pricing is None or not pricing.is_under_way:
        return None
    if pricing.attempts >= MOST_ATTEMPTS:
        with speaking_to(pricing.started_by, None):
            _give_up(pricing, _("It could not be priced: we tried several times. Ask your administrator."), now=now)
        return None
    claimed = rows.under_way().update(
        status=PricingStatus.RUNNING, claimed_at=now, attempts=F("attempts") + 1, done_count=0
    )
    return pricing if claimed else None


def _calculate(pricing: QuotePricing, now: datetime) -> Calculation:
    """Work out the price; nothing is locked meanwhile. Raises `NotUnderWay` soon after somebody cancelled it."""
    if pricing.source is not None and pricing.purpose == PricingPurpose.CHANGE:
        staff_quotes.check_draft(pricing.source)
    return staff_quotes.calculate(
        account=pricing.account,
        configuration=Configuration.from_json(pricing.configuration),
        manual=manual_prices.from_json(pricing.manual_prices),
        terms=Terms.from_json(pricing.terms),
        now=now,
        on_line=_teller(pricing),
    )


def _teller(pricing: QuotePricing) -> Callable[[int], None]:
    """Writes down every few lines how far it is."""
    running = QuotePricing.objects.filter(pk=pricing.pk, status=PricingStatus.RUNNING)

    def tell(count: int) -> None:
        shown = min(count, pricing.line_count)  # What is held beside is priced too, and nobody asked for it.
        if count % TOLD_EVERY == 0 and not running.update(done_count=shown):
            raise NotUnderWay

    return tell


def _write(pricing: QuotePricing, calculation: Calculation, *, now: datetime) -> None:
    """The quote and the end of the request, both or neither. Raises `NotUnderWay`, `QuoteRefused`."""
    actor = Actor.staff(pricing.started_by_id, pricing.account_id)
    with staff_scope(actor):
        locked = QuotePricing.objects.under_way().select_for_update(no_key=True).filter(pk=pricing.pk).first()
        if locked is None:
            raise NotUnderWay
        locked.quote = _quote(pricing, calculation, actor=actor, now=now)
        locked.status, locked.finished_at, locked.done_count = PricingStatus.DONE, now, locked.line_count
        locked.save(update_fields=["quote", "status", "finished_at", "done_count"])


def _quote(pricing: QuotePricing, calculation: Calculation, *, actor: Actor, now: datetime) -> Quote:
    terms, user, source = Terms.from_json(pricing.terms), pricing.started_by, pricing.source
    if source is None:
        return staff_quotes.write_draft(
            calculation=calculation, terms=terms, user=user, actor=actor, now=now, beside=pricing.beside,
            form_key=pricing.public_id,
        )  # fmt: skip
    if pricing.purpose == PricingPurpose.CHANGE:
        return staff_quotes.write_change(quote=source, calculation=calculation, terms=terms)
    if pricing.purpose == PricingPurpose.EXTEND and terms.valid_until is not None:
        return staff_quotes.extend(
            quote=source, valid_until=terms.valid_until, user=user, actor=actor, now=now, calculation=calculation
        )
    return staff_quotes.revise(quote=source, user=user, actor=actor, now=now, calculation=calculation)


def _give_up(pricing: QuotePricing, reason: str, *, now: datetime) -> None:
    waiting = QuotePricing.objects.under_way().filter(pk=pricing.pk)
    waiting.update(status=PricingStatus.FAILED, refusal=reason, finished_at=now)
