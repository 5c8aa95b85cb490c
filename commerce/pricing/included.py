"""What is in the price of a bundle: no choice for a price row, but what a bundle makes of a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar

from . import figures as read
from .explanation import Phrase, gettext_noop
from .methods import Asked, OwnPrice


@dataclass(frozen=True, kw_only=True, slots=True)
class Included(OwnPrice):
    """Nothing extra, whatever the quantity; discounts find nothing to take from."""

    code: ClassVar[str] = "included"
    label: ClassVar[str] = gettext_noop("Included in a bundle")
    has_quantity_in_it: ClassVar[bool] = True

    bundle: str  # Its name.

    @classmethod
    def parse(cls, unit_price: Decimal, figures: Mapping[str, Any]) -> Included:
        read.known(figures, ("bundle",))
        return cls(bundle=str(figures.get("bundle", "")))

    def charge(self, quantity: Fraction, already: Fraction) -> Fraction:
        return Fraction(0)

    def words(self, asked: Asked, already: Fraction) -> list[Phrase]:
        return [asked.counted(), Phrase(gettext_noop("included in %(bundle)s"), {"bundle": self.bundle})]
