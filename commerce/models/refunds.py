"""Money that goes back to the card that it came from."""

import uuid
from datetime import datetime
from typing import Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from commerce.models.billing import PaymentAttempt


class RefundState(models.TextChoices):
    """Forward only; a trigger refuses the way back."""

    CREATED = "created", _("Starting")
    SUBMITTING = "submitting", _("Being sent")
    UNKNOWN = "unknown", _("We are checking")
    PENDING = "pending", _("On its way")
    SUCCEEDED = "succeeded", _("Paid back")
    FAILED = "failed", _("Could not be paid back")
    REVIEW = "review", _("Being reviewed by our team")

    @property
    def is_final(self) -> bool:
        return self in (RefundState.SUCCEEDED, RefundState.FAILED)


UNFINISHED_REFUNDS = ("created", "submitting", "unknown", "pending")


class RefundAttemptQuerySet(models.QuerySet["RefundAttempt"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def counting(self) -> Self:
        """Those that took money from the payment, or may yet."""
        return self.exclude(state=RefundState.FAILED)

    def succeeded(self) -> Self:
        """What went back, the oldest first."""
        return self.filter(state=RefundState.SUCCEEDED).order_by("settled_at", "pk")

    def due(self, now: datetime) -> Self:
        return self.filter(state__in=UNFINISHED_REFUNDS, next_check_at__lte=now)


class RefundAttempt(models.Model):
    """One try to pay (a part of) a payment back. Request and idempotency key are frozen before anything is sent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="refund_attempts")
    payment = models.ForeignKey(PaymentAttempt, on_delete=models.PROTECT, related_name="refunds")
    state = models.CharField(max_length=20, choices=RefundState, default=RefundState.CREATED)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200)
    request = models.JSONField(encoder=DjangoJSONEncoder)
    idempotency_key = models.CharField(max_length=100)
    stripe_refund_id = models.CharField(max_length=80, blank=True)
    error_code = models.CharField(max_length=80, blank=True)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    submitted_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    next_check_at = models.DateTimeField(null=True, blank=True)
    checks = models.PositiveSmallIntegerField(default=0)

    objects = RefundAttemptQuerySet.as_manager()

    class Meta:
        permissions = [("refund_payments", "Can pay money back to cards")]
        constraints = [
            models.UniqueConstraint(fields=["account", "idempotency_key"], name="refund_key_once"),
            models.UniqueConstraint(
                fields=["account", "stripe_refund_id"], condition=~Q(stripe_refund_id=""), name="refund_id_once"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="refund_amount_positive"),
        ]
        indexes = [
            models.Index(fields=["next_check_at"], name="refund_due", condition=Q(state__in=UNFINISHED_REFUNDS)),
        ]

    def __str__(self) -> str:
        return f"{self.payment}: {self.amount_minor} {self.currency}"

    @property
    def state_choice(self) -> RefundState:
        return RefundState(self.state)
