"""What a company demands of its people's sign-in."""

from datetime import date, timedelta
from typing import Self

import pghistory
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.companies import Account


class SecurityPolicyQuerySet(models.QuerySet["SecurityPolicy"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


class IdleLimit(models.IntegerChoices):
    """Minutes without a click after which people sign in again."""

    QUARTER_HOUR = 15, _("15 minutes")
    HALF_HOUR = 30, _("30 minutes")
    HOUR = 60, _("1 hour")
    FOUR_HOURS = 240, _("4 hours")


class AbsoluteLimit(models.IntegerChoices):
    """Hours after which people sign in again, whatever they do."""

    EIGHT_HOURS = 8, _("8 hours")
    HALF_DAY = 12, _("12 hours")
    DAY = 24, _("1 day")
    WEEK = 168, _("7 days")


@pghistory.track()
class SecurityPolicy(models.Model):
    """A company's own rules for signing in. Without one, and where it says nothing, the vendor's hold."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="security_policy")
    mfa_required = models.BooleanField(_("two-factor sign-in is required"), default=False)
    mfa_from_date = models.DateField(_("from"), null=True, blank=True)  # In UTC; empty: at once.
    idle_minutes = models.PositiveIntegerField(_("without a click"), choices=IdleLimit, null=True, blank=True)
    absolute_hours = models.PositiveIntegerField(_("in any case"), choices=AbsoluteLimit, null=True, blank=True)
    since = models.DateTimeField(default=timezone.now)

    objects = SecurityPolicyQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.account)

    def clean(self) -> None:
        if self.idle_minutes and self.absolute_hours and self.idle_minutes > self.absolute_hours * 60:
            raise ValidationError(_("The first limit cannot be longer than the second."))

    def demands_second_factor(self, today: date) -> bool:
        return self.mfa_required and (self.mfa_from_date is None or self.mfa_from_date <= today)

    @property
    def idle_limit(self) -> timedelta | None:
        return timedelta(minutes=self.idle_minutes) if self.idle_minutes else None

    @property
    def absolute_limit(self) -> timedelta | None:
        return timedelta(hours=self.absolute_hours) if self.absolute_hours else None
