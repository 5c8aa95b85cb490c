"""The words of a priced line."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from .explanation import (
    Param,
    Phrase,
    UnitPrice,
    count_figure,
    days_phrase,
    duration_phrase,
    gettext_noop,
    months_phrase,
)
from .methods import Asked, ListPrice, at_price
from .money import Money, exact, exact_price, round_half_away, stored
from .proration import Period, ProrationMode, duration_of
from .quote import Billing, QuoteLine, QuoteRequest
from .renewal import RenewalMethod
from .tax import TaxTreatment
from .tiers import BuyUpHint, DiscountMethod, checked_quantity, discount_bands, tier_of
from .waterfall import AdjustmentKind, PriceRule, rules_for

# How a line ends whose price has the tax in it: `percent` says how much.
TAX_INSIDE = gettext_noop("%(total)s including %(tax)s tax (%(percent)s %%)")
TAX_TAKEN_OUT = gettext_noop("%(total)s without the tax that is in the price (%(percent)s %%)")


def _asked(request: QuoteRequest, line: QuoteLine, *, is_added: bool = False, is_named: bool = False) -> Asked:
    return Asked(
        quantity=exact(line.quantity),
        currency=request.currency,
        unit=line.unit,
        name=line.name,
        price_months=line.price_months,
        is_once=line.billing is Billing.ONCE,
        is_added=is_added,
        is_named=is_named,
    )


def quantity_words(request: QuoteRequest, line: QuoteLine, *, named: bool = False) -> Phrase:
    """60 seats at EUR 12.00 a month; 60 seats of Team at …; 1 × Audit log export at …"""
    return at_price(_asked(request, line, is_named=named), line.unit_price)


def price_words(request: QuoteRequest, line: QuoteLine, *, held: Fraction, is_added: bool) -> list[Phrase]:
    """What is priced, and by which price: that of a rule, a special or agreed one, the method's, or the list's."""
    asked = _asked(request, line, is_added=is_added)
    ruled = [rule for rule in rules_for(line.rules, asked.quantity) if rule.special_price is not None]
    if ruled and ruled[-1].special_price is not None:
        rule = ruled[-1]
        words = Phrase(gettext_noop("a special price"))
        if rule.label:
            words = Phrase(gettext_noop("a special price: %(label)s"), {"label": rule.label})
        return [at_price(asked, ruled[-1].special_price), words]
    if line.special_price is not None:
        return [at_price(asked, line.special_price), Phrase(gettext_noop("a special price"))]
    if line.contracted_price is not None:
        return [at_price(asked, line.contracted_price), Phrase(gettext_noop("the price agreed with you"))]
    words_of_price = _list_words(line, asked, held)
    if line.is_contracted:
        words_of_price.append(Phrase(gettext_noop("the price agreed with you")))
    return words_of_price


def locked_words(request: QuoteRequest, line: QuoteLine) -> list[Phrase]:
    """10 more seats at EUR 22.00 a month, the price in your contract."""
    price = at_price(_asked(request, line, is_added=True), line.most_unit_price or Decimal(0))
    return [price, Phrase(gettext_noop("the price in your contract"))]


def _list_words(line: QuoteLine, asked: Asked, held: Fraction) -> list[Phrase]:
    method = line.own_price
    if method is not None and not isinstance(method, ListPrice):
        if line.list_override is None:
            return method.words(asked, held)
        if method.is_of_the_whole:
            price = {"price": asked.rate(line.list_override)}
            return [asked.counted(), Phrase(gettext_noop("%(price)s in all"), price)]
    return [at_price(asked, line.unit_price if line.list_override is None else line.list_override)]


def discount_words(
    request: QuoteRequest, line: QuoteLine, *, counted: Fraction, is_together: bool = False
) -> list[Phrase]:
    """10 % volume discount on seats 11-60; then those of the term, of rules, by hand, of partner and distributor."""
    shares = ((gettext_noop("%(off)s for the partner"), line.partner_percent),
              (gettext_noop("%(off)s for the distributor"), line.distributor_percent))  # fmt: skip
    return [
        *(_schedule_words(request, line, counted, is_together=is_together) if schedules_apply(line) else []),
        *(_rule_words(rule) for rule in rules_for(line.rules, exact(line.quantity)) if rule.discount_percent),
        *_hand_words(request, line),
        *_renewal_words(request, line),
        *(Phrase(template, {"off": _off_words(request, percent, None)}) for template, percent in shares if percent),
    ]


def schedules_apply(line: QuoteLine) -> bool:
    """As in the waterfall: agreed prices, those of blocks and percentages have the quantity in them already."""
    if line.share is not None:
        return False
    if line.schedules_stack or line.special_price is not None or any(r.special_price is not None for r in line.rules):
        return True
    in_it = line.own_price is not None and line.own_price.has_quantity_in_it
    return not (in_it or line.is_contracted or line.contracted_price is not None)


def _schedule_words(
    request: QuoteRequest, line: QuoteLine, counted: Fraction, *, is_together: bool
) -> Iterator[Phrase]:
    quantity = checked_quantity(line.quantity, places=line.quantity_places)
    bands = discount_bands(line.schedule, quantity, already=counted) if line.schedule is not None else ()
    for band in bands:
        if band.tier.percent == 0 or band.tier.amount == 0:
            continue
        off = _off_words(request, band.tier.percent, band.tier.amount)
        if line.schedule is not None and line.schedule.method is DiscountMethod.RANGE:
            if is_together:
                together = {"off": off, "units": count_figure(counted + quantity)}
                yield Phrase(gettext_noop("%(off)s volume discount for %(units)s units in all"), together)
            else:
                yield Phrase(gettext_noop("%(off)s volume discount"), {"off": off})
            continue
        span: dict[str, Param] = {"off": off, "unit": line.unit, "first": band.first, "last": band.last}
        if line.unit:
            yield Phrase(gettext_noop("%(off)s volume discount on %(unit)s %(first)s-%(last)s"), span)
        else:
            yield Phrase(gettext_noop("%(off)s volume discount on units %(first)s-%(last)s"), span)
    if line.term_schedule is not None:
        months = duration_of(request.contract).months
        tier = tier_of(line.term_schedule.tiers, Fraction(months))
        if tier is not None and not (tier.percent == 0 or tier.amount == 0):
            off = _off_words(request, tier.percent, tier.amount)
            term = {"off": off, "months": months_phrase(months)}
            yield Phrase(gettext_noop("%(off)s discount for a term of %(months)s"), term)


def _rule_words(rule: PriceRule) -> Phrase:
    off = Phrase(gettext_noop("%(percent)s %%"), {"percent": rule.discount_percent or Decimal(0)})
    if rule.label:
        return Phrase(gettext_noop("%(off)s discount: %(label)s"), {"off": off, "label": rule.label})
    return Phrase(gettext_noop("%(off)s discount"), {"off": off})


def _hand_words(request: QuoteRequest, line: QuoteLine) -> Iterator[Phrase]:
    if line.discount is not None and line.discount.value:
        is_amount = line.discount.kind is AdjustmentKind.DISCOUNT_AMOUNT
        off = _off_words(
            request, None if is_amount else line.discount.value, line.discount.value if is_amount else None
        )
        yield Phrase(gettext_noop("%(off)s discount"), {"off": off})


def _renewal_words(request: QuoteRequest, line: QuoteLine) -> Iterator[Phrase]:
    """What the price is raised by as the contract goes on, and what was promised for staying."""
    terms = line.renewal
    if terms is None:
        return
    raised = stored(exact_price(terms.uplift_percent) * exact_price(terms.uplift_years))
    if terms.method is RenewalMethod.UPLIFT and raised:
        yield Phrase(gettext_noop("%(percent)s %% more than in the ended term"), {"percent": raised})
    if terms.promised_percent:
        off = _off_words(request, terms.promised_percent, None)
        yield Phrase(gettext_noop("%(off)s, as promised for staying"), {"off": off})


def _off_words(request: QuoteRequest, percent: Decimal | None, amount: Decimal | None) -> Phrase:
    if percent is not None:
        return Phrase(gettext_noop("%(percent)s %%"), {"percent": percent})
    return Phrase(gettext_noop("%(amount)s each"), {"amount": UnitPrice(amount or Decimal(0), request.currency)})


def term_words(request: QuoteRequest, rest: Period, months_due: Fraction) -> Phrase:
    """7 months and 9 days left of 12; for 12 months. Counted as the quote's mode counts."""
    whole = rest == request.contract
    left, term = duration_of(rest), duration_of(request.contract)
    match request.proration_mode:
        case ProrationMode.DAY:
            if whole:
                return Phrase(gettext_noop("for %(time)s"), {"time": days_phrase(rest.days)})
            return Phrase(
                gettext_noop("%(left)s left of %(all)s"),
                {"left": days_phrase(rest.days), "all": request.contract.days},
            )
        case ProrationMode.MONTH:
            started = months_phrase(int(months_due))
            if whole:
                return Phrase(gettext_noop("for %(time)s"), {"time": started})
            return Phrase(
                gettext_noop("%(left)s left of %(all)s, a started month counting as whole"),
                {"left": started, "all": term.months + (1 if term.days else 0)},
            )
        case ProrationMode.CALENDAR_PERIOD:
            if months_due.denominator != 1:
                return Phrase(
                    gettext_noop("for about %(months)s months, each by its own days"),
                    {"months": round_half_away(months_due, 4)},
                )
    if whole:
        return Phrase(gettext_noop("for %(time)s"), {"time": duration_phrase(term)})
    return Phrase(
        gettext_noop("%(left)s left of %(all)s"),
        {"left": duration_phrase(left), "all": duration_phrase(term) if term.days else term.months},
    )


def result_words(
    request: QuoteRequest,
    line: QuoteLine,
    *,
    total: Money,
    tax: Money,
    period: Money,
    buy_up: BuyUpHint | None = None,
) -> Phrase:
    """What the line comes to now, its tax, what follows each period, and whether more would cost less."""
    result = _result_words(request, line, total=total, tax=tax, period=period)
    if buy_up is None:
        return result
    template = gettext_noop("%(result)s. More costs less here: %(quantity)s would come to %(amount)s now")
    amount = Money.rounded(buy_up.amount, request.currency)
    return Phrase(template, {"result": result, "quantity": buy_up.quantity, "amount": amount})


def _result_words(request: QuoteRequest, line: QuoteLine, *, total: Money, tax: Money, period: Money) -> Phrase:
    if request.takes_tax_out and line.tax_rate_percent:
        result = Phrase(TAX_TAKEN_OUT, {"total": total, "percent": line.tax_rate_percent})
        if line.tax_note is not None:
            result = Phrase(gettext_noop("%(total)s. %(note)s"), {"total": result, "note": line.tax_note})
    elif line.tax_note is not None:
        result = Phrase(gettext_noop("%(total)s. %(note)s"), {"total": total, "note": line.tax_note})
    elif not tax.minor:
        result = Phrase(gettext_noop("%(total)s"), {"total": total})
    elif request.tax_treatment is TaxTreatment.INCLUSIVE:
        result = Phrase(
            TAX_INSIDE,
            {"total": total, "tax": tax, "percent": line.tax_rate_percent},
        )
    else:
        result = Phrase(
            gettext_noop("%(total)s plus %(tax)s tax (%(percent)s %%)"),
            {"total": total, "tax": tax, "percent": line.tax_rate_percent},
        )
    if not period.minor:
        return result
    if request.period_months == 1:
        return Phrase(gettext_noop("%(now)s now, then %(period)s a month"), {"now": result, "period": period})
    return Phrase(
        gettext_noop("%(now)s now, then %(period)s every %(months)s"),
        {"now": result, "period": period, "months": months_phrase(request.period_months)},
    )
