"""What products cost. Prices are appended: a new price starts on a day, the old one ends on it."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import InlineModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.decorators import display

from accounts.admin import Undeletable
from commerce import amounts
from commerce.catalogue.catalogue import Offered
from commerce.catalogue.price_forms import (
    ContractedPriceForm,
    DiscountScheduleForm,
    PriceBookForm,
    PriceForm,
    PriceRuleForm,
    ProductCostForm,
    TaxRateForm,
)
from commerce.catalogue.price_words import percent_words, price_words, schedule_words
from commerce.models import ContractedPrice, DiscountSchedule, Price, PriceBook, PriceRule, ProductCost, TaxRate
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.methods import METHODS


class NewPriceInline(Undeletable, StackedInline):
    """Below those that have been given, which can only be ended."""

    model = Price
    form = PriceForm
    fieldsets = [
        (None, {"fields": [("product", "method"), ("unit_price", "price_months"), "figures",
                           ("volume_schedule", "term_schedule", "is_stackable"), ("valid_from", "valid_until")]}),
    ]  # fmt: skip
    extra = 0
    verbose_name_plural = _("new prices")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Price]:
        rows: QuerySet[Price] = super().get_queryset(request)
        return rows.none()

    def has_view_permission(self, request: HttpRequest, obj: PriceBook | None = None) -> bool:
        return self.has_add_permission(request, obj) and bool(super().has_view_permission(request, obj))


class PriceInline(Undeletable, TabularInline):
    """What the book has: each price can be ended on a day."""

    model = Price
    form = PriceForm
    fields = ["product_name", "price", "valid_from", "valid_until"]
    readonly_fields = ["product_name", "price", "valid_from"]
    extra = 0
    hide_title = True
    verbose_name_plural = _("prices, before tax unless the country's have it in them")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Price]:
        rows: QuerySet[Price] = super().get_queryset(request)
        related = rows.select_related("book", "product", "volume_schedule", "term_schedule")
        return related.order_by("product__kind", "product__rank", "product__name", "valid_from")

    def has_add_permission(self, request: HttpRequest, obj: PriceBook | None = None) -> bool:
        return False

    @display(description=_("product"))
    def product_name(self, price: Price) -> str:
        return price.product.name

    @display(description=_("price"))
    def price(self, price: Price) -> str:
        words = [price_words(Offered(price.product, price), price.book.currency)]
        words += [schedule_words(one) for one in (price.volume_schedule, price.term_schedule) if one is not None]
        return "; ".join(filter(None, words))


@admin.register(PriceBook)
class PriceBookAdmin(Undeletable, ModelAdmin):
    form = PriceBookForm
    list_display = ["name", "tier", "account", "currency", "region", "valid_from", "valid_until", "prices_today"]
    list_filter = ["tier", "currency"]
    list_select_related = ["tier", "account"]
    search_fields = ["name", "account__name"]
    autocomplete_fields = ["account"]

    def get_inlines(self, request: HttpRequest, obj: PriceBook | None) -> "list[type[InlineModelAdmin[Any, Any]]]":
        return [NewPriceInline, PriceInline] if obj else [NewPriceInline]

    def get_readonly_fields(self, request: HttpRequest, obj: PriceBook | None = None) -> list[str]:
        # Contracts keep their book: whose it is, and in which currency, cannot change under them.
        return ["public_id", "tier", "account", "currency"] if obj else []

    @display(description=_("countries"))
    def region(self, book: PriceBook) -> str:
        return ", ".join(book.regions) or str(_("anywhere"))

    @display(description=_("products with a price today"))
    def prices_today(self, book: PriceBook) -> int:
        return Price.objects.filter(book=book).on(timezone.localdate()).values("product").distinct().count()


@admin.register(ContractedPrice)
class ContractedPriceAdmin(Undeletable, ModelAdmin):
    form = ContractedPriceForm
    list_display = ["account", "product", "method_label", "price", "valid_from", "valid_until"]
    list_filter = ["currency", "product"]
    list_select_related = ["account", "product"]
    search_fields = ["account__name", "product__name", "product__code"]
    autocomplete_fields = ["account", "product"]

    @display(description=_("method"), ordering="method")
    def method_label(self, row: ContractedPrice) -> str:
        method = METHODS.get(row.method)
        return gettext(method.label) if method else row.method

    @display(description=_("price"))
    def price(self, row: ContractedPrice) -> str:
        return price_words(Offered(row.product, row), row.currency)


@admin.register(DiscountSchedule)
class DiscountScheduleAdmin(Undeletable, ModelAdmin):
    form = DiscountScheduleForm
    list_display = ["name", "kind", "discounts", "counts_held"]
    list_filter = ["kind"]
    search_fields = ["name"]

    @display(description=_("discounts"))
    def discounts(self, schedule: DiscountSchedule) -> str:
        return schedule_words(schedule)

    def get_readonly_fields(self, request: HttpRequest, obj: DiscountSchedule | None = None) -> list[str]:
        # What was quoted by it stays told: another discount is another schedule.
        return ["kind", "method", "scope", "counts_held", "tiers"] if obj and obj.is_given else []


@admin.register(PriceRule)
class PriceRuleAdmin(Undeletable, ModelAdmin):
    form = PriceRuleForm
    list_display = ["order", "name", "tier", "account", "effect", "valid_from", "valid_until", "is_active"]
    list_display_links = ["name"]
    list_filter = ["is_active", "tier"]
    list_select_related = ["tier", "account"]
    search_fields = ["name"]
    autocomplete_fields = ["account"]

    @display(description=_("what it does"))
    def effect(self, rule: PriceRule) -> str:
        parts = []
        if rule.special_price is not None:
            parts.append(amounts.unit_price(UnitPrice(rule.special_price, rule.currency)))
        if rule.discount_percent is not None:
            parts.append(f"-{percent_words(rule.discount_percent)}")
        return ", ".join(parts)


@admin.register(ProductCost)
class ProductCostAdmin(Undeletable, ModelAdmin):
    form = ProductCostForm
    list_display = ["product", "currency", "cost_shown", "floor_shown", "valid_from", "valid_until"]
    list_filter = ["currency"]
    list_select_related = ["product"]
    search_fields = ["product__name", "product__code"]
    autocomplete_fields = ["product"]

    @display(description=_("cost"), ordering="cost")
    def cost_shown(self, row: ProductCost) -> str:
        return amounts.unit_price(UnitPrice(row.cost, row.currency))

    @display(description=_("floor price"), ordering="floor_price")
    def floor_shown(self, row: ProductCost) -> str:
        return "" if row.floor_price is None else amounts.unit_price(UnitPrice(row.floor_price, row.currency))


@admin.register(TaxRate)
class TaxRateAdmin(Undeletable, ModelAdmin):
    form = TaxRateForm
    list_display = ["country", "name", "percent", "treatment", "is_reversible", "valid_from", "valid_until"]
    list_filter = ["country"]

    @display(description=_("percent"))
    def percent(self, rate: TaxRate) -> str:
        return percent_words(rate.rate * 100)
