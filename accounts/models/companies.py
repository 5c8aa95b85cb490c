"""The customer companies, and who belongs to them with which roles."""

import uuid
from datetime import date, datetime
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.inbound import ReportKind
from accounts.models.people import offered_or_none
from accounts.permissions import Permission, Role, allowed
from tracking.actor import Actor, ActorKind

if TYPE_CHECKING:
    from accounts.models.entitlements import Entitlements


class Tier(models.Model):
    """A commercial tier: which price book and which service an account gets. Code never asks for a tier by name."""

    code = models.SlugField(unique=True)
    name = models.CharField(max_length=60)
    rank = models.PositiveSmallIntegerField(unique=True)

    class Meta:
        ordering = ["rank"]

    def __str__(self) -> str:
        return self.name


class Industry(models.TextChoices):
    MANUFACTURING = "manufacturing", _("Manufacturing")
    LOGISTICS = "logistics", _("Logistics")
    HEALTHCARE = "healthcare", _("Healthcare")
    RETAIL = "retail", _("Retail")
    ENERGY = "energy", _("Energy")
    CONSTRUCTION = "construction", _("Construction")


class LifecycleStage(models.TextChoices):
    ONBOARDING = "onboarding", _("Onboarding")
    ADOPTING = "adopting", _("Adopting")
    GROWING = "growing", _("Growing")
    RENEWING = "renewing", _("Renewing")
    AT_RISK = "at_risk", _("At risk")


def validate_time_zone(value: str) -> None:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValidationError(_("“%(value)s” is not a time zone."), params={"value": value}) from error


@pghistory.track()
class Account(models.Model):
    """A customer company. Everything a customer owns hangs on its account, and other companies never see it."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)  # Its external id in the CRM.
    name = models.CharField(_("name"), max_length=200)
    tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="accounts", verbose_name=_("tier"))
    industry = models.CharField(_("industry"), max_length=20, choices=Industry, blank=True)
    lifecycle_stage = models.CharField(
        _("lifecycle stage"), max_length=20, choices=LifecycleStage, default=LifecycleStage.ONBOARDING
    )
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="subsidiaries")
    # Whether the parent company's administrators may look at everything here. They change nothing.
    is_open_to_parent = models.BooleanField(_("open to the parent company"), default=False)
    owner = models.ForeignKey(
        "accounts.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="accounts_owned"
    )  # The customer success manager.
    sales_contact = models.ForeignKey(
        "accounts.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="accounts_sold"
    )
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    website = models.URLField(_("website"), blank=True)
    billing_email = models.EmailField(_("billing e-mail"), blank=True)
    billing_street = models.CharField(_("street"), max_length=200, blank=True)
    billing_postal_code = models.CharField(_("postal code"), max_length=20, blank=True)
    billing_city = models.CharField(_("city"), max_length=100, blank=True)
    billing_country = models.CharField(_("country"), max_length=2, default="DE")  # ISO 3166-1 alpha-2.
    vat_id = models.CharField(_("VAT id"), max_length=20, blank=True)
    billing_po_number = models.CharField(_("usual purchase order number"), max_length=60, blank=True)
    billing_reference = models.CharField(_("reference for invoices"), max_length=60, blank=True)
    # The address for invoices that mail came back from, and why; out of force once there is another address.
    unreachable_email = models.EmailField(_("mail comes back from"), blank=True, editable=False)
    unreachable_reason = models.CharField(_("because"), max_length=10, choices=ReportKind, blank=True, editable=False)
    currency = models.CharField(_("currency"), max_length=3, default="EUR")  # ISO 4217.
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="Europe/Berlin", validators=[validate_time_zone]
    )
    brand = models.ForeignKey(
        "accounts.Brand", on_delete=models.SET_NULL, null=True, blank=True, related_name="accounts"
    )  # Empty: the default brand.
    # What its people read who have not chosen, and its documents. Empty: what each one's browser asks for.
    language = models.CharField(_("language"), max_length=10, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    first_login_at = models.DateTimeField(null=True, blank=True)  # First portal sign-in by one of its people.
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["name"], name="account_name")]
        permissions = [
            ("reassign_accounts", "Can give companies of any colleague to another"),
            ("view_data_quality", "Can see how complete the companies' data are"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def preferred_language(self) -> str:
        """The company's language; empty where it has chosen none that the portal offers."""
        return offered_or_none(self.language)

    @property
    def billing_mail_problem(self) -> ReportKind | None:
        """Why mail to the address for invoices does not arrive, if it does not."""
        if self.unreachable_reason and self.unreachable_email.lower() == self.billing_email.lower():
            return ReportKind(self.unreachable_reason)
        return None

    def local_date(self, moment: datetime) -> date:
        """The calendar day of a moment where the company is: its terms begin, end and fall due by it."""
        return moment.astimezone(ZoneInfo(self.time_zone)).date()

    @property
    def entitlements(self) -> "Entitlements":
        """What the account may use today; one query per call of this property, so keep the answer."""
        from accounts.models.entitlements import Entitlements

        return Entitlements.of(self, today=self.local_date(timezone.now()))


class MembershipQuerySet(models.QuerySet["Membership"]):
    def active(self) -> Self:
        return self.filter(is_active=True, account__is_active=True, user__is_active=True)

    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def with_permission(self, permission: Permission) -> Self:
        """Those whose roles grant it."""
        return self.filter(roles__overlap=[role for role in Role if allowed([role], permission)])

    def with_role(self, role: str) -> Self:
        return self.filter(roles__contains=[role])

    def inactive(self) -> Self:
        """Of whom the company or the vendor said that they may no longer come in."""
        return self.filter(models.Q(is_active=False) | models.Q(user__is_active=False))

    def matching(self, text: str, *, also_email: bool) -> Self:
        """Those whose name has `text` in it, or their e-mail where the one who asks may see that."""
        found = models.Q(user__name__icontains=text)
        return self.filter(found | models.Q(user__email__icontains=text) if also_email else found)


@pghistory.track(exclude=["last_seen_at"])
class Membership(models.Model):
    """A person's place in a company, with a set of roles."""

    public_id = models.UUIDField(
        default=uuid.uuid4, unique=True, editable=False
    )  # The contact's external id in the CRM.
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="memberships")
    roles = ArrayField(models.CharField(max_length=20, choices=Role), verbose_name=_("roles"))
    department = models.CharField(_("department"), max_length=80, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(null=True, blank=True)

    # Stands in for a membership that is not there: an administrator of the parent company looks on. Never saved.
    is_of_parent = False
    # What it grants at the most in this request, where somebody looks on or stands in; None: all that its roles do.
    limited_to: frozenset[Permission] | None = None

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="membership_once"),
            models.CheckConstraint(
                condition=models.Q(roles__contained_by=[role.value for role in Role]) & models.Q(roles__len__gt=0),
                name="membership_known_roles",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.account}"

    def may(self, permission: Permission) -> bool:
        if self.limited_to is not None and permission not in self.limited_to:
            return False
        return self.is_active and allowed(self.roles, permission)

    @property
    def may_come_in(self) -> bool:
        """Whether both the membership and the person are active."""
        return self.is_active and self.user.is_active

    @property
    def role_labels(self) -> list[str]:
        return [str(Role(role).label) for role in Role if role in self.roles]

    def actor(self) -> Actor:
        return Actor(user_id=self.user_id, account_id=self.account_id, kind=ActorKind.CUSTOMER)
