"""The Celery application: `celery -A portal.celery worker`, `celery -A portal.celery beat`."""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)
app.autodiscover_tasks()


@worker_init.connect
def signing_key_is_there(**kwargs: Any) -> None:
    """A production worker seals the audit log's days: without the key it does not start."""
    from django.conf import settings

    from accounts.audit.sealing import NoSigningKey, signing_key

    if settings.PRODUCTION:
        try:
            signing_key()
        except NoSigningKey as error:
            sys.exit(f"The worker cannot start: {error}.")


@beat_init.connect
def first_heartbeat(**kwargs: Any) -> None:
    """Beat is up: say so at once rather than after its first interval."""
    app.send_task("portal.tasks.beat", ignore_result=True)
