"""Renewals: seen by our people, written by what happens; and the terms by which a company renews."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from accounts.admin import ReadOnly, Undeletable
from commerce import amounts
from commerce.admin.bases import AmountsByPermission
from commerce.models import Renewal, RenewalNotice, RenewalTerms
from commerce.pricing.money import Money


class RenewalNoticeInline(ReadOnly, TabularInline):
    model = RenewalNotice
    seen_with = "commerce.view_renewal"
    fields = ["kind", "days_before", "created_at", "sent_at", "dropped_at"]
    readonly_fields = fields
    extra = 0


@admin.register(Renewal)
class RenewalAdmin(AmountsByPermission, ReadOnly, ModelAdmin):
    amounts = frozenset({"monthly", "monthly_before_minor", "monthly_after_minor"})
    list_display = ["contract", "account", "state_label", "due_date", "monthly", "uplift_percent", "is_automatic"]
    list_filter = ["state", "method", "is_automatic", "is_notified", "due_date"]
    list_select_related = ["contract", "account"]
    search_fields = ["account__name", "contract__serial"]
    date_hierarchy = "due_date"
    inlines = [RenewalNoticeInline]

    @display(
        description=_("state"),
        label={
            "offered": "info", "accepted": "success", "rolled_over": "success", "grace": "warning",
            "suspended": "danger", "lapsed": "danger",
        },
    )  # fmt: skip
    def state_label(self, renewal: Renewal) -> tuple[str, str]:
        return renewal.state, renewal.get_state_display()

    @display(description=_("per month from then on"))
    def monthly(self, renewal: Renewal) -> str:
        return amounts.money(Money(renewal.monthly_after_minor, renewal.currency))


@admin.register(RenewalNotice)
class RenewalNoticeAdmin(ReadOnly, ModelAdmin):
    list_display = ["renewal", "account", "kind", "days_before", "created_at", "sent_at", "dropped_at"]
    list_filter = ["kind", "sent_at"]
    list_select_related = ["renewal__contract", "account"]
    search_fields = ["account__name"]


@admin.register(RenewalTerms)
class RenewalTermsAdmin(Undeletable, ModelAdmin):
    list_display = ["account", "method", "uplift_percent", "index_percent", "cap_percent", "grace_days"]
    list_filter = ["method", "sends_notices"]
    list_select_related = ["account"]
    search_fields = ["account__name"]
    autocomplete_fields = ["account"]
    fieldsets = [
        (None, {"fields": ["account", "method"]}),
        (_("Uplift"), {"fields": ["uplift_percent", "is_per_year"]}),
        (
            _("Uplift by a price index"),
            {"fields": ["index_percent", "spread_percent", "floor_percent", "cap_percent"]},
        ),
        (_("Around the end of a term"), {"fields": ["grace_days", "winback_percent", "sends_notices"]}),
    ]
