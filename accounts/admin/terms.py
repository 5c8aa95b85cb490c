"""The staff's page about the terms of service."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, StackedInline
from unfold.decorators import action, display

from accounts.admin.bases import Undeletable
from accounts.law.terms import AlreadyPublished, NoText, publish
from accounts.models import TermsText, TermsVersion, User


class TermsTextInline(StackedInline):
    model = TermsText
    fields = ["language", "body"]
    extra = 1

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("accounts.view_termsversion")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Of a published version nothing changes any more."""
        return request.user.has_perm("accounts.change_termsversion") and not (obj and obj.published_at)

    has_add_permission = has_change_permission
    has_delete_permission = has_change_permission


@admin.register(TermsVersion)
class TermsVersionAdmin(Undeletable, ModelAdmin):
    list_display = ["version", "effective_at", "is_published", "published_at"]
    readonly_fields = ["published_at", "published_by"]
    inlines = [TermsTextInline]
    actions = ["publish_versions"]

    @display(description=_("published"), boolean=True)
    def is_published(self, terms: TermsVersion) -> bool:
        return terms.published_at is not None

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        frozen = ["version", "effective_at", "binds_company"] if obj and obj.published_at else []
        return [*self.readonly_fields, *frozen]

    @action(description=_("Publish"), permissions=["change"])
    def publish_versions(self, request: HttpRequest, queryset: QuerySet[TermsVersion]) -> None:
        if not isinstance(request.user, User):
            raise PermissionDenied
        for terms in queryset:
            try:
                publish(terms=terms, by=request.user, now=timezone.now())
            except AlreadyPublished:
                self.message_user(request, _("Version %s is published already.") % terms.version, level="warning")
            except NoText:
                self.message_user(request, _("Version %s has no English text.") % terms.version, level="error")
            else:
                self.message_user(request, _("Version %s is published.") % terms.version)
