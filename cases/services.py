"""Operations on cases: opening, answering, and where a case stands.

Each takes the case's row lock before it decides: two people answering at once both get through, one after the other.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction

from accounts.models import Account, Membership, User
from accounts.notifications import notify
from accounts.permissions import Permission
from accounts.services import check_upload, store_upload
from cases.models import Case, CaseAttachment, CaseMessage, CaseStatus, Priority
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record

LONGEST_SUBJECT = 200  # Characters.
LONGEST_MESSAGE = 20_000
MOST_FILES = 5  # With one message.

Uploads = Sequence[UploadedFile[bytes]]


class TooManyFiles(Exception):
    """More files with one message than we take."""


def open_case(
    *,
    account: Account,
    opened_by: User,
    actor: Actor,
    subject: str,
    description: str,
    form_key: UUID,
    now: datetime,
    topic: str = "",
    priority: str = Priority.NORMAL,
    uploads: Uploads = (),
) -> Case:
    """Open a case with its first message, and confirm it to the person by mail.

    `form_key` names the form that was filled in: sent twice, it is one case, and the second caller gets that one. A
    form that was changed after going back is another case, although its key is the same.
    Raises `TooManyFiles`, or `accounts.services.FileRefused` for a file we don't take; then nothing is opened.
    """
    _check_files(uploads)
    # A form belongs to the person who filled it in: a colleague's case, which they may not see, never answers for it.
    form_key = uuid5(form_key, str(opened_by.pk))
    opened = Case.objects.for_account(account)
    earlier = opened.filter(form_key=form_key).first()
    if earlier and not (earlier.subject == subject and _sent_before(earlier, form_key, description)):
        form_key = uuid5(form_key, f"{subject}\n{description}")
        earlier = opened.filter(form_key=form_key).first()
    if earlier:
        return earlier
    try:
        with transaction.atomic():
            case = Case.objects.create(
                account=account,
                opened_by=opened_by,
                subject=subject,
                topic=topic,
                priority=priority,
                form_key=form_key,
                created_at=now,
                updated_at=now,
            )
    except IntegrityError:
        if earlier := opened.filter(form_key=form_key).first():  # The same form, sent at the same moment.
            return earlier
        raise
    _add_message(case=case, author=opened_by, body=description, form_key=form_key, uploads=uploads, now=now)
    record(name=EventName.CASE_CREATED, actor=actor, now=now, object_type="case", object_id=case.number)
    notify(kind="case_opened", to=[opened_by], account=account, context={"case": case})
    return case


def reply_as_customer(
    *, case: Case, author: User, body: str, form_key: UUID, now: datetime, uploads: Uploads = ()
) -> CaseMessage:
    """Add the customer's message. A case that waited for them, or was over, is in progress again.

    A form sent twice is one message. Raises `TooManyFiles` or `accounts.services.FileRefused`; then nothing changes.
    """
    _check_files(uploads)
    with transaction.atomic():
        locked = _lock(case)
        if earlier := _sent_before(locked, form_key, body):
            return earlier
        message = _add_message(case=locked, author=author, body=body, form_key=form_key, uploads=uploads, now=now)
        if locked.status != CaseStatus.NEW:
            locked.status = CaseStatus.OPEN
            locked.resolved_at = None
        _save(locked, now)
    return message


def reply_as_staff(
    *,
    case: Case,
    author: User,
    body: str,
    form_key: UUID,
    now: datetime,
    uploads: Uploads = (),
    resolve: bool = False,
) -> CaseMessage:
    """Answer the customer: the case waits for them, or with `resolve` is resolved, and they get a mail either way.

    The first answer is kept as the case's first reply; whoever gives it takes a case that nobody has. A form sent twice
    is one message and one mail. Raises `TooManyFiles` or `accounts.services.FileRefused`; then nothing changes.
    """
    _check_files(uploads)
    with transaction.atomic():
        locked = _lock(case)
        if earlier := _sent_before(locked, form_key, body):
            return earlier
        message = _add_message(
            case=locked, author=author, body=body, form_key=form_key, uploads=uploads, now=now, is_from_staff=True
        )
        locked.first_reply_at = locked.first_reply_at or now
        locked.assignee_id = locked.assignee_id or author.pk
        locked.status = CaseStatus.RESOLVED if resolve else CaseStatus.WAITING
        locked.resolved_at = now if resolve else None
        _save(locked, now)
        kind = "case_resolved" if resolve else "case_reply"
        notify(
            kind=kind, to=_people_to_tell(locked), account=locked.account, context={"case": locked, "message": message}
        )
    return message


def add_internal_note(*, case: Case, author: User, body: str, form_key: UUID, now: datetime) -> CaseMessage:
    """Leave a note that only the staff sees. The customer is not told, and the case stays where it is."""
    with transaction.atomic():
        locked = _lock(case)
        return _sent_before(locked, form_key, body, is_internal=True) or _add_message(
            case=locked, author=author, body=body, form_key=form_key, now=now, is_from_staff=True, is_internal=True
        )


def resolve_case(*, case: Case, now: datetime) -> bool:
    """The staff considers it answered; the customer is told, and a reply reopens it. False when it was over already."""
    with transaction.atomic():
        locked = _lock(case)
        if not locked.is_open:
            return False
        locked.status = CaseStatus.RESOLVED
        locked.resolved_at = now
        _save(locked, now)
        notify(kind="case_resolved", to=_people_to_tell(locked), account=locked.account, context={"case": locked})
    return True


def close_case(*, case: Case, now: datetime) -> bool:
    """It is over: the customer says so, or the staff. False when it was closed already. A reply still reopens it."""
    with transaction.atomic():
        locked = _lock(case)
        if locked.status == CaseStatus.CLOSED:
            return False
        locked.status = CaseStatus.CLOSED
        locked.resolved_at = locked.resolved_at or now
        _save(locked, now)
    return True


def reopen(*, case: Case, now: datetime) -> bool:
    """In progress again, without a message. False when it was not over."""
    with transaction.atomic():
        locked = _lock(case)
        if locked.is_open:
            return False
        locked.status = CaseStatus.OPEN
        locked.resolved_at = None
        _save(locked, now)
    return True


def _lock(case: Case) -> Case:
    return Case.objects.select_for_update(of=("self",)).select_related("account", "opened_by").get(pk=case.pk)


def _save(case: Case, now: datetime) -> None:
    case.updated_at = now
    case.save(update_fields=["status", "assignee", "first_reply_at", "resolved_at", "updated_at"])


def _sent_before(case: Case, form_key: UUID, body: str, *, is_internal: bool = False) -> CaseMessage | None:
    key = _message_key(case, form_key, body, is_internal=is_internal)
    return CaseMessage.objects.for_account(case.account).filter(form_key=key).first()


def _message_key(case: Case, form_key: UUID, body: str, *, is_internal: bool) -> UUID:
    """One form with one text: changed after going back, it is another message, and is not lost."""
    return uuid5(form_key, f"{case.serial}:{'note' if is_internal else 'message'}:{body}")


def _check_files(uploads: Uploads) -> None:
    """All of them before the first is stored: a message comes with every file, or not at all."""
    if len(uploads) > MOST_FILES:
        raise TooManyFiles
    for upload in uploads:
        check_upload(upload)


def _add_message(
    *,
    case: Case,
    author: User,
    body: str,
    form_key: UUID,
    now: datetime,
    uploads: Uploads = (),
    is_from_staff: bool = False,
    is_internal: bool = False,
) -> CaseMessage:
    message = CaseMessage.objects.create(
        account_id=case.account_id,
        case=case,
        author=author,
        body=body,
        form_key=_message_key(case, form_key, body, is_internal=is_internal),
        is_from_staff=is_from_staff,
        is_internal=is_internal,
        created_at=now,
    )
    for upload in uploads:
        stored = store_upload(account=case.account, upload=upload, user=author, permission=Permission.VIEW_CASES)
        CaseAttachment.objects.create(account_id=case.account_id, message=message, file=stored)
    return message


def _people_to_tell(case: Case) -> list[User]:
    """Who takes part in it, while they are still in the company and may see cases. Taking part, they see this one."""
    belongs = Membership.objects.for_account(case.account).active().with_permission(Permission.VIEW_CASES)
    return list(case.taking_part().filter(pk__in=belongs.values("user")).order_by("pk"))
