"""What of a contract has been billed, day by day: nothing twice, and no day left out without a reason."""

from datetime import date, timedelta
from typing import Self

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from commerce.models.billing import Invoice, InvoiceLine
from commerce.models.contracts import Contract, Subscription, SubscriptionDelta
from tracking.models import Meter


class BillingKind(models.TextChoices):
    """What a period is billed for. Each of them covers a contract's days by itself."""

    TERM = "term", _("The whole term, in advance")
    PERIOD = "period", _("A period, in advance")
    USAGE = "usage", _("Use, afterwards")


class BillingOutcome(models.TextChoices):
    """What came of a period; where there is no invoice, why."""

    BILLED = "billed", _("Billed")
    ORDERED = "ordered", _("Paid with its orders")
    PAUSED = "paused", _("Not billed: paused")
    ENDED = "ended", _("Not billed: ended before")
    NOTHING = "nothing", _("Not billed: nothing was owed")
    ELSEWHERE = "elsewhere", _("Billed outside of the portal")


class BillingPeriodQuerySet(models.QuerySet["BillingPeriod"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def latest_first(self) -> Self:
        return self.order_by("-start_date", "-pk")


def _never_twice(kind: BillingKind) -> ExclusionConstraint:
    """No day of a contract lies in two periods of a kind. The contract is a range of one: no extension is needed."""
    return ExclusionConstraint(
        name=f"billing_{kind.value}_once",
        condition=Q(kind=kind.value),
        expressions=[
            (
                Func(F("contract_id"), F("contract_id"), models.Value("[]"), function="int8range"),
                RangeOperators.OVERLAPS,
            ),
            (
                Func(F("start_date"), F("end_date"), models.Value("[)"), function="daterange"),
                RangeOperators.OVERLAPS,
            ),
        ],
    )


class BillingPeriod(models.Model):
    """A stretch of a contract that has been billed, or of which it is said why not. Appended, never changed."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="billing_periods")
    kind = models.CharField(max_length=6, choices=BillingKind)
    start_date = models.DateField()
    end_date = models.DateField()  # Exclusive.
    outcome = models.CharField(max_length=9, choices=BillingOutcome, default=BillingOutcome.BILLED)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, null=True, related_name="billing_periods")
    billed_at = models.DateTimeField(default=timezone.now)

    objects = BillingPeriodQuerySet.as_manager()

    class Meta:
        ordering = ["start_date", "pk"]
        indexes = [models.Index(fields=["account", "contract", "kind", "-end_date"], name="billing_of_contract")]
        constraints = [
            *(_never_twice(kind) for kind in BillingKind),
            models.CheckConstraint(condition=Q(end_date__gt=F("start_date")), name="billing_period_days"),
            models.CheckConstraint(
                condition=Q(outcome="billed", invoice__isnull=False) | (~Q(outcome="billed") & Q(invoice=None)),
                name="billing_period_invoice",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contract}: {date_format(self.start_date)} – {date_format(self.last_date)}"

    @property
    def last_date(self) -> date:
        return self.end_date - timedelta(days=1)


class BilledEntryQuerySet(models.QuerySet["BilledEntry"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


class BilledEntry(models.Model):
    """That an entry of the ledger has been billed, or credited, in one period. Once: the database says so."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    period = models.ForeignKey(BillingPeriod, on_delete=models.PROTECT, related_name="entries")
    delta = models.ForeignKey(SubscriptionDelta, on_delete=models.PROTECT, related_name="billed")
    from_date = models.DateField()  # The first day that it is billed for; it ends with the period.
    # Before tax, rounded by itself; a line rounds all of its entries together. What could be credited, of a credit.
    amount_minor = models.BigIntegerField()
    line = models.ForeignKey(InvoiceLine, on_delete=models.PROTECT, null=True, related_name="entries")

    objects = BilledEntryQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "period", "delta"], name="billed_entry_once")]

    def __str__(self) -> str:
        return f"{self.delta} from {date_format(self.from_date)}"


class UsageChargeQuerySet(models.QuerySet["UsageCharge"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


class UsageCharge(models.Model):
    """What a company used of a meter in a month, against what it was entitled to, and what that came to."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    period = models.ForeignKey(BillingPeriod, on_delete=models.PROTECT, related_name="usage")
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="usage_charges")
    meter = models.CharField(max_length=40, choices=Meter)
    start_date = models.DateField()
    end_date = models.DateField()  # Exclusive.
    used = models.DecimalField(max_digits=20, decimal_places=4)
    entitled = models.DecimalField(max_digits=20, decimal_places=4)
    spent_minor = models.BigIntegerField()  # The use above that at its price, before tax and any commitment.
    amount_minor = models.BigIntegerField()  # What was billed for the month, with what was missing to a commitment.
    line = models.ForeignKey(InvoiceLine, on_delete=models.PROTECT, null=True, related_name="usage_charges")

    objects = UsageChargeQuerySet.as_manager()

    class Meta:
        permissions = [("import_usage", "Can import what companies used")]
        constraints = [
            # Use is counted for a company, however many contracts it has.
            models.UniqueConstraint(fields=["account", "meter", "start_date"], name="usage_charge_once"),
            models.CheckConstraint(condition=Q(amount_minor__gte=0, spent_minor__gte=0), name="usage_charge_owed"),
        ]

    def __str__(self) -> str:
        return f"{Meter(self.meter).name_over_time}, {date_format(self.start_date, 'YEAR_MONTH_FORMAT')}"


class BooksCheck(models.Model):
    """Whether the books of a night add up in one currency: billed - credited = paid + due, and what goes with it."""

    checked_at = models.DateTimeField(default=timezone.now)
    currency = models.CharField(max_length=3)
    billed_minor = models.BigIntegerField()
    credited_minor = models.BigIntegerField()
    paid_minor = models.BigIntegerField()
    due_minor = models.BigIntegerField()
    written_off_minor = models.BigIntegerField()
    balance_minor = models.BigIntegerField()
    paid_back_minor = models.BigIntegerField()
    accounts = models.PositiveIntegerField()  # Looked at.
    mismatches = models.JSONField(default=list)  # [[company, difference in minor units], …]; empty is good.

    class Meta:
        indexes = [models.Index(fields=["-checked_at", "currency"], name="books_check_recent")]

    def __str__(self) -> str:
        return f"{date_format(timezone.localtime(self.checked_at))}, {self.currency}"

    @property
    def adds_up(self) -> bool:
        return not self.mismatches
