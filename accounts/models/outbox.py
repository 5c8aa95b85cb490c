"""Mail on its way out: a row in the transaction of the change, sent by a worker."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class MailState(models.TextChoices):
    PENDING = "pending", _("Waiting")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Given up")
    UNKNOWN = "unknown", _("Perhaps sent")  # Marketing mail alone: anything else is sent again.
    CANCELLED = "cancelled", _("Not sent")


class OutgoingMailQuerySet(models.QuerySet["OutgoingMail"]):
    def due(self, now: datetime) -> Self:
        """Waiting, or left behind by a worker that died while sending."""
        return self.filter(state__in=[MailState.PENDING, MailState.SENDING], next_at__lte=now)


class OutgoingMail(models.Model):
    """One message to one person, or to a company's address for invoices.

    Kept as sent: a customer's correspondence is part of the history.
    """

    account_id = models.BigIntegerField(null=True, blank=True)
    # None: somebody who has no sign-in yet, or an address that is nobody's. Others must still belong to the company
    # when it is sent.
    user = models.ForeignKey(
        "accounts.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="mail_received"
    )
    kind = models.CharField(max_length=60)  # The notification's name, such as "case_reply".
    to = models.EmailField()
    subject = models.CharField(max_length=250)
    text = models.TextField()
    html = models.TextField(blank=True)
    # The number of the company's document that it brings, which is attached as it is sent.
    document = models.CharField(_("document"), max_length=40, blank=True)
    reply_token = models.CharField(max_length=60, blank=True, editable=False)  # What a reply to it answers.
    # Made once: after an unknown outcome the same message is sent again under the same id.
    message_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(max_length=10, choices=MailState, default=MailState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    next_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = OutgoingMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("outgoing mail")
        verbose_name_plural = _("outgoing mail")
        indexes = [
            models.Index(fields=["next_at"], name="mail_due", condition=models.Q(state__in=["pending", "sending"])),
            models.Index(fields=["document"], name="mail_document", condition=~models.Q(document="")),
        ]

    def __str__(self) -> str:
        return f"{self.subject} → {self.to}"
