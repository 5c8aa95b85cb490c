"""What products cost. Prices are appended: a new price starts on a day, the old one ends on it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from accounts.admin import Kept, Undeletable
from commerce.models import Price, PriceBook, TaxRate


class PriceForm(forms.ModelForm[Price]):
    """A price that has been given can only be ended."""

    class Meta:
        model = Price
        fields = ["product", "unit_price", "volume_schedule", "valid_from", "valid_until"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for name in ("product", "unit_price", "volume_schedule", "valid_from"):
                self.fields[name].disabled = True

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        start, until = cleaned.get("valid_from"), cleaned.get("valid_until")
        if start and until and until <= start:
            self.add_error("valid_until", _("A price ends after the day on which it starts."))
        return cleaned


class PriceInline(Undeletable, TabularInline):
    model = Price
    form = PriceForm
    extra = 0
    verbose_name_plural = _("prices per unit and month, before tax")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Price]:
        rows: QuerySet[Price] = super().get_queryset(request)
        return rows.select_related("product").order_by("product__kind", "product__rank", "product__name", "valid_from")


@admin.register(PriceBook)
class PriceBookAdmin(Kept, ModelAdmin):
    list_display = ["name", "tier", "currency", "prices_today"]
    list_filter = ["tier", "currency"]
    list_select_related = ["tier"]
    readonly_fields = ["public_id", "tier", "currency"]
    inlines = [PriceInline]

    @display(description=_("products with a price today"))
    def prices_today(self, book: PriceBook) -> int:
        return Price.objects.filter(book=book).on(timezone.localdate()).values("product").distinct().count()


@admin.register(TaxRate)
class TaxRateAdmin(Undeletable, ModelAdmin):
    list_display = ["country", "name", "percent", "valid_from", "valid_until"]
    list_filter = ["country"]

    @display(description=_("percent"))
    def percent(self, rate: TaxRate) -> str:
        return f"{(rate.rate * 100).normalize():f} %"
