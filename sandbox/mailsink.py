"""A mail server that delivers to a page: every message the portal sends can be read there, and goes nowhere else."""

import argparse
import base64
import dataclasses
import itertools
import os
import re
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from html import escape
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, quote, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox import web
from sandbox.processes import LOOPBACK

KEPT_MESSAGES = 500
LARGEST_MESSAGE_BYTES = 20_000_000
NAME = re.compile(r"\d{13,20}-\d{6}")
PAGE_POLICY = "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'"
# A message is somebody else's page: no script, no address of ours, nothing fetched from outside.
MESSAGE_POLICY = "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:"

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #566072; --line: #d9dee6; --paper: #fff; --back: #f4f6f9;
  --link: #1d4ed8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf3; --soft: #a3adbd; --line: #323b4a; --paper: #171d27;
  --back: #0f141c; --link: #8fb4ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 4rem; background: var(--back); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.375rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
a { color: var(--link); }
a:focus-visible, input:focus-visible, button:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.soft { color: var(--soft); }
form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; margin: 1rem 0; }
label { display: block; font-size: .875rem; color: var(--soft); }
input, textarea, button { font: inherit; padding: .5rem .75rem; min-height: 2.75rem; border: 1px solid var(--soft);
  border-radius: .5rem; background: var(--paper); color: inherit; }
input { width: min(22rem, 100%); }
form > div:has(textarea), textarea { width: 100%; }
ul.messages { list-style: none; margin: 0; padding: 0; border: 1px solid var(--line); border-radius: .75rem;
  background: var(--paper); overflow: hidden; }
ul.messages li { padding: .875rem 1rem; display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; }
ul.messages li + li { border-top: 1px solid var(--line); }
ul.messages a { font-weight: 600; overflow-wrap: anywhere; }
ul.messages .soft { overflow-wrap: anywhere; }
section, .empty { border: 1px solid var(--line); border-radius: .75rem; background: var(--paper); padding: 1rem;
  margin-top: 1rem; }
h2 { font-size: 1rem; margin: 0 0 .5rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; margin: 1rem 0 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font: inherit; }
iframe { display: block; width: 100%; height: 34rem; border: 1px solid var(--line); border-radius: .5rem;
  background: #fff; }
"""


@dataclasses.dataclass(frozen=True)
class Letter:
    """A message as the pages and the API show it."""

    name: str
    sender: str
    to: tuple[str, ...]
    reply_to: str
    subject: str
    date: str
    text: str
    html: str
    attachments: tuple[str, ...]

    @classmethod
    def read(cls, file: Path) -> Self:
        message = _parse(file)
        recipients = message.get_all("X-Sandbox-Recipient", [])
        return cls(
            name=file.stem,
            sender=str(message.get("From", "")),
            to=tuple(str(recipient) for recipient in recipients),
            reply_to=str(message.get("Reply-To", "")),
            subject=str(message.get("Subject", "")) or "(no subject)",
            date=_date(message, file).strftime("%Y-%m-%d %H:%M:%S"),
            text=_body(message, "plain"),
            html=_body(message, "html"),
            attachments=tuple(part.get_filename() or "unnamed" for part in message.iter_attachments()),
        )

    def as_json(self) -> dict[str, object]:
        return {("id" if name == "name" else name): value for name, value in dataclasses.asdict(self).items()}


class Mailbox:
    """The messages in a folder, the newest `KEPT_MESSAGES` of them, each a file of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._count = itertools.count()
        self._known: dict[str, Letter] = {}

    def add(self, content: bytes, recipients: list[str]) -> None:
        # The envelope says who gets it; the header would miss blind copies.
        envelope = "".join(f"X-Sandbox-Recipient: {recipient}\n" for recipient in recipients).encode()
        with self._lock:
            name = f"{time.time_ns():020}-{next(self._count) % 1_000_000:06}"
            unfinished = self.folder / f"{name}.tmp"
            unfinished.write_bytes(envelope + content.replace(b"\r\n", b"\n"))
            unfinished.rename(self.folder / f"{name}.eml")
            for old in self._files()[KEPT_MESSAGES:]:
                old.unlink(missing_ok=True)
                self._known.pop(old.stem, None)

    def letters(self, *, to: str = "") -> Iterator[Letter]:
        """The newest first; those to one address when it is given."""
        wanted = to.strip().lower()
        for file in self._files():
            letter = self.get(file.stem)
            if letter and (not wanted or wanted in (recipient.lower() for recipient in letter.to)):
                yield letter

    def get(self, name: str) -> Letter | None:
        if not NAME.fullmatch(name):
            return None
        if name not in self._known:
            try:
                self._known[name] = Letter.read(self.folder / f"{name}.eml")
            except FileNotFoundError:
                return None
        return self._known[name]

    def attachment(self, name: str, number: int) -> tuple[str, str, bytes] | None:
        """Its file name, content type and content."""
        if not self.get(name):
            return None
        parts = list(_parse(self.folder / f"{name}.eml").iter_attachments())
        if not 0 <= number < len(parts):
            return None
        content = parts[number].get_payload(decode=True)
        return (
            parts[number].get_filename() or "unnamed",
            parts[number].get_content_type(),
            content if isinstance(content, bytes) else b"",
        )

    def clear(self) -> None:
        with self._lock:
            for file in self._files():
                file.unlink(missing_ok=True)
            self._known.clear()

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.eml"), reverse=True)


class _Deliver:
    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        self.mailbox.add(content, [str(recipient) for recipient in envelope.rcpt_tos])
        return "250 Message accepted"


class MailSink:
    """The mail server and its pages as threads of this process. `python -m sandbox.mailsink` is one of its own."""

    def __init__(self, folder: Path, *, smtp_port: int, http_port: int, intake: str = "", secret: str = "") -> None:
        self.mailbox = Mailbox(folder)
        self._smtp = Controller(
            _Deliver(self.mailbox),
            hostname=LOOPBACK,
            port=smtp_port,
            data_size_limit=LARGEST_MESSAGE_BYTES,
            ident="sandbox",
        )

        class MailHandler(_Handler):
            pass

        MailHandler.mailbox = self.mailbox
        MailHandler.intake, MailHandler.secret = intake, secret
        self._http = web.Server(http_port, MailHandler)
        self.url = self._http.url
        self.smtp_url = f"smtp://{LOOPBACK}:{smtp_port}"

    def start(self) -> Self:
        self._smtp.start()
        self._http.start_in_thread()
        return self

    def stop(self) -> None:
        self._http.stop()
        self._smtp.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def serve_forever(self) -> None:
        self._smtp.start()
        self._http.serve_forever()


class _Handler(web.Handler):
    mailbox: Mailbox
    intake: str  # Where the portal takes in mail; empty: replies go nowhere.
    secret: str

    def do_POST(self) -> None:  # noqa: N802
        """Somebody answers a message: it goes to the portal as a mail server would hand it over."""
        text = parse_qs(self.read_body().decode(errors="replace")).get("text", [""])[0].strip()
        match self.path.strip("/").split("/"):
            case ["messages", name, "reply"]:
                letter = self.mailbox.get(name)
                if letter and letter.reply_to and self.intake and text:
                    self._page("Reply", self._hand_over(letter, text, name))
                else:
                    self._missing()
            case _:
                self._missing()

    def _hand_over(self, letter: Letter, text: str, name: str) -> str:
        reply = EmailMessage()
        reply["From"], reply["To"], reply["Subject"] = letter.to[0], letter.reply_to, f"Re: {letter.subject}"
        quoted = "\n".join(f"> {line}" for line in letter.text.splitlines())
        reply.set_content(f"{text}\n\nOn {letter.date}, {letter.sender} wrote:\n{quoted}\n")
        headers = {
            "Content-Type": "message/rfc822",
            "Authorization": f"Basic {base64.b64encode(self.secret.encode()).decode()}",
        }
        try:
            status = web.request(self.intake, method="POST", data=reply.as_bytes(), headers=headers).status
        except OSError:
            status = 0
        said = "The portal has your reply." if status == 204 else f"The portal did not take the reply ({status})."
        return f'<h1>{said}</h1><p><a href="/messages/{name}">Back to the message</a></p>'

    def do_GET(self) -> None:  # noqa: N802
        address = urlsplit(self.path)
        to = parse_qs(address.query).get("to", [""])[0]
        match address.path.strip("/").split("/"):
            case [""]:
                self._page("Mail", _list_page(list(self.mailbox.letters(to=to)), to))
            case ["style.css"]:
                self.reply(200, STYLE.encode(), content_type="text/css; charset=utf-8")
            case ["_health"]:
                self.reply_json({"ok": True})
            case ["api", "messages"]:
                self.reply_json([letter.as_json() for letter in self.mailbox.letters(to=to)])
            case ["messages", name]:
                letter = self.mailbox.get(name)
                if letter:
                    self._page(letter.subject, _letter_page(letter, can_reply=bool(self.intake)))
                else:
                    self._missing()
            case ["messages", name, "html"]:
                letter = self.mailbox.get(name)
                if letter and letter.html:
                    self.reply(
                        200,
                        letter.html.encode(),
                        content_type="text/html; charset=utf-8",
                        headers={"Content-Security-Policy": MESSAGE_POLICY, "X-Content-Type-Options": "nosniff"},
                    )
                else:
                    self._missing()
            case ["messages", name, "attachments", number] if number.isdecimal():
                self._attachment(name, int(number))
            case _:
                self._missing()

    do_HEAD = do_GET  # noqa: N815

    def do_DELETE(self) -> None:  # noqa: N802
        if self.path == "/api/messages":
            self.mailbox.clear()
            self.reply_json({})
        else:
            self.reply_json({"error": "unknown"}, status=404)

    def _attachment(self, name: str, number: int) -> None:
        found = self.mailbox.attachment(name, number)
        if not found:
            self._missing()
            return
        file_name, content_type, content = found
        # Shown in the browser only where that runs nothing.
        shown = "inline" if content_type == "application/pdf" else "attachment"
        headers = {
            "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(file_name)}",
            "X-Content-Type-Options": "nosniff",
        }
        self.reply(200, content, content_type=content_type, headers=headers)

    def _page(self, title: str, main: str, *, status: int = 200) -> None:
        page = (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<link rel="stylesheet" href="/style.css"></head><body><main>{main}</main></body></html>'
        )
        headers = {"Content-Security-Policy": PAGE_POLICY, "X-Content-Type-Options": "nosniff"}
        self.reply(status, page.encode(), content_type="text/html; charset=utf-8", headers=headers)

    def _missing(self) -> None:
        main = '<h1>No such message</h1><p>It may have made room for newer ones. <a href="/">All mail</a></p>'
        self._page("No such message", main, status=404)


def _list_page(letters: list[Letter], to: str) -> str:
    rows = "".join(
        f'<li><a href="/messages/{letter.name}">{escape(letter.subject)}</a>'
        f'<time class="soft" datetime="{letter.date.replace(" ", "T")}">{letter.date}</time>'
        f'<span class="soft">To {escape(", ".join(letter.to))}</span></li>'
        for letter in letters
    )
    nothing = f"Nothing has been sent to {escape(to)}." if to else "Nothing has been sent yet."
    listing = (
        f'<ul class="messages">{rows}</ul>' if rows else f'<p class="empty">{nothing} Load the page again later.</p>'
    )
    return (
        '<h1>Mail</h1><p class="soft">What the portal has sent on this machine. Nothing here left it.</p>'
        f'<form method="get" action="/"><div><label for="to">Sent to</label>'
        f'<input id="to" name="to" type="email" autocomplete="off" value="{escape(to)}"></div>'
        f"<button>Show</button></form>{listing}"
    )


def _letter_page(letter: Letter, *, can_reply: bool) -> str:
    reply = (
        f'<section><h2>Reply as {escape(letter.to[0])}</h2><form method="post" action="/messages/{letter.name}/reply">'
        '<div><label for="text">Your reply</label><textarea id="text" name="text" rows="4" required></textarea></div>'
        "<button>Send</button></form></section>"
        if can_reply and letter.reply_to and letter.to
        else ""
    )
    text = f"<section><h2>Text</h2><pre>{escape(letter.text)}</pre></section>" if letter.text else ""
    html = (
        f'<section><h2>Formatted</h2><iframe sandbox title="The formatted message" '
        f'src="/messages/{letter.name}/html"></iframe></section>'
        if letter.html
        else ""
    )
    files = "".join(
        f'<li><a href="/messages/{letter.name}/attachments/{number}">{escape(file)}</a></li>'
        for number, file in enumerate(letter.attachments)
    )
    attachments = f"<section><h2>Attachments</h2><ul>{files}</ul></section>" if files else ""
    return (
        f'<p><a href="/">All mail</a></p><h1>{escape(letter.subject)}</h1>'
        f"<dl><dt>From</dt><dd>{escape(letter.sender)}</dd><dt>To</dt><dd>{escape(', '.join(letter.to))}</dd>"
        f"<dt>Date</dt><dd>{letter.date}</dd></dl>{attachments}{text}{reply}{html}"
    )


def _parse(file: Path) -> EmailMessage:
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):  # A character set nobody knows.
        content = part.get_payload(decode=True)
        return content.decode("utf-8", errors="replace") if isinstance(content, bytes) else ""


def _date(message: EmailMessage, file: Path) -> datetime:
    try:
        return parsedate_to_datetime(str(message["Date"]))
    except (TypeError, ValueError):
        return datetime.fromtimestamp(file.stat().st_mtime).astimezone()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.mailsink", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where messages are kept")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--intake", default="", help="where the portal takes in mail; EMAIL_WEBHOOK_SECRET opens it")
    options = parser.parse_args()
    MailSink(
        options.folder,
        smtp_port=options.smtp_port,
        http_port=options.http_port,
        intake=options.intake,
        secret=os.environ.get("EMAIL_WEBHOOK_SECRET", ""),
    ).serve_forever()


if __name__ == "__main__":
    main()
