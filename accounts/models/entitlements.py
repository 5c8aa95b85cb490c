"""What an account may use: features that are on or off, and limits that are counted."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.companies import Account


class Feature(models.TextChoices):
    """What code asks for, instead of asking for a plan or a tier."""

    SSO = "sso", _("Single sign-on and directory sync")
    AUDIT_LOG = "audit_log", _("Audit log export")
    SANDBOX = "sandbox", _("Sandbox workspace")
    PRIORITY_SUPPORT = "priority_support", _("Premium support 24/7")
    ADVANCED_ANALYTICS = "advanced_analytics", _("Advanced analytics")
    AI_ASSIST = "ai_assist", _("AI assist")
    ROUTE_PLANNER = "route_planner", _("Route planner")
    API_ACCESS = "api_access", _("API access")


# What a suspended company keeps: whoever pays its bills may have no other way to sign in.
KEPT_WHILE_SUSPENDED = (Feature.SSO,)


class EntitlementQuerySet(models.QuerySet["Entitlement"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def on(self, today: date) -> Self:
        return self.filter(start_date__lte=today).filter(Q(end_date__isnull=True) | Q(end_date__gt=today))

    def usable(self) -> Self:
        """Without what is withheld from companies that are suspended."""
        suspended = Suspension.objects.filter(account=OuterRef("account"), ended_at=None)
        return self.filter(Q(code__in=KEPT_WHILE_SUSPENDED) | ~Exists(suspended))


class Entitlement(models.Model):
    """One grant to an account for a half-open period: a feature (no quantity) or an amount of a meter.

    Grants of the same code add up. Written and ended by `accounts.services.set_grants`.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="entitlement_rows")
    code = models.CharField(max_length=40)  # A Feature or a tracking.Meter.
    quantity = models.DecimalField(max_digits=20, decimal_places=4, null=True, blank=True)
    start_date = models.DateField()
    end_date = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=60)  # What granted it, such as "subscription:42"; the same source replaces.

    objects = EntitlementQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["account", "code"], name="entitlement_account_code")]
        constraints = [
            models.CheckConstraint(condition=Q(quantity__isnull=True) | Q(quantity__gte=0), name="entitlement_amount"),
            models.CheckConstraint(
                condition=Q(end_date__isnull=True) | Q(end_date__gte=models.F("start_date")), name="entitlement_period"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.code} {self.quantity or ''}".strip()


class Suspension(models.Model):
    """That a company may not use what it was granted, from its start until it is ended. Its grants stay as they are.

    Written by `accounts.services.suspend` and `restore`.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="suspensions")
    reason = models.CharField(max_length=200)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account"], condition=Q(ended_at=None), name="suspension_one_at_a_time"),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=models.F("started_at")), name="suspension_period"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.reason}"


@dataclass(frozen=True)
class Entitlements:
    """What one account may use on one day. The one question the rest of the code asks."""

    features: frozenset[str]
    limits: dict[str, Decimal]

    @classmethod
    def of(cls, account: Account, *, today: date) -> Self:
        """Read them, less what is withheld while the company is suspended; one query."""
        features: set[str] = set()
        limits: dict[str, Decimal] = {}
        for row in Entitlement.objects.for_account(account).on(today).usable():
            if row.quantity is None:
                features.add(row.code)
            else:
                limits[row.code] = limits.get(row.code, Decimal(0)) + row.quantity
        return cls(features=frozenset(features), limits=limits)

    def allows(self, feature: Feature) -> bool:
        return feature in self.features

    def limit(self, meter: str) -> Decimal | None:
        """The limit of a meter; None where the account has no grant of it."""
        return self.limits.get(meter)
