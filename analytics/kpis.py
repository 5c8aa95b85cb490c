"""The arithmetic of the numbers a manager sees. Pure: the caller selects what is counted.

Each returns None where the figure is not defined; pages show a dash there, never 0. Ratios are ratios (0.85, not 85),
except where the name of the metric promises percent or points. Only NPS is rounded: it is whole by definition. Sources
are named in brackets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from commerce.pricing.money import Choice, exact, round_half_away
from commerce.pricing.proration import BillingUnit, PartialRule, Period, periods_used

Number = Decimal | int

# Enough that no figure on a page, however it is rounded, sees the difference.
PLACES = 20

CLV_MAX_LIFETIME_MONTHS = 60


class PricePeriod(Choice):
    """What a recurring unit price is for."""

    MONTH = "month"
    YEAR = "year"


class ScoreOutOfScale(ValueError):
    """An answer that the question does not offer, or a negative number of answers."""


@dataclass(frozen=True, slots=True)
class CappedClv:
    """Customer lifetime value with a longest lifetime. Where `is_capped`, the page says so."""

    value: Decimal
    is_capped: bool


def roi(*, benefits: Number, costs: Number) -> Decimal | None:
    """(benefits - costs) / costs. None at zero costs. [Forrester TEI]"""
    return _ratio(exact(benefits) - exact(costs), costs)


def sales_cycle_mean_days(*, cycles: Sequence[Number]) -> Decimal | None:
    """Mean days from creation to close of won deals. None without deals."""
    return _ratio(sum((exact(cycle) for cycle in cycles), Fraction(0)), len(cycles))


def sales_cycle_median_days(*, cycles: Sequence[Number]) -> Decimal | None:
    """Median days from creation to close of won deals; of an even number the mean of the middle two."""
    if not cycles:
        return None
    ordered = sorted(exact(cycle) for cycle in cycles)
    middle = len(ordered) // 2
    return _figure(ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def sales_cycle_reduction(*, before: Number, after: Number) -> Decimal | None:
    """(before - after) / before: how much shorter the cycle became. None at zero before."""
    return _reduction(before, after)


def churn_reduction(*, before: Number, after: Number) -> Decimal | None:
    """(before - after) / before: how much lower churn became, below zero when it rose. None at zero before."""
    return _reduction(before, after)


def gross_renewal_rate(*, due: Number, renewed: Number) -> Decimal | None:
    """Renewed value, without expansion, of the value that was due. None when nothing was due. [ServiceSource]"""
    return _ratio(renewed, due)


def net_renewal_rate(*, due: Number, renewed: Number, expansion: Number) -> Decimal | None:
    """Renewed value with expansion, of the value that was due. None when nothing was due. [ServiceSource]"""
    return _ratio(exact(renewed) + exact(expansion), due)


def nrr(*, start: Number, expansion: Number, contraction: Number, churn: Number) -> Decimal | None:
    """Net revenue retention of a cohort: (start + expansion - contraction - churn) / start. None at zero start."""
    return _ratio(exact(start) + exact(expansion) - exact(contraction) - exact(churn), start)


def grr(*, start: Number, contraction: Number, churn: Number) -> Decimal | None:
    """Gross revenue retention of a cohort: (start - contraction - churn) / start. None at zero start."""
    return _ratio(exact(start) - exact(contraction) - exact(churn), start)


def delta_mrr(*, unit_price: Number, quantity: Number, period: PricePeriod) -> Decimal:
    """Recurring money per month that an amendment adds, at a unit price per month or year. [Zuora order metrics]"""
    months = 12 if period is PricePeriod.YEAR else 1
    return _figure(exact(unit_price) * exact(quantity) / months)


def delta_tcv(*, unit_price: Number, quantity: Number, period: Period) -> Decimal:
    """Contract value that an amendment adds, at a unit price per month. [Zuora order metrics]

    Whole calendar months count one, the months at both ends by their actual days.
    """
    months = periods_used(period, unit=BillingUnit.MONTH, partial=PartialRule.ACTUAL, anchor_day=1)
    return _figure(exact(unit_price) * exact(quantity) * months)


def aov(*, revenue: Number, orders: int) -> Decimal | None:
    """Average order value: revenue before tax and after discounts, by orders. None without orders."""
    return _ratio(revenue, orders)


def clv(*, arpa: Number, gross_margin: Number, churn_rate: Number) -> Decimal | None:
    """Customer lifetime value: revenue per account x margin / churn, all on one time base. None at zero churn."""
    return _ratio(exact(arpa) * exact(gross_margin), churn_rate)


def capped_clv(
    *, arpa: Number, gross_margin: Number, churn_rate: Number, max_lifetime_months: int = CLV_MAX_LIFETIME_MONTHS
) -> CappedClv:
    """`clv` per month for a page: a lifetime without churn, or longer than the cap, counts as the cap."""
    margin = exact(arpa) * exact(gross_margin)
    if exact(churn_rate) * max_lifetime_months < 1:
        return CappedClv(_figure(margin * max_lifetime_months), is_capped=True)
    return CappedClv(_figure(margin / exact(churn_rate)), is_capped=False)


def csat(*, scores: Mapping[int, int]) -> Decimal | None:
    """Percent of answers that are 4 or 5 on a scale of 1 to 5. None without answers. [Delighted, SimpleSat]

    `scores` counts the answers by score. Raises ScoreOutOfScale.
    """
    answers = _answers(scores, lowest=1, highest=5)
    return _ratio(100 * (scores.get(4, 0) + scores.get(5, 0)), answers)


def nps(*, scores: Mapping[int, int]) -> Decimal | None:
    """Percent of 9 and 10 less percent of 0 to 6, in whole points. None without answers. [Bain]

    `scores` counts the answers by score from 0 to 10. Raises ScoreOutOfScale.
    """
    answers = _answers(scores, lowest=0, highest=10)
    if answers == 0:
        return None
    promoters = sum(count for score, count in scores.items() if score >= 9)
    detractors = sum(count for score, count in scores.items() if score <= 6)
    return round_half_away(Fraction(100 * (promoters - detractors), answers), 0)


def cost_per_resolution(*, cost: Number, resolved: int) -> Decimal | None:
    """Support cost by cases resolved, not by cases opened. None when nothing was resolved. [HDI, MetricNet]"""
    return _ratio(cost, resolved)


def stickiness(*, dau: Number, mau: Number) -> Decimal | None:
    """Daily active users, as an average of 30 days, of the monthly active users. None without any."""
    return _ratio(dau, mau)


def _ratio(part: Number | Fraction, whole: Number | Fraction) -> Decimal | None:
    if exact(whole) == 0:
        return None
    return _figure(exact(part) / exact(whole))


def _reduction(before: Number, after: Number) -> Decimal | None:
    return _ratio(exact(before) - exact(after), before)


def _answers(scores: Mapping[int, int], *, lowest: int, highest: int) -> int:
    for score, count in scores.items():
        if not lowest <= score <= highest or count < 0:
            raise ScoreOutOfScale(f"{count} answers of {score} on a scale of {lowest} to {highest}")
    return sum(scores.values())


def _figure(value: Fraction) -> Decimal:
    return round_half_away(value, PLACES)
