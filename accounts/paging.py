"""Lists read by key: the rows beyond the edge of a page, at the same cost on the last page as on the first.

The address of a page carries the values of the row at its edge (`cursor=older~2026-11-18T10:30:00+00:00~10482`), not
the row's name: it leads to the same place when that row has moved or is out of sight, and says nothing about it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar, cast

from django.core.exceptions import BadRequest, ValidationError
from django.db.models import Field, Model, Q, QuerySet
from django.utils import timezone

PAGE_SIZE = 25

# The two directions, as addresses name them: most lists are in the order of time, the latest first.
_NEXT, _PREVIOUS = "older", "newer"

M = TypeVar("M", bound=Model)
R = TypeVar("R")


class BadCursor(BadRequest):
    """Not an address of a page that we gave."""


@dataclass(frozen=True)
class Page(Generic[R]):
    """Rows of a list, and the cursors of the pages beside them (empty: there is none)."""

    rows: list[R]
    previous: str
    next: str


def page_of(rows: QuerySet[M], *, cursor: str = "", size: int = PAGE_SIZE) -> Page[M]:
    """The page at `cursor`, as an earlier page gave it; the first one without.

    `rows` are ordered by a field and, for rows alike in it, by a unique one: both up, or both down. The field may be
    one of a row that each row points to (`user__name`); `rows` then select that as well.

    Raises `BadCursor`.
    """
    order = _order(rows)
    if not cursor:
        return _page(list(rows[: size + 1]), order, size=size, has_previous=False)
    direction, edge = _parse(cursor, rows, order)
    beyond = rows.filter(_beyond(order, edge, backwards=direction == _PREVIOUS))
    if direction == _NEXT:
        return _page(list(beyond[: size + 1]), order, size=size, has_previous=True)
    found = list(beyond.reverse()[: size + 1])
    if not found:  # Nothing has come before it since.
        return page_of(rows, size=size)
    shown = found[:size][::-1]
    has_previous = len(found) > size
    return Page(
        shown,
        previous=_cursor(_PREVIOUS, shown[0], order) if has_previous else "",
        next=_cursor(_NEXT, shown[-1], order),
    )


def _page(found: list[M], order: tuple[str, str], *, size: int, has_previous: bool) -> Page[M]:
    shown = found[:size]
    return Page(
        shown,
        previous=_cursor(_PREVIOUS, shown[0], order) if shown and has_previous else "",
        next=_cursor(_NEXT, shown[-1], order) if len(found) > size else "",
    )


def _order(rows: QuerySet[Any]) -> tuple[str, str]:
    order = tuple(str(name) for name in rows.query.order_by)
    if len(order) != 2 or order[0].startswith("-") != order[1].startswith("-"):
        raise ValueError(f"a list read by key is ordered by two fields in one direction, not by {order}")
    return order[0], order[1]


def _names(order: tuple[str, str]) -> tuple[str, str]:
    return order[0].removeprefix("-"), order[1].removeprefix("-")


def _beyond(order: tuple[str, str], edge: tuple[Any, Any], *, backwards: bool) -> Q:
    field, unique = _names(order)
    compare = "gt" if order[0].startswith("-") == backwards else "lt"
    # The first condition alone lets the database begin at the right place of an index.
    return Q(**{f"{field}__{compare}e": edge[0]}) & (
        Q(**{f"{field}__{compare}": edge[0]}) | Q(**{f"{unique}__{compare}": edge[1]})
    )


def _cursor(direction: str, row: Model, order: tuple[str, str]) -> str:
    return "~".join((direction, *(_text(row, name) for name in _names(order))))


def _text(row: Model, name: str) -> str:
    """The row's value of a field, or that of a row it points to (`user__name`), as addresses carry it."""
    *steps, last = name.split("__")
    for step in steps:
        row = getattr(row, step)
    return _field(type(row), last).value_to_string(row)


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    *steps, last = name.split("__")
    for step in steps:
        model = cast("type[Model]", model._meta.get_field(step).related_model)
    return cast("Field[Any, Any]", model._meta.get_field(last))


def _parse(cursor: str, rows: QuerySet[Any], order: tuple[str, str]) -> tuple[str, tuple[Any, Any]]:
    direction, _, edge = cursor.partition("~")
    value, separator, unique = edge.rpartition("~")  # The first may be any text; the unique one has no "~".
    if direction not in (_NEXT, _PREVIOUS) or not separator or "\x00" in cursor:
        raise BadCursor("Not a cursor of this list.")
    field, unique_field = (_field(rows.model, name) for name in _names(order))
    return direction, (_value(field, value), _value(unique_field, unique))


def _value(field: Field[Any, Any], text: str) -> object:
    try:
        value = field.to_python(text)
        field.run_validators(value)
        if isinstance(value, datetime) and timezone.is_aware(value):
            value = value.astimezone(UTC)  # Some that Python knows, PostgreSQL does not: the first hours of year 1.
    except (ValidationError, ValueError, OverflowError) as error:
        raise BadCursor("Not a cursor of this list.") from error
    if value is None or (isinstance(value, datetime) and timezone.is_naive(value)):
        raise BadCursor("Not a cursor of this list.")
    return value
