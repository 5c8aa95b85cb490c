"""When Salesforce is away or has had enough of us: one note that all workers read before they call."""

from datetime import datetime, timedelta
from random import Random

from django.db import transaction

from crm import retry
from crm.client import CrmError
from crm.models import Pause

PAUSING = frozenset({retry.Kind.AWAY, retry.Kind.PAUSE, retry.Kind.REFRESH})


def running(now: datetime) -> Pause | None:
    """The pause that forbids calls at `now`."""
    return Pause.objects.filter(until__gt=now).first()


@transaction.atomic
def begin(*, error: CrmError, action: retry.Action, now: datetime, random: Random) -> Pause:
    """Stop calling for a while, longer with each failure in a row. The first call after it is the probe."""
    pause = Pause.objects.select_for_update().first()
    failures = pause.failures + 1 if pause else 1
    wait = timedelta(seconds=retry.delay(action, failures, random))
    pause, _created = Pause.objects.update_or_create(
        pk=1,
        defaults={
            "until": now + wait,
            "failures": failures,
            "since": pause.since if pause else now,
            "code": error.code or str(error.http_status or ""),
            "message": error.message,
        },
    )
    return pause


def end() -> None:
    """A call was answered: all is well again."""
    Pause.objects.all().delete()
