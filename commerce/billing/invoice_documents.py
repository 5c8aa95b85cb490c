"""What stands on an invoice or a credit note, written out: no figure is worked out or rounded in the template."""

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import brands
from commerce import amounts, documents
from commerce.billing import balances
from commerce.models import Invoice
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.money import Money


def contents(invoice: Invoice) -> dict[str, object]:
    """In the language that is active."""
    look = brands.of(invoice.account)
    return {
        "vendor": look.name,
        "colour": look.primary,
        "legal_entity": invoice.legal_entity,
        "imprint": documents.imprint(invoice.seller),
        "bill_to": documents.address(invoice.bill_to),
        "headings": [_("Item"), _("Quantity"), _("Unit price"), _("Amount")],
        "lines": _lines(invoice),
        **(_of_credit_note(invoice, invoice.corrects) if invoice.corrects else _of_invoice(invoice)),
    }


def _of_invoice(invoice: Invoice) -> dict[str, object]:
    used = balances.used_for(invoice)
    due = date_format(invoice.due_date, "LONG_DATE_FORMAT")
    settled = [
        [_("From your balance"), _money(invoice, -used)],
        [_("To be paid"), _money(invoice, invoice.total_minor - used)],
    ]
    return {
        "title": _("Invoice %(number)s") % {"number": invoice.number},
        "facts": [
            [_("Invoice number"), invoice.number],
            [_("Issued"), date_format(invoice.issue_date, "LONG_DATE_FORMAT")],
            [_("Due"), due],
            [_("Order"), invoice.order.number if invoice.order else ""],
            [_("Payment reference"), invoice.payment_reference],
            *_references(invoice),
        ],
        "totals": [*_totals(invoice), *(settled if used else [])],
        "note": _how_to_pay(invoice, due) if invoice.total_minor > used else _("Nothing is left to be paid."),
    }


def _how_to_pay(invoice: Invoice, due: str) -> str:
    return _(
        "Please pay by %(date)s, and name %(reference)s in a transfer. In the portal you can pay by card: open the"
        " invoice and choose Pay."
    ) % {"date": due, "reference": invoice.payment_reference}


def _of_credit_note(note: Invoice, invoice: Invoice) -> dict[str, object]:
    owed = _("What was still to be paid is owed no more. What was paid is in your balance for the next invoice.")
    return {
        "title": _("Credit note %(number)s") % {"number": note.number},
        "facts": [
            [_("Credit note number"), note.number],
            [_("Issued"), date_format(note.issue_date, "LONG_DATE_FORMAT")],
            [_("For invoice"), invoice.number],
            [_("Invoice of"), date_format(invoice.issue_date, "LONG_DATE_FORMAT")],
            *_references(note),
        ],
        "totals": _totals(note),
        "note": "\n".join(filter(None, [note.reason, owed])),
    }


def _references(invoice: Invoice) -> list[list[str]]:
    return [[_("Your reference"), invoice.po_number], [_("Your cost centre"), invoice.buyer_reference]]


def _lines(invoice: Invoice) -> list[dict[str, str]]:
    return [
        {
            "description": line.description,
            "explanation": line.explanation,
            "quantity": amounts.number(line.quantity),
            "unit_price": amounts.unit_price(UnitPrice(line.unit_price, invoice.currency)),
            "total": _money(invoice, line.total_minor),
        }
        for line in invoice.lines.all()
    ]


def _totals(invoice: Invoice) -> list[list[str]]:
    return [
        [_("Subtotal"), _money(invoice, invoice.subtotal_minor)],
        [_("Tax"), _money(invoice, invoice.tax_minor)],
        [_("Total"), _money(invoice, invoice.total_minor)],
    ]


def _money(invoice: Invoice, minor: int) -> str:
    return amounts.money(Money(minor, invoice.currency))
