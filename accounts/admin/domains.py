"""The staff's page about companies' e-mail domains."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action

from accounts.admin.bases import Kept
from accounts.domains import verify_domain
from accounts.models import Domain
from accounts.models.domains import VerifiedHow


@admin.register(Domain)
class DomainAdmin(Kept, ModelAdmin):
    list_display = ["name", "account", "verified_at", "verified_how", "is_joinable", "created_at"]
    list_filter = ["verified_how", "is_joinable"]
    list_select_related = ["account"]
    search_fields = ["name", "account__name"]
    actions = ["approve"]
    fields = ["account", "name", "verified_at", "verified_how", "is_joinable", "checked_at", "problem", "created_at"]
    readonly_fields = fields

    @action(description=_("Approve: the domain is this company's"), permissions=["change"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Domain]) -> None:
        """For companies that can't set a DNS record. Whoever approves has made sure in another way."""
        now = timezone.now()
        waiting = list(queryset.filter(verified_at__isnull=True))
        refused = [
            domain.name for domain in waiting if not verify_domain(domain=domain, how=VerifiedHow.STAFF, now=now)
        ]
        self.message_user(request, _("%d domains are approved.") % (len(waiting) - len(refused)))
        if refused:
            self.message_user(
                request, _("Verified by another company already: %s.") % ", ".join(refused), level="warning"
            )
