"""Whether a record is in step with Salesforce, in words for the vendor's people."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.models import Link, OutboxRow, OutboxState, Pause

WORDS = {
    "UNREACHABLE": gettext_lazy("Salesforce cannot be reached."),
    "SERVER_UNAVAILABLE": gettext_lazy("Salesforce is not available at the moment."),
    "INVALID_SESSION_ID": gettext_lazy("Salesforce no longer accepts our sign-in."),
    "INVALID_GRANT": gettext_lazy("Salesforce refuses to sign us in: check the connected app, user and key."),
    "INVALID_CLIENT_ID": gettext_lazy("Salesforce does not know our connected app: check the client id."),
    "REQUEST_LIMIT_EXCEEDED": gettext_lazy("The number of calls Salesforce allows per day is used up."),
    "UNABLE_TO_LOCK_ROW": gettext_lazy("Somebody is changing the same record in Salesforce."),
    "PARENT_MISSING": gettext_lazy("A record it belongs to is not in Salesforce yet."),
    "INVALID_CROSS_REFERENCE_KEY": gettext_lazy("A record it belongs to is not in Salesforce."),
    "REQUIRED_FIELD_MISSING": gettext_lazy("Salesforce requires a field that is empty here."),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": gettext_lazy("A validation rule in Salesforce refuses the record."),
    "STRING_TOO_LONG": gettext_lazy("A text is longer than Salesforce takes."),
    "INVALID_EMAIL_ADDRESS": gettext_lazy("Salesforce does not accept the e-mail address."),
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": gettext_lazy("Salesforce does not know one of the values."),
    "DUPLICATES_DETECTED": gettext_lazy("Salesforce already has a record like this one: merge them there, then retry."),
    "DUPLICATE_VALUE": gettext_lazy("Another record in Salesforce has a value that must be unique."),
    "DUPLICATE_EXTERNAL_ID": gettext_lazy("Several records in Salesforce claim to be this one."),
    "ENTITY_IS_DELETED": gettext_lazy("The record was deleted in Salesforce. Retry to make it anew."),
    "NOT_FOUND": gettext_lazy("The record is not in Salesforce any more. Retry to make it anew."),
    "INVALID_FIELD": gettext_lazy("Salesforce lacks a field that the portal writes: an administrator must add it."),
    "INSUFFICIENT_ACCESS_OR_READONLY": gettext_lazy("Our user in Salesforce may not write this record."),
}


def in_words(code: str, message: str) -> str:
    """An error for a person to act on. What we have no words for is quoted."""
    if code in WORDS:
        detail = f" ({message})" if message and code not in ("UNREACHABLE", "PARENT_MISSING") else ""
        return f"{WORDS[code]}{detail}"
    return _("Salesforce answered: %(answer)s") % {"answer": message or code} if code else message


class Step(StrEnum):
    IN_STEP = "in_step"
    WAITING = "waiting"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def tone(self) -> str:
        return {"in_step": "success", "waiting": "warning", "failed": "danger", "unknown": "info"}[self]


@dataclass(frozen=True)
class SyncStatus:
    """How one record stands; `at` is when it was last in step, or since when it waits or has failed."""

    step: Step
    text: str
    reason: str = ""
    at: datetime | None = None
    crm_id: str = ""


def sync_status(crm_object: str, external_id: UUID, now: datetime) -> SyncStatus:
    """How a record stands. At most three queries."""
    rows = OutboxRow.objects.of(crm_object, external_id)
    link = Link.objects.filter(object=crm_object, external_id=external_id).first()
    crm_id = link.crm_id if link else ""
    row = rows.unfinished().order_by("-id").first()
    if row is None:
        at = link.pushed_at if link else None
        last = rows.filter(state=OutboxState.DONE).order_by("-id").values_list("done_at", flat=True).first()
        at = max(filter(None, [at, last]), default=None)
        if not crm_id or at is None:
            return SyncStatus(Step.UNKNOWN, _("Not sent to Salesforce yet"), crm_id=crm_id)
        return SyncStatus(Step.IN_STEP, _("Synced %(age)s ago") % {"age": age(now - at)}, at=at, crm_id=crm_id)
    reason = in_words(row.last_code, row.last_message)
    if row.state == OutboxState.DEAD:
        return SyncStatus(Step.FAILED, _("Failed"), reason, row.created_at, crm_id)
    if not reason and (pause := Pause.objects.filter(until__gt=now).first()):
        reason = in_words(pause.code, pause.message)
    text = _("Waiting for %(age)s") % {"age": age(now - row.created_at)}
    return SyncStatus(Step.WAITING, text, reason, row.created_at, crm_id)


def age(span: timedelta) -> str:
    """12 s, 3 min, 2 h, 5 days."""
    seconds = max(int(span.total_seconds()), 0)
    if seconds < 60:
        return _("%(count)d s") % {"count": seconds}
    if seconds < 3600:
        return _("%(count)d min") % {"count": seconds // 60}
    if seconds < 86400:
        return _("%(count)d h") % {"count": seconds // 3600}
    return ngettext("%(count)d day", "%(count)d days", seconds // 86400) % {"count": seconds // 86400}
