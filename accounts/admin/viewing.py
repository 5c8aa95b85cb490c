"""The staff's page about views as customer."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from accounts.admin.bases import ReadOnly
from accounts.models import Viewing


@admin.register(Viewing)
class ViewingAdmin(ReadOnly, ModelAdmin):
    list_display = ["staff", "person", "account", "reason", "is_elevated", "started_at", "ended_at"]
    list_filter = ["is_elevated", "started_at"]
    list_select_related = ["staff", "person", "account"]
    search_fields = ["staff__name", "person__name", "account__name", "reason"]
    ordering = ["-started_at", "-pk"]
