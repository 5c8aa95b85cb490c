"""Whether the log is what was written: the chain, the signatures, and the rows it was read from.

What each finds. A changed entry no longer fits its hash; with the hash made again, the next entry or the day's seal no
longer fits; with those made again too, the row it was read from tells otherwise. A removed entry leaves a gap, or a
row without an entry. An inserted entry was read from no row.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from accounts.audit.chain import GENESIS, content_of, hash_of
from accounts.audit.collecting import unread
from accounts.audit.sealing import is_signed
from accounts.audit.sources import MASK, Content, contents_of, fields_of, sources
from accounts.models.audit import AuditEntry, AuditNote, AuditSeal

BATCH = 1000
# A row older than this has been read, or reading stands still; longer than any request or job takes.
READ_WITHIN = timedelta(hours=1)


@dataclass
class Report:
    """What was looked at, and what is wrong; the first of each kind comes first."""

    entries: int = 0
    seals: int = 0
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    inserted: list[str] = field(default_factory=list)
    unsigned: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not (self.changed or self.removed or self.inserted or self.unsigned)

    def lines(self) -> Iterator[str]:
        yield from self.changed[:1] + self.removed[:1] + self.inserted[:1] + self.unsigned[:1]
        rest = sum(max(len(kind) - 1, 0) for kind in (self.changed, self.removed, self.inserted, self.unsigned))
        if rest:
            yield f"and {rest} more"


def verify(
    *, key: Ed25519PublicKey, now: datetime, from_date: date | None = None, to_date: date | None = None
) -> Report:
    """Look through the log of the days from `from_date` up to and with `to_date` (in UTC); of all days by default."""
    report = Report()
    entries = AuditEntry.objects.order_by("sequence")
    if from_date:
        entries = entries.filter(recorded_at__gte=_start(from_date))
    if to_date:
        entries = entries.filter(recorded_at__lt=_start(to_date + timedelta(days=1)))
    _check_chain(entries.iterator(chunk_size=BATCH), report, expected=_before(entries.first()))
    _check_seals(key, report, now=now, from_date=from_date, to_date=to_date)
    if from_date is None and to_date is None:
        _check_nothing_is_missing(report, now=now)
    return report


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _before(first: AuditEntry | None) -> tuple[int, str] | None:
    """Sequence and hash that the first entry follows: of the entry before it, or of the day that ended there.

    Entries whose years are over are deleted by whole days, so the chain that is left begins where a seal ends.
    """
    if first is None or first.sequence == 1:
        return 0, GENESIS
    if before := AuditEntry.objects.filter(sequence=first.sequence - 1).first():
        return before.sequence, before.hash
    if seal := AuditSeal.objects.filter(last_sequence=first.sequence - 1).first():
        return seal.last_sequence, seal.head
    return None


def _check_chain(entries: Iterator[AuditEntry], report: Report, *, expected: tuple[int, str] | None) -> None:
    batch: list[AuditEntry] = []
    for entry in entries:
        report.entries += 1
        if expected is None:
            report.removed.append(f"removed: what came before entry {entry.sequence}, where no sealed day ends")
        elif entry.sequence != expected[0] + 1:
            report.removed.append(f"removed: entry {expected[0] + 1}, before {entry.sequence} ({entry.action})")
        elif entry.previous_hash != expected[1]:
            report.changed.append(f"changed: entry {expected[0]} is not the one that {entry.sequence} follows")
        if hash_of(entry) != entry.hash:
            report.changed.append(f"changed: entry {entry.sequence} ({entry.action}) does not fit its hash")
        expected = entry.sequence, entry.hash
        batch.append(entry)
        if len(batch) == BATCH:
            _compare(batch, report)
            batch = []
    _compare(batch, report)


def _compare(batch: list[AuditEntry], report: Report) -> None:
    """Hold entries against the rows that they were read from."""
    for source in sorted({entry.source for entry in batch}):
        keys = [entry.source_id for entry in batch if entry.source == source]
        model = sources().get(source)
        rows = model._default_manager.filter(pk__in=keys) if model else ()
        told = contents_of(source, rows) if model else {}
        for entry in (one for one in batch if one.source == source):
            content = told.get(entry.source_id)
            here, there = f"entry {entry.sequence} ({entry.action})", f"{source} {entry.source_id}"
            if content is None:
                report.inserted.append(f"inserted: {here} was read from no row: {there}")
            elif differs := _difference(content_of(entry), content):
                report.changed.append(f"changed: {here} and {there} differ: {differs}")


FACTS = ("account_id", "occurred_at", "actor_kind", "actor_id", "on_behalf_of", "object_id", "action")


def _difference(entry: Content, row: Content) -> str:
    """What an entry says otherwise than its row.

    Labels, and fields that a later release added, left out or masks, are no difference.
    """
    for name in FACTS:
        if getattr(entry, name) != getattr(row, name):
            return name
    if row.source == AuditNote._meta.db_table:
        return "" if entry.changes == row.changes else "details"
    known = set(fields_of(sources()[row.source]))
    for name in sorted(entry.changes.keys() & known | row.changes.keys()):
        if name not in entry.changes:
            if row.action.endswith(".changed"):
                return name
        elif _values(entry.changes[name]) != _values(row.changes.get(name)):
            return name
    return ""


def _values(pair: list[object] | None) -> list[object] | None:
    return None if pair is None or MASK in pair else pair


def _check_seals(
    key: Ed25519PublicKey, report: Report, *, now: datetime, from_date: date | None, to_date: date | None
) -> None:
    """Every finished day has its seal, signed with the key, and its last entry stands as it was."""
    seals = AuditSeal.objects.order_by("day")
    if to_date:
        seals = seals.filter(day__lte=to_date)
    before = seals.filter(day__lt=from_date).last() if from_date else None
    for seal in seals.filter(day__gte=from_date) if from_date else seals:
        report.seals += 1
        if before and seal.day != before.day + timedelta(days=1):
            report.unsigned.append(f"the seal of {before.day + timedelta(days=1)} is missing")
        if not is_signed(seal, key):
            report.unsigned.append(f"the seal of {seal.day} is not signed with this key")
        if before and seal.previous_signature != before.signature:
            report.unsigned.append(f"the seal of {seal.day} does not follow that of {before.day}")
        _check_head(seal, report)
        before = seal
    _check_all_are_sealed(before, report, now=now, to_date=to_date)


def _check_head(seal: AuditSeal, report: Report) -> None:
    if not seal.last_sequence:
        return
    head = AuditEntry.objects.filter(sequence=seal.last_sequence).first()
    if head is not None and head.hash != seal.head:
        report.changed.append(f"changed: the day {seal.day} up to entry {head.sequence} is not the one that was sealed")
    elif head is None and not _is_over(seal):
        report.removed.append(f"removed: entry {seal.last_sequence}, the last of {seal.day}")


def _is_over(seal: AuditSeal) -> bool:
    """Whether the day's entries were deleted after their years: later ones are there, and none before."""
    return AuditEntry.objects.filter(sequence__gt=seal.last_sequence).exists() and not (
        AuditEntry.objects.filter(sequence__lt=seal.last_sequence).exists()
    )


def _check_all_are_sealed(last: AuditSeal | None, report: Report, *, now: datetime, to_date: date | None) -> None:
    """A day is sealed within a day of its end."""
    due = now.astimezone(UTC).date() - timedelta(days=2)
    due = min(due, to_date) if to_date else due
    first = AuditEntry.objects.order_by("sequence").first()
    if first is None or first.recorded_at.astimezone(UTC).date() > due:
        return
    if last is None or last.day < due:
        report.unsigned.append(f"no day after {last.day} is sealed" if last else "no day is sealed")


def _check_nothing_is_missing(report: Report, *, now: datetime) -> None:
    """Every row that should have been read by now has its entry, back to where the log begins."""
    first = AuditEntry.objects.order_by("sequence").first()
    begins_at = first.recorded_at if first and first.sequence > 1 else None
    for name, model in sources().items():
        moment = "occurred_at" if model is AuditNote else "pgh_created_at"
        rows = unread(model, above=0).filter(**{f"{moment}__lt": now - READ_WITHIN})
        if begins_at:
            rows = rows.filter(**{f"{moment}__gte": begins_at})
        for row in rows.order_by("pk")[:10]:
            report.removed.append(f"removed: the entry of {name} {row.pk}")
