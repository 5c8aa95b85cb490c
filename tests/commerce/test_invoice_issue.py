"""Issuing an invoice: numbers without gaps, lines as accepted, and nothing that changes them afterwards."""

import threading

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils.text import capfirst

from accounts.models import StoredFile
from commerce.billing import invoicing
from commerce.models import Invoice, InvoiceKind, InvoiceLine, InvoiceSeries, InvoiceStatus, PaymentAttempt
from tests.factories import make_catalogue
from tracking.models import Event, EventName

pytestmark = pytest.mark.django_db


def next_number(legal_entity):
    return invoicing.next_number(legal_entity, InvoiceKind.INVOICE)


def test_accepting_a_quote_bills_what_was_accepted(quote, accept, admin, as_customer, acme):
    acme.billing_street, acme.vat_id = "Hafenstraße 1", "DE123456789"
    acme.save()
    with as_customer(admin.membership):
        invoice = accept(quote, admin).invoice
    assert invoice.number == "INV-00001"
    assert invoice.status == InvoiceStatus.OPEN
    assert (invoice.subtotal_minor, invoice.tax_minor, invoice.total_minor) == (
        quote.subtotal_minor,
        quote.tax_minor,
        quote.total_minor,
    )
    lines, quoted = list(invoice.lines.all()), list(quote.lines.select_related("product"))
    assert [(line.description, line.total_minor, line.explanation) for line in lines] == [
        (line.product.name, line.total_minor, capfirst(line.words)) for line in quoted
    ]
    assert sum(line.total_minor for line in lines) == invoice.subtotal_minor
    assert sum(line.tax_minor for line in lines) == invoice.tax_minor
    assert (invoice.bill_to["street"], invoice.bill_to["vat_id"]) == ("Hafenstraße 1", "DE123456789")
    assert (invoice.due_date - invoice.issue_date).days == 14


def test_a_later_change_of_name_or_address_leaves_the_bill_as_it_was(invoice, acme):
    acme.name = "Acme Freight SE"
    acme.save()
    invoice.refresh_from_db()
    assert invoice.bill_to["name"] == "Acme Logistics GmbH"


def test_a_number_taken_by_a_transaction_that_fails_is_given_again(admin, products, as_customer):
    assert next_number("Meridian Works GmbH") == "INV-00001"
    with as_customer(admin.membership):
        assert next_number("Meridian Works GmbH") == "INV-00002"
        transaction.set_rollback(True)
    with as_customer(admin.membership):
        assert next_number("Meridian Works GmbH") == "INV-00002"


def test_an_unknown_legal_entity_has_no_numbers(products):
    with pytest.raises(DatabaseError, match="no invoice series"), transaction.atomic():
        next_number("Nobody Ltd")


def test_a_customer_takes_numbers_and_never_sees_the_counter(admin, products, as_customer):
    with pytest.raises(DatabaseError, match="permission denied"), as_customer(admin.membership):
        InvoiceSeries.objects.update(next_number=99)


def test_the_function_is_not_everybody_s(db):
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT coalesce(array_agg(DISTINCT grantee::regrole::text), '{}')
               FROM pg_proc, aclexplode(proacl)
               WHERE proname = 'commerce_next_invoice_number' AND grantee <> proowner"""
        )
        assert cursor.fetchone()[0] == ["portal_customer"]


@pytest.mark.parametrize(
    "change",
    [
        {"total_minor": 1, "subtotal_minor": 1, "tax_minor": 0},
        {"number": "INV-99999"},
        {"currency": "USD"},
        {"bill_to": {}},
        {"due_date": "2030-01-01"},
    ],
)
def test_an_issued_invoice_does_not_change(invoice, change):
    with pytest.raises(IntegrityError, match="is issued"), transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk).update(**change)


def test_lines_and_invoices_are_kept_as_they_are(invoice):
    for refused in (
        lambda: InvoiceLine.objects.filter(invoice=invoice).update(total_minor=1),
        lambda: InvoiceLine.objects.filter(invoice=invoice).delete(),
        lambda: Invoice.objects.filter(pk=invoice.pk)._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            refused()
    assert invoice.lines.count() > 0


def test_the_status_goes_forward_only(invoice, now):
    one = Invoice.objects.filter(pk=invoice.pk)
    one.update(status=InvoiceStatus.PAID, paid_at=now)
    for status in (InvoiceStatus.OPEN, InvoiceStatus.VOID):
        with pytest.raises(IntegrityError), transaction.atomic():
            one.update(status=status)
    with pytest.raises(IntegrityError), transaction.atomic():
        one.update(paid_at=now.replace(year=2020))


def test_no_request_of_a_customer_can_say_that_a_bill_is_paid(invoice, admin, as_customer, now):
    with pytest.raises(IntegrityError, match="cannot mark"), as_customer(admin.membership):
        Invoice.objects.filter(pk=invoice.pk).update(status=InvoiceStatus.PAID)
    with pytest.raises(DatabaseError, match="permission denied"), as_customer(admin.membership):
        Invoice.objects.filter(pk=invoice.pk).update(paid_at=now)
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.OPEN


def test_an_open_bill_can_be_withdrawn_once(invoice, admin, as_customer, now):
    with as_customer(admin.membership):
        invoicing.void_invoice(invoice=invoice, now=now)
        invoicing.void_invoice(invoice=invoice, now=now)
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.VOID


def test_a_bill_being_paid_cannot_be_withdrawn(invoice, make_attempt, now):
    make_attempt(invoice)
    with pytest.raises(invoicing.InvoiceBeingPaid):
        invoicing.void_invoice(invoice=invoice, now=now)
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.OPEN


# Payment attempts


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("failed", "succeeded"),
        ("succeeded", "failed"),
        ("cancelled", "created"),
        ("requires_action", "submitting"),
        ("created", "succeeded"),
        ("review", "submitting"),
    ],
)
def test_an_attempt_never_goes_back(invoice, make_attempt, start, end):
    attempt = make_attempt(invoice, state=start)
    with pytest.raises(IntegrityError, match="cannot go from"), transaction.atomic():
        PaymentAttempt.objects.filter(pk=attempt.pk).update(state=end)


@pytest.mark.parametrize(
    "change", [{"amount_minor": 1}, {"currency": "USD"}, {"request": {}}, {"idempotency_key": "other"}, {"number": 7}]
)
def test_what_an_attempt_sends_is_frozen(invoice, make_attempt, change):
    attempt = make_attempt(invoice)
    with pytest.raises(IntegrityError, match="is frozen"), transaction.atomic():
        PaymentAttempt.objects.filter(pk=attempt.pk).update(**change)


def test_an_attempt_stays_one_payment_of_stripe(invoice, make_attempt):
    attempt = make_attempt(invoice, state="submitting", stripe_intent_id="pi_1")
    with pytest.raises(IntegrityError, match="is one payment"), transaction.atomic():
        PaymentAttempt.objects.filter(pk=attempt.pk).update(stripe_intent_id="pi_2")


def test_a_customer_s_request_only_starts_attempts(invoice, make_attempt, admin, as_customer):
    with pytest.raises(IntegrityError, match="only starts"), as_customer(admin.membership):
        make_attempt(invoice, state="succeeded")
    attempt = make_attempt(invoice)
    with pytest.raises(DatabaseError, match="permission denied"), as_customer(admin.membership):
        PaymentAttempt.objects.filter(pk=attempt.pk).update(state="submitting")


# The document


def test_the_pdf_is_made_once_and_each_download_is_noted(invoice, admin, as_customer, now):
    actor = admin.membership.actor()
    with as_customer(admin.membership):
        first = invoicing.document(invoice=invoice, actor=actor, now=now)
        again = Invoice.objects.select_related("pdf").get(pk=invoice.pk)
        second = invoicing.document(invoice=again, actor=actor, now=now)
    assert first == second
    assert StoredFile.objects.filter(permission="view_invoices").count() == 1
    assert (first.name, first.content_type, first.permission) == ("INV-00001.pdf", "application/pdf", "view_invoices")
    assert Event.objects.filter(name=EventName.DOCUMENT_DOWNLOADED, object_id="INV-00001").count() == 2


def test_the_pdf_says_what_the_bill_says_and_is_always_the_same(invoice):
    import io

    from pypdf import PdfReader

    pdf = invoicing.render_pdf(invoice)
    assert pdf == invoicing.render_pdf(invoice)
    text = " ".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())
    for expected in ("Invoice INV-00001", "Acme Logistics GmbH", "Single sign-on & directory sync", "€1,677.13"):
        assert expected in text


def test_text_from_a_customer_is_text_in_the_pdf(invoice, acme):
    import io

    from pypdf import PdfReader

    invoice.bill_to = invoice.bill_to | {"name": '#panic("no") *bold* $x$ <script>'}
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(invoicing.render_pdf(invoice))).pages)
    assert '#panic("no") *bold* $x$ <script>' in text


@pytest.mark.django_db(transaction=True)
def test_bills_issued_at_once_have_numbers_without_gaps():
    make_catalogue()
    barrier, numbers = threading.Barrier(6), []

    def issue(fails):
        barrier.wait()
        try:
            with transaction.atomic():
                number = next_number("Meridian Works GmbH")
                if fails:
                    raise RuntimeError
                numbers.append(number)
        except RuntimeError:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=issue, args=(index % 3 == 0,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [f"INV-0000{number}" for number in range(1, 5)]
