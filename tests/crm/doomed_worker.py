"""A worker that kills itself at a point of pushing an object: `python -m tests.crm.doomed_worker POINT OBJECT`."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import django

django.setup()

from crm import push, tasks  # noqa: E402  # Models need Django to be set up.
from crm.client import Crm  # noqa: E402


def die(*arguments: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(function: Callable[..., Any], crm_object: str, *, after: bool) -> Callable[..., Any]:
    def run(first: Any, second: Any, *rest: Any, **named: Any) -> Any:
        doomed = crm_object in (second, getattr(first, "crm_object", None))
        if doomed and not after:
            die()
        result = function(first, second, *rest, **named)
        if doomed:
            die()
        return result

    return run


def main(point: str, crm_object: str) -> None:
    if point == "before the note":
        push._record = dying(push._record, crm_object, after=False)
    else:
        Crm.upsert = dying(Crm.upsert, crm_object, after=point == "after the call")
    tasks.push()


if __name__ == "__main__":
    main(*sys.argv[1:])
