"""What people are told about orders and payments."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.notifications.types import Category, Context, NotificationType
from accounts.permissions import Permission


class OrderConfirmed(NotificationType):
    """What was ordered can be used."""

    name = "order_confirmed"
    label = _("An order of mine is active")
    category = Category.ORDERS
    permission = Permission.VIEW_ORDERS
    line = _("Order %(number)s is active")
    action = _("See the order")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        return {"number": context["order"].number}

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("commerce:order", args=[context["order"].number])


class Receipt(NotificationType):
    """A payment has arrived."""

    name = "receipt"
    label = _("A payment has arrived")
    category = Category.MONEY
    permission = Permission.VIEW_INVOICES
    line = _("We received your payment for invoice %(number)s")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        return {"number": context["invoice"].number}

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("commerce:invoice", args=[context["invoice"].number])


TYPES: tuple[type[NotificationType], ...] = (OrderConfirmed, Receipt)
