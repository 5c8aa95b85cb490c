"""Salesforce ids and datetimes: how they are written, read and compared."""

import re
from datetime import UTC, date, datetime

ID_SUFFIX_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_PATTERN = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Z]{3})?")
_DATETIME_PATTERN = re.compile(
    r"(?P<moment>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(?P<fraction>\d{1,6}))?\s*(?P<zone>Z|[+\- ]\d{2}:?\d{2})"
)


class MalformedId(ValueError):
    """The text is not a Salesforce id: wrong length, wrong characters, or a wrong checksum."""


def id_18(id_15: str) -> str:
    """The case-safe 18 character form of a 15 character id."""
    suffix = ""
    for start in (0, 5, 10):
        chunk = id_15[start : start + 5]
        suffix += ID_SUFFIX_ALPHABET[sum(1 << place for place, char in enumerate(chunk) if "A" <= char <= "Z")]
    return id_15 + suffix


def normal_id(text: str) -> str:
    """The 18 character form of an id given in either form. Raises MalformedId."""
    if not _ID_PATTERN.fullmatch(text):
        raise MalformedId(text)
    long_form = id_18(text[:15])
    if len(text) == 18 and text != long_form:
        raise MalformedId(text)
    return long_form


def make_id(prefix: str, number: int) -> str:
    """The 18 character id of the number-th record of an object with this three character key prefix."""
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return id_18(prefix + "Sb" + digits.rjust(10, "0"))


def datetime_text(moment: datetime) -> str:
    """UTC with milliseconds and an offset without colon. Texts of this form sort in the order of time."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def read_datetime(text: str) -> datetime:
    """Reads `Z`, `+00:00`, `-0800`, and a `+` that became a space in a query string. Raises ValueError."""
    match = _DATETIME_PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a datetime: {text}")
    zone = match["zone"].replace(" ", "+").replace("Z", "+00:00")
    fraction = (match["fraction"] or "0").ljust(6, "0")
    try:
        return datetime.fromisoformat(f"{match['moment']}.{fraction}{zone}").astimezone(UTC)
    except OverflowError:
        raise ValueError(f"not a datetime: {text}") from None


def read_date(text: str) -> date:
    """Reads `YYYY-MM-DD` and nothing else. Raises ValueError."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError(f"not a date: {text}")
    return date.fromisoformat(text)
