"""The staff's pages about companies' single sign-on: to be seen, never with its secrets."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from accounts.admin.bases import ReadOnly
from accounts.models.sso import IdentityProvider, SsoIdentity


@admin.register(IdentityProvider)
class IdentityProviderAdmin(ReadOnly, ModelAdmin):
    list_display = ["account", "protocol", "is_active", "is_enforced", "tested_at"]
    list_filter = ["protocol", "is_active", "is_enforced"]
    list_select_related = ["account"]
    search_fields = ["account__name", "issuer", "entity_id"]
    exclude = ["secret_sealed"]


@admin.register(SsoIdentity)
class SsoIdentityAdmin(ReadOnly, ModelAdmin):
    list_display = ["user", "account", "subject", "last_used_at"]
    list_select_related = ["account", "user"]
    search_fields = ["user__email", "subject", "account__name"]
