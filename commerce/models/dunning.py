"""Late payers: when the stored card is tried, and what follows for the company while something stays unpaid."""

import uuid
from datetime import date, datetime, timedelta
from typing import Self

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from commerce.models.billing import Invoice, PaymentAttempt
from commerce.models.cards import AutoPay


def local_day(now: datetime, zone: str = "account__time_zone") -> Func:
    """The day that it is where a row's company is."""
    return Func(
        F(zone),
        models.Value(now),
        function="timezone",
        template="(%(function)s(%(expressions)s))::date",
        output_field=models.DateField(),
    )


@pghistory.track()
class DunningPolicy(models.Model):
    """What the vendor does about invoices that are not paid, and when. Days count from the due date."""

    legal_entity = models.CharField(
        _("legal entity"), max_length=120, blank=True, unique=True, help_text=_("Empty: for all without their own.")
    )
    retry_days = ArrayField(
        models.PositiveSmallIntegerField(),
        verbose_name=_("card tried again after days"),
        help_text=_("Separated by commas. A card is tried first on the due date."),
    )
    unpaid_days = models.PositiveSmallIntegerField(_("unpaid after days"), default=21)
    suspend_days = models.PositiveSmallIntegerField(
        _("suspended after days"), default=30, help_text=_("What was bought can't be used until all is paid.")
    )
    cancel_days = models.PositiveSmallIntegerField(
        _("contracts end after days"), null=True, blank=True, default=60, help_text=_("Empty: never by itself.")
    )

    class Meta:
        verbose_name_plural = _("dunning policies")
        constraints = [
            models.CheckConstraint(
                condition=Q(unpaid_days__gt=0)
                & Q(suspend_days__gt=F("unpaid_days"))
                & (Q(cancel_days=None) | Q(cancel_days__gt=F("suspend_days"))),
                name="dunning_policy_order",
                violation_error_message=_("Unpaid comes first, then suspended, then the end of the contracts."),
            )
        ]

    def __str__(self) -> str:
        return self.legal_entity or str(_("For all"))

    def clean(self) -> None:
        days = self.retry_days or []
        if days != sorted(set(days)) or 0 in days:
            raise ValidationError({"retry_days": _("Write days above zero, each later than the one before.")})
        if days and self.unpaid_days and days[-1] >= self.unpaid_days:
            raise ValidationError({"unpaid_days": _("The card is tried before that: choose a later day.")})

    @classmethod
    def of(cls, legal_entity: str) -> "DunningPolicy":
        """That of the legal entity, or the one for all; where none is written down, as we began. One query."""
        found = cls.objects.filter(legal_entity__in=[legal_entity, ""]).order_by("-legal_entity").first()
        return found or cls(retry_days=[3, 7, 14])

    def after(self, tries: int, first_date: date) -> date | None:
        """When the card is tried again after so many tries; None after the last."""
        return first_date + timedelta(days=self.retry_days[tries - 1]) if 0 < tries <= len(self.retry_days) else None


class Stop(models.TextChoices):
    """Why a card is not tried any more."""

    HARD_DECLINE = "hard_decline", _("The bank refuses this card for good. Choose another one.")
    NEEDS_YOU = "needs_you", _("The bank wants you to confirm the payment yourself.")
    EXHAUSTED = "exhausted", _("The card was declined each time, and is not tried again by itself.")
    NO_CARD = "no_card", _("No card is chosen.")
    NOT_PAYABLE = "not_payable", _("Cards can't be charged this amount. Please pay by bank transfer.")


class CollectionQuerySet(models.QuerySet["Collection"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def going_on(self) -> Self:
        """Of invoices that are still owed, by companies that have not taken their word back."""
        agreed = Exists(AutoPay.objects.running().filter(account=OuterRef("account")))
        return self.filter(agreed, invoice__in=Invoice.objects.payable())

    def due(self, now: datetime) -> Self:
        """Those whose card is to be tried today, where the company is; none while our people hold it."""
        held = Exists(Dunning.objects.open().filter(account=OuterRef("account"), held_at__isnull=False))
        paying = Exists(PaymentAttempt.objects.filter(invoice=OuterRef("invoice")).pending())
        return self.going_on().filter(~held, ~paying, next_try_date__lte=local_day(now))

    def answered(self) -> Self:
        """Those whose last try has failed, and where that has not been looked at."""
        return self.going_on().filter(
            next_try_date=None, stop="", last_attempt__state__in=["failed", "cancelled", "requires_action"]
        )


class Collection(models.Model):
    """An invoice that is charged to the company's default card: when it is tried next, or why it is not."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    invoice = models.OneToOneField(Invoice, on_delete=models.PROTECT, related_name="collection")
    first_date = models.DateField()  # The day of the first try; the policy's days count from it.
    next_try_date = models.DateField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    last_attempt = models.ForeignKey(PaymentAttempt, on_delete=models.PROTECT, null=True, related_name="+")
    stop = models.CharField(max_length=20, choices=Stop, blank=True)

    objects = CollectionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["next_try_date"], name="collection_due", condition=Q(next_try_date__isnull=False))
        ]
        constraints = [
            models.CheckConstraint(condition=Q(stop="") | Q(next_try_date=None), name="collection_stopped_or_next")
        ]

    def __str__(self) -> str:
        return str(self.invoice)


class DunningState(models.TextChoices):
    PAST_DUE = "past_due", _("Overdue")
    UNPAID = "unpaid", _("Unpaid")
    SUSPENDED = "suspended", _("Suspended")
    CANCELLED = "cancelled", _("Contracts ended")
    CURED = "cured", _("Paid")

    @property
    def tone(self) -> str:
        return {"past_due": "warning", "cured": "success"}.get(self, "error")

    def is_worse_than(self, other: "DunningState") -> bool:
        """Whether it comes later, if nobody pays."""
        steps = [DunningState.CURED, *(state for state in DunningState if state != DunningState.CURED)]
        return steps.index(self) > steps.index(other)


class DunningQuerySet(models.QuerySet["Dunning"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def open(self) -> Self:
        return self.filter(closed_at=None)


class Dunning(models.Model):
    """That a company owes something that is overdue, and what follows when: told to it, and to our people.

    All of the company's overdue invoices together: one at a time is open, until none is overdue.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="dunnings")
    state = models.CharField(max_length=10, choices=DunningState, default=DunningState.PAST_DUE)
    # The due date of the oldest invoice, or later: so that nobody is suspended without having been told the date.
    anchor_date = models.DateField()
    unpaid_date = models.DateField()
    suspension_date = models.DateField()
    cancellation_date = models.DateField(null=True, blank=True)
    opened_at = models.DateTimeField(default=timezone.now)
    held_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = DunningQuerySet.as_manager()

    class Meta:
        verbose_name = _("dunning")
        verbose_name_plural = _("dunning")
        permissions = [("hold_dunning", "Can hold dunning, and let it go on")]
        constraints = [
            models.UniqueConstraint(fields=["account"], condition=Q(closed_at=None), name="dunning_one_open"),
            models.CheckConstraint(
                condition=Q(state="cured", closed_at__isnull=False) | (~Q(state="cured") & Q(closed_at=None)),
                name="dunning_closed_is_cured",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()}, {date_format(self.anchor_date)}"

    @property
    def state_choice(self) -> DunningState:
        return DunningState(self.state)

    @property
    def is_held(self) -> bool:
        return self.held_at is not None

    @property
    def has_suspended(self) -> bool:
        """Whether what the company bought can't be used."""
        return self.state in (DunningState.SUSPENDED, DunningState.CANCELLED)

    def state_on(self, today: date) -> DunningState:
        """What is so on a day, by the dates. Ended contracts stay ended."""
        if self.state == DunningState.CANCELLED:
            return DunningState.CANCELLED
        if self.is_held:
            return DunningState.PAST_DUE
        if self.cancellation_date is not None and today >= self.cancellation_date:
            return DunningState.CANCELLED
        if today >= self.suspension_date:
            return DunningState.SUSPENDED
        return DunningState.UNPAID if today >= self.unpaid_date else DunningState.PAST_DUE

    def begin_at(self, anchor_date: date, policy: DunningPolicy) -> None:
        """Set the dates of what follows."""
        self.anchor_date = anchor_date
        self.unpaid_date = anchor_date + timedelta(days=policy.unpaid_days)
        self.suspension_date = anchor_date + timedelta(days=policy.suspend_days)
        ends = policy.cancel_days
        self.cancellation_date = None if ends is None else anchor_date + timedelta(days=ends)

    def move(self, days: int) -> None:
        """Let everything come so many days later."""
        later = timedelta(days=days)
        self.anchor_date += later
        self.unpaid_date += later
        self.suspension_date += later
        if self.cancellation_date is not None:
            self.cancellation_date += later


class StepKind(models.TextChoices):
    PAST_DUE = "past_due", _("Overdue")
    UNPAID = "unpaid", _("Unpaid")
    SUSPENDED = "suspended", _("Suspended")
    CANCELLED = "cancelled", _("Contracts ended")
    CURED = "cured", _("Paid")
    HELD = "held", _("Held")
    CONTINUED = "continued", _("Goes on")


class DunningStep(models.Model):
    """What happened in a dunning, and who of our people did it why. Appended, never changed."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    dunning = models.ForeignKey(Dunning, on_delete=models.PROTECT, related_name="steps")
    kind = models.CharField(max_length=10, choices=StepKind)
    note = models.CharField(max_length=500, blank=True)
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["made_at", "pk"]

    def __str__(self) -> str:
        return f"{self.dunning}: {self.get_kind_display()}"
