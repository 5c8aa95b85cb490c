"""The catalogue: products, and what they grant."""

import uuid
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class ProductKind(models.TextChoices):
    PLAN = "plan", _("Plan")
    ADDON = "addon", _("Add-on")
    SERVICE = "service", _("One-time service")


class BillingRule(models.TextChoices):
    """When a product's price is due."""

    TERM = "term", _("Prepaid for the contract term")
    PERIOD = "period", _("Billed every month")
    ONCE = "once", _("Billed once")


class ProductQuerySet(models.QuerySet["Product"]):
    def on_sale(self) -> Self:
        return self.filter(is_on_sale=True)


class Product(models.Model):
    """Something a customer can own: a plan, an add-on or a service."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=ProductKind)
    billing = models.CharField(max_length=10, choices=BillingRule, default=BillingRule.TERM)
    summary = models.CharField(max_length=200)
    highlights = models.TextField(blank=True)  # One per line.
    unit_label = models.CharField(max_length=40, default="seat")  # "seat", "pack of 100 GB", "workspace".
    icon = models.CharField(max_length=40, default="package")
    rank = models.PositiveSmallIntegerField(default=0)  # Plans: a higher rank is an upgrade.
    min_quantity = models.PositiveIntegerField(default=1)
    max_quantity = models.PositiveIntegerField(default=10_000)  # More than this: talk to sales.
    is_on_sale = models.BooleanField(default=True)

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ["kind", "rank", "name"]
        constraints = [
            models.CheckConstraint(condition=Q(max_quantity__gte=F("min_quantity")), name="product_quantities")
        ]

    def __str__(self) -> str:
        return self.name


class ProductGrant(models.Model):
    """What owning a product grants: a feature (no quantity), or an amount of a meter, per unit or once."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="grants")
    code = models.CharField(max_length=40)  # accounts.Feature or tracking.Meter.
    quantity = models.DecimalField(max_digits=20, decimal_places=4, null=True, blank=True)
    is_per_unit = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["product", "code"], name="product_grant_once")]

    def __str__(self) -> str:
        return f"{self.product}: {self.code}"
