"""Who must come through single sign-on, and who may still sign in otherwise."""

from enum import Enum

from allauth.mfa.utils import is_mfa_enabled

from accounts.models import Account, Domain, Feature, User
from accounts.models.sso import IdentityProvider
from accounts.scope import system_scope
from accounts.sso.answers import Reason, SsoRefused


class OtherWay(Enum):
    """What somebody whose company requires single sign-on meets when signing in in another way."""

    OPEN = "open"
    CLOSED = "closed"
    NEEDS_SECOND_FACTOR = "needs_second_factor"  # The emergency administrator, without a second factor.


def provider_for(email: str) -> IdentityProvider | None:
    """The identity provider that people with this address may sign in by. It is told by the domain alone."""
    with system_scope():
        domain = Domain.objects.verified().of_email(email).first()
        if domain is None:
            return None
        provider = (
            IdentityProvider.objects.active().filter(account_id=domain.account_id).select_related("account").first()
        )
        return provider if provider and is_entitled(provider) else None


def provider_of_company(public_id: str) -> IdentityProvider | None:
    """The identity provider that the address is about, on or off."""
    with system_scope():
        return IdentityProvider.objects.filter(account__public_id=public_id).select_related("account").first()


def company_at(public_id: str) -> Account | None:
    """The company that the address is about, whether it has an identity provider yet or not."""
    with system_scope():
        return Account.objects.filter(public_id=public_id, is_active=True).first()


def check_usable(provider: IdentityProvider) -> None:
    """Whether people may sign in by it now. Raises `SsoRefused`."""
    if not provider.is_active or not provider.account.is_active:
        raise SsoRefused(Reason.PROVIDER_OFF)
    with system_scope(provider.account_id):
        if not is_entitled(provider):
            raise SsoRefused(Reason.NOT_ENTITLED)


def is_usable(provider: IdentityProvider) -> bool:
    try:
        check_usable(provider)
    except SsoRefused:
        return False
    return True


def is_entitled(provider: IdentityProvider) -> bool:
    """Asked at each sign-in: when the contract ends, people get back in with their passwords."""
    return provider.account.entitlements.allows(Feature.SSO)


def enforced_for(email: str) -> IdentityProvider | None:
    """The identity provider that people with this address must sign in by, if there is one."""
    provider = provider_for(email)
    return provider if provider and provider.is_enforced else None


def required_for(email: str) -> IdentityProvider | None:
    """The identity provider that is the only way in for this address; its emergency administrator has others.

    Told by the address alone, so it says nothing about who has an account here.
    """
    provider = enforced_for(email)
    return None if provider is None or is_emergency_address(provider, email) else provider


def may_sign_in_with(user: User, email: str) -> bool:
    """Whether the person may make this address the one they sign in with: not past the identity provider they must."""
    provider = None if user.is_staff else enforced_for(user.email)
    other = provider_for(email)
    return provider is None or (other is not None and other.pk == provider.pk)


def other_way(user: User) -> tuple[OtherWay, IdentityProvider | None]:
    """Whether the person may sign in by password, code or passkey, and otherwise by which identity provider."""
    provider = None if user.is_staff else enforced_for(user.email)
    if provider is None:
        return OtherWay.OPEN, None
    if provider.emergency_administrator_id != user.pk:
        return OtherWay.CLOSED, provider
    with system_scope(provider.account_id):
        has_second_factor = is_mfa_enabled(user)
    return (OtherWay.OPEN if has_second_factor else OtherWay.NEEDS_SECOND_FACTOR), provider


def is_emergency_address(provider: IdentityProvider, email: str) -> bool:
    """Whether it is the address of the one person who may ask for a code or a new password all the same."""
    with system_scope(provider.account_id):
        administrator = provider.emergency_administrator
    return administrator is not None and administrator.email == email.strip().lower()
