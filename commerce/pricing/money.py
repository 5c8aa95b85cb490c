"""Money, and the one place where it is rounded.

Every calculation in this package runs on exact rationals: a third of a euro has no decimal form, and a price that is a
hair below a half cent rounds the wrong way. Decimals come in, decimals or integer minor units go out, and the decimal
context of the calling thread has no say in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, InvalidOperation
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar, NoReturn

# ISO 4217, by number of decimals. An allow-list: a code that is missing here cannot be quoted, so a typing error or a
# metal (XAU has no minor unit) never becomes a price. Payment processors count some of these differently (Stripe takes
# UGX and ISK in hundredths); that is their gateway's business.
_CODES_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP"
        " CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR"
        " IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN"
        " NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP"
        " STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
EXPONENTS: dict[str, int] = {code: exponent for exponent, codes in _CODES_BY_EXPONENT.items() for code in codes.split()}

# Totals are stored in PostgreSQL bigint columns.
MAX_MINOR = 2**63 - 1
MAX_PRICE = 10**8 - 1

# The shape of stored unit prices, rates and multipliers: numeric(20, 12).
STORED_PLACES = 12

# Of no thread, and without a limit that a figure could meet.
_UNLIMITED = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)


class PricingError(ValueError):
    """A price that cannot be given. `code` names the situation for forms and logs."""

    code: ClassVar[str] = "pricing"


class NotANumber(PricingError):
    """A value is no finite exact number: NaN, infinity, a float, or not a number at all."""

    code = "not_a_number"


class NegativeAmount(PricingError):
    """A price, fee or quantity is below zero."""

    code = "negative"


class PercentOutOfRange(PricingError):
    """A discount or rate lies outside of 0 to 100 percent."""

    code = "percent_out_of_range"


class UnknownCurrency(PricingError):
    """The currency is no ISO 4217 code that we sell in."""

    code = "unknown_currency"


class CurrencyMismatch(PricingError):
    """Two amounts in different currencies were about to be added."""

    code = "currency_mismatch"


class AmountTooLarge(PricingError):
    """A total or a price does not fit the column that stores it. Nobody owes this much: the input is wrong."""

    code = "amount_too_large"


class AmountTooPrecise(PricingError):
    """An amount that is owed has more decimals than its currency."""

    code = "amount_too_precise"


class NothingToShareAmong(PricingError):
    """An amount has to be shared among no parts, or among parts without weight."""

    code = "nothing_to_share_among"


class UnknownChoice(PricingError):
    """A method, mode or kind that this package does not know."""

    code = "unknown_choice"


class Choice(StrEnum):
    """A closed set of named ways to price. An unknown name is refused with UnknownChoice."""

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        raise UnknownChoice(f"{value!r} is not one of {', '.join(cls)}")


class Remainder(Choice):
    """Which part takes what is left over when an amount is split evenly."""

    FIRST = "first"
    LAST = "last"


def parse_decimal(text: str) -> Decimal:
    """Read a decimal written as text. Raises NotANumber, also for NaN and infinity."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise NotANumber(f"{text!r} is not a number") from None
    if not value.is_finite():
        raise NotANumber(f"{text!r} is not a finite number")
    return value


def parse_whole(text: str) -> int:
    """Read a whole number written as text. Raises NotANumber, also where it has a fraction."""
    value = parse_decimal(text)
    if value != value.to_integral_value():
        raise NotANumber(f"{text!r} is not a whole number")
    return int(value)


def exact(value: Decimal | Fraction | int) -> Fraction:
    """The value as an exact rational. Raises NotANumber, also for floats, which have lost digits already."""
    if isinstance(value, Decimal) and value.is_finite():
        return Fraction(*value.as_integer_ratio())  # Fraction(value) asks at length what it was given.
    if isinstance(value, Fraction):  # Asked second: of an abstract class that takes five times as long.
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Fraction(value)
    raise NotANumber(f"{value!r} is not a finite exact number")


def exact_price(value: Decimal | Fraction | int) -> Fraction:
    """Like `exact`, for what cannot be negative. Raises NotANumber, NegativeAmount."""
    number = exact(value)
    if is_negative(number):
        raise NegativeAmount(f"{value} is below zero")
    return number


def exact_percent(value: Decimal | Fraction | int) -> Fraction:
    """A percentage from 0 to 100 as a ratio from 0 to 1. Raises NotANumber, PercentOutOfRange."""
    number = exact(value)
    if not 0 <= number.numerator <= 100 * number.denominator:
        raise PercentOutOfRange(f"{value} % is not between 0 and 100 %")
    return number / 100


def less_percent(price: Fraction, percent: Decimal) -> Fraction:
    """The price without a percentage of it. Raises PercentOutOfRange, NotANumber."""
    return price * (1 - exact_percent(percent)) if percent else price


def is_negative(number: Fraction) -> bool:
    """Whether it is below zero. In whole numbers, as comparing fractions is most of the time that a line takes."""
    return number.numerator < 0


def nearest(number: Fraction, places: int = 0) -> int:
    """The number in units of its last decimal, halves away from zero: nearest(-x) is exactly -nearest(x)."""
    scaled: int = abs(number.numerator) * 10**places
    digits = (2 * scaled + number.denominator) // (2 * number.denominator)
    return -digits if is_negative(number) else digits


def round_half_away(value: Decimal | Fraction | int, places: int) -> Decimal:
    """Round to `places` decimals, halves away from zero, so that round(-x) is exactly -round(x)."""
    return _scaled(nearest(exact(value), places), places)


def stored(value: Decimal | Fraction | int) -> Decimal:
    """The value as numeric(20, 12) columns keep it. For records and display; totals are made from the exact value."""
    return round_half_away(value, STORED_PLACES)


def check_price_fits(value: Fraction) -> None:
    """Whether a price of a unit and month fits its numeric(20, 12) column. Raises AmountTooLarge."""
    if abs(value) >= MAX_PRICE:
        raise AmountTooLarge(f"a price of {float(value):.0f} is more than can be stored")


def exponent_of(currency: str) -> int:
    """Number of decimals of an ISO 4217 currency. Raises UnknownCurrency."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(f"{currency!r} is not a currency we price in") from None


def to_minor(value: Decimal | Fraction | int, currency: str) -> int:
    """Round an amount in major units to integer minor units. Raises UnknownCurrency, AmountTooLarge."""
    minor = nearest(exact(value), exponent_of(currency))
    if abs(minor) > MAX_MINOR:
        raise AmountTooLarge(f"{currency} {value} is more than can be stored")
    return minor


def from_minor(minor: int, currency: str) -> Decimal:
    """Minor units as a decimal in major units, with the currency's decimals."""
    return _scaled(minor, exponent_of(currency))


def round_money(value: Decimal | Fraction | int, currency: str) -> Decimal:
    """Round an amount to the decimals of its currency, halves away from zero."""
    return from_minor(to_minor(value, currency), currency)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount that is owed, paid or shown as a total: integer minor units of one currency."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        exponent_of(self.currency)
        if abs(self.minor) > MAX_MINOR:
            raise AmountTooLarge(f"{self.minor} minor units are more than can be stored")

    @classmethod
    def rounded(cls, value: Decimal | Fraction | int, currency: str) -> Money:
        """The amount in major units, rounded once to the currency."""
        return cls(to_minor(value, currency), currency)

    @property
    def amount(self) -> Decimal:
        """Major units, with exactly the currency's decimals."""
        return from_minor(self.minor, self.currency)

    def __add__(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} do not add up")
        return Money(self.minor + other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return self + -other

    def __str__(self) -> str:
        sign = "-" if self.minor < 0 else ""
        return f"{sign}{self.currency} {abs(self.amount):,f}"


def split(amount: Decimal, parts: int, *, currency: str, remainder: Remainder = Remainder.LAST) -> tuple[Decimal, ...]:
    """Split an amount evenly, as for instalments: each part cut towards zero, one part takes all that is left.

    The parts always add up to the amount, and splitting -x gives the negatives of splitting x.
    Raises NothingToShareAmong, AmountTooPrecise, UnknownCurrency.
    """
    if parts < 1:
        raise NothingToShareAmong(f"an amount cannot be split into {parts} parts")
    minor = to_minor(amount, currency)
    if exact(from_minor(minor, currency)) != exact(amount):
        raise AmountTooPrecise(f"{amount} has more decimals than {currency}")
    share = abs(minor) // parts if minor >= 0 else -(abs(minor) // parts)
    shares = [share] * parts
    shares[0 if remainder is Remainder.FIRST else -1] += minor - share * parts
    return tuple(from_minor(each, currency) for each in shares)


def allocate(total_minor: int, weights: Sequence[Decimal | Fraction | int]) -> tuple[int, ...]:
    """Share minor units in proportion to the weights by largest remainder, so that the shares add up exactly.

    Used to spread a discount over lines, or a deal over touches. Equal remainders favour the earlier part.
    Raises NothingToShareAmong, NegativeAmount.
    """
    ratios = [exact_price(weight) for weight in weights]
    whole = sum(ratios, Fraction(0))
    if whole == 0:
        raise NothingToShareAmong("no part has a weight")
    shares = [abs(total_minor) * ratio / whole for ratio in ratios]
    minors = [share.numerator // share.denominator for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda index: (minors[index] - shares[index], index))
    for index in by_remainder[: abs(total_minor) - sum(minors)]:
        minors[index] += 1
    return tuple(minors) if total_minor >= 0 else tuple(-minor for minor in minors)


def _scaled(digits: int, places: int) -> Decimal:
    """digits / 10**places, whatever the context of the calling thread; there is no negative zero."""
    return Decimal(digits).scaleb(-places, _UNLIMITED)
