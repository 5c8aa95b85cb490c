"""Prices alone, as a list for spreadsheets: one row for each price, with its book by name.

Read back, it becomes a document of price books, which is looked at and imported as any other. What the list doesn't
tell, as the tiers of a price, stays as it is; so it can end prices of every method, and add those of a price per unit.
"""

import csv
import io
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from commerce.exchange.exporting import told_row
from commerce.exchange.importing import DocumentRefused, check_sections, check_size
from commerce.exchange.tables import BOOKS, PRICES, Row
from commerce.exchange.values import told
from commerce.models import Price, PriceBook

COLUMNS = ("book", "product", "method", "currency", "unit_price", "price_months", "valid_from", "valid_until")
_OF_PRICE = tuple(name for name in COLUMNS if name in PRICES.names)


def price_rows() -> Iterator[tuple[object, ...]]:
    """The prices of the catalogue, in the order of `COLUMNS`."""
    rows = Price.objects.filter(book__account=None).select_related("book", "product")
    for price in rows.order_by("book__name", "book", "product", "valid_from"):
        values = {name: told(getattr(price, name)) for name in _OF_PRICE}
        values |= {"book": price.book.name, "currency": price.book.currency}
        yield tuple(values[name] for name in COLUMNS)


def read_prices(content: bytes) -> dict[str, Any]:
    """The document of a list of prices. Raises `DocumentRefused`."""
    check_size(content)
    try:
        lines = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DocumentRefused(_("This is no list of prices (%(reason)s).") % {"reason": error}) from error
    if not lines or not {"book", "product", "currency", "valid_from"} <= lines[0].keys():
        raise DocumentRefused(_("A list of prices begins with the columns %(names)s.") % {"names": ", ".join(COLUMNS)})
    books = _books()
    sections: dict[tuple[str, str], dict[str, Any]] = {}
    for number, line in enumerate(lines, start=2):
        named = (_plain(line["book"]), _plain(line["currency"]).upper())
        if named not in sections:
            sections[named] = _section(books, named, number)
        sections[named]["prices"].append({name: _value(line[name]) for name in _OF_PRICE if name in line})
    document = {"price_books": list(sections.values())}
    check_sections(document)
    return document


def _books() -> dict[tuple[str, str], list[Row]]:
    books: dict[tuple[str, str], list[Row]] = {}
    for book in PriceBook.objects.filter(account=None).select_related("tier"):
        books.setdefault((book.name, book.currency), []).append(book)
    return books


def _section(books: dict[tuple[str, str], list[Row]], named: tuple[str, str], number: int) -> dict[str, Any]:
    """The book of a line by its key. Raises `DocumentRefused` where its name and currency are not one book's."""
    found = books.get(named, [])
    if len(found) != 1:
        words = _("Line %(line)d: there are several books “%(book)s” in %(currency)s.") if found else _(
            "Line %(line)d: there is no book “%(book)s” in %(currency)s."
        )  # fmt: skip
        raise DocumentRefused(words % {"line": number, "book": named[0], "currency": named[1]})
    key = {name: value for name, value in told_row(BOOKS, found[0]).items() if name in BOOKS.key}
    return key | {"prices": []}


def _plain(text: str | None) -> str:
    """Without the apostrophe that kept a spreadsheet from calculating it."""
    return (text or "").strip().removeprefix("'")


def _value(text: str | None) -> str | None:
    return _plain(text) or None
