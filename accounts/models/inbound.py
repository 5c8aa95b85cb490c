"""Mail that comes in, and what mail servers report about mail that went out."""

from datetime import datetime
from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class InboundState(models.TextChoices):
    RECEIVED = "received", _("Waiting")
    DONE = "done", _("Taken in")
    IGNORED = "ignored", _("Ignored")
    HELD = "held", _("Needs a look")
    FAILED = "failed", _("Given up")


class InboundMailQuerySet(models.QuerySet["InboundMail"]):
    def due(self, now: datetime) -> Self:
        return self.filter(state=InboundState.RECEIVED, next_at__lte=now)


class InboundMail(models.Model):
    """A message as it came in: kept before anything is done about it, so that none is lost and none is taken twice."""

    # By the service that delivered it, or the digest of the message itself.
    unique_id = models.CharField(max_length=200, unique=True, editable=False)
    source = models.CharField(_("came by"), max_length=40)
    sender = models.CharField(_("from"), max_length=320, blank=True)
    recipients = models.TextField(_("to"), blank=True)
    subject = models.CharField(_("subject"), max_length=250, blank=True)
    mime = models.BinaryField(editable=False)
    state = models.CharField(_("state"), max_length=10, choices=InboundState, default=InboundState.RECEIVED)
    # Somebody of the staff has looked, and vouches for who sent it.
    is_vouched_for = models.BooleanField(_("sender vouched for"), default=False)
    note = models.TextField(_("what was done"), blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    received_at = models.DateTimeField(_("received"), default=timezone.now)
    next_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = InboundMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("incoming mail")
        verbose_name_plural = _("incoming mail")
        indexes = [models.Index(fields=["next_at"], name="inbound_due", condition=models.Q(state="received"))]

    def __str__(self) -> str:
        return f"{self.subject} ← {self.sender}"


REPORTED_BY_MAIL = "mail:"  # Before the unique id of the incoming mail that was the report.


class ReportKind(models.TextChoices):
    HARD = "hard", _("Cannot be delivered")
    SOFT = "soft", _("Was not delivered")
    COMPLAINT = "complaint", _("Was reported as spam")


class MailReport(models.Model):
    """What a mail service said became of a message: it came back, or its reader called it spam."""

    unique_id = models.CharField(max_length=200, unique=True, editable=False)
    kind = models.CharField(_("what"), max_length=10, choices=ReportKind)
    email = models.CharField(_("address"), max_length=320)
    detail = models.TextField(_("detail"), blank=True)
    reported_at = models.DateTimeField(_("reported"), default=timezone.now)

    class Meta:
        verbose_name = _("delivery report")
        verbose_name_plural = _("delivery reports")

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.email}"
