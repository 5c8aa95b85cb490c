"""What the staff see of a company on its page: what it solved with an article, without a case."""

from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.panels import Panel
from knowledge.models import Deflection

SHOWN = 5


def deflections(account: Account, today: date) -> dict[str, Any]:
    """The last ones. One query."""
    rows = Deflection.objects.filter(account=account).select_related("article", "user")
    return {"deflections": rows.order_by("-created_at", "-pk")[:SHOWN]}


PANELS = [
    Panel(
        name="help",
        title=_("Solved by an article"),
        permission="knowledge.view_deflection",
        order=65,
        template="admin/account_360/help.html",
        context=deflections,
    ),
]
