"""The ways to price a line, each a class: what it needs, and what so many units cost by it.

A new method is a class here and its place in METHODS: the choice in the admin, the check of what staff type in, and the
words of the line come with it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar

from . import figures as read
from .explanation import Param, Phrase, UnitPrice, count_figure, gettext_noop, price_phrase
from .money import Choice, Money, PricingError, UnknownChoice, exact, exact_percent, exact_price, stored
from .tiers import (
    PackageIsEmpty,
    Tier,
    TieredPrice,
    TierMethod,
    checked_quantity,
    exact_tier_price,
    tier_of,
    true_up,
    units_within,
)


class CoversNothing(PricingError):
    """A percentage of no lines at all."""

    code = "covers_nothing"


class LineKind(Choice):
    """What kind of product a line is of."""

    PLAN = "plan"
    ADDON = "addon"
    SERVICE = "service"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What is priced, in the words of its line."""

    quantity: Fraction
    currency: str
    unit: str | Phrase
    name: str
    price_months: int
    is_once: bool
    is_added: bool = False  # More of what is held already.
    is_named: bool = False  # The product has to be named.

    def rate(self, amount: Decimal) -> UnitPrice | Phrase:
        """EUR 12.00 a month; EUR 1,500.00 for what is paid once."""
        price = UnitPrice(amount, self.currency)
        return price if self.is_once else price_phrase(price, self.price_months)

    def counted(self) -> Phrase:
        """60 seats; 10 more seats; 60 seats of Team; 1 × Audit log export."""
        params: dict[str, Param] = {
            "quantity": count_figure(self.quantity), "unit": self.unit, "name": self.name,
        }  # fmt: skip
        if not self.unit:
            return Phrase(gettext_noop("%(quantity)s × %(name)s"), params)
        if self.is_added:
            return Phrase(gettext_noop("%(quantity)s more %(unit)s"), params)
        if self.is_named:
            return Phrase(gettext_noop("%(quantity)s %(unit)s of %(name)s"), params)
        return Phrase(gettext_noop("%(quantity)s %(unit)s"), params)


class Method(ABC):
    """A way to price a line. `label` and `hint` are for the staff who choose it."""

    code: ClassVar[str]
    label: ClassVar[str]
    hint: ClassVar[str] = ""

    @classmethod
    @abstractmethod
    def parse(cls, unit_price: Decimal, figures: Mapping[str, Any]) -> Method:
        """The method with the figures of a price's row. Raises PricingError where they make no price."""


class OwnPrice(Method):
    """A method that prices a line by what the line itself says: all but percentages of other lines."""

    # The price is of the quantity as a whole, not of each unit; an amount off is off the whole.
    is_of_the_whole: ClassVar[bool] = False
    # The quantity is in the price already, so that discount schedules on top would discount twice.
    has_quantity_in_it: ClassVar[bool] = False

    @property
    def steps(self) -> tuple[Tier, ...]:
        """The tiers at whose start the price changes, where there are."""
        return ()

    @abstractmethod
    def charge(self, quantity: Fraction, already: Fraction) -> Fraction:
        """What `quantity` units cost beside `already` units held, for the price's own months, unrounded."""

    @abstractmethod
    def words(self, asked: Asked, already: Fraction) -> list[Phrase]:
        """What is priced, and how."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListPrice(OwnPrice):
    """So much for each unit."""

    code: ClassVar[str] = "list"
    label: ClassVar[str] = gettext_noop("Per unit")
    hint: ClassVar[str] = gettext_noop("The unit price for each unit. No further figures.")

    unit_price: Decimal

    def __post_init__(self) -> None:
        exact_price(self.unit_price)

    @classmethod
    def parse(cls, unit_price: Decimal, figures: Mapping[str, Any]) -> ListPrice:
        read.known(figures, ())
        return cls(unit_price=unit_price)

    def charge(self, quantity: Fraction, already: Fraction) -> Fraction:
        return quantity * exact(self.unit_price)

    def words(self, asked: Asked, already: Fraction) -> list[Phrase]:
        return [at_price(asked, self.unit_price)]


@dataclass(frozen=True, kw_only=True, slots=True)
class CostPlus(OwnPrice):
    """What a unit costs us, and a percentage on top. The customer reads the price that comes out, and not how."""

    code: ClassVar[str] = "cost_plus"
    label: ClassVar[str] = gettext_noop("Cost plus")
    hint: ClassVar[str] = gettext_noop(
        "The product's cost plus so many percent: worked out when the price is saved, and kept as unit price."
    )

    cost: Decimal
    markup_percent: Decimal

    def __post_init__(self) -> None:
        exact_price(self.cost)
        exact_price(self.markup_percent)

    @classmethod
    def parse(cls, unit_price: Decimal, figures: Mapping[str, Any]) -> ListPrice | CostPlus:
        """A saved price has what came out, since costs are for the staff alone; before, it has cost and markup."""
        if not read.known(figures, ("cost", "markup_percent")):
            return ListPrice(unit_price=unit_price)
        return cls(cost=read.number(figures, "cost"), markup_percent=read.number(figures, "markup_percent"))

    @property
    def unit_price(self) -> Fraction:
        return exact(self.cost) * (1 + exact(self.markup_percent) / 100)

    def charge(self, quantity: Fraction, already: Fraction) -> Fraction:
        return quantity * self.unit_price

    def words(self, asked: Asked, already: Fraction) -> list[Phrase]:
        return [at_price(asked, stored(self.unit_price))]


@dataclass(frozen=True, kw_only=True)
class _Tiered(OwnPrice):
    """A method with a table of prices by quantity."""

    method: ClassVar[TierMethod]

    tiers: TieredPrice

    @property
    def steps(self) -> tuple[Tier, ...]:
        return self.tiers.tiers

    @classmethod
    def parse(cls, unit_price: Decimal, figures: Mapping[str, Any]) -> Method:
        read.known(figures, ("tiers",))
        return cls(tiers=TieredPrice(cls.method, read.price_tiers(figures)))


@dataclass(frozen=True, kw_only=True)
class VolumePrice(_Tiered):
    """Every unit at the price of the tier that the whole quantity reaches, with the units held before."""

    code: ClassVar[str] = "volume"
    label: ClassVar[str] = gettext_noop("Volume: all units at the tier reached")
    hint: ClassVar[str] = gettext_noop("Tiers with a price per unit, and a flat price where one is due besides.")
    method = TierMethod.VOLUME

    def charge(self, quantity: Fraction, already: Fraction) -> Fraction:
        """Added units cost what the tier reached says; its flat fee is due when it is first reached."""
        whole = exact_tier_price(self.tiers, already + quantity)
        if not already:
            return whole
        reached = tier_of(self.tiers.tiers, already + quantity)
        if reached is None:
            return whole
        is_new = tier_of(self.tiers.tiers, already) is not reached
        return quantity * exact(reached.unit_price) + (exact(reached.flat) if is_new else 0)

    def words(self, asked: Asked, already: Fraction) -> list[Phrase]:
        reached = tier_of(self.tiers.tiers, already + asked.quantity)
        if reached is None:
            return [asked.counted()]
        words = [at_price(asked, reached.unit_price)]
        if len(self.tiers.tiers) > 1:
            words.append(Phrase(gettext_noop("the price from %(start)s on"), {"start": max(reached.start, 1)}))
        return [*words, *flat_words(asked, reached.flat)]


@dataclass(frozen=True, kw_only=True)
class GraduatedPrice(_Tiered):
    """Each unit at the price of its own tier; more of the same goes on where the units held before ended."""

    code: ClassVar[str] = "graduated"
    label: ClassVar[str] = gettext_noop("Graduated: each unit at its own tier")
    hint: ClassVar[str] = VolumePrice.hint
    method = TierMethod.GRADUATED

    def charge(self, quantity: Fraction, already: Fraction) -> Fraction:
        return exact_tier_price(self.tiers, quantity, already=already)

    def words(self, asked: Asked, already: Fraction) -> list[Phrase]:
        words = [asked.counted()]
        for tier in self.tiers.tiers:
            if units := units_within(tier, after=already, upto=already + asked.quantity):
                words.append(
                    Phrase(
                        gettext_noop("%(units)s at %(price)s"),
                        {"units": count_figure(units), "price": asked.rate(tier.unit_price)},
                    )
                )
                if not units_within(tier, after=Fraction(0), upto=already):
                    words += flat_words(asked, tier.flat)
        return words


@dataclass(frozen=True, kw_only=True)
class BlockPrice(_Tiered):
    """One price for the block that the quantity falls into; more of the same pays the difference of the blocks."""

    code: ClassVar[str] = "block"
    label: ClassVar[str] = gettext_noop("Block: one price for a range of quantities")
    hint: ClassVar[str] = gettext_noop("Tiers with a flat price each; no unit price.")
    is_of_the_whole = True
    has_quantity_in_it = True
    method = TierMethod.BLOCK

    def charge(self, quantity: Fraction, already: Fraction) -> Fraction:
        whole = exact_tier_price(self.tiers, already + quantity)
        return max(whole - exact_tier_price(self.tiers, already), Fraction(0)) if already else whole

    def words(self, asked: Asked, already: Fraction) -> list[Phrase]:
        block = tier_of(self.tiers.tiers, already + asked.quantity)
        if block is None:
            return [asked.counted()]
        first = max(block.start, 1)
        if block.until is None:
            span = Phrase(gettext_noop("block from %(first)s on"), {"first": first})
        else:
            span = Phrase(gettext_noop("block of %(first)s to %(last)s"), {"first": first, "last": block.until - 1})
        words = [asked.counted(), priced(span, asked.rate(block.flat))]
        if block.overage_price and (over := already + asked.quantity - block.start):
            words.append(
                Phrase(
                    gettext_noop("%(units)s above its first at %(price)s each"),
                    {"units": count_figure(over), "price": UnitPrice(block.overage_price, asked.currency)},
                )
            )
        return [*words, less_held()] if already else words


@dataclass(frozen=True, kw_only=True, slots=True)
class PackagePrice(OwnPrice):
    """So much for each package, a started one counting whole; some units may be free."""

    code: ClassVar[str] = "package"
    label: ClassVar[str] = gettext_noop("Packages of units")
    hint: ClassVar[str] = gettext_noop("The unit price is of one package.")
    is_of_the_whole: ClassVar[bool] = True
    has_quantity_in_it: ClassVar[bool] = True

    package_price: Decimal
    package_size: int
    free_units: int = 0

    def __post_init__(self) -> None:
        exact_price(self.package_price)
        if self.package_size < 1:
            raise PackageIsEmpty(f"a package cannot hold {self.package_size} units")
        checked_quantity(self.free_units)

    @classmethod
    def parse(cls, unit_price: Decimal, figures: Mapping[str, Any]) -> PackagePrice:
        read.known(figures, ("package_size", "free_units"))
        return cls(
            package_price=unit_price,
            package_size=read.whole(figures, "package_size"),
            free_units=read.whole(figures, "free_units", 0),
        )

    def packages(self, quantity: Fraction) -> int:
        paid = max(quantity - self.free_units, Fraction(0))
        return -(-paid.numerator // (paid.denominator * self.package_size))

    def charge(self, quantity: Fraction, already: Fraction) -> Fraction:
        return (self.packages(already + quantity) - self.packages(already)) * exact(self.package_price)

    def words(self, asked: Asked, already: Fraction) -> list[Phrase]:
        count = self.packages(already + asked.quantity) - self.packages(already)
        packages = Phrase(gettext_noop("%(count)s × %(size)s"), {"count": count, "size": self.package_size})
        words = [asked.counted(), priced(packages, asked.rate(self.package_price))]
        if self.free_units:
            words.append(Phrase(gettext_noop("the first %(units)s free"), {"units": self.free_units}))
        return words


@dataclass(frozen=True, kw_only=True, slots=True)
class UsagePrice(OwnPrice):
    """Billed by what was used, afterwards. A minimum commitment is due anyway: before where it is prepaid."""

    code: ClassVar[str] = "usage"
    label: ClassVar[str] = gettext_noop("By use, with or without a minimum")
    hint: ClassVar[str] = gettext_noop("The unit price is of each unit used.")
    is_of_the_whole: ClassVar[bool] = True
    has_quantity_in_it: ClassVar[bool] = True

    unit_price: Decimal
    commitment: Decimal = Decimal(0)
    is_prepaid: bool = False
    included_units: int = 0

    def __post_init__(self) -> None:
        exact_price(self.unit_price)
        exact_price(self.commitment)
        checked_quantity(self.included_units)

    @classmethod
    def parse(cls, unit_price: Decimal, figures: Mapping[str, Any]) -> UsagePrice:
        read.known(figures, ("commitment", "is_prepaid", "included_units"))
        return cls(
            unit_price=unit_price,
            commitment=read.number(figures, "commitment", Decimal(0)),
            is_prepaid=read.flag(figures, "is_prepaid"),
            included_units=read.whole(figures, "included_units", 0),
        )

    def charge(self, quantity: Fraction, already: Fraction) -> Fraction:
        """The commitment where it is paid before, once whatever the quantity; nothing else is due at the order."""
        return exact(self.commitment) if self.is_prepaid and not already else Fraction(0)

    def used(self, units: Decimal | int, *, currency: str, quantity_places: int = 0) -> Money:
        """What a period's use comes to before any commitment, rounded once."""
        paid = max(checked_quantity(units, places=quantity_places) - self.included_units, Fraction(0))
        return Money.rounded(paid * exact(self.unit_price), currency)

    def owed(self, units: Decimal | int, *, currency: str, quantity_places: int = 0) -> Money:
        """What is billed after a period: its use, or what is missing to the commitment; what was prepaid is off."""
        spent = self.used(units, currency=currency, quantity_places=quantity_places)
        if self.is_prepaid:
            committed = Money.rounded(self.commitment, currency)
            return Money(max(spent.minor - committed.minor, 0), currency)
        return spent + Money.rounded(
            true_up(commitment=self.commitment, spent=spent.amount, currency=currency), currency
        )

    def words(self, asked: Asked, already: Fraction) -> list[Phrase]:
        words = [
            Phrase(
                gettext_noop("%(name)s by use at %(price)s each"),
                {"name": asked.name, "price": UnitPrice(self.unit_price, asked.currency)},
            )
        ]
        if self.included_units:
            words.append(Phrase(gettext_noop("%(units)s included"), {"units": self.included_units}))
        if self.commitment:
            template = (
                gettext_noop("at least %(price)s, paid in advance")
                if self.is_prepaid
                else gettext_noop("at least %(price)s")
            )
            words.append(Phrase(template, {"price": asked.rate(self.commitment)}))
        return words


@dataclass(frozen=True, kw_only=True, slots=True)
class PercentOfTotal(Method):
    """A price that is a percentage of the lines it covers, which never include another such line.

    Covered are the lines of the kinds, and of the products, that it names.
    """

    code: ClassVar[str] = "percent_of_total"
    label: ClassVar[str] = gettext_noop("Percentage of other lines")
    hint: ClassVar[str] = gettext_noop("A percentage of the lines of some kinds, or of some products; no unit price.")

    percent: Decimal
    covers: frozenset[LineKind] = frozenset({LineKind.PLAN, LineKind.ADDON})
    products: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        exact_percent(self.percent)
        if not self.covers and not self.products:
            raise CoversNothing("a percentage of nothing")

    @classmethod
    def parse(cls, unit_price: Decimal, figures: Mapping[str, Any]) -> PercentOfTotal:
        read.known(figures, ("percent", "covers", "products"))
        if unit_price:
            raise read.FiguresWrong("a percentage of other lines has no price of its own")
        return cls(
            percent=read.number(figures, "percent"),
            covers=frozenset(LineKind(kind) for kind in read.texts(figures, "covers")),
            products=read.texts(figures, "products"),
        )


METHODS: dict[str, type[Method]] = {
    method.code: method
    for method in (
        ListPrice, BlockPrice, PercentOfTotal, CostPlus, VolumePrice, GraduatedPrice, PackagePrice, UsagePrice,
    )
}  # fmt: skip


def method_of(code: str, unit_price: Decimal, figures: Mapping[str, Any]) -> Method:
    """The method of a price's row. Raises UnknownChoice, FiguresWrong, and the errors of tiers and amounts."""
    if code not in METHODS:
        raise UnknownChoice(f"{code!r} is not one of {', '.join(METHODS)}")
    return METHODS[code].parse(unit_price, figures)


def at_price(asked: Asked, price: Decimal) -> Phrase:
    """60 seats at EUR 12.00 a month; 10 more seats at …; 1 × Audit log export at …"""
    counted = asked.counted()
    return Phrase(_AT_PRICE[counted.template], {**counted.params, "price": asked.rate(price)})


def priced(what: Phrase, price: UnitPrice | Phrase) -> Phrase:
    return Phrase(gettext_noop("%(what)s at %(price)s"), {"what": what, "price": price})


def flat_words(asked: Asked, flat: Decimal) -> list[Phrase]:
    return [Phrase(gettext_noop("plus %(flat)s"), {"flat": asked.rate(flat)})] if flat else []


def less_held() -> Phrase:
    return Phrase(gettext_noop("less what you have already costs"))


# Whole sentences, since languages put the parts in other orders.
_AT_PRICE = {
    "%(quantity)s × %(name)s": gettext_noop("%(quantity)s × %(name)s at %(price)s"),
    "%(quantity)s more %(unit)s": gettext_noop("%(quantity)s more %(unit)s at %(price)s"),
    "%(quantity)s %(unit)s of %(name)s": gettext_noop("%(quantity)s %(unit)s of %(name)s at %(price)s"),
    "%(quantity)s %(unit)s": gettext_noop("%(quantity)s %(unit)s at %(price)s"),
}
