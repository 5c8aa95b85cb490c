"""The lines of a staff quote as a sheet: read from CSV, checked line by line, and written as CSV again.

Columns: product (its code), quantity, and if wanted discount (percent), price (per unit and month; a service: once) and
group. What is wrong is said of each line by its number; nothing is priced before all of them are right.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from io import StringIO

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.spreadsheets import read_rows
from commerce.configuring.configuring import NothingChanges, judge, refusals_of
from commerce.configuring.situations import Configuration, Situation, plain
from commerce.models import ProductKind, Quote
from commerce.quotes.manual_prices import ManualPrice

MOST_LINES = 5_000
LONGEST_GROUP = 60  # Characters.
COLUMNS = ("product", "quantity", "discount", "price", "group")
_NEEDED = COLUMNS[:2]
_PERCENT_PLACES, _PRICE_PLACES = 4, 4
_MOST_PRICE = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class SheetLine:
    """One line: so many of a product, and what is set by hand. `number` is its place in the file; the heading is 1."""

    number: int
    product: str
    quantity: Decimal
    manual: ManualPrice

    @property
    def cells(self) -> tuple[str, ...]:
        """As a file has it."""
        figures = (self.manual.discount_percent, self.manual.special_price)
        shown = ("" if figure is None else plain(figure) for figure in figures)
        return (self.product, plain(self.quantity), *shown, self.manual.group)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line."""

    number: int
    message: str


@dataclass(frozen=True)
class Sheet:
    """What a file says, as far as it can be read."""

    lines: tuple[SheetLine, ...]
    problems: tuple[Problem, ...]


def read(text: str) -> Sheet:
    """The lines of a CSV text with a heading. Raises `accounts.services.FileRefused`."""
    lines: list[SheetLine] = []
    problems: list[Problem] = []
    for number, row in read_rows(text, needed=_NEEDED, known=COLUMNS, most=MOST_LINES):
        try:
            lines.append(_line(number, row))
        except ValueError as error:
            problems.append(Problem(number, str(error)))
    return Sheet(tuple(lines), tuple(problems))


def problems_of(
    situation: Situation, lines: Iterable[SheetLine], *, kept: Mapping[str, ManualPrice], may_discount: bool
) -> list[Problem]:
    """What cannot be sold like that, in the order of the lines; what belongs to no line has the number 0.

    Who may not give discounts leaves those that are `kept`.
    """
    lines = list(lines)
    found = list(_unclear(situation, lines))
    if not may_discount:
        words = _("You may not give discounts or prices of your own.")
        found += [
            Problem(line.number, words) for line in lines if _given(line.manual) != _given(kept.get(line.product))
        ]
    wrong = {problem.number for problem in found}
    clear = [line for line in lines if line.number not in wrong]
    numbers = {line.product: line.number for line in clear}
    wanted = configuration_of(situation, clear)
    numbers |= {field: numbers[wanted.plan] for field in ("plan", "seats") if wanted.plan in numbers}
    included = judge(situation, wanted).included
    words = _("It is in the price of its bundle.")
    found += [Problem(line.number, words) for line in clear if line.product in included and line.manual.changes_price]
    refused = [
        Problem(numbers.get(notice.code, 0), notice.message)
        for refusal in refusals_of(situation, wanted)
        if not (found and isinstance(refusal, NothingChanges))  # What is wrong may well be what changes.
        for notice in refusal.notices
    ]
    return sorted(found + refused, key=lambda problem: problem.number)


def _unclear(situation: Situation, lines: Iterable[SheetLine]) -> Iterator[Problem]:
    """Lines of which nobody could say what they ask for."""
    first: dict[str, int] = {}
    plan = 0
    for line in lines:
        offered = situation.offered.get(line.product)
        product = situation.product(line.product)
        is_plan = product is not None and product.kind == ProductKind.PLAN
        places = product.quantity_places if product is not None and not is_plan else 0
        if line.product in first:
            yield Problem(
                line.number, _("This product is on line %(number)d already.") % {"number": first[line.product]}
            )
        elif is_plan and plan:
            yield Problem(line.number, _("There is another plan on line %(number)d.") % {"number": plan})
        elif product is not None and _places(line.quantity) > places:
            yield Problem(line.number, _decimals_words(places))
        elif offered is not None and offered.is_percentage and line.manual.special_price is not None:
            yield Problem(line.number, _("It is a percentage of other lines, and has no price of its own."))
        first.setdefault(line.product, line.number)
        plan = plan or (line.number if is_plan else 0)


def configuration_of(situation: Situation, lines: Iterable[SheetLine]) -> Configuration:
    """What is wanted, once nothing is wrong with the lines. Without a plan among them, that of today stays."""
    current = situation.current
    plan, seats, others = current.plan, current.seats, {}
    for line in lines:
        product = situation.product(line.product)
        if product is not None and product.kind == ProductKind.PLAN:
            plan, seats = line.product, int(line.quantity)
        else:
            others[line.product] = line.quantity
    return Configuration(plan=plan, seats=seats, addons=others)


def manual_of(lines: Iterable[SheetLine]) -> dict[str, ManualPrice]:
    """What is set by hand, by product code."""
    return {line.product: line.manual for line in lines if line.manual != ManualPrice()}


def lines_of(quote: Quote) -> list[SheetLine]:
    """The lines of a quote as somebody would have typed them, the plan first."""
    wanted = Configuration.from_json(quote.configuration)
    quantities = {wanted.plan: Decimal(wanted.seats)} | {code: Decimal(some) for code, some in wanted.addons.items()}
    return [
        SheetLine(number, code, quantity, ManualPrice.from_json(quote.manual_prices.get(code, {})))
        for number, (code, quantity) in enumerate(quantities.items(), start=2)
    ]


def as_text(lines: Iterable[SheetLine]) -> str:
    """As CSV, to be read again."""
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(line.cells for line in lines)
    return buffer.getvalue()


def _decimals_words(places: int) -> str:
    """How finely a quantity may be parted."""
    if not places:
        return _("Enter a whole number.")
    return ngettext(
        "Enter a number with at most %(count)s decimal.", "Enter a number with at most %(count)s decimals.", places
    ) % {"count": places}


def _given(manual: ManualPrice | None) -> tuple[Decimal | None, Decimal | None]:
    return (None, None) if manual is None else (manual.discount_percent, manual.special_price)


def _places(number: Decimal) -> int:
    """Of its decimals, those that say something."""
    exponent = number.normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def _line(number: int, row: dict[str, str]) -> SheetLine:
    """Raises `ValueError` with what is wrong with it, in words."""
    if not row.get("product"):
        raise ValueError(_("The product is missing."))
    quantity = _figure(row.get("quantity", ""), _("Enter how many, such as 25."), places=4)
    if quantity is None or quantity <= 0:
        raise ValueError(_("Enter how many, such as 25."))
    discount = _figure(row.get("discount", ""), _("A discount is a percentage from 0 to 100."), places=_PERCENT_PLACES)
    if discount is not None and not 0 <= discount <= 100:
        raise ValueError(_("A discount is a percentage from 0 to 100."))
    price = _figure(row.get("price", ""), _("A price is a number such as 12.50."), places=_PRICE_PLACES)
    if price is not None and not 0 <= price < _MOST_PRICE:
        raise ValueError(_("A price is a number such as 12.50."))
    group = row.get("group", "")
    if len(group) > LONGEST_GROUP:
        raise ValueError(_("The name of a group has at most %(most)d characters.") % {"most": LONGEST_GROUP})
    return SheetLine(number, row["product"], quantity, ManualPrice(discount, price, group))


def _figure(cell: str, refusal: str, *, places: int) -> Decimal | None:
    """The number of a cell, with a point or a comma before its decimals; None of an empty one."""
    if not cell:
        return None
    try:
        figure = Decimal(cell.replace(",", ".") if "." not in cell else cell)
    except InvalidOperation:
        raise ValueError(refusal) from None
    if not figure.is_finite() or _places(figure) > places or figure.adjusted() > 15:
        raise ValueError(refusal)
    return figure
