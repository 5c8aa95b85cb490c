"""Lists as CSV files: sent while they are read, so that no spreadsheet program takes a cell for a formula, and read."""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal

from django.http import StreamingHttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from accounts.services import FileRefused

# What a cell may begin with to be calculated (OWASP, "CSV injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: object) -> str:
    """A value as text. One that a spreadsheet would calculate is led by an apostrophe, which shows it as text.

    A number stays one, also below zero, so that it can be added up.
    """
    text = "" if value is None else str(value)
    if isinstance(value, int | Decimal):
        return text
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA) else text


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


def text_of(content: bytes, *, most_bytes: int) -> str:
    """A file as text. Raises `FileRefused` for one that is too large, or that is no text in UTF-8."""
    if len(content) > most_bytes:
        raise FileRefused(_("The file is larger than %(most)s.") % {"most": filesizeformat(most_bytes)})
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileRefused(_("The file is not in UTF-8. Save it as “CSV UTF-8” and try again.")) from error
    if "\x00" in text:
        raise FileRefused(_("The file is not text. Save it as “CSV UTF-8” and try again."))
    return text


def read_rows(
    text: str,
    *,
    needed: Collection[str],
    most: int,
    known: Collection[str] = (),
    names: Mapping[str, str] | None = None,
) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV text with a heading, by column, each with the number of the line that it begins on.

    Commas, semicolons or tabs part its cells; rows without any text are left out. Columns are known by the words in
    `names`, or by their own names; other columns are refused where it is said which are `known`. Raises `FileRefused`.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    heading = text.partition("\n")[0]
    parsed = _parsed(text, delimiter=max(",;\t", key=heading.count))
    columns = _columns(next(parsed, (1, []))[1], needed=needed, known=known, names=names or {})
    rows: list[tuple[int, dict[str, str]]] = []
    for number, cells in parsed:
        if not any(cells):
            continue
        if len(rows) == most:
            raise FileRefused(_("There are more than %(most)d lines. Please split them.") % {"most": most})
        rows.append((number, dict(zip(columns, map(_uncovered, cells), strict=False))))
    if not rows:
        raise FileRefused(_("There is a heading and no lines."))
    return rows


def _parsed(text: str, *, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise FileRefused(_("Line %(number)d cannot be read as CSV.") % {"number": number}) from error
        yield number, [cell.strip() for cell in cells]


def _columns(
    heading: list[str], *, needed: Collection[str], known: Collection[str], names: Mapping[str, str]
) -> list[str]:
    if not any(heading):
        raise FileRefused(_("There are no lines."))
    words = [word.lower() for word in heading]
    columns = [names.get(word, word) for word in words]
    if missing := [name for name in needed if name not in columns]:
        raise FileRefused(
            _("The first line names the columns, and lacks: %(missing)s.") % {"missing": ", ".join(missing)}
        )
    if known and (strange := [word for word in columns if word and word not in known]):
        raise FileRefused(
            _("The first line names a column that is not known: %(name)s. Known are: %(known)s.")
            % {"name": strange[0][:40], "known": ", ".join(known)}
        )
    return columns


def _uncovered(text: str) -> str:
    """What `cell` made of it, as it was. An apostrophe before anything else is somebody's own."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(_FORMULA) else text
