"""What recommending needs before customers come."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models.expressions import Combinable
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.setup_items import Facts, Finding, RowCount, SetupGroup, SetupItem
from recommendations.models import Offer


def facts(now: datetime) -> Mapping[str, Combinable]:
    return {"offers": RowCount(Offer.objects.active(now.date()))}


def offers(now: datetime, facts: Facts) -> Finding:
    count = facts["offers"]
    done = ngettext("%(count)d offer is active.", "%(count)d offers are active.", count) % {"count": count}
    return Finding.when(count > 0, done=done, otherwise=_("Nothing is recommended to anybody yet."))


ITEMS = [
    SetupItem(
        "offers",
        gettext_lazy("Offers"),
        SetupGroup.SELLING,
        url=lambda: reverse("admin:recommendations_offer_changelist"),
        check=offers,
        facts=facts,
    ),
]
