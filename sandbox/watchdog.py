"""Ends process groups once the process that started them is gone, however it went.

Runs as a script of its own: it reads lines `+<group> <signal>` and `-<group>` from standard input. The pipe closes when
the process at its other end dies, also by `kill -9`; then each group still listed gets its signal, and what is left
after a few seconds is killed. Works the same on Linux and macOS.
"""

import contextlib
import os
import signal
import sys
import time

import psutil

GRACE_SECONDS = 5.0


def members(group: int) -> list[psutil.Process]:
    """The living processes of a group, and their descendants in whatever group those are."""
    found: list[psutil.Process] = []
    children: dict[int, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            children.setdefault(process.ppid(), []).append(process)
            if os.getpgid(process.pid) == group:
                found.append(process)
    known = {process.pid for process in found}
    for process in found:  # Grows while we look.
        descendants = [child for child in children.get(process.pid, []) if child.pid not in known]
        known.update(child.pid for child in descendants)
        found += descendants
    return [process for process in found if is_alive(process)]


def is_alive(process: psutil.Process) -> bool:
    """False also for a zombie: it has ended, and only waits to be noticed."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until_ended(processes: list[psutil.Process], *, seconds: float) -> list[psutil.Process]:
    """Wait for the processes to end; returns those that have not."""
    deadline = time.monotonic() + seconds
    while (left := [process for process in processes if is_alive(process)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def end(processes: list[psutil.Process], *, grace_seconds: float) -> None:
    """Wait for the processes to end, then kill those that have not."""
    for process in wait_until_ended(processes, seconds=grace_seconds):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def end_group(group: int, number: int = signal.SIGTERM, *, grace_seconds: float = GRACE_SECONDS) -> None:
    """Send the signal to a group's leader, wait, and kill what is left of the group."""
    processes = members(group)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(group, number)
    end(processes, grace_seconds=grace_seconds)


def watch() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    signals: dict[int, int] = {}
    for line in sys.stdin:
        if line.startswith("+"):
            group, number = line[1:].split()
            signals[int(group)] = int(number)
        else:
            signals.pop(int(line[1:]), None)

    processes: list[psutil.Process] = []
    # The last started goes first: the web process before the database under it.
    for group, number in reversed(signals.items()):
        processes += members(group)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(group, number)
    end(processes, grace_seconds=GRACE_SECONDS)


if __name__ == "__main__":
    watch()
