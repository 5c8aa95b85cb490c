"""What a stack is made of: servers of ours, commands, and servers whose address is known once they run."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from sandbox.postgres import Postgres
from sandbox.processes import Child, wait_until
from sandbox.valkey import Valkey

ROOT = Path(__file__).resolve().parent.parent


class Part(Protocol):
    """One server of the stack."""

    @property
    def child(self) -> Child: ...
    def start(self) -> object: ...
    def stop(self) -> None: ...


class Program:
    """A part that is one command; `ready` says whether it can be used."""

    def __init__(
        self,
        name: str,
        command: Callable[[], Sequence[str | Path]],
        *,
        log: Path,
        env: Callable[[], Mapping[str, str]],
        ready: Callable[[], bool] = lambda: True,
        seconds: float = 60,
    ) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._env = env
        self._ready = ready
        self._seconds = seconds
        self._child: Child | None = None

    @property
    def child(self) -> Child:
        assert self._child is not None, f"{self.name} is not started"
        return self._child

    def start(self) -> None:
        self._child = Child(self.name, self._command(), log=self.log, env=self._env(), cwd=ROOT)
        wait_until(self._ready, child=self._child, seconds=self._seconds)

    def stop(self) -> None:
        if self._child:
            self._child.stop()
            self._child = None


class Published:
    """A server whose address is known once it runs; puts it into the settings."""

    def __init__(self, server: Postgres | Valkey, env: dict[str, str], name: str) -> None:
        self._server = server
        self._env = env
        self._name = name

    @property
    def child(self) -> Child:
        return self._server.child

    def start(self) -> None:
        self._server.start()
        self._env[self._name] = self._server.url

    def stop(self) -> None:
        self._server.stop()
