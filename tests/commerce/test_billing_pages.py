"""What a company's people for bills see and say: their list, their address, statements, and all invoices at once."""

import io
import zipfile
from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils.translation import override
from pypdf import PdfReader

from accounts.models import Account
from commerce import amounts
from commerce.billing import crediting, settling, statements
from commerce.models import Invoice
from commerce.pricing.money import Money
from tests.factories import make_invoice, make_member, make_staff
from tracking.actor import Actor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("time_machine_now")]

PROFILE = {
    "billing_email": "bills@acme.example", "billing_street": "Elbe 1", "billing_postal_code": "20457",
    "billing_city": "Hamburg", "billing_country": "de", "vat_id": "de 123 456 789", "billing_po_number": "PO-2026",
    "billing_reference": "KST 12",
}  # fmt: skip


@pytest.fixture
def bookkeeper(acme):
    return make_member(acme, "books@acme.example", "Bo Okonkwo", roles=["billing"])


@pytest.fixture
def finance(db):
    return make_staff("finance@vendor.example", "Fay Nance", group="Finance")


def body(response):
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_who_keeps_the_books_says_what_new_invoices_say(signed_in, bookkeeper, quote, accept, admin, acme):
    client = signed_in(bookkeeper)
    url = reverse("commerce:billing-profile")
    assert client.get(url).status_code == 200
    assert client.post(url, PROFILE).status_code == 302
    acme.refresh_from_db()
    assert (acme.billing_country, acme.vat_id, acme.billing_street) == ("DE", "DE123456789", "Elbe 1")
    invoice = accept(quote, admin).invoice
    assert (invoice.bill_to["email"], invoice.bill_to["street"]) == ("bills@acme.example", "Elbe 1")
    assert (invoice.po_number, invoice.buyer_reference) == ("PO-2026", "KST 12")


def test_invoices_of_before_stay_as_they_are(signed_in, bookkeeper, invoice):
    before = dict(invoice.bill_to)
    signed_in(bookkeeper).post(reverse("commerce:billing-profile"), PROFILE)
    invoice.refresh_from_db()
    assert (invoice.bill_to, invoice.po_number) == (before, "")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"vat_id": "DE12"}, "not a VAT id"),
        ({"billing_country": "XX"}, "do not send invoices"),
        ({"billing_street": ""}, "required"),
        ({"billing_email": "nobody"}, "valid email"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_kept(signed_in, bookkeeper, products, acme, wrong, said):
    before = Account.objects.values().get(pk=acme.pk)
    response = signed_in(bookkeeper).post(reverse("commerce:billing-profile"), PROFILE | wrong)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert Account.objects.values().get(pk=acme.pk) == before


def test_the_change_is_in_the_audit_log_under_their_name(signed_in, bookkeeper, products, acme):
    signed_in(bookkeeper).post(reverse("commerce:billing-profile"), PROFILE)
    event = acme.events.order_by("-pk").first()
    assert event.billing_street == "Elbe 1"
    assert event.pgh_context["user_id"] == bookkeeper.pk


def test_viewers_and_strangers_change_nothing(signed_in, viewer, client, products):
    url = reverse("commerce:billing-profile")
    assert signed_in(viewer).get(url).status_code == 403
    assert client.get(url).status_code == 302


def test_the_list_is_searched_and_filtered(signed_in, bookkeeper, acme, now, contract):
    old = make_invoice(acme, now=now - timedelta(days=60), po_number="PO-9")
    new = make_invoice(acme, now=now, due_date=now.date() + timedelta(days=14))
    client = signed_in(bookkeeper)

    def shown(**query):
        page = client.get(reverse("commerce:invoices"), query)
        assert page.status_code == 200
        return {row.number for row in page.context["page"].rows}

    assert shown() == {old.number, new.number}
    assert shown(q="po-9") == {old.number}
    assert shown(q=new.number) == {new.number}
    assert shown(status="overdue") == {old.number}
    assert shown(status="paid") == set()
    assert shown(since=now.date().isoformat()) == {new.number}
    assert shown(since="nonsense", status="odd") == {old.number, new.number}


def test_what_is_owed_and_overdue_is_summed_by_currency(signed_in, bookkeeper, acme, now, contract, most_queries):
    make_invoice(acme, now=now - timedelta(days=60), total_minor=1500, subtotal_minor=1500)
    make_invoice(acme, now=now, total_minor=2000, subtotal_minor=2000)
    make_invoice(acme, now=now - timedelta(days=9), total_minor=700, subtotal_minor=700, currency="USD")
    client = signed_in(bookkeeper)
    with most_queries(8):
        page = client.get(reverse("commerce:invoices")).content.decode()
    dollars = amounts.money(Money(700, "USD"))
    for expected in ("To be paid: €35.00", "€15.00 overdue", f"To be paid: {dollars}", f"{dollars} overdue"):
        assert expected in page


def test_all_invoices_come_as_one_zip(signed_in, bookkeeper, invoice, finance, now):
    note = crediting.credit_invoice(
        invoice=invoice, reason="No", actor=Actor.staff(finance.pk, invoice.account_id), now=now
    )
    response = signed_in(bookkeeper).get(reverse("commerce:invoice-archive"))
    archive = zipfile.ZipFile(io.BytesIO(body(response)))
    assert sorted(archive.namelist()) == [f"{note.number}.pdf", f"{invoice.number}.pdf"]
    assert archive.testzip() is None
    assert "Credit note" in PdfReader(io.BytesIO(archive.read(f"{note.number}.pdf"))).pages[0].extract_text()


def test_a_statement_tells_what_was_owed_after_each_entry(acme, invoice, finance, now):
    actor = Actor.staff(finance.pk, acme.pk)
    settling.record_bank_transfer(order=invoice.order, actor=actor, now=now)
    line = invoice.lines.filter(total_minor__gt=0).first()
    note = crediting.credit_invoice(invoice=invoice, reason="", actor=actor, now=now, amounts={line.position: 100_00})
    day = now.date()
    shown = statements.statement(acme, currency="EUR", start_date=day, end_date=day + timedelta(days=1))
    assert [(entry.number, entry.amount_minor) for entry in shown.entries] == [
        (invoice.number, invoice.total_minor), (invoice.number, -invoice.total_minor), (note.number, -119_00),
    ]  # fmt: skip
    assert shown.closing_minor == -119_00
    later = statements.statement(
        acme, currency="EUR", start_date=day + timedelta(days=1), end_date=day + timedelta(days=9)
    )
    assert (later.opening_minor, later.entries) == (-119_00, ())


def test_a_statement_comes_as_pdf_and_as_csv(signed_in, bookkeeper, invoice):
    client = signed_in(bookkeeper)
    pdf = client.get(reverse("commerce:statement"))
    text = " ".join(PdfReader(io.BytesIO(pdf.content)).pages[0].extract_text().split())
    assert invoice.number in text
    assert "€1,677.13" in text
    csv = body(client.get(reverse("commerce:statement"), {"format": "csv"})).decode()
    assert f"Invoice,{invoice.number},1677.13,1677.13" in csv


def test_a_statement_is_in_one_language_whoever_reads_it(acme, invoice, now):
    shown = statements.statement(acme, currency="EUR", start_date=date(2026, 1, 1), end_date=date(2027, 1, 1))
    with override("de"):
        pdf = statements.to_pdf(shown)
        _header, rows = statements.as_table(shown)
    text = PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    assert f"Invoice {invoice.number}" in " ".join(text.split())  # The paper is the company's,
    assert rows[0][1] == "Rechnung"  # the table whoever's asks for it.


def test_a_statement_is_of_one_currency_and_of_days_that_follow_each_other(signed_in, bookkeeper, invoice, acme, now):
    yen = make_invoice(acme, now=now, currency="JPY")
    client = signed_in(bookkeeper)
    page = client.get(reverse("commerce:invoices")).content.decode()
    assert "currency=EUR" in page
    assert "currency=JPY" in page

    def rows(**asked):
        return body(client.get(reverse("commerce:statement"), {"format": "csv"} | asked)).decode()

    for asked, shown, hidden in (("", invoice, yen), ("EUR", invoice, yen), ("JPY", yen, invoice), ("x", invoice, yen)):
        assert shown.number in rows(currency=asked)
        assert hidden.number not in rows(currency=asked)
    for until in ("2020-12-31", "2999-12-31", "9999-12-31", "0001-01-01"):
        assert client.get(reverse("commerce:statement"), {"until": until}).status_code == 200
    turned = client.get(reverse("commerce:statement"), {"since": "2026-02-01", "until": "2026-01-01"}, follow=True)
    assert "not before its first" in turned.content.decode()


def test_what_lowers_a_debt_is_a_number_in_the_file(signed_in, bookkeeper, invoice, finance, now):
    actor = Actor.staff(finance.pk, invoice.account_id)
    settling.record_bank_transfer(order=invoice.order, actor=actor, now=now)
    csv = body(signed_in(bookkeeper).get(reverse("commerce:statement"), {"format": "csv"})).decode()
    assert f"Payment,{invoice.number},-1677.13,0.00" in csv


def test_nobody_else_s_invoices_are_in_any_of_it(signed_in, invoice, other_admin, viewer, client):
    stranger = signed_in(other_admin)
    assert zipfile.ZipFile(io.BytesIO(body(stranger.get(reverse("commerce:invoice-archive"))))).namelist() == []
    csv = body(stranger.get(reverse("commerce:statement"), {"format": "csv"})).decode()
    assert invoice.number not in csv
    for name in ("commerce:invoice-archive", "commerce:statement"):
        assert signed_in(viewer).get(reverse(name)).status_code == 403
        assert client.get(reverse(name)).status_code == 302
    assert Invoice.objects.count() == 1
