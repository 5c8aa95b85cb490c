"""The customer API."""

import uuid
from typing import Any

from accounts.permissions import Permission
from tests.pages.cases import NEW_CASE, case_cursor
from tests.pages.commerce import quote
from tests.pages.kinds import Audience, Foreign, Page, Sent, cursor_of, form_key, number, of, slug
from tests.pages.knowledge import ARTICLE


def as_json(body: Sent) -> dict[str, Any]:
    """How a program sends it."""
    return {"method": "POST", "body": body, "content_type": "application/json", "audience": Audience.API}


API = [
    Page("api:api-root", audience=Audience.API, status=404),  # Where its addresses begin; nothing is there.
    Page("api:openapi-json", audience=Audience.API),
    Page(
        "api:list_cases", Permission.VIEW_CASES, audience=Audience.API, shows=of("case.number", "case.subject"),
        foreign=(
            Foreign("from a case of another company on", 200, query=lambda other: {"cursor": case_cursor(other)}),
        ),
    ),
    Page(
        "api:open_case", Permission.OPEN_CASES, status=201,
        **as_json(lambda company: {**NEW_CASE, "form_key": uuid.uuid4()}),
        foreign=(Foreign("a form of another company", 201, body=form_key("case"), changes=True),),
    ),
    Page(
        "api:read_case", Permission.VIEW_CASES, kwargs=number("case"), names_row=True, audience=Audience.API,
        shows=of("case.subject", "message.body"),
    ),
    Page(
        "api:reply", Permission.OPEN_CASES, kwargs=number("case"), names_row=True, status=201,
        **as_json(lambda company: {"body": "It works.", "form_key": uuid.uuid4()}),
        foreign=(Foreign("a form of another company", 201, body=form_key("message"), changes=True),),
    ),
    Page(
        "api:list_quotes", Permission.VIEW_PRICES, audience=Audience.API, shows=of("quote.number"),
        foreign=(Foreign("from a quote of another company on", 200, query=cursor_of("quote", "created_at", "id")),),
    ),
    Page(
        "api:read_quote", Permission.VIEW_PRICES, kwargs=quote, names_row=True, audience=Audience.API,
        shows=of("quote.number"), changes=True,  # The first view is written down.
    ),
    # The vendor's systems come with a token; nobody who signs in has one.
    Page("api:list_steps", audience=Audience.EVERYBODY, status=401),
    Page(
        "api:report_step", method="POST", audience=Audience.EVERYBODY, status=401, changes=False, is_csrf_checked=False,
        kwargs=lambda company: {"public_id": company.step.public_id}, content_type="application/json",
        body=lambda company: {"state": "done"},
    ),
    Page("api:list_articles", Permission.READ_ARTICLES, audience=Audience.API),
    Page("api:read_article", Permission.READ_ARTICLES, audience=Audience.API, kwargs=slug(ARTICLE)),
]  # fmt: skip
