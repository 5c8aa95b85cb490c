"""Numbers, shares, money and names as the reader's language writes them: the one place, over Babel's locale data.

Dates are written by Django's `date` filter, with the formats of portal/formats. Digits are 0-9 in every language.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.numbers import (
    format_currency,
    format_decimal,
    format_percent,
    get_decimal_symbol,
    get_group_symbol,
    get_minus_sign_symbol,
    get_plus_sign_symbol,
)
from django.conf import settings
from django.utils.translation import get_language, get_language_bidi

# Currencies whose sign means one thing to everybody; all others are written by their code.
SIGNED = {"EUR", "GBP"}

FIRST_STRONG_ISOLATE = "\u2068"
POP_DIRECTIONAL_ISOLATE = "\u2069"


def money(amount: Decimal, currency: str) -> str:
    """€1,234.50, 1.234,50 €; -€3.00; CHF 12.00. With as many decimals as `amount` has, so in minor units or finer."""
    language = _language()
    before, after = _around_money(language, currency, amount.is_signed())
    return f"{before}{_digits(f'{amount.copy_abs():,f}', language)}{after}"


def number(value: Decimal | int) -> str:
    """1,250; 2.5: without the zeros that say nothing."""
    exact = Decimal(value)
    language = _language()
    before, after = _around_number(language, exact.is_signed())
    digits = f"{exact.copy_abs():,f}"
    return f"{before}{_digits(digits.rstrip('0').rstrip('.') if '.' in digits else digits, language)}{after}"


def money_change(amount: Decimal, currency: str) -> str:
    """+€12.00, -€3.00, €0.00: by how much an amount changes."""
    return _with_plus(money(-amount, currency)) if amount > 0 else money(amount, currency)


def number_change(value: Decimal | int) -> str:
    """+5, -2.5, 0: by how many a number changes."""
    return _with_plus(number(-value)) if value > 0 else number(value)


def percent(share: Decimal) -> str:
    """0.385 as 38.5 %, with one decimal."""
    return format_percent(share, format="#,##0.0\N{NO-BREAK SPACE}%", locale=_language(), numbering_system="latn")


def country(code: str) -> str:
    """DE as Germany; a code that is no country's as it is."""
    return _territories(_language()).get(code, code)


def isolated(name: object) -> str:
    """A name that stands in a sentence: where the interface runs from right to left, it may not turn what is around it.

    With Unicode's marks and not <bdi>, so that the same holds in titles, labels of buttons, and lines of the bell.
    """
    return f"{FIRST_STRONG_ISOLATE}{name}{POP_DIRECTIONAL_ISOLATE}" if get_language_bidi() else str(name)


def _with_plus(negative: str) -> str:
    """A plus where the minus stands: also from right to left, where a bare one would jump behind the figure."""
    minus, plus = _signs(_language())
    return negative.replace(minus, plus, 1)


def _language() -> str:
    return get_language() or settings.LANGUAGE_CODE


def _digits(english: str, language: str) -> str:
    """1,234.50 with the marks of the language."""
    return english.translate(_marks(language))


# What Babel knows of a language is asked once: to write one figure, it would look most of it up anew.


@lru_cache
def _territories(language: str) -> Mapping[str, str]:
    return dict(Locale.parse(language, sep="-").territories)


@lru_cache
def _marks(language: str) -> dict[int, str]:
    locale = Locale.parse(language, sep="-")
    group = get_group_symbol(locale, numbering_system="latn")
    return str.maketrans({",": group, ".": get_decimal_symbol(locale, numbering_system="latn")})


@lru_cache
def _signs(language: str) -> tuple[str, str]:
    """Minus and plus; of a language from right to left with the mark that keeps them before the digits."""
    locale = Locale.parse(language, sep="-")
    minus = get_minus_sign_symbol(locale, numbering_system="latn")
    return minus, get_plus_sign_symbol(locale, numbering_system="latn")


@lru_cache
def _around_number(language: str, is_negative: bool) -> tuple[str, str]:
    """What stands before and after the digits of a number."""
    one = format_decimal(-1 if is_negative else 1, locale=Locale.parse(language, sep="-"), numbering_system="latn")
    before, _one, after = one.replace("-", _signs(language)[0]).partition("1")
    return before, after


@lru_cache(maxsize=1024)
def _around_money(language: str, currency: str, is_negative: bool) -> tuple[str, str]:
    """What stands before and after the digits of an amount: the language's sign or the code, and a minus."""
    locale = Locale.parse(language, sep="-")
    pattern = locale.currency_formats["standard"].pattern.replace("0.00", "0")
    if currency not in SIGNED:
        # A code is a word: it stands apart from the figure.
        pattern = pattern.replace("¤", "¤¤").replace("¤¤#", "¤¤\N{NO-BREAK SPACE}#")
    one = format_currency(
        -1 if is_negative else 1, currency, pattern, locale, currency_digits=False, numbering_system="latn"
    )
    before, _one, after = one.replace("-", _signs(language)[0]).partition("1")
    return before, after
