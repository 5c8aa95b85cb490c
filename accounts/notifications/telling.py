"""Telling people: a row for the bell, a row for the mail, in the transaction of the change."""

from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db import connection
from psycopg import sql

from accounts.jobs import enqueue
from accounts.models import Account, ByMail, Notification, OutgoingMail, User
from accounts.notifications.choices import Channels, channels_of
from accounts.notifications.letters import Letter, write
from accounts.notifications.replies import reply_token
from accounts.notifications.types import Context, NotificationType, type_named

INSERTED_AT_ONCE = 100
MAIL_ALONE = Channels(in_bell=False, by_mail=ByMail.NOW)


def notify(
    *, kind: type[NotificationType] | str, to: Iterable[User], account: Account | None, context: Context
) -> None:
    """Tell each person who may still sign in, by the ways that they chose.

    Members of a company have the bell and choices; staff, and people who are not known yet (an unsaved `User` with an
    address), get the mail. Whether a member may know of it is asked again when the mail is sent.

    Raises `accounts.notifications.types.UnknownType`.
    """
    from accounts.tasks import send_due_mail

    told = type_named(kind) if isinstance(kind, str) else kind
    people = [user for user in to if user.is_active]
    members = [user for user in people if account is not None and user.pk is not None and not user.is_staff]
    channels = channels_of(told, account, members) if account is not None and members else {}
    rung = []
    for user in people:
        ways = channels.get(user.pk, MAIL_ALONE)
        if account is not None and (ways.in_bell or ways.by_mail == ByMail.DIGEST):
            rung.append(_notification(told, user, account, context, ways))
        if ways.by_mail == ByMail.NOW:
            _queue(told, user, account, context)
    Notification.objects.bulk_create(rung)
    enqueue(send_due_mail)


def mail_companies(*, kind: type[NotificationType] | str, told: Iterable[tuple[Account, Context]]) -> None:
    """Write to the address for invoices of each company, with the document; in the company's language.

    The address is nobody's: there is no bell and nothing to choose. Companies without one are left out. One statement
    for a hundred mails.

    Raises `accounts.notifications.types.UnknownType`.
    """
    from accounts.tasks import send_due_mail

    of_type = type_named(kind) if isinstance(kind, str) else kind
    mails = [_to_company(of_type, account, context) for account, context in told if account.billing_email]
    for start in range(0, len(mails), INSERTED_AT_ONCE):
        _add_mails(mails[start : start + INSERTED_AT_ONCE])
    if mails:
        enqueue(send_due_mail)


def _to_company(kind: type[NotificationType], account: Account, context: Context) -> OutgoingMail:
    nobody = User(email=account.billing_email, time_zone=account.time_zone)
    letter = write(kind, to=nobody, account=account, context=context)
    return OutgoingMail(
        account_id=account.pk,
        kind=kind.name,
        to=account.billing_email,
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        document=kind.document(context),
    )


def _notification(
    kind: type[NotificationType], user: User, account: Account, context: Context, ways: Channels
) -> Notification:
    return Notification(
        account=account,
        user=user,
        kind=kind.name,
        params=kind.params(context),
        link=kind.link(context),
        in_bell=ways.in_bell,
        waits_for_digest=ways.by_mail == ByMail.DIGEST,
    )


def _queue(kind: type[NotificationType], user: User, account: Account | None, context: Context) -> None:
    letter = write(kind, to=user, account=account, context=context)
    answers = kind.answers(context) if user.pk is not None else None
    queue_letter(
        kind=kind.name,
        user=user,
        account_id=account.pk if account else None,
        letter=letter,
        reply_token=reply_token(*answers, user_id=user.pk) if answers and settings.EMAIL_INBOUND_ADDRESS else "",
    )


def queue_letter(*, kind: str, user: User, account_id: int | None, letter: Letter, reply_token: str = "") -> None:
    """A letter that waits to be sent."""
    _add_mails(
        [
            OutgoingMail(
                account_id=account_id,
                user_id=user.pk,
                kind=kind,
                to=user.email,
                subject=letter.subject,
                text=letter.text,
                html=letter.html,
                reply_token=reply_token,
            )
        ]
    )


def _add_mails(mails: Sequence[OutgoingMail]) -> None:
    """Insert without RETURNING, which would need the right to read mail: a customer's request may only add some."""
    fields = [field for field in OutgoingMail._meta.concrete_fields if not field.primary_key]
    values = [field.get_db_prep_save(getattr(mail, field.attname), connection) for mail in mails for field in fields]
    row = sql.SQL("({})").format(sql.SQL(", ").join([sql.Placeholder()] * len(fields)))
    statement = sql.SQL("INSERT INTO {} ({}) VALUES {}").format(
        sql.Identifier(OutgoingMail._meta.db_table),
        sql.SQL(", ").join(sql.Identifier(field.column or field.name) for field in fields),
        sql.SQL(", ").join([row] * len(mails)),
    )
    with connection.cursor() as cursor:
        # As text: under a job's audit context, pghistory reads the statement.
        cursor.execute(statement.as_string(None), values)
