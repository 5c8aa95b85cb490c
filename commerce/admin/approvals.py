"""Purchase limits and approvals, as the staff reads them: the customer's own business."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts.admin import ReadOnly
from commerce import amounts
from commerce.models import PurchaseApproval, PurchaseLimit
from commerce.pricing.money import Money


@admin.register(PurchaseApproval)
class PurchaseApprovalAdmin(ReadOnly, ModelAdmin):
    list_display = ["quote", "account", "status_label", "requested_by", "requested_at", "decided_by", "decided_at"]
    list_filter = ["status"]
    list_select_related = ["account", "quote", "requested_by", "decided_by"]
    search_fields = ["account__name", "requested_by__email"]
    ordering = ["-requested_at", "-pk"]

    @display(
        description=_("status"),
        label={"waiting": "warning", "approved": "success", "refused": "danger"},
    )
    def status_label(self, approval: PurchaseApproval) -> tuple[str, str]:
        return approval.status, str(approval.status_choice.label)


@admin.register(PurchaseLimit)
class PurchaseLimitAdmin(ReadOnly, ModelAdmin):
    list_display = ["account", "role", "limit_shown"]
    list_select_related = ["account"]
    search_fields = ["account__name"]
    ordering = ["account__name", "role"]

    @display(description=_("limit"))
    def limit_shown(self, limit: PurchaseLimit) -> str:
        if limit.limit_minor is None:
            return str(_("No limit"))
        return amounts.money(Money(limit.limit_minor, limit.currency))
