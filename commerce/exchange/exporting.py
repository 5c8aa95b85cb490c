"""The catalogue as a document."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from commerce.exchange.tables import TABLES, Row, Table
from commerce.exchange.values import told

FORMAT = 1  # Of the document; stands in it as "catalogue".


def export_catalogue(may: Callable[[str], bool]) -> dict[str, Any]:
    """What somebody may see of the catalogue, as JSON values. One query for each section and list."""
    return {"catalogue": FORMAT} | {
        table.name: _section(table, may) for table in TABLES if may(table.permission("view"))
    }


def _section(table: Table, may: Callable[[str], bool]) -> list[dict[str, Any]]:
    rows = list(table.rows())
    lists = {inner: _by_parent(inner) for inner in table.lists if may(inner.permission("view"))}
    return [
        told_row(table, row)
        | {inner.name: [told_row(inner, one) for one in found[row.pk]] for inner, found in lists.items()}
        for row in rows
    ]


def _by_parent(table: Table) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in table.rows():
        found[getattr(row, f"{table.parent}_id")].append(row)
    return found


def told_row(table: Table, row: Row) -> dict[str, Any]:
    """A row without the lists that stand in it."""
    return {name: told(getattr(row, name)) for name in table.names}
