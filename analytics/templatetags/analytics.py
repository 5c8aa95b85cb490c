"""Ratios in templates: {{ rate|percent }}."""

from decimal import Decimal
from fractions import Fraction

from django import template

from accounts import formats
from commerce.pricing.money import round_half_away

register = template.Library()


@register.filter
def percent(ratio: Decimal | None) -> str:
    """0.385 as "38.5 %"; a dash where the figure is not defined."""
    if ratio is None:
        return "–"
    return formats.percent(round_half_away(Fraction(ratio), 3))


@register.filter
def two_decimals(value: Decimal | None) -> str:
    """2.349 as "2.35"; a dash where the figure is not defined."""
    return "–" if value is None else formats.number(round_half_away(Fraction(value), 2))
