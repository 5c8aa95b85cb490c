"""Companies, people and their files."""

from collections.abc import Mapping
from typing import Any

from accounts.permissions import Permission
from tests.pages.kinds import Audience, Foreign, Page, of
from tests.world import Company

DETAILS = {
    "phone": "+49 30 1234567", "website": "https://example.org", "billing_email": "billing@example.org",
    "billing_street": "Hafenstraße 1", "billing_postal_code": "20457", "billing_city": "Hamburg",
    "billing_country": "de", "vat_id": "", "time_zone": "Europe/Berlin", "language": "",
}  # fmt: skip


def domain(company: Company) -> Mapping[str, Any]:
    return {"public_id": company.domain.public_id}


ACCOUNTS = [
    Page("accounts:domains", Permission.MANAGE_SECURITY, screen=True, shows=of("domain.name", "domain.token")),
    Page(
        "accounts:domains", Permission.MANAGE_SECURITY, method="POST", status=302,
        body=lambda company: {"name": "new.example"},
        foreign=(
            Foreign("a domain of another company", 302, body=lambda other: {"name": other.domain.name}, changes=True),
        ),
    ),
    Page(
        "accounts:domain-check", Permission.MANAGE_SECURITY, method="POST", kwargs=domain, names_row=True, status=302,
    ),
    Page(
        "accounts:domain-joining", Permission.MANAGE_SECURITY, method="POST", names_row=True, status=302,
        kwargs=lambda company: {"public_id": company.verified_domain.public_id},
        body=lambda company: {"is_joinable": "on"},
    ),
    Page(
        "accounts:domain-remove", Permission.MANAGE_SECURITY, kwargs=domain, names_row=True, screen=True,
        shows=of("domain.name"),
    ),
    Page(
        "accounts:domain-remove", Permission.MANAGE_SECURITY, method="POST", kwargs=domain, names_row=True, status=302,
    ),
    Page("accounts:company", Permission.VIEW_TEAM, screen=True, shows=of("administrator.name", "account.name")),
    Page("accounts:permissions", Permission.VIEW_TEAM, screen=True),
    Page("accounts:company-profile", Permission.MANAGE_COMPANY, screen=True, shows=of("account.billing_email")),
    Page(
        "accounts:company-profile", Permission.MANAGE_COMPANY, method="POST", body=lambda company: DETAILS, status=302
    ),
    *(
        # Of a brand that there is not; tests/accounts/test_brands.py looks at those that there are.
        Page(name, audience=Audience.EVERYBODY, kwargs=lambda company: {"token": f"{'0' * 32}-1"}, status=404)
        for name in ("accounts:brand-stylesheet", "accounts:brand-logo-light", "accounts:brand-logo-dark")
    ),
    Page("accounts:language", screen=True),
    Page(
        "accounts:language", method="POST", status=302,
        body=lambda company: {"language": "", "time_zone": "Asia/Tokyo"},
    ),
    Page(
        "accounts:switch", method="POST", status=302, changes=False,  # The choice is kept in the session.
        body=lambda company: {"account": company.account.public_id},
        foreign=(
            Foreign("a company I don't belong to", 404, body=lambda other: {"account": other.account.public_id}),
        ),
    ),
    # Without a visit to end it leads to Home; tests/accounts/test_view_as.py has one.
    Page(
        "accounts:password-strength", audience=Audience.EVERYBODY, method="POST", changes=False,
        body=lambda company: {"password1": "a-long-passphrase-7"},
    ),
    Page("accounts:stop-viewing", audience=Audience.EVERYBODY, method="POST", status=302, changes=False),
    Page("accounts:security", Permission.MANAGE_SECURITY, screen=True),
    Page(
        "accounts:security", Permission.MANAGE_SECURITY, method="POST", status=302,
        body=lambda company: {"idle_minutes": "60", "absolute_hours": "12"},
    ),
    Page("accounts:sessions", screen=True),
    Page("accounts:session-end", method="POST", status=302, changes=False, body=lambda company: {"session": "none"}),
    Page("accounts:confirm-by-code", status=302),  # To the password, which everybody here has.
    Page("accounts:confirm-by-code", method="POST", status=302, changes=False),
    Page("accounts:carry-on", kwargs=lambda company: {"key": "never-put-aside"}, status=302),
    Page(
        "accounts:download", Permission.VIEW_CASES, names_row=True,
        kwargs=lambda company: {"public_id": company.file.public_id},
        changes=True,  # A download is recorded.
    ),
]  # fmt: skip
