"""Mail that comes in: kept once, dealt with once. Replies reach their case, reports mark addresses, the rest waits."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from email.message import EmailMessage
from uuid import uuid4

import pytest
from django.core import mail as outbox
from django.urls import reverse
from django.utils import timezone

from accounts.intake import process_due, receive
from accounts.models import InboundMail, InboundState, MailReport, MailState, Membership, OutgoingMail, User
from accounts.notifications import send_due
from accounts.notifications.replies import answered_by, reply_address, reply_token
from accounts.notifications.reports import note_report
from cases.models import Case, CaseMessage
from cases.services import open_case, reply_as_staff
from tests.world import PDF

pytestmark = pytest.mark.django_db

RAW = reverse("accounts:inbound-mail")
SECRET = "sink:of-the-sandbox"


@pytest.fixture(autouse=True)
def inbound(settings):
    settings.EMAIL_INBOUND_ADDRESS = "reply@portal.example"
    settings.ANYMAIL = settings.ANYMAIL | {"WEBHOOK_SECRET": [SECRET]}
    return settings


def basic(secret=SECRET):
    return {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}


@pytest.fixture
def case(acme, member, agent):
    membership = member.memberships.get()
    case = open_case(
        account=acme, opened_by=member, actor=membership.actor(), subject="Scanner", description="It sleeps.",
        form_key=uuid4(), now=timezone.now(),
    )  # fmt: skip
    reply_as_staff(case=case, author=agent, body="Wake it.", form_key=uuid4(), now=timezone.now())
    return Case.objects.get(pk=case.pk)


@pytest.fixture
def reply_to(case, member):
    """Where a reply to the answer goes."""
    return reply_address(reply_token("case", str(case.serial), user_id=member.pk))


QUOTED = "It still sleeps.\n\nOn Sun, 22 Nov 2026 at 10:00, Meridian <portal@vendor.example> wrote:\n> Wake it.\n"


def letter(to, text=QUOTED, *, sender="Milo Brandt <member@acme.example>", files=(), **headers):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, "Re: a reply"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    for name, content in files:
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def take(mime):
    row = receive(mime=mime, source="mail server", now=timezone.now())
    process_due(now=timezone.now())
    row.refresh_from_db()
    return row


def written(case):
    return [message.body for message in CaseMessage.objects.filter(case=case).order_by("pk")][2:]


# The address.


def test_the_mail_about_a_case_says_where_a_reply_goes(case, reply_to):
    send_due(now=timezone.now())
    sent = next(one for one in outbox.outbox if "a reply to" in one.subject)
    assert sent.reply_to == [reply_to]
    assert len(reply_to.partition("@")[0]) <= 64


def test_an_address_of_somebody_else_s_making_answers_nothing(reply_to):
    assert answered_by([reply_to.upper()]) is not None
    local, _at, domain = reply_to.partition("@")
    assert answered_by([f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}"]) is None
    assert answered_by([reply_to.replace("case-", "case-9")]) is None
    assert answered_by(["reply@portal.example", "reply+@portal.example", ""]) is None


# Replies.


def test_a_reply_becomes_a_message_of_its_case_without_what_it_quotes(case, member, reply_to):
    row = take(letter(reply_to, files=[("scan.pdf", PDF)]))
    assert (row.state, row.note) == (InboundState.DONE, f"A message of {case.number}.")
    assert written(case) == ["It still sleeps."]
    message = CaseMessage.objects.latest("pk")
    assert (message.author, message.is_from_staff) == (member, False)
    assert message.attachments.get().name == "scan.pdf"
    case.refresh_from_db()
    assert case.status == "open"


@pytest.mark.parametrize(
    "mime",
    [
        b"From: a\x00b@stranger.example\r\nTo: reply@portal.example\r\n\r\nHello",
        b"From: =?utf-8?q?a=00b=40stranger.example?=\r\nTo: reply@portal.example\r\n\r\nHello",
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (part, part) for part in range(2000)
        ),
    ],
    ids=["null character", "null character in words", "parts within parts"],
)
def test_a_stranger_s_broken_message_is_held(client, mime):
    assert client.post(RAW, mime, content_type="message/rfc822", headers=basic()).status_code == 204
    process_due(now=timezone.now())
    assert InboundMail.objects.get().state == InboundState.HELD


def test_a_file_whose_name_has_a_null_character_is_taken(case, reply_to):
    row = take(letter(reply_to, files=[("sc\x00an.pdf", PDF)]))
    assert row.state == InboundState.DONE
    assert CaseMessage.objects.latest("pk").attachments.get().name == "scan.pdf"


def test_the_same_message_is_taken_once(case, reply_to):
    mime = letter(reply_to)
    take(mime)
    take(mime)
    assert InboundMail.objects.count() == 1
    InboundMail.objects.update(state=InboundState.RECEIVED)  # As after a worker that died.
    process_due(now=timezone.now())
    assert written(case) == ["It still sleeps."]


def test_a_reply_of_html_alone_is_read(case, reply_to):
    message = EmailMessage()
    message["From"], message["To"] = "member@acme.example", reply_to
    message.set_content("<p>Still <b>asleep</b> &amp; snoring.</p>", subtype="html")
    take(message.as_bytes())
    assert written(case) == ["Still asleep & snoring."]


def test_a_file_that_we_do_not_take_is_left_out_and_named(case, reply_to):
    take(letter(reply_to, files=[("run.exe", b"MZ\x90"), ("scan.pdf", b"MZ\x90")]))
    (body,) = written(case)
    assert body.startswith("It still sleeps.")
    assert "run.exe" in body
    assert "scan.pdf" in body
    assert not CaseMessage.objects.latest("pk").attachments.exists()


@pytest.mark.parametrize(
    "sender", ["admin@acme.example", '"member@acme.example" <thief@else.example>', "member@acme.example.else.example"]
)
def test_a_reply_from_another_address_is_held_until_the_staff_vouch_for_it(case, reply_to, sender, agent, signed_in):
    row = take(letter(reply_to, sender=sender))
    assert row.state == InboundState.HELD
    assert written(case) == []
    client = signed_in(agent)
    answer = client.post(
        reverse("admin:accounts_inboundmail_changelist"), {"action": "vouch", "_selected_action": [row.pk]}
    )
    assert answer.status_code == 302
    process_due(now=timezone.now())
    assert written(case) == ["It still sleeps."]


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
        lambda user: Membership.objects.filter(user=user).update(is_active=False),
        lambda user: Membership.objects.filter(user=user).update(roles=["viewer"]),
    ],
    ids=["signed off", "left", "lost the role"],
)
def test_a_reply_of_whom_it_no_longer_concerns_is_held(case, member, reply_to, meanwhile):
    meanwhile(member)
    assert take(letter(reply_to)).state == InboundState.HELD
    assert written(case) == []


@pytest.mark.parametrize(
    "headers",
    [{"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"X_Autoreply": "yes"}],
    ids=["RFC 3834", "bulk", "autoreply"],
)
def test_an_automatic_answer_is_ignored(case, reply_to, headers):
    assert take(letter(reply_to, **headers)).state == InboundState.IGNORED
    assert written(case) == []


def test_mail_that_answers_nothing_is_held_and_can_be_ignored(agent, signed_in):
    row = take(letter("reply@portal.example", "Hello?"))
    assert row.state == InboundState.HELD
    client = signed_in(agent)
    url = reverse("admin:accounts_inboundmail_changelist")
    client.post(url, {"action": "ignore", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert row.state == InboundState.IGNORED
    assert "Hello?" in client.get(reverse("admin:accounts_inboundmail_change", args=[row.pk])).content.decode()


def test_one_that_breaks_something_is_given_up_after_a_while_and_stops_no_other(monkeypatch, case, reply_to):
    def broken(reply, now):
        raise ZeroDivisionError

    monkeypatch.setattr("accounts.intake.handlers", lambda: {"case": broken})
    row = take(letter(reply_to))
    assert row.state == InboundState.RECEIVED
    for days in range(1, 5):
        process_due(now=timezone.now() + timedelta(days=days))
    row.refresh_from_db()
    assert row.state == InboundState.FAILED
    assert "ZeroDivisionError" in row.note


# Mail servers' reports.


def report(recipient, message_id, *, action="failed", status="5.1.1"):
    return (
        f"From: MAILER-DAEMON@mx.example\nTo: portal@vendor.example\nSubject: Undelivered Mail Returned to Sender\n"
        f"Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\nIt could not be delivered.\n\n"
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; 550 5.1.1 no such user\n\n"
        f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <{message_id}@vendor.example>\n\n--b--\n"
    ).encode()


@pytest.mark.parametrize(("status", "reason"), [("5.1.1", "hard"), ("4.2.2", "soft")])
def test_a_report_marks_the_address(case, member, status, reason):
    sent = OutgoingMail.objects.get(kind="case_reply")
    assert take(report(member.email, sent.message_id, status=status)).state == InboundState.DONE
    member.refresh_from_db()
    assert member.mail_problem == reason
    assert "550 5.1.1" in MailReport.objects.get().detail


def test_a_forged_report_marks_nobody(case, admin):
    sent = OutgoingMail.objects.get(kind="case_reply")  # To Milo.
    assert take(report(admin.email, sent.message_id)).state == InboundState.HELD
    assert take(report(admin.email, "9b2f3c0e-7a3d-4c55-8e0e-2f6d1f7a1b11")).state == InboundState.HELD
    admin.refresh_from_db()
    assert admin.mail_problem is None


def test_a_delay_is_no_bounce(case, member):
    sent = OutgoingMail.objects.get(kind="case_reply")
    take(report(member.email, sent.message_id, action="delayed", status="4.4.1"))
    member.refresh_from_db()
    assert member.mail_problem is None


def test_a_soft_bounce_does_not_outweigh_a_hard_one_and_necessary_mail_is_still_tried(case, member):
    note_report(unique_id="1", kind="soft", email=member.email, detail="full", now=timezone.now())
    assert send_due(now=timezone.now()) == 2
    note_report(unique_id="2", kind="hard", email=member.email.upper(), detail="gone", now=timezone.now())
    note_report(unique_id="3", kind="complaint", email=member.email, detail="spam", now=timezone.now())
    member.refresh_from_db()
    assert member.mail_problem == "hard"
    assert MailReport.objects.count() == 3


# The addresses that mail services call.


def test_a_mail_server_hands_over_a_message(client, case, reply_to):
    answer = client.post(RAW, letter(reply_to), content_type="message/rfc822", headers=basic())
    assert answer.status_code == 204
    process_due(now=timezone.now())
    assert written(case) == ["It still sleeps."]


@pytest.mark.parametrize(
    "headers", [{}, basic("sink:else"), {"Authorization": "Basic ü"}, {"Authorization": "Bearer x"}]
)
def test_without_the_secret_nothing_is_taken(client, reply_to, headers):
    answer = client.post(RAW, letter(reply_to), content_type="message/rfc822", headers=headers)
    assert answer.status_code == 401
    assert not InboundMail.objects.exists()


def test_an_installation_without_a_secret_has_no_intake(client, inbound, reply_to):
    inbound.ANYMAIL = inbound.ANYMAIL | {"WEBHOOK_SECRET": []}
    inbound.MAIL_SERVICE = "postmark"
    assert client.post(RAW, letter(reply_to), content_type="message/rfc822", headers=basic(":")).status_code == 404
    url = reverse("accounts:mail-service", args=["postmark", "inbound"])
    assert client.post(url, "{}", content_type="application/json").status_code == 404


def postmark(client, what, payload, headers=None):
    url = reverse("accounts:mail-service", args=["postmark", what])
    return client.post(url, json.dumps(payload), content_type="application/json", headers=headers or basic())


def test_postmark_delivers_a_reply_with_a_file(client, inbound, case, reply_to):
    inbound.MAIL_SERVICE = "postmark"
    payload = {
        "FromName": "Milo Brandt",
        "From": "member@acme.example",
        "FromFull": {"Email": "member@acme.example", "Name": "Milo Brandt", "MailboxHash": ""},
        "To": reply_to,
        "ToFull": [{"Email": reply_to, "Name": "", "MailboxHash": ""}],
        "OriginalRecipient": reply_to,
        "Subject": "Re: a reply",
        "MessageID": "22c74902-a0c1-4511-804f-341342852c90",
        "Date": "Sun, 22 Nov 2026 10:00:00 +0000",
        "TextBody": QUOTED,
        "HtmlBody": "",
        "StrippedTextReply": "",
        "Headers": [{"Name": "Return-Path", "Value": "<member@acme.example>"}],
        "Attachments": [
            {
                "Name": "scan.pdf",
                "Content": base64.b64encode(PDF + b"0" * 3_000_000).decode(),  # More than Django reads at once.
                "ContentType": "application/pdf",
                "ContentLength": 3_000_028,
            }
        ],
    }
    assert postmark(client, "inbound", payload).status_code == 200
    assert postmark(client, "inbound", payload).status_code == 200
    assert InboundMail.objects.count() == 1
    process_due(now=timezone.now())
    assert written(case) == ["It still sleeps."]
    assert CaseMessage.objects.latest("pk").attachments.get().size == len(PDF) + 3_000_000


BOUNCE = {
    "RecordType": "Bounce",
    "ID": 692560173,
    "Type": "HardBounce",
    "TypeCode": 1,
    "MessageID": "2706ee8a-737c-4285-b032-ccd317af53ed",
    "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
    "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
    "Email": "member@acme.example",
    "BouncedAt": "2026-11-22T16:34:52Z",
    "Subject": "A reply",
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, "hard"),
        ({"Type": "SoftBounce"}, "soft"),
        ({"Type": "Transient"}, None),
        ({"RecordType": "SpamComplaint", "Type": "SpamComplaint"}, "complaint"),
        ({"RecordType": "Delivery", "Recipient": "member@acme.example", "Type": ""}, None),
    ],
)
def test_postmark_reports_what_became_of_a_mail(client, inbound, member, change, reason):
    inbound.MAIL_SERVICE = "postmark"
    for _time in range(2):
        assert postmark(client, "tracking", BOUNCE | change).status_code == 200
    member.refresh_from_db()
    assert member.mail_problem == reason
    assert MailReport.objects.count() == (reason is not None)


def test_mailgun_proves_itself_by_its_signature(client, inbound, member):
    inbound.MAIL_SERVICE = "mailgun"
    inbound.ANYMAIL = inbound.ANYMAIL | {"MAILGUN_API_KEY": "key", "MAILGUN_WEBHOOK_SIGNING_KEY": "signing"}
    timestamp, token = "1795342800", "06c96bafc3f42a66b9edd546347a2fe18dc23461fe80dc52f0"
    event = {
        "signature": {
            "timestamp": timestamp,
            "token": token,
            "signature": hmac.new(b"signing", f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest(),
        },
        "event-data": {
            "id": "YYYYYYYYYY", "event": "failed", "severity": "permanent", "reason": "bounce",
            "recipient": "member@acme.example", "timestamp": 1795342800.5, "log-level": "error",
            "delivery-status": {"code": 550, "message": "5.1.1 no such user", "description": ""},
            "message": {"headers": {"message-id": "1@vendor.example"}}, "tags": [], "user-variables": {},
        },
    }  # fmt: skip
    url = reverse("accounts:mail-service", args=["mailgun", "tracking"])
    event["signature"]["token"] = "another"
    assert client.post(url, json.dumps(event), content_type="application/json", headers=basic()).status_code == 400
    assert not MailReport.objects.exists()
    event["signature"]["token"] = token
    assert client.post(url, json.dumps(event), content_type="application/json", headers=basic()).status_code == 200
    member.refresh_from_db()
    assert member.mail_problem == "hard"


def test_only_the_service_of_the_installation_is_answered_and_only_with_the_secret(client, inbound, member):
    inbound.MAIL_SERVICE = "mailgun"
    assert postmark(client, "tracking", BOUNCE).status_code == 404
    inbound.MAIL_SERVICE = "postmark"
    assert postmark(client, "tracking", BOUNCE, headers=basic("sink:else")).status_code == 400
    assert postmark(client, "elsewhere", BOUNCE).status_code == 404
    assert not MailReport.objects.exists()


def test_a_hard_bounce_stops_what_waits(case, member):
    note_report(unique_id="1", kind="hard", email=member.email, detail="", now=timezone.now())
    assert send_due(now=timezone.now()) == 0
    assert set(OutgoingMail.objects.values_list("state", flat=True)) == {MailState.CANCELLED}
