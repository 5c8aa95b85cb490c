"""Lists read by key: the page after or before a row that the address names, at the same cost on every page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import QueryDict

PAGE_SIZE = 25

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Page(Generic[M]):
    """Rows of a list, newest first, and the query strings of its neighbours (empty: there is none)."""

    rows: list[M]
    older: str
    newer: str


def page_of(
    rows: QuerySet[M],
    *,
    field: str,
    name: Callable[[M], str],
    find: Callable[[QuerySet[M], str], QuerySet[M]],
    query: QueryDict,
    size: int = PAGE_SIZE,
) -> Page[M]:
    """The page that `?older_than=<name>` or `?newer_than=<name>` asks for; the newest where that row is not found.

    Rows are in the order of `field`, then of their keys. `name` is what the address calls a row, `find` its reverse.
    """
    asked, anchor = "", None
    for asked in ("older_than", "newer_than"):
        if asked in query and "\x00" not in query[asked]:  # PostgreSQL takes no NUL in a text.
            anchor = find(rows, str(query[asked])).first()
            break
    if anchor is None:
        found = list(rows.order_by(f"-{field}", "-pk")[: size + 1])
        return _page(found[:size], has_newer=False, has_older=len(found) > size, name=name)
    value = getattr(anchor, field)
    if asked == "older_than":
        beyond = rows.filter(**{f"{field}__lte": value}).filter(Q(**{f"{field}__lt": value}) | Q(pk__lt=anchor.pk))
        found = list(beyond.order_by(f"-{field}", "-pk")[: size + 1])
        return _page(found[:size], has_newer=True, has_older=len(found) > size, name=name)
    beyond = rows.filter(**{f"{field}__gte": value}).filter(Q(**{f"{field}__gt": value}) | Q(pk__gt=anchor.pk))
    found = list(beyond.order_by(field, "pk")[: size + 1])
    return _page(found[:size][::-1], has_newer=len(found) > size, has_older=True, name=name)


def _page(rows: list[M], *, has_newer: bool, has_older: bool, name: Callable[[M], str]) -> Page[M]:
    return Page(
        rows,
        older=f"?older_than={name(rows[-1])}" if has_older and rows else "",
        newer=f"?newer_than={name(rows[0])}" if has_newer and rows else "",
    )
