"""What a line has to do with units outside of it: those that are held, and those of other lines counted with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from .money import exact_price, stored
from .proration import TermIsEmpty
from .quote import Billing, Holding, QuoteLine
from .tiers import AggregationScope, DiscountSchedule, checked_quantity


class SharedSchedules:
    """The units of all lines that share a volume schedule, added up once for the quote."""

    def __init__(self, lines: Iterable[QuoteLine]) -> None:
        self._totals: dict[tuple[DiscountSchedule, str], Fraction] = {}
        for line in lines:
            if (shared := _shared(line)) is not None:
                schedule, _group = shared
                units = _units(line, with_held=schedule.counts_held)
                self._totals[shared] = self._totals.get(shared, Fraction(0)) + units

    def counted_with(self, line: QuoteLine) -> Fraction:
        """The units of other lines that decide the tier of this one's volume discount, too."""
        shared = _shared(line)
        if shared is None:
            return Fraction(0)
        schedule, _group = shared
        return self._totals[shared] - _units(line, with_held=schedule.counts_held)


def _shared(line: QuoteLine) -> tuple[DiscountSchedule, str] | None:
    """What a line has in common with those counted with it: its schedule, and its group where that matters."""
    schedule = line.schedule
    if schedule is None or schedule.scope is AggregationScope.LINE:
        return None
    if schedule.scope is AggregationScope.QUOTE:
        return schedule, ""
    return (schedule, line.group) if line.group else None


def _units(line: QuoteLine, *, with_held: bool) -> Fraction:
    """The units of a line: all it has afterwards, or those it buys now."""
    quantity = checked_quantity(line.quantity, places=line.quantity_places)
    holding = line.holding
    if with_held or holding is None or holding.product_code != line.product_code:
        return quantity
    return max(quantity - checked_quantity(holding.quantity, places=line.quantity_places), Fraction(0))


@dataclass(frozen=True, slots=True)
class Before:
    """Units that come before those priced: held ones, and those that count for the volume discount."""

    held: Fraction = Fraction(0)
    counted: Fraction = Fraction(0)


def counted_before(line: QuoteLine, held: Fraction, others: Fraction) -> Fraction:
    """The units that come before the line's in its volume discount."""
    counts_held = line.schedule is None or line.schedule.counts_held
    return others + (held if counts_held else Fraction(0))


def locked(line: QuoteLine, holding: Holding, quantity: Fraction) -> QuoteLine:
    """The line as it was sold: so much for each unit, with every discount in it."""
    return replace(
        line,
        quantity=stored(quantity),
        unit_price=holding.unit_price,
        price_months=holding.price_months,
        billing=holding.billing or line.billing,
        schedule=None,
        discount=None,
        method=None,
        is_contracted=False,
        contracted_price=None,
        list_override=None,
        special_price=None,
        term_schedule=None,
        rules=(),
        partner_percent=Decimal(0),
        distributor_percent=Decimal(0),
    )


def added(line: QuoteLine, holding: Holding, quantity: Fraction) -> QuoteLine:
    """The line of the units that are bought beside those held, at no more than their price where that is locked."""
    return replace(line, quantity=stored(quantity), most_unit_price=_most(line, holding))


def _most(line: QuoteLine, holding: Holding) -> Decimal | None:
    """The price of the units held, for the months of the line's. None where it says nothing of more units.

    That of a whole (a block) does not, nor one of zero: what a bundle brought is no price for more of it.
    """
    is_set_by_hand = line.special_price is not None or line.list_override is not None
    is_of_the_whole = line.own_price is not None and line.own_price.is_of_the_whole
    is_once = Billing.ONCE in (line.billing, holding.billing)
    if not line.locks_added_price or is_set_by_hand or is_of_the_whole or is_once or not holding.unit_price:
        return None
    if holding.price_months < 1:
        raise TermIsEmpty(f"the price of {holding.product_code} covers no months")
    return stored(exact_price(holding.unit_price) * Fraction(line.price_months, holding.price_months))


def held_monthly(holding: Holding, quantity: Fraction) -> Fraction:
    """What so many held units cost a month at their locked price. Raises TermIsEmpty."""
    if holding.billing is Billing.ONCE:
        return Fraction(0)
    if holding.price_months < 1:
        raise TermIsEmpty(f"the price of {holding.product_code} covers no months")
    return quantity * exact_price(holding.unit_price) / holding.price_months
