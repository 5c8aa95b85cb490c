"""What a customer wants to reach with a contract: agreed at its start, said anew whenever somebody knows better."""

import uuid
from collections.abc import Collection
from decimal import Decimal
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from commerce.models.contracts import Contract


class GoalMetric(models.TextChoices):
    """By what a goal is measured."""

    SEATS = "seats", _("People who work with it")
    AUTOMATION_RUNS = "automation_runs", _("Automation runs in a month")
    API_CALLS = "api_calls", _("API calls in a month")
    SELF_SERVED = "self_served", _("Questions answered without a case")
    OWN = "own", _("Something that we measure ourselves")

    @property
    def is_reported(self) -> bool:
        """Whether the customer says what is reached; everything else the portal measures."""
        return self is GoalMetric.OWN

    @property
    def is_monthly(self) -> bool:
        """Whether what it saves is saved each month anew; otherwise it is all since the contract began."""
        return self in (GoalMetric.AUTOMATION_RUNS, GoalMetric.API_CALLS)


class GoalQuerySet(models.QuerySet["Goal"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


class Goal(models.Model):
    """One goal of a contract, and of those that renew it. What it is stands in its versions; the last one holds."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="goals")
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="goals")
    metric = models.CharField(_("measured by"), max_length=15, choices=GoalMetric)
    created_at = models.DateTimeField(default=timezone.now)

    objects = GoalQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["account", "contract"], name="goal_of_contract")]

    def __str__(self) -> str:
        return f"{self.contract}: {self.get_metric_display()}"

    @property
    def metric_choice(self) -> GoalMetric:
        return GoalMetric(self.metric)


class GoalVersionQuerySet(models.QuerySet["GoalVersion"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def about(self, contracts: Collection[int]) -> Self:
        """All that was ever said of the goals of contracts (their keys): goal by goal, the first version first."""
        rows = self.filter(goal__contract__in=contracts).select_related("goal__contract", "said_by")
        return rows.order_by("goal_id", "number")


class GoalVersion(models.Model):
    """What was said about a goal at a time, by whom. Appended, never edited; a trigger refuses updates and deletes."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    goal = models.ForeignKey(Goal, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()  # 1 is what was agreed at first.
    title = models.CharField(_("goal"), max_length=120)
    unit = models.CharField(
        _("counted in"), max_length=30, blank=True
    )  # Of what customers measure themselves: "cases".
    baseline = models.DecimalField(_("where you start"), max_digits=20, decimal_places=4)
    target = models.DecimalField(_("where you want to be"), max_digits=20, decimal_places=4)
    target_date = models.DateField(_("by"))
    # What each unit beyond the baseline is worth to the customer, as they say themselves.
    hours_each = models.DecimalField(_("hours saved for each"), max_digits=10, decimal_places=4, null=True, blank=True)
    hourly_cost = models.DecimalField(
        _("what an hour costs you"), max_digits=20, decimal_places=12, null=True, blank=True
    )
    currency = models.CharField(max_length=3)  # Of the hourly cost.
    reached = models.DecimalField(
        _("where you are now"), max_digits=20, decimal_places=4, null=True, blank=True
    )  # Only where the customer measures it themselves.
    words = models.TextField(_("why it changes"), max_length=1000, blank=True)
    is_dropped = models.BooleanField(default=False)  # Not pursued any more.
    said_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    said_at = models.DateTimeField(default=timezone.now)

    objects = GoalVersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "goal", "number"], name="goal_version_once"),
            models.CheckConstraint(condition=~Q(target=F("baseline")), name="goal_has_a_way"),
            models.CheckConstraint(
                condition=(Q(hours_each__isnull=True) | Q(hours_each__gt=0))
                & (Q(hourly_cost__isnull=True) | Q(hourly_cost__gt=0)),
                name="goal_worth_something",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def way(self) -> Decimal:
        """How far it is from the baseline to the target; below zero where less is better."""
        return self.target - self.baseline
