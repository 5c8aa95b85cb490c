"""Every address of the portal, who may use it, and with which rows: what the walks, the browser and the counts read.

A new address needs an entry here; `tests/portal/test_walk.py` fails without one. Each entry says what the company that
owns the rows sends and gets. The walk works out the rest: another company's administrator, every other role, staff,
and visitors who are not signed in.
"""

from tests.pages.accounts import ACCOUNTS
from tests.pages.analytics import ANALYTICS
from tests.pages.api import API
from tests.pages.cases import CASES
from tests.pages.commerce import COMMERCE, RECOMMENDATIONS
from tests.pages.directory import DIRECTORY
from tests.pages.house import HOUSE
from tests.pages.kinds import ELSEWHERE, Audience, Foreign, Page, patterns
from tests.pages.knowledge import KNOWLEDGE
from tests.pages.law import LAW
from tests.pages.notifications import NOTIFICATIONS
from tests.pages.people import PEOPLE_PAGES
from tests.pages.sso import SSO

__all__ = ["ELSEWHERE", "INVENTORY", "Audience", "Foreign", "Page", "patterns", "screens"]

INVENTORY: list[Page] = [
    *HOUSE,
    *ACCOUNTS,
    *DIRECTORY,
    *SSO,
    *LAW,
    *NOTIFICATIONS,
    *PEOPLE_PAGES,
    *KNOWLEDGE,
    *CASES,
    *COMMERCE,
    *RECOMMENDATIONS,
    *ANALYTICS,
    *API,
]


def screens(*audiences: Audience) -> list[Page]:
    """What people look at."""
    return [page for page in INVENTORY if page.screen and page.audience in audiences]
