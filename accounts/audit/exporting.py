"""The log as a file: CSV for people, JSON lines for programs. Streamed, so that a long log needs no memory."""

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import tzinfo
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from accounts.audit.wording import Line, lines
from accounts.models import AuditEntry

BATCH = 500
COLUMNS = (
    "sequence", "occurred_at", "action", "who", "what", "actor_kind", "actor_id", "on_behalf_of", "subject_id",
    "object_type", "object_id", "object_label", "changes", "ip", "hash",
)  # fmt: skip
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


def export(entries: QuerySet[AuditEntry], *, form: str, zone: tzinfo) -> Iterator[bytes]:
    """The entries, oldest first, in `form` ("csv" or "jsonl"); times in the zone."""
    rows = (_row(line, zone) for line in _lines(entries.order_by("sequence").iterator(chunk_size=BATCH)))
    return _csv(rows) if form == "csv" else _jsonl(rows)


def _lines(entries: Iterable[AuditEntry]) -> Iterator[Line]:
    rows = iter(entries)
    while batch := list(islice(rows, BATCH)):
        yield from lines(batch)


def _row(line: Line, zone: tzinfo) -> dict[str, Any]:
    entry = line.entry
    told = {name: getattr(entry, name) for name in COLUMNS if hasattr(entry, name)}
    return told | {
        "occurred_at": entry.occurred_at.astimezone(zone).isoformat(),
        "who": line.actor,
        "what": line.sentence,
        "ip": line.ip,
    }


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _csv(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS).encode("utf-8-sig")
    for row in rows:
        yield writer.writerow([_cell(row.get(name)) for name in COLUMNS]).encode()


def _cell(value: object) -> object:
    """A text that a spreadsheet takes for a formula begins with an apostrophe instead."""
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
        return f"'{value}"
    return value


def _jsonl(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    for row in rows:
        yield json.dumps({name: row.get(name) for name in COLUMNS}, ensure_ascii=False).encode() + b"\n"
