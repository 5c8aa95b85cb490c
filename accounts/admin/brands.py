"""The staff's page about brands: names, logos, colours and the portal's own domains, with a preview."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminColorInputWidget, UnfoldAdminImageFieldWidget

from accounts import brands, contrast
from accounts.admin.bases import Undeletable
from accounts.models import Brand, MenuRule
from accounts.pictures import PictureRefused, drawn_anew

COLOURS = ("primary_light", "primary_dark", "accent_light", "accent_dark")


class BrandForm(forms.ModelForm[Brand]):
    """Logos are drawn anew before they are kept; what was uploaded is not."""

    new_logo_light = forms.FileField(
        label=_("Logo on light pages"),
        required=False,
        widget=UnfoldAdminImageFieldWidget,
        help_text=_("PNG, JPEG or WebP, at most 1 MB."),
    )
    new_logo_dark = forms.FileField(
        label=_("Logo on dark pages"),
        required=False,
        widget=UnfoldAdminImageFieldWidget,
        help_text=_("Left empty, dark pages show the other one."),
    )
    without_logos = forms.BooleanField(label=_("Show the name without a logo"), required=False)

    class Meta:
        model = Brand
        fields = [
            *("name", "legal_name", "is_default", "sender_name", "sender_email", "support_email"),
            *("custom_domain", "footer_links", *COLOURS),
        ]
        widgets = {name: UnfoldAdminColorInputWidget() for name in COLOURS}

    def clean_new_logo_light(self) -> bytes:
        return self._drawn("new_logo_light")

    def clean_new_logo_dark(self) -> bytes:
        return self._drawn("new_logo_dark")

    def clean_custom_domain(self) -> str | None:
        domain: str = (self.cleaned_data["custom_domain"] or "").strip().lower()
        return domain or None

    def _drawn(self, name: str) -> bytes:
        upload: UploadedFile[bytes] | None = self.cleaned_data[name]
        if not upload:
            return b""
        try:
            return drawn_anew(upload.read())
        except PictureRefused as refused:
            raise forms.ValidationError(str(refused)) from refused

    def save(self, commit: bool = True) -> Brand:
        for theme in ("light", "dark"):
            if self.cleaned_data["without_logos"]:
                setattr(self.instance, f"logo_{theme}", b"")
            elif drawn := self.cleaned_data[f"new_logo_{theme}"]:
                setattr(self.instance, f"logo_{theme}", drawn)
        return super().save(commit)


class MenuRuleInline(TabularInline):
    """What people see of the menu; what they may open is on the page about roles."""

    model = MenuRule
    extra = 0


@admin.register(Brand)
class BrandAdmin(Undeletable, ModelAdmin):
    form = BrandForm
    list_display = ["name", "is_default", "custom_domain", "domain_verified_at", "updated_at"]
    readonly_fields = ["preview", "domain_record", "domain_verified_at"]
    actions_detail = ["check_the_domain"]
    inlines = [MenuRuleInline]
    fieldsets = [
        (None, {"fields": ["name", "legal_name", "is_default"]}),
        (_("Look"), {"fields": [*COLOURS, "new_logo_light", "new_logo_dark", "without_logos", "preview"]}),
        (_("Mails and pages"), {"fields": ["sender_name", "sender_email", "support_email", "footer_links"]}),
        (_("Own domain"), {"fields": ["custom_domain", "domain_record", "domain_verified_at"]}),
    ]

    @display(description=_("preview"))
    def preview(self, brand: Brand) -> str:
        """Light and dark, in the colours that the form has at the moment (assets/js/admin.js)."""
        return render_to_string(
            "admin/accounts/brand_preview.html",
            {
                "brand": brand,
                "token": brand.token if brand.pk else "",
                "light": contrast.LIGHT_SURFACES,
                "dark": contrast.DARK_SURFACES,
            },
        )

    @display(description=_("DNS record (TXT)"))
    def domain_record(self, brand: Brand) -> str:
        return " ".join(brand.domain_record) if brand.custom_domain else "–"

    @action(description=_("Check the domain"), url_path="check-domain", permissions=["change"])
    def check_the_domain(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """From then on the portal answers there: the record shows that the domain is ours to use."""
        brand = get_object_or_404(Brand, pk=object_id)
        if brand.custom_domain and brands.check_domain(brand, now=timezone.now()):
            self.message_user(request, _("The portal answers at this domain now."))
        else:
            self.message_user(
                request, _("The DNS record was not found. It may take an hour to spread."), level="warning"
            )
        return redirect(reverse("admin:accounts_brand_change", args=[brand.pk]))

    def save_model(self, request: HttpRequest, obj: Brand, form: Any, change: bool) -> None:
        brands.save_brand(obj, now=timezone.now())

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        brands.forget()
