"""What the exchange with the CRM needs before customers come."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, Subquery
from django.db.models.expressions import Combinable
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.setup_items import Facts, Finding, SetupGroup, SetupItem, SetupState
from crm.models import Cursor, OutboxRow, OutboxState, Pause
from crm.status import age, in_words

STALE = timedelta(hours=1)


def facts(now: datetime) -> Mapping[str, Combinable]:
    """What the checks below go by."""
    pauses = Pause.objects.filter(until__gt=now).order_by("pk")
    return {
        "crm_pause_code": Subquery(pauses.values("code")[:1]),
        "crm_pause_message": Subquery(pauses.values("message")[:1]),
        "crm_read_at": Subquery(Cursor.objects.order_by("-updated_at").values("updated_at")[:1]),
        "has_dead_changes": Exists(OutboxRow.objects.filter(state=OutboxState.DEAD)),
    }


def connected(now: datetime, facts: Facts) -> Finding:
    """Whether Salesforce is read at the moment."""
    if not settings.SALESFORCE_INSTANCE_URL:
        return Finding(SetupState.OPEN, _("Set the address and the key of Salesforce in the environment."))
    if facts["crm_pause_code"] is not None:
        return Finding(SetupState.ATTENTION, in_words(facts["crm_pause_code"], facts["crm_pause_message"]))
    last = facts["crm_read_at"]
    if last is None:
        return Finding(SetupState.OPEN, _("Nothing was read from Salesforce yet."))
    words = _("Last read %(age)s ago.") % {"age": age(now - last)}
    return Finding.when(now - last < STALE, done=words, otherwise=words, state=SetupState.ATTENTION)


def nothing_failed(now: datetime, facts: Facts) -> Finding:
    """Whether something waits for a person."""
    return Finding.when(
        not facts["has_dead_changes"],
        done=_("No change waits for a person."),
        otherwise=_("Some changes did not arrive and need a person."),
        state=SetupState.ATTENTION,
    )


ITEMS = [
    SetupItem(
        "crm",
        gettext_lazy("Salesforce"),
        SetupGroup.CONNECTIONS,
        url=lambda: reverse("admin:crm_cursor_changelist"),
        check=connected,
        facts=facts,
    ),
    SetupItem(
        "crm-failures",
        gettext_lazy("Changes arrive in Salesforce"),
        SetupGroup.CONNECTIONS,
        url=lambda: reverse("admin:crm_outboxrow_changelist") + "?state__exact=dead",
        check=nothing_failed,
        facts=facts,
    ),
]
