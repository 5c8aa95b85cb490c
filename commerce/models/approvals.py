"""A company's own control of its spending: limits per role, and purchases that wait for a colleague's approval."""

import uuid
from datetime import datetime
from typing import Self

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.permissions import CUSTOMER_TABLE, Permission, Role
from commerce.models.contracts import Contract
from commerce.models.quotes import Quote, QuoteStatus

# Roles that a limit can be set for: those that buy, and those that approve what others buy.
SPENDING_ROLES = tuple(
    role
    for role in Role
    if role in CUSTOMER_TABLE[Permission.BUY] or role in CUSTOMER_TABLE[Permission.APPROVE_PURCHASES]
)


class PurchaseLimitQuerySet(models.QuerySet["PurchaseLimit"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


@pghistory.track()
class PurchaseLimit(models.Model):
    """How much people with a role may buy, or approve, with one order. A role without one has no limit.

    Held against it is `Quote.commitment_minor`: what the order adds to what the company owes until its contract ends.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    role = models.CharField(_("role"), max_length=20, choices=[(role.value, role.label) for role in SPENDING_ROLES])
    limit_minor = models.BigIntegerField(_("limit"), null=True, blank=True)  # With tax. None: no limit any more.
    currency = models.CharField(max_length=3)  # The account's, when it was set.

    objects = PurchaseLimitQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "role"], name="purchase_limit_once"),
            models.CheckConstraint(
                condition=Q(limit_minor__isnull=True) | Q(limit_minor__gte=0), name="purchase_limit_amount"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.role}"


class ApprovalStatus(models.TextChoices):
    WAITING = "waiting", _("Waiting for approval")
    APPROVED = "approved", _("Approved")
    REFUSED = "refused", _("Refused")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    LAPSED = "lapsed", _("Could not be ordered")

    @property
    def tone(self) -> str:
        tones = {"waiting": "warning", "approved": "success", "refused": "error"}
        return tones.get(self, "neutral")


class PurchaseApprovalQuerySet(models.QuerySet["PurchaseApproval"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def waiting(self) -> Self:
        return self.filter(status=ApprovalStatus.WAITING)

    def overtaken_by(self, now: datetime) -> Self:
        """Waiting for nothing: the quote expired, was closed or ordered, or its contract has changed."""
        still_open = [status for status in QuoteStatus if status.is_open]
        contract = Contract.objects.filter(pk=models.OuterRef("quote__contract")).values("version")
        return (
            self.waiting()
            .alias(contract_version=models.Subquery(contract))
            .filter(
                Q(expires_at__lte=now)
                | ~Q(quote__status__in=still_open)
                | ~Q(contract_version=F("quote__contract_version"))
            )
        )

    def latest_first(self) -> Self:
        return self.order_by("-requested_at", "-id")


@pghistory.track()
class PurchaseApproval(models.Model):
    """A purchase above its buyer's limit, which a colleague approves or refuses. Decided once, and never by the buyer.

    The buyer's consent is kept as it was given: approved, it accepts the quote.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="purchase_approvals")
    quote = models.ForeignKey(Quote, on_delete=models.PROTECT, related_name="approvals")
    amount_minor = models.BigIntegerField()  # `Quote.commitment_minor`; what is due at once is the quote's total.
    currency = models.CharField(max_length=3)
    expires_at = models.DateTimeField()  # With the quote.
    status = models.CharField(max_length=10, choices=ApprovalStatus, default=ApprovalStatus.WAITING)
    # The buyer's consent: who, in which roles, when, from where, to which price.
    requested_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    requested_roles = ArrayField(models.CharField(max_length=20))
    requested_at = models.DateTimeField(default=timezone.now)
    consent_name = models.CharField(max_length=150)
    consent_ip = models.GenericIPAddressField(null=True, blank=True)
    price_hash = models.CharField(max_length=64)
    po_number = models.CharField(max_length=60, blank=True)
    # How it ended.
    decided_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True)  # The approver's words, or why it could not be ordered.

    objects = PurchaseApprovalQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["account", "-requested_at", "-id"], name="approval_account_recent")]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "quote"], condition=Q(status="waiting"), name="approval_one_waiting"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("requested_by")), name="approval_never_ones_own"
            ),
            models.CheckConstraint(
                condition=Q(status="waiting", decided_by__isnull=True, decided_at__isnull=True)
                | Q(status__in=["approved", "refused"], decided_by__isnull=False, decided_at__isnull=False)
                | Q(status__in=["withdrawn", "lapsed"], decided_by__isnull=True, decided_at__isnull=False),
                name="approval_decision_complete",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quote}: {self.get_status_display()}"

    @property
    def status_choice(self) -> ApprovalStatus:
        return ApprovalStatus(self.status)

    @property
    def is_waiting(self) -> bool:
        return self.status == ApprovalStatus.WAITING

    def allows(self, quote: Quote, *, buyer_id: int | None) -> bool:
        """Whether it lets this buyer accept this quote at the price that was shown."""
        return (
            self.status == ApprovalStatus.APPROVED
            and (self.quote_id, self.price_hash) == (quote.pk, quote.price_hash)
            and self.requested_by_id == buyer_id
        )
