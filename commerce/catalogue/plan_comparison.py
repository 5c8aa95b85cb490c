"""What plans bring, row by row: figures beside figures, and what each is praised for in its own column."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.models import Feature
from commerce import amounts
from commerce.catalogue.catalogue import is_the_unit_itself
from commerce.models import Product, ProductGrant
from tracking.models import Meter


@dataclass(frozen=True)
class Cell:
    """What one plan says in a row: a figure, or whether it has it; neither: nothing."""

    words: str = ""
    is_granted: bool = False


@dataclass(frozen=True)
class Row:
    """One thing that at least one of the plans grants."""

    label: str
    cells: Sequence[Cell]  # By plan.

    @property
    def differs(self) -> bool:
        return len(set(self.cells)) > 1


def rows_of(plans: Iterable[Product]) -> list[Row]:
    """Each thing that is granted in a row, those first in which the plans differ."""
    granted = [_granted(plan) for plan in plans]
    labels = dict.fromkeys(label for one in granted for label in one)
    rows = [Row(label, [one.get(label, Cell()) for one in granted]) for label in labels]
    return sorted(rows, key=lambda row: not row.differs)


def highlights_of(product: Product) -> list[str]:
    return [line.strip() for line in product.highlights.splitlines() if line.strip()]


def _granted(plan: Product) -> dict[str, Cell]:
    return {_label(grant): _cell(grant) for grant in plan.grants.all() if not is_the_unit_itself(grant)}


def _label(grant: ProductGrant) -> str:
    if grant.quantity is None:
        return str(Feature(grant.code).label) if grant.code in Feature.values else grant.code
    labels = {Meter.API_CALLS: _("API calls a month"), Meter.AUTOMATION_RUNS: _("Automation runs a month")}
    meter = Meter(grant.code) if grant.code in Meter.values else None
    label = str(labels.get(meter, meter.label)) if meter else grant.code
    return _("%(what)s, for each seat") % {"what": label} if grant.is_per_unit else label


def _cell(grant: ProductGrant) -> Cell:
    return Cell(is_granted=True) if grant.quantity is None else Cell(amounts.number(grant.quantity))
