"""Invoices: issued once from an order, and never changed."""

import logging
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts import brands
from accounts.languages import documents_language
from accounts.models import StoredFile
from accounts.permissions import Permission
from accounts.services import store_content
from commerce import amounts, documents, einvoices
from commerce.models import Invoice, InvoiceLine, InvoiceStatus, LegalEntity, Order, PaymentAttempt, Quote
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.money import Money
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record

logger = logging.getLogger(__name__)


class InvoiceBeingPaid(Exception):
    """A payment of the invoice is on its way: it can't be withdrawn now."""


def issue_invoice(*, order: Order, quote: Quote, now: datetime) -> Invoice:
    """Bill the order with the lines and totals of its quote, as they were accepted.

    Runs in the transaction that accepts the quote, in the customer's scope. The number is the next of the legal entity
    and is lost with the transaction, so that none is missing. An invoice of zero or less has nothing to be paid and is
    open only until its order is fulfilled.
    """
    account = order.account
    today = now.astimezone(ZoneInfo(account.time_zone)).date()
    invoice = Invoice.objects.create(
        number=_next_number(settings.LEGAL_ENTITY),
        legal_entity=settings.LEGAL_ENTITY,
        account=account,
        order=order,
        currency=quote.currency,
        subtotal_minor=quote.subtotal_minor,
        tax_minor=quote.tax_minor,
        total_minor=quote.total_minor,
        bill_to=documents.bill_to(account),
        seller=_seller(settings.LEGAL_ENTITY),
        po_number=order.po_number,
        issue_date=today,
        due_date=today + timedelta(days=quote.payment_days),
    )
    with override(documents_language(account)):
        _add_lines(invoice, quote)
    return invoice


def _seller(legal_entity: str) -> dict[str, str]:
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
            unit_price=line.unit_price,
            total_minor=line.total_minor,
            tax_rate=line.tax_rate,
            tax_minor=line.tax_minor,
            tax_category=line.tax_category,
        )
        for line in quote.lines.select_related("product")
    )


def void_invoice(*, invoice: Invoice) -> None:
    """Withdraw an open invoice, as its order is cancelled. One that is not open stays as it is.

    Raises InvoiceBeingPaid while a payment may still take money.
    """
    # The same lock that starting a payment takes: either it sees the void invoice, or we see its attempt.
    locked = Invoice.objects.select_for_update(of=("self",)).get(pk=invoice.pk)
    if locked.status != InvoiceStatus.OPEN:
        return
    if PaymentAttempt.objects.filter(invoice=locked).pending().exists():
        raise InvoiceBeingPaid
    locked.status = InvoiceStatus.VOID
    locked.save(update_fields=["status"])
    invoice.status = locked.status


def document(*, invoice: Invoice, actor: Actor, now: datetime) -> StoredFile:
    """The invoice as a PDF, made the first time somebody asks for it, and kept."""
    stored = invoice.pdf
    if stored is None:
        # Two first downloads at once make one file: the second finds it here.
        locked = Invoice.objects.select_for_update(of=("self",)).select_related("pdf").get(pk=invoice.pk)
        stored = locked.pdf or _make_document(locked)
        invoice.pdf = stored
    record(
        name=EventName.DOCUMENT_DOWNLOADED,
        actor=actor,
        now=now,
        object_type="invoice",
        object_id=invoice.number,
    )
    return stored


def render_pdf(invoice: Invoice) -> bytes:
    """The PDF's bytes; the same for the same invoice, whenever and wherever it is made. In the company's language."""
    language = documents_language(invoice.account)
    with override(language):
        data = {"language": language, **_document_data(invoice)}
    return documents.to_pdf(data, day=invoice.issue_date, xml=_einvoice(invoice))


def _einvoice(invoice: Invoice) -> bytes:
    try:
        return einvoices.to_xml(invoice)
    except einvoices.NotExpressible as reason:
        # A bill without its XML is a bill still: most buyers outside of the EU never ask for it.
        logger.info("invoice %s is no e-invoice: %s", invoice.number, reason)
        return b""


def _next_number(legal_entity: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT commerce_next_invoice_number(%s)", [legal_entity])
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


def _document_data(invoice: Invoice) -> dict[str, object]:
    """What the template shows, written out: no figure is worked out or rounded there."""
    currency = invoice.currency
    look = brands.of(invoice.account)

    def money(minor: int) -> str:
        return amounts.money(Money(minor, currency))

    return {
        "title": _("Invoice %(number)s") % {"number": invoice.number},
        "vendor": look.name,
        "colour": look.primary,
        "legal_entity": invoice.legal_entity,
        "imprint": documents.imprint(invoice.seller),
        "bill_to": documents.address(invoice.bill_to),
        "facts": [
            [_("Invoice number"), invoice.number],
            [_("Issued"), date_format(invoice.issue_date, "LONG_DATE_FORMAT")],
            [_("Due"), date_format(invoice.due_date, "LONG_DATE_FORMAT")],
            [_("Order"), invoice.order.number if invoice.order else ""],
            [_("Your reference"), invoice.po_number],
            [_("Your cost centre"), invoice.buyer_reference],
        ],
        "headings": [_("Item"), _("Quantity"), _("Unit price"), _("Amount")],
        "lines": [
            {
                "description": line.description,
                "explanation": line.explanation,
                "quantity": amounts.number(line.quantity),
                "unit_price": amounts.unit_price(UnitPrice(line.unit_price, currency)),
                "total": money(line.total_minor),
            }
            for line in invoice.lines.all()
        ],
        "totals": [
            [_("Subtotal"), money(invoice.subtotal_minor)],
            [_("Tax"), money(invoice.tax_minor)],
            [_("Total"), money(invoice.total_minor)],
        ],
        "note": _("Please pay by %(date)s. In the portal you can pay by card: open the invoice and choose Pay.")
        % {"date": date_format(invoice.due_date, "LONG_DATE_FORMAT")},
    }
