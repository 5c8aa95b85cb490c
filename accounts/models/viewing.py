"""When somebody of the vendor's staff looked at the portal as a customer's person does."""

import uuid
from datetime import datetime
from typing import Self

import pghistory
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.companies import Account


class ViewingQuerySet(models.QuerySet["Viewing"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def open(self, now: datetime) -> Self:
        return self.filter(ended_at__isnull=True, expires_at__gt=now)


@pghistory.track()
class Viewing(models.Model):
    """One visit of a member of staff in a person's place: who, as whom, why, and for how long."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="viewings")
    staff = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, related_name="viewings_made", verbose_name=_("staff")
    )
    person = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, related_name="viewings_of", verbose_name=_("seen as")
    )
    reason = models.CharField(_("reason"), max_length=300)
    is_elevated = models.BooleanField(_("may change things"), default=False)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    expires_at = models.DateTimeField(_("ends at the latest"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    objects = ViewingQuerySet.as_manager()

    class Meta:
        verbose_name = _("view as customer")
        verbose_name_plural = _("views as customer")
        permissions = [
            ("view_as_customer", _("View the portal as a customer's person")),
            ("act_for_customer", _("Change things while viewing as a customer's person")),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(staff=models.F("person")), name="viewing_of_another"),
            models.CheckConstraint(condition=~Q(reason=""), name="viewing_has_a_reason"),
        ]

    def give_up_elevation(self) -> None:
        """From now on it only looks; whoever may change things again begins anew."""
        self.is_elevated = False
        self.save(update_fields=["is_elevated"])

    def __str__(self) -> str:
        return f"{self.staff} as {self.person}"
