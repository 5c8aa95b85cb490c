"""Products, and what they grant."""

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from accounts.admin import Undeletable
from commerce.admin.product_files import ProductFileInline, staff_file
from commerce.models import Product, ProductGrant


class ProductGrantInline(Undeletable, TabularInline):
    model = ProductGrant
    fields = ["code", "quantity", "is_per_unit"]
    extra = 0


@admin.register(Product)
class ProductAdmin(Undeletable, ModelAdmin):
    list_display = ["name", "code", "kind_label", "billing", "unit_label", "max_quantity", "lifecycle"]
    list_filter = ["kind", "lifecycle"]
    search_fields = ["name", "code"]
    readonly_fields = ["public_id"]
    inlines = [ProductGrantInline, ProductFileInline]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(staff_file)
        return [path("files/<uuid:public_id>/", view, name="commerce_product_file"), *super().get_urls()]

    @display(
        description=_("kind"), label={"plan": "info", "addon": "success", "service": "warning", "usage": "primary"}
    )
    def kind_label(self, product: Product) -> tuple[str, str]:
        return product.kind, product.get_kind_display()

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> list[str]:
        # What a code stands for is written in quotes, links and the CRM.
        return [*self.readonly_fields, "code", "kind"] if obj else list(self.readonly_fields)
