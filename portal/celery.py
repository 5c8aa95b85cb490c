"""The Celery application: `celery -A portal.celery worker`, `celery -A portal.celery beat`."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)
app.autodiscover_tasks()


@beat_init.connect
def first_heartbeat(**kwargs: Any) -> None:
    """Beat is up: say so at once rather than after its first interval."""
    app.send_task("portal.tasks.beat", ignore_result=True)
