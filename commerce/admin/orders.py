"""Orders: seen by many, moved on or given up by finance and sales."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from accounts.admin import Kept, ReadOnly
from accounts.audit import AuditAction, note
from accounts.spreadsheets import csv_response
from commerce import amounts
from commerce.admin.bases import AmountsByPermission, staff_of
from commerce.admin.provisioning import ProvisioningStepInline, ReasonForm
from commerce.billing import settling
from commerce.models import Order, OrderStatus, OrderStep
from commerce.orders import cancelling, fulfilling, taking_back
from commerce.orders.searching import HEADER, rows_of
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
    amounts = frozenset({"total"})
    list_display = ["number", "account", "status_label", "total", "placed_by", "placed_at", "po_number"]
    list_filter = ["status", "placed_at"]
    list_select_related = ["account", "placed_by"]
    search_fields = ["account__name"]
    search_help_text = gettext_lazy("Number, company, product or purchase order number")
    fields = [
        "number", "status", "account", "contract", "quote", "deal", "placed_by", "placed_at", "total", "po_number",
    ]  # fmt: skip
    readonly_fields = fields
    inlines = [OrderStepInline, ProvisioningStepInline]
    actions = ["next_step", "export"]
    actions_detail = ["cancel"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """Number, the company's own number and products as customers look for them, and the company's name."""
        if not search_term:
            return queryset, False
        found = Order.objects.matching(search_term).values("pk")
        return queryset.filter(Q(pk__in=found) | Q(account__name__icontains=search_term)), False

    @display(
        description=gettext_lazy("status"),
        label={"awaiting_payment": "warning", "paid": "info", "active": "success", "cancelled": "danger"},
    )
    def status_label(self, order: Order) -> tuple[str, str]:
        return order.status, order.get_status_display()

    @display(description=gettext_lazy("total"))
    def total(self, order: Order) -> str:
        return amounts.money(Money(order.total_minor, order.currency))

    @action(description=gettext_lazy("Next step: the bank transfer arrived, fulfil"), permissions=["change"])
    def next_step(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        now = timezone.now()

        def fulfil(order: Order) -> str:
            actor = Actor.staff(staff_of(request).pk, order.account_id)
            fulfilled = settling.record_bank_transfer(order=order, actor=actor, now=now)
            is_active = fulfilled.status == OrderStatus.ACTIVE
            return _("Order %(number)s is active.") if is_active else _("Order %(number)s is being set up.")

        self._each(request, queryset, fulfil)

    @action(description=gettext_lazy("Export as CSV"), permissions=["export"])
    def export(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponseBase:
        now = timezone.now()
        note(
            action=AuditAction.EXPORT_TAKEN,
            actor=Actor.staff(staff_of(request).pk),
            now=now,
            object_type="list",
            object_label=_("the list of orders"),
        )
        chosen = Order.objects.filter(pk__in=queryset.values("pk"))
        return csv_response(f"orders-{timezone.localdate(now).isoformat()}.csv", HEADER, rows_of(chosen))

    def has_export_permission(self, request: HttpRequest) -> bool:
        """The list says what was paid."""
        return request.user.has_perm("commerce.view_order") and request.user.has_perm("commerce.view_amounts")

    @action(description=gettext_lazy("Cancel"), permissions=["change"], url_path="give-up")
    def cancel(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return cancel_page(request, object_id)

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


def cancel_page(request: HttpRequest, order_id: int) -> HttpResponse:
    """Give an order up that is not active yet, and say why."""
    if not request.user.has_perm("commerce.change_order"):
        raise PermissionDenied
    order = get_object_or_404(Order.objects.select_related("account"), pk=order_id)
    form = ReasonForm(request.POST or None)
    back = reverse("admin:commerce_order_change", args=[order.pk])
    if request.method == "POST" and form.is_valid():
        actor = Actor.staff(staff_of(request).pk, order.account_id)
        try:
            taking_back.give_up(order=order, reason=form.cleaned_data["reason"], actor=actor, now=timezone.now())
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Order %(number)s is cancelled.") % {"number": order.number})
            return HttpResponseRedirect(back)
    context = {**admin.site.each_context(request), "title": _("Cancel this order"), "form": form, "row": order}
    status = 422 if form.is_bound else 200
    return render(request, "admin/commerce/money_form.html", context | {"back": back}, status=status)
