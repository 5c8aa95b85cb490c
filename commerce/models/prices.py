"""Prices, and what changes them: books, prices of one company, discount schedules, price rules, costs and taxes.

Unit prices and rates are numeric(20, 12), validity is half-open. What a customer's request may read of all this is in
accounts/tenancy.py: the prices of its own company, and nobody else's.
"""

import uuid
from datetime import date
from decimal import Decimal
from typing import Self

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.compiled import Given
from accounts.models import Account, Tier
from commerce.models.catalogue import Product
from commerce.pricing import methods
from commerce.pricing import tiers as pricing_tiers
from commerce.pricing.figures import parse_schedule
from commerce.pricing.tax import TaxCategory, TaxTreatment

COUNTRY = RegexValidator(r"^[A-Z]{2}$", _("A country is two capital letters, as DE."))


def valid_on(day: date | Given, prefix: str = "") -> Q:
    """Whether a row with `valid_from` and `valid_until` holds on the day; either may be open."""
    begun = Q(**{f"{prefix}valid_from__isnull": True}) | Q(**{f"{prefix}valid_from__lte": day})
    return begun & (Q(**{f"{prefix}valid_until__isnull": True}) | Q(**{f"{prefix}valid_until__gt": day}))


def _period_check(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(valid_until__isnull=True) | Q(valid_from__isnull=True) | Q(valid_until__gt=F("valid_from")),
        name=name,
    )


class PriceBook(models.Model):
    """A list of prices in one currency: of one company, of a tier, or, with neither, of everybody."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=80)
    tier = models.ForeignKey(
        Tier, on_delete=models.PROTECT, null=True, blank=True, related_name="price_books", verbose_name=_("tier")
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, null=True, blank=True, related_name="price_books", verbose_name=_("company")
    )
    currency = models.CharField(_("currency"), max_length=3)
    # Where customers are billed, as ISO 3166-1 alpha-2. Empty: anywhere.
    regions = ArrayField(
        models.CharField(max_length=2, validators=[COUNTRY]), default=list, blank=True, verbose_name=_("countries")
    )
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_until = models.DateField(_("valid until"), null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "tier", "currency", "regions", "valid_from"],
                name="price_book_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(tier__isnull=True) | Q(account__isnull=True), name="price_book_of_tier_or_account"
            ),
            _period_check("price_book_period"),
        ]

    def __str__(self) -> str:
        return self.name


class ScheduleKind(models.TextChoices):
    """What a schedule's tiers count."""

    VOLUME = "volume", _("Volume: by quantity")
    TERM = "term", _("Term: by months")


class DiscountSchedule(models.Model):
    """Discounts by quantity or by length, to be given with many prices. Once a price has it, it stays as it is."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(_("kind"), max_length=10, choices=ScheduleKind, default=ScheduleKind.VOLUME)
    method = models.CharField(_("method"), max_length=10, default="slab")  # commerce.pricing.tiers.DiscountMethod
    scope = models.CharField(_("counted together"), max_length=10, default="line")  # …tiers.AggregationScope
    counts_held = models.BooleanField(_("units held before count"), default=True)
    # [{"from": "1", "to": "11", "percent": "0"}, {"from": "11", "to": null, "percent": "10"}]; "amount" for money off.
    tiers = models.JSONField(_("tiers"), default=list)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_given(self) -> bool:
        """Whether a price has it: then it stays as it is."""
        named = Q(volume_schedule=self) | Q(term_schedule=self)
        return Price.objects.filter(named).exists() or ContractedPrice.objects.filter(named).exists()

    def as_schedule(self) -> pricing_tiers.DiscountSchedule:
        """As the engine reads it. Raises the errors of tiers."""
        return parse_schedule(
            self.tiers,
            method=self.method,
            scope=self.scope,
            counts_held=self.counts_held,
            code=str(self.public_id),
            by_term=self.kind == ScheduleKind.TERM,
        )


class Priced(models.Model):
    """What a row that prices a product says, in a book or for one company."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    method = models.CharField(_("method"), max_length=20, default="list")  # A code of commerce.pricing.methods.METHODS.
    # Per unit for `price_months` months; once for a service. Methods with tables of their own leave it at 0.
    unit_price = models.DecimalField(
        _("unit price"), max_digits=20, decimal_places=12, default=Decimal(0), validators=[MinValueValidator(0)]
    )
    figures = models.JSONField(_("figures"), default=dict, blank=True)  # What else the method needs.
    price_months = models.PositiveSmallIntegerField(
        _("months the price is for"), default=1, validators=[MinValueValidator(1), MaxValueValidator(120)]
    )
    volume_schedule = models.ForeignKey(
        DiscountSchedule, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("volume discount"), limit_choices_to={"kind": "volume"},
    )  # fmt: skip
    term_schedule = models.ForeignKey(
        DiscountSchedule, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("term discount"), limit_choices_to={"kind": "term"},
    )  # fmt: skip
    # Prices of a block or of a contract have the quantity in them: they take schedules only if this says so.
    is_stackable = models.BooleanField(_("discount schedules apply on top"), default=False)
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("valid until"), null=True, blank=True)

    class Meta:
        abstract = True

    def as_method(self) -> methods.Method:
        """How the engine prices it. Raises PricingError for figures that no longer read."""
        return methods.method_of(self.method, self.unit_price, self.figures)


class PriceQuerySet(models.QuerySet["Price"]):
    def for_account(self, account: Account) -> Self:
        """The rows of the books that are open to the account; another tier's or company's price is never among them.

        Which of them holds for a product is said by commerce.pricebooks.
        """
        everybody = Q(book__account__isnull=True) & (Q(book__tier__isnull=True) | Q(book__tier=account.tier_id))
        return self.filter(Q(book__account=account) | everybody, book__currency=account.currency)

    def on(self, day: date) -> Self:
        return self.filter(valid_on(day), valid_on(day, "book__"))


@pghistory.track()
class Price(Priced):
    """What one product costs in one book, for a half-open period. No row: not sellable, never zero."""

    book = models.ForeignKey(PriceBook, on_delete=models.PROTECT, related_name="prices")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="prices", verbose_name=_("product"))

    objects = PriceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["book", "product", "valid_from"], name="price_once_per_day"),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="price_not_negative"),
            models.CheckConstraint(condition=Q(price_months__gte=1), name="price_for_months"),
        ]

    def __str__(self) -> str:
        return f"{self.product} in {self.book}"


class ContractedPriceQuerySet(models.QuerySet["ContractedPrice"]):
    def for_account(self, account: Account) -> Self:
        """Those agreed with the account itself; commerce.pricebooks also knows its parents'."""
        return self.filter(account=account)

    def on(self, day: date | Given) -> Self:
        return self.filter(valid_on(day))


@pghistory.track()
class ContractedPrice(Priced):
    """A price that was agreed with one company, and holds for its subsidiaries too."""

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="contracted_prices", verbose_name=_("company")
    )
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", verbose_name=_("product"))
    currency = models.CharField(_("currency"), max_length=3)

    objects = ContractedPriceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "product", "currency", "valid_from"], name="contracted_price_once_per_day"
            ),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="contracted_price_not_negative"),
            models.CheckConstraint(condition=Q(price_months__gte=1), name="contracted_price_for_months"),
        ]

    def __str__(self) -> str:
        return f"{self.product} for {self.account}"


class PriceRuleQuerySet(models.QuerySet["PriceRule"]):
    def on(self, day: date | Given) -> Self:
        return self.filter(valid_on(day), is_active=True)


@pghistory.track()
class PriceRule(models.Model):
    """A rule that gives lines a special price or a discount when all of its conditions hold. Rules run by order."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    order = models.PositiveIntegerField(_("order"))
    name = models.CharField(_("name"), max_length=120)  # What the customer reads beside the price.
    # Whose lines: of one tier or company, or of everybody. Others cannot read the rule.
    tier = models.ForeignKey(
        Tier, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("tier")
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("company")
    )
    conditions = models.JSONField(_("conditions"), default=list, blank=True)  # commerce.conditions
    # Per unit and month; once for a service.
    special_price = models.DecimalField(
        _("special price"), max_digits=20, decimal_places=12, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    currency = models.CharField(_("currency of the special price"), max_length=3, blank=True)
    discount_percent = models.DecimalField(
        _("discount in percent"), max_digits=20, decimal_places=12, null=True, blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )  # fmt: skip
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    objects = PriceRuleQuerySet.as_manager()

    class Meta:
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(is_active=True),
                name="price_rule_order",
                violation_error_message=_("Another active rule has this order: then chance would decide."),
            ),
            models.CheckConstraint(
                condition=Q(special_price__isnull=False) | Q(discount_percent__isnull=False),
                name="price_rule_does_something",
                violation_error_message=_("A rule gives a special price, a discount, or both."),
            ),
            models.CheckConstraint(
                condition=Q(special_price__isnull=True) | ~Q(currency=""),
                name="price_rule_currency",
                violation_error_message=_("A special price needs its currency."),
            ),
            models.CheckConstraint(
                condition=Q(special_price__isnull=True) | Q(special_price__gte=0), name="price_rule_special_price"
            ),
            models.CheckConstraint(
                condition=Q(discount_percent__isnull=True) | Q(discount_percent__gte=0, discount_percent__lte=100),
                name="price_rule_discount",
            ),
            _period_check("price_rule_period"),
        ]

    def __str__(self) -> str:
        return f"{self.order}. {self.name}"


class ProductCostQuerySet(models.QuerySet["ProductCost"]):
    def on(self, day: date) -> Self:
        return self.filter(valid_on(day))


@pghistory.track()
class ProductCost(models.Model):
    """What a unit of a product costs us, and the least it is sold for. Staff only: no customer's request reads it."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="costs", verbose_name=_("product"))
    currency = models.CharField(_("currency"), max_length=3)
    cost = models.DecimalField(
        _("cost"), max_digits=20, decimal_places=12, validators=[MinValueValidator(0)]
    )  # Per unit and month; once for a service.
    floor_price = models.DecimalField(
        _("floor price"), max_digits=20, decimal_places=12, null=True, blank=True, validators=[MinValueValidator(0)]
    )  # Net per unit and month. Below it, finance approves.
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("valid until"), null=True, blank=True)

    objects = ProductCostQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "currency", "valid_from"], name="product_cost_once_per_day"),
            models.CheckConstraint(condition=Q(cost__gte=0), name="product_cost_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.product} {self.currency}"


TAX_CATEGORIES = [
    (TaxCategory.STANDARD.value, _("standard")),
    (TaxCategory.REVERSE_CHARGE.value, _("reverse charge")),
    (TaxCategory.ZERO_RATED.value, _("zero rated")),
]


class TaxRateQuerySet(models.QuerySet["TaxRate"]):
    def on(self, day: date | Given) -> Self:
        return self.filter(valid_on(day))


class TaxRate(models.Model):
    """The tax on a sale to a country, for a half-open period."""

    country = models.CharField(max_length=2)
    name = models.CharField(max_length=40)
    rate = models.DecimalField(max_digits=20, decimal_places=12)  # 0.19 is 19 %.
    treatment = models.CharField(
        _("prices there"),
        max_length=10,
        choices=[
            (TaxTreatment.EXCLUSIVE.value, _("are before tax")),
            (TaxTreatment.INCLUSIVE.value, _("have the tax in them")),
        ],
        default=TaxTreatment.EXCLUSIVE.value,
    )
    # Never for the vendor's own country. Inside of the EU: a business of another member state owes the tax itself.
    is_reversible = models.BooleanField(_("reverse charge for buyers with a valid VAT id"), default=False)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)

    objects = TaxRateQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["country", "valid_from"], name="tax_rate_once")]

    def __str__(self) -> str:
        return f"{self.country} {self.rate.normalize():f}"
