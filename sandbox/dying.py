"""Processes that die at a named point of a payment, as when somebody pulls the plug of their machine.

A trap is a file named after a point. Whichever process comes to that point first takes the trap away and kills itself:
one that `fork` has made, or a worker that was started with `python -m sandbox.dying FOLDER worker …`.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, NoReturn


class Point(NamedTuple):
    """Before a function is called, or after it has returned."""

    module: str
    function: str
    is_after: bool


_PAYMENTS, _GATEWAY, _WEBHOOKS = "commerce.billing.payments", "commerce.stripe_gateway", "commerce.webhooks"
POINTS = {
    "card set up": Point(_GATEWAY, "attach_card", True),  # Nothing is written down yet.
    "written down": Point(_PAYMENTS, "submit", False),  # Between the commit and the call.
    "claimed": Point(_GATEWAY, "create_payment", False),  # Being sent, as the row says; nothing has left yet.
    "charged": Point(_GATEWAY, "create_payment", True),  # Between the call and the save.
    "asked": Point(_GATEWAY, "retrieve_payment", True),
    "withdrawn": Point(_GATEWAY, "cancel_payment", True),
    "about to commit": Point(_PAYMENTS, "_save", True),  # Where it was paid, all in one transaction that is still open.
    "paid": Point(_PAYMENTS, "_pay", True),  # Committed, and nobody has been answered.
    "event stored": Point(_WEBHOOKS, "receive", True),
    "event taken": Point(_WEBHOOKS, "_handle", False),
    "event handled": Point(_WEBHOOKS, "_handle", True),
}


class Traps:
    """The traps in a folder, which several processes share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def lay(self, point: str) -> None:
        if point not in POINTS:
            raise ValueError(f"there is no point {point}")
        (self.folder / point).touch()

    def take_up(self) -> list[str]:
        """Remove the traps that nobody has come to; their points."""
        left = sorted(trap.name for trap in self.folder.iterdir())
        for point in left:
            (self.folder / point).unlink(missing_ok=True)
        return left

    def arm(self) -> None:
        """Let this process, and those that it forks, die in the traps. Once, after Django is set up."""
        for name, point in POINTS.items():
            module = import_module(point.module)
            function = getattr(module, point.function)
            setattr(module, point.function, _trapped(function, self.folder / name, is_after=point.is_after))


def _trapped(function: Callable[..., Any], trap: Path, *, is_after: bool) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not is_after:
            _step_into(trap)
        result = function(*args, **kwargs)
        if is_after:
            _step_into(trap)
        return result

    return call


def _step_into(trap: Path) -> None:
    try:
        trap.unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def fork(step: Callable[[], object]) -> int:
    """Run the step in a process of its own, over connections of its own. Its id, for `wait`."""
    from django.db import connections

    connections.close_all()  # Both would talk over the same ones.
    pid = os.fork()
    if not pid:
        forget_connections()
        _end(step)
    return pid


def forget_connections() -> None:
    """To the broker and to Stripe, as they are the parent's."""
    from kombu import pools

    from commerce import stripe_gateway
    from portal.celery import app

    pools.reset()
    app.close()
    vars(app).pop("amqp", None)
    stripe_gateway._build_client.cache_clear()


def _end(step: Callable[[], object]) -> NoReturn:
    """Take the step and end without what the parent meant to do at its own end."""
    code = 1
    try:
        step()
        code = 0
    except BaseException:  # noqa: BLE001 – also what would end a program must not leave this process here.
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(pids: Sequence[int]) -> list[int]:
    """How each ended: 0, the number of the signal that killed it below zero, or above zero where the step failed."""
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def main(arguments: Sequence[str]) -> None:
    """`FOLDER worker …`: a Celery worker that dies in the folder's traps."""
    from portal.celery import app

    app.loader.import_default_modules()
    Traps(Path(arguments[0])).arm()
    app.start(argv=list(arguments[1:]))


if __name__ == "__main__":
    main(sys.argv[1:])
