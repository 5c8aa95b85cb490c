"""Which products to offer an account now, and why. Pure: no ORM, no clock, no settings.

A rule names a product and a reason: a meter close to its limit, or a feature the account lacks in its industry or
stage. `rank` leaves out what would give the account nothing new, and sorts the rest: limits that are nearest first,
then the vendor's weight. The caller passes rules of products that can be sold to the account.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

# The figures a reason or headline may name, in braces.
METER_PLACEHOLDERS = frozenset({"used", "limit", "percent"})
PLACEHOLDERS = METER_PLACEHOLDERS | {"industry"}

# Room to grow into: a quantity is offered that leaves a sixth of the new limit free, in numbers people would choose.
HEADROOM = Decimal("1.2")
_STEPS = ((200, 10), (1000, 50))  # Below this many seats, in steps of so many; above all of them, of a hundred.


class UnknownPlaceholder(ValueError):
    """A text names a figure that the rule does not have. `names` are the ones at fault."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(names)
        super().__init__(", ".join(self.names))


class MalformedText(ValueError):
    """A text has a brace without its partner, or more inside braces than a name."""


class ProductKind(StrEnum):
    PLAN = "plan"
    ADDON = "addon"
    SERVICE = "service"
    USAGE = "usage"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductFacts:
    """What a product is, as far as an offer depends on it. `amounts` are what one unit adds to a meter's limit."""

    code: str
    kind: ProductKind
    rank: int = 0  # Of plans: a higher one is an upgrade.
    features: frozenset[str] = frozenset()
    amounts: Mapping[str, Decimal] = field(default_factory=dict)
    max_quantity: int = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A reason to offer a product. Without a meter it is about what the product can do; empty sets match everybody."""

    product: ProductFacts
    headline: str
    reason: str
    meter: str = ""
    threshold_percent: int = 85
    industries: frozenset[str] = frozenset()
    stages: frozenset[str] = frozenset()
    weight: int = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """The account today: what it is, has and uses. `owned` counts units by product code, `industry_name` is for people.

    A meter without a limit does not run out.
    """

    industry: str = ""
    industry_name: str = ""
    stage: str = ""
    owned: Mapping[str, int] = field(default_factory=dict)
    plan_rank: int | None = None  # None without a plan.
    features: frozenset[str] = frozenset()
    used: Mapping[str, Decimal] = field(default_factory=dict)
    limits: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A product worth offering. `quantity` is how many the account would have in all, ready for the configurator."""

    product_code: str
    headline: str
    reason: str
    quantity: int
    meter: str
    percent: int | None  # Of the meter's limit that is used.
    weight: int


def rank(rules: Iterable[Rule], situation: Situation) -> tuple[Offer, ...]:
    """The offers that fit, best first and each product once. The order of the rules cannot be seen in the result."""
    offers = [offer for rule in rules if (offer := _offer(rule, situation)) is not None]
    offers.sort(key=lambda offer: (-(offer.percent or 0), -offer.weight, offer.product_code, offer.meter))
    best: dict[str, Offer] = {}
    for offer in offers:
        best.setdefault(offer.product_code, offer)
    return tuple(best.values())


def check_text(text: str, *, meter: str) -> None:
    """Raises UnknownPlaceholder, MalformedText for a headline or reason that could not be filled in."""
    allowed = PLACEHOLDERS if meter else PLACEHOLDERS - METER_PLACEHOLDERS
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise MalformedText(str(error)) from error
    if any(conversion or specification for _text, _name, specification, conversion in parts):
        raise MalformedText("only a name may stand in braces")
    if unknown := {name for _text, name, _specification, _conversion in parts if name is not None} - allowed:
        raise UnknownPlaceholder(unknown)


def next_quantity(needed: Decimal, *, at_most: int) -> int:
    """How many to offer where `needed` are used or owned: some room, rounded up to a number people would choose."""
    wanted = needed * HEADROOM
    step = next((step for below, step in _STEPS if wanted < below), 100)
    return min(int((wanted / step).to_integral_value(ROUND_CEILING)) * step, at_most)


def _offer(rule: Rule, situation: Situation) -> Offer | None:
    if not _fits(rule, situation):
        return None
    used, limit = situation.used.get(rule.meter), situation.limits.get(rule.meter)
    percent: int | None = None
    figures = {"industry": situation.industry_name}
    if not situation.industry_name and "{industry}" in rule.headline + rule.reason:
        return None
    if rule.meter:
        if used is None or not limit or used * 100 < limit * rule.threshold_percent:
            return None
        percent = int(used * 100 / limit)
        figures |= {"used": _number(used), "limit": _number(limit), "percent": str(percent)}
    quantity = _quantity(rule, situation)
    if quantity is None:
        return None
    return Offer(
        product_code=rule.product.code,
        headline=rule.headline.format_map(figures),
        reason=rule.reason.format_map(figures),
        quantity=quantity,
        meter=rule.meter,
        percent=percent,
        weight=rule.weight,
    )


def _fits(rule: Rule, situation: Situation) -> bool:
    return (not rule.industries or situation.industry in rule.industries) and (
        not rule.stages or situation.stage in rule.stages
    )


def _quantity(rule: Rule, situation: Situation) -> int | None:
    """How many the account should have in all; None where the product would give it nothing new."""
    product = rule.product
    owned = situation.owned.get(product.code, 0)
    if product.kind is ProductKind.PLAN:
        wanted = _seats(rule, situation, owned)
    elif rule.meter in product.amounts:
        wanted = owned + _packs(rule, situation)
    elif owned or (product.features and product.features <= situation.features):
        return None
    else:
        wanted = 1
    return wanted if owned < wanted <= product.max_quantity else None


def _seats(rule: Rule, situation: Situation, owned: int) -> int:
    """Seats on a plan: more of the one owned, or as many on a higher one as are needed; none of a lower one."""
    is_upgrade = situation.plan_rank is None or rule.product.rank > situation.plan_rank
    if not owned and not is_upgrade:
        return 0
    seats = situation.limits.get("seats", Decimal(0))
    if rule.meter == "seats":
        return next_quantity(max(seats, situation.used["seats"]), at_most=rule.product.max_quantity)
    return max(int(seats), 1) if is_upgrade else 0


def _packs(rule: Rule, situation: Situation) -> int:
    """How many more packs leave some room above what is used."""
    missing = situation.used[rule.meter] * HEADROOM - situation.limits[rule.meter]
    return max(1, int((missing / rule.product.amounts[rule.meter]).to_integral_value(ROUND_CEILING)))


def _number(value: Decimal) -> str:
    """A whole number as people write it: what is measured in parts is rounded down, so never shown as used up."""
    return f"{int(value):,}"
