"""Many invoices as one ZIP file, sent while it is made."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime

from commerce.billing import invoicing
from commerce.models import Invoice
from tracking.actor import Actor


class _Pipe(io.RawIOBase):
    """What was written since it was last taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(memoryview(data))  # type: ignore[arg-type]  # Whatever has a buffer, as files take it.
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def zipped(invoices: Iterable[Invoice], *, actor: Actor, now: datetime) -> Iterator[bytes]:
    """The ZIP piece by piece, with one PDF after the other: no more than one is in memory."""
    pipe = _Pipe()
    # PDFs are compressed already.
    with zipfile.ZipFile(pipe, "w", compression=zipfile.ZIP_STORED) as archive:
        for invoice in invoices:
            stored = invoicing.document(invoice=invoice, actor=actor, now=now)
            named = zipfile.ZipInfo(stored.name, date_time=(*invoice.issue_date.timetuple()[:3], 0, 0, 0))
            with stored.content.open("rb") as content:
                archive.writestr(named, content.read())
            yield pipe.take()
    yield pipe.take()
