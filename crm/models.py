"""Staying in step with the CRM: what must be sent, what was sent, and how far we have read."""

from datetime import datetime
from typing import Self
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class SyncedObject(models.TextChoices):
    """Salesforce objects the portal keeps in step."""

    ACCOUNT = "Account", _("Account")
    CONTACT = "Contact", _("Contact")
    CASE = "Case", _("Case")
    CASE_MESSAGE = "Portal_Case_Message__c", _("Case message")
    OPPORTUNITY = "Opportunity", _("Opportunity")
    ORDER = "Order", _("Order")


class LinkQuerySet(models.QuerySet["Link"]):
    def arrived(self) -> Self:
        """Records that the CRM is known to have."""
        return self.exclude(crm_id="")


class Link(models.Model):
    """One record of ours and its counterpart in the CRM."""

    object = models.CharField(max_length=40, choices=SyncedObject)
    external_id = models.UUIDField()  # The record's public id: Portal_Id__c over there.
    crm_id = models.CharField(max_length=18, blank=True)
    pushed_hash = models.CharField(max_length=64, blank=True)  # Of the portal's own fields as last accepted.
    pushed_at = models.DateTimeField(null=True, blank=True)
    seen_modstamp = models.DateTimeField(null=True, blank=True)  # SystemModstamp last applied.
    # What both sides held of each shared field when they last agreed: {"Phone": {"portal": …, "crm": …}}. The two
    # differ where one side cannot spell the other's value.
    field_versions = models.JSONField(default=dict)

    objects = LinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("linked record")
        verbose_name_plural = _("linked records")
        constraints = [
            models.UniqueConstraint(fields=["object", "external_id"], name="link_once"),
            models.UniqueConstraint(fields=["object", "crm_id"], condition=~Q(crm_id=""), name="link_crm_id_once"),
        ]

    def __str__(self) -> str:
        return f"{self.object} {self.external_id}"


class OutboxState(models.TextChoices):
    PENDING = "pending", _("Waiting")
    LEASED = "leased", _("Being sent")
    BLOCKED = "blocked", _("Waiting for another record")
    DONE = "done", _("Sent")
    SUPERSEDED = "superseded", _("Sent with a later change")
    DEAD = "dead", _("Failed, needs a person")
    SKIPPED = "skipped", _("Skipped by a person")


class OutboxQuerySet(models.QuerySet["OutboxRow"]):
    def of(self, crm_object: str, external_id: UUID) -> Self:
        return self.filter(object=crm_object, external_id=external_id)

    def unfinished(self) -> Self:
        return self.filter(state__in=[OutboxState.PENDING, OutboxState.LEASED, OutboxState.BLOCKED, OutboxState.DEAD])

    def due(self, now: datetime) -> Self:
        """May be sent: waiting long enough, or left behind by a worker whose lease has ended."""
        return self.filter(state__in=[OutboxState.PENDING, OutboxState.LEASED, OutboxState.BLOCKED], next_at__lte=now)

    def held(self, now: datetime) -> Self:
        """In the hands of a worker whose lease runs."""
        return self.filter(state=OutboxState.LEASED, next_at__gt=now)

    def retry(self, now: datetime) -> int:
        """Failed and waiting rows are sent with the next push; those in a worker's hands are left to it."""
        stuck = [OutboxState.DEAD, OutboxState.BLOCKED, OutboxState.PENDING, OutboxState.SKIPPED]
        return self.filter(state__in=stuck).update(
            state=OutboxState.PENDING, next_at=now, attempts=0, done_at=None, last_code="", last_message=""
        )

    def skip(self, now: datetime) -> int:
        """A person decided that the CRM need not hear of these."""
        stuck = [OutboxState.DEAD, OutboxState.BLOCKED, OutboxState.PENDING]
        return self.filter(state__in=stuck).update(state=OutboxState.SKIPPED, done_at=now)


class OutboxRow(models.Model):
    """A change that the CRM must hear of, written by database triggers in the transaction of the change.

    It names the record; what is sent is read from the record's current state at sending time, so rows of one record
    that wait together are sent once. Beside the triggers only `crm.outbox` adds rows: for a first load, for a parent
    that a record brings along, for a value the portal keeps after a conflict.
    """

    id = models.BigAutoField(primary_key=True)  # Order of changes within one record.
    object = models.CharField(max_length=40, choices=SyncedObject)
    external_id = models.UUIDField()
    state = models.CharField(max_length=10, choices=OutboxState, default=OutboxState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now)  # When a worker may take it; while leased, the lease's end.
    lease_token = models.UUIDField(null=True, blank=True)  # Fences a worker that wakes up after its lease ended.
    last_code = models.CharField(max_length=80, blank=True)
    last_message = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True, blank=True)

    objects = OutboxQuerySet.as_manager()

    class Meta:
        verbose_name = _("change to send")
        verbose_name_plural = _("changes to send")
        indexes = [
            models.Index(
                fields=["next_at", "id"], name="outbox_due", condition=Q(state__in=["pending", "leased", "blocked"])
            ),
            models.Index(fields=["object", "external_id", "id"], name="outbox_record"),
        ]

    def __str__(self) -> str:
        return f"{self.object} {self.external_id} #{self.pk}"


class SyncAttempt(models.Model):
    """One call about one row: what the operator reads when something does not arrive."""

    row = models.ForeignKey(OutboxRow, on_delete=models.CASCADE, related_name="attempt_log")
    at = models.DateTimeField(default=timezone.now)
    http_status = models.PositiveSmallIntegerField(null=True)  # Empty: no answer came.
    code = models.CharField(max_length=80, blank=True)
    message = models.TextField(blank=True)
    milliseconds = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.code or 'OK'}"


class Cursor(models.Model):
    """How far an object has been read from the CRM."""

    object = models.CharField(max_length=40, unique=True)
    read_until = models.DateTimeField()  # Exclusive, the CRM's clock.
    updated_at = models.DateTimeField(default=timezone.now)
    last_error = models.TextField(blank=True)

    class Meta:
        verbose_name = _("reading position")
        verbose_name_plural = _("reading positions")

    def __str__(self) -> str:
        return f"{self.object} until {self.read_until:%Y-%m-%d %H:%M:%S}"


class Pause(models.Model):
    """Why nothing is exchanged with the CRM at the moment: it does not answer, refuses us, or our quota is used up.

    One row. While it runs, changes wait in the outbox and count no attempt.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    until = models.DateTimeField()
    failures = models.PositiveIntegerField(default=0)  # In a row.
    since = models.DateTimeField()
    code = models.CharField(max_length=80)
    message = models.TextField(blank=True)

    class Meta:
        verbose_name = _("pause of the exchange")
        verbose_name_plural = _("pauses of the exchange")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_pause")]

    def __str__(self) -> str:
        return f"{self.code} until {self.until:%Y-%m-%d %H:%M:%S}"


class Winner(models.TextChoices):
    PORTAL = "portal", _("Portal")
    CRM = "crm", _("CRM")


class Conflict(models.Model):
    """Both sides changed one field, or one side cannot spell the other's value: what was kept, and what was not."""

    object = models.CharField(max_length=40, choices=SyncedObject)
    external_id = models.UUIDField()
    field = models.CharField(max_length=80)
    kept = models.JSONField(null=True)
    lost = models.JSONField(null=True)
    winner = models.CharField(max_length=10, choices=Winner)
    at = models.DateTimeField(default=timezone.now)  # Of the change in the CRM.

    class Meta:
        constraints = [
            # A page of changes read twice tells of a conflict once.
            models.UniqueConstraint(fields=["object", "external_id", "field", "at"], name="conflict_once")
        ]

    def __str__(self) -> str:
        return f"{self.object} {self.external_id}: {self.field}"
