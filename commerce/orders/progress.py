"""How far an order is, for those who follow it."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from commerce.models import Order, OrderStatus, OrderStep


def timeline(order: Order, steps: Iterable[OrderStep]) -> list[dict[str, Any]]:
    """The steps reached, and those still expected, for the timeline component."""
    reached = {step.status: step for step in steps}
    expected = [OrderStatus.AWAITING_PAYMENT, OrderStatus.PAID, OrderStatus.ACTIVE]
    if order.status == OrderStatus.CANCELLED:
        expected = [OrderStatus.AWAITING_PAYMENT, OrderStatus.CANCELLED]
    labels = {
        OrderStatus.AWAITING_PAYMENT: _("Ordered"),
        OrderStatus.PAID: _("Paid"),
        OrderStatus.ACTIVE: _("Active"),
        OrderStatus.CANCELLED: _("Cancelled"),
    }
    items: list[dict[str, Any]] = []
    for status in expected:
        step = reached.get(status)
        waiting = "future" if any(item["state"] == "next" for item in items) else "next"
        items.append(
            {
                "label": labels[status],
                "state": "done" if step else waiting,
                "date": step.reached_at if step else None,
                "detail": step.note if step else "",
            }
        )
    return items


def next_step_of(order: Order) -> str:
    """What happens next, in words; empty when nothing does."""
    match OrderStatus(order.status):
        case OrderStatus.AWAITING_PAYMENT:
            return _("As soon as it is paid, what you bought is active.")
        case OrderStatus.PAID:
            return _("What you bought is being activated.")
    return ""
