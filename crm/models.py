"""Staying in step with the CRM: what must be sent, what was sent, and how far we have read."""

from datetime import datetime
from typing import Self

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


class Link(models.Model):
    """One record of ours and its counterpart in the CRM."""

    object = models.CharField(max_length=40, choices=SyncedObject.choices)
    external_id = models.UUIDField()  # The record's public id: Portal_Id__c over there.
    crm_id = models.CharField(max_length=18, blank=True)
    pushed_hash = models.CharField(max_length=64, blank=True)  # Of the payload last accepted.
    pushed_at = models.DateTimeField(null=True, blank=True)
    seen_modstamp = models.DateTimeField(null=True, blank=True)  # SystemModstamp last applied or sent.
    # When each shared field last changed, and by whom: {"Phone": {"value": …, "at": …, "source": "portal"|"crm"}}.
    field_versions = models.JSONField(default=dict)

    class Meta:
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


class OutboxQuerySet(models.QuerySet["OutboxRow"]):
    def unfinished(self) -> Self:
        return self.filter(state__in=[OutboxState.PENDING, OutboxState.LEASED, OutboxState.BLOCKED, OutboxState.DEAD])

    def due(self, now: datetime) -> Self:
        return self.filter(state__in=[OutboxState.PENDING, OutboxState.BLOCKED], next_at__lte=now)


class OutboxRow(models.Model):
    """A change that the CRM must hear of. Written by database triggers alone, in the transaction of the change.

    It names the record; what is sent is read from the record's current state at sending time, so rows of one record
    that wait together are sent once.
    """

    id = models.BigAutoField(primary_key=True)  # Order of changes within one record.
    object = models.CharField(max_length=40, choices=SyncedObject.choices)
    external_id = models.UUIDField()
    state = models.CharField(max_length=10, choices=OutboxState.choices, default=OutboxState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)
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
    http_status = models.PositiveSmallIntegerField(null=True)
    code = models.CharField(max_length=80, blank=True)
    message = models.TextField(blank=True)
    milliseconds = models.PositiveIntegerField(default=0)


class Cursor(models.Model):
    """How far an object has been read from the CRM."""

    object = models.CharField(max_length=40, unique=True)
    read_until = models.DateTimeField()  # Exclusive, the CRM's clock.
    updated_at = models.DateTimeField(default=timezone.now)
    last_error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.object} until {self.read_until:%Y-%m-%d %H:%M:%S}"


class Conflict(models.Model):
    """Both sides changed one field: the later won, the other value is kept here."""

    object = models.CharField(max_length=40)
    external_id = models.UUIDField()
    field = models.CharField(max_length=80)
    kept = models.JSONField(null=True)
    lost = models.JSONField(null=True)
    winner = models.CharField(max_length=10)
    at = models.DateTimeField(default=timezone.now)
