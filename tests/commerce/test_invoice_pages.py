"""The invoice list, one invoice, and its PDF."""

import pytest
import time_machine
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils.html import escape

from accounts.models import Account
from commerce.models import Invoice, InvoiceStatus
from tests.commerce.conftest import content_queries
from tests.factories import make_member
from tracking.models import Event, EventName

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_the_day_of_the_tests(now):
    with time_machine.travel(now):
        yield


@pytest.fixture
def bookkeeper(acme):
    """Sees bills and may not buy."""
    return make_member(acme, "books@acme.example", "Bo Oks", roles=["billing"])


def primary_actions(response):
    return response.content.decode().count("data-primary-action")


@pytest.fixture
def many(acme, today):
    """Thirty paid invoices of earlier days."""
    for index in range(30):
        Invoice.objects.create(
            number=f"OLD-{index:03d}",
            legal_entity="Meridian Works GmbH",
            account=acme,
            currency="EUR",
            subtotal_minor=100,
            tax_minor=19,
            total_minor=119,
            bill_to={"name": "Acme", "street": "", "postal_code": "", "city": "", "country": "DE", "vat_id": ""},
            issue_date=today.replace(day=1 + index % 10),
            due_date=today,
        )


def test_the_list_shows_each_bill_with_its_status_and_offers_to_pay_the_open_one(signed_in, admin, invoice):
    response = signed_in(admin).get("/invoices/")
    assert response.status_code == 200
    text = response.content.decode()
    for expected in (invoice.number, invoice.order.number, "Open", "€1,677.13", f"/invoices/{invoice.number}/pay/"):
        assert expected in text
    assert primary_actions(response) == 1


def test_an_empty_list_says_what_will_come(signed_in, admin):
    response = signed_in(admin).get("/invoices/")
    assert "No invoices yet" in response.content.decode()
    assert primary_actions(response) == 1


def test_pages_of_the_list_are_read_by_number(signed_in, admin, many):
    client = signed_in(admin)
    first = client.get("/invoices/").context["page"]
    second = client.get("/invoices/", {"cursor": first.next}).context["page"]
    assert (len(first.rows), len(second.rows)) == (25, 5)
    seen = [one.number for one in first.rows + second.rows]
    assert len(set(seen)) == 30
    assert seen == [one.number for one in Invoice.objects.order_by("-issue_date", "-number")]


def test_the_list_costs_the_same_with_one_and_with_many(signed_in, admin, invoice, request):
    client = signed_in(admin)
    client.get("/invoices/")
    few = content_queries(client, "/invoices/")
    request.getfixturevalue("many")
    assert content_queries(client, "/invoices/") == few <= 8


def test_a_bill_explains_its_lines_and_its_one_action_is_to_pay(signed_in, admin, invoice):
    client = signed_in(admin)
    response = client.get(f"/invoices/{invoice.number}/")
    text = response.content.decode()
    for line in invoice.lines.all():
        assert escape(line.description) in text
        assert escape(line.explanation) in text
    for expected in ("€1,677.13", "Acme Logistics GmbH", f"/invoices/{invoice.number}/pay/", "Download PDF"):
        assert expected in text
    assert primary_actions(response) == 1
    assert content_queries(client, f"/invoices/{invoice.number}/") <= 8


def test_a_bill_that_is_settled_in_part_says_how_much_is_left(signed_in, admin, invoice):
    assert "Already settled" not in signed_in(admin).get(f"/invoices/{invoice.number}/").content.decode()
    Invoice.objects.filter(pk=invoice.pk).update(covered_minor=1_000_00)
    text = signed_in(admin).get(f"/invoices/{invoice.number}/").content.decode()
    for expected in ("€1,677.13", "Already settled", "€1,000.00", "To be paid", "Pay €677.13"):
        assert expected in text


def test_a_paid_bill_offers_its_document_instead(signed_in, admin, invoice, now):
    Invoice.objects.filter(pk=invoice.pk).update(status=InvoiceStatus.PAID, paid_at=now)
    response = signed_in(admin).get(f"/invoices/{invoice.number}/")
    assert "/pay/" not in response.content.decode()
    assert primary_actions(response) == 1


def test_who_keeps_the_bills_pays_them(signed_in, bookkeeper, invoice):
    for url in ("/invoices/", f"/invoices/{invoice.number}/"):
        response = signed_in(bookkeeper).get(url)
        assert response.status_code == 200
        assert f"/invoices/{invoice.number}/pay/" in response.content.decode()
        assert primary_actions(response) == 1


def test_a_parent_company_s_people_look_at_the_bill_without_paying_it(signed_in, other_admin, acme, globex, invoice):
    Account.objects.filter(pk=acme.pk).update(parent=globex, is_open_to_parent=True)
    client = signed_in(other_admin)
    response = client.get(f"/invoices/{invoice.number}/?company={acme.public_id}", follow=True)
    assert invoice.number in response.content.decode()
    assert "/pay/" not in response.content.decode()
    assert primary_actions(response) == 1


def test_a_payment_on_its_way_is_the_action_instead_of_another(signed_in, admin, invoice, make_attempt):
    attempt = make_attempt(invoice)
    text = signed_in(admin).get(f"/invoices/{invoice.number}/").content.decode()
    assert reverse("commerce:payment", args=[attempt.pk]) in text
    assert f"/invoices/{invoice.number}/pay/" not in text


def test_an_overdue_bill_says_so(signed_in, admin, invoice, now):
    with time_machine.travel(now.replace(year=2027)):
        assert "Overdue" in signed_in(admin).get(f"/invoices/{invoice.number}/").content.decode()


def test_a_script_in_a_name_is_text(signed_in, admin, acme, quote, accept):
    acme.name = "<script>alert(1)</script>"
    acme.save()
    quote.refresh_from_db()
    invoice = accept(quote, admin).invoice
    text = signed_in(admin).get(f"/invoices/{invoice.number}/").content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_the_pdf_is_downloaded_and_noted(signed_in, bookkeeper, invoice):
    client = signed_in(bookkeeper)
    first, second = (client.get(f"/invoices/{invoice.number}/pdf/") for _ in range(2))
    assert first.headers["Content-Type"] == "application/pdf"
    assert first.headers["Content-Disposition"] == f'attachment; filename="{invoice.number}.pdf"'
    assert first.content.startswith(b"%PDF-")
    assert first.content == second.content
    events = Event.objects.filter(name=EventName.DOCUMENT_DOWNLOADED)
    assert [(event.user_id, event.object_id) for event in events] == [(bookkeeper.pk, invoice.number)] * 2
    invoice.refresh_from_db()
    assert default_storage.exists(invoice.pdf.content.name)


def test_the_pdf_of_a_paid_bill_is_made_when_it_is_first_asked_for(signed_in, admin, invoice, now):
    Invoice.objects.filter(pk=invoice.pk).update(status=InvoiceStatus.PAID, paid_at=now)
    assert signed_in(admin).get(f"/invoices/{invoice.number}/pdf/").content.startswith(b"%PDF-")


# Access


@pytest.mark.parametrize("path", ["", "pdf/"])
def test_a_bill_of_another_company_does_not_exist(signed_in, other_admin, invoice, path):
    assert signed_in(other_admin).get(f"/invoices/{invoice.number}/{path}").status_code == 404
    invoice.refresh_from_db()
    assert invoice.pdf is None


def test_another_company_s_list_is_its_own(signed_in, other_admin, invoice):
    client = signed_in(other_admin)
    for url in ("/invoices/", f"/invoices/?cursor=older~2099-01-01~{invoice.number}"):
        assert invoice.number not in client.get(url).content.decode().replace(url, "")


@pytest.mark.parametrize("path", ["", "INV-00001/", "INV-00001/pdf/"])
def test_a_role_without_bills_is_refused(signed_in, member, invoice, path):
    assert signed_in(member).get(f"/invoices/{path}").status_code == 403


@pytest.mark.parametrize("path", ["", "INV-00001/", "INV-00001/pdf/"])
def test_nobody_signed_in_is_sent_to_sign_in(client, invoice, path):
    response = client.get(f"/invoices/{path}")
    assert response.status_code == 302
    assert "/accounts/login/" in response.headers["Location"]


@pytest.mark.parametrize(
    ("address", "status"),
    [("/invoices/MW%00/", 404), ("/invoices/MW%00/pdf/", 404), ("/invoices/MW%00/pay/", 404),
     ("/invoices/?cursor=older~%00~1", 400), ("/invoices/?cursor=nonsense", 400)],
)  # fmt: skip
def test_an_address_that_no_number_has_is_no_error_of_ours(signed_in, admin, address, status):
    assert signed_in(admin).get(address).status_code == status
