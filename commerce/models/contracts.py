"""Contracts as an append-only ledger: what a customer owned on any day is the sum of the changes until then."""

import re
import uuid
from datetime import date, timedelta
from typing import Self

import pghistory
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.sequences import NextVal
from commerce.models.catalogue import BillingRule, Product
from commerce.models.prices import PriceBook


class ContractStatus(models.TextChoices):
    ACTIVE = "active", _("Active")
    RENEWED = "renewed", _("Renewed")
    ENDED = "ended", _("Ended")

    @property
    def tone(self) -> str:
        return {"active": "success", "renewed": "info", "ended": "neutral"}[self]


class BillingFrequency(models.TextChoices):
    """How often a contract's recurring lines are billed, always in advance."""

    TERM = "term", _("Once for the whole term")
    YEAR = "year", _("Every year")
    QUARTER = "quarter", _("Every quarter")
    MONTH = "month", _("Every month")

    @property
    def months(self) -> int:
        """The length of a billing period. What a prepaid contract bills besides its term, it bills every month."""
        return {"year": 12, "quarter": 3}.get(self, 1)


class ContractQuerySet(models.QuerySet["Contract"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def current(self, today: date | models.Expression) -> Self:
        return self.filter(status=ContractStatus.ACTIVE, start_date__lte=today, end_date__gt=today)

    def by_number(self, number: str) -> Self:
        """The contract that people call C-2026-0101; none for anything else."""
        match = re.fullmatch(r"C-([0-9]{4})-([0-9]{4,18})", number)
        return self.filter(start_date__year=int(match[1]), serial=int(match[2])) if match else self.none()

    def latest_first(self) -> Self:
        return self.order_by("-start_date", "-pk")

    def locked(self, pk: int) -> "Contract":
        """One of them as it is now, with its account, and nobody else's to change. Runs in a transaction."""
        return self.select_for_update(no_key=True, of=("self",)).select_related("account").get(pk=pk)


@pghistory.track()
class Contract(models.Model):
    """An agreement for a term. Its lines are subscriptions; its version counts amendments."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    serial = models.BigIntegerField(unique=True, editable=False, db_default=NextVal("commerce_contract_number"))
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="contracts")
    status = models.CharField(max_length=10, choices=ContractStatus, default=ContractStatus.ACTIVE)
    start_date = models.DateField()
    end_date = models.DateField()  # Exclusive: the first day no longer covered, and the day a renewal starts.
    term_months = models.PositiveSmallIntegerField(default=12)
    # A trigger keeps it once a period has been billed.
    billing_frequency = models.CharField(max_length=7, choices=BillingFrequency, default=BillingFrequency.TERM)
    notice_days = models.PositiveSmallIntegerField(default=60)
    auto_renew = models.BooleanField(default=True)
    # How long the customer may pause it, and how often; none at all is an agreement, too.
    longest_pause_days = models.PositiveSmallIntegerField(default=90)
    most_pauses = models.PositiveSmallIntegerField(default=1)
    currency = models.CharField(max_length=3)
    # What is bought later is priced by the same book, also once the company is in another tier. A trigger keeps it.
    price_book = models.ForeignKey(
        PriceBook, on_delete=models.PROTECT, null=True, blank=True, related_name="contracts"
    )  # Empty: the book of the company's tier.
    version = models.PositiveIntegerField(default=1)
    signed_date = models.DateField(null=True, blank=True)
    # Written down by commerce.services.set_risk: 0 none to 100 certain loss; empty until it is known.
    risk_score = models.PositiveSmallIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = ContractQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["account", "end_date"], name="contract_account_end")]
        constraints = [models.CheckConstraint(condition=Q(end_date__gt=F("start_date")), name="contract_period")]
        # Of customers in general; a contract is what all amounts come from.
        permissions = [("view_amounts", "Can see prices and amounts")]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"C-{self.start_date.year}-{self.serial:04d}"

    @property
    def notice_date(self) -> date:
        """The last day on which the renewal can be declined."""
        return self.end_date - timedelta(days=self.notice_days)

    @property
    def last_date(self) -> date:
        return self.end_date - timedelta(days=1)

    @property
    def status_choice(self) -> ContractStatus:
        return ContractStatus(self.status)

    @property
    def frequency(self) -> BillingFrequency:
        return BillingFrequency(self.billing_frequency)

    def rule_for(self, product: Product) -> BillingRule:
        """When the product's price is due on this contract: what is prepaid elsewhere may be paid by period here."""
        rule = BillingRule(product.billing)
        is_by_period = rule == BillingRule.TERM and self.frequency != BillingFrequency.TERM
        return BillingRule.PERIOD if is_by_period else rule

    def is_running(self, today: date) -> bool:
        return self.status == ContractStatus.ACTIVE and self.start_date <= today < self.end_date


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def owned_on(self, today: date) -> Self:
        """Those owned on a day, with their `quantity` then."""
        return self.with_quantity(today).alias(owned=F("quantity")).filter(owned__gt=0)

    def with_quantity(self, today: date) -> Self:
        """Annotate `quantity` owned on a day: the sum of the ledger until then."""
        return self.annotate(
            quantity=models.functions.Coalesce(
                models.Sum("deltas__quantity", filter=Q(deltas__effective_date__lte=today)),
                models.Value(0),
                output_field=models.DecimalField(max_digits=20, decimal_places=4),
            )
        )


@pghistory.track()
class Subscription(models.Model):
    """One product on a contract. How many, and at what price, stands in its deltas."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="subscriptions")
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="subscriptions")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="subscriptions")
    created_at = models.DateTimeField(default=timezone.now)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "contract", "product"], name="subscription_once")]

    def __str__(self) -> str:
        return f"{self.product} on {self.contract}"


class DeltaKind(models.TextChoices):
    NEW = "new", _("New")
    QUANTITY = "quantity", _("Quantity changed")
    SWAP_IN = "swap_in", _("Changed to")
    SWAP_OUT = "swap_out", _("Changed from")
    CANCEL = "cancel", _("Cancelled")
    RENEWAL = "renewal", _("Renewed")
    PAUSE = "pause", _("Paused")
    RESUME = "resume", _("Resumed")
    REACTIVATION = "reactivation", _("Reactivated")
    REVERSAL = "reversal", _("Order taken back")


class SubscriptionDeltaQuerySet(models.QuerySet["SubscriptionDelta"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


class SubscriptionDelta(models.Model):
    """One entry of the ledger. Appended, never edited; a trigger refuses updates and deletes."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="deltas")
    kind = models.CharField(max_length=12, choices=DeltaKind)
    quantity = models.DecimalField(max_digits=20, decimal_places=4)  # Signed.
    # Per unit and month (once: per unit), with tax where prices are.
    unit_price = models.DecimalField(max_digits=20, decimal_places=12)
    recurring_minor = models.BigIntegerField()  # Signed change of the monthly recurring amount, minor units.
    currency = models.CharField(max_length=3)
    effective_date = models.DateField()  # From when it is owned, and may be used.
    billing_date = models.DateField()  # From when it is billed.
    order = models.ForeignKey("commerce.Order", on_delete=models.PROTECT, null=True, related_name="deltas")
    change = models.ForeignKey("commerce.PendingChange", on_delete=models.PROTECT, null=True, related_name="deltas")
    created_at = models.DateTimeField(default=timezone.now)

    objects = SubscriptionDeltaQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["subscription", "effective_date"], name="delta_subscription_date")]

    def __str__(self) -> str:
        return f"{self.quantity:+} {self.subscription}"
