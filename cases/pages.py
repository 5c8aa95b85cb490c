"""Lists of cases read page by page: by key, so that the last page costs what the first does."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from cases.models import Case, CaseQuerySet

_OLDER, _NEWER = "older", "newer"


class BadCursor(ValueError):
    """Not an address of a page that we gave."""


@dataclass(frozen=True)
class CasePage:
    """Cases, the most recently changed first, and from where the pages beside them are read (empty: there is none)."""

    cases: list[Case]
    newer: str
    older: str


def case_page(cases: CaseQuerySet, *, cursor: str = "", size: int) -> CasePage:
    """The page at `cursor`, as an earlier page gave it; the first one without.

    Raises `BadCursor`.
    """
    direction, edge = _parse(cursor) if cursor else (_OLDER, None)
    rows = cases.recent_first()
    if edge and direction == _OLDER:
        rows = rows.filter(Q(updated_at__lt=edge[0]) | Q(updated_at=edge[0], serial__lt=edge[1]))
    elif edge:
        rows = rows.filter(Q(updated_at__gt=edge[0]) | Q(updated_at=edge[0], serial__gt=edge[1])).reverse()
    found = list(rows[: size + 1])
    has_more, found = len(found) > size, found[:size]
    if direction == _NEWER:
        found.reverse()
        return CasePage(
            found, _cursor(_NEWER, found[0]) if has_more else "", _cursor(_OLDER, found[-1]) if found else ""
        )
    newer = _cursor(_NEWER, found[0]) if edge and found else ""
    return CasePage(found, newer, _cursor(_OLDER, found[-1]) if has_more else "")


def _cursor(direction: str, case: Case) -> str:
    return f"{direction}~{case.updated_at.isoformat()}~{case.serial}"


def _parse(cursor: str) -> tuple[str, tuple[datetime, int]]:
    direction, _, edge = cursor.partition("~")
    moment, _, serial = edge.partition("~")
    try:
        updated_at, number = datetime.fromisoformat(moment), int(serial)
    except ValueError as error:
        raise BadCursor from error
    if direction not in (_OLDER, _NEWER) or updated_at.tzinfo is None or not 0 < number < 2**63:
        raise BadCursor
    return direction, (updated_at, number)
