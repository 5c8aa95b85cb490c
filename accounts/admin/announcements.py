"""The staff's page about announcements."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from accounts.announcements import forget_cached, show
from accounts.models import Announcement, AnnouncementText, Industry, LifecycleStage, Tier
from accounts.permissions import Role


def _several(label: Any, choices: Any) -> forms.TypedMultipleChoiceField:
    return forms.TypedMultipleChoiceField(
        label=label, choices=choices, required=False, widget=forms.CheckboxSelectMultiple
    )


class AnnouncementForm(forms.ModelForm[Announcement]):
    """The audience is ticked, not typed."""

    tiers = _several(_("tiers"), lambda: [(tier.code, tier.name) for tier in Tier.objects.all()])
    industries = _several(_("industries"), Industry.choices)
    stages = _several(_("stages"), LifecycleStage.choices)
    roles = _several(_("roles"), Role.choices)

    class Meta:
        model = Announcement
        fields = [
            "text", "level", "link", "link_text", "starts_at", "ends_at", "is_dismissible", "tiers", "industries",
            "stages", "roles", "for_staff",
        ]  # fmt: skip


class AnnouncementTextInline(TabularInline):
    model = AnnouncementText
    extra = 0

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "language":
            others = [(code, name) for code, name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
            return forms.ChoiceField(label=_("language"), choices=others)
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(Announcement)
class AnnouncementAdmin(ModelAdmin):
    form = AnnouncementForm
    inlines = [AnnouncementTextInline]
    list_display = ["text", "level", "starts_at", "ends_at", "is_dismissible"]
    list_filter = ["level"]
    search_fields = ["text"]
    ordering = ["-starts_at"]
    readonly_fields = ["preview"]
    fieldsets = [
        (None, {"fields": ["preview", "text", "level", "link", "link_text", "starts_at", "ends_at", "is_dismissible"]}),
        (_("Audience"), {"fields": ["tiers", "industries", "stages", "roles", "for_staff"]}),
    ]

    @display(description=_("preview"))
    def preview(self, announcement: Announcement) -> str | SafeString:
        """As it will stand in each language, once it is saved."""
        if announcement._state.adding:
            return str(_("Save to see it."))
        languages = [settings.LANGUAGE_CODE, *(text.language for text in announcement.texts.all())]
        shown = [(language, show(announcement, language)) for language in languages]
        return render_to_string("admin/announcement_preview.html", {"shown": shown})

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        forget_cached()

    def delete_model(self, request: HttpRequest, obj: Announcement) -> None:
        super().delete_model(request, obj)
        forget_cached()

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        super().delete_queryset(request, queryset)
        forget_cached()
