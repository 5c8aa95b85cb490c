"""The words of a priced line."""

from __future__ import annotations

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
    price_phrase,
)
from .money import Money, round_half_away
from .proration import Period, ProrationMode, duration_of
from .quote import Billing, QuoteLine, QuoteRequest
from .tax import TaxTreatment
from .tiers import DiscountMethod, checked_quantity, discount_bands
from .waterfall import AdjustmentKind


def quantity_words(request: QuoteRequest, line: QuoteLine, *, added: bool = False, named: bool = False) -> Phrase:
    """60 seats at EUR 12.00 a month; 10 more seats at …; 1 × Audit log export at …"""
    price = UnitPrice(line.unit_price, request.currency)
    params: dict[str, Param] = {
        "quantity": count_figure(line.quantity),
        "unit": line.unit,
        "name": line.name,
        "price": price if line.billing is Billing.ONCE else price_phrase(price, line.price_months),
    }
    if not line.unit:
        template = gettext_noop("%(quantity)s × %(name)s at %(price)s")
    elif added:
        template = gettext_noop("%(quantity)s more %(unit)s at %(price)s")
    elif named:
        template = gettext_noop("%(quantity)s %(unit)s of %(name)s at %(price)s")
    else:
        template = gettext_noop("%(quantity)s %(unit)s at %(price)s")
    return Phrase(template, params)


def discount_words(request: QuoteRequest, line: QuoteLine, already: Fraction) -> list[Phrase]:
    """10 % volume discount on seats 11-60; then a discount given by hand."""
    phrases = []
    if line.schedule is not None:
        quantity = checked_quantity(line.quantity, places=line.quantity_places)
        for band in discount_bands(line.schedule, quantity, already=already):
            if band.tier.percent == 0 or band.tier.amount == 0:
                continue
            phrases.append(
                Phrase(
                    gettext_noop("%(off)s volume discount on units %(first)s-%(last)s")
                    if not line.unit
                    else gettext_noop("%(off)s volume discount on %(unit)s %(first)s-%(last)s"),
                    {
                        "off": _off_words(request, band.tier.percent, band.tier.amount),
                        "unit": line.unit,
                        "first": band.first,
                        "last": band.last,
                    },
                )
                if line.schedule.method is DiscountMethod.SLAB
                else Phrase(
                    gettext_noop("%(off)s volume discount"),
                    {"off": _off_words(request, band.tier.percent, band.tier.amount)},
                )
            )
    if line.discount is not None and line.discount.value:
        is_amount = line.discount.kind is AdjustmentKind.DISCOUNT_AMOUNT
        off = _off_words(
            request, None if is_amount else line.discount.value, line.discount.value if is_amount else None
        )
        phrases.append(Phrase(gettext_noop("%(off)s discount"), {"off": off}))
    return phrases


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


def result_words(request: QuoteRequest, line: QuoteLine, *, total: Money, tax: Money, period: Money) -> Phrase:
    """What the line comes to now, its tax, and what follows each period."""
    if not tax.minor:
        result = Phrase(gettext_noop("%(total)s"), {"total": total})
    elif request.tax_treatment is TaxTreatment.INCLUSIVE:
        result = Phrase(
            gettext_noop("%(total)s including %(tax)s tax (%(percent)s %%)"),
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
