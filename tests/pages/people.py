"""The people of a company, and how somebody becomes one of them."""

from accounts.models import Membership
from accounts.permissions import Permission, Role
from tests.pages.kinds import Page, Sent, of
from tests.world import Company


def colleague(who: str) -> Sent:
    return lambda company: {"public_id": company.people[who].membership.public_id}


def deactivated(company: Company) -> None:
    Membership.objects.filter(user=company.people["member"]).update(is_active=False)


def second_administrator(company: Company) -> None:
    Membership.objects.filter(user=company.people["member"]).update(roles=[Role.ADMINISTRATOR])


ROLES = {"roles": ["support", "billing"], "department": "Dispatch"}
MANAGE = Permission.MANAGE_MEMBERS

PEOPLE_PAGES = [
    Page("accounts:people", Permission.VIEW_TEAM, screen=True, shows=of("administrator.name")),
    Page(
        "accounts:member", Permission.VIEW_TEAM, names_row=True, screen=True, kwargs=colleague("viewer"),
        shows=lambda company: {"name": company.people["viewer"].name},
    ),
    Page(
        "accounts:member", MANAGE, method="POST", names_row=True, status=302, kwargs=colleague("viewer"),
        body=lambda company: ROLES,
    ),
    Page("accounts:deactivate-member", MANAGE, names_row=True, screen=True, kwargs=colleague("member")),
    Page(
        "accounts:deactivate-member", MANAGE, method="POST", names_row=True, status=302, kwargs=colleague("member")
    ),
    Page(
        "accounts:reactivate-member", MANAGE, method="POST", names_row=True, status=302, kwargs=colleague("member"),
        arrange=deactivated,
    ),
    Page("accounts:hand-over", MANAGE, names_row=True, screen=True, kwargs=colleague("member")),
    Page("accounts:hand-over", MANAGE, method="POST", names_row=True, status=302, kwargs=colleague("member")),
    Page("accounts:leave-company", Permission.VIEW_TEAM, screen=True),
    Page(
        "accounts:leave-company", Permission.VIEW_TEAM, method="POST", status=302, arrange=second_administrator
    ),
]  # fmt: skip
