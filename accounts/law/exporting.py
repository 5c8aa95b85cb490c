"""A copy of everything about one person, as a ZIP: JSON for each kind of data, and the files they sent."""

import json
import logging
import tempfile
from datetime import datetime, timedelta
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.core.files import File
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils.text import get_valid_filename
from django.utils.translation import gettext as _

from accounts.audit import AuditAction, note
from accounts.jobs import enqueue
from accounts.law.personal import PersonalData, personal_data
from accounts.models import DataExport, StoredFile, User
from accounts.notifications import notify
from accounts.scope import system_scope
from tracking.actor import Actor, ActorKind

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=7)


class AlreadyAsked(Exception):
    """One is being made already."""


def request_export(*, user: User, now: datetime, by: User | None = None) -> None:
    """Have a copy of a person's data made; `by` is the member of staff who received the request by letter.

    The person is told when it is there; nobody else can fetch it. Raises `AlreadyAsked`.
    """
    from accounts.tasks import make_data_exports

    if user.data_exports.filter(state=DataExport.State.WAITING).exists():
        raise AlreadyAsked
    DataExport(user=user, requested_by=by, requested_at=now).save(force_insert=True)
    actor = Actor.staff(by.pk) if by else Actor(user.pk, None, ActorKind.CUSTOMER)
    with system_scope():  # The vendor's log: what a person asks about themselves is no business of their company's.
        note(action=AuditAction.PRIVACY_EXPORTED, actor=actor, now=now, subject_id=user.pk)
    enqueue(make_data_exports)


def make_waiting(*, now: datetime) -> int:
    """Make the copies that were asked for; the number made. One that fails is shown as failed."""
    made = 0
    for export in DataExport.objects.filter(state=DataExport.State.WAITING).select_related("user").order_by("pk")[:20]:
        try:
            with transaction.atomic():
                # Locked: two workers don't make it twice.
                locked = DataExport.objects.select_for_update(skip_locked=True, of=("self",)).filter(
                    pk=export.pk, state=DataExport.State.WAITING
                )
                if locked.exists():
                    _make(export, now=now)
                    made += 1
        except OSError:
            logger.exception("data export %s failed", export.public_id)
            DataExport.objects.filter(pk=export.pk).update(state=DataExport.State.FAILED)
    return made


def _make(export: DataExport, *, now: datetime) -> None:
    with tempfile.TemporaryFile() as archive:
        write_archive(export.user, archive, now=now)
        export.size = archive.tell()
        archive.seek(0)
        export.content.save("export.zip", File(archive), save=False)
    export.state, export.ready_at, export.expires_at = DataExport.State.READY, now, now + KEPT_FOR
    export.save()
    notify(kind="data_export_ready", to=[export.user], account=None, context={"export": export})


def write_archive(user: User, target: Any, *, now: datetime) -> None:
    """Write the ZIP: a file per kind of data, with nothing of anybody else in it."""
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        contents: list[dict[str, str]] = []
        files: dict[int, StoredFile] = {}
        for entry in personal_data():
            if user.is_staff and not entry.where_staff_too:
                continue  # Work for the vendor, not data about them.
            name = _name(entry, contents)
            archive.writestr(f"data/{name}.json", _json(rows_of(entry, user)))
            contents.append({"file": f"data/{name}.json", "what": str(entry.title)})
            files |= {stored.pk: stored for stored in entry.files(user)}
        for stored in files.values():
            with stored.content.open("rb") as content, archive.open(_path(stored), "w") as copy:
                for chunk in content.chunks():
                    copy.write(chunk)
        about = {"person": user.email, "made_at": now, "contents": contents, "files": len(files)}
        archive.writestr("about.json", _json(about))
        archive.writestr("README.txt", _("Everything that we hold about you. See about.json for what each file is.\n"))


def rows_of(entry: PersonalData, user: User) -> list[dict[str, Any]]:
    return list(entry.rows(user).values(*entry.fields))


def _name(entry: PersonalData, contents: list[dict[str, str]]) -> str:
    """Two roles in one table (made by, accepted by) are two files."""
    taken = {one["file"] for one in contents}
    return entry.name if f"data/{entry.name}.json" not in taken else f"{entry.name}-{entry.person}"


def _path(stored: StoredFile) -> str:
    return f"files/{stored.public_id}-{get_valid_filename(stored.name) or 'file'}"


def _json(value: object) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)


def remove_expired(*, now: datetime) -> int:
    """Delete the files whose days are over; the number deleted."""
    removed = 0
    for export in DataExport.objects.filter(state=DataExport.State.READY, expires_at__lte=now):
        export.content.delete(save=False)
        export.state = DataExport.State.GONE
        export.save(update_fields=["state", "content"])
        removed += 1
    return removed
