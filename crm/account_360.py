"""What the staff see of a company on its page: whether Salesforce is in step."""

from datetime import date
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Membership
from accounts.panels import Panel
from cases.models import Case
from commerce.models import Deal, Order
from crm.models import OutboxRow, SyncedObject
from crm.status import in_words, sync_status

ROWS_SHOWN = 5

# Whose changes are shown beside those of the company itself.
OF_ACCOUNT = {
    SyncedObject.CONTACT: Membership,
    SyncedObject.CASE: Case,
    SyncedObject.OPPORTUNITY: Deal,
    SyncedObject.ORDER: Order,
}


def sync(account: Account, today: date) -> dict[str, Any]:
    """How the company stands, and what of it has not arrived. At most four queries."""
    of_account = Q(object=SyncedObject.ACCOUNT, external_id=account.public_id)
    for crm_object, model in OF_ACCOUNT.items():
        ids = model._default_manager.filter(account=account).values("public_id")
        of_account |= Q(object=crm_object, external_id__in=ids)
    rows = list(OutboxRow.objects.unfinished().filter(of_account).order_by("-id")[: ROWS_SHOWN + 1])
    status = sync_status(SyncedObject.ACCOUNT, account.public_id, timezone.now())
    return {
        "status": status,
        "waiting": [(row, in_words(row.last_code, row.last_message)) for row in rows[:ROWS_SHOWN]],
        "has_more": len(rows) > ROWS_SHOWN,
    }


PANELS = [
    Panel(
        name="crm",
        title=_("Salesforce"),
        permission="crm.view_link",
        order=80,
        template="admin/account_360/crm.html",
        context=sync,
    ),
]
