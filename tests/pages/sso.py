"""Single sign-on: as a company sets it up, and what stands outside for its people and its identity provider."""

from collections.abc import Mapping
from typing import Any

from accounts.permissions import Permission
from tests.pages.kinds import Audience, Page, of
from tests.world import Company


def company_at(company: Company) -> Mapping[str, Any]:
    return {"public_id": company.account.public_id}


SECURITY = Permission.MANAGE_SECURITY
PEOPLE = {"creates_members": "on", "roles_attribute": "groups", "role_lines": "Buyers = buyer"}

SSO = [
    Page("accounts:sso", SECURITY, screen=True, shows=of("identity_provider.issuer")),
    Page("accounts:sso-oidc", SECURITY, screen=True, shows=of("identity_provider.issuer")),
    Page(  # Success asks servers of the outside world: tests/accounts/test_sso_setup.py.
        "accounts:sso-oidc", SECURITY, method="POST", status=422, changes=False,
        body=lambda company: {"issuer": "https://127.0.0.1", "client_id": "portal", "secret": "x"},
    ),
    Page("accounts:sso-saml", SECURITY, screen=True, shows=of("account.public_id")),
    Page(
        "accounts:sso-saml", SECURITY, method="POST", status=422, changes=False,
        body=lambda company: {"text": "<x/>"},
    ),
    Page("accounts:sso-people", SECURITY, screen=True),
    Page("accounts:sso-people", SECURITY, method="POST", status=302, body=lambda company: PEOPLE),
    Page("accounts:sso-access", SECURITY, screen=True),
    Page("accounts:sso-access", SECURITY, method="POST", status=302, body=lambda company: {}),
    Page("accounts:sso-remove", SECURITY, screen=True),
    Page("accounts:sso-remove", SECURITY, method="POST", status=302),
    Page("accounts:sso-start-test", SECURITY, status=302),
    Page("accounts:sso-test", SECURITY, status=302),  # To the overview, where nothing has been tested yet.
    Page("accounts:sso-find", audience=Audience.EVERYBODY, screen=True),
    Page(
        "accounts:sso-find", audience=Audience.EVERYBODY, method="POST", changes=False,
        body=lambda company: {"email": company.administrator.email},
    ),
    Page("accounts:sso-begin", audience=Audience.EVERYBODY, kwargs=company_at, status=302),
    Page("accounts:sso-required", audience=Audience.EVERYBODY, kwargs=company_at, status=403, screen=True),
    Page("accounts:sso-callback", audience=Audience.EVERYBODY, kwargs=company_at, status=403, changes=True),
    Page(
        "accounts:sso-acs", audience=Audience.EVERYBODY, method="POST", kwargs=company_at, status=403,
        is_csrf_checked=False,
    ),
    Page("accounts:sso-finish", audience=Audience.EVERYBODY, kwargs=company_at, status=403, changes=True),
    Page("accounts:sso-metadata", audience=Audience.EVERYBODY, kwargs=company_at),
]  # fmt: skip
