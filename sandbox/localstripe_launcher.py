"""Runs the unmodified localstripe on 127.0.0.1 only, and without its dump in the shared temporary folder.

A script for a process of its own: localstripe is GPL-3.0-or-later, and nothing of it is loaded beside our code.
"""

import importlib
import runpy
import socket


class LoopbackSocket(socket.socket):
    """Listens on 127.0.0.1 whatever address is asked for; localstripe asks for all, over IPv6."""

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:  # noqa: A002
        if family == socket.AF_INET6 and fileno is None:
            family = socket.AF_INET
        super().__init__(family, type, proto, fileno)

    def bind(self, address: object) -> None:
        if self.family == socket.AF_INET and isinstance(address, tuple):
            address = ("127.0.0.1", address[1])
        super().bind(address)  # type: ignore[arg-type]


if __name__ == "__main__":
    socket.socket = LoopbackSocket  # type: ignore[misc]
    resources = importlib.import_module("localstripe.resources")
    # Every write would pickle the whole store to one file in /tmp that all instances share.
    resources.Store.dump_to_disk = lambda self: None
    runpy.run_module("localstripe", run_name="__main__", alter_sys=True)
