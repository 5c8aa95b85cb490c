"""Noticing what is tried unusually often: a job counts the last hour of the audit log, and tells system administrators.

What is slowed down or refused anyway (guessed passwords and codes, pages that a role does not open) is here seen by
somebody. One person is told of once a day for each rule, so that a long attack is no flood of mail.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.audit import AuditAction, note
from accounts.models import AuditEntry, AuditNote, User
from accounts.notifications import notify
from accounts.permissions import StaffGroup
from tracking.actor import Actor

LOOKED_BACK = timedelta(hours=1)
TOLD_AGAIN_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class Rule:
    """More than `most` of these in an hour is unusual."""

    code: str
    title: str | Promise
    which: Q  # Entries of the audit log.
    person: str  # The column that names whose they are.
    most: int


# A refused page stands in the log once an hour for each person.
RULES = (
    Rule("sign-ins", gettext_lazy("Failed sign-ins"), Q(action=AuditAction.SIGN_IN_FAILED), "subject_id", 15),
    Rule("confirmations", gettext_lazy("Failed confirmations"), Q(action=AuditAction.STEP_UP_FAILED), "actor_id", 10),
    Rule(
        "refusals",
        gettext_lazy("Refused requests"),
        Q(action__in=[AuditAction.ACCESS_REFUSED, AuditAction.ROLE_REFUSED]),
        "actor_id",
        15,
    ),
    Rule("exports", gettext_lazy("Exports"), Q(action=AuditAction.EXPORT_TAKEN), "actor_id", 20),
)


@dataclass(frozen=True)
class Alarm:
    """One person, and what was tried by them, or in their name."""

    rule: Rule
    person: User
    count: int

    def __str__(self) -> str:
        told = {"what": self.rule.title, "person": self.person, "email": self.person.email, "count": self.count}
        return _("%(what)s: %(count)d by or as %(person)s (%(email)s)") % told


def look_for_unusual(*, now: datetime) -> list[Alarm]:
    """Note each alarm that nobody was told of within a day, and mail them to the system administrators."""
    alarms = [alarm for rule in RULES for alarm in _alarms(rule, now=now)]
    for alarm in alarms:
        note(
            action=AuditAction.UNUSUAL_REQUESTS,
            actor=Actor.system(),
            now=now,
            subject_id=alarm.person.pk,
            details={"rule": alarm.rule.code, "count": alarm.count},
        )
    if alarms:
        watchers = User.objects.filter(is_active=True, is_staff=True, groups__name=StaffGroup.SYSTEM_ADMINISTRATOR)
        notify(kind="unusual_requests", to=watchers, account=None, context={"alarms": alarms})
    return alarms


def _alarms(rule: Rule, *, now: datetime) -> Iterator[Alarm]:
    """What stands in the log of several companies of a person happened once: it is counted by its moment."""
    lately = AuditEntry.objects.filter(rule.which, occurred_at__gt=now - LOOKED_BACK, occurred_at__lte=now)
    counted = (
        lately.filter(**{f"{rule.person}__isnull": False})
        .values_list(rule.person)
        .annotate(count=Count("occurred_at", distinct=True))
        .filter(count__gt=rule.most)
        .order_by(rule.person)
    )
    counts = dict(counted)
    told = AuditNote.objects.filter(
        action=AuditAction.UNUSUAL_REQUESTS,
        subject_id__in=counts,
        details__rule=rule.code,
        occurred_at__gt=now - TOLD_AGAIN_AFTER,
    ).values_list("subject_id", flat=True)
    for person in User.objects.filter(pk__in=counts.keys() - set(told)).order_by("pk"):
        yield Alarm(rule, person, counts[person.pk])
