"""Whether each part of the portal works, for load balancers and people on call."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError as BrokerError
from redis import Redis
from redis.exceptions import RedisError

HEARTBEAT_KEY = "portal:heartbeat"
HEARTBEAT_MAX_AGE = 40  # Seconds; beat sends one every 10.
WORKER_TIMEOUT = 1.0


def _redis() -> Redis:
    return Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)


def note_heartbeat() -> None:
    with _redis() as client:
        client.set(HEARTBEAT_KEY, str(time.time()), ex=3600)


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def _cache() -> str:
    with _redis() as client:
        client.ping()
    return ""


def _worker() -> str:
    from portal.celery import app

    answers = app.control.ping(timeout=WORKER_TIMEOUT)
    return "" if answers else "no worker answers"


def _beat() -> str:
    with _redis() as client:
        beaten = client.get(HEARTBEAT_KEY)
    if beaten is None:
        return "no heartbeat yet"
    age = time.time() - float(beaten)
    return "" if age < HEARTBEAT_MAX_AGE else f"last heartbeat {age:.0f} s ago"


PARTS: dict[str, Callable[[], str]] = {"database": _database, "cache": _cache, "worker": _worker, "beat": _beat}


@login_not_required
@never_cache
@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    """The web process can serve."""
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when every part works; else 503. The body names each part and what is wrong with it."""
    parts = {"web": "ok"}
    for name, check in PARTS.items():
        try:
            parts[name] = check() or "ok"
        except (DatabaseError, RedisError, BrokerError, OSError) as error:
            parts[name] = f"away: {type(error).__name__}"
    healthy = all(state == "ok" for state in parts.values())
    return JsonResponse({"healthy": healthy, "parts": parts}, status=200 if healthy else 503)
