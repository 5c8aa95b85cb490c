"""How a company's people sign in by the company's own identity provider."""

import uuid
from datetime import datetime
from typing import Self

import pghistory
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import vault
from accounts.models.companies import Account
from accounts.permissions import Role


class Protocol(models.TextChoices):
    OIDC = "oidc", _("OpenID Connect")
    SAML = "saml", _("SAML 2.0")


class IdentityProviderQuerySet(models.QuerySet["IdentityProvider"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def active(self) -> Self:
        return self.filter(is_active=True, account__is_active=True)

    def enforced(self) -> Self:
        """Of companies whose people have no other way in."""
        return self.filter(is_enforced=True)


@pghistory.track(exclude=["secret_sealed", "tested_at"])
class IdentityProvider(models.Model):
    """The company's identity provider, as its administrator set it up. One per company.

    It may sign in people of the company's verified domains alone, and gives membership in this company alone.
    """

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="identity_provider")
    protocol = models.CharField(_("protocol"), max_length=4, choices=Protocol)
    is_active = models.BooleanField(_("on"), default=False)

    # OpenID Connect. The addresses are those of the discovery document, read when it was set up.
    issuer = models.CharField(_("issuer"), max_length=500, blank=True)
    client_id = models.CharField(_("client id"), max_length=255, blank=True)
    secret_sealed = models.TextField(blank=True, editable=False)  # Encrypted; accounts.vault.
    endpoints = models.JSONField(default=dict, blank=True)

    # SAML.
    entity_id = models.CharField(_("entity id"), max_length=500, blank=True)
    sso_url = models.CharField(_("sign-on address"), max_length=500, blank=True)
    certificates = ArrayField(models.TextField(), default=list, blank=True)  # Base64 of DER, as in metadata.
    may_start_there = models.BooleanField(_("sign-in may start at the identity provider"), default=False)

    # Whom it brings, and as what.
    email_attribute = models.CharField(_("attribute with the e-mail address"), max_length=200, blank=True)
    name_attribute = models.CharField(_("attribute with the name"), max_length=200, blank=True)
    roles_attribute = models.CharField(_("attribute with groups or roles"), max_length=200, blank=True)
    role_map = models.JSONField(_("roles by value"), default=dict, blank=True)  # {"value": ["role", …]}
    default_roles = ArrayField(
        models.CharField(max_length=20, choices=Role), default=list, blank=True, verbose_name=_("roles without a match")
    )  # Empty: whoever has no mapped value is refused.
    creates_members = models.BooleanField(_("new people become members when they sign in"), default=True)
    roles_follow = models.BooleanField(_("roles follow the identity provider at each sign-in"), default=False)

    # Whether there is another way in.
    is_enforced = models.BooleanField(_("required"), default=False)
    emergency_administrator = models.ForeignKey(
        "accounts.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    tested_at = models.DateTimeField(_("last test that succeeded"), null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = IdentityProviderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(is_enforced=False) | Q(is_active=True), name="sso_enforced_when_active"),
            models.CheckConstraint(
                condition=Q(default_roles__contained_by=[role.value for role in Role]), name="sso_known_roles"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.get_protocol_display()}"

    @property
    def public_id(self) -> uuid.UUID:
        """Names it in every address: the company's own, as the identity provider needs the addresses beforehand."""
        return self.account.public_id

    @property
    def secret(self) -> str:
        return vault.unseal(self.secret_sealed) if self.secret_sealed else ""

    @secret.setter
    def secret(self, value: str) -> None:
        self.secret_sealed = vault.seal(value)

    def address(self, name: str) -> str:
        """The full address of one of its pages: callback, acs, metadata, start."""
        return settings.PORTAL_BASE_URL + reverse(f"accounts:sso-{name}", args=[self.public_id])

    @property
    def callback_url(self) -> str:
        return self.address("callback")

    @property
    def acs_url(self) -> str:
        return self.address("acs")

    @property
    def begin_url(self) -> str:
        return self.address("begin")

    @property
    def our_entity_id(self) -> str:
        """What we are called at a SAML identity provider."""
        return self.address("metadata")

    def roles_for(self, values: list[str]) -> list[str]:
        """The roles of somebody with these values of the roles attribute; empty: refused."""
        mapped = {role for value in values for role in self.role_map.get(value, [])}
        return [role.value for role in Role if role in (mapped or self.default_roles)]


class SsoIdentity(models.Model):
    """Who a person is at the identity provider: found again by that, also after their address there has changed."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="identities")
    subject = models.CharField(max_length=255)
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="sso_identities")
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("single sign-on identity")
        verbose_name_plural = _("single sign-on identities")
        constraints = [models.UniqueConstraint(fields=["account", "provider", "subject"], name="sso_identity_once")]

    def __str__(self) -> str:
        return self.subject


class UsedAnswer(models.Model):
    """The id of an answer of an identity provider, kept until the answer has expired: none counts twice."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    answer_id = models.CharField(max_length=255)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "answer_id"], name="sso_answer_once")]

    def __str__(self) -> str:
        return self.answer_id

    @classmethod
    def note(cls, *, account_id: int, answer_id: str, expires_at: datetime) -> bool:
        """Remember the answer; False where it has been used before. Of two at once, one gets False."""
        try:
            with transaction.atomic():
                cls.objects.create(account_id=account_id, answer_id=answer_id, expires_at=expires_at)
        except IntegrityError:
            return False
        return True
