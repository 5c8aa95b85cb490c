"""PostgreSQL and Valkey alone, without the rest of the outside world: for test sessions, checks and benchmarks."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.postgres import Postgres
from sandbox.processes import AlreadyRunning, Lock, PartFailed
from sandbox.valkey import Valkey

SLOTS = 20


class Servers:
    """One PostgreSQL and one Valkey for this process and those that inherit its environment.

    Use it in the controller of a test session, before the workers start:

        servers = Servers(Path(".data/tests")).start(os.environ)
        os.environ.update(servers.env)
        ...
        servers.stop()

    A server whose URL is already in the environment is used instead, and not started. Sessions side by side get folders
    of their own; a folder is used again by later sessions, as creating the data takes longer than starting.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env: dict[str, str] = {}
        self._postgres: Postgres | None = None
        self._valkey: Valkey | None = None
        self._slot: Lock | None = None

    def start(self, environ: Mapping[str, str]) -> Self:
        """Raises PartFailed or another SandboxError with one clear line."""
        slot = self._take_slot()
        try:
            if not environ.get("DATABASE_URL"):
                self._postgres = self._start_postgres(slot / "postgres")
                self.env["DATABASE_URL"] = self._postgres.url
            if not environ.get("REDIS_URL"):
                self._valkey = Valkey(slot / "valkey", throwaway=True).start()
                self.env["REDIS_URL"] = self._valkey.url
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        for server in (self._valkey, self._postgres):
            if server:
                server.stop()
        if self._slot:
            self._slot.release()
            self._slot = None
        self._postgres = self._valkey = None
        self.env = {}

    def __enter__(self) -> Self:
        return self if self._slot else self.start(os.environ)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _take_slot(self) -> Path:
        for number in range(1, SLOTS + 1):
            slot = self.folder / str(number)
            try:
                self._slot = Lock(slot / "lock", "")
            except AlreadyRunning:
                continue
            return slot
        raise AlreadyRunning(f"{SLOTS} test sessions already run over {self.folder}: wait for one to end.")

    @staticmethod
    def _start_postgres(folder: Path) -> Postgres:
        try:
            return Postgres(folder, throwaway=True).start()
        except PartFailed:
            # Without fsync a power cut can tear the data. It is only a cache here: make it anew.
            shutil.rmtree(folder)
            return Postgres(folder, throwaway=True).start()
