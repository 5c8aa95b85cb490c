"""Amounts in templates: {{ total_minor|money:currency }}, {{ price|unit_price:"EUR" }}, {{ used|plain }}."""

from decimal import Decimal

from django import template

from commerce import amounts
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.money import Money

register = template.Library()


@register.filter
def money(minor: int, currency: str) -> str:
    """An amount in minor units."""
    return amounts.money(Money(minor, currency))


@register.filter
def unit_price(amount: Decimal, currency: str) -> str:
    """A price per unit, in major units."""
    return amounts.unit_price(UnitPrice(amount, currency))


@register.filter
def plain(value: Decimal | int) -> str:
    """A quantity: 60, not 60.0000."""
    return amounts.number(value)
