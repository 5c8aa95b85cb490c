"""What a company's directory asks over SCIM. It comes with a token, not a session (tests/accounts/test_scim.py)."""

from typing import Any

from accounts.permissions import Permission
from tests.pages.kinds import Audience, Page, Sent, of
from tests.world import Company


def _token(company: Company) -> dict[str, Any]:
    return {"public_id": company.scim_token.public_id}


def _group(company: Company) -> dict[str, Any]:
    return {"public_id": company.scim_group.public_id}


def _member(company: Company) -> dict[str, Any]:
    return {"public_id": company.administrator.memberships.get().public_id}


def _refused(name: str, *methods: str, kwargs: Sent | None = None, status: int = 401) -> list[Page]:
    """To whoever comes without a token, signed in or not, it says nothing."""
    return [
        Page(
            name, audience=Audience.EVERYBODY, method=method, status=status, changes=False, is_csrf_checked=False,
            content_type="application/json", **({"kwargs": kwargs} if kwargs else {}),
        )
        for method in methods
    ]  # fmt: skip


DIRECTORY = [
    Page("accounts:provisioning", Permission.MANAGE_SECURITY, screen=True, shows=of("scim_token.hint", "scim_group")),
    Page("accounts:issue-scim-token", Permission.MANAGE_SECURITY, method="POST"),
    Page(
        "accounts:revoke-scim-token", Permission.MANAGE_SECURITY, method="POST", kwargs=_token, names_row=True,
        status=302,
    ),
    Page(
        "accounts:map-scim-group", Permission.MANAGE_SECURITY, method="POST", kwargs=_group, names_row=True, status=302,
        body=lambda company: {"roles": ["buyer"]},
    ),
    Page("scim:config", audience=Audience.EVERYBODY),
    Page("scim:resource-types", audience=Audience.EVERYBODY),
    Page("scim:resource-type", audience=Audience.EVERYBODY, kwargs=lambda company: {"name": "User"}),
    Page("scim:schemas", audience=Audience.EVERYBODY),
    Page(
        "scim:schema", audience=Audience.EVERYBODY,
        kwargs=lambda company: {"uri": "urn:ietf:params:scim:schemas:core:2.0:Group"},
    ),
    *_refused("scim:users", "GET", "POST"),
    *_refused("scim:search-users", "POST"),
    *_refused("scim:user", "GET", "PUT", "PATCH", "DELETE", kwargs=_member),
    *_refused("scim:groups", "GET", "POST"),
    *_refused("scim:search-groups", "POST"),
    *_refused("scim:group", "GET", "PUT", "PATCH", "DELETE", kwargs=_group),
    *_refused("scim:search", "POST"),
    *_refused("scim:me", "GET", "POST", "PUT", "PATCH", "DELETE"),
    *_refused("scim:unknown", "GET", "POST", "PUT", "PATCH", "DELETE", kwargs=lambda company: {"rest": "Bulk"}),
]  # fmt: skip
