"""Renewals: what becomes of a contract at the end of its term, and when its people were told."""

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Self

import pghistory
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from commerce.models.contracts import Contract
from commerce.models.quotes import Quote
from commerce.pricing.proration import Period, add_months

DEFAULT_GRACE_DAYS = 15
DEFAULT_WINBACK_PERCENT = Decimal(10)


class RenewalState(models.TextChoices):
    """Where a renewal is. Transitions are guarded by a trigger."""

    WAITING = "waiting", _("Offer being made")
    OFFERED = "offered", _("Offered")
    ACCEPTED = "accepted", _("Renews")
    ROLLED_OVER = "rolled_over", _("Renewed")
    DECLINED = "declined", _("Declined")
    GRACE = "grace", _("In grace")
    SUSPENDED = "suspended", _("Suspended")
    LAPSED = "lapsed", _("Lost")

    @property
    def tone(self) -> str:
        return {
            "offered": "info", "accepted": "success", "rolled_over": "success", "grace": "warning",
            "suspended": "error", "lapsed": "error",
        }.get(self.value, "neutral")  # fmt: skip

    @property
    def is_undecided(self) -> bool:
        """Whether the customer still has to say something: they are reminded."""
        return self in (RenewalState.WAITING, RenewalState.OFFERED, RenewalState.GRACE)

    @property
    def is_over(self) -> bool:
        """Whether nothing happens to it any more."""
        return self in (RenewalState.ROLLED_OVER, RenewalState.LAPSED)


UNDECIDED = [state for state in RenewalState if state.is_undecided]


class TermsMethod(models.TextChoices):
    """How an account's prices renew; the values are those of `commerce.pricing.renewal.RenewalMethod`."""

    SAME = "same", _("Same price as before")
    LIST = "list", _("Today's list price")
    UPLIFT = "uplift", _("Same price with an uplift")


_A_SHARE = (MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100)))


class RenewalTermsQuerySet(models.QuerySet["RenewalTerms"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


@pghistory.track()
class RenewalTerms(models.Model):
    """How a company's contracts renew. A company without any renews at the price it has, with 15 days of grace."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="renewal_terms")
    method = models.CharField(_("method"), max_length=6, choices=TermsMethod, default=TermsMethod.SAME)
    uplift_percent = models.DecimalField(
        _("uplift"), max_digits=5, decimal_places=2, validators=_A_SHARE, default=Decimal(0)
    )
    is_per_year = models.BooleanField(
        _("uplift for each year of the ended term"), default=True, help_text=_("Off: once, however long it was.")
    )
    # Of a price index (CPI) the uplift is index + spread, at least the floor. Empty: the uplift above holds.
    index_percent = models.DecimalField(
        _("price index"), max_digits=5, decimal_places=2, null=True, blank=True,
        help_text=_("What prices rose by in a year. Blank: the uplift does not follow an index."),
    )  # fmt: skip
    spread_percent = models.DecimalField(
        _("above the index"), max_digits=5, decimal_places=2, validators=_A_SHARE, default=Decimal(0)
    )
    floor_percent = models.DecimalField(
        _("at least"), max_digits=5, decimal_places=2, validators=_A_SHARE, default=Decimal(0)
    )
    cap_percent = models.DecimalField(
        _("at most"), max_digits=5, decimal_places=2, validators=_A_SHARE, null=True, blank=True
    )
    grace_days = models.PositiveSmallIntegerField(_("days of grace"), default=DEFAULT_GRACE_DAYS)
    winback_percent = models.DecimalField(
        _("discount for coming back"),
        max_digits=5,
        decimal_places=2,
        validators=_A_SHARE,
        default=DEFAULT_WINBACK_PERCENT,
    )
    # Who is not reminded shows what reminding does: the renewal board compares both.
    sends_notices = models.BooleanField(_("send notices"), default=True)

    objects = RenewalTermsQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "renewal terms"
        constraints = [
            models.CheckConstraint(
                condition=Q(cap_percent__isnull=True) | Q(cap_percent__gte=F("floor_percent")),
                name="renewal_terms_cap",
                violation_error_message=_("The most must not be less than the least."),
            ),
            models.CheckConstraint(
                condition=Q(uplift_percent__gte=0, spread_percent__gte=0, floor_percent__gte=0, winback_percent__gte=0),
                name="renewal_terms_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.get_method_display()}"


class RenewalQuerySet(models.QuerySet["Renewal"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def undecided(self) -> Self:
        return self.filter(state__in=UNDECIDED)

    def in_state(self, *states: RenewalState) -> Self:
        return self.filter(state__in=states)

    def due_between(self, first: date, until: date) -> Self:
        """Those whose term ends in a period, half-open."""
        return self.filter(due_date__gte=first, due_date__lt=until)

    def reached(self, now: datetime, *, days_before: int = 0) -> Self:
        """Those that, where the customer is, have come to so many days before (below zero: after) their term's end."""
        there = models.ExpressionWrapper(F("local_day") + days_before, output_field=models.DateField())
        return self.annotate(local_day=local_day(now)).filter(
            due_date__lte=there, due_date__lt=latest_day(now) + timedelta(days=days_before + 1)
        )

    def with_parties(self) -> Self:
        return self.select_related("account", "contract", "quote", "successor")

    def soonest_first(self) -> Self:
        return self.order_by("due_date", "pk")


def latest_day(now: datetime) -> date:
    """The day that it is where it is latest, so that an index finds what may be due: a day ahead of Greenwich."""
    return now.astimezone(UTC).date() + timedelta(days=1)


def local_day(now: datetime, account: str = "account") -> Func:
    """The calendar day of a moment where each row's company is, worked out by the database."""
    return Func(
        F(f"{account}__time_zone"),
        models.Value(now),
        function="timezone",
        template="(%(function)s(%(expressions)s))::date",
        output_field=models.DateField(),
    )


class Renewal(models.Model):
    """What becomes of one contract when its term ends: the offer, the answer, and the contract that follows it.

    Its days are kept, so that it can be told later whether being told made customers decide earlier.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="renewals")
    contract = models.OneToOneField(Contract, on_delete=models.PROTECT, related_name="renewal")
    state = models.CharField(max_length=11, choices=RenewalState, default=RenewalState.WAITING)
    due_date = models.DateField()  # The first day of the new term: the contract's end.
    # The quote that can be accepted, or was. None while none could be made.
    quote = models.OneToOneField(Quote, on_delete=models.PROTECT, null=True, related_name="renewal")
    term_months = models.PositiveSmallIntegerField()  # Of the new term.
    # The first day after the new term, where contracts are made to end on one day. Empty: after the months above.
    until_date = models.DateField(null=True)
    method = models.CharField(max_length=6, choices=TermsMethod, default=TermsMethod.SAME)
    uplift_percent = models.DecimalField(max_digits=8, decimal_places=4, default=Decimal(0))  # For the whole term.
    promised_percent = models.DecimalField(max_digits=5, decimal_places=2, default=Decimal(0))  # For staying.
    flags = models.JSONField(default=dict)  # Products that keep their old price, and why: {"sso": "not_sold"}.
    currency = models.CharField(max_length=3)
    monthly_before_minor = models.BigIntegerField(default=0)  # Recurring, per month, before tax.
    monthly_after_minor = models.BigIntegerField(default=0)
    grace_days = models.PositiveSmallIntegerField(default=DEFAULT_GRACE_DAYS)
    # What the customer asked for: quantities by code that differ from what they have. Empty: all as it is.
    wish = models.JSONField(default=dict)
    is_automatic = models.BooleanField(default=False)  # Accepted by the contract's own clause.
    is_notified = models.BooleanField(default=True)  # Whether its people are reminded.
    successor = models.OneToOneField(
        Contract, on_delete=models.PROTECT, null=True, related_name="renewal_of_predecessor"
    )
    created_at = models.DateTimeField(default=timezone.now)
    offered_at = models.DateTimeField(null=True)  # The first offer.
    notified_at = models.DateTimeField(null=True)  # The first notice after it.
    accepted_at = models.DateTimeField(null=True)
    declined_at = models.DateTimeField(null=True)
    rolled_over_at = models.DateTimeField(null=True)
    grace_at = models.DateTimeField(null=True)
    suspended_at = models.DateTimeField(null=True)
    winback_at = models.DateTimeField(null=True)
    lapsed_at = models.DateTimeField(null=True)

    objects = RenewalQuerySet.as_manager()

    class Meta:
        permissions = [("renew_contracts", "Can decide about renewals for customers")]
        indexes = [
            models.Index(fields=["account", "due_date"], name="renewal_account_due"),
            models.Index(fields=["state", "due_date"], name="renewal_state_due"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="rolled_over", successor__isnull=False, rolled_over_at__isnull=False)
                | (~Q(state="rolled_over") & Q(successor__isnull=True)),
                name="renewal_successor",
            ),
            models.CheckConstraint(
                condition=Q(until_date__isnull=True) | Q(until_date__gt=F("due_date")), name="renewal_period"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["offered", "accepted"]) | Q(quote__isnull=False), name="renewal_has_quote"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contract}: {self.get_state_display()}"

    @property
    def state_choice(self) -> RenewalState:
        return RenewalState(self.state)

    @property
    def last_date(self) -> date:
        """The last day of the old term."""
        return self.due_date - timedelta(days=1)

    @property
    def grace_until_date(self) -> date:
        """The first day without access, where nobody has renewed by then."""
        return self.due_date + timedelta(days=self.grace_days)

    @property
    def period(self) -> Period:
        """The new term."""
        return Period(self.due_date, self.until_date or add_months(self.due_date, self.term_months))

    @property
    def change_minor(self) -> int:
        """How much more a month costs, before tax."""
        return self.monthly_after_minor - self.monthly_before_minor

    @property
    def is_outdated(self) -> bool:
        """Whether the contract was changed after the offer was made. The job makes a new one within the hour."""
        if self.state != RenewalState.OFFERED or self.quote is None or not self.quote.status_choice.is_open:
            return False
        return self.quote.contract_version != self.contract.version

    @property
    def can_be_accepted(self) -> bool:
        is_offered = self.state in (RenewalState.OFFERED, RenewalState.GRACE) and self.quote_id is not None
        return is_offered and not self.is_outdated


class NoticeKind(models.TextChoices):
    """What a customer is told about a renewal."""

    OFFER = "offer", _("The offer")
    NOTICE = "notice", _("A reminder")
    RENEWED = "renewed", _("Renewed")
    GRACE = "grace", _("Begin of the grace")
    SUSPENDED = "suspended", _("Suspension")
    WINBACK = "winback", _("Offer to come back")


class RenewalNoticeQuerySet(models.QuerySet["RenewalNotice"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def waiting(self) -> Self:
        """Those that nobody was told of yet."""
        return self.filter(sent_at__isnull=True, dropped_at__isnull=True)


class RenewalNotice(models.Model):
    """Something that is to be told about a renewal, once. Not told any more where it was decided in the meantime."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    renewal = models.ForeignKey(Renewal, on_delete=models.PROTECT, related_name="notices")
    kind = models.CharField(max_length=9, choices=NoticeKind)
    days_before = models.SmallIntegerField()  # The end of the term; below zero: after it.
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    dropped_at = models.DateTimeField(null=True)

    objects = RenewalNoticeQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], condition=Q(sent_at__isnull=True, dropped_at__isnull=True), name="renewal_notice_waiting"
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["account", "renewal", "kind", "days_before"], name="renewal_notice_once")
        ]

    def __str__(self) -> str:
        return f"{self.renewal}: {self.get_kind_display()}"
