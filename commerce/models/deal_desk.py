"""The vendor's own approvals of a quote: the rules, whom they ask, what was decided, and who stands in.

A customer's purchase above a buyer's limit is another matter: see `commerce.models.approvals`.
"""

import uuid
from datetime import date, datetime, timedelta
from typing import Self

import pghistory
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Tier, User
from accounts.permissions import StaffGroup
from commerce.catalogue.conditions import Condition, ConditionRefused, FactKind, Facts, parse
from commerce.models.quotes import Quote

LONGEST_WAIT = 365  # Days, before a request goes to somebody else.

# What a rule may ask of a quote. Discounts are those that our people gave by hand; amounts are in whole currency units.
APPROVAL_FACTS = Facts(
    named={
        "max_discount_percent": FactKind.NUMBER,
        "min_discount_percent": FactKind.NUMBER,
        "average_discount_percent": FactKind.NUMBER,
        "sum_discount_percent": FactKind.NUMBER,
        "lines_below_floor": FactKind.NUMBER,
        "floor_margin_percent": FactKind.NUMBER,
        "total": FactKind.NUMBER,
        "commitment": FactKind.NUMBER,
        "over_self_service_limit": FactKind.NUMBER,
        "monthly_after": FactKind.NUMBER,
        "term_months": FactKind.NUMBER,
        "payment_days": FactKind.NUMBER,
        "has_special_terms": FactKind.TEXT,
        "is_new_business": FactKind.TEXT,
        "origin": FactKind.TEXT,
        "tier": FactKind.TEXT,
        "country": FactKind.TEXT,
        "currency": FactKind.TEXT,
        "products": FactKind.TEXTS,
    },
    prefixed={"quantity:": FactKind.NUMBER, "discount:": FactKind.NUMBER},
)

_ONE_APPROVER = Q(group="", approver__isnull=False) | (~Q(group="") & Q(approver__isnull=True))
_AT_MOST_ONE_NEXT = Q(escalate_to_group="") | Q(escalate_to__isnull=True)
ONE_APPROVER_WORDS = _("Say who approves: a group, or one person.")


class ApprovalRuleQuerySet(models.QuerySet["ApprovalRule"]):
    def active(self) -> Self:
        return self.filter(is_active=True)


@pghistory.track()
class ApprovalRule(models.Model):
    """When a quote needs an approval: all conditions hold. Either-or is two rules."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    # [{"fact": "max_discount_percent", "operator": "above", "value": "10"}]; see `commerce.conditions`.
    conditions = models.JSONField(_("conditions"), default=list, encoder=DjangoJSONEncoder)
    is_active = models.BooleanField(_("active"), default=True)

    objects = ApprovalRuleQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raises `ValidationError` for conditions that cannot be asked, and for none at all."""
        try:
            parsed = self.parsed_conditions()
        except ConditionRefused as refusal:
            raise ValidationError({"conditions": str(refusal)}) from refusal
        if not parsed:
            raise ValidationError({"conditions": _("Without a condition, every quote would need this approval.")})

    def parsed_conditions(self) -> tuple[Condition, ...]:
        """Raises `ConditionRefused`."""
        return parse(self.conditions, facts=APPROVAL_FACTS)


@pghistory.track()
class ApprovalStep(models.Model):
    """Whom a rule asks. Steps of one position are asked at once; the next position waits for all of them."""

    rule = models.ForeignKey(ApprovalRule, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField(
        _("position"), default=1, validators=[MinValueValidator(1), MaxValueValidator(99)]
    )
    group = models.CharField(_("group"), max_length=30, choices=StaffGroup, blank=True)
    approver = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("person"),
        limit_choices_to={"is_staff": True, "is_active": True},
    )  # fmt: skip
    escalate_after_days = models.PositiveSmallIntegerField(
        _("also ask somebody else after days"), null=True, blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_WAIT)],
    )  # fmt: skip
    escalate_to_group = models.CharField(_("then this group"), max_length=30, choices=StaffGroup, blank=True)
    escalate_to = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("then this person"),
        limit_choices_to={"is_staff": True, "is_active": True},
    )  # fmt: skip

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=_ONE_APPROVER, name="approval_step_one_approver", violation_error_message=ONE_APPROVER_WORDS
            ),
            models.CheckConstraint(
                condition=_AT_MOST_ONE_NEXT
                & (
                    Q(escalate_after_days__isnull=True, escalate_to_group="", escalate_to__isnull=True)
                    | Q(escalate_after_days__isnull=False) & (~Q(escalate_to_group="") | Q(escalate_to__isnull=False))
                ),
                name="approval_step_escalation",
                violation_error_message=_("Say after how many days, and whom: a group, or one person."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.whom}"

    @property
    def whom(self) -> str:
        return named(self.group, self.approver)


class QuoteApprovalStatus(models.TextChoices):
    """How a request of the deal desk stands."""

    WAITING = "waiting", _("Waiting")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    SKIPPED = "skipped", _("Not needed any more")
    LAPSED = "lapsed", _("Overtaken")

    @property
    def tone(self) -> str:
        return {"waiting": "warning", "approved": "success", "rejected": "danger"}.get(self.value, "default")


class QuoteApprovalQuerySet(models.QuerySet["QuoteApproval"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def waiting(self) -> Self:
        """Also those of later positions, which nobody has been told of."""
        return self.filter(status=QuoteApprovalStatus.WAITING)

    def told(self) -> Self:
        return self.filter(told_at__isnull=False)

    def decided(self) -> Self:
        return self.filter(decided_by__isnull=False)

    def to_escalate(self, now: datetime) -> Self:
        return self.waiting().told().filter(escalated_at__isnull=True, escalate_at__lte=now)

    def of_nobody(self) -> Self:
        """Whom it waits for has left, or the group has nobody any more but whose quote it is."""
        makers = (Coalesce(OuterRef(f"quote__{name}"), 0) for name in ("created_by", "submitted_by"))
        here = User.objects.filter(is_staff=True, is_active=True).exclude(pk__in=list(makers))
        asked = here.filter(Q(pk=OuterRef("approver")) | Q(groups__name=OuterRef("group")))
        besides = here.filter(Q(pk=OuterRef("escalate_to")) | Q(groups__name=OuterRef("escalate_to_group")))
        has_next = Q(escalated_at__isnull=False) & Exists(besides)
        return self.waiting().told().filter(~Exists(asked)).exclude(has_next)


@pghistory.track()
class QuoteApproval(models.Model):
    """What one group or person is asked about one version of a quote, and what they said.

    Bound to the price that they see (`price_hash`). Decided once, never by who submitted the quote: a trigger keeps
    both. A quote that ends before takes its requests along (another trigger): they lapse.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    quote = models.ForeignKey(Quote, on_delete=models.PROTECT, related_name="staff_approvals")
    price_hash = models.CharField(max_length=64)
    position = models.PositiveSmallIntegerField()
    group = models.CharField(max_length=30, choices=StaffGroup, blank=True)
    approver = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    # Why, as the rules were when it was asked: [{"rule": "…", "conditions": [{…, "found": "12.5"}]}].
    reasons = models.JSONField(default=list, encoder=DjangoJSONEncoder)
    # What any rule asked of this version. A later version for which all of it is the same keeps the approvals.
    facts = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    status = models.CharField(max_length=10, choices=QuoteApprovalStatus, default=QuoteApprovalStatus.WAITING)
    asked_at = models.DateTimeField(default=timezone.now)
    told_at = models.DateTimeField(null=True, blank=True)  # None: those of an earlier position come first.
    escalate_after_days = models.PositiveSmallIntegerField(null=True, blank=True)
    escalate_to_group = models.CharField(max_length=30, choices=StaffGroup, blank=True)
    escalate_to = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    escalate_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    on_behalf_of = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True)
    kept_from = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    objects = QuoteApprovalQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["told_at", "id"], name="quote_approval_waiting", condition=Q(status="waiting")),
            models.Index(fields=["-decided_at", "-id"], name="quote_approval_decided"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "quote", "group", "approver"], name="quote_approval_once", nulls_distinct=False
            ),
            models.CheckConstraint(condition=_ONE_APPROVER, name="quote_approval_one_approver"),
            models.CheckConstraint(
                condition=Q(status="waiting", decided_at__isnull=True, decided_by__isnull=True)
                | Q(status__in=["approved", "rejected"], decided_at__isnull=False, decided_by__isnull=False)
                | Q(status__in=["skipped", "lapsed"], decided_at__isnull=False, decided_by__isnull=True),
                name="quote_approval_decision",
            ),
            models.CheckConstraint(
                condition=~Q(status="rejected") | ~Q(note=""), name="quote_approval_rejected_says_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quote}: {self.whom}"

    @property
    def status_choice(self) -> QuoteApprovalStatus:
        return QuoteApprovalStatus(self.status)

    @property
    def is_waiting(self) -> bool:
        return self.status == QuoteApprovalStatus.WAITING

    @property
    def whom(self) -> str:
        return named(self.group, self.approver)

    @property
    def whom_besides(self) -> str:
        """Who is asked, too, once it has waited too long."""
        return named(self.escalate_to_group, self.escalate_to)

    def tell(self, now: datetime) -> None:
        """It is their turn: from now on the days until it escalates run."""
        self.told_at = now
        if self.escalate_after_days is not None:
            self.escalate_at = now + timedelta(days=self.escalate_after_days)
        self.save(update_fields=["told_at", "escalate_at"])


class SelfServiceLimitQuerySet(models.QuerySet["SelfServiceLimit"]):
    def for_account(self, account: Account) -> Self:
        """The company's own, its tier's, and those for everybody."""
        of_tier = Q(tier__isnull=True) | Q(tier=account.tier_id)
        return self.filter(Q(account=account) | Q(account__isnull=True) & of_tier)


@pghistory.track()
class SelfServiceLimit(models.Model):
    """Up to what amount a company orders in the portal without our looking at the quote first.

    Of one company, of a tier, or of everybody, in this order. Held against it is `Quote.commitment_minor`.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("company"))
    tier = models.ForeignKey(Tier, on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("tier"))
    limit_minor = models.BigIntegerField(_("limit"), null=True, blank=True)  # With tax. None: no limit here.
    currency = models.CharField(_("currency"), max_length=3)

    objects = SelfServiceLimitQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "tier", "currency"], name="self_service_limit_once", nulls_distinct=False,
                violation_error_message=_("There is a limit for them in this currency already."),
            ),
            models.CheckConstraint(
                condition=Q(account__isnull=True) | Q(tier__isnull=True), name="self_service_limit_of_one",
                violation_error_message=_("Name a company or a tier, not both; neither is everybody."),
            ),
            models.CheckConstraint(
                condition=Q(limit_minor__isnull=True) | Q(limit_minor__gte=0), name="self_service_limit_amount"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return str(self.account or self.tier or _("Everybody"))


class DelegationQuerySet(models.QuerySet["Delegation"]):
    def running(self, today: date) -> Self:
        return self.filter(start_date__lte=today, end_date__gt=today)


@pghistory.track()
class Delegation(models.Model):
    """While somebody is away, a colleague decides about quotes for them. Ends by itself, and is not passed on."""

    absentee = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="+", verbose_name=_("away"), limit_choices_to={"is_staff": True}
    )
    stand_in = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="+", verbose_name=_("decides for them"),
        limit_choices_to={"is_staff": True, "is_active": True},
    )  # fmt: skip
    start_date = models.DateField(_("first day away"))
    end_date = models.DateField(_("first day back"))  # Exclusive.

    objects = DelegationQuerySet.as_manager()

    class Meta:
        ordering = ["-start_date", "-pk"]
        permissions = [("delegate_for_others", "Say who decides about quotes for somebody else")]
        constraints = [
            models.CheckConstraint(
                condition=Q(end_date__gt=F("start_date")),
                name="delegation_period",
                violation_error_message=_("The first day back comes after the first day away."),
            ),
            models.CheckConstraint(
                condition=~Q(stand_in=F("absentee")),
                name="delegation_to_another",
                violation_error_message=_("Somebody else has to decide for you."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.absentee} → {self.stand_in}"


def named(group: str, person: User | None) -> str:
    """A group or a person, as the staff read it."""
    return str(person) if person is not None else str(StaffGroup(group).label) if group else ""
