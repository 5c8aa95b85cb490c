"""Marketing's pages: what is offered to whom, and why."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.models import Industry, LifecycleStage, Tier
from recommendations.models import ContentBlock, Offer


class Choices(forms.MultipleChoiceField):
    """Some of the codes that exist, ticked; none is everybody."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget, help_text=_("None: all."), **kwargs
        )


class AudienceAdmin(ModelAdmin):
    """Rules of industries, stages and tiers as boxes to tick."""

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        if isinstance(db_field, ArrayField):
            choices: dict[str, Any] = {
                "industries": Industry.choices,
                "stages": LifecycleStage.choices,
                "tiers": lambda: list(Tier.objects.values_list("code", "name")),
            }
            return Choices(choices=choices[db_field.name], label=db_field.verbose_name.capitalize())
        field: forms.Field | None = super().formfield_for_dbfield(db_field, request, **kwargs)
        return field

    @display(description=_("shown to"))
    def audience(self, row: Offer | ContentBlock) -> str:
        codes = [*row.industries, *getattr(row, "tiers", []), *row.stages]
        return ", ".join(codes) if codes else str(_("everybody"))


@admin.register(Offer)
class OfferAdmin(AudienceAdmin):
    list_display = ["headline", "product", "trigger", "audience", "weight", "is_active"]
    list_filter = ["is_active", "meter", "product"]
    list_select_related = ["product"]
    search_fields = ["headline", "reason", "product__name"]
    fieldsets = [
        (None, {"fields": ["product", "headline", "reason", "is_active"]}),
        (
            _("When it is shown"),
            {
                "fields": ["meter", "threshold_percent", "industries", "stages", "weight"],
                "description": _(
                    "With a meter: when so much of the limit is used. Without: to those who don't have it yet. "
                    "The texts may name {industry}, and with a meter {used}, {limit} and {percent}. "
                    "The fullest meter comes first, then the highest weight."
                ),
            },
        ),
    ]

    @display(description=_("because of"))
    def trigger(self, offer: Offer) -> str:
        if not offer.meter:
            return str(_("not owned yet"))
        return _("%(meter)s at %(percent)s %%") % {
            "meter": offer.get_meter_display(),
            "percent": offer.threshold_percent,
        }


@admin.register(ContentBlock)
class ContentBlockAdmin(AudienceAdmin):
    list_display = ["title", "audience", "position", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["title", "body"]
    fieldsets = [
        (None, {"fields": ["title", "body", "icon", "link_label", "link_url", "is_active"]}),
        (_("When it is shown"), {"fields": ["industries", "tiers", "stages", "position"]}),
    ]
