"""Contracts and deals: to be seen. They are changed by what customers accept, and by the CRM."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from accounts.admin import ReadOnly
from commerce import amounts
from commerce.admin.amending import MAY_AMEND, amend_contract
from commerce.admin.bases import AmountsByPermission
from commerce.admin.goals import MAY_ADD, add_goal
from commerce.models import Activity, Contract, Deal, Subscription, SubscriptionDelta
from commerce.pricing.money import Money


class SubscriptionInline(AmountsByPermission, ReadOnly, TabularInline):
    model = Subscription
    amounts = frozenset({"entries"})
    seen_with = "commerce.view_contract"
    fields = ["product", "created_at", "entries"]
    readonly_fields = fields
    extra = 0

    @display(description=_("ledger"))
    def entries(self, subscription: Subscription) -> str:
        rows = SubscriptionDelta.objects.filter(subscription=subscription).order_by("effective_date", "pk")
        return format_html_join(
            "",
            "<div>{} · {} {} ({})</div>",
            (
                (
                    date_format(row.effective_date),
                    row.get_kind_display(),
                    f"{row.quantity:+.0f}",
                    amounts.money(Money(row.recurring_minor, row.currency)),
                )
                for row in rows
            ),
        )


@admin.register(Contract)
class ContractAdmin(ReadOnly, ModelAdmin):
    list_display = [
        "number",
        "account",
        "status_label",
        "start_date",
        "end_date",
        "auto_renew",
        "version",
        "risk_score",
    ]
    list_filter = ["status", "auto_renew", "end_date"]
    list_select_related = ["account"]
    search_fields = ["account__name", "serial"]
    inlines = [SubscriptionInline]
    actions_detail = ["amend", "agree_on_goal"]

    def get_urls(self) -> list[URLPattern]:
        return [
            path("<int:object_id>/amend/", self.admin_site.admin_view(amend_contract), name="amend_contract"),
            path("<int:object_id>/goals/add/", self.admin_site.admin_view(add_goal), name="add_goal"),
            *super().get_urls(),
        ]

    @action(description=_("Change for the customer"), permissions=["amend"], url_path="change-for-customer")
    def amend(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin:amend_contract", object_id)

    @action(description=_("Add a goal"), permissions=["agree"], url_path="agree-on-goal")
    def agree_on_goal(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin:add_goal", object_id)

    def has_agree_permission(self, request: HttpRequest, *args: object) -> bool:
        return request.user.has_perm(MAY_ADD)

    def has_amend_permission(self, request: HttpRequest, *args: object) -> bool:
        return request.user.has_perm(MAY_AMEND)

    @display(description=_("status"), label={"active": "success", "renewed": "info", "ended": "warning"})
    def status_label(self, contract: Contract) -> tuple[str, str]:
        return contract.status, contract.get_status_display()


class ActivityInline(ReadOnly, TabularInline):
    model = Activity
    seen_with = "commerce.view_deal"
    fields = ["occurred_at", "kind", "subject"]
    readonly_fields = fields
    extra = 0


@admin.register(Deal)
class DealAdmin(AmountsByPermission, ReadOnly, ModelAdmin):
    amounts = frozenset({"amount", "amount_minor"})
    list_display = ["name", "account", "type", "stage_label", "source", "amount", "close_date", "owner"]
    list_filter = ["stage", "type", "source", "close_date"]
    list_select_related = ["account", "owner"]
    search_fields = ["name", "account__name"]
    inlines = [ActivityInline]

    @display(description=_("stage"), label={"open": "info", "proposal": "warning", "won": "success", "lost": "danger"})
    def stage_label(self, deal: Deal) -> tuple[str, str]:
        return deal.stage, deal.get_stage_display()

    @display(description=_("annual value"))
    def amount(self, deal: Deal) -> str:
        return amounts.money(Money(deal.amount_minor, deal.currency))
