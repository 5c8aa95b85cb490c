"""Tax on what is sold: by country, inside of the price or on top, and owed by the buyer where the law says so."""

import uuid
from decimal import Decimal

import pytest
from django.urls import reverse

from commerce.amounts import money
from commerce.catalogue import vat_ids
from commerce.configuring.configuring import configure
from commerce.configuring.situations import Configuration, situation_of
from commerce.contracts.contracts import overview_of
from commerce.models import TaxRate
from commerce.orders.fulfilling import fulfil
from commerce.pricing.money import Money
from commerce.quotes import quote_documents
from commerce.quotes.acceptance import accept_quote
from commerce.quotes.quoting import create_quote

UPGRADE = Configuration("team", 60)
SWAP = Configuration("business", 60)


@pytest.mark.parametrize(
    ("vat_id", "country"),
    [
        ("DE123456789", "DE"),
        ("de 123.456-789", "DE"),
        ("ATU12345678", "AT"),
        ("EL123456789", "GR"),
        ("FRXX123456789", "FR"),
        ("NL123456789B01", "NL"),
        ("ESX1234567L", "ES"),
        ("IE1234567WA", "IE"),
        ("XI123456789", "GB"),
    ],
)
def test_a_vat_id_of_its_country_s_form_is_valid(vat_id, country):
    assert vat_ids.is_valid(vat_id, country=country)


@pytest.mark.parametrize(
    ("vat_id", "country"),
    [
        ("", "DE"),
        ("123456789", "DE"),
        ("DE12345678", "DE"),
        ("DE1234567890", "DE"),
        ("DE١٢٣٤٥٦٧٨٩", "DE"),
        ("FR123456789", "FR"),
        ("DE123456789", "FR"),
        ("GR123456789", "GR"),
        ("GB123456789", "GB"),
        ("US123456789", "US"),
    ],
)
def test_another_form_or_country_is_not(vat_id, country):
    assert not vat_ids.is_valid(vat_id, country=country)


@pytest.fixture
def french(acme, contract, today):
    """Acme is billed in France, where the buyer may owe the tax itself."""
    TaxRate.objects.create(
        country="FR", name="TVA", rate=Decimal("0.20"), valid_from=contract.start_date, is_reversible=True
    )
    acme.billing_country = "FR"
    acme.save()
    return acme


def test_a_business_of_another_member_state_owes_the_tax_itself(french, today):
    with_tax = configure(french, UPGRADE, today)
    assert with_tax.due_tax_minor > 0
    french.vat_id = "FR12345678901"
    without = configure(french, UPGRADE, today)
    assert (without.due_tax_minor, without.due_net_minor) == (0, with_tax.due_net_minor)
    french.vat_id = "FR1"
    assert configure(french, UPGRADE, today) == with_tax


def test_the_sentence_of_the_law_stands_on_the_lines_of_quote_and_invoice(french, admin, now):
    french.vat_id = "FR12345678901"
    french.save()
    actor = admin.membership.actor()
    quote = create_quote(account=french, actor=actor, user=admin, configuration=UPGRADE, now=now, form_key=uuid.uuid4())
    sentence = "Reverse charge: the recipient FR12345678901 accounts for the VAT"
    assert sentence in quote.lines.get().words
    order = accept_quote(quote=quote, shown_hash=quote.price_hash, consent_name="Ada", ip=None, actor=actor, now=now)
    line = order.invoice.lines.get()
    assert sentence in line.explanation
    assert (line.tax_rate, line.tax_minor) == (0, 0)


def test_where_prices_have_the_tax_in_them_the_total_is_the_price(acme, contract, admin, today, now):
    before = configure(acme, UPGRADE, today)
    TaxRate.objects.filter(country="DE").update(treatment="inclusive")
    priced = configure(acme, UPGRADE, today)
    assert priced.due_now_minor == before.due_net_minor
    # 11 902 / 1.19
    assert priced.due_tax_minor == priced.due_now_minor - round(priced.due_now_minor / Decimal("1.19"))
    quote = create_quote(
        account=acme, actor=admin.membership.actor(), user=admin, configuration=UPGRADE, now=now, form_key=uuid.uuid4()
    )
    assert quote.total_minor == priced.due_now_minor
    assert quote.recurring_after_minor < priced.monthly_minor
    assert "including" in quote.lines.get().words


def test_who_owes_the_tax_themselves_does_not_pay_the_tax_that_is_in_the_price(french, admin, today, now):
    TaxRate.objects.filter(country="FR").update(treatment="inclusive")
    with_tax = configure(french, UPGRADE, today)
    french.vat_id = "FR12345678901"
    french.save()
    actor = admin.membership.actor()
    quote = create_quote(account=french, actor=actor, user=admin, configuration=UPGRADE, now=now, form_key=uuid.uuid4())
    line = quote.lines.get()
    assert (quote.total_minor, line.tax_minor, line.tax_rate) == (with_tax.due_net_minor, 0, 0)
    assert line.tax_category == "AE"
    assert "without the tax that is in the price (20 %). Reverse charge" in line.words
    assert configure(french, UPGRADE, today).monthly_minor < with_tax.monthly_minor
    order = accept_quote(quote=quote, shown_hash=quote.price_hash, consent_name="Ada", ip=None, actor=actor, now=now)
    assert order.invoice.total_minor == quote.total_minor


def test_the_tax_is_read_with_the_situation(acme, contract, today):
    tax = situation_of(acme, today).tax
    assert (tax.rate_percent, tax.note) == (19, None)


def test_beside_amounts_before_tax_stand_unit_prices_before_tax(acme, contract, admin, today, now, signed_in):
    """Also where prices have the tax in them: page, document, API, bill, configurator and comparison have one basis."""
    TaxRate.objects.filter(country="DE").update(treatment="inclusive")
    quote = create_quote(
        account=acme, actor=admin.membership.actor(), user=admin, configuration=SWAP, now=now, form_key=uuid.uuid4()
    )
    line = quote.lines.get(change="swap_in")
    assert (line.unit_price, line.net_unit_price) == (19, Decimal("15.966386554622"))
    # What is due for the time left is the net price of each month of it, of each unit.
    assert abs(line.recurring_minor - line.net_unit_price * line.quantity * 100) < 1

    client = signed_in(admin)
    page = client.get(reverse("commerce:quote", args=[quote.public_id])).content.decode()
    monthly = money(Money(quote.recurring_after_minor, "EUR"))
    assert "about €15.9664" in page
    assert monthly in page
    assert "€15.9664" in quote_documents._line(line, "EUR")["unit_price"]
    read = client.get(f"/api/v1/quotes/{quote.public_id}").json()
    assert Decimal(read["lines"][1]["unit_price"]) == line.net_unit_price
    assert read["recurring_after_minor"] == quote.recurring_after_minor
    asked = {"plan": SWAP.plan, "seats": SWAP.seats}
    for name in ("configure", "configure-price", "compare-plans"):
        assert monthly in client.get(reverse(f"commerce:{name}"), asked).content.decode(), name

    invoice = accept_quote(
        quote=quote, shown_hash=quote.price_hash, consent_name="Ada", ip=None, actor=admin.membership.actor(), now=now
    ).invoice
    assert line.net_unit_price in invoice.lines.values_list("unit_price", flat=True)


def test_where_the_tax_is_taken_out_unit_prices_have_none_either(acme, contract, admin, now):
    TaxRate.objects.filter(country="DE").update(treatment="inclusive", is_reversible=True)
    acme.vat_id = "DE123456788"
    acme.save()
    quote = create_quote(
        account=acme, actor=admin.membership.actor(), user=admin, configuration=SWAP, now=now, form_key=uuid.uuid4()
    )
    line = quote.lines.get(change="swap_in")
    assert (quote.tax_minor, line.net_unit_price) == (0, Decimal("15.966386554622"))
    assert abs(line.recurring_minor - line.net_unit_price * line.quantity * 100) < 1


def test_what_is_owned_is_shown_before_tax_too(acme, contract, admin, now, today, signed_in, time_machine_now):
    TaxRate.objects.filter(country="DE").update(treatment="inclusive")
    quote = create_quote(
        account=acme, actor=admin.membership.actor(), user=admin, configuration=SWAP, now=now, form_key=uuid.uuid4()
    )
    accept_quote(
        quote=quote, shown_hash=quote.price_hash, consent_name="Ada", ip=None, actor=admin.membership.actor(), now=now
    )
    # Paid by transfer.
    fulfil(order=quote.order, now=now, actor=admin.membership.actor())
    line = overview_of(contract, today).plan
    assert (line.unit_price, line.net_unit_price) == (19, Decimal("15.966386554622"))
    assert line.monthly_for(line.quantity) == line.monthly_minor == 95_798
    client = signed_in(admin)
    for page in (reverse("commerce:contracts"), reverse("commerce:contract", args=[contract.number])):
        text = client.get(page).content.decode()
        assert "about €15.9664" in text
        assert "€19.00" not in text


def test_the_plans_page_says_whose_tax_comes_off(acme, contract, admin, signed_in, time_machine_now):
    TaxRate.objects.filter(country="DE").update(treatment="inclusive", is_reversible=True)
    client, url = signed_in(admin), reverse("commerce:plans")
    assert "At your prices, tax included." in client.get(url).content.decode()
    acme.vat_id = "DE123456788"
    acme.save()
    text = client.get(url).content.decode()
    assert "tax included" not in text
    assert "comes off in your quotes and invoices, as you account for it yourselves" in text
