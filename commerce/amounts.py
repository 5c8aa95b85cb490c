"""Amounts as people read them, in their language: accounts.formats knows how."""

from decimal import Decimal

from django.utils.translation import gettext as _

from accounts import formats
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.money import Money


def money(amount: Money) -> str:
    """€1,234.50; -€3.00; CHF 12.00."""
    return formats.money(amount.amount, amount.currency)


def money_change(amount: Money) -> str:
    """+€12.00, -€3.00: by how much an amount changes."""
    return formats.money_change(amount.amount, amount.currency)


def unit_price(price: UnitPrice) -> str:
    """€11.40; "about €11.5083" where the whole figure has more decimals than are shown."""
    amount = price.shown
    shown = formats.money(amount, price.currency)
    return shown if amount == price.amount else _("about %(price)s") % {"price": shown}


def number(value: Decimal | int) -> str:
    """1,250; 2.5: without the zeros that say nothing."""
    return formats.number(value)


def number_change(value: Decimal | int) -> str:
    """+5, -2.5: by how many a quantity changes."""
    return formats.number_change(value)
