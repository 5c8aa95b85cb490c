"""Amounts in templates: {{ total_minor|money:currency }}, {{ price|unit_price:"EUR" }}, {{ used|plain }}; tabs."""

from decimal import Decimal
from typing import Any

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _

from commerce import amounts
from commerce.billing import references
from commerce.models import Contract
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.money import Money, from_minor

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


@register.filter
def money_change(minor: int, currency: str) -> str:
    """By how much an amount in minor units changes: +€12.00, -€3.00."""
    return amounts.money_change(Money(minor, currency))


@register.filter
def change(value: Decimal | int) -> str:
    """By how many a quantity changes: +5, -5."""
    return amounts.number_change(value)


@register.filter
def in_groups(reference: str) -> str:
    """An account number or a reference as it is printed: in groups of four."""
    return references.in_groups(reference)


@register.filter
def major(minor: int, currency: str) -> str:
    """An amount in major units for a chart, which reads no formats: 1234.50."""
    return f"{from_minor(minor, currency):f}"


@register.inclusion_tag("partials/sections.html", takes_context=True)
def contract_pages(context: dict[str, Any]) -> dict[str, Any]:
    """The pages about all contracts."""
    pages = (
        ("contracts", _("Now")),
        ("renewals", _("Renewals")),
        ("contract-dashboard", _("Dashboard")),
        ("all-contracts", _("All contracts")),
    )
    return _tabs(context, [(label, reverse(f"commerce:{name}")) for name, label in pages])


@register.inclusion_tag("partials/sections.html", takes_context=True)
def contract_sections(context: dict[str, Any], contract: Contract) -> dict[str, Any]:
    """The pages about one contract."""
    pages = (("contract", _("Overview")), ("contract-papers", _("Documents")), ("goals", _("Goals")))
    return _tabs(context, [(label, reverse(f"commerce:{name}", args=[contract.number])) for name, label in pages])


def _tabs(context: dict[str, Any], urls: list[tuple[str, str]]) -> dict[str, Any]:
    """With the page at hand marked: the longest address that it lies below."""
    path = context["request"].path
    here = max((url for _label, url in urls if path.startswith(url)), key=len)
    return {"tabs": [{"label": label, "url": url, "is_current": url == here} for label, url in urls]}
