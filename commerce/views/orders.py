"""Orders and how far they are."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.http import AccountRequest, requires, session_digest
from accounts.paging import page_of
from accounts.permissions import Permission
from commerce.models import Invoice, InvoiceStatus, Order, OrderStatus
from commerce.orders import cancelling, fulfilling, progress
from tracking.models import EventName
from tracking.services import buffer_page_view


@require_safe
@requires(Permission.VIEW_ORDERS)
def order_list(request: AccountRequest) -> HttpResponse:
    """The company's orders, newest first."""
    page = page_of(
        Order.objects.for_account(request.account).select_related("contract", "placed_by").latest_first(),
        cursor=request.GET.get("cursor", ""),
    )
    context = {"page": page, "may_buy": request.membership.may(Permission.BUY)}
    return render(request, "commerce/orders.html", context)


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
    awaits_payment = shown.status == OrderStatus.AWAITING_PAYMENT
    context = {
        "order": shown,
        "lines": shown.quote.lines.select_related("product") if shown.quote else [],
        "timeline": progress.timeline(shown, shown.steps.order_by("reached_at", "pk")),
        "next_step": progress.next_step_of(shown),
        "invoice": invoice if may(Permission.VIEW_INVOICES) else None,
        "can_pay": bool(awaits_payment and invoice and invoice.status == InvoiceStatus.OPEN and may(Permission.BUY)),
        "can_cancel": awaits_payment and may(Permission.BUY),
        "may_buy": may(Permission.BUY),
    }
    return render(request, "commerce/order.html", context)


@require_POST
@requires(Permission.BUY)
def cancel_order(request: AccountRequest, number: str) -> HttpResponse:
    """Give up an order that is not paid."""
    shown = _order_of(request, number)
    try:
        cancelling.cancel_order(
            order=shown, now=timezone.now(), note=_("Cancelled by %(name)s") % {"name": request.user}
        )
    except (cancelling.OrderNotCancellable, fulfilling.PaymentUnderway) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Order %(number)s is cancelled. Nothing was charged.") % {"number": number})
    return redirect("commerce:order", shown.number)


def _order_of(request: AccountRequest, number: str) -> Order:
    rows = Order.objects.for_account(request.account).by_number(number)
    return get_object_or_404(rows.select_related("account", "quote", "contract", "placed_by"))
