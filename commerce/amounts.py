"""Amounts as people read them."""

from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from commerce.pricing.explanation import UnitPrice
from commerce.pricing.money import Money

# Signs that mean one currency to everybody; all others are written by their code.
SIGNS = {"EUR": "€", "GBP": "£"}


def money(amount: Money) -> str:
    """€1,234.50; -€3.00; CHF 12.00."""
    return f"{'-' if amount.minor < 0 else ''}{_with_currency(abs(amount.amount), amount.currency)}"


def unit_price(price: UnitPrice) -> str:
    """€11.40; "about €11.5083" where the whole figure has more decimals than are shown."""
    shown = _with_currency(price.shown, price.currency)
    return _("about %(price)s") % {"price": shown} if price.is_rounded else shown


def number(value: Decimal | int) -> str:
    """1,250; 2.5: without the zeros that say nothing."""
    if isinstance(value, Decimal):
        normal = value.normalize()
        value = normal.quantize(Decimal(1)) if normal == normal.to_integral_value() else normal
    return str(number_format(value, use_l10n=True, force_grouping=True))


def _with_currency(amount: Decimal, currency: str) -> str:
    figures = number_format(amount, use_l10n=True, force_grouping=True)
    return f"{SIGNS[currency]}{figures}" if currency in SIGNS else f"{currency} {figures}"
