"""Home, health and the style guide."""

from accounts.permissions import Permission
from tests.pages.kinds import Audience, Page, of

HOUSE = [
    Page(
        "home", Permission.VIEW_HOME, screen=True,
        shows=of("account.name", "contract.number", "case.subject"),
    ),
    Page("livez", audience=Audience.EVERYBODY),
    Page("healthz", audience=Audience.EVERYBODY, status=503),  # No worker runs beside the tests.
    Page("styleguide", audience=Audience.EVERYBODY, screen=True),
]  # fmt: skip
