"""Orders: what was bought, and how far it is."""

import re
import uuid
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.sequences import NextVal
from commerce.models.contracts import Contract
from commerce.models.deals import Deal
from commerce.models.quotes import Quote, QuoteLine


class OrderStatus(models.TextChoices):
    AWAITING_PAYMENT = "awaiting_payment", _("Waiting for payment")
    PAID = "paid", _("Paid")  # Steps of its products are not done yet.
    ACTIVE = "active", _("Active")
    CANCELLED = "cancelled", _("Cancelled")

    @property
    def tone(self) -> str:
        return {"awaiting_payment": "warning", "paid": "info", "active": "success", "cancelled": "neutral"}[self]


class OrderQuerySet(models.QuerySet["Order"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def by_number(self, number: str) -> Self:
        """The order that people call O-5001; none for anything else."""
        match = re.fullmatch(r"O-([1-9][0-9]{0,17})", number)
        return self.filter(serial=int(match[1])) if match else self.none()

    def awaiting_payment(self) -> Self:
        return self.filter(status=OrderStatus.AWAITING_PAYMENT)

    def bought(self) -> Self:
        """Paid, whether or not all of it can be used yet."""
        return self.filter(status__in=[OrderStatus.PAID, OrderStatus.ACTIVE])

    def matching(self, text: str) -> Self:
        """Those with `text` in their number, the company's own number or the name of a product that they bought."""
        lines = QuoteLine.objects.filter(quote=OuterRef("quote"), quantity__gt=0, product__name__icontains=text)
        found = Q(po_number__icontains=text) | Q(Exists(lines))
        serial = text.strip().upper().removeprefix("O-")
        return self.filter(found | Q(serial=int(serial)) if serial.isdecimal() and len(serial) < 18 else found)

    def latest_first(self) -> Self:
        return self.order_by("-placed_at", "-serial")


class Order(models.Model):
    """One purchase. A quote makes at most one order."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    serial = models.BigIntegerField(unique=True, editable=False, db_default=NextVal("commerce_order_number"))
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="orders")
    quote = models.OneToOneField(Quote, on_delete=models.PROTECT, null=True, related_name="order")
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="orders")
    deal = models.ForeignKey(Deal, on_delete=models.PROTECT, null=True, related_name="orders")
    status = models.CharField(max_length=20, choices=OrderStatus, default=OrderStatus.AWAITING_PAYMENT)
    placed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True)
    placed_at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField()
    po_number = models.CharField(max_length=60, blank=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["account", "-placed_at", "-id"], name="order_account_recent")]
        constraints = [
            # A contract is changed by one order at a time: what has been paid for can always be fulfilled.
            models.UniqueConstraint(
                fields=["account", "contract"], condition=Q(status="awaiting_payment"), name="order_one_unpaid"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"O-{self.serial}"

    @property
    def status_choice(self) -> OrderStatus:
        return OrderStatus(self.status)


class OrderStepQuerySet(models.QuerySet["OrderStep"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


class OrderStep(models.Model):
    """An order reached a status. Appended; the order's timeline."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="steps")
    status = models.CharField(max_length=20, choices=OrderStatus)
    reached_at = models.DateTimeField(default=timezone.now)
    note = models.CharField(max_length=200, blank=True)

    objects = OrderStepQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "order", "status"], name="order_step_once")]

    def __str__(self) -> str:
        return f"{self.order}: {self.get_status_display()}"
