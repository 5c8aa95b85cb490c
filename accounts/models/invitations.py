"""How somebody becomes a member of a company: invited by its administrator, or asking for it."""

import hashlib
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Self

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import BooleanField, Case, Exists, OuterRef, Q, When
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from accounts.models.companies import Account, Membership
from accounts.permissions import Permission, Role

VALID_FOR = timedelta(days=7)


def digest_of(token: str) -> str:
    """What is stored of a link's token: who reads the row cannot use the link."""
    return hashlib.sha256(token.encode()).hexdigest()


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def waiting(self) -> Self:
        """Neither accepted nor taken back; the link of one may have expired."""
        return self.filter(accepted_at__isnull=True, revoked_at__isnull=True)

    def in_force(self) -> Self:
        """Made by the vendor, or by somebody who still administers the company."""
        return self.filter(Q(is_claim=True) | Q(_sender_administers()))

    def with_sender(self) -> Self:
        """Each with who sent it, and with `is_in_force`."""
        in_force = Case(When(is_claim=True, then=True), default=_sender_administers(), output_field=BooleanField())
        return self.select_related("invited_by").annotate(is_in_force=in_force)


def _sender_administers() -> Exists:
    administrators = Membership.objects.active().with_permission(Permission.MANAGE_MEMBERS)
    return Exists(administrators.filter(account=OuterRef("account"), user=OuterRef("invited_by")))


# History is never changed; it does not repeat who it was, so that they can be forgotten.
@pghistory.track(exclude=["token_hash", "email", "name"])
class Invitation(models.Model):
    """A link by which one person, at one address, joins a company with the roles named here. It works once.

    A claim is the vendor's invitation to a company that has no administrator: whoever takes it becomes the first.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="invitations", verbose_name=_("company")
    )
    email = models.EmailField(_("e-mail"))  # Lower case.
    name = models.CharField(_("name"), max_length=150, blank=True)
    roles = ArrayField(models.CharField(max_length=20, choices=Role), verbose_name=_("roles"))
    department = models.CharField(_("department"), max_length=80, blank=True)
    is_claim = models.BooleanField(_("claim link"), default=False)
    token_hash = models.CharField(max_length=64, editable=False)
    invited_by = models.ForeignKey(
        "accounts.User",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("invited by"),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    sent_at = models.DateTimeField(_("last sent"))
    sent_count = models.PositiveSmallIntegerField(_("times sent"), default=0)
    expires_at = models.DateTimeField(_("expires"))
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("taken back"), null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        permissions = [("send_claim_link", "Can send the link that opens a company's portal")]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "email"],
                condition=Q(accepted_at__isnull=True, revoked_at__isnull=True),
                name="invitation_one_waiting",
            ),
            models.CheckConstraint(
                condition=Q(roles__contained_by=[role.value for role in Role]) & Q(roles__len__gt=0),
                name="invitation_known_roles",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.account}"

    def new_link(self, *, now: datetime) -> str:
        """A token for a link that works from now on; an earlier one no longer does. The row is not saved yet."""
        token = secrets.token_urlsafe(32)
        self.token_hash = digest_of(token)
        self.sent_at, self.expires_at = now, now + VALID_FOR
        self.sent_count += 1
        return token

    def opens_with(self, token: str, *, now: datetime) -> bool:
        """Whether a link with this token still works."""
        is_right = constant_time_compare(self.token_hash, digest_of(token))
        is_waiting = self.accepted_at is None and self.revoked_at is None
        return is_right and is_waiting and now < self.expires_at and self.account.is_active

    @property
    def role_labels(self) -> list[str]:
        return [str(Role(role).label) for role in Role if role in self.roles]


class JoinState(models.TextChoices):
    OPEN = "open", _("Waiting for an answer")
    APPROVED = "approved", _("Approved")
    DECLINED = "declined", _("Declined")


class JoinOrigin(models.TextChoices):
    DOMAIN = "domain", _("Has an address at your domain")
    ADDRESS = "address", _("Named an administrator of yours")
    VENDOR = "vendor", _("Suggested by our team")


class JoinRequestQuerySet(models.QuerySet["JoinRequest"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def open(self) -> Self:
        return self.filter(state=JoinState.OPEN)


@pghistory.track(exclude=["email", "name"])
class JoinRequest(models.Model):
    """Somebody who would like to belong to a company; one of its administrators answers.

    Without a `user` it is somebody the vendor suggested: approving sends them an invitation.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="join_requests")
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    email = models.EmailField()
    name = models.CharField(max_length=150, blank=True)
    origin = models.CharField(max_length=10, choices=JoinOrigin)
    state = models.CharField(max_length=10, choices=JoinState, default=JoinState.OPEN)
    created_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    objects = JoinRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "email"], condition=Q(state="open"), name="join_request_one_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} asks to join {self.account}"
