"""Inviting many colleagues from a file: looked at first, sent by a job once somebody has confirmed it."""

from dataclasses import replace
from datetime import datetime

from django.db.models import F

from accounts.invitations import AlreadyInvited, AlreadyMember, Invitee, Standing, send_invitation
from accounts.jobs import enqueue
from accounts.members import is_administrator, lock_company
from accounts.models import (
    Account,
    ImportLine,
    ImportState,
    LineOutcome,
    MemberImport,
    Membership,
    User,
)
from accounts.people_csv import Line, read_people
from accounts.scope import system_scope
from tracking.actor import Actor, ActorKind
from tracking.models import EventName
from tracking.services import record

BATCH = 100  # Lines per transaction: a worker that dies loses no more, and a page waits for no longer.


class NothingToInvite(Exception):
    """No line of the file can be invited, or the file has been confirmed already."""


def look_at(*, account: Account, content: bytes, file_name: str, user: User, now: datetime) -> MemberImport:
    """Keep a file and say of each line what would become of it; nobody is invited yet.

    Raises `accounts.services.FileRefused`.
    """
    lines = read_people(content)
    standing = Standing.of(account, {line.email for line in lines})
    lines = [replace(line, outcome=_outcome(line, standing)) for line in lines]
    made = MemberImport.objects.create(
        account=account,
        uploaded_by=user,
        file_name=file_name[:200],
        line_count=len(lines),
        ready_count=sum(line.outcome == LineOutcome.READY for line in lines),
        created_at=now,
    )
    ImportLine.objects.bulk_create(
        (
            ImportLine(
                account=account,
                source=made,
                number=line.number,
                email=line.email,
                name=line.name,
                roles=line.roles,
                roles_text=line.roles_text,
                department=line.department,
                is_stripped=line.is_stripped,
                outcome=line.outcome,
            )
            for line in lines
        ),
        batch_size=1000,
    )
    return made


def confirm(*, source: MemberImport, by: Membership, actor: Actor, now: datetime) -> None:
    """Let the job invite the lines that can be, in the name of whoever confirms it.

    Raises `NothingToInvite`, `NoLongerAdministrator`.
    """
    from accounts.tasks import run_member_import

    lock_company(account=source.account, by=by)
    begun = (
        MemberImport.objects.for_account(source.account)
        .filter(pk=source.pk, state=ImportState.PREVIEW, ready_count__gt=0)
        .update(state=ImportState.RUNNING, confirmed_at=now, uploaded_by=by.user)
    )
    if not begun:
        raise NothingToInvite
    record(
        name=EventName.MEMBERS_IMPORTED,
        actor=actor,
        now=now,
        object_type="member_import",
        object_id=str(source.public_id),
        properties={"lines": source.ready_count},
    )
    enqueue(run_member_import, account_id=source.account_id, import_id=source.pk)


def run(*, account_id: int, import_id: int, now: datetime) -> None:
    """Invite what waits, batch by batch, until nothing is left. Run again, or twice at once, it invites each once."""
    while _invite_some(account_id=account_id, import_id=import_id, now=now):
        pass


def _invite_some(*, account_id: int, import_id: int, now: datetime) -> bool:
    """One batch; whether more may be waiting."""
    with system_scope(account_id, durable=True):
        # Whoever else runs it waits here, and then finds less left, or nothing.
        source = (
            MemberImport.objects.select_for_update(of=("self",))
            .select_related("account", "uploaded_by")
            .filter(pk=import_id, account_id=account_id, state=ImportState.RUNNING)
            .first()
        )
        if source is None:
            return False
        lines = list(source.lines.filter(outcome=LineOutcome.READY).order_by("number")[:BATCH])
        if not lines:
            source.state, source.finished_at = ImportState.DONE, now
            source.save(update_fields=["state", "finished_at"])
            return False
        _invite(source, lines, now=now)
        MemberImport.objects.filter(pk=source.pk).update(done_count=F("done_count") + len(lines))
    return True


def _invite(source: MemberImport, lines: list[ImportLine], *, now: datetime) -> None:
    account, uploader = source.account, source.uploaded_by
    lock_company(account=account, by=None)
    if uploader is None or not is_administrator(account, uploader):
        # The rest of the file goes the way of these: the next batch asks the same.
        ImportLine.objects.filter(pk__in=[line.pk for line in lines]).update(outcome=LineOutcome.STOPPED)
        return
    standing = Standing.of(account, {line.email for line in lines})
    actor = Actor(user_id=uploader.pk, account_id=account.pk, kind=ActorKind.CUSTOMER)
    for line in lines:
        line.outcome = _standing_outcome(line.email, standing) or LineOutcome.INVITED
        if line.outcome == LineOutcome.INVITED:
            invitee = Invitee(line.email, roles=tuple(line.roles), name=line.name, department=line.department)
            send_invitation(account=account, invitee=invitee, invited_by=uploader, actor=actor, now=now)
    ImportLine.objects.bulk_update(lines, ["outcome"])


def _outcome(line: Line, standing: Standing) -> LineOutcome:
    if line.outcome != LineOutcome.READY:
        return line.outcome
    return _standing_outcome(line.email, standing) or LineOutcome.READY


def _standing_outcome(email: str, standing: Standing) -> LineOutcome | None:
    try:
        standing.check(email)
    except AlreadyMember as error:
        return LineOutcome.ALREADY_MEMBER if error.is_active else LineOutcome.DEACTIVATED
    except AlreadyInvited:
        return LineOutcome.ALREADY_INVITED
    return None
