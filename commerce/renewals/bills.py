"""Bills of many contracts at once: numbered without gaps, with the lines of their quotes or with days of grace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from django.conf import settings
from django.db import connection
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from accounts.languages import documents_language
from accounts.models import Account
from accounts.notifications import mail_companies
from commerce import documents
from commerce.billing import balances
from commerce.models import (
    BalanceEntry,
    BillingRule,
    Invoice,
    InvoiceKind,
    InvoiceLine,
    LegalEntity,
    Order,
    Quote,
    QuoteLine,
)
from commerce.pricing.money import to_minor
from commerce.pricing.periods import TermSpan, spans_of
from tracking.actor import Actor

DAYS_OF_YEAR, MONTHS_OF_YEAR = 365, 12


@dataclass(frozen=True)
class Bill:
    """What one company is to be billed, with what is written on each line."""

    account: Account
    currency: str
    lines: Sequence["BillLine"]
    due_date: date
    order: Order | None = None
    po_number: str = ""

    @property
    def subtotal_minor(self) -> int:
        return sum(line.total_minor for line in self.lines)

    @property
    def tax_minor(self) -> int:
        return sum(line.tax_minor for line in self.lines)


@dataclass(frozen=True)
class BillLine:
    """A line of a quote with what it comes to on this bill."""

    quoted: QuoteLine
    explanation: str
    quantity: Decimal
    unit_price: Decimal
    total_minor: int
    tax_minor: int


def issue(bills: Sequence[Bill], *, now: datetime) -> list[Invoice]:
    """Bill them, and use what they have in credit. Those of nothing are left out. A handful of statements."""
    owed = [bill for bill in bills if bill.subtotal_minor + bill.tax_minor > 0]
    if not owed:
        return []
    found = LegalEntity.objects.filter(name=settings.LEGAL_ENTITY).first()
    seller = found.as_seller() if found else {}
    invoices = [
        Invoice(
            number=number,
            legal_entity=settings.LEGAL_ENTITY,
            account=bill.account,
            order=bill.order,
            currency=bill.currency,
            subtotal_minor=bill.subtotal_minor,
            tax_minor=bill.tax_minor,
            total_minor=bill.subtotal_minor + bill.tax_minor,
            bill_to=documents.bill_to(bill.account),
            seller=seller,
            po_number=bill.po_number or bill.account.billing_po_number,
            buyer_reference=bill.account.billing_reference,
            issue_date=bill.account.local_date(now),
            due_date=bill.due_date,
        )
        for bill, number in zip(owed, _numbers(len(owed)), strict=True)
    ]
    Invoice.objects.bulk_create(invoices)
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            account=bill.account,
            invoice=invoice,
            position=position,
            product_id=line.quoted.product_id,
            description=line.quoted.product.name,
            explanation=line.explanation,
            quantity=line.quantity,
            unit_price=line.unit_price,
            total_minor=line.total_minor,
            tax_rate=line.quoted.tax_rate,
            tax_minor=line.tax_minor,
            tax_category=line.quoted.tax_category,
        )
        for bill, invoice in zip(owed, invoices, strict=True)
        for position, line in enumerate(bill.lines, start=1)
    )
    _use_credit(invoices, now=now)
    mail_companies(kind="invoice_issued", told=[(invoice.account, {"invoice": invoice}) for invoice in invoices])
    return invoices


def of_quote(
    order: Order, quote: Quote, lines: Sequence[QuoteLine], *, extra: Mapping[int, Decimal], today: date
) -> Bill:
    """What a quote says, as it was accepted; of products that there are more of by now, the `extra` units besides."""
    with override(documents_language(order.account)):
        written = [
            BillLine(line, capfirst(line.words), line.quantity, line.unit_price, line.total_minor, line.tax_minor)
            for line in lines
            if line.quantity
        ]
        written += _extra_lines(quote, lines, extra)
    due = today + timedelta(days=quote.payment_days)
    return Bill(order.account, quote.currency, written, due, order, order.po_number)


def of_extra(
    account: Account, quote: Quote, lines: Sequence[QuoteLine], *, extra: Mapping[int, Decimal], today: date
) -> Bill:
    """Units that came after a quote was accepted and billed, for the same time at the same price."""
    with override(documents_language(account)):
        written = _extra_lines(quote, lines, extra)
    return Bill(account, quote.currency, written, today + timedelta(days=quote.payment_days))


def of_grace(
    account: Account,
    quote: Quote,
    lines: Sequence[QuoteLine],
    *,
    old: Mapping[int, tuple[Decimal, Decimal]],
    first: date,
    days: int,
    today: date,
) -> Bill:
    """Days of grace at the price of the old term: by product, how many units at what a month. Tax as on the quote."""
    share = Fraction(MONTHS_OF_YEAR * days, DAYS_OF_YEAR)
    with override(documents_language(account)):
        words = ngettext(
            "%(days)d day from %(first)s, at the price of the term before",
            "%(days)d days from %(first)s, at the price of the term before",
            days,
        ) % {"days": days, "first": date_format(first)}
    written = [
        _line(line, words, *old[line.product_id], months=share, currency=quote.currency)
        for line in lines
        if line.product_id in old
    ]
    return Bill(account, quote.currency, written, today + timedelta(days=quote.payment_days))


def _extra_lines(quote: Quote, lines: Sequence[QuoteLine], extra: Mapping[int, Decimal]) -> list[BillLine]:
    """What is prepaid for the term, or for its first period, of so many more units."""
    words = _("Added before the new term began")
    return [
        _line(
            line, words, extra[line.product_id], line.unit_price, months=_months_paid(quote, line),
            currency=quote.currency,
        )
        for line in lines
        if extra.get(line.product_id)
    ]  # fmt: skip


def _months_paid(quote: Quote, line: QuoteLine) -> Fraction:
    """How many months of a price are paid as the new term begins."""
    term, contract = quote.period, quote.contract
    if contract.rule_for(line.product) == BillingRule.TERM:
        return TermSpan(term).months_from(term.start_date)
    return next(spans_of(term, months=contract.frequency.months)).months_from(term.start_date)


def _line(
    line: QuoteLine, words: str, quantity: Decimal, unit_price: Decimal, *, months: Fraction, currency: str
) -> BillLine:
    total = to_minor(Fraction(quantity) * Fraction(unit_price) * months, currency)
    return BillLine(line, words, quantity, unit_price, total, _tax_of(line, total))


def _tax_of(line: QuoteLine, total_minor: int) -> int:
    return int(Fraction(total_minor) * Fraction(line.tax_rate) + Fraction(1, 2))


def _numbers(count: int) -> list[str]:
    """The next numbers of the legal entity, in their order. They are lost with the transaction, so none is missing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT commerce_next_invoice_number(%s, %s) FROM generate_series(1, %s)",
            [settings.LEGAL_ENTITY, InvoiceKind.INVOICE.value, count],
        )
        return [str(number) for (number,) in cursor.fetchall()]


def _use_credit(invoices: Sequence[Invoice], *, now: datetime) -> None:
    """Few have any in credit: those are asked for in one statement, and only theirs is used one by one."""
    in_credit = BalanceEntry.objects.filter(account__in={invoice.account_id for invoice in invoices})
    having = set(in_credit.values_list("account_id", flat=True))
    for invoice in invoices:
        if invoice.account_id in having:
            balances.use_for(invoice=invoice, actor=Actor.system(invoice.account_id), now=now)
