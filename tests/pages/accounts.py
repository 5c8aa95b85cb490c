"""Companies, people and their files."""

from accounts.permissions import Permission
from tests.pages.kinds import Foreign, Page, of

DETAILS = {
    "phone": "+49 30 1234567", "website": "https://example.org", "billing_email": "billing@example.org",
    "billing_street": "Hafenstraße 1", "billing_postal_code": "20457", "billing_city": "Hamburg",
    "billing_country": "de", "vat_id": "", "time_zone": "Europe/Berlin",
}  # fmt: skip

ACCOUNTS = [
    Page("accounts:company", Permission.VIEW_TEAM, screen=True, shows=of("administrator.name", "account.name")),
    Page("accounts:company-profile", Permission.MANAGE_COMPANY, screen=True, shows=of("account.billing_email")),
    Page(
        "accounts:company-profile", Permission.MANAGE_COMPANY, method="POST", body=lambda company: DETAILS, status=302
    ),
    Page(
        "accounts:switch", method="POST", status=302, changes=False,  # The choice is kept in the session.
        body=lambda company: {"account": company.account.public_id},
        foreign=(
            Foreign("a company I don't belong to", 404, body=lambda other: {"account": other.account.public_id}),
        ),
    ),
    Page(
        "accounts:download", Permission.VIEW_CASES, names_row=True,
        kwargs=lambda company: {"public_id": company.file.public_id},
        changes=True,  # A download is recorded.
    ),
]  # fmt: skip
