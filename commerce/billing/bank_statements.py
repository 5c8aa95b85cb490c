"""Reading what a bank tells: a CSV of our own columns, or camt.053 (ISO 20022). Pure: bytes in, lines out."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _
from lxml import etree

from accounts.services import FileRefused
from accounts.spreadsheets import read_rows, text_of
from accounts.sso.xml import XmlRefused, parse
from commerce.pricing.money import PricingError, UnknownCurrency, from_minor, to_minor

COLUMNS = ("booked_date", "amount", "currency", "payer", "iban", "reference", "bank_id")
MOST_BYTES = 5_000_000
MOST_LINES = 2000
MOST_ROWS = 10_000  # Also of what left the account.
AMOUNT = re.compile(r"[+-]?\d{1,15}([.,]\d{1,5})?", re.ASCII)  # Nothing between the thousands.


class StatementRefused(Exception):
    """The file can't be read; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Line:
    """Money that arrived. What left the account is no concern of ours, and is left out."""

    booked_date: date
    amount_minor: int
    currency: str
    payer: str
    iban: str
    text: str
    key: str  # The same whichever file it is read from.


def read(content: bytes) -> list[Line]:
    """The lines of a statement. Raises StatementRefused."""
    is_xml = content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<")
    lines = list(_with_keys(_camt(content) if is_xml else _csv(content)))
    if len(lines) > MOST_LINES:
        raise StatementRefused(_("At most %(most)d payments are read at once.") % {"most": MOST_LINES})
    return lines


def _with_keys(lines: Iterator[Line]) -> Iterator[Line]:
    """The bank's id and the money, as some banks give one id to all payments of a batch.

    Without an id, what the line says; equal lines are counted: the second of a day is the second in every file.
    """
    seen: Counter[str] = Counter()
    for line in lines:
        money = (line.booked_date, line.amount_minor, line.currency, line.iban)
        if line.key:
            yield replace(line, key=f"id:{_digest(line.key, *money)}")
            continue
        digest = _digest(*money, line.text)
        seen[digest] += 1
        yield replace(line, key=f"{digest}:{seen[digest]}")


def _digest(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:40]


def _csv(content: bytes) -> Iterator[Line]:
    try:
        rows = read_rows(text_of(content, most_bytes=MOST_BYTES), needed=COLUMNS[:3], most=MOST_ROWS)
    except FileRefused as refused:
        raise StatementRefused(str(refused)) from refused
    for number, row in rows:
        cells = {name: row.get(name, "") for name in COLUMNS}
        amount = _amount(cells["amount"], number)
        if amount > 0:
            yield _line(number, cells["booked_date"], amount, cells["currency"], cells["payer"], cells["iban"],
                        cells["reference"], cells["bank_id"])  # fmt: skip


def _camt(content: bytes) -> Iterator[Line]:
    try:
        root = parse(content, most_bytes=MOST_BYTES)
    except XmlRefused as error:
        raise StatementRefused(str(error)) from error
    if not etree.QName(root).namespace or "camt.053" not in etree.QName(root).namespace:
        raise StatementRefused(_("This is no bank statement (camt.053)."))
    for number, entry in enumerate(_all(root, "Ntry"), start=1):
        is_booked = (_text(entry, "Sts", "Cd") or _text(entry, "Sts") or "BOOK") == "BOOK"
        if not is_booked or _text(entry, "CdtDbtInd") != "CRDT" or _text(entry, "RvslInd") in ("true", "1"):
            continue
        booked = _text(entry, "BookgDt", "Dt") or _text(entry, "BookgDt", "DtTm")[:10]
        for position, (detail, money) in enumerate(_payments_in(entry, number), start=1):
            is_batch = detail is not entry
            bank_id = _text(detail, "AcctSvcrRef") or _text(entry, "AcctSvcrRef")
            yield _line(
                number, booked, _amount(money.text or "", number), money.get("Ccy", ""),
                _text(detail, "Dbtr", "Nm"), _text(detail, "DbtrAcct", "IBAN"),
                " ".join(one.text or "" for name in ("Ref", "Ustrd") for one in _all(detail, name)),
                f"{bank_id}/{position}" if bank_id and is_batch else bank_id,
            )  # fmt: skip


def _payments_in(entry: etree._Element, number: int) -> list[tuple[etree._Element, etree._Element]]:
    """The payments of an entry, each with its money: those of a batch, where they add up to what was booked.

    Where they don't, or are told in the payers' currencies, the entry is one payment: of what arrived, and no more.
    """
    booked = next(_children(entry, "Amt"), None)
    if booked is None:
        raise StatementRefused(_("Entry %(number)d has no amount.") % {"number": number})
    details = _all(entry, "TxDtls")
    parts = [(one, money) for one in details if (money := _money_of(one)) is not None]
    in_its_currency = [
        _amount(money.text or "", number) for _one, money in parts if money.get("Ccy") == booked.get("Ccy")
    ]
    adds_up = len(in_its_currency) == len(details) and sum(in_its_currency) == _amount(booked.text or "", number)
    return parts if adds_up and len(details) > 1 else [(entry, booked)]


def _money_of(detail: etree._Element) -> etree._Element | None:
    """What arrived of one payment of a batch; newer banks write it beside the details of the amount."""
    direct = next(_children(detail, "Amt"), None)
    return _first(detail, "TxAmt", "Amt") if direct is None else direct


def _line(number: int, booked: str, amount: Decimal, currency: str, payer: str, iban: str, text: str, key: str) -> Line:
    return Line(
        booked_date=_date(booked, number),
        amount_minor=_minor(amount, currency.upper(), number),
        currency=currency.upper(),
        payer=payer[:140],
        iban=iban.replace(" ", "").upper()[:34],
        text=" ".join(text.split())[:500],
        key=key,
    )


def _date(text: str, number: int) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        message = _("Line %(number)d: “%(text)s” is no date: write 2026-11-18.")
        raise StatementRefused(message % {"number": number, "text": text[:40]}) from error


def _minor(amount: Decimal, currency: str, number: int) -> int:
    try:
        minor = to_minor(amount, currency)
    except UnknownCurrency as error:
        message = _("Line %(number)d: “%(text)s” is no currency that we bill in.")
        raise StatementRefused(message % {"number": number, "text": currency[:40]}) from error
    except PricingError as error:
        message = _("Line %(number)d: “%(text)s” is no amount.")
        raise StatementRefused(message % {"number": number, "text": amount}) from error
    if from_minor(minor, currency) != amount:
        message = _("Line %(number)d: %(currency)s has fewer decimals than %(amount)s.")
        raise StatementRefused(message % {"number": number, "currency": currency, "amount": amount})
    return minor


def _amount(text: str, number: int) -> Decimal:
    """With a point or a comma before the decimals."""
    if not AMOUNT.fullmatch(text.strip()):
        message = _("Line %(number)d: “%(text)s” is no amount.")
        raise StatementRefused(message % {"number": number, "text": text[:40]})
    return Decimal(text.strip().replace(",", "."))


def _all(element: etree._Element, name: str) -> list[etree._Element]:
    return [found for found in element.iter() if isinstance(found.tag, str) and etree.QName(found).localname == name]


def _children(element: etree._Element, name: str) -> Iterator[etree._Element]:
    return (one for one in element if isinstance(one.tag, str) and etree.QName(one).localname == name)


def _first(element: etree._Element, *path: str) -> etree._Element | None:
    """The first element with the last name, below the first ones with the names before."""
    found: etree._Element | None = element
    for name in path:
        found = next(iter(_all(found, name)), None) if found is not None else None
    return found


def _text(element: etree._Element, *path: str) -> str:
    found = _first(element, *path)
    return (found.text or "").strip() if found is not None else ""
