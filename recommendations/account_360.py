"""What the staff see of a company on its page: what the portal recommends it today."""

from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Entitlements
from accounts.panels import Panel
from recommendations.models import ContentBlock
from recommendations.services import recommend
from tracking.services import usage_to_date

OFFERS_SHOWN = 3
BLOCKS_SHOWN = 3


def offers(account: Account, today: date) -> dict[str, Any]:
    """The best offers, and the blocks of Home that fit. Seven queries."""
    return {
        "offers": recommend(
            account=account,
            today=today,
            usage=usage_to_date(account_id=account.pk, today=today),
            entitlements=Entitlements.of(account, today=today),
            limit=OFFERS_SHOWN,
        ),
        "blocks": ContentBlock.objects.matching(account)[:BLOCKS_SHOWN],
    }


PANELS = [
    Panel(
        name="offers",
        title=_("Recommended now"),
        permission="recommendations.view_offer",
        order=45,
        template="admin/account_360/offers.html",
        context=offers,
    ),
]
