"""Orders: how far they are, finding them, giving them up, and ordering again."""

from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import AuditAction, note
from accounts.http import AccountRequest, client_ip, requires, session_digest
from accounts.paging import page_of
from accounts.permissions import Permission
from accounts.spreadsheets import csv_response
from commerce.configuring.notices import configure_url
from commerce.configuring.situations import NoContract, TaxUnknown, situation_of
from commerce.models import Invoice, InvoiceStatus, Order, OrderStatus, OrderStep, ProvisioningStep, StepState
from commerce.orders import fulfilling, progress, reordering, taking_back
from commerce.orders.cancelling import OrderNotCancellable
from commerce.orders.searching import HEADER, OrderFilter, rows_of
from tracking.models import EventName
from tracking.services import buffer_page_view


class ReferenceForm(forms.ModelForm[Order]):
    """The company's own number of the order."""

    class Meta:
        model = Order
        fields = ["po_number"]
        labels = {"po_number": gettext_lazy("Purchase order number")}


@require_safe
@requires(Permission.VIEW_ORDERS)
def order_list(request: AccountRequest) -> HttpResponse:
    """The company's orders, newest first, or those that are looked for."""
    chosen = OrderFilter(request.GET)
    shown = chosen.chosen(Order.objects.for_account(request.account), request.account)
    page = page_of(
        shown.select_related("contract", "placed_by").latest_first(),
        cursor=request.GET.get("cursor", ""),
    )
    context = {
        "page": page,
        "filter_form": chosen,
        "is_filtered": any(chosen.cleaned_data.values()),
        "filter_query": urlencode({name: request.GET[name] for name in chosen.fields if request.GET.get(name)}),
        "may_buy": request.membership.may(Permission.BUY),
        "may_view_licences": request.membership.may(Permission.VIEW_LICENCES),
    }
    return render(request, "commerce/orders.html", context)


@require_safe
@requires(Permission.VIEW_ORDERS)
def export_orders(request: AccountRequest) -> HttpResponseBase:
    """The chosen orders as a list for spreadsheets."""
    now = timezone.now()
    chosen = OrderFilter(request.GET).chosen(Order.objects.for_account(request.account), request.account)
    note(
        action=AuditAction.EXPORT_TAKEN,
        actor=request.actor,
        now=now,
        object_type="list",
        object_label=_("the list of orders"),
        ip=client_ip(request),
    )
    return csv_response(f"orders-{request.account.local_date(now).isoformat()}.csv", HEADER, rows_of(chosen))


@require_safe
@requires(Permission.VIEW_ORDERS)
def order(request: AccountRequest, number: str) -> HttpResponse:
    """One order: what was bought, how far it is, and what comes next."""
    shown = _order_of(request, number)
    now = timezone.now()
    buffer_page_view(
        name=EventName.ORDER_VIEWED,
        actor=request.actor,
        now=now,
        object_type="order",
        object_id=str(shown.public_id),
        session_key=session_digest(request),
    )
    invoice = Invoice.objects.for_account(request.account).filter(order=shown).first()
    may = request.membership.may
    is_unpaid = shown.status == OrderStatus.AWAITING_PAYMENT
    may_edit = may(Permission.BUY) and invoice is None
    can_pay = is_unpaid and invoice and invoice.status == InvoiceStatus.OPEN and may(Permission.PAY_INVOICES)
    context = {
        "order": shown,
        "lines": shown.quote.lines.select_related("product") if shown.quote else [],
        **_progress(request, shown, is_cancellable=may(Permission.BUY)),
        "invoice": invoice if may(Permission.VIEW_INVOICES) else None,
        "can_pay": bool(can_pay),
        "is_unpaid": is_unpaid,
        "reference_form": ReferenceForm(instance=shown) if may_edit else None,
        "may_buy": may(Permission.BUY),
        "keys": shown.licence_keys.select_related("product") if may(Permission.VIEW_LICENCES) else [],
    }
    return render(request, "commerce/order.html", context)


def _progress(request: AccountRequest, shown: Order, *, is_cancellable: bool) -> dict[str, object]:
    """The timeline, the steps, and whether the company can still give the order up. Two queries."""
    reached = list(OrderStep.objects.for_account(request.account).filter(order=shown).order_by("reached_at", "pk"))
    rows = ProvisioningStep.objects.for_account(request.account).filter(order=shown).in_order()
    steps = list(rows.select_related("line__product"))
    for step in steps:
        step.account = request.account
    paid_at = next((step.reached_at for step in reached if step.status == OrderStatus.PAID), shown.placed_at)
    local = request.account.local_date
    lines = progress.lines_of(steps, paid_date=local(paid_at), today=local(timezone.now()))
    is_begun = any(step.state in (StepState.RUNNING, StepState.DONE) for step in steps)
    is_renewal = shown.quote is not None and shown.quote.is_renewal
    can_take_back = shown.status == OrderStatus.PAID and not is_begun and not is_renewal
    is_open = shown.status == OrderStatus.AWAITING_PAYMENT or can_take_back
    return {
        "timeline": progress.timeline(shown, reached, lines),
        "progress": lines,
        "next_step": progress.next_step_of(shown, lines),
        "can_cancel": is_cancellable and is_open,
    }


@require_POST
@requires(Permission.BUY)
def cancel_order(request: AccountRequest, number: str) -> HttpResponse:
    """Give up an order before it is paid, or before anybody has begun to set it up."""
    shown = _order_of(request, number)
    reason = _("Cancelled by %(name)s") % {"name": request.user}
    was_unpaid = shown.status == OrderStatus.AWAITING_PAYMENT
    try:
        taking_back.give_up(order=shown, reason=reason, actor=request.actor, now=timezone.now())
    except (OrderNotCancellable, fulfilling.PaymentUnderway) as refusal:
        messages.error(request, str(refusal))
    else:
        words = (
            _("Order %(number)s is cancelled. Nothing was charged.")
            if was_unpaid
            else _("Order %(number)s is cancelled. What was paid is your credit, for your next invoice.")
        )
        messages.success(request, words % {"number": number})
    return redirect("commerce:order", shown.number)


@require_POST
@requires(Permission.BUY)
def change_reference(request: AccountRequest, number: str) -> HttpResponse:
    """Write down the company's own number of an order, until a bill names it."""
    shown = _order_of(request, number)
    form = ReferenceForm(request.POST, instance=shown)
    if Invoice.objects.for_account(request.account).filter(order=shown).exists():
        messages.error(request, _("The invoice of this order is issued: its number stands on it."))
    elif form.is_valid():
        shown.save(update_fields=["po_number"])
        messages.success(request, _("Saved."))
    else:
        messages.error(request, " ".join(map(str, form.errors["po_number"])))
    return redirect("commerce:order", number)


@require_POST
@requires(Permission.BUY)
def order_again(request: AccountRequest, number: str) -> HttpResponse:
    """To the configurator, with the same purchase on top of what the company has; nothing is ordered yet."""
    shown = _order_of(request, number)
    try:
        again = reordering.reorder(shown, situation_of(request.account, request.account.local_date(timezone.now())))
    except (reordering.NothingToReorder, NoContract, TaxUnknown) as refusal:
        messages.error(request, str(refusal))
        return redirect("commerce:order", shown.number)
    for name, why in again.missing.items():
        messages.warning(request, format_lazy("{name}: {why}", name=name, why=why))
    return redirect(configure_url(again.configuration))


def _order_of(request: AccountRequest, number: str) -> Order:
    rows = Order.objects.for_account(request.account).by_number(number)
    return get_object_or_404(rows.select_related("account", "quote", "contract", "placed_by"))
