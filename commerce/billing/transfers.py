"""Bank transfers: matched by their reference, settled where they are exact, and left to a person where they are not.

A line of a statement is one transfer, however often it is read in. What pays an invoice passes through
`settling.mark_paid`, as a card does; what is more or less than was owed goes through the company's balance.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.jobs import enqueue
from accounts.models import Account
from accounts.scope import staff_scope
from commerce.billing import balances, settling, standing
from commerce.billing.bank_statements import Line
from commerce.billing.references import compact, creditor_reference
from commerce.models import (
    BalanceKind,
    BankStatement,
    BankTransfer,
    Invoice,
    InvoiceKind,
    InvoiceStatus,
    PaymentAttempt,
    TransferProblem,
    TransferState,
)
from commerce.orders import fulfilling
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record

logger = logging.getLogger(__name__)

MATCHED_AT_ONCE = 100  # By one job, which may take a minute.
LOOKED_BACK = timedelta(days=500)  # How old an invoice may be whose number a payment still names.


class NotHandled(Exception):
    """The transfer can't be handled so; the message says why."""


@dataclass(frozen=True, slots=True)
class Match:
    """What would become of a line: an invoice that it pays exactly, or what is wrong."""

    line: Line
    invoice: Invoice | None
    problem: str  # A TransferProblem; empty: it settles the invoice.
    is_known: bool  # It was read in before, and nothing becomes of it now.


@dataclass(frozen=True, slots=True)
class Progress:
    """How many transfers a statement has brought, and what has become of them."""

    total: int
    left: int  # No worker has looked at them yet.
    waiting: int  # For a person.
    settled: int

    @property
    def done(self) -> int:
        return self.total - self.left


def look_at(*, lines: Sequence[Line], today: date) -> list[Match]:
    """What would become of the lines, in their order. Four queries, whatever their number."""
    known = _known(lines)
    named = _invoices_by_reference(today)
    marked = set(_marked_by_hand().values_list("pk", flat=True))
    paying = set(PaymentAttempt.objects.pending().values_list("invoice_id", flat=True))
    taken: set[int] = set()  # Of two payments for one invoice, the second is for a person.
    found = []
    for line in lines:
        invoice = _named_in(line, named)
        problem = _problem(line, invoice, paying, marked)
        if invoice is not None and not problem and line.key not in known:
            problem = TransferProblem.CLOSED if invoice.pk in taken else ""
            taken.add(invoice.pk)
        found.append(Match(line, invoice, problem, line.key in known))
    return found


def take_in(*, name: str, lines: Sequence[Line], actor: Actor, now: datetime) -> BankStatement | None:
    """Read a statement in: each line that is new becomes a transfer, and those that fit exactly wait for a worker.

    None where nothing in it is new: reading the same lines again changes nothing.
    """
    from commerce.tasks import match_transfers

    matches = [match for match in look_at(lines=lines, today=now.date()) if not match.is_known]
    if not matches:
        return None
    with transaction.atomic():
        statement = BankStatement.objects.create(
            legal_entity=settings.LEGAL_ENTITY, name=name[:200], imported_by_id=actor.user_id, imported_at=now
        )
        BankTransfer.objects.bulk_create((_transfer(match, statement) for match in matches), ignore_conflicts=True)
        enqueue(match_transfers, statement_id=statement.pk)
    return statement


def match_next(*, statement: BankStatement, now: datetime, after: int = 0) -> int | None:
    """Settle the next transfers of a statement that fit their invoices, each in a transaction of its own.

    The last one that was looked at, for the next call; None when all were. Run again, or twice at once, each pays once.
    """
    left = statement.transfers.being_matched().filter(pk__gt=after).order_by("pk")
    batch = list(left.values_list("pk", flat=True)[:MATCHED_AT_ONCE])
    by_id = statement.imported_by_id
    actor = Actor.system(None) if by_id is None else Actor.staff(by_id)  # It is paid in the name of who read it in.
    for pk in batch:
        try:
            _match(pk, actor=actor, now=now)
        except OperationalError:  # As where two of them waited for each other: the next sweep goes on.
            logger.warning("bank transfer %s is matched again", pk, exc_info=True)
        except Exception:
            logger.exception("bank transfer %s could not be settled", pk)
            statement.transfers.being_matched().filter(pk=pk).update(problem=TransferProblem.FAILED)
    return batch[-1] if len(batch) == MATCHED_AT_ONCE else None


def left_behind() -> list[int]:
    """Statements some of whose transfers no worker has got to yet."""
    return sorted(set(BankTransfer.objects.being_matched().values_list("statement_id", flat=True)))


def progress(statement: BankStatement) -> Progress:
    """How far a statement is. One query."""
    left = Q(state=TransferState.WAITING, problem="")
    counted = statement.transfers.aggregate(
        total=Count("pk"),
        left=Count("pk", filter=left),
        waiting=Count("pk", filter=Q(state=TransferState.WAITING) & ~left),
        settled=Count("pk", filter=Q(state=TransferState.SETTLED)),
    )
    return Progress(**counted)


def assign(*, transfer: BankTransfer, invoice: Invoice, actor: Actor, now: datetime) -> None:
    """It is for this invoice: what is owed is paid, what is beyond goes to the balance, less lowers what is owed.

    Raises NotHandled.
    """
    with transaction.atomic():
        locked, owed = _locked(transfer), _owed(invoice)
        if locked.currency != owed.currency:
            raise NotHandled(_("The invoice is in another currency."))
        if not owed.is_payable:
            raise NotHandled(_("Invoice %(number)s is not open.") % {"number": owed.number})
        if PaymentAttempt.objects.filter(invoice=owed).pending().exists():
            raise NotHandled(_("A payment of invoice %(number)s is on its way.") % {"number": owed.number})
        due = owed.due_minor
        if locked.amount_minor < due:
            balances.pay_in(transfer=locked, account=owed.account, amount_minor=locked.amount_minor, now=now)
            balances.apply(transfer=locked, invoice=owed, now=now)
        else:
            try:
                settling.mark_paid(invoice=owed, amount_minor=due, payer=actor, now=now)
            except (fulfilling.OrderCancelled, fulfilling.ContractMoved) as error:
                raise NotHandled(str(error)) from error
            if rest := locked.amount_minor - due:
                balances.pay_in(transfer=locked, account=owed.account, amount_minor=rest, now=now)
        _close(locked, TransferState.SETTLED, account=owed.account, invoice=owed, actor=actor, now=now)


def marked_invoice(transfer: BankTransfer) -> Invoice | None:
    """The invoice that a waiting payment names, where somebody marked it paid by hand before. One query at most."""
    if transfer.state != TransferState.WAITING or transfer.invoice_id is None:
        return None
    return _marked_by_hand().filter(pk=transfer.invoice_id).first()


def marked_words(invoice: Invoice) -> str:
    """When an invoice was marked paid by hand, and by whom."""
    day = date_format(invoice.account.local_date(invoice.paid_at)) if invoice.paid_at else ""
    return _("Invoice %(number)s was marked paid by hand on %(day)s by %(person)s.") % {
        "number": invoice.number,
        "day": day,
        "person": invoice.marked_paid_by,
    }


def recognise(*, transfer: BankTransfer, invoice: Invoice, actor: Actor, now: datetime) -> None:
    """It is the money for which the invoice was marked paid by hand: it is settled already, and nothing moves.

    Raises NotHandled.
    """
    with transaction.atomic():
        locked, paid = _locked(transfer), _owed(invoice)
        if not _marked_by_hand().filter(pk=paid.pk).exists():
            raise NotHandled(
                _("Invoice %(number)s was not marked paid by hand, or its payment has been found.")
                % {"number": paid.number}
            )
        if (locked.amount_minor, locked.currency) != (paid.total_minor - paid.covered_minor, paid.currency):
            raise NotHandled(_("Invoice %(number)s was paid with another amount.") % {"number": paid.number})
        _close(locked, TransferState.SETTLED, account=paid.account, invoice=paid, actor=actor, now=now)


def to_balance(
    *, transfer: BankTransfer, account: Account, actor: Actor, now: datetime, is_another: bool = False
) -> None:
    """It is the company's, for its next invoices.

    Where it may be what an invoice was marked paid for, only if somebody says that it `is_another` payment. Raises
    NotHandled.
    """
    with transaction.atomic():
        locked = _locked(transfer)
        if not is_another and (marked := marked_invoice(locked)):
            raise NotHandled(f"{marked_words(marked)} {_('Is this another payment? Then say so.')}")
        balances.pay_in(transfer=locked, account=account, amount_minor=locked.amount_minor, now=now)
        _close(locked, TransferState.CREDITED, account=account, actor=actor, now=now)


def send_back(*, transfer: BankTransfer, note: str, actor: Actor, now: datetime) -> None:
    """It was sent back by the bank account that it came to; here it is only noted. Raises NotHandled."""
    with transaction.atomic():
        locked = _locked(transfer)
        locked.note = note.strip()[:200]
        _close(locked, TransferState.RETURNED, account=locked.account, actor=actor, now=now)


def left_to_pay_back(transfer: BankTransfer) -> int:
    """How much of what arrived can go back: what the company has in credit, and once. Two queries at most."""
    if transfer.account is None or transfer.state not in (TransferState.SETTLED, TransferState.CREDITED):
        return 0
    if transfer.balance_entries.filter(kind=BalanceKind.PAID_OUT).exists():
        return 0
    return min(transfer.amount_minor, balances.balance_of(transfer.account, transfer.currency))


def pay_back(*, transfer: BankTransfer, amount_minor: int, actor: Actor, now: datetime) -> None:
    """It goes back to the bank account that it came from, out of the company's balance: all of it, or a part, once.

    The transfer itself is made at the bank. Raises NotHandled.
    """
    with transaction.atomic():
        locked = BankTransfer.objects.select_for_update(of=("self",)).select_related("account").get(pk=transfer.pk)
        account = locked.account
        if account is not None:
            balances.lock(account.pk)
        if account is None or not 0 < amount_minor <= left_to_pay_back(locked):
            raise NotHandled(_("Less than that of this payment is in credit, or some of it was paid back already."))
        balances.pay_out(transfer=locked, account=account, amount_minor=amount_minor, now=now)
        record(
            name=EventName.PAYMENT_REFUNDED,
            actor=actor,
            now=now,
            object_type="bank_transfer",
            object_id=str(locked.public_id),
            properties={"amount_minor": amount_minor, "currency": locked.currency},
        )


# Matching


def _known(lines: Iterable[Line]) -> set[str]:
    keys = [line.key for line in lines]
    ours = BankTransfer.objects.filter(legal_entity=settings.LEGAL_ENTITY, key__in=keys)
    return set(ours.values_list("key", flat=True))


def _invoices_by_reference(today: date) -> dict[str, Invoice]:
    """Every invoice that a payment may name, by its number and by its reference, both as banks write them."""
    invoices = Invoice.objects.filter(
        kind=InvoiceKind.INVOICE, legal_entity=settings.LEGAL_ENTITY, issue_date__gte=today - LOOKED_BACK
    )
    found: dict[str, Invoice] = {}
    for invoice in invoices.select_related("account").iterator(chunk_size=2000):
        found[compact(invoice.number)] = invoice
        found[creditor_reference(invoice.number)] = invoice
    return found


def _named_in(line: Line, named: dict[str, Invoice]) -> Invoice | None:
    """The one invoice that the text names: a reference or number as a word of its own, or written in groups."""
    words = [compact(word) for word in line.text.split()]
    # Banks and people write a reference in groups of four: neighbours are tried together.
    joined = {"".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, start + 9)}
    found = {named[text].pk: named[text] for text in joined if text in named}
    return next(iter(found.values())) if len(found) == 1 else None


def _marked_by_hand() -> QuerySet[Invoice]:
    """Those that somebody marked paid, and whose line of a statement has not been found since."""
    found = BankTransfer.objects.filter(
        invoice=OuterRef("pk"), state=TransferState.SETTLED, handled_at__gte=OuterRef("paid_at")
    )
    marked = Invoice.objects.filter(~Exists(found), status=InvoiceStatus.PAID, marked_paid_by__isnull=False)
    return marked.select_related("account", "marked_paid_by")


def _problem(line: Line | BankTransfer, invoice: Invoice | None, paying: set[int], marked: set[int]) -> str:
    if invoice is None:
        return TransferProblem.UNKNOWN
    if line.currency != invoice.currency:
        return TransferProblem.CURRENCY
    if invoice.pk in marked:
        return TransferProblem.MARKED
    if invoice.status != InvoiceStatus.OPEN:
        return TransferProblem.CLOSED
    if invoice.pk in paying:
        return TransferProblem.BEING_PAID
    if line.amount_minor < invoice.due_minor:
        return TransferProblem.PARTIAL
    return TransferProblem.OVER if line.amount_minor > invoice.due_minor else ""


# Steps


def _transfer(match: Match, statement: BankStatement) -> BankTransfer:
    line, invoice = match.line, match.invoice
    return BankTransfer(
        account=invoice.account if invoice else None,
        statement=statement,
        legal_entity=statement.legal_entity,
        key=line.key,
        booked_date=line.booked_date,
        amount_minor=line.amount_minor,
        currency=line.currency,
        payer_name=line.payer,
        payer_iban=line.iban,
        text=line.text,
        invoice=invoice,
        problem=match.problem,
    )


def _match(pk: int, *, actor: Actor, now: datetime) -> None:
    """Pay its invoice with a transfer; where that is not possible any more, a person looks at it."""
    fitting = BankTransfer.objects.being_matched().select_for_update(of=("self",), skip_locked=True)
    with staff_scope(actor):
        transfer = fitting.select_related("invoice").filter(pk=pk).first()
        if transfer is None or transfer.invoice is None:
            return  # Another worker has it, or a person had.
        owed = _owed(transfer.invoice)
        marked = set(_marked_by_hand().filter(pk=owed.pk).values_list("pk", flat=True))
        paying = set(PaymentAttempt.objects.filter(invoice=owed).pending().values_list("invoice_id", flat=True))
        transfer.problem = _problem(transfer, owed, paying, marked)
        if not transfer.problem:
            try:
                settling.mark_paid(invoice=owed, amount_minor=owed.due_minor, payer=actor, now=now)
            except (fulfilling.OrderCancelled, fulfilling.ContractMoved) as error:
                transfer.problem, transfer.note = TransferProblem.ORDER, str(error)[:200]
        if transfer.problem:
            transfer.save(update_fields=["problem", "note"])
            return
        _close(transfer, TransferState.SETTLED, account=owed.account, invoice=owed, actor=actor, now=now)


def _locked(transfer: BankTransfer) -> BankTransfer:
    locked = BankTransfer.objects.select_for_update(of=("self",)).get(pk=transfer.pk)
    if locked.state != TransferState.WAITING:
        raise NotHandled(_("Somebody has handled this payment already."))
    return locked


def _owed(invoice: Invoice) -> Invoice:
    locked = Invoice.objects.select_for_update(of=("self",)).select_related("account", "order").get(pk=invoice.pk)
    standing.lock(locked.account)
    return locked


def _close(
    transfer: BankTransfer,
    state: TransferState,
    *,
    account: Account | None,
    actor: Actor,
    now: datetime,
    invoice: Invoice | None = None,
) -> None:
    transfer.state, transfer.account, transfer.handled_by_id, transfer.handled_at = state, account, actor.user_id, now
    transfer.invoice = invoice or transfer.invoice
    transfer.save(update_fields=["state", "account", "invoice", "note", "handled_by", "handled_at"])
