"""The staff's pages about people's data: copies, erasures, and how long what is kept."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.validators import MaxValueValidator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from accounts.admin.bases import Kept, ReadOnly
from accounts.law.erasing import cancel_erasure
from accounts.law.retention import CLASSES, due_rows
from accounts.models import DataExport, Erasure, RetentionRule, RetentionRun, User


@admin.register(DataExport)
class DataExportAdmin(ReadOnly, ModelAdmin):
    """That a copy was made. What is in it is the person's alone."""

    list_display = ["user", "state", "requested_at", "requested_by", "expires_at"]
    list_select_related = ["user", "requested_by"]
    exclude = ["content"]


@admin.register(Erasure)
class ErasureAdmin(Kept, ModelAdmin):
    list_display = ["user", "state", "requested_at", "due_at", "ended_at"]
    list_filter = ["state"]
    list_select_related = ["user"]
    actions = ["cancel"]
    fields = ["user", "state", "requested_by", "requested_at", "due_at", "ended_at", "receipt_lines"]
    readonly_fields = fields

    @display(description=_("receipt"))
    def receipt_lines(self, erasure: Erasure) -> str:
        return (
            format_html_join(
                "",
                "<p>{}: {} {}</p>",
                (
                    (line["what"], _("kept") if line["is_kept"] else _("deleted"), line["reason"])
                    for line in erasure.receipt
                ),
            )
            or "–"
        )

    @action(description=_("Cancel"), permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Erasure]) -> None:
        by = request.user if isinstance(request.user, User) else None
        count = sum(cancel_erasure(erasure=one, now=timezone.now(), by=by) for one in queryset.select_related("user"))
        self.message_user(request, _("%d erasures are cancelled.") % count)


LONGEST = 36_500  # Days: a hundred years. Nothing is older, and the calendar ends.


class RetentionRuleForm(forms.ModelForm[RetentionRule]):
    class Meta:
        model = RetentionRule
        fields = ["days", "is_active"]

    def clean_days(self) -> int:
        days: int = self.cleaned_data["days"]
        least = CLASSES[self.instance.code].least_days
        if days < least:
            raise forms.ValidationError(_("The law, or the portal, needs %d days at least.") % least)
        MaxValueValidator(LONGEST)(days)
        return days


@admin.register(RetentionRule)
class RetentionRuleAdmin(Kept, ModelAdmin):
    form = RetentionRuleForm
    list_display = ["title", "days", "least_days", "is_active"]
    actions = ["count_due"]
    readonly_fields = ["title", "least_days", "due"]
    fields = ["title", "days", "least_days", "is_active", "due"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RetentionRule]:
        rules: QuerySet[RetentionRule] = super().get_queryset(request)
        return rules.filter(code__in=CLASSES)

    @display(description=_("class of data"))
    def title(self, rule: RetentionRule) -> str:
        return str(CLASSES[rule.code].title)

    @display(description=_("days at least"))
    def least_days(self, rule: RetentionRule) -> int:
        return CLASSES[rule.code].least_days

    @display(description=_("would be removed now"))
    def due(self, rule: RetentionRule) -> int:
        return due_rows(rule, now=timezone.now()).count()

    @action(description=_("Count what would be removed now"), permissions=["view"])
    def count_due(self, request: HttpRequest, queryset: QuerySet[RetentionRule]) -> None:
        for rule in queryset:
            told: dict[str, Any] = {"title": self.title(rule), "count": self.due(rule)}
            self.message_user(request, _("%(title)s: %(count)d rows would be removed.") % told)


@admin.register(RetentionRun)
class RetentionRunAdmin(ReadOnly, ModelAdmin):
    list_display = ["code", "removed", "cutoff_at", "ended_at"]
    list_filter = ["code"]
