"""Use of the vendor's product from a file: looked at line by line, then stored. The same file twice changes nothing."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Account
from accounts.spreadsheets import read_rows, text_of
from commerce.models import UsageCharge
from tracking.models import Meter, UsageDaily
from tracking.services import record_usage

COLUMNS = ("company", "date", "meter", "quantity")
MOST_BYTES = 5_000_000
MOST_LINES = 50_000
PLACES = 4  # Decimals of a quantity that are kept.
MOST = Decimal(10) ** 15


class Outcome(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line of the file. `number` is what a text editor calls it; the header is 1."""

    number: int
    company: str
    day: str
    meter: str
    quantity: str


@dataclass(frozen=True, slots=True)
class Told:
    """What becomes of a line, and why not."""

    line: ReadLine
    outcome: Outcome
    reason: str = ""
    row: UsageDaily | None = None


@dataclass
class Report:
    """What an import does, or would do."""

    told: list[Told] = field(default_factory=list)

    def count(self, outcome: Outcome) -> int:
        return sum(one.outcome == outcome for one in self.told)

    @property
    def counts(self) -> dict[str, int]:
        return {outcome.value: self.count(outcome) for outcome in Outcome}

    @property
    def refused(self) -> list[Told]:
        return [one for one in self.told if one.outcome == Outcome.REFUSED]

    @property
    def rows(self) -> list[UsageDaily]:
        """What is to be stored."""
        return [one.row for one in self.told if one.row and one.outcome in (Outcome.ADDED, Outcome.CHANGED)]


def read(content: bytes) -> list[ReadLine]:
    """The lines of a file. Raises `accounts.services.FileRefused`."""
    rows = read_rows(text_of(content, most_bytes=MOST_BYTES), needed=COLUMNS, most=MOST_LINES)
    return [ReadLine(number, *(row.get(name, "") for name in COLUMNS)) for number, row in rows]


def look_at(lines: Iterable[ReadLine], *, now: datetime) -> Report:
    """What an import would do, line by line. Four queries."""
    lines = list(lines)
    companies = _companies(lines)
    report, seen = Report(), set[tuple[int, str, date]]()
    good: list[tuple[ReadLine, UsageDaily]] = []
    for line in lines:
        try:
            row = _row(line, companies, now)
        except ValueError as reason:
            report.told.append(Told(line, Outcome.REFUSED, str(reason)))
            continue
        key = (row.account_id, row.meter, row.date)
        if key in seen:
            reason_why = _("The file says this day of this meter twice.")
            report.told.append(Told(line, Outcome.REFUSED, reason_why))
            continue
        seen.add(key)
        good.append((line, row))
    report.told += _against_what_stands(good)
    report.told.sort(key=lambda told: told.line.number)
    return report


def import_usage(*, lines: Iterable[ReadLine], now: datetime) -> Report:
    """Store the good lines; those that are refused stay out. What it did."""
    with transaction.atomic():
        report = look_at(lines, now=now)
        record_usage(rows=report.rows)
    return report


def _row(line: ReadLine, companies: dict[str, list[Account]], now: datetime) -> UsageDaily:
    """The row of a line. Raises ValueError with what is wrong, for whoever made the file."""
    found = companies.get(line.company.casefold(), [])
    if len(found) != 1:
        raise ValueError(
            _("There are several companies “%(name)s”: use the id.") % {"name": line.company}
            if found
            else _("There is no company “%(name)s”.") % {"name": line.company}
        )
    if line.meter not in Meter.values:
        known = ", ".join(Meter.values)
        raise ValueError(_("“%(meter)s” is no meter: %(known)s.") % {"meter": line.meter, "known": known})
    try:
        day = date.fromisoformat(line.day)
    except ValueError:
        raise ValueError(_("“%(day)s” is no date: write 2026-11-18.") % {"day": line.day}) from None
    if day > found[0].local_date(now):
        raise ValueError(_("%(day)s has not come yet.") % {"day": line.day})
    return UsageDaily(account_id=found[0].pk, meter=line.meter, date=day, quantity=_quantity(line.quantity))


def _quantity(text: str) -> Decimal:
    try:
        quantity = Decimal(text)
    except InvalidOperation:
        raise ValueError(_("“%(text)s” is no number: write 1250.5.") % {"text": text}) from None
    if not quantity.is_finite() or quantity < 0 or quantity >= MOST:
        raise ValueError(_("“%(text)s” is no quantity.") % {"text": text})
    kept = quantity.quantize(Decimal(1).scaleb(-PLACES))
    if kept != quantity:
        raise ValueError(_("“%(text)s” has more than four decimals.") % {"text": text})
    return kept


def _companies(lines: Iterable[ReadLine]) -> dict[str, list[Account]]:
    """By their ids and by their names. Two queries."""
    wanted = {line.company for line in lines}
    found: dict[str, list[Account]] = defaultdict(list)
    for account in Account.objects.filter(public_id__in=[word for word in wanted if _is_id(word)]):
        found[str(account.public_id)].append(account)
    for account in Account.objects.filter(name__in=wanted):
        found[account.name.casefold()].append(account)
    return found


def _is_id(word: str) -> bool:
    try:
        UUID(word)
    except ValueError:
        return False
    return True


def _against_what_stands(good: list[tuple[ReadLine, UsageDaily]]) -> Iterator[Told]:
    """What is new, what changes, and what can't change any more, as its month is billed. Two queries."""
    accounts = {row.account_id for _line, row in good}
    days = {row.date for _line, row in good}
    rows = UsageDaily.objects.filter(account_id__in=accounts, date__in=days)
    stands = {(row.account_id, row.meter, row.date): row.quantity for row in rows}
    billed: dict[tuple[int, str], list[UsageCharge]] = defaultdict(list)
    for charge in UsageCharge.objects.filter(account__in=accounts):
        billed[charge.account_id, charge.meter].append(charge)
    for line, row in good:
        before = stands.get((row.account_id, row.meter, row.date))
        if before == row.quantity:
            yield Told(line, Outcome.UNCHANGED)
        elif any(one.start_date <= row.date < one.end_date for one in billed[row.account_id, row.meter]):
            yield Told(line, Outcome.REFUSED, _("The use of this month is billed. Credit the bill if it was wrong."))
        else:
            yield Told(line, Outcome.ADDED if before is None else Outcome.CHANGED, row=row)
