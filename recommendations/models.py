"""What to show this account now: rules as data, edited by marketing."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts.models import Account
from commerce.models import Product
from tracking.models import Meter


class Offer(models.Model):
    """A reason to recommend a product: use of a meter against its limit, or a feature the account lacks."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="offers")
    meter = models.CharField(max_length=40, choices=Meter.choices, blank=True)
    threshold_percent = models.PositiveSmallIntegerField(default=85)  # Of the limit; with a meter only.
    industries = ArrayField(models.CharField(max_length=20), default=list, blank=True)  # Empty: all.
    stages = ArrayField(models.CharField(max_length=20), default=list, blank=True)  # Empty: all.
    headline = models.CharField(max_length=120)
    # Named figures may stand in it: {used} {limit} {percent} {industry}.
    reason = models.CharField(max_length=240)
    weight = models.PositiveSmallIntegerField(default=10)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["product", "meter"], name="offer_once_per_meter")]

    def __str__(self) -> str:
        return self.headline


class ContentBlockQuerySet(models.QuerySet["ContentBlock"]):
    def matching(self, account: Account) -> Self:
        """Active blocks whose every named rule fits the account; a part left empty does not restrict."""
        return self.filter(
            Q(industries=[]) | Q(industries__contains=[account.industry]),
            Q(tiers=[]) | Q(tiers__contains=[account.tier.code]),
            Q(stages=[]) | Q(stages__contains=[account.lifecycle_stage]),
            is_active=True,
        )


class ContentBlock(models.Model):
    """A piece of Home shown to accounts of chosen industries, tiers and lifecycle stages."""

    title = models.CharField(max_length=120)
    body = models.TextField()
    link_label = models.CharField(max_length=60, blank=True)
    link_url = models.CharField(max_length=200, blank=True)  # A path of the portal.
    icon = models.CharField(max_length=40, default="sparkles")
    industries = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    tiers = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    stages = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    objects = ContentBlockQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.title
