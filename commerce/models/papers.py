"""The papers of a contract: what was signed, and what else we hand over about it."""

import uuid
from datetime import datetime
from typing import Self

import pghistory
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, StoredFile
from commerce.models.contracts import Contract


class PaperKind(models.TextChoices):
    CONTRACT = "contract", _("Contract")
    ORDER_FORM = "order_form", _("Order form")
    AMENDMENT = "amendment", _("Amendment")
    SECURITY = "security", _("Security and data protection")
    OTHER = "other", _("Other paper")

    @property
    def shows_prices(self) -> bool:
        """Whether it says what things cost: for those who may see prices."""
        return self in (PaperKind.CONTRACT, PaperKind.ORDER_FORM, PaperKind.AMENDMENT)


class ContractPaperQuerySet(models.QuerySet["ContractPaper"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def offered(self) -> Self:
        """What customers find: not what was taken back."""
        return self.filter(withdrawn_at__isnull=True)


@pghistory.track()
class ContractPaper(models.Model):
    """A document of a contract that the vendor's people put there for the customer to download."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="contract_papers")
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="papers")
    kind = models.CharField(_("kind"), max_length=10, choices=PaperKind)
    title = models.CharField(_("title"), max_length=120)
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    added_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    withdrawn_at = models.DateTimeField(null=True, blank=True)  # From then on customers don't find it any more.

    objects = ContractPaperQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["account", "contract", "-created_at"], name="paper_of_contract")]

    def __str__(self) -> str:
        return self.title

    @property
    def kind_choice(self) -> PaperKind:
        return PaperKind(self.kind)

    def withdraw(self, now: datetime) -> None:
        """Hide it from the customer. Twice is once."""
        if self.withdrawn_at is None:
            self.withdrawn_at = now
            self.save(update_fields=["withdrawn_at"])
