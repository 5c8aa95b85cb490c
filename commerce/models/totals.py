"""What we hold as paid and paid back, beside what Stripe says, day by day."""

from datetime import datetime
from typing import Protocol, Self

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _


class MoneyKind(models.TextChoices):
    PAYMENTS = "payments", _("Payments")
    REFUNDS = "refunds", _("Refunds")


class Finding(models.TextChoices):
    ONLY_AT_STRIPE = "only_at_stripe", _("Only at Stripe")
    ONLY_WITH_US = "only_with_us", _("Only with us")
    OTHER_AMOUNT = "other_amount", _("Another amount")
    UNDER_REVIEW = "under_review", _("Under review with us")
    NOT_SETTLED = "not_settled", _("On its way with us")


class Sides(Protocol):
    """What was found of a day and currency."""

    ours_minor: int
    theirs_minor: int
    findings: list[dict[str, str]]


class DayTotalQuerySet(models.QuerySet["DayTotal"]):
    def open(self) -> Self:
        """Those that somebody should look at."""
        return self.filter(is_different=True, explained_at=None)


class DayTotal(models.Model):
    """One day (in UTC, as Stripe's) and currency: ours and Stripe's. Where they differ, finance explains it."""

    day = models.DateField()
    kind = models.CharField(max_length=10, choices=MoneyKind)
    currency = models.CharField(max_length=3)
    ours_minor = models.BigIntegerField()
    theirs_minor = models.BigIntegerField()
    # Ids at Stripe that only one side has, or that differ: {"id": …, "finding": a Finding}.
    findings = models.JSONField(default=list, blank=True)
    is_different = models.BooleanField(default=False)
    checked_at = models.DateTimeField(default=timezone.now)
    explanation = models.CharField(max_length=500, blank=True)
    explained_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    explained_at = models.DateTimeField(null=True, blank=True)

    objects = DayTotalQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "kind", "currency"], name="day_total_once")]
        permissions = [("explain_totals", "Can explain why our totals differ from Stripe's")]

    def __str__(self) -> str:
        return f"{date_format(self.day)}: {self.get_kind_display()}, {self.currency}"

    @property
    def is_open(self) -> bool:
        """Whether somebody should look at it."""
        return self.is_different and self.explained_at is None

    def take(self, sides: Sides, *, now: datetime) -> bool:
        """Take over what was found now; whether something is new in it. What is new was not explained yet."""
        is_new = any(finding not in self.findings for finding in sides.findings)
        if is_new:
            self.explanation, self.explained_by, self.explained_at = "", None, None
        self.ours_minor, self.theirs_minor, self.checked_at = sides.ours_minor, sides.theirs_minor, now
        self.findings = sorted(sides.findings, key=lambda finding: finding["id"])
        self.is_different = self.ours_minor != self.theirs_minor or bool(self.findings)
        return is_new
