"""Invoices for machines: EN 16931 as Factur-X (CII XML), made of what the invoice keeps and of nothing else.

The same invoice gives the same bytes. What the standard can't say is refused before anything is made, and what is made
is checked against the schema. BT and BG are the standard's own numbers of its terms and groups.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import facturx
from lxml import etree

from commerce.billing.references import creditor_reference
from commerce.models import Invoice, InvoiceLine
from commerce.pricing.money import Money
from commerce.pricing.tax import TaxCategory

FILE_NAME = "factur-x.xml"  # The standard wants this one.
LEVEL = "en16931"

INVOICE, CREDIT_NOTE = "380", "381"  # UNTDID 1001.
PIECES = "C62"  # UN/ECE Recommendation 20: one, of whatever it is.
SEPA_TRANSFER, OTHER_TRANSFER = "58", "30"  # UNTDID 4461.
BY_EMAIL = "EM"  # An electronic address that is an e-mail's.
DECIMALS = 2  # The most that the standard allows in an amount.

Terms = dict[str, object]

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FX = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_EXTENSIONS = "{http://www.aiim.org/pdfa/ns/extension/}schemas"


class NotExpressible(Exception):
    """The standard asks for something that the invoice does not say, or can't say what it does."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How amounts of a document are told: those of a credit note, which are below zero, the other way round."""

    currency: str
    direction: int

    def amount(self, minor: int) -> str:
        """Major units. Raises NotExpressible for what has more decimals than the standard allows."""
        amount = Money(minor * self.direction, self.currency).amount
        places = -int(amount.as_tuple().exponent)
        if places > DECIMALS:
            if amount % Decimal("0.01"):
                raise NotExpressible(f"{amount} {self.currency} has more than two decimals")
            places = DECIMALS
        return f"{amount:.{places}f}"


def to_xml(invoice: Invoice, *, prepaid_minor: int = 0) -> bytes:
    """The invoice as XML, valid by the schema; `prepaid_minor` of it was settled before. Raises NotExpressible."""
    lines = list(invoice.lines.select_related("product"))
    _check(invoice, lines)
    figures = Figures(invoice.currency, -1 if invoice.is_credit_note else 1)
    terms: Terms = {
        **_head(invoice),
        **(_of_credit_note(invoice, invoice.corrects) if invoice.corrects else _of_invoice(invoice)),
        **_totals(invoice, figures, prepaid_minor),
        "BG-4": _party(invoice.seller),
        "BG-7": _party(invoice.bill_to),
        "BG-23": _taxes(lines, figures),
        "BG-25": [_line(line, figures) for line in lines],
    }
    xml: bytes = facturx.generate_cii_xml(_written(terms), level=LEVEL, check_xsd=True, check_schematron=False)
    return xml


def xml_of(pdf: bytes) -> bytes | None:
    """What `to_xml` made, as the PDF carries it; None where it carries none."""
    _name, xml = facturx.get_facturx_xml_from_pdf(pdf, check_xsd=False)
    return xml or None


def declare(xmp: bytes) -> bytes:
    """The metadata of a PDF/A-3, telling besides that an e-invoice is attached."""
    root = etree.fromstring(xmp)
    told = facturx.generate_xmp_object(
        {
            "urn": _FX,
            "documenttype": "INVOICE",
            "xml_filename": FILE_NAME,
            "version": "1.0",
            "xmp_level": "EN 16931",
            # The rest is in the metadata that the PDF has already.
            **dict.fromkeys(
                ("pdfa3_flavor", "title", "author", "subject", "producer", "creator_tool", "timestamp"), ""
            ),
        }
    )
    schema = told.find(f".//{_EXTENSIONS}/{{{_RDF}}}Bag/{{{_RDF}}}li")
    values = next(found for found in told.iter(f"{{{_RDF}}}Description") if found.find(f"{{{_FX}}}Version") is not None)
    root.find(f".//{_EXTENSIONS}/{{{_RDF}}}Bag").append(schema)
    values.set(f"{{{_RDF}}}about", "")
    root.find(f"{{{_RDF}}}RDF").append(values)
    declared: bytes = etree.tostring(root.getroottree(), encoding="UTF-8")
    return declared


def _check(invoice: Invoice, lines: list[InvoiceLine]) -> None:
    if missing := [name for name in ("name", "country", "vat_id") if not invoice.seller.get(name)]:
        raise NotExpressible(f"the seller's {', '.join(missing)} was not known")
    if not invoice.bill_to.get("country"):
        raise NotExpressible("the buyer's country is not known")
    if not all(line.tax_category for line in lines):
        raise NotExpressible("why the tax is what it is was not noted")
    if _is_reversed(lines) and not invoice.bill_to.get("vat_id"):
        raise NotExpressible("the buyer's VAT id was not known")


def _is_reversed(lines: Iterable[InvoiceLine]) -> bool:
    return any(line.tax_category == TaxCategory.REVERSE_CHARGE for line in lines)


def _head(invoice: Invoice) -> Terms:
    return {
        "BT-1": invoice.number,
        "BT-2": invoice.issue_date,
        "BT-5": invoice.currency,
        "BT-10": invoice.buyer_reference,
        "BT-13": invoice.po_number,
    }


def _of_invoice(invoice: Invoice) -> Terms:
    return {
        "BT-3": INVOICE,
        "BT-9": invoice.due_date,
        "BT-14": invoice.order.number if invoice.order else "",
        "BT-72": invoice.issue_date,  # What is sold begins at once.
        **_payment(invoice),
    }


def _of_credit_note(note: Invoice, invoice: Invoice) -> Terms:
    return {
        "BT-3": CREDIT_NOTE,
        "BT-20": "Credited to the balance",
        "BT-72": invoice.issue_date,
        "BG-1": [{"BT-22": note.reason}] if note.reason else [],
        "BG-3": [{"BT-25": invoice.number, "BT-26": invoice.issue_date}],
    }


def _payment(invoice: Invoice) -> Terms:
    """Where a transfer goes. Cards are charged in the portal, of which the standard need not know."""
    seller = invoice.seller
    if not seller.get("iban"):
        return {}
    return {
        "BT-81": SEPA_TRANSFER if invoice.currency == "EUR" else OTHER_TRANSFER,
        "BT-83": creditor_reference(invoice.number),
        "BT-84": seller["iban"],
        "BT-85": seller["name"],
        "BT-86": seller.get("bic", ""),
    }


def _totals(invoice: Invoice, figures: Figures, prepaid_minor: int) -> Terms:
    net = figures.amount(invoice.subtotal_minor)
    return {
        "BT-106": net,
        "BT-109": net,
        "BT-110": figures.amount(invoice.tax_minor),
        "BT-112": figures.amount(invoice.total_minor),
        "BT-113": figures.amount(prepaid_minor) if prepaid_minor else "",
        "BT-115": figures.amount(invoice.total_minor - prepaid_minor),
    }


def _party(whom: dict[str, str]) -> Terms:
    party: Terms = {
        "name": whom["name"],
        "vat_identifier": whom.get("vat_id", ""),
        "legal_identifier": whom.get("registration", ""),
        "addr_l1": whom.get("street", ""),
        "postcode": whom.get("postal_code", ""),
        "city": whom.get("city", ""),
        "country_code": whom["country"],
    }
    if email := whom.get("email"):
        party |= {"einvoicing_addr": email, "einvoicing_addr_schemeid": BY_EMAIL}
    if whom.get("phone") and email:
        party["contacts"] = [{"name": whom["name"], "phone": whom["phone"], "email": email}]
    return party


def _taxes(lines: Iterable[InvoiceLine], figures: Figures) -> list[Terms]:
    """What was taxed, at each rate and for each reason: the sums of the lines, to the last unit."""
    sums: dict[tuple[str, Decimal], tuple[int, int]] = {}
    for line in lines:
        net, tax = sums.get((line.tax_category, line.tax_rate), (0, 0))
        sums[line.tax_category, line.tax_rate] = net + line.total_minor, tax + line.tax_minor
    return [
        {
            "BT-116": figures.amount(net),
            "BT-117": figures.amount(tax),
            "BT-118": category,
            "BT-119": _percent(rate),
            **_exemption(category),
        }
        for (category, rate), (net, tax) in sorted(sums.items())
    ]


def _exemption(category: str) -> Terms:
    if category != TaxCategory.REVERSE_CHARGE:
        return {}
    return {"BT-120": "Reverse charge", "BT-121": "VATEX-EU-AE"}


def _line(line: InvoiceLine, figures: Figures) -> Terms:
    """A line. Its price is told for all of its quantity together, as a part of it may have no exact price.

    Prices are never below zero in the standard: what is credited has a negative quantity.
    """
    quantity = abs(line.quantity) or Decimal(1)
    return {
        "BT-126": str(line.position),
        "BT-127-00": [{"BT-127": line.explanation}] if line.explanation else [],
        "BT-129": _number(-quantity if line.total_minor * figures.direction < 0 else quantity),
        "BT-130": PIECES,
        "BT-131": figures.amount(line.total_minor),
        "BT-146": figures.amount(abs(line.total_minor) * figures.direction),
        "BT-149": _number(quantity),
        "BT-151": line.tax_category,
        "BT-152": _percent(line.tax_rate),
        "BT-153": line.description,
        "BT-155": line.product.code if line.product else "",
    }


def _percent(rate: Decimal) -> str:
    return _number(rate * 100)


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _written(terms: Terms) -> Terms:
    """Without what is empty, and without characters that XML has no way to say."""
    return {name: _text(value) for name, value in terms.items() if value not in ("", None, [])}


def _text(value: object) -> object:
    match value:
        case str():
            return _NOT_IN_XML.sub("", value)
        case dict():
            return _written(value)
        case list():
            return [_text(item) for item in value]
    return value
