"""A company's credit with the vendor: given by credit notes, used for the next invoice, paid back on request.

Customers read theirs and move nothing: each movement runs with the owner's rights, in the name of whoever caused it.
"""

from datetime import datetime

from django.db import connection

from accounts.models import Account
from accounts.scope import staff_scope
from commerce.models import BalanceEntry, BalanceKind, BankTransfer, Invoice, InvoiceStatus, RefundAttempt
from tracking.actor import Actor


def balance_of(account: Account, currency: str) -> int:
    """What the company has in credit in that currency, in minor units. One query."""
    return BalanceEntry.objects.for_account(account).filter(currency=currency).total_minor()


def used_for(invoice: Invoice) -> int:
    """How much of the invoice was settled with credit as it was issued. One query."""
    return -BalanceEntry.objects.filter(invoice=invoice, kind=BalanceKind.USED).total_minor()


def use_for(*, invoice: Invoice, actor: Actor, now: datetime) -> bool:
    """Use what the company has in credit for an invoice that was just issued; whether nothing is left to be paid."""
    with staff_scope(actor):
        lock(invoice.account_id)
        used = min(balance_of(invoice.account, invoice.currency), invoice.due_minor)
        if used <= 0:
            return False
        _move(invoice, BalanceKind.USED, -used, now=now)
        cover(invoice, used)
    return invoice.status == InvoiceStatus.CREDITED


def cover(invoice: Invoice, amount_minor: int) -> None:
    """So much of an open invoice need not be paid any more."""
    invoice.covered_minor += amount_minor
    if invoice.due_minor == 0:
        invoice.status = InvoiceStatus.CREDITED
    invoice.save(update_fields=["covered_minor", "status"])


def give(*, credit_note: Invoice, amount_minor: int, now: datetime) -> None:
    """Add what was credited beyond what was still to be paid."""
    _move(credit_note, BalanceKind.CREDIT, amount_minor, now=now)


def give_back(*, invoice: Invoice, now: datetime) -> None:
    """Return what was used for an invoice that is withdrawn, and what was paid towards it."""
    taken = BalanceEntry.objects.filter(invoice=invoice, kind__in=[BalanceKind.USED, BalanceKind.APPLIED])
    with staff_scope(Actor.system(invoice.account_id)):
        if used := -taken.total_minor():
            _move(invoice, BalanceKind.RETURNED, used, now=now)


def pay_back(*, refund: RefundAttempt, now: datetime) -> None:
    """Take what goes back to a card. The database refuses more than there is."""
    _move_refund(refund, BalanceKind.REFUND, -refund.amount_minor, now=now)


def take_back(*, refund: RefundAttempt, now: datetime) -> None:
    """What could not be paid back is the company's credit again."""
    _move_refund(refund, BalanceKind.REFUND_FAILED, refund.amount_minor, now=now)


def pay_in(*, transfer: BankTransfer, account: Account, amount_minor: int, now: datetime) -> None:
    """Add what arrived on the bank account, or what of it was more than an invoice."""
    BalanceEntry.objects.create(
        account=account,
        currency=transfer.currency,
        kind=BalanceKind.PAID_IN,
        amount_minor=amount_minor,
        bank_transfer=transfer,
        created_at=now,
    )


def pay_out(*, transfer: BankTransfer, account: Account, amount_minor: int, now: datetime) -> None:
    """Take what goes back to the bank account that it came from. The database refuses more than there is."""
    BalanceEntry.objects.create(
        account=account,
        currency=transfer.currency,
        kind=BalanceKind.PAID_OUT,
        amount_minor=-amount_minor,
        bank_transfer=transfer,
        created_at=now,
    )


def apply(*, transfer: BankTransfer, invoice: Invoice, now: datetime) -> None:
    """Use what arrived, and was less than is owed, for an open invoice that is locked."""
    BalanceEntry.objects.create(
        account_id=invoice.account_id,
        currency=invoice.currency,
        kind=BalanceKind.APPLIED,
        amount_minor=-transfer.amount_minor,
        invoice=invoice,
        bank_transfer=transfer,
        created_at=now,
    )
    cover(invoice, transfer.amount_minor)


def offset(*, invoice: Invoice, now: datetime) -> bool:
    """Use what there is in credit for an open invoice that is locked; whether there was any."""
    lock(invoice.account_id)
    used = min(balance_of(invoice.account, invoice.currency), invoice.due_minor)
    if used <= 0:
        return False
    _move(invoice, BalanceKind.APPLIED, -used, now=now)
    cover(invoice, used)
    return True


def lock(account_id: int) -> None:
    """The lock that commerce_guard_balance() takes: nobody uses the same credit between a question and an entry."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('commerce_balanceentry'), %s)", [account_id])


def _move(invoice: Invoice, kind: BalanceKind, amount_minor: int, *, now: datetime) -> None:
    BalanceEntry.objects.create(
        account_id=invoice.account_id,
        currency=invoice.currency,
        kind=kind,
        amount_minor=amount_minor,
        invoice=invoice,
        created_at=now,
    )


def _move_refund(refund: RefundAttempt, kind: BalanceKind, amount_minor: int, *, now: datetime) -> None:
    BalanceEntry.objects.create(
        account_id=refund.account_id,
        currency=refund.currency,
        kind=kind,
        amount_minor=amount_minor,
        refund=refund,
        created_at=now,
    )
