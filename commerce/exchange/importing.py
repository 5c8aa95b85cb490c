"""Reading a catalogue back: what would be added, changed and refused, row by row; then all of it, or nothing."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import IntegrityError, transaction
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from accounts.audit import AuditAction, note
from commerce.exchange.exporting import FORMAT, told_row
from commerce.exchange.tables import PRODUCTS, TABLES, Row, Table
from commerce.exchange.values import ValueRefused, same, told, typed
from tracking.actor import Actor

MOST_BYTES = 1024 * 1024
MOST_ROWS = 3000
MOST_CHANGES = 1000  # Of rows that are added or changed: each is read by its form, within one request.
Given = Mapping[str, Any]


class DocumentRefused(Exception):
    """The file is no catalogue; the message says why."""


class Outcome(StrEnum):
    """What becomes of a row."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True)
class Change:
    """A value before and after."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Line:
    """What becomes of one row of the document, and why if it is refused."""

    section: str
    key: str
    outcome: Outcome
    changes: tuple[Change, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What becomes of a document."""

    lines: tuple[Line, ...]
    is_done: bool = False

    def of(self, outcome: Outcome) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.outcome is outcome)

    @property
    def is_refused(self) -> bool:
        return bool(self.of(Outcome.REFUSED))

    @property
    def counts(self) -> dict[str, int]:
        return {outcome.value: len(self.of(outcome)) for outcome in Outcome}

    @property
    def changes_something(self) -> bool:
        return any(line.outcome in (Outcome.ADDED, Outcome.CHANGED) for line in self.lines)

    @property
    def digest(self) -> str:
        """Names what was looked at: the same document on another state of the catalogue has another."""
        return hashlib.sha256(repr(self.lines).encode()).hexdigest()


def read_document(content: bytes) -> dict[str, Any]:
    """The document in a file. Figures are read as they are written, never as floats. Raises `DocumentRefused`."""
    if len(content) > MOST_BYTES:
        raise DocumentRefused(_("The file is larger than %(most)s.") % {"most": filesizeformat(MOST_BYTES)})
    try:
        document = json.loads(content.decode("utf-8-sig"), parse_float=str, parse_constant=_refuse_constant)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise DocumentRefused(_("This is no JSON document (%(reason)s).") % {"reason": error}) from error
    if not isinstance(document, dict) or document.get("catalogue") != FORMAT:
        raise DocumentRefused(_("This is no catalogue: “catalogue” is not %(format)d in it.") % {"format": FORMAT})
    check_sections(document)
    return document


def check_sections(document: Given) -> None:
    """Raises `DocumentRefused` for sections that there are not, for what is no row, and for too many rows."""
    known = {table.name: table for table in TABLES}
    if strangers := document.keys() - known.keys() - {"catalogue"}:
        raise DocumentRefused(_("A catalogue has no section “%(name)s”.") % {"name": min(strangers)[:40]})
    if sum(_rows_in(known[name], rows) for name, rows in document.items() if name in known) > MOST_ROWS:
        raise DocumentRefused(_("These are more than %(most)d rows. Import them in parts.") % {"most": MOST_ROWS})


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _rows_in(table: Table, rows: object) -> int:
    """How many there are, with those in their lists. Raises `DocumentRefused` for what is no list of rows."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DocumentRefused(_("“%(name)s” is not a list of rows.") % {"name": table.name})
    return len(rows) + sum(_rows_in(inner, row.get(inner.name, [])) for row in rows for inner in table.lists)


def import_catalogue(
    *, document: Given, may: Callable[[str], bool], actor: Actor, now: datetime, expected: str = ""
) -> Report:
    """Import a document that was looked at: its report had the digest `expected`. Without one, only look.

    All or nothing: a refused row, or a catalogue that has changed since the look, undoes everything. So does a look,
    which is why it says exactly what an import would do.
    """
    with transaction.atomic():
        report = Report(tuple(_Import(may).lines(document)))
        if report.is_refused or report.digest != expected:
            transaction.set_rollback(True)
            return report
        note(
            action=AuditAction.CATALOGUE_IMPORTED,
            actor=actor,
            now=now,
            object_type="commerce.product",
            details={name: report.counts[name] for name in ("added", "changed")},
        )
    return Report(report.lines, is_done=True)


@dataclass
class _Import:
    """One reading of a document, row after row, in an open transaction."""

    may: Callable[[str], bool]
    _codes: dict[type[Row], dict[str, Row]] = field(default_factory=dict)
    _left: int = field(default_factory=lambda: MOST_CHANGES)

    def lines(self, document: Given) -> Iterator[Line]:
        for table in TABLES:
            given = document.get(table.name, [])
            yield from self._rows(table, _successors_first(given) if table is PRODUCTS else given)

    def _rows(self, table: Table, given: list[Given], parent: Row | None = None, within: str = "") -> Iterator[Line]:
        rows = table.rows() if parent is None else table.rows().filter(**{table.parent: parent})
        existing = {_key(table, told_row(table, row)): row for row in rows}
        seen: set[tuple[str, ...]] = set()
        for one in given:
            key = _key(table, one)
            shown = within + " · ".join(filter(None, key))
            if key in seen:
                yield Line(table.name, shown, Outcome.REFUSED, reasons=(_("It stands in the document twice."),))
                continue
            seen.add(key)
            row, line = self._row(table, one, existing.get(key), parent, shown)
            yield line
            if row is None:
                continue
            for inner in table.lists:
                yield from self._rows(inner, one.get(inner.name, []), row, f"{shown} · ")
            if reason := table.wrong(row):
                yield Line(table.name, shown, Outcome.REFUSED, reasons=(reason,))

    def _row(
        self, table: Table, given: Given, row: Row | None, parent: Row | None, shown: str
    ) -> tuple[Row | None, Line]:
        """The row as it is afterwards, and what became of it. None: it is refused, and so not there."""
        before = told_row(table, row) if row else {}
        after = {name: given[name] for name in table.names if name in given}
        changes = tuple(
            Change(name, before.get(name), value)
            for name, value in after.items()
            if not row or not same(table.column(name), before[name], value)
        )
        if row is not None and not changes and not _strangers(table, given):
            return row, Line(table.name, shown, Outcome.UNCHANGED)
        reasons = self._refusals(table, given, row, changes)
        if not reasons:
            saved, reasons = self._saved(table, _defaults(table) | before | after, row, parent)
        if reasons:
            return row, Line(table.name, shown, Outcome.REFUSED, changes, tuple(reasons))
        return saved, Line(table.name, shown, Outcome.CHANGED if row else Outcome.ADDED, changes)

    def _refusals(self, table: Table, given: Given, row: Row | None, changes: tuple[Change, ...]) -> list[str]:
        """What can be said before the row is read by its form."""
        reasons = [_("It has no “%(name)s”.") % {"name": name[:40]} for name in _strangers(table, given)]
        if not self._left:
            reasons.append(_("More than %(most)d rows would change. Import them in parts.") % {"most": MOST_CHANGES})
        self._left = max(self._left - 1, 0)
        if not self.may(table.permission("change" if row else "add")):
            reasons.append(_("You may not change these."))
        settled = table.settled(row) if row else frozenset()
        reasons += [
            _("“%(name)s” can't be changed any more.") % {"name": change.name}
            for change in changes
            if change.name in settled
        ]
        return reasons

    def _saved(self, table: Table, values: Given, row: Row | None, parent: Row | None) -> tuple[Row | None, list[str]]:
        """Read the values as the admin would, and save them; else why not."""
        sent, reasons = {}, []
        for name, value in values.items():
            try:
                sent[name] = typed(table.column(name), value, self._find)
            except ValueRefused as refused:
                reasons.append(f"{name}: {refused}")
        if reasons:
            return None, reasons
        instance = row or table.model(**_beside_the_form(table, sent, parent))
        form = table.form(sent, instance=instance)
        if not form.is_valid():
            return None, [
                str(error) if name == "__all__" else f"{name}: {error}"
                for name, errors in form.errors.items()
                for error in errors
            ]
        try:
            with transaction.atomic():
                saved: Row = form.save()
        except IntegrityError:  # The forms don't know what is there under a key that is written otherwise.
            return None, [_("It is there already, and not a part of the catalogue or written in another way.")]
        if type(saved) in self._codes:
            self._codes[type(saved)][str(told(saved))] = saved
        return saved, []

    def _find(self, model: type[Row], code: str) -> Row | None:
        """The row of a code, also of one that the document has added above."""
        if model not in self._codes:
            self._codes[model] = {str(told(row)): row for row in model._default_manager.all()}
        return self._codes[model].get(code)


def _key(table: Table, given: Given) -> tuple[str, ...]:
    """Which row it is. Lists are one text, what is missing is none."""
    values = (given.get(name) for name in table.key)
    return tuple(
        ",".join(map(str, one)) if isinstance(one, list) else "" if one is None else str(one) for one in values
    )


def _strangers(table: Table, given: Given) -> list[str]:
    return sorted(given.keys() - set(table.names) - {inner.name for inner in table.lists})


def _defaults(table: Table) -> dict[str, Any]:
    """What a new row says where the document says nothing."""
    return {name: told(table.column(name).get_default()) for name in table.names if name not in table.key}


def _beside_the_form(table: Table, sent: Given, parent: Row | None) -> dict[str, Any]:
    """What a new row has that its form doesn't ask for: where it stands, and an id that is its key."""
    values: dict[str, Any] = {table.parent: parent} if parent is not None else {}
    return values | ({"public_id": sent["public_id"]} if "public_id" in sent else {})


def _successors_first(products: list[Given]) -> list[Given]:
    """A product names its successor, which must be there by then. A circle stays as it is, and is refused."""
    by_code = {one.get("code"): one for one in products if isinstance(one.get("code"), str)}
    ordered: dict[int, Given] = {}

    def place(one: Given, above: frozenset[int]) -> None:
        successor = by_code.get(one.get("successor"))
        if successor is not None and id(successor) not in above:
            place(successor, above | {id(one)})
        ordered.setdefault(id(one), one)

    for one in products:
        place(one, frozenset())
    return list(ordered.values())
