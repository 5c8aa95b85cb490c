"""Credit notes: full and partial, never more than is left, and what becomes of the money."""

import threading
import uuid

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.models import OutgoingMail
from commerce.billing import balances, crediting, einvoices, invoice_documents, invoicing, settling, transfers
from commerce.models import (
    BalanceEntry,
    BalanceKind,
    BankStatement,
    BankTransfer,
    Contract,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    Order,
    OrderStatus,
    PeriodClose,
)
from commerce.orders import cancelling
from commerce.quotes.quoting import create_quote
from tests.commerce.test_einvoices import Read, holds
from tests.factories import make_staff
from tracking.actor import Actor
from tracking.models import Event, EventName

pytestmark = pytest.mark.django_db


@pytest.fixture
def finance(db):
    return make_staff("finance@vendor.example", "Fay Nance", group="Finance")


@pytest.fixture
def credit(finance, now):
    """Credit as finance does: `credit(invoice)`, or a part by `credit(invoice, {1: 5000})`."""

    def credit(invoice, amounts=None, *, reason="You were right.", at=now):
        actor = Actor.staff(finance.pk, invoice.account_id)
        return crediting.credit_invoice(invoice=invoice, reason=reason, actor=actor, now=at, amounts=amounts)

    return credit


@pytest.fixture
def paid(invoice, finance, now):
    """The bill of the upgrade, paid by transfer."""
    settling.record_bank_transfer(order=invoice.order, actor=Actor.staff(finance.pk, invoice.account_id), now=now)
    invoice.refresh_from_db()
    return invoice


def next_bill(account, admin, accept, now, *, seats):
    from commerce.configuring.configuring import Configuration

    quote = create_quote(
        account=account, actor=admin.membership.actor(), user=admin, now=now, form_key=uuid.uuid4(),
        configuration=Configuration(plan="business", seats=seats, addons={"sso": 1}),
    )  # fmt: skip
    return accept(quote, admin)


def test_a_paid_bill_is_credited_in_full_to_the_balance(paid, credit, acme):
    note = credit(paid)
    assert (note.number, note.kind, note.corrects, note.status) == ("CN-00001", "credit_note", paid, "credited")
    assert (note.subtotal_minor, note.tax_minor, note.total_minor) == (
        -paid.subtotal_minor, -paid.tax_minor, -paid.total_minor,
    )  # fmt: skip
    assert [(line.total_minor, line.tax_minor) for line in note.lines.all()] == [
        (-line.total_minor, -line.tax_minor) for line in paid.lines.all() if line.total_minor
    ]
    assert balances.balance_of(acme, "EUR") == paid.total_minor
    paid.refresh_from_db()
    assert paid.status == InvoiceStatus.PAID
    assert Order.objects.get().status == OrderStatus.ACTIVE
    assert Event.objects.filter(name=EventName.INVOICE_CREDITED, object_id="CN-00001").count() == 1


def test_an_open_bill_credited_in_full_is_owed_no_more_and_its_order_is_given_up(invoice, credit, acme):
    credit(invoice)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.due_minor, invoice.is_payable) == ("credited", 0, False)
    assert Order.objects.get().status == OrderStatus.CANCELLED
    assert balances.balance_of(acme, "EUR") == 0


def test_a_part_of_an_open_bill_leaves_the_rest_to_be_paid(invoice, credit, acme):
    line = invoice.lines.filter(total_minor__gt=0).first()
    note = credit(invoice, {line.position: 100_00})
    invoice.refresh_from_db()
    assert note.total_minor == -119_00
    assert (invoice.status, invoice.due_minor) == ("open", invoice.total_minor - 119_00)
    assert Order.objects.get().status == OrderStatus.AWAITING_PAYMENT


def test_a_credit_that_would_deliver_what_does_not_fit_any_more_is_refused(invoice, credit, contract, finance, now):
    """A part was paid by transfer, and the credit would settle the rest; meanwhile the contract was changed."""
    transfer = BankTransfer.objects.create(
        statement=BankStatement.objects.create(legal_entity=invoice.legal_entity, name="november"),
        legal_entity=invoice.legal_entity, key="1", booked_date=invoice.issue_date, amount_minor=1_558_13,
        currency="EUR",
    )  # fmt: skip
    transfers.assign(transfer=transfer, invoice=invoice, actor=Actor.staff(finance.pk), now=now)
    Contract.objects.update(version=99)
    line = invoice.lines.filter(total_minor__gt=0).first()
    with pytest.raises(crediting.NotCreditable, match="Credit all that is left"):
        credit(invoice, {line.position: 100_00})
    assert not Invoice.objects.credit_notes().exists()
    credit(invoice)
    assert Order.objects.get().status == OrderStatus.CANCELLED
    assert balances.balance_of(invoice.account, "EUR") == 1_558_13


def test_parts_add_up_to_the_line_and_its_tax_and_no_further(paid, credit, acme):
    line = paid.lines.filter(total_minor__gt=0).first()
    third = line.total_minor // 3
    for amount in (third, third, line.total_minor - 2 * third):
        credit(paid, {line.position: amount})
    taken = InvoiceLine.objects.filter(corrects=line)
    assert sum(part.total_minor for part in taken) == -line.total_minor
    assert sum(part.tax_minor for part in taken) == -line.tax_minor
    with pytest.raises(crediting.MoreThanLeft):
        credit(paid, {line.position: 1})
    assert Invoice.objects.credit_notes().count() == 3


def test_what_is_left_after_a_part_is_credited_with_the_rest(paid, credit, acme):
    line = paid.lines.filter(total_minor__gt=0).first()
    credit(paid, {line.position: 33_33})
    credit(paid)
    assert balances.balance_of(acme, "EUR") == paid.total_minor
    with pytest.raises(crediting.NotCreditable):
        credit(paid)


@pytest.mark.parametrize("amount", [-1, 10**12])
def test_no_more_than_the_line_and_never_the_other_way(paid, credit, acme, amount):
    line = paid.lines.filter(total_minor__gt=0).first()
    with pytest.raises(crediting.MoreThanLeft):
        credit(paid, {line.position: amount})
    with pytest.raises(crediting.MoreThanLeft):
        credit(paid, {99: 1})
    assert not Invoice.objects.credit_notes().exists()
    assert not BalanceEntry.objects.exists()


def test_neither_void_bills_nor_credit_notes_nor_bills_being_paid_are_credited(
    invoice, credit, make_attempt, now, admin
):
    attempt = make_attempt(invoice)
    with pytest.raises(invoicing.InvoiceBeingPaid):
        credit(invoice)
    type(attempt).objects.update(state="cancelled")
    invoicing.void_invoice(invoice=invoice, now=now)
    with pytest.raises(crediting.NotCreditable):
        credit(invoice)
    assert Invoice.objects.count() == 1


def test_the_next_bill_uses_the_balance(paid, credit, admin, acme, accept, now):
    line = paid.lines.filter(total_minor__gt=0).first()
    credit(paid, {line.position: 100_00})
    bill = next_bill(acme, admin, accept, now, seats=100).invoice
    assert (bill.status, bill.covered_minor, bill.due_minor) == ("open", 119_00, bill.total_minor - 119_00)
    assert balances.balance_of(acme, "EUR") == 0
    read = Read(einvoices.xml_of(invoicing.render_pdf(bill)))
    assert read.one("ram:TotalPrepaidAmount") == "119.00"
    assert read.figures("ram:DuePayableAmount")[0] * 100 == bill.due_minor


def test_a_bill_that_the_balance_covers_is_settled_and_its_order_active(paid, credit, admin, acme, accept, now):
    credit(paid)
    order = next_bill(acme, admin, accept, now, seats=61)
    order.refresh_from_db()
    assert (order.invoice.status, order.invoice.due_minor, order.status) == ("credited", 0, "active")
    assert invoice_documents.contents(order.invoice)["note"] == "Nothing is left to be paid."
    assert balances.balance_of(acme, "EUR") == paid.total_minor - order.invoice.total_minor


def test_an_order_given_up_returns_the_balance_that_its_bill_used(paid, credit, admin, acme, accept, now, as_customer):
    line = paid.lines.filter(total_minor__gt=0).first()
    credit(paid, {line.position: 100_00})
    order = next_bill(acme, admin, accept, now, seats=100)
    with as_customer(admin.membership):
        cancelling.cancel_order(order=order, now=now)
    assert balances.balance_of(acme, "EUR") == 119_00
    assert list(BalanceEntry.objects.order_by("pk").values_list("kind", flat=True)) == ["credit", "used", "returned"]


def test_the_balance_is_used_inside_a_customer_s_request(paid, credit, admin, acme, as_customer, accept, now):
    line = paid.lines.filter(total_minor__gt=0).first()
    credit(paid, {line.position: 100_00})
    with as_customer(admin.membership):
        order = next_bill(acme, admin, accept, now, seats=100)
        assert order.invoice.covered_minor == 119_00


def test_no_request_of_a_customer_credits_anything(paid, credit, admin, acme, as_customer):
    for refused in (
        lambda: BalanceEntry.objects.create(account=acme, currency="EUR", kind="credit", amount_minor=1),
        lambda: Invoice.objects.filter(pk=paid.pk).update(covered_minor=1),
    ):
        with pytest.raises(DatabaseError, match="permission denied"), as_customer(admin.membership):
            refused()
    paid.pk, paid.public_id, paid.number, paid.order = None, uuid.uuid4(), "CN-9", None
    paid.status, paid.paid_at, paid.covered_minor = "open", None, 5
    with pytest.raises(IntegrityError, match="cannot credit"), as_customer(admin.membership):
        paid.save(force_insert=True)


def test_the_balance_never_goes_below_zero_and_entries_stay(paid, credit, acme):
    credit(paid)
    with pytest.raises(IntegrityError, match="less in credit"), transaction.atomic():
        BalanceEntry.objects.create(
            account=acme, currency="EUR", kind=BalanceKind.USED, amount_minor=-paid.total_minor - 1
        )
    for refused in (
        lambda: BalanceEntry.objects.update(amount_minor=1),
        lambda: BalanceEntry.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            refused()


def test_the_credit_note_is_a_pdf_and_an_e_invoice_of_its_own(paid, credit):
    note = Invoice.objects.get(pk=credit(paid, reason="Two seats too many").pk)
    pdf = invoicing.render_pdf(note)
    assert pdf == invoicing.render_pdf(note)
    read = holds(einvoices.xml_of(pdf))
    assert read.one("rsm:ExchangedDocument/ram:TypeCode") == "381"
    assert read.one("ram:InvoiceReferencedDocument/ram:IssuerAssignedID") == paid.number
    assert read.one("ram:GrandTotalAmount") == "1677.13"
    assert read.one("rsm:ExchangedDocument/ram:IncludedNote/ram:Content") == "Two seats too many"


def test_the_company_s_people_for_bills_hear_of_it(paid, credit, admin, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        credit(paid)
    sent = OutgoingMail.objects.filter(kind="credit_note")
    assert [message.user for message in sent] == [admin]
    assert "CN-00001" in sent[0].subject
    assert "€1,677.13" in sent[0].text


# Closed months


def test_a_bill_of_a_closed_month_is_credited_and_not_withdrawn(invoice, credit, now, finance):
    from datetime import timedelta

    PeriodClose.objects.create(legal_entity=invoice.legal_entity, month=invoice.issue_date.replace(day=1))
    with pytest.raises(cancelling.OrderNotCancellable):
        cancelling.cancel_order(order=invoice.order, now=now)
    with pytest.raises(IntegrityError, match="books of 2026-11 are closed"), transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk).update(status=InvoiceStatus.VOID)
    with pytest.raises(IntegrityError, match="books of 2026-11 are closed"), transaction.atomic():
        credit(invoice)
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.OPEN
    note = credit(invoice, at=now + timedelta(days=20))
    assert note.issue_date.month == 12


@pytest.mark.django_db(transaction=True)
def test_the_same_credit_is_not_used_twice(acme, now):
    BalanceEntry.objects.create(account=acme, currency="EUR", kind="credit", amount_minor=100)
    barrier, taken = threading.Barrier(4), []

    def take():
        barrier.wait()
        try:
            with transaction.atomic():
                BalanceEntry.objects.create(account=acme, currency="EUR", kind="used", amount_minor=-60)
            taken.append(60)
        except IntegrityError:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == [60]
