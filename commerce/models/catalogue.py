"""The catalogue: products, what they grant, and their prices per tier."""

import uuid
from datetime import date
from typing import Self

import pghistory
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Tier


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


class PriceBook(models.Model):
    """The prices of one tier in one currency."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="price_books")
    currency = models.CharField(max_length=3)
    name = models.CharField(max_length=80)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tier", "currency"], name="price_book_once")]

    def __str__(self) -> str:
        return self.name


class PriceQuerySet(models.QuerySet["Price"]):
    def for_account(self, account: Account) -> Self:
        """The rows of the account's own book; another tier's price is never among them."""
        return self.filter(book__tier=account.tier_id, book__currency=account.currency)

    def on(self, day: date) -> Self:
        return self.filter(valid_from__lte=day).filter(Q(valid_until__isnull=True) | Q(valid_until__gt=day))


@pghistory.track()
class Price(models.Model):
    """What one product costs in one book, for a half-open period. No row: not sellable, never zero."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    book = models.ForeignKey(PriceBook, on_delete=models.PROTECT, related_name="prices")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="prices")
    unit_price = models.DecimalField(max_digits=20, decimal_places=12)  # Per unit and month; once for a service.
    # Volume discount, empty for none: {"method": "slab"|"range", "tiers": [{"from": "1", "to": "11", "percent": "0"}]}
    schedule = models.JSONField(default=dict, blank=True)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)

    objects = PriceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["book", "product", "valid_from"], name="price_once_per_day"),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="price_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.product} in {self.book}"


class TaxRate(models.Model):
    """The tax on a sale to a country, for a half-open period."""

    country = models.CharField(max_length=2)
    name = models.CharField(max_length=40)
    rate = models.DecimalField(max_digits=20, decimal_places=12)  # 0.19 is 19 %.
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["country", "valid_from"], name="tax_rate_once")]

    def __str__(self) -> str:
        return f"{self.country} {self.rate.normalize():f}"
