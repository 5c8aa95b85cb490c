"""Home, health and the style guide."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from accounts.homes import Arrangement, arrange
from accounts.models import Membership
from accounts.permissions import Permission
from portal.widgets import NAMES
from tests.pages.kinds import Audience, Page, of
from tests.world import Company


def home_with_pinned_team(company: Company) -> Mapping[str, Any]:
    """The form as an administrator sends it, who sees every widget."""
    states = {f"state-{name}": "pinned" if name == "team" else "shown" for name in NAMES}
    return {"widget": list(NAMES), **states}


def arranged_home(company: Company) -> None:
    membership = Membership.objects.get(account=company.account, user=company.administrator)
    arrangement = Arrangement(NAMES, pinned=frozenset({"team"}))
    arrange(membership=membership, arrangement=arrangement, known=NAMES, now=timezone.now())


HOUSE = [
    Page(
        "home", Permission.VIEW_HOME, screen=True,
        shows=of("account.name", "contract.number", "case.subject"),
    ),
    Page("arrange-home", Permission.VIEW_HOME, screen=True),
    Page("arrange-home", Permission.VIEW_HOME, method="POST", body=home_with_pinned_team, status=302),
    Page("reset-home", Permission.VIEW_HOME, method="POST", status=302, arrange=arranged_home),
    Page("first-steps", Permission.VIEW_HOME, screen=True),
    Page("first-steps", Permission.VIEW_HOME, method="POST", status=302),
    Page("tour", Permission.VIEW_HOME, screen=True),
    Page("tour", Permission.VIEW_HOME, method="POST", status=302),
    Page("group", Permission.VIEW_TEAM, screen=True),  # With subsidiaries: tests/portal/test_group.py.
    Page("livez", audience=Audience.EVERYBODY),
    Page("healthz", audience=Audience.EVERYBODY, status=503),  # No worker runs beside the tests.
    Page(
        "set-language", method="POST", body=lambda company: {"language": "en"}, audience=Audience.EVERYBODY, status=302,
        changes=False,  # The choice is a cookie.
    ),
    Page("styleguide", audience=Audience.EVERYBODY, screen=True),
]  # fmt: skip
