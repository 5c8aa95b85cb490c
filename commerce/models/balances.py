"""What a company has in credit with the vendor."""

from collections.abc import Mapping, Sequence
from typing import Self

from django.db import models
from django.db.models import Q, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from commerce.models.billing import Invoice
from commerce.models.refunds import RefundAttempt
from commerce.models.transfers import BankTransfer


class BalanceKind(models.TextChoices):
    CREDIT = "credit", _("Credited")
    USED = "used", _("Used for an invoice")
    RETURNED = "returned", _("Given back, as the invoice was withdrawn")
    REFUND = "refund", _("Paid back to the card")
    PAID_IN = "paid_in", _("Paid in by bank transfer")
    APPLIED = "applied", _("Paid towards an invoice")
    PAID_OUT = "paid_out", _("Paid back by bank transfer")
    REFUND_FAILED = "refund_failed", _("Could not be paid back")


class BalanceEntryQuerySet(models.QuerySet["BalanceEntry"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def total_minor(self) -> int:
        """Their sum. Of one currency, or it says nothing."""
        return self.aggregate(total=Sum("amount_minor"))["total"] or 0

    def by_currency(self) -> Sequence[Mapping[str, object]]:
        """What there is in credit. One query."""
        sums = self.order_by("currency").values("currency").annotate(total=Sum("amount_minor"))
        return list(sums.filter(total__gt=0))


class BalanceEntry(models.Model):
    """A movement of a company's credit in one currency: what is above zero is used for its next invoice.

    Appended, never changed; a trigger refuses what would take more than there is.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="balance_entries")
    currency = models.CharField(max_length=3)
    kind = models.CharField(max_length=15, choices=BalanceKind)
    amount_minor = models.BigIntegerField()
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, null=True, related_name="balance_entries")
    refund = models.ForeignKey(RefundAttempt, on_delete=models.PROTECT, null=True, related_name="balance_entries")
    bank_transfer = models.ForeignKey(BankTransfer, on_delete=models.PROTECT, null=True, related_name="balance_entries")
    created_at = models.DateTimeField(default=timezone.now)

    objects = BalanceEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "balance entries"
        indexes = [models.Index(fields=["account", "currency", "-id"], name="balance_of_account")]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "invoice", "kind"],
                # Towards an open invoice, credit is used as often as there is some.
                condition=Q(invoice__isnull=False, bank_transfer=None) & ~Q(kind="applied"),
                name="balance_once_per_invoice",
            ),
            models.UniqueConstraint(
                fields=["account", "bank_transfer", "kind"],
                condition=Q(bank_transfer__isnull=False),
                name="balance_once_per_transfer",
            ),
            models.UniqueConstraint(
                fields=["account", "refund", "kind"], condition=Q(refund__isnull=False), name="balance_once_per_refund"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["credit", "returned", "refund_failed", "paid_in"], amount_minor__gt=0)
                | Q(kind__in=["used", "refund", "applied", "paid_out"], amount_minor__lt=0),
                name="balance_direction",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount_minor} {self.currency}"
