"""What the vendor tells everybody, or some, across the top of every page."""

from datetime import datetime
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.companies import Industry, LifecycleStage
from accounts.permissions import Role


class AnnouncementLevel(models.TextChoices):
    INFO = "info", _("Information")
    SUCCESS = "success", _("Good news")
    WARNING = "warning", _("Warning")
    ERROR = "error", _("Disruption")


class AnnouncementQuerySet(models.QuerySet["Announcement"]):
    def unfinished(self, now: datetime) -> Self:
        """Shown now, or later."""
        return self.filter(models.Q(ends_at__isnull=True) | models.Q(ends_at__gt=now))


class Announcement(models.Model):
    """A line across the top of the pages of everybody it concerns, from one moment to another.

    An audience rule that names nothing holds for all; a person belongs to the audience when every rule holds.
    """

    text = models.CharField(_("text"), max_length=300, help_text=_("In English; other languages below."))
    level = models.CharField(_("level"), max_length=10, choices=AnnouncementLevel, default=AnnouncementLevel.INFO)
    link = models.CharField(
        _("link"), max_length=300, blank=True, help_text=_("A path of the portal, or an address with https://.")
    )
    link_text = models.CharField(_("text of the link"), max_length=80, blank=True)
    tiers = ArrayField(models.CharField(max_length=50), verbose_name=_("tiers"), default=list, blank=True)
    industries = ArrayField(
        models.CharField(max_length=20, choices=Industry), verbose_name=_("industries"), default=list, blank=True
    )
    stages = ArrayField(
        models.CharField(max_length=20, choices=LifecycleStage), verbose_name=_("stages"), default=list, blank=True
    )
    roles = ArrayField(models.CharField(max_length=20, choices=Role), verbose_name=_("roles"), default=list, blank=True)
    for_staff = models.BooleanField(_("the staff see it too"), default=False)
    starts_at = models.DateTimeField(_("starts"), default=timezone.now)
    ends_at = models.DateTimeField(_("ends"), null=True, blank=True)
    is_dismissible = models.BooleanField(_("people may put it away"), default=True)
    mailed_at = models.DateTimeField(_("mailed"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AnnouncementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__isnull=True) | models.Q(ends_at__gt=models.F("starts_at")),
                name="announcement_ends_after_its_start",
            )
        ]

    def __str__(self) -> str:
        return self.text

    def clean(self) -> None:
        if (self.link and not self.link.startswith(("/", "https://"))) or self.link.startswith("//"):
            raise ValidationError({"link": _("Begin with / or https://.")})
        if self.link and not self.link_text:
            raise ValidationError({"link_text": _("Say where the link leads.")})


class AnnouncementText(models.Model):
    """An announcement in another language."""

    announcement = models.ForeignKey(Announcement, on_delete=models.CASCADE, related_name="texts")
    language = models.CharField(_("language"), max_length=10)
    text = models.CharField(_("text"), max_length=300)
    link_text = models.CharField(_("text of the link"), max_length=80, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["announcement", "language"], name="announcement_text_once")]

    def __str__(self) -> str:
        return self.text
