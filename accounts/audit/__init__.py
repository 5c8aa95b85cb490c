"""Noting what happened and is no change of a row, for the audit log.

Changes of rows come into the log by themselves, from the tables that the database's triggers fill.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.audit import AuditNote
from tracking.actor import Actor


class AuditAction(models.TextChoices):
    """Every kind of note. The label is the sentence that people read; `%(subject)s` is the person it is about,
    `%(object)s` the thing, and other names come from the note's details."""

    SIGNED_IN = "sign_in.done", _("%(actor)s signed in")
    SIGN_IN_FAILED = "sign_in.failed", _("Somebody failed to sign in as %(subject)s")
    SECOND_FACTOR_ADDED = "second_factor.added", _("%(actor)s set up a second factor (%(kind)s)")
    SECOND_FACTOR_REMOVED = "second_factor.removed", _("%(actor)s removed a second factor (%(kind)s)")
    SECOND_FACTOR_RESET = "second_factor.reset", _("%(actor)s reset the second factor of %(subject)s")
    CODE_USED_AGAIN = "second_factor.used_again", _("A code of %(subject)s that had been used was tried again")
    RECOVERY_CODES_MADE = "recovery_codes.made", _("%(actor)s made new recovery codes")
    PASSWORD_CHANGED = "password.changed", _("%(actor)s changed their password")
    SESSION_ENDED = "session.ended", _("%(actor)s ended a session")
    STEP_UP_FAILED = "step_up.failed", _("%(actor)s failed to confirm who they are")
    EXPORT_TAKEN = "export.taken", _("%(actor)s exported %(object)s")
    VIEW_AS_BEGUN = "view_as.begun", _("%(actor)s began to view the portal as %(subject)s: %(reason)s")
    VIEW_AS_ELEVATED = "view_as.elevated", _("%(actor)s may now change things as %(subject)s: %(reason)s")
    VIEW_AS_ENDED = "view_as.ended", _("%(actor)s stopped viewing the portal as %(subject)s")
    CATALOGUE_IMPORTED = "catalogue.imported", _("%(actor)s imported a catalogue: %(added)s added, %(changed)s changed")
    CATALOGUE_PREVIEWED = "catalogue.previewed", _("%(actor)s looked at the plans as %(object)s sees them: %(reason)s")
    LICENCE_SHOWN = "licence.shown", _("%(actor)s looked at the licence key %(object)s")
    LICENCE_COPIED = "licence.copied", _("%(actor)s copied the licence key %(object)s")
    PEOPLE_MERGED = "people.merged", _("%(actor)s joined another entry of %(subject)s with theirs: %(reason)s")
    SSO_CHANGED = "sso.changed", _("%(actor)s connected single sign-on by %(object)s")
    SSO_TESTED = "sso.tested", _("%(actor)s tested single sign-on by %(object)s: it works")
    SSO_TEST_REFUSED = "sso.test_refused", _("%(actor)s tested single sign-on by %(object)s: %(reason)s")
    SSO_REFUSED = "sso.refused", _("A sign-in by %(object)s was refused: %(reason)s")
    ACCESS_REFUSED = "access.refused", _("%(actor)s was refused %(object)s. It needs: %(permission)s")
    ROLE_REFUSED = "role.refused", _("%(actor)s was refused a change of roles: %(reason)s")
    PRIVACY_EXPORTED = "privacy.exported", _("%(actor)s asked for the personal data of %(subject)s")
    ERASURE_ASKED = "erasure.asked", _("%(actor)s asked to erase %(subject)s")
    ERASURE_CANCELLED = "erasure.cancelled", _("%(actor)s cancelled the erasure of %(subject)s")
    ERASURE_DONE = "erasure.done", _("%(subject)s was erased")
    TERMS_PUBLISHED = "terms.published", _("%(actor)s published version %(object)s of the terms")
    TERMS_ACCEPTED = "terms.accepted", _("%(actor)s accepted version %(object)s of the terms")
    CONSENT_CHANGED = "consent.changed", _("%(actor)s changed a consent: %(purpose)s")
    UNUSUAL_REQUESTS = (
        "requests.unusual",
        _("Tried unusually often, by or as %(subject)s: %(rule)s (%(count)s in an hour)"),
    )
    RETENTION_CHANGED = "retention.changed", _("%(actor)s changed how long %(object)s is kept")


def note(
    *,
    action: AuditAction,
    actor: Actor,
    now: datetime,
    account_id: int | None = None,
    subject_id: int | None = None,
    object_type: str = "",
    object_id: str = "",
    object_label: str = "",
    details: Mapping[str, str | int | bool | list[str] | None] | None = None,
    ip: str = "",
) -> None:
    """Write a note in the open transaction. `account_id` is the actor's when not given.

    In a customer's scope the account must be one of theirs. Details hold no secrets, and no names or addresses of
    people: those are `subject_id`.
    """
    AuditNote(
        account_id=account_id if account_id is not None else actor.account_id,
        occurred_at=now,
        action=action.value,
        actor_kind=actor.kind,
        actor_id=actor.user_id,
        on_behalf_of=actor.on_behalf_of,
        subject_id=subject_id,
        object_type=object_type,
        object_id=object_id,
        object_label=object_label[:200],
        details=dict(details or {}),
        ip=ip or None,
    ).save(force_insert=True)
