"""The control API, for tests and for people who try things: faults to come, calls that were, records as they are."""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

from sandbox.salesforce.messages import Request

Loss = Literal["drop", "reset"]
MAX_DELAY = 600.0


class UnusableFault(ValueError):
    """The description of a fault is not one the org understands."""


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next requests that match.

    `times` None means until cleared. `response` "drop" does the work and then closes the connection without a word;
    "reset" closes it before anything is done. Otherwise, with `status`, `code` or `html` the request is answered so
    and nothing is done; with `delay` alone it is answered late.
    """

    times: int | None = 1
    method: str | None = None
    path: str = ""
    status: int | None = None
    code: str | None = None
    message: str = ""
    html: str | None = None
    response: Loss | None = None
    delay: float = 0.0

    def matches(self, request: Request) -> bool:
        if self.method and self.method != request.method:
            return False
        if self.path.startswith("/") or not self.path:
            return request.path.startswith(self.path)
        # Without a leading slash: below the version, so that a test need not name one.
        resource = "/".join(request.path.split("/")[4:]) if request.path.startswith("/services/data/") else ""
        return resource.startswith(self.path)

    @property
    def answers(self) -> bool:
        return self.status is not None or self.code is not None or self.html is not None


def read_fault(given: Mapping[str, object]) -> Fault:
    """A fault from JSON. Raises UnusableFault."""
    kinds: dict[str, tuple[type, ...]] = {
        "times": (int, type(None)), "method": (str, type(None)), "path": (str,), "status": (int, type(None)),
        "code": (str, type(None)), "message": (str,), "html": (str, type(None)), "response": (str, type(None)),
        "delay": (int, float),
    }  # fmt: skip
    for name, value in given.items():
        if name not in kinds:
            raise UnusableFault(f"unknown key {name!r}; known are {', '.join(kinds)}")
        if not isinstance(value, kinds[name]) or isinstance(value, bool):
            raise UnusableFault(f"{name} cannot be {value!r}")
    fault = Fault(**given)  # type: ignore[arg-type]  # each value's type was checked just above
    if fault.times is not None and fault.times < 1:
        raise UnusableFault("times must be 1 or more, or null for ever")
    if fault.response not in (None, "drop", "reset"):
        raise UnusableFault("response must be drop or reset")
    if fault.status is not None and not 100 <= fault.status <= 599:
        raise UnusableFault("status must be an HTTP status")
    if not 0 <= fault.delay <= MAX_DELAY:
        raise UnusableFault(f"delay must lie between 0 and {MAX_DELAY:.0f} seconds")
    if not (fault.answers or fault.response or fault.delay):
        raise UnusableFault("say what goes wrong: status, code, html, response or delay")
    if fault.method:
        fault.method = fault.method.upper()
    return fault


class FaultList:
    """Faults in the order they were given; the first that matches a request is used."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, request: Request) -> Fault | None:
        """The fault this request runs into, used up by one."""
        with self._lock:
            for fault in self._faults:
                if fault.matches(request):
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times == 0:
                            self._faults.remove(fault)
                    return fault
        return None

    def listed(self) -> list[dict[str, object]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]


class CallLog:
    """The latest API requests, without bodies and tokens."""

    def __init__(self, size: int = 10_000) -> None:
        self._calls: deque[dict[str, object]] = deque(maxlen=size)
        self._lock = threading.Lock()
        self._number = 0

    def add(self, request: Request, *, status: int | None, fault: bool, milliseconds: float) -> None:
        """Notes a request. The status is None when the client got no answer."""
        with self._lock:
            self._number += 1
            self._calls.append(
                {
                    "number": self._number,
                    "at": datetime.now(UTC).isoformat(),
                    "method": request.method,
                    "path": request.path,
                    "query": request.query,
                    "status": status,
                    "call_options": request.headers.get("sforce-call-options"),
                    "fault": fault,
                    "milliseconds": round(milliseconds, 1),
                }
            )

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()

    def listed(self) -> list[dict[str, object]]:
        with self._lock:
            return list(self._calls)
