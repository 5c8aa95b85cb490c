"""The audit log: what happened, in a chain of hashes whose days are signed.

Rows of all four tables are appended; triggers of our own, without a hook to ignore them, refuse the rest.
"""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.companies import Account


class AuditNote(models.Model):
    """Something that happened and is no change of a row: a sign-in refused, an export taken, a view-as begun.

    Written by `accounts.audit.note`. The address is the only thing that is ever taken out again, when its time is over.
    """

    account_id = models.BigIntegerField(null=True)
    occurred_at = models.DateTimeField()
    action = models.CharField(max_length=80)  # An accounts.audit.AuditAction.
    actor_kind = models.CharField(max_length=10)
    actor_id = models.BigIntegerField(null=True)
    on_behalf_of = models.BigIntegerField(null=True)
    subject_id = models.BigIntegerField(null=True)  # The person it is about, if not the one who acts.
    object_type = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    object_label = models.CharField(max_length=200, blank=True)
    details = models.JSONField(default=dict)
    ip = models.GenericIPAddressField(null=True)

    class Meta:
        indexes = [models.Index(fields=["subject_id", "-id"], name="audit_note_subject")]

    def __str__(self) -> str:
        return f"{self.action} {self.occurred_at:%Y-%m-%d %H:%M:%S}"


class AuditSource(models.Model):
    """How far one table has been read into the log.

    Every row up to `floor` has been read. Rows up to `ceiling` had got their keys before transaction `fence` could
    begin: once no transaction older than `fence` runs, none of them can appear any more, and `floor` moves up.
    """

    name = models.CharField(primary_key=True, max_length=63)  # Of the table.
    floor = models.BigIntegerField(default=0)
    ceiling = models.BigIntegerField(null=True)
    fence = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return f"{self.name} up to {self.floor}"


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def for_account(self, account: Account) -> Self:
        """What a customer sees: rows that are their own to see, and what happened to them."""
        return self.filter(account_id=account.pk, is_public=True)

    def latest_first(self) -> Self:
        return self.order_by("-occurred_at", "-sequence")


class AuditEntry(models.Model):
    """One thing that happened, as customers and staff read it. Never changed, and deleted only after its years.

    It names people by their numbers alone: who they are is looked up when the log is read, so that erasing a person
    leaves the log and its hashes whole.
    """

    sequence = models.BigIntegerField(primary_key=True)  # Without a gap.
    account_id = models.BigIntegerField(null=True)  # None: the vendor's own.
    is_public = models.BooleanField()  # Whether the customer may see it; always the row's own rule.
    occurred_at = models.DateTimeField(_("when"))
    recorded_at = models.DateTimeField()  # When it was read into the log: its day in the chain.
    action = models.CharField(_("what"), max_length=80)  # "membership.changed", or an accounts.audit.AuditAction.
    actor_kind = models.CharField(max_length=10)
    actor_id = models.BigIntegerField(null=True)
    on_behalf_of = models.BigIntegerField(null=True)
    subject_id = models.BigIntegerField(null=True)
    object_type = models.CharField(max_length=60, blank=True)  # "accounts.membership"
    object_id = models.CharField(max_length=64, blank=True)
    object_label = models.CharField(max_length=200, blank=True)
    changes = models.JSONField(default=dict)  # Of a row: field to [before, after]. Of a note: its details.
    source = models.CharField(max_length=63)  # The table it was read from, and the row there.
    source_id = models.BigIntegerField()
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        constraints = [models.UniqueConstraint(fields=["source", "source_id"], name="audit_entry_once")]
        indexes = [
            models.Index(fields=["account_id", "occurred_at", "sequence"], name="audit_account_time"),
            models.Index(fields=["occurred_at", "sequence"], name="audit_time"),
            models.Index(fields=["recorded_at"], name="audit_recorded"),
        ]

    def __str__(self) -> str:
        return f"{self.action} #{self.sequence}"


class AuditSeal(models.Model):
    """A finished day of the log, signed with a key that the web process lacks.

    The signature covers the day, the last entry up to its end with its hash, and the seal before it.
    """

    day = models.DateField(_("day"), primary_key=True)  # In UTC.
    last_sequence = models.BigIntegerField(_("last entry"))  # 0: nothing had ever happened.
    head = models.CharField(_("hash of the last entry"), max_length=64)
    previous_signature = models.CharField(max_length=128, blank=True)
    signature = models.CharField(_("signature"), max_length=128)  # Ed25519, in hexadecimal.
    sealed_at = models.DateTimeField(_("sealed at"), default=timezone.now)

    class Meta:
        verbose_name = _("audit seal")
        verbose_name_plural = _("audit seals")
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.day}: {self.head[:12]}"

    def ends_at(self) -> datetime:
        """The moment after the day."""
        return datetime(self.day.year, self.day.month, self.day.day, tzinfo=timezone.get_default_timezone()) + (
            timedelta(days=1)
        )
