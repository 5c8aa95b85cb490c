"""Help."""

import uuid

from accounts.permissions import Permission
from tests.pages.kinds import Audience, Foreign, Page, form_key, slug

ARTICLE = "reset-a-forgotten-password"

KNOWLEDGE = [
    Page("knowledge:help", Permission.READ_ARTICLES, screen=True),
    Page("knowledge:search", Permission.READ_ARTICLES, query=lambda company: {"q": "password"}, screen=True),
    Page("knowledge:suggestions", Permission.READ_ARTICLES, query=lambda company: {"subject": "password forgotten"}),
    Page("knowledge:category", Permission.READ_ARTICLES, kwargs=slug("access"), screen=True),
    Page(
        "knowledge:article", Permission.READ_ARTICLES, kwargs=slug(ARTICLE), screen=True,
        query=lambda company: {"form_key": uuid.uuid4(), "subject": "Password"},
        foreign=(Foreign("a form of another company", 200, query=form_key("case")),),
    ),
    Page(
        "knowledge:article", audience=Audience.EVERYBODY, kwargs=slug("see-whether-the-service-is-up"), screen=True,
        label="public",
    ),
    Page(
        "knowledge:vote", Permission.READ_ARTICLES, method="POST", kwargs=slug(ARTICLE), status=302,
        body=lambda company: {"is_helpful": "yes"},
    ),
    Page(
        "knowledge:solved", Permission.OPEN_CASES, method="POST", kwargs=slug(ARTICLE), status=302,
        body=lambda company: {"form_key": uuid.uuid4(), "subject": "Password"},
        foreign=(Foreign("a form of another company", 302, body=form_key("case"), changes=True),),
    ),
    Page("knowledge:thanks", Permission.READ_ARTICLES, kwargs=slug(ARTICLE), screen=True),
]  # fmt: skip
