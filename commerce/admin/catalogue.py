"""Products: what they are, how they are sold and until when, what they grant, and what there is to see of them."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from accounts.admin import Undeletable
from commerce.admin.bundles import FeatureGroupInline
from commerce.admin.exchange import export_document, export_prices, import_document, look_at_document
from commerce.admin.previews import begin_preview, preview_page
from commerce.admin.product_files import ProductFileInline, staff_file
from commerce.admin.provisioning import ProductStepInline
from commerce.catalogue.product_forms import ProductForm, ProductGrantForm
from commerce.models import Price, Product, ProductGrant


class ProductGrantInline(Undeletable, TabularInline):
    model = ProductGrant
    form = ProductGrantForm
    extra = 0
    verbose_name_plural = _("what it grants")


class StandsFilter(admin.SimpleListFilter):
    """Where products stand today, by what was said and by their dates."""

    title = _("today")
    parameter_name = "today"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [
            ("on_sale", str(_("On sale"))),
            ("priced", str(_("On sale, with a price for somebody"))),
            ("unpriced", str(_("On sale, without any price"))),
            ("ending", str(_("On sale until a day"))),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product]:
        today = timezone.localdate()
        on_sale = Product.objects.on_sale(today)
        priced = Exists(Price.objects.on(today).filter(product=OuterRef("pk")))
        narrowed = {
            "on_sale": on_sale,
            "priced": on_sale.filter(priced),
            "unpriced": on_sale.exclude(priced),
            "ending": on_sale.filter(end_of_sale_date__isnull=False),
        }
        chosen = narrowed.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(pk__in=chosen.values("pk"))


@admin.register(Product)
class ProductAdmin(Undeletable, ModelAdmin):
    form = ProductForm
    list_display = ["name", "code", "kind_label", "billing", "unit_label", "max_quantity", "stands", "end_of_sale_date"]
    list_filter = [StandsFilter, "kind", "lifecycle", "billing"]
    search_fields = ["name", "code", "summary"]
    autocomplete_fields = ["successor"]
    inlines = [ProductGrantInline, ProductStepInline, ProductFileInline, FeatureGroupInline]
    actions_list = ["see_as_company", "take_export", "read_import"]
    actions_detail = ["see_product_as_company"]
    fieldsets: ClassVar[Any] = [
        (None, {"fields": ["name", "code", "kind", "billing"]}),
        (_("What customers read"), {"fields": ["summary", "highlights", "unit_label", "icon", "rank"]}),
        (_("Quantities"), {"fields": ["min_quantity", "max_quantity", "quantity_places", "meter"]}),
        (
            _("From draft to end of life"),
            {"fields": ["lifecycle", "end_of_sale_date", "end_of_life_date", "successor"]},
        ),
    ]

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("files/<uuid:public_id>/", wrap(staff_file), name="commerce_product_file"),
            path("export/", wrap(export_document), name="commerce_catalogue_export"),
            path("export/prices/", wrap(export_prices), name="commerce_prices_export"),
            path("import/", wrap(look_at_document), name="commerce_catalogue_import"),
            path("import/confirm/", wrap(import_document), name="commerce_catalogue_confirm"),
            path("preview/", wrap(begin_preview), name="commerce_preview"),
            path("preview/<uuid:public_id>/<path:page>", wrap(preview_page), name="commerce_preview_page"),
            *super().get_urls(),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> Sequence[str]:
        return ["code", "kind"] if obj else []

    @display(
        description=_("kind"), label={"plan": "info", "addon": "success", "service": "warning", "usage": "primary"}
    )
    def kind_label(self, product: Product) -> tuple[str, str]:
        return product.kind, product.get_kind_display()

    @display(
        description=_("today"),
        label={"draft": "warning", "on_sale": "success", "end_of_sale": "info", "end_of_life": "danger"},
    )
    def stands(self, product: Product) -> tuple[str, str]:
        today = product.lifecycle_on(timezone.localdate())
        return today.value, str(today.label)

    @action(description=_("See the plans as a company"), permissions=["preview_catalogue"], url_path="as-company")
    def see_as_company(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:commerce_preview")

    @action(description=_("See the plans as a company"), permissions=["preview_catalogue"], url_path="as-company")
    def see_product_as_company(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin:commerce_preview")

    @action(description=_("Export"), permissions=["view"], url_path="as-document")
    def take_export(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:commerce_catalogue_export")

    @action(description=_("Import"), permissions=["change"], url_path="from-document")
    def read_import(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:commerce_catalogue_import")

    def has_preview_catalogue_permission(self, request: HttpRequest, *args: object) -> bool:
        return request.user.has_perm("commerce.preview_catalogue")
