"""Figures of prices and schedules as they are stored, in JSON, and typed in by the staff: read, and refused when wrong.

Numbers are decimal strings or whole numbers, never floats.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from .money import PricingError, parse_decimal, parse_whole
from .tiers import AggregationScope, DiscountMethod, DiscountSchedule, DiscountTier, SlabNotAllowed, Tier


class FiguresWrong(PricingError):
    """Figures that are not of the form that the method or the schedule wants."""

    code = "figures_wrong"


class FigureMissing(FiguresWrong):
    """A figure that the method needs is not there."""

    code = "figure_missing"


class FigureUnknown(FiguresWrong):
    """A figure that the method knows nothing of: most likely a slip of the keyboard."""

    code = "figure_unknown"


def known(figures: Mapping[str, Any], names: Iterable[str]) -> Mapping[str, Any]:
    """The figures, if they are a mapping with no other names. Raises FiguresWrong, FigureUnknown."""
    if not isinstance(figures, Mapping):
        raise FiguresWrong("figures are names with values")
    if unknown := sorted(set(figures) - set(names)):
        raise FigureUnknown(f"unknown: {', '.join(unknown)}")
    return figures


def number(figures: Mapping[str, Any], name: str, default: Decimal | None = None) -> Decimal:
    """A decimal figure. Raises FigureMissing, FiguresWrong, NotANumber."""
    value = figures.get(name)
    if value is None or value == "":
        if default is None:
            raise FigureMissing(f"{name} is missing")
        return default
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise FiguresWrong(f"{name} is no number")
    return parse_decimal(str(value))


def whole(figures: Mapping[str, Any], name: str, default: int | None = None) -> int:
    """A whole figure. Raises FigureMissing, FiguresWrong, NotANumber."""
    if figures.get(name) in (None, "") and default is not None:
        return default
    return parse_whole(str(number(figures, name)))


def flag(figures: Mapping[str, Any], name: str) -> bool:
    """Yes or no; no where nothing is said. Raises FiguresWrong."""
    value = figures.get(name, False)
    if not isinstance(value, bool):
        raise FiguresWrong(f"{name} is true or false")
    return value


def texts(figures: Mapping[str, Any], name: str) -> frozenset[str]:
    """A list of texts. Raises FiguresWrong."""
    value = figures.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise FiguresWrong(f"{name} is a list of texts")
    return frozenset(value)


def price_tiers(figures: Mapping[str, Any]) -> tuple[Tier, ...]:
    """[{"from": 1, "to": 11, "unit_price": "12", "flat": "0"}]: a table of prices. Raises FiguresWrong and the like."""
    names = ("from", "to", "unit_price", "flat", "overage_price")
    return tuple(
        Tier(
            start=whole(row, "from"),
            until=None if row.get("to") in (None, "") else whole(row, "to"),
            unit_price=number(row, "unit_price", Decimal(0)),
            flat=number(row, "flat", Decimal(0)),
            overage_price=number(row, "overage_price", Decimal(0)),
        )
        for row in _rows(figures.get("tiers"), names)
    )


def discount_tiers(stored: Any) -> tuple[DiscountTier, ...]:
    """[{"from": 1, "to": 11, "percent": "5"}], or with an "amount" off each unit. Raises FiguresWrong and the like."""
    return tuple(
        DiscountTier(
            start=whole(row, "from"),
            until=None if row.get("to") in (None, "") else whole(row, "to"),
            percent=number(row, "percent") if "percent" in row else None,
            amount=number(row, "amount") if "amount" in row else None,
        )
        for row in _rows(stored, ("from", "to", "percent", "amount"))
    )


def parse_schedule(
    tiers: Any,
    *,
    method: str,
    scope: str = AggregationScope.LINE.value,
    counts_held: bool = True,
    code: str = "",
    by_term: bool = False,
) -> DiscountSchedule:
    """A discount schedule as it is stored. Raises FiguresWrong, UnknownChoice and the errors of tiers."""
    chosen = DiscountMethod(method)
    if by_term and chosen is DiscountMethod.SLAB:
        raise SlabNotAllowed("a term has one discount for all of its months")
    return DiscountSchedule(
        chosen, discount_tiers(tiers), scope=AggregationScope(scope), counts_held=counts_held, code=code
    )


def _rows(stored: Any, names: Iterable[str]) -> list[Mapping[str, Any]]:
    if not isinstance(stored, list):
        raise FigureMissing("tiers are missing")
    return [known(row, names) for row in stored]
