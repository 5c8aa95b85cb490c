"""Jobs of the sync. With no org in the settings they return at once, and changes wait."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import SystemRandom

from celery import shared_task
from django.db import connection
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
_READING_LOCK = 7_203_002  # Of pg_try_advisory_lock; any number that nothing else uses.


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
        with _only_reader() as is_only:
            if not is_only:
                return
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


@contextmanager
def _only_reader() -> Iterator[bool]:
    """Whether no other worker reads: a long reading must not be joined by the next until none is left to push.

    The lock belongs to the connection, so it ends with a worker that dies.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_READING_LOCK])
        (is_only,) = cursor.fetchone()
    try:
        yield is_only
    finally:
        if is_only:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_READING_LOCK])
