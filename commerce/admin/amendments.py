"""What customers decide about their contracts, and what we offer to those who want to leave."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts.admin import ReadOnly, Undeletable
from commerce import amounts
from commerce.admin.bases import AmountsByPermission
from commerce.models import PendingChange, RetentionAnswer, RetentionOffer
from commerce.pricing.money import Money


@admin.register(PendingChange)
class PendingChangeAdmin(AmountsByPermission, ReadOnly, ModelAdmin):
    amounts = frozenset({"monthly", "monthly_before_minor", "monthly_after_minor"})
    list_display = [
        "contract",
        "account",
        "kind",
        "status_label",
        "effective_date",
        "monthly",
        "reason",
        "requested_by",
    ]
    list_filter = ["status", "kind", "reason", "effective_date"]
    list_select_related = ["contract", "account", "requested_by"]
    search_fields = ["account__name", "contract__serial"]
    date_hierarchy = "effective_date"

    @display(
        description=_("status"),
        label={"open": "info", "applied": "success", "cancelled": "warning", "failed": "danger"},
    )
    def status_label(self, change: PendingChange) -> tuple[str, str]:
        return change.status, change.get_status_display()

    @display(description=_("change per month"))
    def monthly(self, change: PendingChange) -> str:
        return amounts.money(Money(change.monthly_after_minor - change.monthly_before_minor, change.currency))


@admin.register(RetentionOffer)
class RetentionOfferAdmin(Undeletable, ModelAdmin):
    list_display = ["headline", "reason", "kind", "discount_percent", "rank", "is_active"]
    list_filter = ["reason", "kind", "is_active"]


@admin.register(RetentionAnswer)
class RetentionAnswerAdmin(ReadOnly, ModelAdmin):
    list_display = ["account", "contract", "reason", "headline", "is_taken", "answered_by", "answered_at"]
    list_filter = ["is_taken", "reason"]
    list_select_related = ["account", "contract", "answered_by"]
    search_fields = ["account__name"]
