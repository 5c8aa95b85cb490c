"""The people of a company, and how somebody becomes one of them."""

from collections.abc import Mapping
from typing import Any

from allauth.mfa.totp.internal.auth import TOTP
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Membership
from accounts.permissions import Permission, Role
from tests.pages.kinds import Audience, Page, Sent, of
from tests.world import Company


def colleague(who: str) -> Sent:
    return lambda company: {"public_id": company.people[who].membership.public_id}


def deactivated(company: Company) -> None:
    Membership.objects.filter(user=company.people["member"]).update(is_active=False)


def with_second_factor(company: Company) -> None:
    TOTP.activate(company.people["member"], "JBSWY3DPEHPK3PXP")


def second_administrator(company: Company) -> None:
    Membership.objects.filter(user=company.people["member"]).update(roles=[Role.ADMINISTRATOR])


def the_invitation(company: Company) -> Mapping[str, Any]:
    return {"public_id": company.invitation.public_id}


def the_request(company: Company) -> Mapping[str, Any]:
    return {"public_id": company.join_request.public_id}


def link(company: Company) -> Mapping[str, Any]:
    return {"id": the_invitation(company)["public_id"], "token": "a-token"}


def the_import(company: Company) -> Mapping[str, Any]:
    return {"public_id": company.member_import.public_id}


def a_file(company: Company) -> Mapping[str, Any]:
    return {"file": SimpleUploadedFile("people.csv", b"email\nsomebody@example.org\n")}


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
    Page("accounts:reset-second-factor", MANAGE, names_row=True, screen=True, kwargs=colleague("member")),
    Page(
        "accounts:reset-second-factor", MANAGE, method="POST", names_row=True, status=302, kwargs=colleague("member"),
        arrange=with_second_factor,
    ),
    Page("accounts:leave-company", Permission.VIEW_TEAM, screen=True),
    Page(
        "accounts:leave-company", Permission.VIEW_TEAM, method="POST", status=302, arrange=second_administrator
    ),
    Page("accounts:invite", MANAGE, screen=True),
    Page(
        "accounts:invite", MANAGE, method="POST", status=302,
        body=lambda company: {"email": "new@example.org", "roles": ["viewer"]},
    ),
    Page("accounts:invitations", MANAGE, screen=True, shows=lambda company: {"email": company.invitation.email}),
    Page("accounts:resend-invitation", MANAGE, method="POST", names_row=True, status=302, kwargs=the_invitation),
    Page("accounts:revoke-invitation", MANAGE, names_row=True, screen=True, kwargs=the_invitation),
    Page("accounts:revoke-invitation", MANAGE, method="POST", names_row=True, status=302, kwargs=the_invitation),
    Page("accounts:join-requests", MANAGE, screen=True, shows=lambda company: {"email": company.join_request.email}),
    Page("accounts:join-request", MANAGE, names_row=True, screen=True, kwargs=the_request),
    Page(
        "accounts:join-request", MANAGE, method="POST", names_row=True, status=302, kwargs=the_request,
        body=lambda company: ROLES,
    ),
    Page("accounts:decline-join-request", MANAGE, method="POST", names_row=True, status=302, kwargs=the_request),
    Page("accounts:accept-invitation", audience=Audience.EVERYBODY, status=410, screen=True),
    Page("accounts:accept-invitation", audience=Audience.EVERYBODY, status=302, query=link, label="with a link"),
    Page("accounts:accept-invitation", audience=Audience.EVERYBODY, method="POST", status=410, changes=False),
    Page("accounts:join", screen=True),
    Page(
        "accounts:join", method="POST", status=302, body=lambda company: {"email": "nobody@example.org"},
        changes=False,
    ),
    Page("accounts:upload-people", MANAGE, screen=True),
    Page("accounts:upload-people", MANAGE, method="POST", status=302, body=a_file),
    Page("accounts:import", MANAGE, names_row=True, screen=True, kwargs=the_import),
    Page("accounts:confirm-import", MANAGE, method="POST", names_row=True, status=302, kwargs=the_import),
    Page("accounts:import-report", MANAGE, names_row=True, kwargs=the_import),
]  # fmt: skip
