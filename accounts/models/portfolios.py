"""Who of the vendor's people looks after which companies: hand-overs, and who stands in while somebody is away."""

from datetime import date, timedelta
from typing import Self

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.companies import Account
from accounts.models.people import User


class TeamRole(models.TextChoices):
    """What one of the vendor's people is to a company. The values are fields of `Account`."""

    OWNER = "owner", _("Customer success")
    SALES_CONTACT = "sales_contact", _("Sales")


class Handover(models.Model):
    """Companies that went from some of the vendor's people to another: who decided it, when and why."""

    taker = models.ForeignKey(User, on_delete=models.PROTECT, related_name="handovers_taken", verbose_name=_("to"))
    reason = models.TextField(_("reason"))
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="handovers_made")
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.made_at:%Y-%m-%d} → {self.taker}"


class HandoverLine(models.Model):
    """One company's part of a hand-over. Never edited."""

    handover = models.ForeignKey(Handover, on_delete=models.PROTECT, related_name="lines")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="handover_lines")
    role = models.CharField(max_length=20, choices=TeamRole)
    giver = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="handover_lines"
    )  # None: nobody had it.

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "handover", "role"], name="handover_line_once")]

    def __str__(self) -> str:
        return f"{self.account}: {self.giver} → {self.handover.taker}"


class CoverQuerySet(models.QuerySet["Cover"]):
    def running(self, today: date) -> Self:
        return self.filter(start_date__lte=today, end_date__gt=today)

    def not_over(self, today: date) -> Self:
        """Running or still to come."""
        return self.filter(end_date__gt=today)

    def overlapping(self, start_date: date, end_date: date) -> Self:
        return self.filter(start_date__lt=end_date, end_date__gt=start_date)


class Cover(models.Model):
    """While one of the vendor's people is away, a colleague looks after their companies. Ends by itself."""

    absentee = models.ForeignKey(User, on_delete=models.CASCADE, related_name="covers_needed")
    stand_in = models.ForeignKey(User, on_delete=models.CASCADE, related_name="covers_given")
    start_date = models.DateField()
    end_date = models.DateField()  # Exclusive: the first day back.
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="covers_made")
    created_at = models.DateTimeField(default=timezone.now)

    objects = CoverQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(end_date__gte=F("start_date")), name="cover_period"),
            models.CheckConstraint(condition=~Q(stand_in=F("absentee")), name="cover_by_another"),
            # The person as a range of one, so that no extension is needed for "equal".
            ExclusionConstraint(
                name="cover_one_at_a_time",
                expressions=[
                    (
                        Func(F("absentee_id"), F("absentee_id"), models.Value("[]"), function="int8range"),
                        RangeOperators.OVERLAPS,
                    ),
                    (
                        Func(F("start_date"), F("end_date"), models.Value("[)"), function="daterange"),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stand_in} for {self.absentee}, {self.start_date} to {self.last_date}"

    @property
    def last_date(self) -> date:
        """The last day away."""
        return self.end_date - timedelta(days=1)

    def is_running(self, today: date) -> bool:
        return self.start_date <= today < self.end_date

    def end(self, today: date) -> None:
        """From `today` on it no longer runs; one that has not begun never does."""
        self.end_date = max(self.start_date, min(self.end_date, today))
        self.save(update_fields=["end_date"])
