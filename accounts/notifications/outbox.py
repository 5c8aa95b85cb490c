"""Sending what waits: each mail claimed once, to people whom it still concerns, at an hour that suits them."""

import logging
from datetime import datetime, timedelta
from enum import Enum
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException
from zoneinfo import ZoneInfo

from anymail.exceptions import AnymailError, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import F
from django.utils.translation import gettext as _

from accounts import brands
from accounts.law.consent import may_send_marketing
from accounts.models import Account, ByMail, MailState, MailTimes, Membership, OutgoingMail, ReportKind
from accounts.notifications.choices import channels_of
from accounts.notifications.hours import quiet_ends_at
from accounts.notifications.replies import reply_address
from accounts.notifications.reports import note_report
from accounts.notifications.types import NotificationType, types
from accounts.notifications.unsubscribing import unsubscribe_path

logger = logging.getLogger(__name__)

MAIL_ATTEMPTS = 8
MAIL_LEASE = timedelta(minutes=2)  # A message being sent by a worker that died is looked at again after this.


class Outcome(Enum):
    """What became of one attempt."""

    SENT = "sent"
    NOT_SENT = "not sent"  # The server was away, or said no for now.
    UNDELIVERABLE = "undeliverable"  # The server knows no such address.
    UNKNOWN = "unknown"  # The connection ended before the answer came.


def send_due(*, now: datetime, limit: int = 100) -> int:
    """Send what is due, one message at a time; the number sent.

    A message is claimed by a conditional update, so that two workers don't send it both. After an unknown outcome it
    goes out again under the same Message-ID, and the recipient's mail program shows one; marketing mail does not, and
    waits for somebody to look at it.
    """
    sent = 0
    for mail in OutgoingMail.objects.due(now).select_related("user__mail_times").order_by("next_at", "pk")[:limit]:
        kind = types().get(mail.kind)
        if mail.state == MailState.SENDING and kind is not None and kind.is_marketing:
            _move(mail, state=MailState.UNKNOWN, last_error=_("The worker stopped while sending it."))
        elif reason := _why_not(mail, kind):
            _move(mail, state=MailState.CANCELLED, last_error=reason)
        elif later := _waits_until(mail, kind, now):
            _move(mail, state=MailState.PENDING, next_at=later)
        elif _move(mail, state=MailState.SENDING, attempts=F("attempts") + 1, next_at=now + MAIL_LEASE):
            sent += _send(mail, kind, now=now)
    return sent


def _move(mail: OutgoingMail, **changes: object) -> bool:
    """Change the row, unless another worker has had it since we read it."""
    return bool(OutgoingMail.objects.filter(pk=mail.pk, state=mail.state, next_at=mail.next_at).update(**changes))


def _why_not(mail: OutgoingMail, kind: type[NotificationType] | None) -> str:
    """Why it no longer concerns the person it was written to; empty when it does."""
    user = mail.user
    if kind is None:
        return ""
    if user is None:
        return _why_not_to_company(mail, kind)
    if not user.is_active:
        return _("The person may no longer sign in.")
    problem = user.mail_problem
    if problem is not None and (problem == ReportKind.HARD or kind.is_marketing or kind.name == "digest"):
        return _("Mail to this address comes back.")
    if kind.is_marketing and not may_send_marketing(user):
        return _("The person does not want mail of this kind.")
    if user.is_staff or mail.account_id is None:
        return ""
    return _why_not_a_member(mail, kind, user.pk, mail.account_id)


def _why_not_to_company(mail: OutgoingMail, kind: type[NotificationType]) -> str:
    """The same of the company's address for invoices. Whoever has no sign-in yet is always written to."""
    if not mail.document:
        return ""
    account = Account.objects.filter(pk=mail.account_id or 0, unreachable_email__iexact=mail.to).first()
    if account is not None and account.unreachable_reason == ReportKind.HARD:
        return _("Mail to this address comes back.")
    return kind.why_not(mail)


def _why_not_a_member(mail: OutgoingMail, kind: type[NotificationType], user_id: int, account_id: int) -> str:
    if kind.members_only:
        membership = Membership.objects.active().filter(user=user_id, account=account_id).first()
        if membership is None:
            return _("The person no longer belongs to the company.")
        if kind.permission is not None and not membership.may(kind.permission):
            return _("The person's roles no longer show it.")
    if mail.user is not None and channels_of(kind, account_id, [mail.user])[user_id].by_mail == ByMail.OFF:
        return _("The person does not want mail of this kind.")
    return ""


def _waits_until(mail: OutgoingMail, kind: type[NotificationType] | None, now: datetime) -> datetime | None:
    """The end of the person's quiet hours. What has been begun is finished."""
    if mail.user is None or kind is None or kind.is_urgent or mail.state == MailState.SENDING:
        return None
    times: MailTimes | None = getattr(mail.user, "mail_times", None)
    if times is None:
        return None
    return quiet_ends_at(now, zone=ZoneInfo(mail.user.time_zone), quiet=times.quiet_hours)


def _send(mail: OutgoingMail, kind: type[NotificationType] | None, *, now: datetime) -> bool:
    try:
        message = _message(mail, kind)
    except Exception as error:  # noqa: BLE001 - One document that can't be made must not hold up the mail of others.
        outcome, detail = Outcome.NOT_SENT, repr(error)
    else:
        outcome, detail = _attempt(message)
    row = OutgoingMail.objects.filter(pk=mail.pk)
    if outcome is Outcome.SENT:
        row.update(state=MailState.SENT, sent_at=now, last_error="")
        return True
    attempts = mail.attempts + 1
    logger.warning("mail %s %s (attempt %d): %s", mail.pk, outcome.value, attempts, detail)
    if outcome is Outcome.UNDELIVERABLE:
        state = MailState.FAILED
        note_report(
            unique_id=f"refused-{mail.message_id}-{attempts}",
            kind=ReportKind.HARD,
            email=mail.to,
            detail=detail,
            now=now,
        )
    elif outcome is Outcome.UNKNOWN and kind is not None and kind.is_marketing:
        state = MailState.UNKNOWN
    else:
        state = MailState.FAILED if attempts >= MAIL_ATTEMPTS else MailState.PENDING
    row.update(state=state, last_error=detail[:2000], next_at=now + timedelta(seconds=min(30 * 2**attempts, 3600)))
    return False


def _message(mail: OutgoingMail, kind: type[NotificationType] | None) -> EmailMultiAlternatives:
    look = brands.of(Account.objects.filter(pk=mail.account_id or 0).first())
    domain = settings.DEFAULT_FROM_EMAIL.rsplit("@", 1)[-1].rstrip(">")
    headers = {"Message-ID": f"<{mail.message_id}@{domain}>", "Auto-Submitted": "auto-generated"}
    if kind is not None and mail.user_id and mail.account_id and (kind.is_marketing or kind.name == "digest"):
        url = look.base_url + unsubscribe_path(user_id=mail.user_id, account_id=mail.account_id, kind=kind.name)
        headers |= {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    message = EmailMultiAlternatives(
        subject=mail.subject,
        body=mail.text,
        from_email=look.sender,
        to=[mail.to],
        headers=headers,
        reply_to=[reply_address(mail.reply_token)] if mail.reply_token and settings.EMAIL_INBOUND_ADDRESS else None,
    )
    if mail.html:
        message.attach_alternative(mail.html, "text/html")
    if mail.document and kind is not None and (file := kind.attachment(mail)):
        message.attach(file.name, file.content, file.content_type)
    return message


def _attempt(message: EmailMultiAlternatives) -> tuple[Outcome, str]:
    """Hand it to the mail server, and say what is known afterwards."""
    connection = get_connection()
    try:
        connection.open()
    except (SMTPException, AnymailError, OSError) as error:
        return Outcome.NOT_SENT, str(error)
    try:
        connection.send_messages([message])
    except (SMTPException, AnymailError, OSError) as error:
        return _outcome_of(error), str(error)
    finally:
        _close(connection)
    return Outcome.SENT, ""


def _close(connection: BaseEmailBackend) -> None:
    """The message is delivered or not by then: a server that does not say goodbye changes nothing."""
    try:
        connection.close()
    except (SMTPException, OSError) as error:
        logger.info("mail server: %s", error)


def _outcome_of(error: Exception) -> Outcome:
    """A server that answered has not taken it. Whoever fell silent may have."""
    if isinstance(error, SMTPRecipientsRefused):
        codes = [code for code, _text in error.recipients.values()]
        return Outcome.UNDELIVERABLE if codes and min(codes) >= 550 else Outcome.NOT_SENT
    if isinstance(error, AnymailRecipientsRefused):
        return Outcome.UNDELIVERABLE
    if isinstance(error, SMTPResponseException):
        return Outcome.NOT_SENT
    if isinstance(error, AnymailError):
        answered = error.status_code is not None and error.status_code < 500
        return Outcome.NOT_SENT if answered else Outcome.UNKNOWN
    return Outcome.UNKNOWN
