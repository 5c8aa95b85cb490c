"""How figures and names stand in sentences. Known to every template without being loaded."""

from decimal import Decimal

from django import template

from accounts import formats

register = template.Library()


@register.filter
def isolated(name: object) -> str:
    """`with company=account.name|isolated`: the name leaves the direction of the sentence around it alone."""
    return formats.isolated(name)


@register.filter
def figure(value: Decimal | int) -> str:
    """10000 as the reader's language writes it: 10,000."""
    return formats.number(value)


@register.filter
def country(code: str) -> str:
    """DE in the reader's language: Germany."""
    return formats.country(code)
