"""An end to what is kept: each class of data has its time, which the vendor sets within what the law asks.

Money is in no class: invoices, orders, quotes and payments stay. Of the audit log only whole days go that were sealed,
from its beginning, so that what is left still proves itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import (
    AuditEntry,
    AuditNote,
    AuditSeal,
    DataExport,
    Erasure,
    ImportLine,
    ImportState,
    InboundMail,
    InboundState,
    Invitation,
    JoinRequest,
    MailReport,
    MailState,
    Notification,
    OutgoingMail,
    RetentionRule,
    RetentionRun,
    ScimUser,
)
from tracking.models import Event, EventName

BATCH = 1000
Rows = models.QuerySet[Any]

# What people looked at. Everything else in the stream belongs to a contract, a case or an order.
LOOKED_AT = [name for name in EventName if name.value.endswith(("_viewed", "_searched", "_shown", "_clicked", "_used"))]


@dataclass(frozen=True)
class DataClass:
    """One kind of data, and what ends when its time is over."""

    code: str
    title: str | Promise
    days: int  # Before anybody has set it otherwise.
    least_days: int  # The law's, or what the portal needs to work.
    rows_before: Callable[[datetime], Rows]  # What is older than a moment.
    emptied: Mapping[str, Any] = field(default_factory=dict)  # The rows stay, without these; empty: they are deleted.

    def remove(self, rows: Rows) -> int:
        """Remove a batch; the number of rows."""
        model: type[models.Model] = rows.model
        batch = model._default_manager.filter(pk__in=list(rows.values_list("pk", flat=True)))
        removed: int = batch.update(**self.emptied) if self.emptied else batch.delete()[0]
        return removed


def _audit_before(moment: datetime) -> Rows:
    """Entries of the days that were sealed and ended before."""
    sealed = AuditSeal.objects.filter(day__lt=moment.date()).order_by("-day").first()
    last = sealed.last_sequence if sealed else 0
    return AuditEntry.objects.filter(sequence__lte=last, recorded_at__lt=moment).order_by("sequence")


def _settled_before(moment: datetime) -> Rows:
    """Invitations that were accepted, taken back, or ran out before: their links open nothing any more."""
    ran_out = Q(accepted_at=None, revoked_at=None, expires_at__lt=moment)
    return Invitation.objects.filter(Q(accepted_at__lt=moment) | Q(revoked_at__lt=moment) | ran_out)


CLASSES = {
    one.code: one
    for one in (
        DataClass(
            "page-views", _("Page views of people"), 760, 30,
            lambda moment: Event.objects.filter(name__in=LOOKED_AT, occurred_at__lt=moment),
        ),
        DataClass(
            "sign-ins", _("Sign-ins in the event stream"), 365, 90,
            lambda moment: Event.objects.filter(name=EventName.LOGIN, occurred_at__lt=moment),
        ),
        DataClass(
            "sign-in-addresses", _("Network addresses in the audit log"), 365, 30,
            lambda moment: AuditNote.objects.filter(ip__isnull=False, occurred_at__lt=moment), {"ip": None},
        ),
        DataClass(
            "mail-texts", _("Texts of sent mail"), 730, 30,
            lambda moment: OutgoingMail.objects.filter(
                created_at__lt=moment
            ).exclude(state__in=[MailState.PENDING, MailState.SENDING]).exclude(text="", html=""),
            {"text": "", "html": ""},
        ),
        DataClass(
            "mail-records", _("Records of sent mail"), 2192, 365,  # Six years, as business letters.
            lambda moment: OutgoingMail.objects.filter(created_at__lt=moment).exclude(
                state__in=[MailState.PENDING, MailState.SENDING]
            ),
        ),
        DataClass(
            "mail-reports", _("Reports of mail that did not arrive"), 365, 30,
            lambda moment: MailReport.objects.filter(reported_at__lt=moment),
        ),
        DataClass(
            "notifications", _("Notifications in the bell"), 365, 30,
            lambda moment: Notification.objects.filter(created_at__lt=moment),
        ),
        DataClass("invitations", _("Invitations that are over"), 365, 30, _settled_before),
        DataClass(
            "join-requests", _("Answered requests to join a company"), 365, 30,
            lambda moment: JoinRequest.objects.filter(decided_at__lt=moment),
        ),
        DataClass(
            "import-lines", _("Lines of lists of colleagues"), 180, 30,
            lambda moment: ImportLine.objects.filter(source__created_at__lt=moment).exclude(
                source__state=ImportState.RUNNING
            ),
        ),
        DataClass(
            "directory-entries", _("What directories said of people who are gone from them"), 365, 30,
            # The row stays: without it the directory would find the person again.
            lambda moment: ScimUser.objects.filter(deleted_at__lt=moment).exclude(document={}, external_id=""),
            {"document": {}, "external_id": ""},
        ),
        DataClass(
            "incoming-mail", _("Incoming mail that was dealt with"), 180, 30,
            lambda moment: InboundMail.objects.filter(settled_at__lt=moment).exclude(state=InboundState.HELD),
        ),
        DataClass(
            "incoming-mail-held", _("Incoming mail that nobody dealt with"), 365, 90,
            lambda moment: InboundMail.objects.filter(settled_at__lt=moment, state=InboundState.HELD),
        ),
        DataClass(
            "sessions", _("Sessions that have ended"), 1, 0,
            lambda moment: Session.objects.filter(expire_date__lt=moment),
        ),
        DataClass(
            "session-devices", _("Devices and addresses of sessions that have ended"), 30, 0,
            lambda moment: UserSession.objects.filter(last_seen_at__lt=moment).exclude(
                Exists(Session.objects.filter(session_key=OuterRef("session_key")))
            ),
        ),
        DataClass(
            "data-exports", _("Records of copies of personal data"), 365, 30,
            lambda moment: DataExport.objects.filter(
                state__in=[DataExport.State.GONE, DataExport.State.FAILED], requested_at__lt=moment
            ),
        ),
        DataClass(
            "erasure-receipts", _("Receipts of erasures"), 1096, 365,
            lambda moment: Erasure.objects.filter(
                state__in=[Erasure.State.DONE, Erasure.State.CANCELLED], ended_at__lt=moment
            ),
        ),
        DataClass("audit-log", _("Sealed days of the audit log"), 3653, 2200, _audit_before),
    )
}  # fmt: skip


def sync_rules(*, using: str = "default") -> None:
    """A rule for every class, as long as the class says; what somebody has set stays."""
    for one in CLASSES.values():
        RetentionRule.objects.using(using).get_or_create(code=one.code, defaults={"days": one.days})


def due_rows(rule: RetentionRule, *, now: datetime) -> Rows:
    """What the rule would remove now."""
    known = CLASSES[rule.code]
    return known.rows_before(now - timedelta(days=max(rule.days, known.least_days)))


def keep_rules(*, now: datetime, until: datetime) -> int:
    """Remove what is due, batch by batch, as long as there is time; the number of rows. What is left waits."""
    total = 0
    for rule in RetentionRule.objects.filter(is_active=True, code__in=CLASSES):
        removed = _keep(rule, now=now, until=until)
        total += removed
        if removed:
            cutoff = now - timedelta(days=rule.days)
            RetentionRun.objects.create(code=rule.code, cutoff_at=cutoff, removed=removed, ended_at=now)
    return total


def _keep(rule: RetentionRule, *, now: datetime, until: datetime) -> int:
    removed = 0
    while timezone.now() < until:
        with transaction.atomic():
            batch = CLASSES[rule.code].remove(due_rows(rule, now=now)[:BATCH])
        removed += batch
        if batch < BATCH:
            break
    return removed
