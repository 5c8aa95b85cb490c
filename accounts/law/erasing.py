"""Forgetting a person: what is theirs alone is deleted, what law or the books must keep no longer says who it was.

In two steps, each of which may be repeated. When the wait is over, the person is told what goes and what stays, while
their address is still known. Once that mail is out, their rows go, the last of all their own. A worker that dies in
between leaves the erasure under way, and the next one does again what is left.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import ProtectedError, RestrictedError
from django.utils.translation import gettext as _

from accounts.audit import AuditAction, note
from accounts.law.personal import Fate, PersonalData, entries_of, personal_data
from accounts.members import administrators_of
from accounts.models import (
    Account,
    DataExport,
    Erasure,
    IdentityProvider,
    MailState,
    Membership,
    OutgoingMail,
    PersonMerge,
    StoredFile,
    User,
)
from accounts.notifications import notify
from accounts.scope import system_scope
from tracking.actor import Actor, ActorKind

logger = logging.getLogger(__name__)

FORMER_NAME = "Former member"
RECEIPT_SENT_WITHIN = timedelta(days=2)  # Longer than the outbox tries.
_State = Erasure.State


class AlreadyAsked(Exception):
    """The person is to be erased already."""


class WorksForVendor(Exception):
    """The vendor's staff are erased by the vendor, not through the portal."""


class NeedsHandOver(Exception):
    """The person is the last administrator of `companies`: somebody else has to take over first."""

    def __init__(self, companies: list[Account]) -> None:
        super().__init__(", ".join(company.name for company in companies))
        self.companies = companies


class EmergencyAdministratorOf(NeedsHandOver):
    """`companies` require single sign-on, and count on this person when it is away: they name another one first."""


def request_erasure(*, user: User, now: datetime, by: User | None = None) -> Erasure:
    """Erase a person after the wait; `by` is the member of staff who received the request by letter.

    Raises `AlreadyAsked`, `WorksForVendor`, `NeedsHandOver`, `EmergencyAdministratorOf`.
    """
    if user.is_staff:
        raise WorksForVendor
    if open_erasure(user) is not None:
        raise AlreadyAsked
    with system_scope():
        if companies := _led_alone_by(user):
            raise NeedsHandOver(companies)
        if companies := _counting_on(user):
            raise EmergencyAdministratorOf(companies)
        erasure = Erasure.objects.create(
            user=user, requested_by=by, requested_at=now, due_at=now + timedelta(days=settings.ERASURE_WAIT_DAYS)
        )
        note(action=AuditAction.ERASURE_ASKED, actor=_actor(user, by), now=now, subject_id=user.pk)
        notify(kind="erasure_requested", to=[user], account=None, context={"erasure": erasure})
    return erasure


def open_erasure(user: User) -> Erasure | None:
    return user.erasures.exclude(state__in=[_State.DONE, _State.CANCELLED]).first()


def cancel_erasure(*, erasure: Erasure, now: datetime, by: User | None = None) -> bool:
    """Take the request back; False once it is under way."""
    waiting = Erasure.objects.filter(pk=erasure.pk, state__in=[_State.WAITING, _State.BLOCKED])
    if not waiting.update(state=_State.CANCELLED, ended_at=now):
        return False
    with system_scope():
        note(
            action=AuditAction.ERASURE_CANCELLED,
            actor=_actor(erasure.user, by),
            now=now,
            subject_id=erasure.user_id,
        )
    return True


def _actor(user: User, by: User | None) -> Actor:
    return Actor.staff(by.pk) if by else Actor(user.pk, None, ActorKind.CUSTOMER)


def _led_alone_by(user: User) -> list[Account]:
    """Companies with other people, of whom none is an administrator."""
    found = []
    for membership in Membership.objects.active().filter(user=user).select_related("account"):
        others = Membership.objects.for_account(membership.account).active().exclude(user=user)
        leaders = administrators_of(membership.account)
        if others.exists() and leaders and all(one.user_id == user.pk for one in leaders):
            found.append(membership.account)
    return found


def _counting_on(user: User) -> list[Account]:
    """Companies of which the person is the emergency administrator, while single sign-on is required there."""
    required = IdentityProvider.objects.enforced().filter(emergency_administrator=user).select_related("account")
    return [provider.account for provider in required.order_by("account__name", "pk")]


def carry_out_due(*, now: datetime) -> int:
    """Take every erasure that is due a step further; the number that ended."""
    ended = 0
    states = [_State.WAITING, _State.BLOCKED, _State.RUNNING]
    for erasure in Erasure.objects.filter(state__in=states, due_at__lte=now).select_related("user").order_by("pk"):
        if erasure.state != _State.RUNNING:
            _announce(erasure, now=now)
        elif not _receipt_is_on_its_way(erasure, now=now):
            ended += _carry_out(erasure, now=now)
    return ended


def _announce(erasure: Erasure, *, now: datetime) -> None:
    """Let the person out of their companies, and tell them what goes and what stays."""
    with transaction.atomic():
        # One after the other, as all changes of a company's people: of two who lead it one stays.
        theirs = Membership.objects.filter(user=erasure.user).values("account")
        list(Account.objects.select_for_update(no_key=True).filter(pk__in=theirs).order_by("pk"))
        if _led_alone_by(erasure.user) or _counting_on(erasure.user):
            Erasure.objects.filter(pk=erasure.pk).update(state=_State.BLOCKED)
            return
        erasure.receipt = receipt_for(erasure.user)
        erasure.state = _State.RUNNING
        erasure.save(update_fields=["receipt", "state"])
        Membership.objects.filter(user=erasure.user, is_active=True).update(is_active=False)
        notify(kind="erasure_receipt", to=[erasure.user], account=None, context={"erasure": erasure})


def what_becomes_of_it() -> list[dict[str, Any]]:
    """What the portal may hold of a person, what becomes of it, and why what stays has to. No query."""
    history = {
        "what": _("Who acted, in the history of the company's records"),
        "is_kept": True,
        "reason": _("Kept for ten years with a number instead of your name, as proof under commercial law."),
    }
    return [*(_line(entry) for entry in personal_data()), history]


def _line(entry: PersonalData) -> dict[str, Any]:
    return {"what": str(entry.title), "is_kept": entry.fate is not Fate.DELETE, "reason": str(entry.reason)}


def receipt_for(user: User) -> list[dict[str, Any]]:
    """The same of what is there of one person, with how much it is."""
    *_all, history = what_becomes_of_it()
    counted = [(entry, entry.rows(user).count()) for entry in personal_data()]
    return [*(_line(entry) | {"count": count} for entry, count in counted if count), history]


def _receipt_is_on_its_way(erasure: Erasure, *, now: datetime) -> bool:
    """Whether the address is still needed: for two days at most."""
    return OutgoingMail.objects.filter(
        kind="erasure_receipt",
        to=erasure.user.email,
        state__in=[MailState.PENDING, MailState.SENDING],
        created_at__gt=now - RECEIPT_SENT_WITHIN,
    ).exists()


def _carry_out(erasure: Erasure, *, now: datetime) -> bool:
    """Do what the receipt says. Each step commits for itself and finds nothing to do the second time."""
    user = erasure.user
    _end_sessions(user)
    _delete_exports(user)
    _delete_own_files(user)
    # The other way round: addresses go after the mail that was sent to them.
    for entry in reversed(personal_data()):
        with transaction.atomic():
            apply_fate(entry, user)
    with transaction.atomic():
        for entry_of_theirs in entries_of(user):
            anonymise(entry_of_theirs)
        PersonMerge.objects.filter(survivor__in=entries_of(user)).update(address="")
        if not Erasure.objects.filter(pk=erasure.pk, state=_State.RUNNING).update(state=_State.DONE, ended_at=now):
            return False
        note(action=AuditAction.ERASURE_DONE, actor=Actor.system(), now=now, subject_id=user.pk)
    logger.info("person %d was erased", user.pk)
    return True


def apply_fate(entry: PersonalData, user: User) -> None:
    if entry.fate is Fate.DELETE:
        entry.rows(user).delete()
    elif entry.fate is Fate.UNTIE:
        entry.rows(user).update(**{entry.person: None}, **dict.fromkeys(entry.emptied, ""))


def anonymise(user: User) -> None:
    """The row of somebody who is not there any more. A trigger tells the CRM."""
    user.name, user.email = FORMER_NAME, f"erased-{user.pk}@erased.invalid"
    user.phone = user.job_title = user.unreachable_email = user.unreachable_reason = ""
    user.is_active = user.is_measured = False
    user.last_login = None
    user.set_unusable_password()
    user.save()


def _end_sessions(user: User) -> None:
    for session in Session.objects.iterator(chunk_size=500):
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()


def _delete_exports(user: User) -> None:
    for export in user.data_exports.exclude(state=DataExport.State.GONE):
        if export.content:
            export.content.delete(save=False)
        export.state = DataExport.State.GONE
        export.save(update_fields=["state", "content"])


def _delete_own_files(user: User) -> None:
    """Files that nothing of a company refers to. The bytes of each go after its row."""
    for stored in StoredFile.objects.filter(uploaded_by=user).order_by("pk"):
        name, storage = stored.content.name, stored.content.storage
        try:
            with transaction.atomic():
                stored.delete()
        except (ProtectedError, RestrictedError):
            continue  # A case's or an order's: the company's record.
        storage.delete(str(name))
