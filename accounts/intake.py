"""Mail that comes in, by whatever way: kept by its unique id, answered, and dealt with by a job.

What a message is decides what becomes of it: a mail server's report marks the address; an automatic answer is ignored;
a reply goes to the app that names what it answers (`<app>/inbound.py`: HANDLERS, by the name in the reply's address).
Everything else is held until somebody of the staff has looked.
"""

import hashlib
import html
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import Message
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from uuid import NAMESPACE_URL, UUID, uuid5

from anymail.inbound import AnymailInboundMessage
from anymail.signals import AnymailInboundEvent, AnymailTrackingEvent, EventType, RejectReason
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from mailparser_reply import EmailReplyParser

from accounts.jobs import enqueue
from accounts.models import InboundMail, InboundState, OutgoingMail, ReportKind, User
from accounts.models.inbound import REPORTED_BY_MAIL
from accounts.notifications.replies import answered_by
from accounts.notifications.reports import note_report

logger = logging.getLogger(__name__)

ATTEMPTS = 5
QUOTED_IN = ["en", "de", "es", "fr", "it", "nl", "pl", "sv", "da", "cs"]  # "On … wrote:" in these languages.
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Held(Exception):
    """Nobody but a person can say what is to be done; the message says why."""


@dataclass(frozen=True)
class Reply:
    """What somebody wrote in answer to a mail of ours, without what they quoted."""

    object_id: str
    user: User
    text: str
    files: list[UploadedFile[bytes]]
    key: UUID  # The same for the same message.


Handler = Callable[[Reply, datetime], str]  # Says what was done, for the staff. Raises `Held`.


@cache
def handlers() -> dict[str, Handler]:
    """What replies can belong to, by the name in their address."""
    found: dict[str, Handler] = {}
    for app in settings.LOCAL_APPS:
        if find_spec(f"{app}.inbound") is not None:
            found |= import_module(f"{app}.inbound").HANDLERS
    return found


# Coming in


def receive(*, mime: bytes, source: str, unique_id: str = "", recipients: str = "", now: datetime) -> InboundMail:
    """Keep a message; one that came before is kept once."""
    from accounts.tasks import take_in_mail

    try:
        message = _parsed(mime)
    except Held:  # Kept all the same, for the staff: a mail server that is refused sends it again and again.
        message = AnymailInboundMessage()
    named = [
        str(value) for name in ("To", "Cc", "Delivered-To", "X-Original-To") for value in message.get_all(name, [])
    ]
    with transaction.atomic():
        mail, _is_new = InboundMail.objects.get_or_create(
            unique_id=(unique_id or f"sha256:{hashlib.sha256(mime).hexdigest()}")[:200],
            defaults={
                "source": source,
                "sender": _address_of(message)[:320],
                "recipients": "\n".join(filter(None, [recipients, *named])).replace("\x00", ""),
                "subject": str(message.get("Subject", "")).replace("\x00", "")[:250],
                "mime": mime,
                "received_at": now,
                "next_at": now,
            },
        )
        enqueue(take_in_mail)
    return mail


def message_came_in(sender: object, event: AnymailInboundEvent, esp_name: str, **kwargs: object) -> None:
    """A mail service hands over a message."""
    receive(
        mime=event.message.as_bytes(),
        source=esp_name,
        unique_id=f"{esp_name}:{event.event_id}" if event.event_id else "",
        recipients=event.message.envelope_recipient or "",
        now=timezone.now(),
    )


def report_came_in(sender: object, event: AnymailTrackingEvent, esp_name: str, **kwargs: object) -> None:
    """A mail service says what became of a message; only what went wrong is kept."""
    kind = _kind_of(event)
    if kind is None or not event.recipient:
        return
    unique_id = ":".join([esp_name, event.event_type, event.event_id or event.message_id or "", event.recipient])
    detail = event.mta_response or event.description or ""
    note_report(unique_id=unique_id, kind=kind, email=event.recipient, detail=detail, now=timezone.now())


def _kind_of(event: AnymailTrackingEvent) -> ReportKind | None:
    if event.event_type == EventType.COMPLAINED:
        return ReportKind.COMPLAINT
    if event.event_type == EventType.BOUNCED:
        is_soft = dict(event.esp_event or {}).get("Type") == "SoftBounce"
        return ReportKind.SOFT if is_soft else ReportKind.HARD
    is_invalid = event.event_type == EventType.REJECTED and event.reject_reason == RejectReason.INVALID
    return ReportKind.HARD if is_invalid else None


# Dealing with it


def process_due(*, now: datetime, limit: int = 50) -> int:
    """Deal with what waits, each in a transaction of its own; the number dealt with."""
    waiting = list(InboundMail.objects.due(now).order_by("next_at", "pk").values_list("pk", flat=True)[:limit])
    return sum(_process(pk, now=now) for pk in waiting)


def _process(pk: int, *, now: datetime) -> bool:
    with transaction.atomic():
        mail = InboundMail.objects.select_for_update(skip_locked=True).due(now).filter(pk=pk).first()
        if mail is None:
            return False
        try:
            with transaction.atomic():
                mail.state, mail.note = _settle(mail, now=now)
        except Held as reason:
            mail.state, mail.note = InboundState.HELD, str(reason)
        except Exception as error:  # One message that breaks something must not stop all others.
            logger.exception("incoming mail %s", mail.pk)
            mail.attempts += 1
            mail.note = f"{type(error).__name__}: {error}"[:2000]
            mail.next_at = now + timedelta(seconds=30 * 2**mail.attempts)
            if mail.attempts >= ATTEMPTS:
                mail.state = InboundState.FAILED
        mail.settled_at = None if mail.state == InboundState.RECEIVED else now
        mail.save(update_fields=["state", "note", "attempts", "next_at", "settled_at"])
    return True


def _settle(mail: InboundMail, *, now: datetime) -> tuple[InboundState, str]:
    message = _parsed(bytes(mail.mime))
    if message.get_content_type() == "multipart/report" and message.get_param("report-type") == "delivery-status":
        return InboundState.DONE, _take_report(mail, message, now=now)
    if _is_automatic(message):
        return InboundState.IGNORED, _("An automatic answer.")
    answered = answered_by(_addresses(mail.recipients))
    if answered is None or answered.what not in handlers():
        raise Held(_("It answers no mail of ours."))
    user = User.objects.filter(pk=answered.user_id, is_active=True).first()
    if user is None:
        raise Held(_("Whom we had written to may no longer sign in."))
    if mail.sender.lower() != user.email.lower() and not mail.is_vouched_for:
        raise Held(_("It comes from another address than we had written to: %(email)s.") % {"email": user.email})
    text = _what_was_written(message)
    files = [part.as_uploaded_file() for part in message.attachments]
    if not text and not files:
        raise Held(_("It says nothing."))
    reply = Reply(answered.object_id, user, text, files, key=uuid5(NAMESPACE_URL, mail.unique_id))
    return InboundState.DONE, handlers()[answered.what](reply, now)


def _parsed(mime: bytes) -> AnymailInboundMessage:
    """Raises `Held` for parts within parts without end."""
    try:
        return AnymailInboundMessage.parse_raw_mime_bytes(mime)
    except RecursionError as error:
        raise Held(_("It cannot be read.")) from error


def _is_automatic(message: Message) -> bool:
    """Sent by a program: an absence note, a list, another portal (RFC 3834)."""
    submitted = str(message.get("Auto-Submitted", "no")).split(";")[0].strip().lower()
    precedence = str(message.get("Precedence", "")).strip().lower()
    marked = any(name in message for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress", "List-Id"))
    return submitted != "no" or precedence in ("bulk", "junk", "list", "auto_reply") or marked


def _what_was_written(message: AnymailInboundMessage) -> str:
    text = message.text
    if not text and message.html:
        text = html.unescape(strip_tags(re.sub(r"(?i)<(br|/p|/div|/li|/tr)\b[^>]*>", "\n", message.html)))
    return (EmailReplyParser(languages=QUOTED_IN).parse_reply((text or "").replace("\x00", "")) or "").strip()


def _take_report(mail: InboundMail, message: Message, *, now: datetime) -> str:
    """A mail server could not deliver. Only what is about a mail that we sent to that address counts."""
    fields: dict[str, str] = {}
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            for block in part.get_payload():
                if isinstance(block, Message):
                    fields |= {name.lower(): str(value) for name, value in block.items()}
    if fields.get("action", "").lower() != "failed":
        return _("A mail server reports a delay.")
    email = fields.get("final-recipient", "").rpartition(";")[2].strip()
    ids = _UUID.findall(bytes(mail.mime).decode("ascii", errors="replace").lower())
    if not OutgoingMail.objects.filter(message_id__in=ids[:20], to__iexact=email).exists():
        raise Held(_("It reports about a mail that we did not send."))
    kind = ReportKind.HARD if fields.get("status", "").startswith("5") else ReportKind.SOFT
    detail = fields.get("diagnostic-code", "") or fields.get("status", "")
    note_report(unique_id=f"{REPORTED_BY_MAIL}{mail.unique_id}", kind=kind, email=email, detail=detail, now=now)
    return _("Mail to %(email)s came back.") % {"email": email}


def _addresses(text: str) -> list[str]:
    return re.findall(r"[^\s<>,;:\"]+@[^\s<>,;:\"]+", text)


def _address_of(message: AnymailInboundMessage) -> str:
    found = _addresses(str(message.get("From", "")).replace("\x00", "\ufffd"))
    return found[-1] if found else ""
