"""What a company's directory tells the portal over SCIM: its people, its groups, and the token it comes with."""

import hashlib
import secrets
import uuid
from typing import Self

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.companies import Account, Membership
from accounts.permissions import Role


def digest_of(token: str) -> str:
    """What is kept of a token. It has 256 random bits, so that a plain hash cannot be turned round."""
    return hashlib.sha256(token.encode()).hexdigest()


class ScimTokenQuerySet(models.QuerySet["ScimToken"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def valid(self) -> Self:
        return self.filter(revoked_at__isnull=True, account__is_active=True)


@pghistory.track(exclude=["digest", "last_used_at"])
class ScimToken(models.Model):
    """The secret with which a company's directory comes. Shown once, kept as a digest; two at a time while changing."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="scim_tokens")
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=8)  # Its last characters, to tell one from another.
    created_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ScimTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("provisioning token")
        verbose_name_plural = _("provisioning tokens")

    def __str__(self) -> str:
        return f"…{self.hint}"

    @classmethod
    def make(cls, **fields: object) -> "tuple[ScimToken, str]":
        """An unsaved token and its secret."""
        secret = f"scim_{secrets.token_urlsafe(32)}"
        return cls(digest=digest_of(secret), hint=secret[-6:], **fields), secret


class ScimUser(models.Model):
    """What the directory says about a member. What the portal itself knows (name, address, active) stands elsewhere."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="scim_users")
    membership = models.OneToOneField(Membership, on_delete=models.CASCADE, related_name="scim_user")
    user_name = models.CharField(max_length=254)
    external_id = models.CharField(max_length=254, blank=True)
    document = models.JSONField(default=dict)  # The resource as it was sent, for what the portal has no place for.
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)  # Gone from the directory; the membership is kept.

    class Meta:
        constraints = [models.UniqueConstraint("account", Lower("user_name"), name="scim_user_name_once")]

    def __str__(self) -> str:
        return self.user_name


class ScimGroupQuerySet(models.QuerySet["ScimGroup"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


@pghistory.track()
class ScimGroup(models.Model):
    """A group of the directory, and the roles that the company's administrator gives its members."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="scim_groups")
    display_name = models.CharField(_("name"), max_length=254)
    external_id = models.CharField(max_length=254, blank=True)
    roles = ArrayField(models.CharField(max_length=20, choices=Role), default=list, blank=True, verbose_name=_("roles"))
    members = models.ManyToManyField(Membership, through="ScimGroupMember", related_name="scim_groups")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = ScimGroupQuerySet.as_manager()

    class Meta:
        verbose_name = _("directory group")
        verbose_name_plural = _("directory groups")
        constraints = [
            models.UniqueConstraint("account", Lower("display_name"), name="scim_group_name_once"),
            models.CheckConstraint(
                condition=models.Q(roles__contained_by=[role.value for role in Role]), name="scim_group_known_roles"
            ),
        ]

    def __str__(self) -> str:
        return self.display_name

    @property
    def role_labels(self) -> list[str]:
        return [str(Role(role).label) for role in Role if role in self.roles]


class ScimGroupMember(models.Model):
    """Who is in a group."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    group = models.ForeignKey(ScimGroup, on_delete=models.CASCADE, related_name="places")
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="scim_places")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "group", "membership"], name="scim_group_member_once")
        ]

    def __str__(self) -> str:
        return f"{self.membership_id} in {self.group_id}"
