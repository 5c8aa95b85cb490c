"""What changed between two quotes, and how alternatives compare: in words and figures, side by side."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from commerce import amounts
from commerce.models import DeltaKind, Quote, QuoteLine
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.money import Money

# The same line in several quotes: the product's id, whether it is a credit for it, and which one of those it is.
LineKey = tuple[int, bool, int]


@dataclass(frozen=True)
class Difference:
    """One figure of a quote beside the same of another; `before` and `after` as people read them."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Row:
    """One figure of several quotes, side by side."""

    label: str
    numbers: tuple[str, ...]  # Of the quotes.
    values: tuple[str, ...]

    @property
    def cells(self) -> list[tuple[str, str]]:
        return list(zip(self.numbers, self.values, strict=True))

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


def differences(old: Quote, new: Quote) -> list[Difference]:
    """What a new version changed, each line first and then the totals. What stayed is left out. Two queries."""
    return [Difference(row.label, *row.values) for row in side_by_side([old, new]) if row.differs]


def side_by_side(quotes: Sequence[Quote]) -> list[Row]:
    """Every line of every quote, then the terms and totals. One query per quote."""
    return [*lines_side_by_side(quotes), *figures_side_by_side(quotes)]


def lines_side_by_side(quotes: Sequence[Quote]) -> list[Row]:
    """Every line of every quote. One query per quote."""
    columns = [_lines_of(quote) for quote in quotes]
    labels: dict[LineKey, str] = {}  # In the order of the first that has it.
    for column in columns:
        for key, line in column.items():
            labels.setdefault(key, _label(line))
    absent, numbers = _("none"), tuple(quote.number for quote in quotes)
    return [
        Row(
            label,
            numbers,
            tuple(
                _line_words(column[key], quote.currency) if key in column else absent
                for quote, column in zip(quotes, columns, strict=True)
            ),
        )
        for key, label in labels.items()
    ]


def figures_side_by_side(quotes: Sequence[Quote]) -> list[Row]:
    """Terms and totals."""
    numbers = tuple(quote.number for quote in quotes)
    figures = [_figures_of(quote) for quote in quotes]
    return [Row(label, numbers, tuple(figure[label] for figure in figures)) for label in figures[0]]


def _lines_of(quote: Quote) -> dict[LineKey, QuoteLine]:
    found: dict[LineKey, QuoteLine] = {}
    times: Counter[tuple[int, bool]] = Counter()
    for line in quote.lines.select_related("product").defer("steps"):
        what = line.product_id, line.change == DeltaKind.SWAP_OUT
        found[*what, times[what]] = line
        times[what] += 1
    return found


def _label(line: QuoteLine) -> str:
    if line.change == DeltaKind.SWAP_OUT:
        return _("Credit for %(product)s") % {"product": line.product.name}
    return line.product.name


def _line_words(line: QuoteLine, currency: str) -> str:
    return _("%(total)s (%(quantity)s at %(price)s)") % {
        "total": amounts.money(Money(line.total_minor, currency)),
        "quantity": amounts.number(abs(line.quantity)),
        "price": amounts.unit_price(UnitPrice(Decimal(line.net_unit_price), currency)),
    }


def _figures_of(quote: Quote) -> dict[str, str]:
    def money(minor: int) -> str:
        return amounts.money(Money(minor, quote.currency))

    return {
        _("Subtotal"): money(quote.subtotal_minor),
        _("Tax"): money(quote.tax_minor),
        _("Due now"): money(quote.total_minor),
        _("Each month afterwards, before tax"): money(quote.recurring_after_minor),
        _("Days to pay"): amounts.number(quote.payment_days),
        _("Special terms"): quote.special_terms or _("none"),
        _("Starts on"): date_format(quote.start_date, "DATE_FORMAT") if quote.start_date else _("once it is ordered"),
        _("Months"): amounts.number(quote.term_months) if quote.term_months else _("until the contract ends"),
    }
