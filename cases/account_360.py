"""What the staff see of a company on its page: its open cases."""

from datetime import date
from typing import Any

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.panels import Panel
from cases.models import Case, CaseMessage

CASES_SHOWN = 6


def open_cases(account: Account, today: date) -> dict[str, Any]:
    """Those that moved last first, each with its last message that the customer sees. One query."""
    last = CaseMessage.objects.for_customer().filter(case=OuterRef("pk")).order_by("-created_at", "-pk")[:1]
    cases = (
        Case.objects.for_account(account)
        .open()
        .select_related("assignee")
        .annotate(
            last_at=Subquery(last.values("created_at")),
            last_by_us=Subquery(last.values("is_from_staff")),
            last_text=Subquery(last.values("body")),
        )
        .recent_first()
    )
    found = list(cases[: CASES_SHOWN + 1])
    return {"cases": found[:CASES_SHOWN], "has_more": len(found) > CASES_SHOWN}


PANELS = [
    Panel(
        name="cases",
        title=_("Open cases"),
        permission="cases.view_case",
        order=30,
        template="admin/account_360/cases.html",
        context=open_cases,
        is_at_once=True,
    ),
]
