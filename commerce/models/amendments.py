"""Changes of a contract that customers make themselves: planned, taken back, or done."""

import uuid
from datetime import date, datetime
from typing import Self

import pghistory
from django.db import models
from django.db.models import F, Func, Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from commerce.models.catalogue import Product
from commerce.models.contracts import Contract, DeltaKind


class ChangeKind(models.TextChoices):
    REDUCTION = "reduction", _("Less than before")
    PAUSE = "pause", _("Pause")
    RESUME = "resume", _("End of the pause")
    END = "end", _("Cancellation")
    REACTIVATION = "reactivation", _("Reactivation")


class ChangeStatus(models.TextChoices):
    """A change is open until its day. Transitions are guarded by a trigger."""

    OPEN = "open", _("Planned")
    APPLIED = "applied", _("Done")
    CANCELLED = "cancelled", _("Taken back")
    FAILED = "failed", _("Could not be done")

    @property
    def tone(self) -> str:
        return {"open": "info", "applied": "success", "cancelled": "neutral", "failed": "error"}[self]


class DatePolicy(models.TextChoices):
    """What decides about a date of a change."""

    IMMEDIATE = "immediate", _("At once")
    NEXT_PERIOD = "next_period", _("With the next month that is billed")
    END_OF_TERM = "end_of_term", _("At the end of the term")
    DATE = "date", _("On a date")


class ChangeReason(models.TextChoices):
    """Why a customer leaves, or takes less."""

    TOO_EXPENSIVE = "too_expensive", _("It costs too much")
    NOT_USED = "not_used", _("We don't use it enough")
    MISSING = "missing", _("Something that we need is missing")
    OTHER_PRODUCT = "other_product", _("We use another product")
    SERVICE = "service", _("We are not happy with the service")
    OWN_BUSINESS = "own_business", _("Our own business has changed")
    OTHER = "other", _("Another reason")


class PendingChangeQuerySet(models.QuerySet["PendingChange"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def open(self) -> Self:
        return self.filter(status=ChangeStatus.OPEN)

    def resuming(self) -> Self:
        """The ends to come of pauses that have begun: their contracts are paused."""
        return self.open().filter(kind=ChangeKind.RESUME)

    def due(self, now: datetime) -> Self:
        """Open ones whose day has come where the customer is, the longest overdue first."""
        local_day = Func(
            F("account__time_zone"),
            models.Value(now),
            function="timezone",
            template="(%(function)s(%(expressions)s))::date",
            output_field=models.DateField(),
        )
        return self.open().filter(effective_date__lte=local_day).order_by("effective_date", "pk")

    def latest_first(self) -> Self:
        return self.order_by("-requested_at", "-pk")


@pghistory.track()
class PendingChange(models.Model):
    """What a customer has decided about a contract, and from when it holds. A contract has one open at a time.

    What is done at once stands here too: it is the record of who wanted it, and why.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="pending_changes")
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="changes")
    contract_version = models.PositiveIntegerField()  # When it was decided; another one by its day, and it fails.
    kind = models.CharField(max_length=12, choices=ChangeKind)
    status = models.CharField(max_length=9, choices=ChangeStatus, default=ChangeStatus.OPEN)
    effective_policy = models.CharField(max_length=11, choices=DatePolicy)
    effective_date = models.DateField()  # The first day of the new state, in the account's time zone.
    billing_policy = models.CharField(max_length=11, choices=DatePolicy)
    billing_date = models.DateField()  # From when it is billed so.
    until_date = models.DateField(null=True, blank=True)  # Of a pause: the day on which it ends by itself.
    currency = models.CharField(max_length=3)
    monthly_before_minor = models.BigIntegerField()  # Recurring, per month, before tax.
    monthly_after_minor = models.BigIntegerField()
    reason = models.CharField(max_length=13, choices=ChangeReason, blank=True)
    words = models.TextField(max_length=1000, blank=True)  # The customer's own; of the staff, why they did it.
    renewed_before = models.BooleanField(default=False)  # Whether the contract would have renewed by itself.
    requested_at = models.DateTimeField(default=timezone.now)
    requested_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)  # When it was done, taken back, or failed.
    closed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    closing_note = models.CharField(max_length=300, blank=True)

    objects = PendingChangeQuerySet.as_manager()

    class Meta:
        permissions = [("amend_contracts", "Can change, end and reactivate contracts for customers")]
        indexes = [
            models.Index(fields=["account", "contract", "-requested_at"], name="change_of_contract"),
            models.Index(fields=["effective_date"], condition=Q(status="open"), name="change_due"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["account", "contract"], condition=Q(status="open"), name="change_one_open"),
            models.CheckConstraint(
                condition=Q(until_date__isnull=True) | Q(until_date__gt=F("effective_date")), name="change_pause"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contract}: {self.get_kind_display()}"

    @property
    def kind_choice(self) -> ChangeKind:
        return ChangeKind(self.kind)

    @property
    def status_choice(self) -> ChangeStatus:
        return ChangeStatus(self.status)

    @property
    def summary(self) -> str:
        """What happens when, in a few words: "Pause from 1 December 2026"."""
        names = {"what": self.get_kind_display(), "day": date_format(self.effective_date)}
        templates = {
            ChangeStatus.OPEN: _("%(what)s planned for %(day)s"),
            ChangeStatus.APPLIED: _("%(what)s from %(day)s"),
            ChangeStatus.CANCELLED: _("%(what)s planned for %(day)s taken back"),
            ChangeStatus.FAILED: _("%(what)s planned for %(day)s could not be done"),
        }
        return str(templates[self.status_choice]) % names

    @property
    def is_open(self) -> bool:
        return self.status == ChangeStatus.OPEN

    @property
    def is_failed(self) -> bool:
        return self.status == ChangeStatus.FAILED

    @property
    def can_be_taken_back(self) -> bool:
        """Whether it can still be undone: the end of a pause can only come sooner."""
        return self.is_open and self.kind != ChangeKind.RESUME

    def is_due(self, today: date) -> bool:
        return self.is_open and self.effective_date <= today

    def close(self, status: ChangeStatus, *, now: datetime, by_id: int | None = None, note: str = "") -> None:
        self.status, self.closed_at, self.closed_by_id, self.closing_note = status, now, by_id, note[:300]
        self.save(update_fields=["status", "closed_at", "closed_by", "closing_note"])


class PendingLineQuerySet(models.QuerySet["PendingLine"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


class PendingLine(models.Model):
    """One entry that a planned change will append to the ledger. Never edited."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    change = models.ForeignKey(PendingChange, on_delete=models.PROTECT, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    kind = models.CharField(max_length=12, choices=DeltaKind)
    quantity = models.DecimalField(max_digits=20, decimal_places=4)  # Signed.
    unit_price = models.DecimalField(max_digits=20, decimal_places=12)  # Per unit and month, with tax where prices are.
    recurring_minor = models.BigIntegerField()  # Signed change per month.

    objects = PendingLineQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "change", "product"], name="pending_line_once")]

    def __str__(self) -> str:
        return f"{self.quantity:+} {self.product}"


class RetentionKind(models.TextChoices):
    PAUSE = "pause", _("A pause")
    DISCOUNT = "discount", _("A discount from the next term on")
    TALK = "talk", _("A talk with us")


class RetentionOfferQuerySet(models.QuerySet["RetentionOffer"]):
    def active(self) -> Self:
        return self.filter(is_active=True)

    def for_reason(self, reason: str) -> Self:
        """What is offered for a reason, the one to be made first at the front."""
        return self.active().filter(reason=reason).order_by("rank", "pk")


@pghistory.track()
class RetentionOffer(models.Model):
    """What we offer a customer who wants to leave for a reason, before they confirm it."""

    reason = models.CharField(_("reason"), max_length=13, choices=ChangeReason)
    kind = models.CharField(_("kind"), max_length=8, choices=RetentionKind)
    headline = models.CharField(_("headline"), max_length=100)
    text = models.TextField(_("text"), max_length=600)
    discount_percent = models.DecimalField(_("discount"), max_digits=5, decimal_places=2, null=True, blank=True)
    rank = models.PositiveSmallIntegerField(_("rank"), default=1)  # The first one that holds is made.
    is_active = models.BooleanField(_("active"), default=True)

    objects = RetentionOfferQuerySet.as_manager()

    class Meta:
        ordering = ["reason", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["reason", "rank"], name="retention_offer_rank"),
            models.CheckConstraint(
                condition=(
                    Q(kind="discount", discount_percent__gt=0, discount_percent__lte=100)
                    | (~Q(kind="discount") & Q(discount_percent__isnull=True))
                ),
                name="retention_offer_discount",
                violation_error_message=_("A discount needs its percentage, and nothing else has one."),
            ),
        ]

    def __str__(self) -> str:
        return self.headline


class RetentionAnswerQuerySet(models.QuerySet["RetentionAnswer"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def taken(self) -> Self:
        return self.filter(is_taken=True)


class RetentionAnswer(models.Model):
    """What a customer said to an offer to stay. Appended; the offer is kept as it was made."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="retention_answers")
    offer = models.ForeignKey(RetentionOffer, on_delete=models.PROTECT, related_name="answers")
    reason = models.CharField(max_length=13, choices=ChangeReason)
    headline = models.CharField(max_length=100)
    discount_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    is_taken = models.BooleanField()
    words = models.TextField(max_length=1000, blank=True)
    answered_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(default=timezone.now)

    objects = RetentionAnswerQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["account", "contract", "-answered_at"], name="retention_of_contract")]

    def __str__(self) -> str:
        return f"{self.account}: {self.headline}"
