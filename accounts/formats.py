"""Numbers, shares, money and names as the reader's language writes them: the one place, over Babel's locale data.

Dates are written by Django's `date` filter, with the formats of portal/formats. Digits are 0-9 in every language.
"""

from decimal import Decimal, localcontext
from functools import lru_cache

from babel import Locale
from babel.numbers import NumberPattern, format_currency, format_decimal, format_percent, parse_pattern
from django.conf import settings
from django.utils.translation import get_language, get_language_bidi

# Currencies whose sign means one thing to everybody; all others are written by their code.
SIGNED = {"EUR", "GBP"}

FIRST_STRONG_ISOLATE = "\u2068"
POP_DIRECTIONAL_ISOLATE = "\u2069"


def money(amount: Decimal, currency: str) -> str:
    """€1,234.50, 1.234,50 €; -€3.00; CHF 12.00. With as many decimals as `amount` has, so in minor units or finer."""
    places = max(0, -int(amount.as_tuple().exponent))
    return format_currency(
        amount,
        currency,
        format=_money_pattern(_language(), places, currency in SIGNED),
        locale=_language(),
        currency_digits=False,
        numbering_system="latn",
    )


def number(value: Decimal | int) -> str:
    """1,250; 2.5: without the zeros that say nothing."""
    with localcontext() as context:
        # Babel calculates in the caller's context, and somebody may type more digits than its 28.
        context.prec = max(context.prec, 40 + abs(Decimal(value).adjusted()))
        return format_decimal(value, locale=_language(), decimal_quantization=False, numbering_system="latn")


def percent(share: Decimal) -> str:
    """0.385 as 38.5 %, with one decimal."""
    return format_percent(share, format="#,##0.0\N{NO-BREAK SPACE}%", locale=_language(), numbering_system="latn")


def isolated(name: object) -> str:
    """A name that stands in a sentence: where the interface runs from right to left, it may not turn what is around it.

    With Unicode's marks and not <bdi>, so that the same holds in titles, labels of buttons, and lines of the bell.
    """
    return f"{FIRST_STRONG_ISOLATE}{name}{POP_DIRECTIONAL_ISOLATE}" if get_language_bidi() else str(name)


def _language() -> str:
    return get_language() or settings.LANGUAGE_CODE


@lru_cache(maxsize=256)
def _money_pattern(language: str, places: int, is_signed: bool) -> NumberPattern:
    """The language's pattern for money, with the decimals of the amount instead of the currency's."""
    standard = Locale.parse(language, sep="-").currency_formats["standard"].pattern
    pattern = standard.replace("0.00", f"0.{'0' * places}" if places else "0")
    if not is_signed:
        # A code is a word: it stands apart from the figure.
        pattern = pattern.replace("¤", "¤¤").replace("¤¤#", "¤¤\N{NO-BREAK SPACE}#")
    return parse_pattern(pattern)
