"""Prices alone, as a list for spreadsheets: one row for each price, with its book by name.

Read back, it becomes a document of price books, which is looked at and imported as any other. What the list doesn't
tell, as the tiers of a price, stays as it is; so it can end prices of every method, and add those of a price per unit.
"""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.services import FileRefused
from accounts.spreadsheets import read_rows, text_of
from commerce.exchange.exporting import told_row
from commerce.exchange.importing import MOST_BYTES, MOST_ROWS, DocumentRefused, check_sections
from commerce.exchange.tables import BOOKS, PRICES, Row
from commerce.exchange.values import told
from commerce.models import Price, PriceBook

COLUMNS = ("book", "product", "method", "currency", "unit_price", "price_months", "valid_from", "valid_until")
_NEEDED = ("book", "product", "currency", "valid_from")
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
    try:
        rows = read_rows(text_of(content, most_bytes=MOST_BYTES), needed=_NEEDED, most=MOST_ROWS)
    except FileRefused as error:
        raise DocumentRefused(str(error)) from error
    books = _books()
    sections: dict[tuple[str, str], dict[str, Any]] = {}
    for number, row in rows:
        named = (row.get("book", ""), row.get("currency", "").upper())
        if named not in sections:
            sections[named] = _section(books, named, number)
        sections[named]["prices"].append({name: row[name] or None for name in _OF_PRICE if name in row})
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
