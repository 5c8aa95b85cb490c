"""A name server on loopback that answers for TXT records alone: what domain verification asks, in tests and the demo.

with NameServer() as server:
    server.records["_portal-verification.acme.example"] = ["portal-verification=…"]
"""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from sandbox.processes import LOOPBACK


class NameServer:
    """Answers from `records`; a name that is not there does not exist. `is_silent` makes it swallow every question."""

    def __init__(self, port: int = 0) -> None:
        self.records: dict[str, list[str]] = {}
        self.is_silent = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LOOPBACK, port))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> str:
        """What the setting DNS_SERVERS takes."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        # Closing a socket does not wake who waits on it; an empty datagram does.
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _serve(self) -> None:
        while wire := (received := self._socket.recvfrom(4096))[0]:
            if not self.is_silent:
                with contextlib.suppress(dns.exception.DNSException, OSError):
                    self._socket.sendto(self._answer(dns.message.from_wire(wire)).to_wire(), received[1])

    def _answer(self, question: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.AA
        asked = question.question[0]
        texts = self.records.get(asked.name.to_text(omit_final_dot=True).lower())
        if texts is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            answer.answer.append(dns.rrset.from_text(asked.name, 5, "IN", "TXT", *(f'"{text}"' for text in texts)))
        return answer
