"""Connect two companies of the demo to the identity providers that run beside it, as their administrators would."""

from datetime import datetime

from accounts.models import Account, Domain, IdentityProvider
from accounts.models.domains import VerifiedHow
from accounts.models.sso import Protocol
from accounts.outbound import fetch
from accounts.sso import metadata, oidc, setup
from sandbox.idp import SAML_GROUPS
from sandbox.idp.companies import CLIENT_ID, CLIENT_SECRET, GLOBEX, HARROW, DemoCompany
from tracking.actor import Actor


def connect(*, oidc_url: str, saml_url: str, now: datetime) -> None:
    """Globex by OpenID Connect, Harrow & Finch by SAML. What stands already for these addresses stays as it is."""
    if account := _waiting(GLOBEX, Protocol.OIDC, issuer=oidc_url):
        connection = setup.OidcConnection(oidc_url, CLIENT_ID, CLIENT_SECRET, oidc.discover(oidc_url))
        provider = setup.connect_oidc(account=account, connection=connection, actor=Actor.system(account.pk))
        _switch_on(provider, GLOBEX, roles_attribute="groups", now=now)
    if account := _waiting(HARROW, Protocol.SAML, entity_id=f"{saml_url}/metadata"):
        described = metadata.read(fetch(f"{saml_url}/metadata"))
        provider = setup.connect_saml(
            account=account, metadata=described, may_start_there=False, actor=Actor.system(account.pk)
        )
        _switch_on(provider, HARROW, roles_attribute=SAML_GROUPS, now=now)


def _waiting(company: DemoCompany, protocol: Protocol, **address: str) -> Account | None:
    """The company, unless it is connected to that address already."""
    account = Account.objects.filter(public_id=company.public_id).first()
    if account and IdentityProvider.objects.for_account(account).filter(protocol=protocol, **address).exists():
        return None
    return account


def _switch_on(provider: IdentityProvider, company: DemoCompany, *, roles_attribute: str, now: datetime) -> None:
    Domain.objects.update_or_create(
        account=provider.account,
        name=company.domain,
        defaults={"verified_at": now, "verified_how": VerifiedHow.STAFF, "is_joinable": True},
    )
    provider.roles_attribute = roles_attribute
    provider.role_map = dict(company.role_map)
    provider.tested_at = now
    provider.is_active = True
    provider.save()
