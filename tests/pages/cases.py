"""Cases."""

import uuid
from collections.abc import Mapping
from typing import Any

from accounts.permissions import Permission
from cases.participants import add_participant
from tests.pages.kinds import Foreign, Page, form_key, of
from tests.world import Company


def case(company: Company) -> Mapping[str, Any]:
    return {"serial": company.case.serial}


NEW_CASE = {"subject": "The scanner beeps", "topic": "access", "priority": "normal", "description": "Twice a minute."}

CASES = [
    Page(
        "cases:list", Permission.VIEW_CASES, screen=True, shows=of("case.number", "case.subject"),
        foreign=(
            Foreign("from a case of another company on", 200, query=lambda other: {"cursor": case_cursor(other)}),
            Foreign("resolved ones", 200, query=lambda other: {"show": "all"}),
        ),
    ),
    Page("cases:new", Permission.OPEN_CASES, screen=True, query=lambda company: {"subject": "password forgotten"}),
    Page(
        "cases:new", Permission.OPEN_CASES, method="POST", status=302,
        body=lambda company: NEW_CASE | {"form_key": uuid.uuid4()},
        foreign=(Foreign("a form of another company", 302, body=form_key("case"), changes=True),),
    ),
    Page(
        "cases:detail", Permission.VIEW_CASES, kwargs=case, names_row=True, screen=True,
        shows=of("case.subject", "message.body", "file.name"),
    ),
    Page(
        "cases:reply", Permission.OPEN_CASES, method="POST", kwargs=case, names_row=True, status=302,
        body=lambda company: {"body": "It works.", "form_key": uuid.uuid4()},
        foreign=(Foreign("a form of another company", 302, body=form_key("message"), changes=True),),
    ),
    Page(
        "cases:export", Permission.VIEW_CASES, shows=of("case.number", "case.subject"),
        changes=True,  # An export is recorded.
    ),
    Page(
        "cases:add-participant", Permission.OPEN_CASES, method="POST", kwargs=case, names_row=True, status=302,
        body=lambda company: {"email": company.people["viewer"].email},
        foreign=(
            Foreign(
                "somebody of another company", 422, body=lambda other: {"email": other.people["viewer"].email},
            ),
        ),
    ),
    Page(
        "cases:remove-participant", Permission.VIEW_CASES, method="POST", kwargs=case, names_row=True, status=302,
        arrange=lambda company: add_participant(
            case=company.case, email=company.people["viewer"].email, added_by=company.administrator
        ),
        body=lambda company: {"email": company.people["viewer"].email},
        foreign=(
            Foreign(
                "somebody of another company", 400, body=lambda other: {"email": other.people["viewer"].email},
            ),
        ),
    ),
    Page(
        "cases:visibility", Permission.MANAGE_COMPANY, screen=True, shows=of("rule.of_department"),
        query=lambda company: {"person": company.administrator.email},
        foreign=(
            Foreign(
                "somebody of another company", 200, query=lambda other: {"person": other.administrator.email},
            ),
        ),
    ),
    Page(
        "cases:visibility", Permission.MANAGE_COMPANY, method="POST", status=302, body=lambda company: {"sight": "own"}
    ),
    Page(
        "cases:set-person", Permission.MANAGE_COMPANY, method="POST", status=302,
        body=lambda company: {"email": company.people["viewer"].email, "sight": "own"},
        foreign=(
            Foreign(
                "somebody of another company", 422, body=lambda other: {"email": other.people["viewer"].email},
            ),
        ),
    ),
    Page(
        "cases:add-rule", Permission.MANAGE_COMPANY, method="POST", status=302,
        body=lambda company: {"who": "role:support", "of_department": ""},
        foreign=(
            Foreign(
                "a department of another company", 422, body=lambda other: {"of_department": other.rule.of_department},
            ),
        ),
    ),
    Page(
        "cases:end-rule", Permission.MANAGE_COMPANY, method="POST", names_row=True, status=302,
        kwargs=lambda company: {"public_id": company.rule.public_id},
    ),
    Page("cases:close", Permission.OPEN_CASES, method="POST", kwargs=case, names_row=True, status=302),
]  # fmt: skip


def case_cursor(other: Company) -> str:
    return f"older~{other.case.updated_at.isoformat()}~{other.case.serial}"
