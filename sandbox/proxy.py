"""Stands between the portal and localstripe, and adds what localstripe lacks: idempotency keys, and trouble.

Idempotency follows Stripe's documentation: the first result under a key, also a 500, is saved and answered again; other
parameters under a used key are an error; a second request while the first is under way is a conflict; refused requests
are not saved. That proves our client, not Stripe.

Trouble is ordered over `/_fault`, or with `FaultClient`, for the next requests of a method and path.
"""

import argparse
import dataclasses
import hashlib
import json
import secrets
import socket
import struct
import sys
import threading
import time
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl

from sandbox import web
from sandbox.processes import LOOPBACK, Child, free_port, wait_until

ROOT = Path(__file__).resolve().parent.parent
UPSTREAM_TIMEOUT_SECONDS = 30
# Stripe does not save what it refused before doing anything.
NOT_SAVED = frozenset({400, 401, 403, 404, 409, 429, 502})
HOP_HEADERS = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive", "date", "server", "host"})


class Fault(StrEnum):
    DROP_RESPONSE = "drop_response"  # Done upstream, but the answer never arrives.
    RESET = "reset"  # The connection breaks before anything was done.
    DELAY = "delay"  # Done and answered, but `seconds` late.
    SAVED_500 = "saved_500"  # Stripe failed; the same key gets the same 500 for ever.
    RATE_LIMIT = "rate_limit"  # 429, nothing done, nothing saved.
    AUTHENTICATION_REQUIRED = "authentication_required"  # 402: the bank wants the customer present.
    BAD_GATEWAY = "bad_gateway"  # A 502 page that is no JSON, from something on the way.


@dataclasses.dataclass
class Order:
    """The next `times` requests of `method` whose path starts with `path` meet `fault`."""

    fault: Fault
    method: str = "POST"
    path: str = "/v1/"
    times: int = 1
    seconds: float = 0.0

    def matches(self, method: str, path: str) -> bool:
        return self.times > 0 and method == self.method and path.startswith(self.path)


@dataclasses.dataclass
class Call:
    """A request that reached the proxy, and what became of it."""

    method: str
    path: str
    idempotency_key: str
    fault: str = ""
    replayed: bool = False
    reached_stripe: bool = False
    status: int = 0


@dataclasses.dataclass
class Saved:
    """What is known under an idempotency key; without an answer it is still under way."""

    parameters: str
    answer: web.Answer | None = None


class StripeProxy:
    """The proxy as a thread of this process. Use `python -m sandbox.proxy` for one of its own."""

    def __init__(self, upstream: str, *, port: int = 0) -> None:
        self.upstream = upstream.rstrip("/")
        self.calls: list[Call] = []
        self._orders: list[Order] = []
        self._saved: dict[tuple[str, str], Saved] = {}
        self._lock = threading.Lock()
        proxy = self

        class ProxyHandler(_Handler):
            pass

        ProxyHandler.proxy = proxy
        self._server = web.Server(port, ProxyHandler)
        self.url = self._server.url

    def start(self) -> Self:
        self._server.start_in_thread()
        return self

    def stop(self) -> None:
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def serve_forever(self) -> None:
        self._server.serve_forever()

    def order(self, order: Order) -> None:
        with self._lock:
            self._orders.append(order)

    def forget(self) -> None:
        """Forget orders, calls and saved results."""
        with self._lock:
            self._orders.clear()
            self._saved.clear()
            self.calls.clear()

    def end_trouble(self) -> None:
        """Forget orders that no request has met; what is known under a key stays known."""
        with self._lock:
            self._orders.clear()

    def pending(self) -> list[Order]:
        with self._lock:
            return [order for order in self._orders if order.times > 0]

    def take_order(self, method: str, path: str) -> Order | None:
        with self._lock:
            for order in self._orders:
                if order.matches(method, path):
                    order.times -= 1
                    return order
        return None

    def answer(self, call: Call, *, headers: Mapping[str, str], body: bytes) -> web.Answer | None:
        """The answer to one request; None when the connection is to break instead."""
        order = self.take_order(call.method, call.path)
        call.fault = order.fault if order else ""
        with self._lock:
            self.calls.append(call)
        if order and order.fault is Fault.RESET:
            return None
        if order and order.fault is Fault.RATE_LIMIT:
            return _error(429, "rate_limit_error", "Too many requests.", code="rate_limit")
        if order and order.fault is Fault.BAD_GATEWAY:
            return web.Answer(502, {"Content-Type": "text/html"}, b"<html><h1>502 Bad Gateway</h1></html>")

        name = (headers.get("Authorization", ""), call.idempotency_key)
        saved = Saved(_parameters(call, body))
        if call.idempotency_key and call.method == "POST":
            with self._lock:
                known = self._saved.setdefault(name, saved)
            if known is not saved:
                return self._answer_again(call, known, saved.parameters)

        result: web.Answer | None = None
        try:
            result = self._execute(call, order, headers=headers, body=body)
        finally:
            with self._lock:
                if result is None or result.status in NOT_SAVED:
                    if self._saved.get(name) is saved:
                        del self._saved[name]
                else:
                    saved.answer = result
        if order and order.fault is Fault.DELAY:
            time.sleep(order.seconds)
        if order and order.fault is Fault.DROP_RESPONSE:
            return None
        return result

    def _answer_again(self, call: Call, known: Saved, parameters: str) -> web.Answer:
        if known.parameters != parameters:
            return _error(
                400,
                "idempotency_error",
                "Keys for idempotent requests can only be used with the same parameters they were first used with.",
            )
        if known.answer is None:
            return _error(
                409,
                "idempotency_error",
                "There is currently another in-progress request using this idempotency key.",
                code="idempotency_key_in_use",
            )
        call.replayed = True
        return known.answer._replace(headers={**known.answer.headers, "Idempotent-Replayed": "true"})

    def _execute(self, call: Call, order: Order | None, *, headers: Mapping[str, str], body: bytes) -> web.Answer:
        if order and order.fault is Fault.SAVED_500:
            return _error(500, "api_error", "Something went wrong on our end.")
        if order and order.fault is Fault.AUTHENTICATION_REQUIRED:
            return _error(402, "card_error", "The bank asks for authentication.", code="authentication_required")
        call.reached_stripe = True
        try:
            answer = web.request(
                self.upstream + call.path,
                method=call.method,
                data=body or None,
                headers={name: value for name, value in headers.items() if name.lower() not in HOP_HEADERS},
                timeout=UPSTREAM_TIMEOUT_SECONDS,
            )
        except OSError:
            return web.Answer(502, {"Content-Type": "text/plain"}, b"localstripe does not answer")
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_HEADERS}
        return web.Answer(answer.status, {**kept, "Request-Id": f"req_{secrets.token_hex(7)}"}, answer.body)


class _Handler(web.Handler):
    proxy: StripeProxy

    def handle_any(self) -> None:
        body = self.read_body()
        if self.path.startswith("/_fault"):
            self._control(body)
            return
        call = Call(self.command, self.path, self.headers.get("Idempotency-Key", ""))
        answer = self.proxy.answer(call, headers=dict(self.headers.items()), body=body)
        if answer is None:
            self._break_connection()
            return
        call.status = answer.status
        headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-type"}
        self.reply(
            answer.status,
            answer.body,
            content_type=answer.headers.get("Content-Type", "application/json"),
            headers=headers,
        )

    do_GET = do_POST = do_DELETE = do_OPTIONS = handle_any  # noqa: N815

    def _control(self, body: bytes) -> None:
        match self.command, self.path:
            case "POST", "/_fault":
                try:
                    wanted = json.loads(body)
                    self.proxy.order(Order(**{**wanted, "fault": Fault(wanted["fault"])}))
                except (ValueError, KeyError, TypeError) as error:
                    self.reply_json({"error": str(error)}, status=400)
                else:
                    self.reply_json({}, status=201)
            case "GET", "/_fault":
                self.reply_json([dataclasses.asdict(order) for order in self.proxy.pending()])
            case "GET", "/_fault/calls":
                self.reply_json([dataclasses.asdict(call) for call in self.proxy.calls])
            case "DELETE", "/_fault":
                self.proxy.forget()
                self.reply_json({})
            case "DELETE", "/_fault/orders":
                self.proxy.end_trouble()
                self.reply_json({})
            case _:
                self.reply_json({"error": "unknown"}, status=404)

    def _break_connection(self) -> None:
        """A reset instead of a tidy end, as when a machine on the way dies."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


class FaultClient:
    """Orders trouble from a proxy that runs as a process of its own."""

    def __init__(self, url: str) -> None:
        self.url = f"{url.rstrip('/')}/_fault"

    def order(
        self, fault: Fault, *, path: str = "/v1/", method: str = "POST", times: int = 1, seconds: float = 0
    ) -> None:
        wanted = dataclasses.asdict(Order(fault, method=method, path=path, times=times, seconds=seconds))
        answer = web.request(self.url, method="POST", data=json.dumps(wanted).encode())
        if answer.status != 201:
            raise ValueError(answer.body.decode())

    def calls(self) -> list[Call]:
        found = json.loads(web.request(f"{self.url}/calls").body)
        return [Call(**call) for call in found]

    def forget(self) -> None:
        web.request(self.url, method="DELETE")

    def end_trouble(self) -> None:
        web.request(f"{self.url}/orders", method="DELETE")


class ProxyProcess:
    """The proxy as a process of its own: for a parent that forks, which threads do not survive."""

    def __init__(self, upstream: str, *, log: Path) -> None:
        port = free_port()
        self.url = f"http://{LOOPBACK}:{port}"
        self.faults = FaultClient(self.url)
        command = [sys.executable, "-m", "sandbox.proxy", "--port", str(port), "--upstream", upstream]
        self._child = Child("proxy", command, log=log, cwd=ROOT)
        wait_until(lambda: web.answers(f"{self.url}/_fault"), child=self._child, seconds=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.stop()


def _parameters(call: Call, body: bytes) -> str:
    """The same for the same parameters, in whatever order they were sent."""
    values = sorted(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    return hashlib.sha256(repr((call.method, call.path, values)).encode()).hexdigest()


def _error(status: int, kind: str, message: str, *, code: str = "") -> web.Answer:
    error = {"type": kind, "message": message, **({"code": code} if code else {})}
    body = json.dumps({"error": error}).encode()
    headers = {"Content-Type": "application/json", "Request-Id": f"req_{secrets.token_hex(7)}"}
    return web.Answer(status, headers, body)


def main() -> None:
    parser = argparse.ArgumentParser(prog=f"python -m sandbox.{Path(__file__).stem}", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True, help="the address of localstripe")
    options = parser.parse_args()
    StripeProxy(options.upstream, port=options.port).serve_forever()


if __name__ == "__main__":
    main()
