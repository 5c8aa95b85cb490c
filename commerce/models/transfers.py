"""Money on the vendor's bank account, as the bank's statements tell it."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from commerce.models.billing import Invoice


class BankStatement(models.Model):
    """A bank statement that somebody of finance has read in."""

    legal_entity = models.CharField(max_length=120)
    name = models.CharField(max_length=200)
    imported_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    imported_at = models.DateTimeField(default=timezone.now)

    class Meta:
        permissions = [("handle_transfers", "Can read in bank statements, and say whose money it is")]

    def __str__(self) -> str:
        return self.name


class TransferState(models.TextChoices):
    WAITING = "waiting", _("Waits for a person")
    SETTLED = "settled", _("Paid an invoice")
    CREDITED = "credited", _("In the company's balance")
    RETURNED = "returned", _("Sent back")


class TransferProblem(models.TextChoices):
    UNKNOWN = "unknown", _("No invoice of ours is named")
    PARTIAL = "partial", _("Less than is owed")
    OVER = "over", _("More than is owed")
    CURRENCY = "currency", _("In another currency than the invoice")
    CLOSED = "closed", _("The invoice is not open any more")
    MARKED = "marked", _("The invoice was marked paid by hand")
    BEING_PAID = "being_paid", _("The invoice is being paid by card")
    ORDER = "order", _("What was ordered can't be delivered any more")
    FAILED = "failed", _("Something went wrong as it was matched")


class BankTransferQuerySet(models.QuerySet["BankTransfer"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def waiting(self) -> Self:
        """For a person's decision."""
        return self.filter(state=TransferState.WAITING).exclude(problem="")

    def being_matched(self) -> Self:
        """For a worker: each fits its invoice, as far as was seen when it was read in."""
        return self.filter(state=TransferState.WAITING, problem="")


class BankTransfer(models.Model):
    """Money that arrived: one line of a statement, once, whichever statements it stands in."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, related_name="bank_transfers")
    statement = models.ForeignKey(BankStatement, on_delete=models.PROTECT, related_name="transfers")
    legal_entity = models.CharField(max_length=120)
    key = models.CharField(
        max_length=80
    )  # The bank's own id; without one, what the line says and its number among equals.
    booked_date = models.DateField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    payer_name = models.CharField(max_length=140, blank=True)
    payer_iban = models.CharField(max_length=34, blank=True)
    text = models.CharField(max_length=500, blank=True)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, null=True, related_name="bank_transfers")
    state = models.CharField(max_length=10, choices=TransferState, default=TransferState.WAITING)
    problem = models.CharField(max_length=10, choices=TransferProblem, blank=True)
    note = models.CharField(max_length=200, blank=True)
    handled_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    handled_at = models.DateTimeField(null=True, blank=True)

    objects = BankTransferQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["legal_entity", "key"], name="bank_transfer_once"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="bank_transfer_amount"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "returned"]) | Q(account__isnull=False, handled_at__isnull=False),
                name="bank_transfer_handled",
            ),
        ]
        indexes = [models.Index(fields=["booked_date"], name="bank_transfer_queue", condition=Q(state="waiting"))]

    def __str__(self) -> str:
        return f"{date_format(self.booked_date)}, {self.payer_name}"

    @property
    def is_being_matched(self) -> bool:
        """Whether a worker, and nobody yet, is to look at it."""
        return self.state == TransferState.WAITING and not self.problem
