"""Whether the books add up: for each company and currency, what was billed is paid, due, or accounted for otherwise.

`billed - credited = paid + due + written off - balance - paid back`, at any moment.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import groupby

from django.db.models import F, Q, Sum

from accounts.models import Account
from commerce.models import BalanceEntry, BalanceKind, BooksCheck, Invoice, InvoiceKind, InvoiceStatus

SHOWN_MISMATCHES = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Sums:
    """The sides of the books, in minor units of one currency."""

    billed_minor: int = 0
    credited_minor: int = 0
    paid_minor: int = 0
    due_minor: int = 0
    written_off_minor: int = 0
    balance_minor: int = 0
    paid_back_minor: int = 0

    @property
    def difference_minor(self) -> int:
        """What is missing on the right side; 0 where they add up."""
        settled = self.paid_minor + self.due_minor + self.written_off_minor - self.balance_minor - self.paid_back_minor
        return self.billed_minor - self.credited_minor - settled

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})


@dataclass(frozen=True, slots=True)
class Books:
    """One company's in one currency."""

    account_id: int
    currency: str
    sums: Sums


def books(account: Account | None = None) -> list[Books]:
    """Of one company, or of all: by currency, then company. Two queries."""
    found: dict[tuple[str, int], Sums] = defaultdict(Sums)
    for pk, currency, sums in [*_of_invoices(account), *_of_balances(account)]:
        found[currency, pk] += sums
    return [Books(pk, currency, sums) for (currency, pk), sums in sorted(found.items())]


def check_books(*, now: datetime) -> list[BooksCheck]:
    """Write down for each currency whether the books of all companies add up."""
    return BooksCheck.objects.bulk_create(
        _checked(currency, list(rows), now) for currency, rows in groupby(books(), key=lambda one: one.currency)
    )


def _checked(currency: str, rows: list[Books], now: datetime) -> BooksCheck:
    total = sum((row.sums for row in rows), Sums())
    wrong = {row.account_id: row.sums.difference_minor for row in rows if row.sums.difference_minor}
    names = dict(Account.objects.filter(pk__in=list(wrong)[:SHOWN_MISMATCHES]).values_list("pk", "name"))
    return BooksCheck(
        checked_at=now,
        currency=currency,
        accounts=len(rows),
        mismatches=[[name, wrong[pk]] for pk, name in sorted(names.items())],
        **{one.name: getattr(total, one.name) for one in fields(total)},
    )


def _of_invoices(account: Account | None) -> Iterator[tuple[int, str, Sums]]:
    rows = Invoice.objects.exclude(status=InvoiceStatus.VOID)
    if account is not None:
        rows = rows.for_account(account)
    is_bill, left = Q(kind=InvoiceKind.INVOICE), F("total_minor") - F("covered_minor")
    sums = rows.order_by().values_list("account", "currency")
    by_status = {
        f"{status}_left": Sum(left, filter=is_bill & Q(status=status), default=0)
        for status in (InvoiceStatus.PAID, InvoiceStatus.OPEN, InvoiceStatus.WRITTEN_OFF)
    }
    sides = {
        "bills": Sum("total_minor", filter=is_bill, default=0),
        "notes": Sum("total_minor", filter=~is_bill, default=0),
    }
    for pk, currency, billed, credited, paid, due, written_off in sums.annotate(**sides, **by_status):
        yield (
            pk,
            currency,
            Sums(
                billed_minor=billed,
                credited_minor=-credited,
                paid_minor=paid,
                due_minor=due,
                written_off_minor=written_off,
            ),
        )


def _of_balances(account: Account | None) -> Iterator[tuple[int, str, Sums]]:
    rows = BalanceEntry.objects.all() if account is None else BalanceEntry.objects.for_account(account)
    by_transfer = Q(kind=BalanceKind.PAID_IN)
    went_back = Q(kind__in=[BalanceKind.REFUND, BalanceKind.REFUND_FAILED, BalanceKind.PAID_OUT])
    sums = rows.order_by().values_list("account", "currency")
    for pk, currency, balance, refunds, paid_in in sums.annotate(
        balance=Sum("amount_minor"),
        refunds=Sum("amount_minor", filter=went_back, default=0),
        paid_in=Sum("amount_minor", filter=by_transfer, default=0),
    ):
        yield pk, currency, Sums(balance_minor=balance, paid_back_minor=-refunds, paid_minor=paid_in)
