"""What changed between two quotes, in figures that people compare."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from commerce.models import DeltaKind, Quote


@dataclass(frozen=True)
class Difference:
    """One figure of a refreshed quote beside the one it replaces, in minor units."""

    label: str
    before_minor: int
    after_minor: int


def differences(old: Quote, new: Quote) -> list[Difference]:
    """What a refresh changed: each product's amount due, then the totals. Equal figures are left out. Two queries."""
    amounts: dict[str, list[int]] = {}
    for position, quote in enumerate((old, new)):
        for line in quote.lines.select_related("product"):
            credit = line.change == DeltaKind.SWAP_OUT
            label = _("Credit for %(product)s") % {"product": line.product.name} if credit else line.product.name
            amounts.setdefault(label, [0, 0])[position] += line.total_minor
    amounts[_("Tax")] = [old.tax_minor, new.tax_minor]
    amounts[_("Due now")] = [old.total_minor, new.total_minor]
    amounts[_("Each month afterwards")] = [old.recurring_after_minor, new.recurring_after_minor]
    return [Difference(label, *pair) for label, pair in amounts.items() if pair[0] != pair[1]]
