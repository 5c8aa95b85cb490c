"""The chain: each entry's hash covers what it says and the hash before it."""

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, date, datetime

from accounts.audit.sources import Content
from accounts.models.audit import AuditEntry, AuditSeal

GENESIS = "0" * 64  # What the first entry of all follows.


def entry_hash(content: Content, *, sequence: int, recorded_at: datetime, previous_hash: str) -> str:
    """SHA-256, in hexadecimal."""
    told = asdict(content) | {
        "sequence": sequence,
        "occurred_at": _moment(content.occurred_at),
        "recorded_at": _moment(recorded_at),
        "previous_hash": previous_hash,
    }
    return hashlib.sha256(_canonical(told)).hexdigest()


def content_of(entry: AuditEntry) -> Content:
    """What a stored entry says."""
    return Content(**{name: getattr(entry, name) for name in Content.__dataclass_fields__})


def hash_of(entry: AuditEntry) -> str:
    """The hash that a stored entry should have, given what it says."""
    return entry_hash(
        content_of(entry),
        sequence=entry.sequence,
        recorded_at=entry.recorded_at,
        previous_hash=entry.previous_hash,
    )


def seal_message(*, day: date, last_sequence: int, head: str, previous_signature: str) -> bytes:
    """What is signed of a day."""
    return _canonical(
        {
            "day": day.isoformat(),
            "last_sequence": last_sequence,
            "head": head,
            "previous_signature": previous_signature,
        }
    )


def message_of(seal: AuditSeal) -> bytes:
    return seal_message(
        day=seal.day, last_sequence=seal.last_sequence, head=seal.head, previous_signature=seal.previous_signature
    )


def _canonical(told: dict[str, object]) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")
