"""Finding orders: by number, product or the company's own number, by status and by day; and all of them as a list."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Account
from commerce.days import DayField
from commerce.models import Order, OrderStatus
from commerce.models.orders import OrderQuerySet
from commerce.pricing.money import from_minor


class OrderFilter(forms.Form):
    """Which orders of the list are shown."""

    q = forms.CharField(label=gettext_lazy("Number, product or reference"), max_length=60, required=False)
    status = forms.ChoiceField(
        label=gettext_lazy("Status"), required=False, choices=[("", gettext_lazy("All")), *OrderStatus.choices]
    )
    since = DayField(label=gettext_lazy("From"), required=False)
    until = DayField(label=gettext_lazy("Until"), required=False)

    def chosen(self, orders: OrderQuerySet, account: Account) -> OrderQuerySet:
        """Days are the company's. What is wrong in it is told, and filters nothing."""
        self.full_clean()
        given = self.cleaned_data
        if text := given.get("q"):
            orders = orders.matching(text)
        if status := given.get("status"):
            orders = orders.filter(status=status)
        if since := given.get("since"):
            orders = orders.filter(placed_at__gte=_start_of(since, account))
        if until := given.get("until"):
            orders = orders.filter(placed_at__lt=_start_of(until + timedelta(days=1), account))
        return orders


def _start_of(day: date, account: Account) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(account.time_zone))


HEADER = (
    gettext_lazy("Order"), gettext_lazy("Company"), gettext_lazy("Status"), gettext_lazy("Placed on"),
    gettext_lazy("Placed by"), gettext_lazy("Contract"), gettext_lazy("Purchase order"),
    gettext_lazy("What was bought"), gettext_lazy("Total with tax"), gettext_lazy("Currency"),
)  # fmt: skip


def rows_of(orders: OrderQuerySet) -> Iterator[list[object]]:
    """The orders for spreadsheets, under `HEADER`. Two queries for each thousand."""
    found = orders.select_related("account", "placed_by", "contract").prefetch_related("quote__lines__product")
    for order in found.latest_first().iterator(chunk_size=1000):
        yield [
            order.number, order.account.name, order.get_status_display(),
            order.account.local_date(order.placed_at).isoformat(), order.placed_by or "", order.contract.number,
            order.po_number, bought_in_words(order), from_minor(order.total_minor, order.currency), order.currency,
        ]  # fmt: skip


def bought_in_words(order: Order) -> str:
    """ "Business, Storage pack": what was added, by name. Reads the lines that came along."""
    lines = order.quote.lines.all() if order.quote else []
    return ", ".join(line.product.name for line in lines if line.quantity > 0) or _("Less of what you have")
