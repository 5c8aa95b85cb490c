"""What a company's administrator sets up: the connection, whom it brings, and whether there is another way in."""

from dataclasses import dataclass

from allauth.mfa.utils import is_mfa_enabled
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import AuditAction, note
from accounts.models import Account, Domain, Membership, User
from accounts.models.companies import MembershipQuerySet
from accounts.models.sso import IdentityProvider, Protocol
from accounts.permissions import Permission
from accounts.scope import staff_scope
from accounts.sso.metadata import Metadata
from tracking.actor import Actor


class SetupRefused(Exception):
    """What is asked for would lock people out, or let the wrong ones in; the message says what comes first."""


@dataclass(frozen=True)
class OidcConnection:
    issuer: str
    client_id: str
    secret: str  # Empty: the one that is stored.
    endpoints: dict[str, str]  # From discovery.


def connect_oidc(*, account: Account, connection: OidcConnection, actor: Actor) -> IdentityProvider:
    """Set up OpenID Connect, in place of what was set up before. It has to be tested again."""
    provider = _provider(account)
    is_other = provider.protocol != Protocol.OIDC or provider.issuer != connection.issuer
    provider.protocol = Protocol.OIDC
    provider.issuer, provider.client_id = connection.issuer, connection.client_id
    provider.endpoints = connection.endpoints
    if connection.secret:
        provider.secret = connection.secret
    return _connected(provider, is_other=is_other, actor=actor)


def connect_saml(*, account: Account, metadata: Metadata, may_start_there: bool, actor: Actor) -> IdentityProvider:
    """Set up SAML 2.0, in place of what was set up before. It has to be tested again."""
    provider = _provider(account)
    is_other = provider.protocol != Protocol.SAML or provider.entity_id != metadata.entity_id
    provider.protocol = Protocol.SAML
    provider.entity_id, provider.sso_url = metadata.entity_id, metadata.sso_url
    provider.certificates = metadata.certificates
    provider.may_start_there = may_start_there
    provider.secret_sealed = ""
    return _connected(provider, is_other=is_other, actor=actor)


def _provider(account: Account) -> IdentityProvider:
    return IdentityProvider.objects.for_account(account).select_related("account").first() or IdentityProvider(
        account=account
    )


def _connected(provider: IdentityProvider, *, is_other: bool, actor: Actor) -> IdentityProvider:
    """Save a connection. Another identity provider knows other subjects: who was linked to the old ones is not."""
    provider.tested_at = None
    if is_other:
        provider.is_active = provider.is_enforced = False
    with staff_scope(actor):  # As the owner: a customer's request deletes no rows.
        provider.save()
        note(
            action=AuditAction.SSO_CHANGED,
            actor=actor,
            now=timezone.now(),
            account_id=provider.account_id,
            object_type="accounts.identityprovider",
            object_id=str(provider.public_id),
            object_label=provider.get_protocol_display(),
        )
        if is_other:
            provider.identities.all().delete()
    return provider


def change_access(
    *, provider: IdentityProvider, is_active: bool, is_enforced: bool, emergency_administrator: User | None
) -> None:
    """Switch single sign-on on or off, and require it. Raises `SetupRefused`."""
    if is_active and not provider.is_active:
        _check_ready(provider)
    if is_enforced:
        _check_enforceable(provider, is_active=is_active, person=emergency_administrator)
    provider.is_active, provider.is_enforced = is_active, is_enforced
    provider.emergency_administrator = emergency_administrator
    provider.save(update_fields=["is_active", "is_enforced", "emergency_administrator"])


def _check_ready(provider: IdentityProvider) -> None:
    if not Domain.objects.for_account(provider.account).verified().exists():
        raise SetupRefused(_("Verify a domain first: only people with an address there may sign in."))
    if provider.tested_at is None:
        raise SetupRefused(_("Run a test that succeeds first."))


def _check_enforceable(provider: IdentityProvider, *, is_active: bool, person: User | None) -> None:
    if not is_active:
        raise SetupRefused(_("Switch single sign-on on before you require it."))
    if person is None:
        raise SetupRefused(_("Name an emergency administrator, who gets in when the identity provider is away."))
    if not candidates(provider.account).filter(user=person).exists():
        raise SetupRefused(_("The emergency administrator must be an administrator of the company."))
    if not is_mfa_enabled(person):
        raise SetupRefused(
            _("%(name)s needs two-factor sign-in before becoming emergency administrator.") % {"name": person.name}
        )


def candidates(account: Account) -> MembershipQuerySet:
    """Memberships of those who may be emergency administrator."""
    memberships = Membership.objects.for_account(account).active().with_permission(Permission.MANAGE_SECURITY)
    return memberships.select_related("user").order_by("user__name", "pk")


def remove(*, provider: IdentityProvider, actor: Actor) -> None:
    """Take single sign-on away. People keep their places, and sign in with their passwords or a code by mail."""
    with staff_scope(actor):
        IdentityProvider.objects.filter(pk=provider.pk).delete()
