"""Insights."""

from collections.abc import Mapping
from typing import Any

from tests.pages.kinds import Audience, Page
from tests.world import Company


def deal(company: Company) -> Mapping[str, Any]:
    return {"public_id": company.active_order.deal.public_id}


INSIGHTS = "analytics.view_insights"

ANALYTICS = [
    Page("analytics:insights", INSIGHTS, audience=Audience.STAFF, screen=True),
    Page("analytics:configurator", INSIGHTS, audience=Audience.STAFF, screen=True),
    Page("analytics:approvals", INSIGHTS, audience=Audience.STAFF, screen=True),
    Page("analytics:approvals-csv", INSIGHTS, audience=Audience.STAFF),
    Page("analytics:engagement", INSIGHTS, audience=Audience.STAFF, screen=True),
    Page("analytics:influenced-revenue", INSIGHTS, audience=Audience.STAFF, screen=True),
    Page("analytics:influenced-deal", INSIGHTS, audience=Audience.STAFF, kwargs=deal, screen=True),
    Page(
        "analytics:definition", INSIGHTS, audience=Audience.STAFF, screen=True,
        kwargs=lambda company: {"metric": "influenced-revenue"},
    ),
]  # fmt: skip
