"""What is sent to a company's address for invoices: each document once, with its PDF, and to nobody else."""

from datetime import timedelta
from io import BytesIO

import pytest
from aiosmtpd.controller import Controller
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from pypdf import PdfReader

from accounts.models import Account, MailReport, MailState, OutgoingMail
from accounts.notifications import held_back, mail_companies, send_due
from accounts.notifications.outbox import MAIL_LEASE
from accounts.notifications.reports import note_report
from commerce import documents
from commerce.billing import crediting, invoicing, receivables
from commerce.models import Invoice
from commerce.orders import cancelling
from sandbox.processes import LOOPBACK, free_port
from tests.factories import make_account, make_invoice, make_member, make_staff
from tracking.actor import Actor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("time_machine_now")]

ADDRESS = "books@acme.example"


@pytest.fixture
def acme(acme):
    acme.billing_email = ADDRESS
    acme.save()
    return acme


def waiting(**fields):
    return OutgoingMail.objects.filter(to=ADDRESS, **fields).order_by("pk")


def attached(message):
    return [
        (name, content if isinstance(content, bytes) else content.encode(), kind)
        for name, content, kind in message.attachments
    ]


def credit(invoice, now):
    return crediting.credit_invoice(
        invoice=invoice, reason="Two seats too many", actor=Actor.system(invoice.account_id), now=now
    )


# What is sent


def test_the_invoice_of_an_order_goes_there_with_its_pdf(quote, accept, admin, as_customer, acme, now, mailoutbox):
    with as_customer(admin.membership):
        invoice = accept(quote, admin).invoice
    assert waiting().get().user is None
    assert send_due(now=now) >= 1
    (message,) = [one for one in mailoutbox if one.to == [ADDRESS]]
    ((name, content, kind),) = attached(message)
    assert (name, kind) == (f"{invoice.number}.pdf", "application/pdf")
    invoice.refresh_from_db()
    assert content == invoicing.render_pdf(invoice)  # The one that people download, e-invoice and all.
    assert "factur-x.xml" in PdfReader(BytesIO(content)).attachments
    assert message.body.startswith("Hello,\n")
    assert "Choose what you are told" not in message.body  # It is nobody's: there is nothing to choose.


def test_a_credit_note_goes_there_with_its_own_pdf(invoice, acme, now, mailoutbox):
    note = credit(invoice, now)
    send_due(now=now)
    (message,) = [one for one in mailoutbox if note.number in one.subject and one.to == [ADDRESS]]
    assert attached(message)[0][0] == f"{note.number}.pdf"


def test_reminders_go_there_once_each(invoice, acme, now, mailoutbox):
    for day in range(60):
        for hour in (0, 6):
            moment = now + timedelta(days=day, hours=hour)
            receivables.send_reminders(now=moment)
            send_due(now=moment)
    sent = [one for one in mailoutbox if one.to == [ADDRESS]]
    assert [("overdue" in one.subject) for one in sent] == [False, False, False, True, True, True]  # And the bill.
    assert {name for one in sent for name, _content, _kind in attached(one)} == {f"{invoice.number}.pdf"}


def test_it_reads_in_the_language_of_the_company(quote, accept, admin, acme):
    acme.language = "de"
    acme.save()
    with translation.override("ar"):
        accept(quote, admin)
    mail = waiting().get()
    assert 'lang="de"' in mail.html
    assert mail.subject.startswith("Rechnung")


def test_a_company_without_address_gets_none(quote, accept, admin, acme):
    Account.objects.update(billing_email="")
    quote.account.refresh_from_db()
    accept(quote, admin)
    assert not OutgoingMail.objects.exclude(document="").exists()


def test_many_are_written_down_in_one_statement(acme, now, django_assert_max_num_queries):
    invoices = [make_invoice(acme, now=now, number=f"INV-9{number:04}") for number in range(50)]
    with django_assert_max_num_queries(2):  # And the brands, which are kept.
        mail_companies(kind="invoice_issued", told=[(acme, {"invoice": one}) for one in invoices])
    assert waiting().count() == 50


# Once, and never another's


def test_what_fails_with_the_change_is_not_sent(quote, accept, admin, acme):
    with transaction.atomic():
        accept(quote, admin)
        assert waiting().exists()
        transaction.set_rollback(True)
    assert not waiting().exists()


def test_the_job_run_twice_sends_it_once(invoice, acme, now, mailoutbox):
    send_due(now=now)
    send_due(now=now + timedelta(hours=1))
    assert len([one for one in mailoutbox if one.to == [ADDRESS]]) == 1


def test_after_a_worker_died_the_same_message_goes_out_again(invoice, acme, now, mailoutbox):
    waiting().update(state=MailState.SENDING, attempts=1, next_at=now + MAIL_LEASE)
    send_due(now=now + timedelta(seconds=10))
    assert not [one for one in mailoutbox if one.to == [ADDRESS]]  # Perhaps it is alive.
    send_due(now=now + MAIL_LEASE)
    (message,) = [one for one in mailoutbox if one.to == [ADDRESS]]
    assert str(waiting().get().message_id) in message.extra_headers["Message-ID"]


def test_the_document_of_another_company_is_never_attached(invoice, acme, now, mailoutbox):
    other = make_account("Globex", billing_email="books@globex.example")
    waiting().update(account_id=other.pk)
    send_due(now=now)
    assert not [one for one in mailoutbox if one.to == [ADDRESS]]
    assert (waiting().get().state, waiting().get().last_error) == ("cancelled", "The company has no such document.")


def test_a_document_that_cannot_be_made_holds_nobody_up(invoice, acme, admin, now, mailoutbox, settings, tmp_path):
    documents.fonts.cache_clear()
    fonts, settings.DOCUMENT_FONTS = settings.DOCUMENT_FONTS, tmp_path / "none"
    receivables.send_reminders(now=now + timedelta(days=40))
    send_due(now=now + timedelta(days=40))
    assert [one.to for one in mailoutbox] == [[admin.email]]
    assert "No fonts" in waiting(state=MailState.PENDING).first().last_error
    settings.DOCUMENT_FONTS = fonts
    documents.fonts.cache_clear()
    send_due(now=now + timedelta(days=41))
    assert waiting(state=MailState.SENT).count() == 2


# What is of no use any more


def test_a_reminder_of_what_was_paid_meanwhile_stays_here(invoice, acme, now, mailoutbox):
    send_due(now=now)
    receivables.send_reminders(now=now + timedelta(days=40))
    Invoice.objects.update(status="paid", paid_at=now)
    send_due(now=now + timedelta(days=40))
    assert waiting(kind="invoice_reminder").get().state == MailState.CANCELLED


def test_a_bill_withdrawn_before_it_was_sent_is_never_heard_of(invoice, acme, now, mailoutbox):
    cancelling.cancel_order(order=invoice.order, now=now)
    send_due(now=now)
    assert not [one for one in mailoutbox if one.to == [ADDRESS]]
    assert set(waiting().values_list("state", flat=True)) == {MailState.CANCELLED}


def test_a_bill_withdrawn_after_it_was_sent_is_told(invoice, acme, now, mailoutbox):
    send_due(now=now)
    cancelling.cancel_order(order=invoice.order, now=now)
    send_due(now=now)
    told = [one for one in mailoutbox if one.to == [ADDRESS]][-1]
    assert told.subject == f"Invoice {invoice.number} is withdrawn"
    assert not told.attachments


# An address that takes nothing


class Refusing:
    """A real mail server that knows none of its addresses."""

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        return "550 5.1.1 No such mailbox"


@pytest.fixture
def refusing(settings):
    port = free_port()
    controller = Controller(Refusing(), hostname=LOOPBACK, port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = LOOPBACK, port
    yield
    controller.stop()


@pytest.fixture
def bookkeeper(acme):
    return make_member(acme, "bo@acme.example", "Bo Okonkwo", roles=["billing"])


PROFILE = {
    "billing_email": ADDRESS, "billing_street": "Elbe 1", "billing_postal_code": "20457", "billing_city": "Hamburg",
    "billing_country": "DE", "vat_id": "", "billing_po_number": "", "billing_reference": "",
}  # fmt: skip


@pytest.mark.usefixtures("refusing")
def test_a_refused_address_is_shown_and_written_to_no_more(invoice, bookkeeper, viewer, acme, now, signed_in):
    send_due(now=now)
    acme.refresh_from_db()
    assert (waiting().get().state, acme.billing_mail_problem) == (MailState.FAILED, "hard")
    assert MailReport.objects.get().email == ADDRESS
    client = signed_in(bookkeeper)
    for name in ("commerce:billing-profile", "commerce:invoices"):
        assert "Mail to your address for invoices comes back" in client.get(reverse(name)).content.decode()
    assert "comes back" not in signed_in(viewer).get(reverse("commerce:invoices")).content.decode()
    staff = signed_in(make_staff("fay@vendor.example", "Fay", group="System administrator"))
    page = staff.get(reverse("admin:accounts_account_change", args=[acme.pk])).content.decode()
    assert "Comes back: Cannot be delivered" in page
    receivables.send_reminders(now=now + timedelta(days=40))
    send_due(now=now + timedelta(days=40))
    assert waiting(kind="invoice_reminder").get().state == MailState.CANCELLED


@pytest.mark.parametrize("address", [ADDRESS, "invoices@acme.example"])
def test_a_corrected_or_confirmed_address_is_written_to_again(
    invoice, bookkeeper, acme, now, signed_in, mailoutbox, address
):
    note_report(unique_id="1", kind="hard", email=ADDRESS.upper(), detail="gone", now=now)
    client = signed_in(bookkeeper)
    assert client.post(reverse("commerce:billing-profile"), PROFILE | {"billing_email": address}).status_code == 302
    acme.refresh_from_db()
    assert (acme.billing_email, acme.billing_mail_problem, acme.unreachable_email) == (address, None, "")
    assert "comes back" not in client.get(reverse("commerce:billing-profile")).content.decode()
    receivables.send_reminders(now=now + timedelta(days=40))
    send_due(now=now + timedelta(days=40))
    assert [address] in [one.to for one in mailoutbox]
    event = acme.events.order_by("-pk").first()
    assert (event.billing_email, event.pgh_context["user_id"]) == (address, bookkeeper.pk)


def test_a_full_mailbox_is_told_and_tried_again(invoice, acme, now, mailoutbox):
    note_report(unique_id="1", kind="soft", email=ADDRESS, detail="full", now=now)
    acme.refresh_from_db()
    assert acme.billing_mail_problem == "soft"
    send_due(now=now)
    assert [ADDRESS] in [one.to for one in mailoutbox]


def test_who_may_see_no_amounts_sees_none_of_these_mails(invoice, acme, signed_in, agent):
    page = signed_in(agent).get(reverse("admin:accounts_outgoingmail_changelist"))
    assert page.status_code == 200
    assert invoice.number not in page.content.decode()


# What was held back


RIGHT = "invoices@acme.example"


@pytest.fixture
def held(invoice, acme, now):
    """The bill was refused by its address, and the reminder of it held back."""
    waiting().update(state=MailState.FAILED, attempts=1, last_error="550")
    note_report(unique_id="1", kind="hard", email=ADDRESS, detail="gone", now=now)
    receivables.send_reminders(now=now + timedelta(days=40))
    send_due(now=now + timedelta(days=40))
    assert set(waiting().values_list("state", flat=True)) == {MailState.FAILED, MailState.CANCELLED}
    return invoice


def correct(client, address=RIGHT):
    return client.post(reverse("commerce:billing-profile"), PROFILE | {"billing_email": address}, follow=True)


def sent_to(mailoutbox, address):
    return [one.subject for one in mailoutbox if one.to == [address]]


@pytest.mark.parametrize("address", [ADDRESS, RIGHT])
def test_what_was_held_back_is_sent_once_the_address_is_right_and_it_is_said(
    held, bookkeeper, acme, now, signed_in, mailoutbox, address
):
    client, twice = signed_in(bookkeeper), signed_in(bookkeeper)
    assert "1 mail that was held back is on its way." in correct(client, address).content.decode()
    assert "on its way" not in correct(twice, address).content.decode()
    for _time in range(2):
        send_due(now=now + timedelta(days=41))
    assert sent_to(mailoutbox, address) == [f"Invoice {held.number} is overdue"]  # The newest about it, with the PDF.
    (message,) = [one for one in mailoutbox if one.to == [address]]
    assert [name for name, _content, _kind in attached(message)] == [f"{held.number}.pdf"]
    assert "on its way" not in correct(client, ADDRESS).content.decode()


def test_a_bill_that_was_paid_meanwhile_is_sent_without_its_reminder(held, bookkeeper, now, signed_in, mailoutbox):
    Invoice.objects.update(status="paid", paid_at=now)
    correct(signed_in(bookkeeper))
    send_due(now=now + timedelta(days=41))
    assert sent_to(mailoutbox, RIGHT) == [f"Invoice {held.number} from Meridian"]


def test_what_was_withdrawn_or_had_arrived_before_is_not_sent(held, bookkeeper, acme, now, signed_in, mailoutbox):
    arrived = make_invoice(acme, now=now, number="INV-00099", status="paid", paid_at=now)
    mail_companies(kind="invoice_issued", told=[(acme, {"invoice": arrived})])
    waiting(document=arrived.number).update(state=MailState.SENT, sent_at=now)
    Invoice.objects.filter(pk=held.pk).update(status="void")
    assert "on its way" not in correct(signed_in(bookkeeper)).content.decode()
    send_due(now=now + timedelta(days=41))
    assert not sent_to(mailoutbox, RIGHT)


def test_what_waits_for_the_old_address_goes_to_the_new_one(held, bookkeeper, acme, now, signed_in, mailoutbox):
    note = credit(held, now)
    assert waiting(document=note.number).get().state == MailState.PENDING
    correct(signed_in(bookkeeper))
    send_due(now=now + timedelta(days=41))
    assert any(note.number in subject for subject in sent_to(mailoutbox, RIGHT))
    assert not sent_to(mailoutbox, ADDRESS)


def test_mail_that_a_worker_has_in_its_hands_is_left_to_it(held, bookkeeper, now, signed_in, mailoutbox):
    waiting(kind="invoice_reminder").update(state=MailState.SENDING, next_at=now + timedelta(days=50))
    assert "on its way" not in correct(signed_in(bookkeeper)).content.decode()


def test_at_most_so_many_are_sent_and_it_is_said(held, bookkeeper, acme, now, signed_in, monkeypatch):
    monkeypatch.setattr(held_back, "MOST_DOCUMENTS", 2)
    invoices = [make_invoice(acme, now=now, number=f"INV-9{number:04}") for number in range(3)]
    mail_companies(kind="invoice_issued", told=[(acme, {"invoice": one}) for one in invoices])
    OutgoingMail.objects.filter(state=MailState.PENDING, to=ADDRESS).update(state=MailState.CANCELLED)
    text = correct(signed_in(bookkeeper)).content.decode()
    assert "2 mails that were held back are on their way. Older documents are in the list of invoices." in text
    again = OutgoingMail.objects.filter(to=RIGHT, state=MailState.PENDING)
    assert set(again.values_list("document", flat=True)) == {"INV-90001", "INV-90002"}


def test_the_mail_of_another_company_with_the_same_address_stays(held, bookkeeper, signed_in, globex, now):
    globex.billing_email = ADDRESS
    globex.save()
    mail_companies(kind="invoice_issued", told=[(globex, {"invoice": make_invoice(globex, now=now)})])
    correct(signed_in(bookkeeper))
    assert waiting(account_id=globex.pk).get().to == ADDRESS


def test_an_administrator_or_our_people_may_correct_the_address_too(held, admin, acme, signed_in):
    client = signed_in(admin)
    url = reverse("accounts:company-profile")
    form = client.get(url).context["form"]
    told = client.post(url, {**form.initial, "billing_email": RIGHT}, follow=True).content.decode()
    assert "1 mail that was held back is on its way." in told
    acme.refresh_from_db()
    assert acme.unreachable_email == ""


def test_a_correction_by_our_people_sends_it_too(held, acme, signed_in):
    staff = signed_in(make_staff("fay@vendor.example", "Fay", group="System administrator"))
    url = reverse("admin:accounts_account_change", args=[acme.pk])
    page = staff.get(url)
    data = {name: "" if value is None else value for name, value in page.context["adminform"].form.initial.items()}
    for formset in page.context["inline_admin_formsets"]:
        prefix = formset.formset.prefix
        data |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
    told = staff.post(url, data | {"billing_email": RIGHT}, follow=True).content.decode()
    assert "1 mail that was held back is on its way." in told
    assert OutgoingMail.objects.filter(to=RIGHT, state=MailState.PENDING).count() == 1
