"""What people were told, how each of them wants to be told, and when."""

import uuid
from collections.abc import Iterable
from datetime import time
from typing import Self

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models.companies import Account, Membership
from accounts.models.people import User


class NotificationQuerySet(models.QuerySet["Notification"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def for_person(self, memberships: Iterable[Membership]) -> Self:
        """What the bell of somebody with these memberships shows: nothing of a role they have lost meanwhile."""
        from accounts.notifications.types import names_for

        theirs = models.Q(pk__in=[])
        user_id = None
        for membership in memberships:
            user_id = membership.user_id
            theirs |= models.Q(account=membership.account_id, kind__in=names_for(membership))
        return self.filter(theirs, user=user_id, in_bell=True)

    def unread(self) -> Self:
        return self.filter(read_at__isnull=True)

    def recent_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class Notification(models.Model):
    """Something a person was told about. The line is put together when it is read, in the reader's language."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="notifications")
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=60)  # Name of the class in a notifications.py.
    params = models.JSONField(default=dict)  # What its line names: texts and numbers.
    link = models.CharField(max_length=300)  # A path of the portal.
    in_bell = models.BooleanField(default=True)
    waits_for_digest = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["user"], name="notification_unread", condition=models.Q(read_at__isnull=True, in_bell=True)
            ),
            models.Index(
                fields=["user", "-created_at", "-id"], name="notification_recent", condition=models.Q(in_bell=True)
            ),
            models.Index(
                fields=["account", "user", "created_at"],
                name="notification_digest",
                condition=models.Q(waits_for_digest=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"

    @property
    def line(self) -> str:
        """What happened, in the language of the moment."""
        from accounts.notifications.types import type_named

        return type_named(self.kind).line_with(self.params)

    @property
    def icon(self) -> str:
        from accounts.notifications.types import type_named

        return type_named(self.kind).category.icon


class ByMail(models.TextChoices):
    NOW = "now", _("At once")
    DIGEST = "digest", _("In the summary")
    OFF = "off", _("Not by mail")


class NotificationChoiceQuerySet(models.QuerySet["NotificationChoice"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


class NotificationChoice(models.Model):
    """How a person wants to be told of one kind of thing in one company; without a person, what the company suggests.

    Where neither has chosen, the type's own default holds.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="notification_choices")
    user = models.ForeignKey(
        "accounts.User", on_delete=models.CASCADE, null=True, blank=True, related_name="notification_choices"
    )
    kind = models.CharField(max_length=60)
    in_bell = models.BooleanField()
    by_mail = models.CharField(max_length=10, choices=ByMail)

    objects = NotificationChoiceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "user", "kind"], name="notification_choice_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.by_mail}"


class DigestEvery(models.TextChoices):
    DAY = "day", _("Every day")
    WEEK = "week", _("Once a week")
    NEVER = "never", _("Never")


class Weekday(models.IntegerChoices):
    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")


class MailTimes(models.Model):
    """When a person wants mail, on the clock of their own time zone: the hour of the summary, and when to be quiet."""

    user = models.OneToOneField("accounts.User", on_delete=models.CASCADE, related_name="mail_times")
    digest_every = models.CharField(_("summary"), max_length=10, choices=DigestEvery, default=DigestEvery.DAY)
    digest_hour = models.PositiveSmallIntegerField(
        pgettext_lazy("hour of the day", "at"), default=8, validators=[MaxValueValidator(23)]
    )
    digest_weekday = models.PositiveSmallIntegerField(
        pgettext_lazy("day of the week", "on"), choices=Weekday, default=Weekday.MONDAY
    )
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)  # Both or neither.
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="mail_times_quiet_has_both_ends",
            ),
            models.CheckConstraint(condition=models.Q(digest_hour__lte=23), name="mail_times_hour_of_a_day"),
        ]

    def __str__(self) -> str:
        return f"mail times of {self.user_id}"

    @classmethod
    def of(cls, user: User) -> "MailTimes":
        """The person's, or the default ones, not saved."""
        return cls.objects.filter(user=user).first() or cls(user=user)

    @property
    def quiet_hours(self) -> tuple[time, time] | None:
        """From and until; none when the person is never quiet."""
        if self.quiet_from is None or self.quiet_until is None or self.quiet_from == self.quiet_until:
            return None
        return self.quiet_from, self.quiet_until
