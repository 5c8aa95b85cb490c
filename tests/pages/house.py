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
    Page(
        "set-language", method="POST", body=lambda company: {"language": "en"}, audience=Audience.EVERYBODY, status=302,
        changes=False,  # The choice is a cookie.
    ),
    Page("styleguide", audience=Audience.EVERYBODY, screen=True),
]  # fmt: skip
