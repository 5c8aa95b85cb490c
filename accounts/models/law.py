"""What the law gives people: consent, terms, a copy of their data, erasure, and an end to what is kept."""

import uuid
from datetime import datetime
from pathlib import PurePosixPath
from typing import Self

import pghistory
from django.db import models
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User


class Purpose(models.TextChoices):
    """What a person may allow or refuse. What the contract needs is not asked."""

    ANALYTICS = "analytics", _("Page views are kept with my name")
    MARKETING = "marketing", _("News and offers by e-mail")

    @property
    def explanation(self) -> Promise:
        return {
            Purpose.ANALYTICS: _(
                "So that we see which pages help whom. Without it we count your page views for your company, without "
                "your name. Orders, cases and sign-ins are always recorded: your contract needs them."
            ),
            Purpose.MARKETING: _(
                "About products that fit your company. Mail about your cases and orders always comes."
            ),
        }[self]

    @property
    def is_given_unasked(self) -> bool:
        """Before anybody has chosen: measuring is the vendor's interest, and may be refused; advertising is asked."""
        return self is Purpose.ANALYTICS


class Consent(models.Model):
    """One choice that a person made about one purpose; the latest one counts, the earlier ones show when it changed."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="consents")
    purpose = models.CharField(max_length=20, choices=Purpose)
    is_given = models.BooleanField()
    text_version = models.CharField(max_length=20)  # Of the words that were shown.
    source = models.CharField(max_length=20)  # Where it was said: "portal", "unsubscribe", "staff".
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["user", "purpose", "-created_at"], name="consent_latest")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.purpose} {'yes' if self.is_given else 'no'}"


class TermsVersionQuerySet(models.QuerySet["TermsVersion"]):
    def in_force(self, now: datetime) -> Self:
        """Published and begun, the latest first."""
        return self.filter(published_at__isnull=False, effective_at__lte=now).order_by("-effective_at", "-pk")


class TermsVersion(models.Model):
    """The terms of service as they are from one day on. A published version is never changed."""

    version = models.CharField(_("version"), max_length=20, unique=True)
    effective_at = models.DateTimeField(_("in force from"))
    binds_company = models.BooleanField(
        _("administrators accept for their company"), default=False, help_text=_("Their acceptance names the company.")
    )
    published_at = models.DateTimeField(_("published"), null=True, blank=True, editable=False)
    published_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, editable=False)

    objects = TermsVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("version of the terms")
        verbose_name_plural = _("terms of service")
        ordering = ["-effective_at"]

    def __str__(self) -> str:
        return self.version


class TermsText(models.Model):
    """The words of one version in one language."""

    terms = models.ForeignKey(TermsVersion, on_delete=models.CASCADE, related_name="texts")
    language = models.CharField(_("language"), max_length=10, default="en")
    body = models.TextField(_("text"))

    class Meta:
        verbose_name = _("text")
        constraints = [models.UniqueConstraint(fields=["terms", "language"], name="terms_text_once")]

    def __str__(self) -> str:
        return f"{self.terms} ({self.language})"


class TermsAcceptance(models.Model):
    """That a person accepted a version: when, from where, and the very words, by their hash."""

    terms = models.ForeignKey(TermsVersion, on_delete=models.PROTECT, related_name="acceptances")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="terms_accepted")
    company_id = models.BigIntegerField(null=True)  # The company it was also accepted for.
    language = models.CharField(max_length=10)
    text_hash = models.CharField(max_length=64)  # SHA-256 of the words shown.
    accepted_at = models.DateTimeField(default=timezone.now)
    ip = models.GenericIPAddressField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "terms"], name="terms_accepted_once")]

    def __str__(self) -> str:
        return f"{self.user_id} accepted {self.terms_id}"


def export_path(export: "DataExport", filename: str) -> str:
    """Not below a company's number: the file is a person's."""
    return str(PurePosixPath("people") / f"{export.public_id}.zip")


class DataExport(models.Model):
    """A copy of everything about one person, made on request, for that person alone, for a few days."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Being prepared")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Could not be made")
        GONE = "gone", _("Deleted")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="data_exports", verbose_name=_("person"))
    # Somebody of the staff, for a request by letter; None: the person.
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    content = models.FileField(upload_to=export_path, max_length=200, blank=True)
    size = models.PositiveBigIntegerField(default=0)  # Bytes.
    requested_at = models.DateTimeField(_("requested"), default=timezone.now)
    ready_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)  # The file is deleted then.

    class Meta:
        verbose_name = _("export of personal data")
        verbose_name_plural = _("exports of personal data")
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(state="waiting"), name="data_export_one_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.requested_at:%Y-%m-%d}"


class Erasure(models.Model):
    """A person's request to be forgotten: it waits for some days, and can be cancelled until then."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Under way")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")
        BLOCKED = "blocked", _("Needs a hand-over first")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="erasures", verbose_name=_("person"))
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    requested_at = models.DateTimeField(_("requested"), default=timezone.now)
    due_at = models.DateTimeField(_("to be done after"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    receipt = models.JSONField(_("receipt"), default=list)  # What was removed, what was kept and why.

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        permissions = [("start_erasure", "Can start copies and erasures of people's data")]
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=models.Q(state__in=["waiting", "running", "blocked"]),
                name="erasure_one_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.requested_at:%Y-%m-%d}"


@pghistory.track()
class RetentionRule(models.Model):
    """How long one class of data is kept. Which classes there are, and their legal minima, stand in the code."""

    code = models.SlugField(_("class of data"), primary_key=True)
    days = models.PositiveIntegerField(_("days kept"))
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("retention rule")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code


class RetentionRun(models.Model):
    """What one run of a rule removed."""

    code = models.SlugField(_("class of data"))
    cutoff_at = models.DateTimeField(_("older than"))
    removed = models.PositiveBigIntegerField(_("rows"), default=0)
    ended_at = models.DateTimeField(_("ended"), default=timezone.now)

    class Meta:
        verbose_name = _("retention run")
        ordering = ["-ended_at"]

    def __str__(self) -> str:
        return f"{self.code}: {self.removed}"
