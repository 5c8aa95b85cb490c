"""What the exchange with the CRM needs before customers come."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.setup_items import Finding, SetupGroup, SetupItem, SetupState
from crm.models import Cursor, OutboxRow, OutboxState, Pause
from crm.status import age, in_words

STALE = timedelta(hours=1)


def connected(now: datetime) -> Finding:
    """Whether Salesforce is read at the moment. Two queries."""
    if not settings.SALESFORCE_INSTANCE_URL:
        return Finding(SetupState.OPEN, _("Set the address and the key of Salesforce in the environment."))
    pause = Pause.objects.filter(until__gt=now).first()
    if pause is not None:
        return Finding(SetupState.ATTENTION, in_words(pause.code, pause.message))
    last = Cursor.objects.aggregate(last=Max("updated_at"))["last"]
    if last is None:
        return Finding(SetupState.OPEN, _("Nothing was read from Salesforce yet."))
    words = _("Last read %(age)s ago.") % {"age": age(now - last)}
    return Finding.when(now - last < STALE, done=words, otherwise=words, state=SetupState.ATTENTION)


def nothing_failed(now: datetime) -> Finding:
    """Whether something waits for a person. One query."""
    has_dead = OutboxRow.objects.filter(state=OutboxState.DEAD).exists()
    return Finding.when(
        not has_dead,
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
    ),
    SetupItem(
        "crm-failures",
        gettext_lazy("Changes arrive in Salesforce"),
        SetupGroup.CONNECTIONS,
        url=lambda: reverse("admin:crm_outboxrow_changelist") + "?state__exact=dead",
        check=nothing_failed,
    ),
]
