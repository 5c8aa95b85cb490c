"""Lists as CSV files, sent while they are read, that no spreadsheet program takes for formulas."""

import csv
import io
from collections.abc import Iterable, Iterator
from decimal import Decimal

from django.http import StreamingHttpResponse

# What a cell may begin with to be calculated (OWASP, "CSV injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: object) -> str:
    """A value as text. One that a spreadsheet would calculate is led by an apostrophe, which shows it as text.

    A number stays one, also below zero, so that it can be added up.
    """
    text = "" if value is None else str(value)
    if isinstance(value, int | Decimal):
        return text
    return f"'{text}" if text.startswith(_FORMULA) else text


def lines(header: Iterable[object], rows: Iterable[Iterable[object]]) -> Iterator[bytes]:
    """The file line by line."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    # Spreadsheet programs read UTF-8 where the file says so.
    buffer.write("\ufeff")
    writer.writerow([cell(value) for value in header])
    yield buffer.getvalue().encode()
    for row in rows:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow([cell(value) for value in row])
        yield buffer.getvalue().encode()


def csv_response(filename: str, header: Iterable[object], rows: Iterable[Iterable[object]]) -> StreamingHttpResponse:
    """An answer that sends the rows as they are read; the middleware reads them in the request's scope."""
    return StreamingHttpResponse(
        lines(header, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )
