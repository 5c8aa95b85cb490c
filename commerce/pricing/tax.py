"""Tax per line. Rates are passed in: what is taxed where is not a question of arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from .money import Choice, exact_percent, nearest


class TaxTreatment(Choice):
    """Whether prices are before tax (usual between businesses) or have it inside.

    `taken_out`: they have it inside, and the buyer does not pay it to us: it comes out of what is charged.
    """

    EXCLUSIVE = "exclusive"
    INCLUSIVE = "inclusive"
    TAKEN_OUT = "taken_out"


class TaxCategory(Choice):
    """Why a sale bears the tax that it bears, by the codes that e-invoices know (UNTDID 5305)."""

    STANDARD = "S"
    REVERSE_CHARGE = "AE"
    ZERO_RATED = "Z"


@dataclass(frozen=True, slots=True)
class TaxedAmount:
    """A line total in minor units: net plus tax is gross, always."""

    net_minor: int
    tax_minor: int

    @property
    def gross_minor(self) -> int:
        return self.net_minor + self.tax_minor


def tax_line(
    total_minor: int, *, rate_percent: Decimal, treatment: TaxTreatment = TaxTreatment.EXCLUSIVE
) -> TaxedAmount:
    """Tax on one rounded line total, rounded to the currency. A credit is the exact mirror of its charge.

    Inclusive: the total is the gross amount; taken out, only what is left of it is charged. Raises PercentOutOfRange,
    NotANumber.
    """
    rate = exact_percent(rate_percent)
    if treatment is TaxTreatment.EXCLUSIVE:
        return TaxedAmount(total_minor, nearest(total_minor * rate))
    tax = nearest(total_minor * rate / (1 + rate))
    return TaxedAmount(total_minor - tax, tax if treatment is TaxTreatment.INCLUSIVE else 0)


def part_of_tax(tax_minor: int, *, part_minor: int, total_minor: int) -> int:
    """The tax on a part of a taxed total, rounded to the currency: all of it on the whole."""
    return nearest(Fraction(tax_minor * part_minor, total_minor))
