"""Cards that a company keeps with us, and whether its invoices are charged to one."""

import uuid
from calendar import monthrange
from datetime import date
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.models import Account


class StoredCardQuerySet(models.QuerySet["StoredCard"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def kept(self) -> Self:
        """Those that were not removed, the default first."""
        return self.filter(removed_at=None).order_by("-is_default", "-added_at", "-pk")


class StoredCard(models.Model):
    """A card that a company keeps for its invoices. Its number is Stripe's alone; we know how it is recognised."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="stored_cards")
    stripe_customer_id = models.CharField(max_length=80)
    stripe_card_id = models.CharField(max_length=80)
    brand = models.CharField(max_length=40)
    last4 = models.CharField(max_length=4)
    exp_month = models.PositiveSmallIntegerField()
    exp_year = models.PositiveSmallIntegerField()
    is_default = models.BooleanField(default=False)
    added_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)
    # How many days before its last one the company was told that it expires: the latest time that it was.
    expiry_told_days = models.PositiveSmallIntegerField(null=True, editable=False)
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = StoredCardQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "stripe_card_id"], name="stored_card_once"),
            models.UniqueConstraint(fields=["account"], condition=Q(is_default=True), name="stored_card_one_default"),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(removed_at=None), name="stored_card_default_is_kept"
            ),
        ]

    def __str__(self) -> str:
        return str(_("%(brand)s ending in %(digits)s") % {"brand": self.brand.title(), "digits": self.last4})

    @property
    def expiry(self) -> str:
        return f"{self.exp_month:02d}/{self.exp_year}"

    @property
    def last_date(self) -> date:
        """The last day on which it can be charged."""
        return date(self.exp_year, self.exp_month, monthrange(self.exp_year, self.exp_month)[1])

    def is_expired(self, today: date) -> bool:
        """A card is good until the end of its month."""
        return self._months_left(today) < 0

    def expires_soon(self, today: date) -> bool:
        """Whether this month or the next is its last."""
        return 0 <= self._months_left(today) <= 1

    def _months_left(self, today: date) -> int:
        return (self.exp_year - today.year) * 12 + self.exp_month - today.month


class AutoPayQuerySet(models.QuerySet["AutoPay"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def running(self) -> Self:
        return self.filter(ended_at=None)


class AutoPay(models.Model):
    """That a company lets us charge its invoices to its default card on their due dates, until it takes that back."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="auto_pays")
    agreed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    agreed_at = models.DateTimeField(default=timezone.now)
    ended_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = AutoPayQuerySet.as_manager()

    class Meta:
        verbose_name = _("automatic payment")
        constraints = [
            models.UniqueConstraint(fields=["account"], condition=Q(ended_at=None), name="auto_pay_one_at_a_time"),
        ]

    def __str__(self) -> str:
        return f"{self.account}, {date_format(timezone.localtime(self.agreed_at))}"
