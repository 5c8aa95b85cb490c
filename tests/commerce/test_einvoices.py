"""E-invoices: EN 16931 as Factur-X, checked by the schema and by the standard's own sums."""

import io
from decimal import Decimal

import facturx
import pytest
from lxml import etree
from pypdf import PdfReader

from accounts.models import Account
from commerce.billing import einvoices, invoicing
from commerce.billing.references import creditor_reference
from commerce.models import Invoice, InvoiceLine, LegalEntity, TaxRate
from tests.factories import SELLER

pytestmark = pytest.mark.django_db

BUYER = {
    "name": "Acme Logistics GmbH", "street": "Hafenstraße 1", "postal_code": "20457", "city": "Hamburg",
    "country": "DE", "vat_id": "DE123456789", "email": "invoices@acme.example",
}  # fmt: skip
STANDARD, REVERSED, ZERO = ("S", "0.19"), ("AE", "0"), ("Z", "0")


@pytest.fixture
def bill(acme, now):
    """An invoice of lines given as (net, tax, (category, rate)): `bill((1000, 190, STANDARD))`."""

    def bill(*lines, currency="EUR", quantity="3", **fields):
        net, tax = sum(line[0] for line in lines), sum(line[1] for line in lines)
        defaults = {
            "number": f"INV-{Invoice.objects.count() + 100:05}", "legal_entity": "Meridian Works GmbH",
            "account": acme, "currency": currency, "subtotal_minor": net, "tax_minor": tax, "total_minor": net + tax,
            "bill_to": BUYER, "seller": {"name": "Meridian Works GmbH"} | SELLER, "issue_date": now.date(),
            "due_date": now.date(),
        }  # fmt: skip
        invoice = Invoice.objects.create(**(defaults | fields))
        for position, (total, line_tax, (category, rate)) in enumerate(lines, start=1):
            InvoiceLine.objects.create(
                account=acme, invoice=invoice, position=position, description=f"Item {position}",
                explanation="3 seats for a month", quantity=Decimal(quantity), unit_price=Decimal("11.4"),
                total_minor=total, tax_minor=line_tax, tax_rate=Decimal(rate), tax_category=category,
            )  # fmt: skip
        return invoice

    return bill


class Read:
    """An e-invoice as its receiver reads it."""

    def __init__(self, xml):
        self.root = etree.fromstring(xml)
        self.names = {key: value for key, value in self.root.nsmap.items() if key}

    def all(self, path):
        return [found.text for found in self.root.iterfind(f".//{path}", self.names)]

    def one(self, path):
        (found,) = self.all(path)
        return found

    def figures(self, path):
        return [Decimal(found) for found in self.all(path)]


def holds(xml):
    """The sums that the standard asks for (BR-CO-10, 13, 14, 15, 16) and its rules of each kind of tax."""
    facturx.xml_check_xsd(xml, flavor="factur-x", level="en16931")
    read = Read(xml)
    total = {name: read.figures(f"ram:SpecifiedTradeSettlementHeaderMonetarySummation/ram:{name}") for name in (
        "LineTotalAmount", "TaxBasisTotalAmount", "TaxTotalAmount", "GrandTotalAmount", "DuePayableAmount",
    )}  # fmt: skip
    total = {name: found[0] for name, found in total.items()}
    settled = "ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax"
    basis, tax = read.figures(f"{settled}/ram:BasisAmount"), read.figures(f"{settled}/ram:CalculatedAmount")
    lines = read.figures("ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount")
    assert sum(lines) == total["LineTotalAmount"] == total["TaxBasisTotalAmount"] == sum(basis)
    assert sum(tax) == total["TaxTotalAmount"]
    assert total["TaxBasisTotalAmount"] + total["TaxTotalAmount"] == total["GrandTotalAmount"]
    assert total["DuePayableAmount"] == total["GrandTotalAmount"]
    assert all(figure.as_tuple().exponent >= -2 for figure in [*lines, *basis, *tax, *total.values()])  # BR-DEC
    net = "ram:SpecifiedLineTradeAgreement/ram:NetPriceProductTradePrice"
    prices, per = read.figures(f"{net}/ram:ChargeAmount"), read.figures(f"{net}/ram:BasisQuantity")
    quantities = read.figures("ram:SpecifiedLineTradeDelivery/ram:BilledQuantity")
    assert all(price >= 0 for price in prices)  # BR-27
    assert [price * quantity / size for price, quantity, size in zip(prices, quantities, per, strict=True)] == lines
    for category, rate in zip(
        read.all(f"{settled}/ram:CategoryCode"), read.figures(f"{settled}/ram:RateApplicablePercent"), strict=True
    ):
        assert (rate > 0) == (category == "S")  # BR-S-05, BR-AE-05, BR-Z-05
    return read


def test_a_standard_rated_bill_says_who_what_and_how_much(bill):
    invoice = bill((100_00, 19_00, STANDARD), (50_05, 9_51, STANDARD), po_number="PO-77", buyer_reference="KST 12")
    read = holds(einvoices.to_xml(invoice))
    assert read.one("rsm:ExchangedDocument/ram:ID") == invoice.number
    assert read.one("rsm:ExchangedDocument/ram:TypeCode") == "380"
    assert read.one("ram:GuidelineSpecifiedDocumentContextParameter/ram:ID") == "urn:cen.eu:en16931:2017"
    assert read.one("ram:BuyerReference") == "KST 12"
    assert read.one("ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID") == "PO-77"
    assert read.one("ram:SellerTradeParty/ram:Name") == "Meridian Works GmbH"
    assert read.one("ram:SellerTradeParty/ram:SpecifiedTaxRegistration/ram:ID") == "DE298765432"
    assert read.one("ram:SellerTradeParty/ram:PostalTradeAddress/ram:CityName") == "Hamburg"
    assert read.one("ram:BuyerTradeParty/ram:PostalTradeAddress/ram:LineOne") == "Hafenstraße 1"
    assert read.one("ram:BuyerTradeParty/ram:URIUniversalCommunication/ram:URIID") == "invoices@acme.example"
    assert read.one("ram:PayeePartyCreditorFinancialAccount/ram:IBANID") == "DE89370400440532013000"
    assert read.one("ram:SpecifiedTradeSettlementPaymentMeans/ram:TypeCode") == "58"
    assert read.one("ram:PaymentReference") == creditor_reference(invoice.number)
    assert read.one("ram:GrandTotalAmount") == "178.56"
    assert read.all("ram:IncludedNote/ram:Content") == ["3 seats for a month"] * 2


def test_a_reverse_charged_bill_says_why_it_bears_no_tax(bill):
    read = holds(
        einvoices.to_xml(bill((1000_00, 0, REVERSED), bill_to=BUYER | {"country": "AT", "vat_id": "ATU12345678"}))
    )
    settled = "ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax"
    assert read.one(f"{settled}/ram:CategoryCode") == "AE"
    assert read.one(f"{settled}/ram:ExemptionReason") == "Reverse charge"
    assert read.one(f"{settled}/ram:ExemptionReasonCode") == "VATEX-EU-AE"
    assert read.one(f"{settled}/ram:CalculatedAmount") == "0.00"
    assert read.one("ram:BuyerTradeParty/ram:SpecifiedTaxRegistration/ram:ID") == "ATU12345678"


def test_a_zero_rated_bill_gives_no_reason(bill):
    read = holds(einvoices.to_xml(bill((1000_00, 0, ZERO))))
    assert read.one("ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax/ram:CategoryCode") == "Z"
    assert read.all("ram:ExemptionReason") == []


def test_each_rate_is_summed_by_itself(bill):
    invoice = bill((100_00, 19_00, STANDARD), (10_00, 70, ("S", "0.07")), (5_00, 0, ZERO), (1_01, 19, STANDARD))
    read = holds(einvoices.to_xml(invoice))
    settled = "ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax"
    assert sorted(
        zip(read.all(f"{settled}/ram:RateApplicablePercent"), read.all(f"{settled}/ram:BasisAmount"), strict=True)
    ) == [("0", "5.00"), ("19", "101.01"), ("7", "10.00")]


def test_what_is_credited_is_a_negative_quantity_at_a_price_above_zero(bill):
    read = holds(einvoices.to_xml(bill((100_00, 19_00, STANDARD), (-33_33, -6_33, STANDARD))))
    assert read.all("ram:BilledQuantity") == ["3", "-3"]
    assert read.all("ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount") == ["100.00", "-33.33"]


@pytest.mark.parametrize("quantity", ["3", "0.3333", "7", "0", "-2"])
def test_prices_that_have_no_exact_part_add_up_all_the_same(bill, quantity):
    holds(einvoices.to_xml(bill((100_01, 19_00, STANDARD), quantity=quantity)))


def test_yen_have_no_decimals(bill):
    read = holds(einvoices.to_xml(bill((1000, 100, ("S", "0.1")), currency="JPY")))
    assert read.one("ram:GrandTotalAmount") == "1100"
    assert read.one("ram:SpecifiedTradeSettlementPaymentMeans/ram:TypeCode") == "30"


def test_dinars_are_told_where_two_decimals_suffice(bill):
    read = holds(einvoices.to_xml(bill((1234_560, 0, ZERO), currency="KWD")))
    assert read.one("ram:GrandTotalAmount") == "1234.56"


def test_dinars_to_the_last_fils_are_more_than_the_standard_can_say(bill):
    with pytest.raises(einvoices.NotExpressible, match="two decimals"):
        einvoices.to_xml(bill((1234_567, 0, ZERO), currency="KWD"))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"seller": {}}, "seller"),
        ({"seller": {"name": "Meridian Works GmbH"} | SELLER | {"vat_id": ""}}, "seller's vat_id"),
        ({"bill_to": BUYER | {"country": ""}}, "buyer's country"),
    ],
)
def test_what_the_standard_asks_for_is_not_made_up(bill, fields, reason):
    with pytest.raises(einvoices.NotExpressible, match=reason):
        einvoices.to_xml(bill((100_00, 19_00, STANDARD), **fields))


def test_a_reversed_charge_needs_the_buyer_s_vat_id(bill):
    with pytest.raises(einvoices.NotExpressible, match="buyer's VAT id"):
        einvoices.to_xml(bill((100_00, 0, REVERSED), bill_to=BUYER | {"vat_id": ""}))


def test_a_name_from_a_customer_is_text_in_the_xml(bill):
    name = 'A & B <Name xmlns="x">\x0b]]>'
    read = holds(einvoices.to_xml(bill((100_00, 19_00, STANDARD), bill_to=BUYER | {"name": name})))
    assert read.one("ram:BuyerTradeParty/ram:Name") == name.replace("\x0b", "")


def test_an_accepted_quote_becomes_an_e_invoice_inside_its_pdf(invoice):
    pdf = invoicing.render_pdf(invoice)
    assert pdf == invoicing.render_pdf(Invoice.objects.get(pk=invoice.pk))
    xml = einvoices.xml_of(pdf)
    assert xml == einvoices.to_xml(invoice)
    read = holds(xml)
    assert read.one("ram:GrandTotalAmount") == "1677.13"
    assert read.one("ram:SellerOrderReferencedDocument/ram:IssuerAssignedID") == invoice.order.number
    assert pdf.startswith(b"%PDF-1.7")
    root = PdfReader(io.BytesIO(pdf)).trailer["/Root"]
    xmp = root["/Metadata"].get_data().decode()
    for expected in ("<pdfaid:part>3</pdfaid:part>", "EN 16931</", "factur-x.xml</", "INVOICE</", "prefix>fx</"):
        assert expected in xmp
    assert [entry.get_object()["/AFRelationship"] for entry in root["/AF"]] == ["/Alternative"]


def test_a_bill_to_a_business_abroad_is_reversed_all_the_way(admin, contract, upgrade, accept, now):
    import uuid

    from commerce.quotes.quoting import create_quote

    TaxRate.objects.create(
        country="AT", name="USt", rate=Decimal("0.2"), is_reversible=True, valid_from=contract.start_date
    )
    Account.objects.filter(pk=contract.account_id).update(billing_country="AT", vat_id="ATU12345678")
    account = Account.objects.get(pk=contract.account_id)
    quote = create_quote(
        account=account, actor=admin.membership.actor(), user=admin, configuration=upgrade, now=now,
        form_key=uuid.uuid4(),
    )  # fmt: skip
    read = holds(einvoices.to_xml(accept(quote, admin).invoice))
    assert set(read.all("ram:CategoryCode")) == {"AE"}


def test_a_bill_with_prices_that_have_the_tax_in_them_tells_the_net(admin, contract, upgrade, accept, now):
    import uuid

    from commerce.quotes.quoting import create_quote

    TaxRate.objects.filter(country="DE").update(treatment="inclusive")
    quote = create_quote(
        account=contract.account, actor=admin.membership.actor(), user=admin, configuration=upgrade, now=now,
        form_key=uuid.uuid4(),
    )  # fmt: skip
    invoice = accept(quote, admin).invoice
    read = holds(einvoices.to_xml(invoice))
    assert read.one("ram:GrandTotalAmount") == str(Decimal(invoice.total_minor) / 100)
    assert read.one("ram:TaxBasisTotalAmount") == str(Decimal(invoice.subtotal_minor) / 100)


def test_a_bill_keeps_its_seller_of_the_day(invoice):
    before = invoicing.render_pdf(invoice)
    LegalEntity.objects.update(street="Elsewhere 1", vat_id="DE111111111", iban="")
    assert invoicing.render_pdf(Invoice.objects.get(pk=invoice.pk)) == before


def test_without_a_legal_entity_a_bill_is_a_bill_and_no_e_invoice(quote, accept, admin):
    LegalEntity.objects.all().delete()
    pdf = invoicing.render_pdf(accept(quote, admin).invoice)
    assert einvoices.xml_of(pdf) is None
    assert "INV-00001" in PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
