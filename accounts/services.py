"""Operations on accounts: sign-in, the company, entitlements and files."""

import hashlib
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePath

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Account, Entitlement, Membership, StoredFile, Suspension, User
from accounts.notifications import trust_billing_address
from accounts.permissions import Permission
from accounts.scope import account_scope, system_scope
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record

logger = logging.getLogger(__name__)


# Sign-in


def note_login(*, user: User, now: datetime) -> None:
    """Record that a customer signed in, and when their company first used the portal.

    Runs while nobody's scope is open yet, so it opens its own: first for the person's memberships, whose companies no
    customer's scope shows yet, then for the company that they start in.
    """
    with system_scope():
        membership = Membership.objects.active().filter(user_id=user.pk).order_by("pk").first()
    if membership is None:
        return
    actor = membership.actor()
    with account_scope([membership.account_id], user_id=user.pk, actor=actor):
        Account.objects.filter(pk=membership.account_id, first_login_at__isnull=True).update(first_login_at=now)
        record(name=EventName.LOGIN, actor=actor, now=now)


# The company


def change_profile(*, account: Account, changed: list[str], actor: Actor, now: datetime) -> int:
    """Save the fields of `account` that its administrator changed. A trigger tells the CRM.

    How many mails are sent now that were held back, as the address for invoices took none.
    """
    if not changed:
        return 0
    account.save(update_fields=changed)
    record(
        name=EventName.PROFILE_CHANGED,
        actor=actor,
        now=now,
        object_type="account",
        object_id=str(account.public_id),
        properties={"fields": changed},
    )
    return trust_billing_address(account=account, actor=actor, now=now) if "billing_email" in changed else 0


# Entitlements


@dataclass(frozen=True)
class Grant:
    """A feature (no quantity) or an amount of a meter."""

    code: str
    quantity: Decimal | None = None


def set_grants(
    *, account: Account, grants: Mapping[str, Iterable[Grant]], start_date: date, end_date: date | None
) -> None:
    """Make `grants` all that their sources give the account from `start_date` on, until `end_date` (exclusive).

    What the same sources gave before ends on `start_date`. Running it twice changes nothing. As many statements for a
    thousand sources as for one.
    """
    given = Entitlement.objects.for_account(account).filter(source__in=list(grants))
    with transaction.atomic():
        # Lock the account: two changes of one source at once would leave both grants standing.
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        given.filter(start_date__gte=start_date).delete()
        given.on(start_date).update(end_date=start_date)
        Entitlement.objects.bulk_create(
            Entitlement(
                account=account,
                source=source,
                code=grant.code,
                quantity=grant.quantity,
                start_date=start_date,
                end_date=end_date,
            )
            for source, granted in grants.items()
            for grant in granted
        )


def add_grants(rows: Iterable[Entitlement]) -> None:
    """Grants of sources that have given nothing before, to many accounts at once. One statement."""
    Entitlement.objects.bulk_create(rows)


def suspend(*, account: Account, reason: str, now: datetime) -> None:
    """Withhold what the company was granted. One that is suspended already stays so, for the reason it was."""
    Suspension.objects.get_or_create(account=account, ended_at=None, defaults={"reason": reason, "started_at": now})


def restore(*, account: Account, now: datetime) -> None:
    """Give the company back what it was granted, at once."""
    Suspension.objects.filter(account=account, ended_at=None).update(ended_at=now)


# Files


class FileRefused(Exception):
    """The file is of a kind or size we don't take; the message says which."""


@dataclass(frozen=True)
class FileKind:
    content_type: str
    signatures: tuple[bytes, ...]  # What the first bytes must be; empty for text.


# What customers may attach. A file is taken for what its first bytes are, not for what its name claims.
FILE_KINDS: dict[str, FileKind] = {
    ".png": FileKind("image/png", (b"\x89PNG\r\n\x1a\n",)),
    ".jpg": FileKind("image/jpeg", (b"\xff\xd8\xff",)),
    ".jpeg": FileKind("image/jpeg", (b"\xff\xd8\xff",)),
    ".gif": FileKind("image/gif", (b"GIF87a", b"GIF89a")),
    ".pdf": FileKind("application/pdf", (b"%PDF-",)),
    ".zip": FileKind("application/zip", (b"PK\x03\x04", b"PK\x05\x06")),
    ".docx": FileKind("application/vnd.openxmlformats-officedocument.wordprocessingml.document", (b"PK\x03\x04",)),
    ".xlsx": FileKind("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", (b"PK\x03\x04",)),
    ".txt": FileKind("text/plain", ()),
    ".log": FileKind("text/plain", ()),
    ".csv": FileKind("text/csv", ()),
    ".json": FileKind("application/json", ()),
}


def check_upload(upload: UploadedFile[bytes], *, suffixes: Collection[str] = FILE_KINDS) -> FileKind:
    """What kind of file it is, of those with the endings.

    Raises `FileRefused` for one too large, empty, of a kind we don't take, or that is not what its name says.
    """
    name = PurePath(upload.name or "").name
    size = upload.size or 0
    if size > settings.UPLOAD_MAX_BYTES:
        raise FileRefused(
            _("“%(name)s” is larger than %(limit)d MB.")
            % {"name": name, "limit": settings.UPLOAD_MAX_BYTES // (1024 * 1024)}
        )
    if size == 0:
        raise FileRefused(_("“%(name)s” is empty.") % {"name": name})
    suffix = PurePath(name).suffix.lower()
    kind = FILE_KINDS.get(suffix) if suffix in suffixes else None
    if kind is None:
        raise FileRefused(
            _("“%(name)s” is of a kind we don't take. You can attach %(kinds)s.")
            % {"name": name, "kinds": ", ".join(suffix.lstrip(".") for suffix in suffixes)}
        )
    upload.seek(0)
    head = upload.read(4096)
    upload.seek(0)
    if (kind.signatures and not head.startswith(kind.signatures)) or (not kind.signatures and b"\x00" in head):
        raise FileRefused(_("“%(name)s” is not what its name says. Save it again and attach it.") % {"name": name})
    return kind


def store_upload(*, account: Account, upload: UploadedFile[bytes], user: User, permission: Permission) -> StoredFile:
    """Keep a file somebody sent; whoever has `permission` in the account may download it.

    Raises `FileRefused`.
    """
    kind = check_upload(upload)
    return store_content(
        account=account,
        name=PurePath((upload.name or "file").replace("\x00", "")).name[:200],
        content=upload.read(),
        content_type=kind.content_type,
        permission=permission,
        user=user,
    )


def store_content(
    *,
    account: Account,
    name: str,
    content: bytes,
    content_type: str,
    permission: Permission,
    user: User | None = None,
) -> StoredFile:
    """Keep a file the portal made, or one that has been checked.

    The bytes are written before the row commits, so that no row is ever without them. Those of a transaction that was
    rolled back are left over; `remove_leftover_files` finds them.
    """
    stored = StoredFile(
        account=account,
        uploaded_by=user,
        name=name,
        content_type=content_type,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        permission=permission,
    )
    stored.content.save(name, ContentFile(content), save=False)
    stored.save()
    return stored


LEFTOVER_AFTER = timedelta(days=1)  # No transaction lasts that long.


def remove_leftover_files(*, now: datetime) -> int:
    """Delete the bytes that no row names any more or ever did, a day after they were written; the number deleted.

    Looks only where `store_content` writes: at `<account>/<public id>.<ending>`.
    """
    storage = StoredFile._meta.get_field("content").storage
    removed = 0
    try:
        folders, _files = storage.listdir("")
    except FileNotFoundError:  # Nothing was ever stored.
        return 0
    for folder in filter(str.isdigit, folders):
        paths = {f"{folder}/{name}" for name in storage.listdir(folder)[1]}
        leftover = paths - set(StoredFile.objects.filter(account_id=int(folder)).values_list("content", flat=True))
        for path in sorted(leftover):
            if now - storage.get_modified_time(path) > LEFTOVER_AFTER:
                storage.delete(path)
                logger.info("removed a file that no row names: %s", path)
                removed += 1
    return removed
