"""Child processes that never outlive us, and the small things needed to run servers on loopback."""

import atexit
import contextlib
import fcntl
import importlib.util
import os
import pwd
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil

from sandbox import watchdog

LOOPBACK = "127.0.0.1"
LOG_LIMIT_BYTES = 5_000_000


class SandboxError(Exception):
    """Something a person can put right; the message is one line that says how."""


class PartFailed(SandboxError):
    """A part did not start, or ended on its own."""

    def __init__(self, name: str, reason: str, log: Path | None = None) -> None:
        super().__init__(f"{name} {reason}")
        self.name = name
        self.log = log


class AlreadyRunning(SandboxError):
    """Another process holds the folder."""


class _Watchdog:
    """Our end of `sandbox/watchdog.py`. One for each process that starts children, from the first child on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0

    def _pipe(self) -> IO[str]:
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, watchdog.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
                cwd="/",
            )
            self._owner = os.getpid()
            for child in _children:
                self._say(f"+{child.pid} {int(child.stop_signal)}")
        assert self._process.stdin is not None
        return self._process.stdin

    def _say(self, line: str) -> None:
        pipe = self._pipe()
        pipe.write(line + "\n")
        pipe.flush()

    def add(self, child: "Child") -> None:
        with self._lock:
            self._say(f"+{child.pid} {int(child.stop_signal)}")
            _children.append(child)

    def remove(self, child: "Child") -> None:
        with self._lock:
            if child in _children:
                _children.remove(child)
                self._say(f"-{child.pid}")

    def prepare(self) -> None:
        """Start it before the child, so that no moment is left in which the child has nobody to end it."""
        with self._lock:
            self._pipe()


_children: list["Child"] = []
_watchdog = _Watchdog()


class Child:
    """A program in a process group of its own. It ends with us, whichever way we end."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        stop_seconds: float = 10.0,
    ) -> None:
        """Start `command`; its output goes to the end of `log`.

        Raises PartFailed when the program can't be started at all.
        """
        self.name = name
        self.log = log
        self.stop_signal = stop_signal
        self.stop_seconds = stop_seconds
        _watchdog.prepare()
        with open_log(log) as output:
            try:
                self._process = subprocess.Popen(
                    [os.fspath(part) for part in command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=dict(env) if env is not None else None,
                    cwd=cwd,
                    user=user,
                    group=primary_group(user) if user else None,
                    extra_groups=[] if user else None,
                    start_new_session=True,
                )
            except OSError as error:
                raise PartFailed(name, f"could not be started: {error}", log) from error
        self.pid = self._process.pid
        _watchdog.add(self)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def wait(self, seconds: float) -> int | None:
        """The exit code once it has ended; None when it has not within `seconds`."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout=seconds)
        return None

    def stop(self) -> None:
        """Ask the program to end, and kill what is left of its group when it takes too long."""
        self._end(self.stop_signal, self.stop_seconds)

    def kill(self) -> None:
        """`kill -9` to the whole group, as a crash of the machine would."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._end(signal.SIGKILL, 0.0)

    def _end(self, number: signal.Signals, seconds: float) -> None:
        processes = watchdog.members(self.pid)
        if self.is_running:
            self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=seconds)
        # The leader has ended or has had its time: nothing of the group is waited for any longer.
        watchdog.end(processes + watchdog.members(self.pid), grace_seconds=0.5 if not self.is_running else 0.0)
        self._process.wait()
        _watchdog.remove(self)


@atexit.register
def stop_all() -> None:
    """Stop every child still running, the last started first."""
    for child in reversed(_children.copy()):
        child.stop()


def keep_watching() -> None:
    """Start the watchdog again should somebody have killed it."""
    _watchdog.prepare()


def wait_until(
    ready: Callable[[], bool], *, child: Child, seconds: float, what: str = "did not answer", poll: float = 0.03
) -> None:
    """Wait until `ready()`; raises PartFailed when the child ends first or the time is over."""
    deadline = time.monotonic() + seconds
    while not ready():
        if not child.is_running:
            raise PartFailed(child.name, f"stopped while starting (exit code {child.exit_code})", child.log)
        if time.monotonic() > deadline:
            raise PartFailed(child.name, f"{what} within {seconds:.0f} s", child.log)
        time.sleep(poll)


def free_port(preferred: int | None = None) -> int:
    """A loopback port nothing listens on: the preferred one when it is free."""
    for port in (preferred or 0, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SandboxError("No free port on 127.0.0.1: close some programs and try again.")


def kept_port(folder: Path, name: str) -> int:
    """The port used last time for `name` when it is still free, else another; kept in `folder` for the next time."""
    file = folder / f"{name}.port"
    try:
        preferred = int(file.read_text())
    except (OSError, ValueError):
        preferred = None
    port = free_port(preferred)
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{port}\n")
    return port


def accepts_connections(port: int, host: str = LOOPBACK) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


class Lock:
    """`file`, held for this process; raises AlreadyRunning with `message` when another process holds it.

    The system lets go of it when the process ends in any way, so no stale lock stays behind.
    """

    def __init__(self, file: Path, message: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._handle = file.open("a")
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._handle.close()
            raise AlreadyRunning(message) from error

    def release(self) -> None:
        self._handle.close()


class FolderServer:
    """A server of ours over a folder that keeps its data between runs: one at a time, stopped with all it holds."""

    def __init__(self, folder: Path, *, log: Path) -> None:
        self.folder = folder
        self.log = log
        self._child: Child | None = None
        self._lock: Lock | None = None

    @property
    def child(self) -> Child:
        assert self._child is not None, "not started"
        return self._child

    def start(self) -> Self:
        raise NotImplementedError

    def stop(self) -> None:
        if self._child:
            self._child.stop()
            self._child = None
        if self._lock:
            self._lock.release()
            self._lock = None

    def kill(self) -> None:
        """`kill -9` to the server, as when the machine loses power."""
        self.child.kill()
        self.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def open_log(log: Path) -> IO[bytes]:
    """Open for appending; a long one is put aside first."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".old.log"))
    return log.open("ab")


def last_lines(log: Path, count: int = 12) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 16_000))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []


def secret(file: Path, make: Callable[[], str]) -> str:
    """The secret kept in `file`, readable by its owner alone; made on first use."""
    with contextlib.suppress(FileNotFoundError):
        return file.read_text()
    file.parent.mkdir(parents=True, exist_ok=True)
    value = make()
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as opened:
        opened.write(value)
    return value


def end_leftover(pid: int, folder: Path) -> None:
    """End what a killed parent left behind: process `pid`, if it still is the server that works in `folder`.

    The number alone proves nothing, as the system gives it out again.
    """
    try:
        process = psutil.Process(pid)
        if Path(process.cwd()) != folder:
            return
        family = [*process.children(recursive=True), process]
        process.send_signal(signal.SIGINT)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return
    watchdog.end(family, grace_seconds=5.0)


def primary_group(user: str) -> int:
    return pwd.getpwnam(user).pw_gid


def package_folder(package: str) -> Path:
    """Where an installed package lies, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SandboxError(f"The package {package} is not installed: run `make run` or `make test` once.")
    return Path(spec.submodule_search_locations[0])
