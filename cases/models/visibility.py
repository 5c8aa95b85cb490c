"""Who sees which cases of a company: its setting, settings for one person, and rules by role and department."""

import uuid
from typing import Self

import pghistory
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, Lower
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Account, Membership
from accounts.permissions import Role


class Sight(models.TextChoices):
    """How far somebody sees. One's own cases, and those one was added to, are seen in any case.

    Whatever else a row may say counts as `OWN`: what nobody understands shows nothing more.
    """

    OWN = "own", gettext_lazy("Own cases only")
    COMPANY = "company", gettext_lazy("All cases of the company")
    RULES = "rules", gettext_lazy("By rule")


class CaseVisibilityQuerySet(models.QuerySet["CaseVisibility"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def of_company(self) -> Self:
        """The setting for everybody; none where the company never chose."""
        return self.filter(membership__isnull=True)

    def of_people(self) -> Self:
        """The settings for one person each, where they differ from the company's."""
        return self.filter(membership__isnull=False).exclude(sight="")

    def for_membership(self, membership: Membership) -> Coalesce:
        """How far one person sees, inside a query: their own setting, else the company's, else the whole company.

        An administrator of the parent company, who has no row here, sees as the company's setting says.
        """
        rows = self.filter(account_id=membership.account_id)
        own = rows.filter(membership_id=membership.pk).exclude(sight="").values("sight")
        return Coalesce(Subquery(own[:1]), Subquery(rows.of_company().values("sight")[:1]), Value(Sight.COMPANY.value))


@pghistory.track()
class CaseVisibility(models.Model):
    """How far the people of a company see into its cases, or, with a membership, how far one person does."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    membership = models.ForeignKey(
        Membership,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=gettext_lazy("person"),
    )
    # Empty, for a person: as the company's. No constraint on the value: one that is not known counts as "own".
    sight = models.CharField(gettext_lazy("sees"), max_length=10, choices=Sight, blank=True)

    objects = CaseVisibilityQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("case visibility")
        verbose_name_plural = gettext_lazy("case visibility")
        constraints = [
            models.UniqueConstraint(fields=["account", "membership"], nulls_distinct=False, name="case_visibility_once")
        ]

    def __str__(self) -> str:
        return f"{self.membership or self.account}: {self.get_sight_display()}"


class CaseRuleQuerySet(models.QuerySet["CaseRule"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def active(self) -> Self:
        return self.filter(is_active=True)

    def about(self, membership: Membership) -> Self:
        """Those that say something about this person."""
        about_them = Q(role__in=membership.roles)  # Never empty, so a rule about a department does not match.
        if membership.department:
            about_them |= Q(named=Lower(Value(membership.department)))
        rows = self.active().alias(named=Lower("department"))
        return rows.filter(about_them, account_id=membership.account_id)

    def showing(self, opener: str) -> Self:
        """Those that show cases opened by the person whose id the outer query has in `opener`."""
        theirs = Membership.objects.filter(account_id=OuterRef("account_id"), user_id=OuterRef(OuterRef(opener)))
        return self.filter(
            Q(of_department="")
            | Exists(theirs.alias(named=Lower("department")).filter(named=Lower(OuterRef("of_department"))))
        )


@pghistory.track()
class CaseRule(models.Model):
    """One sentence: who has this role, or works in this department, sees the company's cases, or a department's.

    It counts for people whose sight is "by rule". A case belongs to the department that the person who opened it
    works in today.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    # Exactly one of the two says whom the rule is about.
    role = models.CharField(gettext_lazy("role"), max_length=20, choices=Role, blank=True)
    department = models.CharField(gettext_lazy("department"), max_length=80, blank=True)
    # Whose cases they see; empty: everybody's.
    of_department = models.CharField(gettext_lazy("sees cases of department"), max_length=80, blank=True)

    is_active = models.BooleanField(gettext_lazy("active"), default=True)  # A rule taken back is kept for the audit.

    objects = CaseRuleQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("case rule")
        verbose_name_plural = gettext_lazy("case rules")
        constraints = [
            models.CheckConstraint(condition=Q(role="") ^ Q(department=""), name="case_rule_about_one_thing"),
            models.UniqueConstraint(
                F("account"), F("role"), Lower("department"), Lower("of_department"), name="case_rule_once"
            ),
        ]

    def __str__(self) -> str:
        return self.sentence

    @property
    def sentence(self) -> str:
        """The rule as people read it."""
        names = {"whose": self.of_department}
        if self.role:
            names["who"] = str(Role(self.role).label) if self.role in Role else self.role
            if self.of_department:
                return _("People with the role %(who)s see the cases of the department %(whose)s.") % names
            return _("People with the role %(who)s see all cases of the company.") % names
        names["who"] = self.department
        if self.of_department:
            return _("People of the department %(who)s see the cases of the department %(whose)s.") % names
        return _("People of the department %(who)s see all cases of the company.") % names
