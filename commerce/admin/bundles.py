"""What goes together: the options of bundles, on the page of their product, and the rules about all of it."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.decorators import display

from accounts.admin import Undeletable
from commerce.catalogue.bundle_forms import ConfigurationRuleForm, ConfigurationRuleTextForm
from commerce.catalogue.conditions import parse
from commerce.configuring import configuration_rules
from commerce.models import (
    BundleOption,
    ConfigurationRule,
    ConfigurationRuleText,
    FeatureGroup,
    Product,
    ProductKind,
)


class BundleOptionForm(forms.ModelForm[BundleOption]):
    """An option knows its group from the start: one that is new has no key yet that it could know it by."""

    class Meta:
        model = BundleOption
        fields = [
            "product", "is_required", "is_included", "min_quantity", "max_quantity", "default_quantity", "position",
        ]  # fmt: skip

    def __init__(self, *args: Any, group: FeatureGroup, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.group = group


class BundleOptionFormSet(BaseInlineFormSet[BundleOption, FeatureGroup, BundleOptionForm]):
    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return {**super().get_form_kwargs(index), "group": self.instance}


class BundleOptionInline(TabularInline):
    model = BundleOption
    form = BundleOptionForm
    formset = BundleOptionFormSet
    autocomplete_fields = ["product"]
    extra = 0
    verbose_name_plural = gettext_lazy("options")


class FeatureGroupFormSet(BaseInlineFormSet[FeatureGroup, Product, forms.ModelForm[FeatureGroup]]):
    """The groups of a bundle with their options, which are looked at together."""

    def clean(self) -> None:
        super().clean()
        taken: dict[int, str] = {}
        for form in self.forms:
            if form in self.deleted_forms:
                continue
            options = list(_options_of(form))
            for option in options:
                product = option.cleaned_data.get("product")
                if product is not None and product.pk in taken:
                    option.add_error("product", _("It is in another group of this bundle already."))
                elif product is not None:
                    taken[product.pk] = form.cleaned_data.get("name", "")
            self._check_bounds(form, options)

    def _check_bounds(self, form: forms.ModelForm[FeatureGroup], options: list[BundleOptionForm]) -> None:
        """Refuse a choice that nobody could make."""
        least, most = form.cleaned_data.get("min_options") or 0, form.cleaned_data.get("max_options")
        required = sum(bool(option.cleaned_data.get("is_required")) for option in options)
        if least > len(options):
            form.add_error("min_options", _("The group has fewer options."))
        if most is not None and required > most:
            form.add_error("max_options", _("More options than that are required."))


def _options_of(group: forms.ModelForm[FeatureGroup]) -> Iterator[BundleOptionForm]:
    """What is typed in as options of a group, without what is deleted, empty or wrong."""
    for nested in getattr(group, "nested_formsets", []):
        formset = nested.formset
        for option in formset.forms:
            is_kept = option.is_valid() and option not in formset.deleted_forms
            if is_kept and option.cleaned_data.get("product"):
                yield option


class FeatureGroupInline(StackedInline):
    """On the page of an add-on, and of a product that is still to become one."""

    model = FeatureGroup
    formset = FeatureGroupFormSet
    inlines = [BundleOptionInline]
    fields = [("name", "position"), ("min_options", "max_options")]
    extra = 0
    verbose_name_plural = gettext_lazy("what comes with it, or can be chosen in it")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _can_be_bundle(obj) and bool(super().has_view_permission(request, obj))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _can_be_bundle(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _can_be_bundle(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _can_be_bundle(obj) and bool(super().has_delete_permission(request, obj))


def _can_be_bundle(product: Product | None) -> bool:
    return product is None or product.kind == ProductKind.ADDON


class ConfigurationRuleTextInline(TabularInline):
    model = ConfigurationRuleText
    form = ConfigurationRuleTextForm
    extra = 0
    verbose_name_plural = gettext_lazy("in other languages")


@admin.register(ConfigurationRule)
class ConfigurationRuleAdmin(Undeletable, ModelAdmin):
    form = ConfigurationRuleForm
    list_display = ["order", "name", "kind_label", "conditions_in_words", "message", "fix_label", "is_active"]
    list_display_links = ["name"]
    list_filter = ["kind", "is_active"]
    search_fields = ["name", "message"]
    autocomplete_fields = ["product", "fix_product"]
    inlines = [ConfigurationRuleTextInline]

    @display(
        description=gettext_lazy("kind"),
        label={"validation": "danger", "alert": "warning", "selection": "success", "filter": "info"},
    )
    def kind_label(self, rule: ConfigurationRule) -> tuple[str, str]:
        return rule.kind, rule.get_kind_display()

    @display(description=gettext_lazy("conditions"))
    def conditions_in_words(self, rule: ConfigurationRule) -> str:
        conditions = parse(rule.conditions, facts=configuration_rules.FACTS)
        return "; ".join(condition.words for condition in conditions) or str(_("always"))
