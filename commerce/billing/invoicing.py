"""Invoices: issued once from an order, and never changed."""

import logging
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils.text import capfirst
from django.utils.translation import override

from accounts.languages import documents_language
from accounts.models import StoredFile
from accounts.notifications import mail_companies
from accounts.permissions import Permission
from accounts.services import store_content
from commerce import documents
from commerce.billing import balances, einvoices, invoice_documents, standing
from commerce.models import (
    Invoice,
    InvoiceKind,
    InvoiceLine,
    InvoiceStatus,
    LegalEntity,
    Order,
    PaymentAttempt,
    PeriodClose,
    Quote,
)
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record

logger = logging.getLogger(__name__)


class InvoiceBeingPaid(Exception):
    """A payment of the invoice is on its way: it can't be withdrawn or credited now."""


class OnlyCreditable(Exception):
    """The invoice can't be withdrawn any more: its books are closed, or a part of it is credited. Credit the rest."""


def issue_invoice(*, order: Order, quote: Quote, now: datetime) -> Invoice:
    """Bill the order with the lines and totals of its quote, as they were accepted.

    Runs in the transaction that accepts the quote, in the customer's scope. The number is the next of the legal entity
    and is lost with the transaction, so that none is missing. An invoice of zero or less has nothing to be paid and is
    open only until its order is fulfilled.
    """
    account = order.account
    today = account.local_date(now)
    invoice = Invoice.objects.create(
        number=next_number(settings.LEGAL_ENTITY, InvoiceKind.INVOICE),
        legal_entity=settings.LEGAL_ENTITY,
        account=account,
        order=order,
        currency=quote.currency,
        subtotal_minor=quote.subtotal_minor,
        tax_minor=quote.tax_minor,
        total_minor=quote.total_minor,
        bill_to=documents.bill_to(account),
        seller=seller_of(settings.LEGAL_ENTITY),
        po_number=order.po_number or account.billing_po_number,
        buyer_reference=account.billing_reference,
        issue_date=today,
        due_date=_due_date(quote, today),
    )
    with override(documents_language(account)):
        _add_lines(invoice, quote)
    return invoice


def _due_date(quote: Quote, today: date) -> date:
    """Days to pay after today; of a renewal that is accepted early, not before its term begins."""
    due = today + timedelta(days=quote.payment_days)
    return max(due, quote.start_date) if quote.is_renewal and quote.start_date else due


def seller_of(legal_entity: str) -> dict[str, str]:
    """The legal entity as it is now; empty where nobody has entered it yet."""
    found = LegalEntity.objects.filter(name=legal_entity).first()
    return found.as_seller() if found else {}


def _add_lines(invoice: Invoice, quote: Quote) -> None:
    """The lines of the quote, explained in the language of the company's documents."""
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            account=invoice.account,
            invoice=invoice,
            position=line.position,
            product=line.product,
            description=line.product.name,
            explanation=capfirst(line.words),
            quantity=line.quantity,
            unit_price=line.net_unit_price,
            total_minor=line.total_minor,
            tax_rate=line.tax_rate,
            tax_minor=line.tax_minor,
            tax_category=line.tax_category,
        )
        for line in quote.lines.select_related("product")
    )


def void_invoice(*, invoice: Invoice, now: datetime) -> None:
    """Withdraw an open invoice, as its order is cancelled. One that is not open stays as it is.

    Raises InvoiceBeingPaid while a payment may still take money, and OnlyCreditable.
    """
    # The same lock that starting a payment takes: either it sees the void invoice, or we see its attempt.
    locked = Invoice.objects.select_for_update(of=("self",)).get(pk=invoice.pk)
    if locked.status != InvoiceStatus.OPEN:
        return
    if PaymentAttempt.objects.filter(invoice=locked).pending().exists():
        raise InvoiceBeingPaid
    if PeriodClose.covers(locked.legal_entity, locked.issue_date) or locked.corrections.exists():
        raise OnlyCreditable
    locked.status = InvoiceStatus.VOID
    locked.save(update_fields=["status"])
    balances.give_back(invoice=locked, now=now)
    standing.look_again(account=locked.account, now=now)
    invoice.status = locked.status
    mail_companies(kind="invoice_withdrawn", told=[(locked.account, {"invoice": locked})])


def document(*, invoice: Invoice, actor: Actor, now: datetime) -> StoredFile:
    """The invoice as a PDF, for somebody who asks for it."""
    stored = stored_document(invoice)
    record(
        name=EventName.DOCUMENT_DOWNLOADED,
        actor=actor,
        now=now,
        object_type="invoice",
        object_id=invoice.number,
    )
    return stored


def stored_document(invoice: Invoice) -> StoredFile:
    """The invoice as a PDF, made the first time it is needed, and kept."""
    stored = invoice.pdf
    if stored is None:
        with transaction.atomic():
            # Two first downloads at once make one file: the second finds it here.
            locked = Invoice.objects.select_for_update(of=("self",)).select_related("pdf").get(pk=invoice.pk)
            stored = locked.pdf or _make_document(locked)
        invoice.pdf = stored
    return stored


def render_pdf(invoice: Invoice) -> bytes:
    """The PDF's bytes; the same for the same invoice, whenever and wherever it is made. In the company's language."""
    language = documents_language(invoice.account)
    with override(language):
        data = {"language": language, **invoice_documents.contents(invoice)}
    return documents.to_pdf(data, day=invoice.issue_date, xml=_einvoice(invoice))


def _einvoice(invoice: Invoice) -> bytes:
    try:
        return einvoices.to_xml(invoice, prepaid_minor=balances.used_for(invoice))
    except einvoices.NotExpressible as reason:
        # A bill without its XML is a bill still: most buyers outside of the EU never ask for it.
        logger.info("invoice %s is no e-invoice: %s", invoice.number, reason)
        return b""


def next_number(legal_entity: str, kind: InvoiceKind) -> str:
    """The next number of a legal entity's invoices or credit notes; given again where the transaction fails."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT commerce_next_invoice_number(%s, %s)", [legal_entity, kind.value])
        return str(cursor.fetchone()[0])


def _make_document(invoice: Invoice) -> StoredFile:
    stored = store_content(
        account=invoice.account,
        name=f"{invoice.number}.pdf",
        content=render_pdf(invoice),
        content_type="application/pdf",
        permission=Permission.VIEW_INVOICES,
    )
    invoice.pdf = stored
    invoice.save(update_fields=["pdf"])
    return stored
