"""Jobs of the sync. With no org in the settings they return at once, and changes wait."""

import logging
from datetime import timedelta
from random import SystemRandom

from celery import shared_task
from django.utils import timezone

from accounts.jobs import AccountTask
from crm import pauses, retry
from crm.client import CrmError, NotConfigured, connect
from crm.models import Cursor, OutboxRow
from crm.pull import POLLED, pull_object
from crm.push import push_batch

logger = logging.getLogger(__name__)

# A task ends before its soft time limit; what is left is taken by the next.
WORKS_FOR = timedelta(seconds=40)


@shared_task(base=AccountTask, all_accounts=True)
def push(**kwargs: object) -> None:
    """Send what waits in the outbox."""
    started = timezone.now()
    if not OutboxRow.objects.due(started).exists():  # Asked every few seconds: one look into a partial index.
        return
    try:
        with connect() as crm:
            while (now := timezone.now()) - started < WORKS_FOR:
                if not push_batch(crm=crm, now=now, random=SystemRandom()):
                    return
    except NotConfigured:
        return


@shared_task(base=AccountTask, all_accounts=True)
def pull(**kwargs: object) -> None:
    """Read what changed in Salesforce."""
    now = timezone.now()
    if pauses.running(now):
        return
    try:
        with connect() as crm:
            for crm_object in POLLED:
                pull_object(crm=crm, crm_object=crm_object, now=now)
            pauses.end()
    except NotConfigured:
        return
    except CrmError as error:
        logger.warning("reading from Salesforce failed: %s", error)
        Cursor.objects.update(last_error=str(error))
        action = retry.classify(error.http_status, error.code)
        if action.kind in pauses.PAUSING:
            pauses.begin(error=error, action=action, now=now, random=SystemRandom())
