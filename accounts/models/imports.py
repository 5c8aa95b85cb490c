"""Colleagues invited from a file: what was sent, what becomes of each line, and how far it is."""

import uuid
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.companies import Account
from accounts.permissions import Role


class ImportState(models.TextChoices):
    PREVIEW = "preview", _("Waiting for you to confirm")
    RUNNING = "running", _("Invitations are being sent")
    DONE = "done", _("Done")


class LineOutcome(models.TextChoices):
    """What becomes of one line."""

    READY = "ready", _("Will be invited")
    INVITED = "invited", _("Invited")
    ALREADY_MEMBER = "already_member", _("Is a colleague already")
    DEACTIVATED = "deactivated", _("Is a deactivated colleague: let them in again instead")
    ALREADY_INVITED = "already_invited", _("Has an open invitation already")
    DUPLICATE = "duplicate", _("Stands in the file twice; the first line counts")
    BAD_EMAIL = "bad_email", _("Not an e-mail address")
    UNKNOWN_ROLE = "unknown_role", _("Names a role that does not exist")
    TOO_LONG = "too_long", _("Name or department is too long")
    STOPPED = "stopped", _("Not invited: who confirmed the file is no longer an administrator")

    @property
    def tone(self) -> str:
        good = (LineOutcome.READY, LineOutcome.INVITED)
        bad = (LineOutcome.BAD_EMAIL, LineOutcome.UNKNOWN_ROLE, LineOutcome.TOO_LONG, LineOutcome.STOPPED)
        return "success" if self in good else "error" if self in bad else "neutral"


class MemberImportQuerySet(models.QuerySet["MemberImport"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


class MemberImport(models.Model):
    """A file of colleagues: looked at first, and sent once somebody has confirmed it."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    uploaded_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    file_name = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=ImportState, default=ImportState.PREVIEW)
    line_count = models.PositiveIntegerField()
    ready_count = models.PositiveIntegerField()  # Lines that can be invited, when the file was looked at.
    done_count = models.PositiveIntegerField(default=0)  # Of those, how many have been dealt with.
    created_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = MemberImportQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.file_name} of {self.account}"


class ImportLineQuerySet(models.QuerySet["ImportLine"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


class ImportLine(models.Model):
    """One line of such a file, and what becomes of it."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    source = models.ForeignKey(MemberImport, on_delete=models.CASCADE, related_name="lines")
    number = models.PositiveIntegerField()  # Of the line in the file, the heading being line 1.
    email = models.CharField(max_length=254)  # As read, cut to fit.
    name = models.CharField(max_length=150, blank=True)
    roles = ArrayField(models.CharField(max_length=20, choices=Role), default=list)
    roles_text = models.CharField(max_length=200, blank=True)  # As it stands in the file.
    department = models.CharField(max_length=80, blank=True)
    is_stripped = models.BooleanField(default=False)  # A spreadsheet would have run a cell of it as a formula.
    outcome = models.CharField(max_length=20, choices=LineOutcome)

    objects = ImportLineQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "source", "number"], name="import_line_once")]
        indexes = [
            models.Index(fields=["source", "outcome", "number"], name="import_line_outcome"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.email}"

    @property
    def tone(self) -> str:
        return LineOutcome(self.outcome).tone
