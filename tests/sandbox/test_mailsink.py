"""Where demo mail is read: messages arrive over SMTP and are shown as text, never as a page of ours."""

import json
import smtplib
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest

from sandbox import mailsink, web
from sandbox.mailsink import MailSink
from sandbox.processes import free_port


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[MailSink]:
    with MailSink(tmp_path / "mail", smtp_port=free_port(), http_port=0) as server:
        yield server


def send(sink: MailSink, *, to: str = "ada@acme.example", subject: str = "Your receipt", **parts: str) -> None:
    message = EmailMessage()
    message["From"] = "Meridian <portal@vendor.example>"
    message["To"] = to
    message["Subject"] = subject
    message.set_content(parts.get("text", "Thank you."))
    if html := parts.get("html"):
        message.add_alternative(html, subtype="html")
    if attachment := parts.get("attachment"):
        message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename=attachment)
    host, port = sink.smtp_url.removeprefix("smtp://").split(":")
    with smtplib.SMTP(host, int(port)) as connection:
        connection.send_message(message, to_addrs=[to])


def messages(sink: MailSink, query: str = "") -> list[dict]:
    return json.loads(web.request(f"{sink.url}/api/messages{query}").body)


def test_a_message_can_be_read_on_its_page(sink):
    send(sink, subject="Größe 60 seats", text="Dear Ada", html="<p>Dear <b>Ada</b></p>", attachment="invoice.pdf")
    [message] = messages(sink)
    assert (message["subject"], message["to"], message["text"]) == (
        "Größe 60 seats",
        ["ada@acme.example"],
        "Dear Ada\n",
    )
    listing = web.request(sink.url).body.decode()
    assert f"/messages/{message['id']}" in listing
    page = web.request(f"{sink.url}/messages/{message['id']}").body.decode()
    assert "Größe 60 seats" in page
    assert "Dear Ada" in page
    assert web.request(f"{sink.url}/messages/{message['id']}/html").body.decode() == "<p>Dear <b>Ada</b></p>\n"
    attachment = web.request(f"{sink.url}/messages/{message['id']}/attachments/0")
    assert attachment.body == b"%PDF-1.7"
    assert "invoice.pdf" in attachment.headers["Content-Disposition"]


def test_the_newest_message_comes_first(sink):
    for number in range(3):
        send(sink, subject=f"Number {number}")
    assert [message["subject"] for message in messages(sink)] == ["Number 2", "Number 1", "Number 0"]


def test_messages_can_be_narrowed_to_one_address(sink):
    send(sink, to="ada@acme.example")
    send(sink, to="gus@globex.example")
    assert [message["to"] for message in messages(sink, "?to=GUS@globex.example")] == [["gus@globex.example"]]
    assert "gus@globex.example" in web.request(f"{sink.url}/?to=gus@globex.example").body.decode()


def test_a_message_cannot_put_markup_into_our_pages(sink):
    send(sink, subject="<script>alert(1)</script>", text="<img src=x onerror=alert(1)>")
    [message] = messages(sink)
    for path in ("/", f"/messages/{message['id']}"):
        answer = web.request(sink.url + path)
        assert b"<script" not in answer.body
        assert b"<img" not in answer.body
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_formatted_message_is_shut_in(sink):
    send(sink, html="<script>alert(1)</script>")
    [message] = messages(sink)
    assert "<iframe sandbox " in web.request(f"{sink.url}/messages/{message['id']}").body.decode()
    policy = web.request(f"{sink.url}/messages/{message['id']}/html").headers["Content-Security-Policy"]
    assert policy.startswith("sandbox")
    assert "default-src 'none'" in policy


def test_messages_are_kept_between_runs_up_to_a_number(tmp_path, monkeypatch):
    monkeypatch.setattr(mailsink, "KEPT_MESSAGES", 3)
    for run in range(2):
        with MailSink(tmp_path, smtp_port=free_port(), http_port=0) as sink:
            for number in range(2):
                send(sink, subject=f"{run}.{number}")
            found = [message["subject"] for message in messages(sink)]
    assert found == ["1.1", "1.0", "0.1"]


@pytest.mark.parametrize("path", ["/messages/1", "/messages/..%2f..%2fetc", "/nothing", "/messages/1/html"])
def test_an_unknown_address_is_not_found(sink, path):
    assert web.request(sink.url + path).status == 404


def test_the_mailbox_can_be_emptied(sink):
    send(sink)
    web.request(f"{sink.url}/api/messages", method="DELETE")
    assert messages(sink) == []
    assert "Nothing has been sent yet." in web.request(sink.url).body.decode()


def test_a_reply_is_handed_to_the_portal_as_a_mail_server_would(tmp_path):
    taken = []

    class Portal(web.Handler):
        def do_POST(self):  # noqa: N802
            taken.append((self.headers["Authorization"], message_from_bytes(self.read_body())))
            self.reply(204, b"", content_type="text/plain")

    portal = web.Server(0, Portal)
    portal.start_in_thread()
    try:
        sink = MailSink(tmp_path, smtp_port=free_port(), http_port=0, intake=f"{portal.url}/in/", secret="sink:key")
        with sink:
            sink.mailbox.add(
                b"From: portal@vendor.example\nReply-To: reply+case-1@portal.example\nSubject: CS-1\n\nWake it.\n",
                ["milo@acme.example"],
            )
            (letter,) = sink.mailbox.letters()
            url = f"{sink.url}/messages/{letter.name}"
            assert b"Reply as milo@acme.example" in web.request(url).body
            answer = web.request(f"{url}/reply", method="POST", data=b"text=It+still+sleeps.")
            assert b"The portal has your reply." in answer.body
            assert web.request(f"{url}/reply", method="POST", data=b"text=").status == 404
    finally:
        portal.stop()
    ((authorization, message),) = taken
    assert authorization == "Basic c2luazprZXk="
    assert (message["From"], message["To"]) == ("milo@acme.example", "reply+case-1@portal.example")
    assert message.get_payload().startswith("It still sleeps.\n\nOn ")
    assert "> Wake it." in message.get_payload()
