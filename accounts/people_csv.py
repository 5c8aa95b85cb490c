"""Reading a file of colleagues: bytes in, lines out. Knows nothing of who is a colleague already.

A spreadsheet runs a cell that begins with one of `=+-@` as a formula when somebody opens a file of ours again; such
beginnings are taken off names and departments, and the report says so.
"""

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.models import LineOutcome
from accounts.permissions import Role
from accounts.spreadsheets import read_rows, text_of

MOST_LINES = 10_000
LARGEST = 2 * 1024 * 1024  # Bytes.
FORMULA = "=+-@\t\r"
COLUMNS = {
    "email": "email", "e-mail": "email", "mail": "email", "e-mail address": "email", "name": "name",
    "role": "roles", "roles": "roles", "department": "department",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One line of the file, as far as the file alone says what becomes of it."""

    number: int  # The heading is line 1.
    email: str
    name: str
    roles: tuple[str, ...]
    roles_text: str
    department: str
    is_stripped: bool
    outcome: LineOutcome


def read_people(content: bytes) -> list[Line]:
    """The lines of a CSV file in UTF-8 with the columns email, name, roles and department, the last three optional.

    Roles are separated by spaces, commas or bars; without any, somebody is a viewer. Raises
    `accounts.services.FileRefused`.
    """
    lines: list[Line] = []
    seen: set[str] = set()
    for number, row in read_rows(
        text_of(content, most_bytes=LARGEST), needed=["email"], names=COLUMNS, most=MOST_LINES
    ):
        line = _line(number, row, seen)
        seen.add(line.email)
        lines.append(line)
    return lines


def _line(number: int, row: dict[str, str], seen: set[str]) -> Line:
    email = row.get("email", "").lower()
    name, department = _plain(row.get("name", "")), _plain(row.get("department", ""))
    roles_text = row.get("roles", "")
    roles = _roles(roles_text)
    return Line(
        number=number,
        email=email[:254],
        name=name[:150],
        roles=tuple(roles or ()),
        roles_text=roles_text[:200],
        department=department[:80],
        is_stripped=name != row.get("name", "") or department != row.get("department", ""),
        outcome=_outcome(email, name, department, is_known=roles is not None, is_again=email in seen),
    )


def _plain(cell: str) -> str:
    return cell.lstrip(FORMULA).strip()


def _roles(text: str) -> list[str] | None:
    """The roles that a cell names, by code or by label; None when one does not exist."""
    known = {role.value: role.value for role in Role}
    known |= {str(role.label).lower().replace(" ", "_"): role.value for role in Role}
    named = text.lower().replace(" contact", "_contact").replace(";", " ").replace(",", " ").replace("|", " ").split()
    if not named:
        return [Role.VIEWER.value]
    if any(name not in known for name in named):
        return None
    wanted = {known[name] for name in named}
    return [role.value for role in Role if role.value in wanted]


def _outcome(email: str, name: str, department: str, *, is_known: bool, is_again: bool) -> LineOutcome:
    try:
        validate_email(email)
    except ValidationError:
        return LineOutcome.BAD_EMAIL
    if len(email) > 254:
        return LineOutcome.BAD_EMAIL
    if is_again:
        return LineOutcome.DUPLICATE
    if not is_known:
        return LineOutcome.UNKNOWN_ROLE
    return LineOutcome.TOO_LONG if len(name) > 150 or len(department) > 80 else LineOutcome.READY
