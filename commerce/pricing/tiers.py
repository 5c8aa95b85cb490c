"""Prices and discounts that depend on the quantity.

Bounds: the lower one belongs to the tier, the upper one does not, the last may be open. Unit n, counted from 1, belongs
to the tier with start <= n < until.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Protocol, TypeVar

from .money import (
    Choice,
    NegativeAmount,
    PricingError,
    exact,
    exact_percent,
    exact_price,
    is_negative,
    less_percent,
    round_money,
)

# A thousand million of anything. More than any contract counts, so more is a slip of the keyboard; and at this quantity
# a unit price of several million still makes a total that fits a bigint of minor units.
MAX_QUANTITY = 10**9


class QuantityTooLarge(PricingError):
    """The quantity is more than any contract counts."""

    code = "quantity_too_large"


class FractionalQuantity(PricingError):
    """The quantity has more decimals than its unit is sold in: there are no half seats."""

    code = "fractional_quantity"


class TiersEmpty(PricingError):
    """A price list without tiers, or a tier without units."""

    code = "tiers_empty"


class TiersOverlap(PricingError):
    """Two tiers claim the same unit."""

    code = "tiers_overlap"


class TiersGap(PricingError):
    """A unit between two tiers belongs to neither."""

    code = "tiers_gap"


class NoTier(PricingError):
    """The quantity is outside of all tiers: there is no price for it, which is not a price of zero."""

    code = "no_tier"


class PackageIsEmpty(PricingError):
    """A package of no units cannot be counted."""

    code = "package_is_empty"


class DiscountAmbiguous(PricingError):
    """A discount tier needs either a percentage or an amount per unit."""

    code = "discount_ambiguous"


class DiscountExceedsPrice(PricingError):
    """A discount would take the price below zero."""

    code = "discount_exceeds_price"


class SlabNotAllowed(PricingError):
    """Slabs count the units of one line: they cannot be counted over several lines, nor over months."""

    code = "slab_not_allowed"


class TierMethod(Choice):
    VOLUME = "volume"
    GRADUATED = "graduated"
    BLOCK = "block"


class DiscountMethod(Choice):
    RANGE = "range"
    SLAB = "slab"


class AggregationScope(Choice):
    """Whose units decide the tier: the line's own, those of all lines with the schedule, or of its group of lines."""

    LINE = "line"
    QUOTE = "quote"
    GROUP = "group"


class Bounded(Protocol):
    """Anything that holds for units `start` (included) to `until` (excluded; None means no end)."""

    @property
    def start(self) -> int: ...
    @property
    def until(self) -> int | None: ...


BoundedT = TypeVar("BoundedT", bound=Bounded)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tier:
    """Prices of a range of quantities. `overage_price` is for each unit above the first of a block."""

    start: int
    until: int | None = None
    unit_price: Decimal = Decimal(0)
    flat: Decimal = Decimal(0)
    overage_price: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        for price in (self.unit_price, self.flat, self.overage_price):
            exact_price(price)


@dataclass(frozen=True, slots=True)
class TieredPrice:
    """A price list by quantity. Raises TiersEmpty, TiersOverlap, TiersGap when it is built wrong."""

    method: TierMethod
    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "tiers", in_order(self.tiers))


@dataclass(frozen=True, kw_only=True, slots=True)
class DiscountTier:
    """The discount of a range of quantities: a percentage, or an amount off each unit."""

    start: int
    until: int | None = None
    percent: Decimal | None = None
    amount: Decimal | None = None

    def __post_init__(self) -> None:
        if (self.percent is None) == (self.amount is None):
            raise DiscountAmbiguous("a discount is either a percentage or an amount")
        if self.percent is not None:
            exact_percent(self.percent)
        if self.amount is not None:
            exact_price(self.amount)

    def off(self, price: Fraction, amount_multiplier: Fraction = Fraction(1)) -> Fraction:
        """The price of one unit after the discount. Raises DiscountExceedsPrice."""
        if self.percent is not None:
            return less_percent(price, self.percent)
        discounted = price - exact_price(self.amount or Decimal(0)) * amount_multiplier
        if is_negative(discounted):
            raise DiscountExceedsPrice(f"{self.amount} off is more than the price")
        return discounted


@dataclass(frozen=True, slots=True)
class DiscountSchedule:
    """Discounts by quantity. `range`: all units at the discount of the quantity; `slab`: each unit at its own.

    A quantity outside of all tiers earns no discount. `scope` says whose units are counted together: of lines whose
    schedules are equal, so `code` tells two alike apart. With `counts_held` the units held before count too, so that
    more of the same goes on where those ended. Raises TiersEmpty, TiersOverlap, TiersGap, SlabNotAllowed when it is
    built wrong.
    """

    method: DiscountMethod
    tiers: tuple[DiscountTier, ...]
    scope: AggregationScope = AggregationScope.LINE
    counts_held: bool = True
    code: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "tiers", in_order(self.tiers))
        if self.method is DiscountMethod.SLAB and self.scope is not AggregationScope.LINE:
            raise SlabNotAllowed("slabs count one line alone")


@dataclass(frozen=True, slots=True)
class DiscountBand:
    """Units `first` to `last` of a line, and the discount tier that holds for them."""

    first: int
    last: int
    tier: DiscountTier


@dataclass(frozen=True, slots=True)
class BuyUpHint:
    """A larger quantity that costs less in total. Shown to the customer, never hidden."""

    quantity: int
    amount: Decimal


def checked_quantity(quantity: Decimal | Fraction | int, *, places: int = 0) -> Fraction:
    """The quantity, if its unit can be sold like that; `places` is how many decimals the unit has.

    Raises NotANumber, NegativeAmount, FractionalQuantity, QuantityTooLarge.
    """
    number = exact(quantity)
    if is_negative(number):
        raise NegativeAmount(f"a quantity of {quantity} is below zero")
    if 10**places % number.denominator:
        raise FractionalQuantity(f"{quantity} has more than {places} decimals")
    if number.numerator > MAX_QUANTITY * number.denominator:
        raise QuantityTooLarge(f"{quantity} is more than {MAX_QUANTITY}")
    return number


def in_order(tiers: Iterable[BoundedT]) -> tuple[BoundedT, ...]:
    """The tiers from the lowest to the highest. Raises TiersEmpty, TiersOverlap, TiersGap, NegativeAmount."""
    ordered = tuple(sorted(tiers, key=lambda tier: tier.start))
    if not ordered:
        raise TiersEmpty("there are no tiers")
    if ordered[0].start < 0:
        raise NegativeAmount("a tier cannot start below zero")
    for tier in ordered:
        if tier.until is not None and tier.until <= tier.start:
            raise TiersEmpty(f"the tier from {tier.start} to {tier.until} holds no unit")
    for lower, upper in pairwise(ordered):
        if lower.until is None or lower.until > upper.start:
            raise TiersOverlap(f"the tiers from {lower.start} and {upper.start} overlap")
        if lower.until < upper.start:
            raise TiersGap(f"no tier holds units {lower.until} to {upper.start - 1}")
    return ordered


def tier_of(tiers: Sequence[BoundedT], quantity: Fraction) -> BoundedT | None:
    """The tier of a quantity, or None outside of all. A started unit counts: 10.5 belongs where unit 11 does."""
    unit = -(-quantity.numerator // quantity.denominator)
    return next((tier for tier in tiers if tier.start <= unit and (tier.until is None or unit < tier.until)), None)


def units_within(tier: Bounded, *, after: Fraction, upto: Fraction) -> Fraction:
    """How many of the units above `after`, up to `upto`, belong to the tier. A tier that starts at 0 gains no unit."""
    below = Fraction(max(tier.start, 1) - 1)
    top = upto if tier.until is None else min(upto, Fraction(tier.until - 1))
    return max(top - max(after, below), Fraction(0))


def exact_tier_price(prices: TieredPrice, quantity: Fraction, *, already: Fraction = Fraction(0)) -> Fraction:
    """The price of `quantity` units, unrounded.

    With `already` units bought before, graduated prices go on where those ended; the other methods price the quantity
    by itself. Raises NoTier.
    """
    if prices.method is TierMethod.GRADUATED:
        return _graduated(prices.tiers, after=already, upto=already + quantity)
    tier = tier_of(prices.tiers, quantity)
    if tier is None:
        if quantity == 0 and prices.method is TierMethod.VOLUME:
            return Fraction(0)
        raise NoTier(f"no tier holds a quantity of {quantity}")
    if prices.method is TierMethod.BLOCK:
        return exact(tier.flat) + (quantity - tier.start) * exact(tier.overage_price)
    return quantity * exact(tier.unit_price) + exact(tier.flat)


def tiered_amount(prices: TieredPrice, quantity: Decimal | int, *, currency: str, quantity_places: int = 0) -> Decimal:
    """What a quantity costs by its tiers, rounded once.

    Raises NoTier, FractionalQuantity, QuantityTooLarge, NegativeAmount, NotANumber.
    """
    return round_money(exact_tier_price(prices, checked_quantity(quantity, places=quantity_places)), currency)


def package_amount(
    quantity: Decimal | int,
    *,
    package_size: int,
    package_price: Decimal,
    currency: str,
    free_units: int = 0,
    quantity_places: int = 0,
) -> Decimal:
    """What a quantity costs in packages: units beyond the free ones, each started package counted whole.

    Raises PackageIsEmpty, FractionalQuantity, QuantityTooLarge, NegativeAmount, NotANumber.
    """
    if package_size < 1:
        raise PackageIsEmpty(f"a package cannot hold {package_size} units")
    paid = max(checked_quantity(quantity, places=quantity_places) - checked_quantity(free_units), Fraction(0))
    packages = -(-paid.numerator // (paid.denominator * package_size))
    return round_money(packages * exact_price(package_price), currency)


def discount_bands(
    schedule: DiscountSchedule, quantity: Fraction, *, already: Fraction = Fraction(0)
) -> tuple[DiscountBand, ...]:
    """Which units get which discount, in order, for units `already` + 1 to `already` + `quantity`."""
    upto = already + quantity
    last = -(-upto.numerator // upto.denominator)
    first = already.numerator // already.denominator + 1
    if schedule.method is DiscountMethod.RANGE:
        tier = tier_of(schedule.tiers, upto)
        return () if tier is None or quantity == 0 else (DiscountBand(first, last, tier),)
    return tuple(
        DiscountBand(max(tier.start, first), last if tier.until is None else min(tier.until - 1, last), tier)
        for tier in schedule.tiers
        if units_within(tier, after=already, upto=upto)
    )


def discounted_unit_price(
    schedule: DiscountSchedule,
    unit_price: Fraction,
    quantity: Fraction,
    *,
    already: Fraction = Fraction(0),
    amount_multiplier: Fraction = Fraction(1),
) -> Fraction:
    """The price of one unit after the schedule, unrounded; for slabs the average over the units.

    `already` counts units bought before: new ones go on where those ended. Raises DiscountExceedsPrice.
    """
    upto = already + quantity
    if schedule.method is DiscountMethod.RANGE:
        tier = tier_of(schedule.tiers, upto)
        return unit_price if tier is None else tier.off(unit_price, amount_multiplier)
    if quantity == 0:
        return unit_price
    total, discounted = Fraction(0), Fraction(0)
    for tier in schedule.tiers:
        if units := units_within(tier, after=already, upto=upto):
            total += units * tier.off(unit_price, amount_multiplier)
            discounted += units
    return (total + (quantity - discounted) * unit_price) / quantity


def discounted_amount(
    schedule: DiscountSchedule,
    *,
    list_price: Decimal,
    quantity: Decimal | int,
    currency: str,
    already: Decimal | int = 0,
    quantity_places: int = 0,
) -> Decimal:
    """What a quantity costs after its discount schedule, rounded once.

    Raises FractionalQuantity, QuantityTooLarge, NegativeAmount, NotANumber, DiscountExceedsPrice.
    """
    units = checked_quantity(quantity, places=quantity_places)
    before = checked_quantity(already, places=quantity_places)
    unit = discounted_unit_price(schedule, exact_price(list_price), units, already=before)
    return round_money(unit * units, currency)


def buy_up_hint(prices: TieredPrice, quantity: int, *, currency: str) -> BuyUpHint | None:
    """The smallest larger quantity that costs less than this one, where a tier makes the total fall. Raises NoTier."""
    amount = tiered_amount(prices, quantity, currency=currency)
    for tier in prices.tiers:
        if tier.start > quantity and (cheaper := tiered_amount(prices, tier.start, currency=currency)) < amount:
            return BuyUpHint(tier.start, cheaper)
    return None


def true_up(*, commitment: Decimal, spent: Decimal, currency: str) -> Decimal:
    """What is still owed on a minimum commitment at the end of its period; `spent` is before tax and discounts."""
    return round_money(max(exact_price(commitment) - exact_price(spent), Fraction(0)), currency)


def _graduated(tiers: Sequence[Tier], *, after: Fraction, upto: Fraction) -> Fraction:
    total, priced = Fraction(0), Fraction(0)
    for tier in tiers:
        units = units_within(tier, after=after, upto=upto)
        if units == 0:
            continue
        total += units * exact(tier.unit_price)
        if units_within(tier, after=Fraction(0), upto=after) == 0:
            total += exact(tier.flat)
        priced += units
    if priced != upto - after:
        raise NoTier(f"not every unit up to {upto} has a tier")
    return total
