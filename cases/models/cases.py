"""Cases: what a customer asked, what was answered, where it stands, and who takes part."""

import uuid
from typing import Self

import pghistory
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Membership, StoredFile, User
from accounts.sequences import NextVal
from cases.models.visibility import CaseRule, CaseVisibility, Sight
from knowledge.models import Topic


class CaseStatus(models.TextChoices):
    NEW = "new", _("New")
    OPEN = "open", _("In progress")
    WAITING = "waiting", _("Waiting for you")
    RESOLVED = "resolved", _("Resolved")
    CLOSED = "closed", _("Closed")

    @property
    def tone(self) -> str:
        """The badge's tone."""
        return {"new": "info", "open": "info", "waiting": "warning", "resolved": "success", "closed": "neutral"}[self]

    @property
    def staff_label(self) -> str:
        """As the vendor's side reads it."""
        return gettext("Waiting for the customer") if self is CaseStatus.WAITING else str(self.label)

    @property
    def is_open(self) -> bool:
        return self not in (CaseStatus.RESOLVED, CaseStatus.CLOSED)


class Priority(models.TextChoices):
    LOW = "low", _("Low")
    NORMAL = "normal", _("Normal")
    HIGH = "high", _("High")
    URGENT = "urgent", _("Urgent")

    @property
    def tone(self) -> str:
        return {"low": "neutral", "normal": "info", "high": "warning", "urgent": "error"}[self]


class CaseQuerySet(models.QuerySet["Case"]):
    def for_account(self, account: Account) -> Self:
        """All of a company's cases: for its staff at the vendor and for jobs. A customer sees `visible_to`."""
        return self.filter(account=account)

    def visible_to(self, membership: Membership) -> Self:
        """The cases of their company that this person sees: the one spelling wherever a customer asks.

        Row-level security says the same in the database's words (`cases_shows`).
        """
        taking_part = CaseParticipant.objects.active().filter(case=OuterRef("pk"), user_id=membership.user_id)
        ruled = CaseRule.objects.about(membership).showing("opened_by_id")
        cases = self.for_account(membership.account)
        return cases.alias(sight=CaseVisibility.objects.for_membership(membership)).filter(
            Q(sight=Sight.COMPANY)
            | Q(opened_by=membership.user_id)
            | Exists(taking_part)
            | (Q(sight=Sight.RULES) & Exists(ruled))
        )

    def matching(self, words: str) -> Self:
        """Those with this number, or with all these words in their subject."""
        number = words.strip().upper().removeprefix("CS-")
        if number.isascii() and number.isdigit() and len(number) <= 15:
            return self.filter(serial=int(number))
        found = self
        for word in words.split():
            found = found.filter(subject__icontains=word)
        return found

    def open(self) -> Self:
        return self.filter(status__in=[status for status in CaseStatus if status.is_open])

    def done(self) -> Self:
        return self.filter(status__in=[status for status in CaseStatus if not status.is_open])

    def recent_first(self) -> Self:
        return self.order_by("-updated_at", "-serial")


@pghistory.track()
class Case(models.Model):
    """One question or problem of a customer, from the first message to the answer."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)  # Its external id in the CRM.
    # Counted per installation by the database; shown as CS-10482.
    serial = models.BigIntegerField(unique=True, editable=False, db_default=NextVal("cases_case_number"))
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="cases")
    opened_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="cases_opened")
    assignee = models.ForeignKey(
        "accounts.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="cases_assigned"
    )
    subject = models.CharField(_("subject"), max_length=200)
    topic = models.CharField(_("topic"), max_length=20, choices=Topic, blank=True)
    priority = models.CharField(_("priority"), max_length=10, choices=Priority, default=Priority.NORMAL)
    status = models.CharField(_("status"), max_length=10, choices=CaseStatus, default=CaseStatus.NEW)
    # One per form the customer filled in: a double click opens one case.
    form_key = models.UUIDField(default=uuid.uuid4)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    first_reply_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["account", "-updated_at", "-serial"], name="case_account_recent"),
            models.Index(fields=["-updated_at", "-serial"], name="case_recent"),  # The staff's queue.
        ]
        constraints = [models.UniqueConstraint(fields=["account", "form_key"], name="case_once_per_form")]

    def __str__(self) -> str:
        return f"{self.number} {self.subject}"

    def get_absolute_url(self) -> str:
        return reverse("cases:detail", args=[self.number])

    @property
    def number(self) -> str:
        return f"CS-{self.serial}"

    def taking_part(self) -> models.QuerySet[User]:
        """Who opened it, and who was added."""
        added = CaseParticipant.objects.active().filter(case=self).values("user")
        return User.objects.filter(Q(pk=self.opened_by_id) | Q(pk__in=added))

    @property
    def is_open(self) -> bool:
        return self.status_choice.is_open

    @property
    def status_choice(self) -> CaseStatus:
        return CaseStatus(self.status)

    @property
    def priority_choice(self) -> Priority:
        return Priority(self.priority)


class CaseParticipantQuerySet(models.QuerySet["CaseParticipant"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def active(self) -> Self:
        return self.filter(is_active=True)


@pghistory.track()
class CaseParticipant(models.Model):
    """A colleague whom somebody added to a case: they see it whatever the company's setting, and hear of answers."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT)  # The case's; row-level security reads it.
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="participants")
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    added_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    is_active = models.BooleanField(default=True)  # Who was taken off again is kept for the audit.
    created_at = models.DateTimeField(default=timezone.now)

    objects = CaseParticipantQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "case", "user"], name="case_participant_once")]
        indexes = [models.Index(fields=["case", "user"], name="case_participant_of")]

    def __str__(self) -> str:
        return str(self.user)


class CaseMessageQuerySet(models.QuerySet["CaseMessage"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def for_customer(self) -> Self:
        """Without the notes that staff write to each other."""
        return self.filter(is_internal=False)


class CaseMessage(models.Model):
    """One message in a case, from the customer or from support. Never edited."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="messages")
    author = models.ForeignKey("accounts.User", on_delete=models.PROTECT)
    is_from_staff = models.BooleanField(default=False)
    is_internal = models.BooleanField(_("internal note"), default=False)
    body = models.TextField(_("message"))
    attachments = models.ManyToManyField(StoredFile, through="CaseAttachment")
    form_key = models.UUIDField(default=uuid.uuid4)
    created_at = models.DateTimeField(default=timezone.now)

    objects = CaseMessageQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["case", "created_at", "id"], name="case_message_order")]
        constraints = [models.UniqueConstraint(fields=["account", "form_key"], name="case_message_once_per_form")]

    def __str__(self) -> str:
        return self.body[:60]


class CaseAttachment(models.Model):
    """A file that came with a message."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT)  # The message's; row-level security reads it.
    message = models.ForeignKey(CaseMessage, on_delete=models.PROTECT)
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT)

    def __str__(self) -> str:
        return str(self.file)
