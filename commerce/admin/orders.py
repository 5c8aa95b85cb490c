"""Orders: seen by many, moved on or given up by finance and sales."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from accounts.admin import Kept, ReadOnly
from commerce import amounts
from commerce.admin.bases import AmountsByPermission, staff_of
from commerce.models import Order, OrderStep
from commerce.orders import cancelling, fulfilling
from commerce.pricing.money import Money
from tracking.actor import Actor

REFUSALS = (
    fulfilling.OrderCancelled,
    cancelling.OrderNotCancellable,
    fulfilling.PaymentUnderway,
    fulfilling.ContractMoved,
)


class OrderStepInline(ReadOnly, TabularInline):
    model = OrderStep
    seen_with = "commerce.view_order"
    fields = ["status", "reached_at", "note"]
    readonly_fields = fields
    extra = 0


@admin.register(Order)
class OrderAdmin(AmountsByPermission, Kept, ModelAdmin):
    amounts = frozenset({"total", "total_minor"})
    list_display = ["number", "account", "status_label", "total", "placed_by", "placed_at", "po_number"]
    list_filter = ["status", "placed_at"]
    list_select_related = ["account", "placed_by"]
    search_fields = ["account__name", "po_number", "serial"]
    readonly_fields = [field.name for field in Order._meta.fields]
    inlines = [OrderStepInline]
    actions = ["next_step", "cancel"]

    @display(
        description=gettext_lazy("status"),
        label={"awaiting_payment": "warning", "paid": "info", "active": "success", "cancelled": "danger"},
    )
    def status_label(self, order: Order) -> tuple[str, str]:
        return order.status, order.get_status_display()

    @display(description=gettext_lazy("total"))
    def total(self, order: Order) -> str:
        return amounts.money(Money(order.total_minor, order.currency))

    @action(description=gettext_lazy("Next step: the bank transfer arrived, activate"), permissions=["change"])
    def next_step(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        now = timezone.now()

        def activate(order: Order) -> str:
            actor = Actor.staff(staff_of(request).pk, order.account_id)
            fulfilling.record_bank_transfer(order=order, actor=actor, now=now)
            return _("Order %(number)s is active.")

        self._each(request, queryset, activate)

    @action(description=gettext_lazy("Cancel before payment"), permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        now = timezone.now()

        def give_up(order: Order) -> str:
            cancelling.cancel_order(order=order, now=now, note=_("Cancelled by %(name)s") % {"name": request.user})
            return _("Order %(number)s is cancelled.")

        self._each(request, queryset, give_up)

    def _each(self, request: HttpRequest, queryset: QuerySet[Order], step: Callable[[Order], str]) -> None:
        """Take each order on by itself: one that refuses keeps the others from nothing."""
        for order in queryset:
            try:
                done = step(order) % {"number": order.number}
            except REFUSALS as refusal:
                self.message_user(request, f"{order.number}: {refusal}", messages.ERROR)
            else:
                self.log_change(request, order, done)
                self.message_user(request, done)
