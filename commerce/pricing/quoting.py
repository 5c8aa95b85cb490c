"""A whole quote: what is due now, what recurs after, and why.

An amendment prices the remaining prepaid time once: lines billed for the term by the quote's proration mode, lines
billed per period by the days left in the current period, then the full price. A changed product is a swap: credit for
the old one, charge for the new, mirrored to the minor unit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from .explanation import Explanation, Param, Phrase, days_phrase, gettext_noop
from .holdings import Before, SharedSchedules, added, counted_before, held_monthly, locked
from .money import (
    Money,
    NegativeAmount,
    PricingError,
    check_price_fits,
    exact,
    exact_price,
    exponent_of,
    stored,
    to_minor,
)
from .proration import ChangeOutsidePeriod, Period, TermIsEmpty, days_left, duration_of, prorate_multiplier
from .quote import (
    Billing,
    Holding,
    LineRole,
    PercentOfTotal,
    PricedLine,
    PricedQuote,
    QuoteLine,
    QuoteMode,
    QuoteRequest,
)
from .tiers import BuyUpHint, DiscountMethod, SlabNotAllowed, checked_quantity
from .waterfall import LinePrice, LineTerms, ShareOfTotal, price_line
from .wording import discount_words, locked_words, price_words, quantity_words, result_words, term_words


class QuoteIsEmpty(PricingError):
    """There is nothing on the quote."""

    code = "quote_is_empty"


class NothingOrdered(PricingError):
    """A line without units orders nothing."""

    code = "nothing_ordered"


class LineListedTwice(PricingError):
    """The same line is on the quote twice."""

    code = "line_listed_twice"


class BillingPeriodMissing(PricingError):
    """A line is billed per period, and the quote does not say which period is running."""

    code = "billing_period_missing"


class NothingHeldYet(PricingError):
    """A quote for a new contract cannot change what the customer already has."""

    code = "nothing_held_yet"


class PercentOfPercent(PricingError):
    """A percentage is taken of itself, or of another percentage: each would wait for the other."""

    code = "percent_of_percent"


class DowngradeWaits(PricingError):
    """Less, or a cheaper product, takes effect at the end of the term or period, without credit.

    Staff may credit it at once (`credit_downgrades`).
    """

    code = "downgrade_waits"


def price_quote(request: QuoteRequest, *, on_line: Callable[[int], None] | None = None) -> PricedQuote:
    """Price a quote. The same request gives the same answer, whatever the order of its lines.

    `on_line` hears after each line how many are priced; whatever it raises ends the pricing.
    Lines that a percentage covers must be on the request, also where they stay unchanged. Raises QuoteIsEmpty,
    LineListedTwice, NothingHeldYet, DowngradeWaits, BillingPeriodMissing, ChangeOutsidePeriod, and the errors of
    quantities, tiers, percentages and currencies: all of them PricingError.
    """
    _check(request)
    priced: dict[str, tuple[_Part, ...]] = {}
    plain = [line for line in request.lines if line.share is None]
    together = SharedSchedules(plain)
    for line in plain:
        priced[line.line_key] = tuple(_price_plain(request, line, together.counted_with(line)))
        if on_line is not None:
            on_line(len(priced))
    for line in request.lines:
        if share := line.share:
            covered = [each for each in plain if each.kind in share.covers or each.product_code in share.products]
            parts = [part for each in covered for part in priced[each.line_key]]
            priced[line.line_key] = (_price_share(request, line, share, parts),)
            if on_line is not None:
                on_line(len(priced))
    quote = PricedQuote(
        mode=request.mode, currency=request.currency, contract=request.contract, change_date=request.change_date,
        billing_period=request.billing_period, period_months=request.period_months,
        proration_mode=request.proration_mode, tax_treatment=request.tax_treatment,
        lines=tuple(part.line for line in request.lines for part in priced[line.line_key]),
    )  # fmt: skip
    for total in (quote.due_now_minor, quote.period_total_minor, quote.monthly_minor):
        Money(total, request.currency)  # Each line fits its column; so must their sums.
    return quote


@dataclass(frozen=True, slots=True)
class _Part:
    """A priced line, and what the whole of it comes to for the time priced: what a percentage of it is taken from."""

    line: PricedLine
    total_minor: int
    whole_minor: int
    period_total_minor: int
    monthly_minor: int
    monthly_before_minor: int


@dataclass(frozen=True, slots=True)
class _Time:
    """How many times a price is due for the time that is priced, and how to say so."""

    multiplier: Fraction
    words: Phrase | None


def _check(request: QuoteRequest) -> None:
    exponent_of(request.currency)
    _check_lines(request)
    _check_dates(request)


def _check_lines(request: QuoteRequest) -> None:
    if not request.lines:
        raise QuoteIsEmpty("a quote needs a line")
    for key, times in Counter(line.line_key for line in request.lines).items():
        if times > 1:
            raise LineListedTwice(f"{key} is on the quote {times} times")
    for line in request.lines:
        if line.holding is not None and request.mode is QuoteMode.NEW:
            raise NothingHeldYet("a new contract has no earlier lines")
        if line.price_months < 1:
            raise TermIsEmpty(f"the price of {line.line_key} covers no months")
        if line.quantity_places < 0:
            raise NegativeAmount("the decimals of a quantity are counted from 0")
        if line.term_schedule is not None and line.term_schedule.method is DiscountMethod.SLAB:
            raise SlabNotAllowed(f"the term discount of {line.line_key} counts months")
    _check_shares(request)


def _check_shares(request: QuoteRequest) -> None:
    """A percentage names no line that is one: that of whole kinds passes them over anyway."""
    shares = {line.product_code for line in request.lines if line.share is not None}
    for line in request.lines:
        if line.share is not None and line.share.products & (shares | {line.product_code}):
            raise PercentOfPercent(f"{line.line_key} is a percentage of a percentage")


def _check_dates(request: QuoteRequest) -> None:
    if request.period_months < 1:
        raise TermIsEmpty("a billing period has at least one month")
    if request.change_date not in request.contract:
        raise ChangeOutsidePeriod(f"{request.change_date} is not within the contract")
    if request.mode is QuoteMode.NEW and request.change_date != request.contract.start_date:
        raise ChangeOutsidePeriod("a new contract is priced from its first day")


def _price_plain(request: QuoteRequest, line: QuoteLine, others: Fraction) -> Iterator[_Part]:
    """One line by its own price: a charge, a swap's credit and charge, or no change."""
    quantity = checked_quantity(line.quantity, places=line.quantity_places)
    holding = line.holding
    if quantity == 0 and (holding is None or holding.product_code != line.product_code):
        raise NothingOrdered(f"{line.line_key} has a quantity of zero")
    if holding is None:
        yield _charge(request, line, line, others=others)
        return
    held = checked_quantity(holding.quantity, places=line.quantity_places)
    if holding.product_code != line.product_code:
        _refuse_downgrade(request, line, holding, held, others)
        yield _credit(request, line, holding, held)
        yield _charge(request, line, line, others=others, monthly_before=held_monthly(holding, held))
    elif quantity < held:
        if not request.credit_downgrades:
            raise DowngradeWaits(f"{line.line_key} goes from {holding.quantity} to {line.quantity}")
        if quantity == 0:
            yield _credit(request, line, holding, held, monthly_before=held_monthly(holding, held))
            return
        yield _credit(request, line, holding, held - quantity)
        yield _unchanged(request, line, holding, quantity, monthly_before=held_monthly(holding, held))
    elif quantity == held:
        yield _unchanged(request, line, holding, quantity, monthly_before=held_monthly(holding, held))
    else:
        more = added(line, holding, quantity - held)
        yield _charge(request, line, more, others=others, kept=holding, monthly_before=held_monthly(holding, held))


def _charge(
    request: QuoteRequest,
    line: QuoteLine,
    charged: QuoteLine,
    *,
    others: Fraction = Fraction(0),
    kept: Holding | None = None,
    monthly_before: Fraction = Fraction(0),
) -> _Part:
    """The charge for `charged`, which is the line or the units added to it; `kept` units stay at their own price."""
    time = _time(request, line.billing, line.price_months)
    held = Fraction(0) if kept is None else checked_quantity(kept.quantity, places=line.quantity_places)
    before = Before(held, counted_before(line, held, others))
    price = price_line(_terms(request, charged, time.multiplier, before))
    sold = price_line(_terms(request, charged, Fraction(1), before)).exact_total
    whole = price.exact_total
    monthly = Fraction(0) if line.billing is Billing.ONCE else sold / line.price_months
    if kept is not None:
        monthly += held_monthly(kept, held)
        kept_time = _time(request, kept.billing or line.billing, kept.price_months)
        whole += held * exact_price(kept.unit_price) * kept_time.multiplier
    clauses = locked_words(request, charged) if price.is_locked else [
        *price_words(request, charged, held=held, is_added=kept is not None),
        *discount_words(request, charged, counted=before.counted, is_together=others > 0),
    ]  # fmt: skip
    if time.words is not None:
        clauses.append(time.words)
    quantity = exact(charged.quantity)
    return _part(
        request,
        line,
        role=LineRole.CHARGE,
        quantity=quantity,
        quantity_change=quantity,
        price=price,
        multiplier=time.multiplier,
        whole=whole,
        monthly=monthly,
        monthly_before=monthly_before,
        clauses=clauses,
        sold_unit_price=sold / quantity,
        buy_up=_buy_up(request, charged, price, time.multiplier, before),
    )


def _buy_up(
    request: QuoteRequest, charged: QuoteLine, price: LinePrice, multiplier: Fraction, before: Before
) -> BuyUpHint | None:
    """The smallest larger quantity, with what is held, that costs less now, where a tier makes the total fall."""
    starts = {tier.start - before.held for tier in charged.own_price.steps} if charged.own_price else set()
    if charged.schedule is not None:
        starts |= {tier.start - before.counted for tier in charged.schedule.tiers}
    quantity = exact(charged.quantity)
    for start in sorted(start for start in starts if start > quantity):
        larger = replace(charged, quantity=stored(start))
        total = price_line(_terms(request, larger, multiplier, before)).total
        if total.minor < price.total.minor:
            return BuyUpHint(int(start + before.held), total.amount)
    return None


def _credit(
    request: QuoteRequest,
    line: QuoteLine,
    holding: Holding,
    quantity: Fraction,
    *,
    monthly_before: Fraction = Fraction(0),
) -> _Part:
    """The credit for the unused time of what is given up: the exact mirror of what that time costs."""
    billing = holding.billing or line.billing
    time = _time(request, billing, holding.price_months)
    old = replace(
        locked(line, holding, quantity),
        key=line.line_key,
        product_code=holding.product_code,
        name=holding.name,
        tax_rate_percent=line.tax_rate_percent if holding.tax_rate_percent is None else holding.tax_rate_percent,
    )
    words = Phrase(gettext_noop("credit for %(what)s"), {"what": quantity_words(request, old, named=True)})
    return _part(
        request,
        old,
        role=LineRole.CREDIT,
        quantity=quantity,
        quantity_change=-quantity,
        price=price_line(_terms(request, old, time.multiplier, Before())),
        multiplier=time.multiplier,
        whole=Fraction(0),
        monthly=Fraction(0),
        monthly_before=monthly_before,
        clauses=[words] if time.words is None else [words, time.words],
    )


def _unchanged(
    request: QuoteRequest, line: QuoteLine, holding: Holding, quantity: Fraction, *, monthly_before: Fraction
) -> _Part:
    """What stays at its locked price: nothing due now, the same price after."""
    billing = holding.billing or line.billing
    kept = locked(line, holding, quantity)
    time = _time(request, billing, holding.price_months)
    price = price_line(_terms(request, kept, time.multiplier, Before()))
    return _part(
        request,
        kept,
        role=LineRole.UNCHANGED,
        quantity=quantity,
        quantity_change=Fraction(0),
        price=price,
        multiplier=time.multiplier,
        whole=price.exact_total,
        monthly=held_monthly(holding, quantity),
        monthly_before=monthly_before,
        clauses=[quantity_words(request, kept), Phrase(gettext_noop("unchanged"))],
    )


def _price_share(request: QuoteRequest, line: QuoteLine, share: PercentOfTotal, covered: list[_Part]) -> _Part:
    """A line that is a percentage of others. Held already, it follows what changes; new, it covers the whole."""
    terms = replace(_terms(request, line, Fraction(1), Before()), quantity=1, volume_schedule=None, term_schedule=None)

    def part_of(minor: int) -> LinePrice:
        total = Money(minor, request.currency).amount
        return price_line(replace(terms, share_of_total=ShareOfTotal(share.percent, total)))

    is_new = line.holding is None
    base_minor = sum(part.whole_minor if is_new else part.total_minor for part in covered)
    base = Money(abs(base_minor), request.currency)
    role = LineRole.CHARGE if base_minor > 0 else LineRole.CREDIT if base_minor < 0 else LineRole.UNCHANGED
    price = part_of(base.minor)
    monthly = part_of(sum(part.monthly_minor for part in covered)).exact_total
    before = part_of(0 if is_new else sum(part.monthly_before_minor for part in covered)).exact_total
    named: dict[str, Param] = {"name": line.name, "percent": share.percent, "base": base}
    words = Phrase(gettext_noop("%(name)s at %(percent)s %% of %(base)s"), named)
    return _part(
        request,
        line,
        role=role,
        quantity=Fraction(1),
        quantity_change=Fraction(1 if is_new else 0),
        price=price,
        multiplier=Fraction(1),
        whole=price.exact_total,
        monthly=monthly,
        monthly_before=before,
        period=part_of(sum(part.period_total_minor for part in covered)).exact_total,
        sold_unit_price=(price.exact_total if line.billing is Billing.ONCE else monthly * line.price_months),
        clauses=[words, *discount_words(request, line, counted=Fraction(0))],
    )


def _part(
    request: QuoteRequest,
    line: QuoteLine,
    *,
    role: LineRole,
    quantity: Fraction,
    quantity_change: Fraction,
    price: LinePrice,
    multiplier: Fraction,
    whole: Fraction,
    monthly: Fraction,
    monthly_before: Fraction,
    clauses: list[Phrase],
    period: Fraction | None = None,
    sold_unit_price: Fraction | None = None,
    buy_up: BuyUpHint | None = None,
) -> _Part:
    """Round, tax and describe one line."""
    currency = request.currency
    sign = {LineRole.CHARGE: 1, LineRole.CREDIT: -1, LineRole.UNCHANGED: 0}[role]
    due = request.taxed(line, sign * price.total.minor)
    if period is None:
        period = monthly * request.period_months if line.billing is Billing.PERIOD else Fraction(0)
    period_total_minor = to_minor(period, currency)
    monthly_minor, monthly_before_minor = to_minor(monthly, currency), to_minor(monthly_before, currency)
    sold = exact(line.unit_price) if sold_unit_price is None else sold_unit_price
    check_price_fits(sold / line.months_of_price)
    later = request.taxed(line, period_total_minor)
    priced = PricedLine(
        key=line.line_key,
        product_code=line.product_code,
        name=line.name,
        kind=line.kind,
        role=role,
        billing=line.billing,
        quantity=stored(quantity),
        quantity_change=stored(quantity_change),
        unit_price=stored(exact_price(line.unit_price)),
        price_months=line.price_months,
        net_unit_price=stored(price.net_unit_price),
        multiplier=stored(multiplier),
        steps=price.steps,
        net_minor=due.net_minor,
        tax_minor=due.tax_minor,
        tax_rate_percent=request.rate_charged(line),
        monthly_minor=request.shown(line, monthly_minor),
        monthly_before_minor=request.shown(line, monthly_before_minor),
        period_minor=later.net_minor,
        period_tax_minor=later.tax_minor,
        explanation=Explanation(
            tuple(clauses),
            result_words(
                request,
                line,
                total=Money(request.shown(line, sign * price.total.minor), currency),
                tax=Money(due.tax_minor, currency),
                period=Money(request.shown(line, period_total_minor), currency),
                buy_up=buy_up,
            ),
        ),
        sold_unit_price=stored(sold),
        buy_up=buy_up,
    )
    return _Part(
        priced, sign * price.total.minor, to_minor(whole, currency), period_total_minor, monthly_minor,
        monthly_before_minor,
    )  # fmt: skip


def _terms(request: QuoteRequest, line: QuoteLine, multiplier: Fraction, before: Before) -> LineTerms:
    return LineTerms(
        original_price=line.unit_price,
        quantity=line.quantity,
        quantity_places=line.quantity_places,
        already=stored(before.held),
        counted=stored(before.counted),
        currency=request.currency,
        one_time=line.billing is Billing.ONCE,
        multiplier=multiplier,
        list_override=line.list_override,
        special_price=line.special_price,
        contracted_price=line.contracted_price,
        method=line.own_price,
        is_contracted=line.is_contracted,
        schedules_stack=line.schedules_stack,
        volume_schedule=line.schedule,
        term_schedule=line.term_schedule,
        term_months=duration_of(request.contract).months,
        rules=line.rules,
        discount=line.discount,
        renewal=line.renewal,
        partner_percent=line.partner_percent,
        distributor_percent=line.distributor_percent,
        most_unit_price=line.most_unit_price,
    )


def _time(request: QuoteRequest, billing: Billing, price_months: int) -> _Time:
    """The time a line pays for now: the rest of the term, the rest of the running period, or none."""
    if billing is Billing.ONCE:
        return _Time(Fraction(1), None)
    if billing is Billing.PERIOD:
        period = request.billing_period
        if period is None:
            raise BillingPeriodMissing("a line is billed per period, and no period is running")
        if request.change_date not in period:
            raise ChangeOutsidePeriod(f"{request.change_date} is not within the running billing period")
        paid_for = Period(period.start_date, min(period.until_date, request.contract.until_date))
        left = days_left(paid_for, request.change_date)
        words = Phrase(
            gettext_noop("%(left)s left of %(all)s in this period"), {"left": days_phrase(left), "all": period.days}
        )
        multiplier = Fraction(request.period_months, price_months) * Fraction(left, period.days)
        return _Time(multiplier, None if left == period.days else words)
    rest = Period(request.change_date, request.contract.until_date)
    multiplier = prorate_multiplier(
        rest,
        mode=request.proration_mode,
        default_term_months=price_months,
        anchor_day=request.contract.start_date.day,
    )
    return _Time(multiplier, term_words(request, rest, multiplier * price_months))


def _refuse_downgrade(
    request: QuoteRequest, line: QuoteLine, holding: Holding, held: Fraction, others: Fraction
) -> None:
    """A swap to a lower recurring price is a downgrade: it waits, unless staff credit it now."""
    if request.credit_downgrades or line.billing is Billing.ONCE:
        return
    before = Before(counted=others)
    monthly = price_line(_terms(request, line, Fraction(1, line.price_months), before)).exact_total
    if monthly < held_monthly(holding, held):
        raise DowngradeWaits(f"{line.product_code} costs less than {holding.product_code}")
