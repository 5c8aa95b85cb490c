"""Deals (the CRM's opportunities) and what sales did about them."""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account


class DealType(models.TextChoices):
    NEW = "new", _("New business")
    EXPANSION = "expansion", _("Expansion")
    CROSS_SELL = "cross_sell", _("Cross-sell")
    RENEWAL = "renewal", _("Renewal")


class DealStage(models.TextChoices):
    OPEN = "open", _("Open")
    PROPOSAL = "proposal", _("Proposal")
    WON = "won", _("Closed won")
    LOST = "lost", _("Closed lost")

    @property
    def is_closed(self) -> bool:
        return self in (DealStage.WON, DealStage.LOST)


class DealSource(models.TextChoices):
    PORTAL = "portal", _("Customer portal")
    ALERT = "alert", _("Portal alert")
    REPRESENTATIVE = "representative", _("Sales representative")


class DealQuerySet(models.QuerySet["Deal"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def won(self) -> Self:
        return self.filter(stage=DealStage.WON)

    def won_between(self, start: datetime, end: datetime) -> Self:
        """Half-open: a deal closed at `end` belongs to the next period."""
        return self.won().filter(closed_at__gte=start, closed_at__lt=end)

    def close(self, deals: Iterable[tuple[int | None, Account]], stage: DealStage, *, now: datetime) -> None:
        """Won or lost, as of the day it is where each customer is. One statement for each of those days: three at most.

        `deals` names each by its key, with its account. None is no deal.
        """
        on = defaultdict[date, list[int]](list)
        for deal_id, account in deals:
            if deal_id is not None:
                on[account.local_date(now)].append(deal_id)
        for day, ids in on.items():
            self.filter(pk__in=ids).update(stage=stage, closed_at=now, close_date=day)


class Deal(models.Model):
    """A sale in the making, won or lost: an Opportunity in the CRM."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="deals")
    name = models.CharField(max_length=120)
    type = models.CharField(max_length=12, choices=DealType)
    stage = models.CharField(max_length=10, choices=DealStage, default=DealStage.OPEN)
    source = models.CharField(max_length=15, choices=DealSource)
    # Annual value gained (kpis 3.1): delta ACV of an expansion, renewed ACV of a renewal; one-time sales as they are.
    amount_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    owner = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, blank=True)
    close_date = models.DateField()  # Expected, then actual.
    created_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = DealQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["closed_at"], name="deal_won_at", condition=Q(stage="won")),
            models.Index(fields=["account", "created_at"], name="deal_account"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(stage__in=["won", "lost"], closed_at__isnull=False)
                | Q(stage__in=["open", "proposal"], closed_at__isnull=True),
                name="deal_closed_has_time",
            )
        ]

    def __str__(self) -> str:
        return self.name


class ActivityQuerySet(models.QuerySet["Activity"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


class Activity(models.Model):
    """Something sales did outside the portal: a call, a meeting, a mail. Read from the CRM."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    deal = models.ForeignKey(Deal, on_delete=models.PROTECT, null=True, related_name="activities")
    kind = models.CharField(max_length=20)
    subject = models.CharField(max_length=200)
    occurred_at = models.DateTimeField()
    crm_id = models.CharField(max_length=18, unique=True, null=True)

    objects = ActivityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "activities"

    def __str__(self) -> str:
        return self.subject
