"""The staff's pages about people."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from accounts.admin.bases import ReadOnly
from accounts.models import User


@admin.register(User)
class UserAdmin(ReadOnly, ModelAdmin):
    list_display = ["name", "email", "is_staff", "is_active", "unreachable_reason", "created_at"]
    list_filter = ["is_staff", "is_active", "unreachable_reason"]
    search_fields = ["name", "email"]
    exclude = ["password"]
