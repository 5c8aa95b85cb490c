"""The staff's page about files."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from accounts.admin.bases import ReadOnly
from accounts.models import StoredFile


@admin.register(StoredFile)
class StoredFileAdmin(ReadOnly, ModelAdmin):
    list_display = ["name", "account", "content_type", "size", "created_at"]
    list_select_related = ["account"]
    search_fields = ["name", "account__name"]
