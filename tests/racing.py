"""Two requests at once, for real: each step in a thread of its own, over a connection of its own."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from django.db import connection


def race(*steps: Callable[[], Any]) -> list[Any]:
    """Let the steps begin together; what each returned, or the exception it raised, in their order."""
    begin = threading.Barrier(len(steps))

    def run(step: Callable[[], Any]) -> Any:
        begin.wait(timeout=10)
        return step()

    with ThreadPoolExecutor(len(steps)) as pool:
        ends = [pool.submit(closing(partial(run, step))) for step in steps]
    return [end.exception() or end.result() for end in ends]


def closing(step: Callable[[], Any]) -> Callable[[], Any]:
    """The step, for a thread of its own, whose connection it closes."""

    def run() -> Any:
        try:
            return step()
        finally:
            connection.close()

    return run


def wait_for_a_lock() -> None:
    """Until another connection waits for what this one has locked."""
    _wait_for("FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))", 1)


def wait_for_locks(count: int) -> None:
    """Until so many connections wait for what others have locked."""
    _wait_for("FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'", count)


def _wait_for(rows: str, count: int) -> None:
    until = time.monotonic() + 10
    with connection.cursor() as cursor:
        # Each in a transaction of its own would see the activity anew; within one, what was seen first stays.
        while cursor.execute(f"SELECT pg_stat_clear_snapshot(), (SELECT count(*) {rows})") and (
            cursor.fetchone()[1] < count
        ):
            assert time.monotonic() < until, "nobody waits"
