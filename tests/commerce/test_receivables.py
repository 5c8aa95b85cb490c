"""What is owed: reminders at their times and once each, write-offs, and months whose books are closed."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.urls import reverse

from accounts.models import OutgoingMail
from commerce.billing import crediting, receivables
from commerce.models import Invoice, InvoiceReminder, InvoiceStatus, PeriodClose
from tests.factories import make_staff
from tracking.actor import Actor
from tracking.models import Event, EventName

pytestmark = pytest.mark.django_db


@pytest.fixture
def finance(db):
    return make_staff("finance@vendor.example", "Fay Nance", group="Finance")


def stages():
    return list(InvoiceReminder.objects.order_by("pk").values_list("stage", flat=True))


def test_a_company_is_reminded_before_at_and_after_the_due_date_once_each(invoice, now):
    for day in range(60):
        for hour in (0, 6):
            receivables.send_reminders(now=now + timedelta(days=day, hours=hour))
    assert stages() == ["soon", "due", "overdue", "late", "last"]
    sent = OutgoingMail.objects.filter(kind="invoice_reminder").order_by("pk")
    assert [("overdue" in mail.subject) for mail in sent] == [False, False, True, True, True]
    assert "last reminder" in sent[4].text


def test_after_days_without_a_run_only_the_latest_is_told(invoice, now):
    assert receivables.send_reminders(now=now + timedelta(days=29)) == 1
    assert stages() == ["late"]


@pytest.mark.parametrize("status", ["paid", "void", "credited", "written_off"])
def test_what_is_not_open_reminds_nobody(invoice, now, status):
    Invoice.objects.update(status=status, **({"paid_at": now} if status == "paid" else {}))
    assert receivables.send_reminders(now=now + timedelta(days=40)) == 0


def test_a_bill_being_paid_reminds_nobody(invoice, make_attempt, now):
    make_attempt(invoice)
    assert receivables.send_reminders(now=now + timedelta(days=40)) == 0


def test_the_day_is_the_company_s(invoice, acme, now):
    acme.time_zone = "Pacific/Auckland"
    acme.save()
    due_there = now.replace(hour=12, minute=0) + timedelta(days=(invoice.due_date - now.date()).days - 1)
    receivables.send_reminders(now=due_there)  # One in the morning of the due date over there.
    assert stages() == ["due"]


def test_the_customer_sees_when_the_next_reminder_comes(signed_in, admin, invoice, time_machine_now):
    page = signed_in(admin).get(reverse("commerce:invoice", args=[invoice.number])).content.decode()
    assert "Next reminder" in page


def test_a_bill_that_nobody_will_pay_is_written_off_with_a_reason(invoice, finance, now):
    actor = Actor.staff(finance.pk, invoice.account_id)
    receivables.write_off(invoice=invoice, reason="Insolvent", actor=actor, now=now)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.closing_note, invoice.due_minor) == ("written_off", "Insolvent", 0)
    assert Event.objects.get(name=EventName.INVOICE_WRITTEN_OFF).properties["amount_minor"] == invoice.total_minor
    with pytest.raises(receivables.NotOpen):
        receivables.write_off(invoice=invoice, reason="Again", actor=actor, now=now)


def test_finance_writes_off_in_the_admin_and_nobody_else(signed_in, finance, agent, invoice):
    url = reverse("admin:commerce_invoice_write_off", args=[invoice.pk])
    assert signed_in(agent).get(url).status_code == 403
    client = signed_in(finance)
    assert client.post(url, {"reason": ""}).status_code == 422
    assert client.post(url, {"reason": "Insolvent"}).status_code == 302
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.WRITTEN_OFF


def test_finance_credits_in_the_admin_a_line_or_all(signed_in, finance, agent, invoice):
    url = reverse("admin:commerce_invoice_credit", args=[invoice.pk])
    assert signed_in(agent).get(url).status_code == 403
    client = signed_in(finance)
    line = invoice.lines.filter(total_minor__gt=0).first()
    assert line.description in client.get(url).content.decode()
    sent = {"seen_left_minor": invoice.total_minor}
    refused = client.post(url, sent | {"reason": "Too much", f"line_{line.position}": "999999"})
    assert refused.status_code == 422
    assert "999999" in refused.content.decode()
    for nonsense in ("1e999999", "10.005", "ten"):
        assert client.post(url, sent | {"reason": "Hm", f"line_{line.position}": nonsense}).status_code == 422
    assert not Invoice.objects.credit_notes().exists()
    part = sent | {"reason": "A part", f"line_{line.position}": "10"}
    assert client.post(url, part).status_code == 302
    assert "was credited since you looked" in client.post(url, part, follow=True).content.decode()
    assert Invoice.objects.credit_notes().get().total_minor == -11_90
    rest = {"reason": "The rest", "seen_left_minor": invoice.total_minor - 11_90}
    assert client.post(url, rest).status_code == 302
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.CREDITED


def test_only_a_month_that_is_over_is_closed_and_once(invoice, finance, now):
    actor = Actor.staff(finance.pk)
    with pytest.raises(receivables.MonthNotOver):
        receivables.close_month(month=now.date(), actor=actor, now=now)
    over = now.replace(month=12, day=1, hour=12, minute=0)
    with pytest.raises(receivables.MonthNotOver):
        receivables.close_month(month=now.date(), actor=actor, now=over - timedelta(minutes=1))
    closed = receivables.close_month(month=now.date(), actor=actor, now=over)
    assert receivables.close_month(month=now.date(), actor=actor, now=over) == closed
    assert PeriodClose.covers(invoice.legal_entity, invoice.issue_date)


def test_finance_closes_a_month_in_the_admin(signed_in, finance, agent, time_machine_now):
    url = reverse("admin:commerce_periodclose_add")
    assert signed_in(agent).get(url).status_code == 403
    client = signed_in(finance)
    assert "not over yet" in client.post(url, {"month": "2026-11-03"}).content.decode()
    assert "not over yet" in client.post(url, {"month": "9999-12-31"}).content.decode()
    assert client.post(url, {"month": "2026-10-17"}).status_code == 302
    assert str(PeriodClose.objects.get().month) == "2026-10-01"
    page = client.get(reverse("admin:commerce_periodclose_changelist")).content.decode()
    assert f"{settings.LEGAL_ENTITY}, Oct 2026" in page  # Which books, in the message.
    for closed in ("2026-10-01", "2026-09-30"):  # What comes before a closed month is closed with it.
        assert "closed already" in client.post(url, {"month": closed}).content.decode()
    assert PeriodClose.objects.count() == 1


def test_finance_is_offered_what_is_possible_with_an_invoice(signed_in, finance, invoice, now):
    client, actor = signed_in(finance), Actor.staff(finance.pk, invoice.account_id)

    def offered(row):
        page = client.get(reverse("admin:commerce_invoice_change", args=[row.pk])).content.decode()
        urls = {name: reverse(f"admin:commerce_invoice_{name}", args=[row.pk]) for name in ("credit", "write_off")}
        return {name for name, url in urls.items() if url in page}

    assert offered(invoice) == {"credit", "write_off"}
    note = crediting.credit_invoice(invoice=invoice, reason="", actor=actor, now=now)
    assert offered(note) == offered(Invoice.objects.get(pk=invoice.pk)) == set()


def test_the_page_says_how_much_is_written_off(signed_in, finance, invoice):
    page = signed_in(finance).get(reverse("admin:commerce_invoice_write_off", args=[invoice.pk])).content.decode()
    assert "€1,677.13 is to be paid." in page


def test_a_credit_note_is_shown_with_its_invoice_and_its_xml(signed_in, admin, finance, invoice, time_machine_now):
    from commerce.billing import crediting

    note = crediting.credit_invoice(
        invoice=invoice, reason="Two seats too many", actor=Actor.staff(finance.pk, invoice.account_id),
        now=time_machine_now,
    )  # fmt: skip
    client = signed_in(admin)
    page = client.get(reverse("commerce:invoice", args=[note.number])).content.decode()
    assert "Two seats too many" in page
    assert invoice.number in page
    assert note.number in client.get(reverse("commerce:invoice", args=[invoice.number])).content.decode()
    xml = client.get(reverse("commerce:invoice-xml", args=[note.number]))
    assert xml.headers["Content-Type"] == "application/xml"
    assert b">381<" in xml.content


def test_an_e_invoice_is_the_company_s_own(signed_in, invoice, viewer, other_admin, client):
    url = reverse("commerce:invoice-xml", args=[invoice.number])
    assert signed_in(other_admin).get(url).status_code == 404
    assert signed_in(viewer).get(url).status_code == 403
    assert client.get(url).status_code == 302
