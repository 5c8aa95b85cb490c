"""Statements of account: what was billed, credited, paid and paid back in a period, and what was owed after each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from accounts import brands
from accounts.languages import documents_language
from accounts.models import Account
from commerce import amounts, documents
from commerce.models import BalanceEntry, BalanceKind, Invoice, InvoiceStatus, RefundAttempt, RefundState
from commerce.pricing.money import Money, from_minor

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a statement. What the company owes more is above zero, what it owes less below."""

    day: date
    words: "StrPromise"  # A CSV is in the reader's language, the PDF in that of the company's papers.
    number: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One currency of a company in a half-open period."""

    account: Account
    currency: str
    start_date: date
    end_date: date
    opening_minor: int
    entries: tuple[Entry, ...]

    @property
    def closing_minor(self) -> int:
        return self.opening_minor + sum(entry.amount_minor for entry in self.entries)

    @property
    def running(self) -> list[tuple[Entry, int]]:
        """Each entry with what was owed after it."""
        owed, found = self.opening_minor, []
        for entry in self.entries:
            owed += entry.amount_minor
            found.append((entry, owed))
        return found


def currencies_of(account: Account) -> list[str]:
    """What the company was billed in, its own currency first; that one where it never was. One query."""
    billed = Invoice.objects.for_account(account).order_by().values_list("currency", flat=True).distinct()
    return sorted(billed, key=lambda one: (one != account.currency, one)) or [account.currency]


def statement(account: Account, *, currency: str, start_date: date, end_date: date) -> Statement:
    """The company's statement. Three queries.

    Below zero, the company has so much in credit. A withdrawn invoice was never owed, and is left out.
    """
    entries = sorted(_entries(account, currency), key=lambda entry: entry.day)
    return Statement(
        account=account,
        currency=currency,
        start_date=start_date,
        end_date=end_date,
        opening_minor=sum(entry.amount_minor for entry in entries if entry.day < start_date),
        entries=tuple(entry for entry in entries if start_date <= entry.day < end_date),
    )


def as_table(shown: Statement) -> tuple[list[str], list[tuple[date, str, str, Decimal, Decimal]]]:
    """Header and rows for spreadsheets."""
    currency = shown.currency
    rows = [
        (
            entry.day,
            str(entry.words),
            entry.number,
            from_minor(entry.amount_minor, currency),
            from_minor(owed, currency),
        )
        for entry, owed in shown.running
    ]
    return [_("Date"), _("Entry"), _("Number"), _("Amount (%(currency)s)") % {"currency": currency}, _("Owed")], rows


def to_pdf(shown: Statement) -> bytes:
    """The statement on paper, in the language of the company's documents."""
    language = documents_language(shown.account)
    with override(language):
        look = brands.of(shown.account)
        return documents.to_pdf({"language": language, **_contents(shown, look)}, day=shown.end_date)


def _entries(account: Account, currency: str) -> Iterable[Entry]:
    zone = ZoneInfo(account.time_zone)

    def day_of(moment: datetime) -> date:
        return moment.astimezone(zone).date()

    invoices = Invoice.objects.for_account(account).filter(~Q(status=InvoiceStatus.VOID), currency=currency)
    for invoice in invoices.order_by("issue_date", "pk"):
        words = gettext_lazy("Credit note") if invoice.is_credit_note else gettext_lazy("Invoice")
        yield Entry(invoice.issue_date, words, invoice.number, invoice.total_minor)
        if invoice.paid_at is not None:
            paid = invoice.total_minor - invoice.covered_minor
            yield Entry(day_of(invoice.paid_at), gettext_lazy("Payment"), invoice.number, -paid)
        if invoice.written_off_at is not None:
            given_up = invoice.total_minor - invoice.covered_minor
            yield Entry(day_of(invoice.written_off_at), gettext_lazy("Written off"), invoice.number, -given_up)
    by_transfer = {
        BalanceKind.PAID_IN.value: gettext_lazy("Bank transfer"),
        BalanceKind.PAID_OUT.value: gettext_lazy("Paid back"),
    }
    entries = BalanceEntry.objects.for_account(account).filter(kind__in=by_transfer, currency=currency)
    for entry in entries.order_by("pk"):
        yield Entry(day_of(entry.created_at), by_transfer[entry.kind], "", -entry.amount_minor)
    refunds = RefundAttempt.objects.for_account(account).filter(state=RefundState.SUCCEEDED, currency=currency)
    for refund in refunds.select_related("payment__invoice"):
        settled_at = refund.settled_at or refund.created_at
        yield Entry(day_of(settled_at), gettext_lazy("Paid back"), refund.payment.invoice.number, refund.amount_minor)


def _contents(shown: Statement, look: brands.Look) -> dict[str, object]:
    def money(minor: int) -> str:
        return amounts.money(Money(minor, shown.currency))

    rows = [
        {
            "description": f"{entry.words} {entry.number}",
            "explanation": date_format(entry.day),
            "quantity": "",
            "unit_price": money(entry.amount_minor),
            "total": money(owed),
        }
        for entry, owed in shown.running
    ]
    return {
        "title": _("Statement of account"),
        "vendor": look.name,
        "colour": look.primary,
        "legal_entity": look.legal_name,
        "bill_to": documents.address(documents.bill_to(shown.account)),
        "facts": [
            [_("From"), date_format(shown.start_date)],
            [_("Until"), date_format(shown.end_date - timedelta(days=1))],
            [_("Currency"), shown.currency],
        ],
        "headings": [_("Entry"), "", _("Amount"), _("Owed")],
        "lines": rows,
        "totals": [[_("Owed before"), money(shown.opening_minor)], [_("Owed at the end"), money(shown.closing_minor)]],
        "note": _("Amounts below zero lower what is owed. Owed below zero is credit for the next invoice."),
    }
