"""The wire: one loopback port that speaks TLS and plain HTTP, the log of calls, and the faults on request."""

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

from sandbox.salesforce import auth, pages, rest
from sandbox.salesforce.certificates import server_context
from sandbox.salesforce.control import Fault, UnusableFault, read_fault
from sandbox.salesforce.errors import ApiError, not_found
from sandbox.salesforce.messages import JSON_TYPE, Request, Response, by_method, page
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import OBJECTS, find_object

TLS_HANDSHAKE = b"\x16"
IDLE_SECONDS = 75
MAX_BODY = 64 * 1024 * 1024
DEFAULT_CODES = {401: "INVALID_SESSION_ID", 403: "REQUEST_LIMIT_EXCEEDED", 404: "NOT_FOUND", 503: "SERVER_UNAVAILABLE"}
DEFAULT_MESSAGES = {
    "INVALID_SESSION_ID": "Session expired or invalid",
    "REQUEST_LIMIT_EXCEEDED": "TotalRequests Limit exceeded.",
    "UNABLE_TO_LOCK_ROW": "unable to obtain exclusive access to this record or 1 records",
    "SERVER_UNAVAILABLE": "The server is temporarily unavailable. Please try again.",
}


class LostConnection(Exception):
    """The client is to get no answer."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("reset" if reset else "drop")
        self.reset = reset


def serve_api(org: Org, request: Request) -> Response:
    """Everything below /services and /id: what a Salesforce client talks to."""
    try:
        return _api(org, request)
    except ApiError as error:
        return Response(error.status, error.rest_body())


def _api(org: Org, request: Request) -> Response:
    match [segment.lower() for segment in request.segments]:
        case ["services", "data"]:
            return by_method(request, {"GET": rest.list_versions})
        case ["services", "oauth2", "token"]:
            return by_method(request, {"POST": lambda: auth.token_endpoint(org, request)})
        case ["services", "oauth2", "authorize"]:
            return by_method(request, {"GET": lambda: auth.authorize_endpoint(org, request)})
        case ["services", "oauth2", "revoke"]:
            revoke = {method: lambda: auth.revoke_endpoint(org, request) for method in ("GET", "POST")}
            return by_method(request, revoke)
        case ["services", "oauth2", "userinfo"] | ["id", _, _]:
            user_id = auth.bearer_user(org, request)
            return by_method(request, {"GET": lambda: Response(200, auth.identity(org, user_id))})
        case ["services", "soap", "u", version, *_]:
            return by_method(request, {"POST": lambda: auth.soap_login(org, request, version)})
        case ["services", "data", *_]:
            user_id = auth.bearer_user(org, request)
            if not org.usage.spend():
                raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
            return rest.answer(org, request, user_id)
    raise not_found()


def serve_control(org: Org, request: Request) -> Response:
    """The control API: `/_health`, `/_fault`, `/_calls`, `/_dump`, `/_reset`, `/_limits`, `/_sessions`."""
    handlers = {
        "_health": {"GET": lambda: Response(200, {"status": "ok", "org_id": org.id})},
        "_fault": {
            "GET": lambda: Response(200, {"faults": org.faults.listed()}),
            "POST": lambda: _add_fault(org, request),
            "DELETE": lambda: _after(org.faults.clear),
        },
        "_calls": {
            "GET": lambda: Response(200, {"calls": org.calls.listed()}),
            "DELETE": lambda: _after(org.calls.clear),
        },
        "_dump": {"GET": lambda: _dump(org, request)},
        "_reset": {"POST": lambda: _after(org.reset)},
        "_limits": {"POST": lambda: _set_limits(org, request)},
        "_sessions": {"DELETE": lambda: _after(org.store.end_all_sessions)},
    }
    try:
        found = handlers.get(request.segments[0])
        if found is None or len(request.segments) > 1:
            raise not_found()
        return by_method(request, found)
    except ApiError as error:
        return Response(error.status, error.rest_body())


def _after(action: Callable[[], None]) -> Response:
    action()
    return Response(204)


def _add_fault(org: Org, request: Request) -> Response:
    try:
        given = json.loads(request.body)
        if not isinstance(given, dict):
            raise UnusableFault("a fault is a JSON object")
        org.faults.add(read_fault(given))
    except ValueError as error:
        return Response(400, {"error": str(error)})
    return Response(201, {"faults": org.faults.listed()})


def _dump(org: Org, request: Request) -> Response:
    wanted = request.query.get("object")
    if wanted is None:
        return Response(200, {sobject.name: org.store.all(sobject) for sobject in OBJECTS})
    sobject = find_object(wanted)
    if sobject is None:
        raise not_found()
    return Response(200, {sobject.name: org.store.all(sobject)})


def _set_limits(org: Org, request: Request) -> Response:
    """`{"max": 1000, "used": 990}`: the daily API calls."""
    try:
        given = json.loads(request.body)
        allowed, used = int(given.get("max", org.usage.allowed)), int(given.get("used", org.usage.used))
    except (ValueError, TypeError, AttributeError) as error:
        return Response(400, {"error": str(error)})
    with org.usage.lock:
        org.usage.allowed, org.usage.used = allowed, used
    return Response(200, {"max": allowed, "used": used})


def _fault_answer(fault: Fault) -> Response:
    if fault.html is not None:
        return page(fault.html, fault.status or 503)
    status = fault.status or 400
    code = fault.code or DEFAULT_CODES.get(status, "UNKNOWN_EXCEPTION")
    message = fault.message or DEFAULT_MESSAGES.get(code, "A fault was asked for.")
    return Response(status, ApiError(status, code, message).rest_body())


def answer(org: Org, request: Request) -> tuple[Response, bool]:
    """The response, and whether the request was an API call. Raises LostConnection."""
    first = request.segments[0].lower() if request.segments else ""
    if first not in ("services", "id") and request.from_elsewhere:
        return Response(403, content=b"This page was asked for by another site.", media_type="text/plain"), False
    if first.startswith("_"):
        return serve_control(org, request), False
    if first not in ("services", "id"):
        return pages.serve(org, request), False
    started = time.monotonic()
    fault = org.faults.take(request)
    response: Response | None = None
    try:
        response = _answer_with(org, request, fault)
    finally:
        org.calls.add(
            request,
            status=response.status if response else None,
            fault=fault is not None,
            milliseconds=(time.monotonic() - started) * 1000,
        )
    return response, True


def _answer_with(org: Org, request: Request, fault: Fault | None) -> Response:
    if fault is None:
        return serve_api(org, request)
    if fault.response == "reset":
        raise LostConnection(reset=True)
    time.sleep(fault.delay)
    if fault.response == "drop":
        serve_api(org, request)
        raise LostConnection(reset=False)
    return _fault_answer(fault) if fault.answers else serve_api(org, request)


class Handler(BaseHTTPRequestHandler):
    """Reads a request off the wire and writes the response back."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS

    def _serve(self) -> None:
        org = cast("Server", self.server).org
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._write(Response(413 if length > MAX_BODY else 400), org, api=False)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        scheme = "https" if isinstance(self.connection, ssl.SSLSocket) else "http"
        origin = f"{scheme}://{headers.get('host', '')}"
        request = Request(self.command, self.path, headers, self.rfile.read(length), origin)
        try:
            response, api = answer(org, request)
        except LostConnection as lost:
            self._lose(reset=lost.reset)
            return
        except Exception:  # noqa: BLE001 - a client must get an answer, and the traceback goes to stderr
            traceback.print_exc()
            error = ApiError(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred in the stand-in.")
            response, api = Response(500, error.rest_body()), True
        self._write(response, org, api=api)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = _serve  # noqa: N815 - the names are http.server's

    def _write(self, response: Response, org: Org, *, api: bool) -> None:
        content = response.encoded()
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if content or response.media_type != JSON_TYPE:
            self.send_header("Content-Type", response.media_type)
        if api:
            self.send_header("Sforce-Limit-Info", org.usage.header)
        if response.status != 204:
            self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _lose(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            # Lingering for zero seconds turns the close into a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def version_string(self) -> str:
        return "salesforce-stand-in"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
        """Silent: `GET /_calls` is the log."""


class Server(ThreadingHTTPServer):
    """Listens on loopback. The first byte of a connection says whether it is TLS."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, org: Org, port: int) -> None:
        self.org = org
        self.tls, self.ca_bundle = server_context(org.state)
        super().__init__(("127.0.0.1", port), Handler)
        self.port = int(self.server_address[1])
        org.instance_url = f"https://localhost:{self.port}"

    def finish_request(self, request: object, client_address: object) -> None:
        """Runs in the thread of the connection, so a slow or silent client holds up nobody else."""
        connection = cast("socket.socket", request)
        with contextlib.suppress(OSError, ssl.SSLError):
            connection.settimeout(IDLE_SECONDS)
            first = connection.recv(1, socket.MSG_PEEK)
            if not first:
                return
            if first != TLS_HANDSHAKE:
                Handler(connection, client_address, self)
                return
            with self.tls.wrap_socket(connection, server_side=True) as secure:
                Handler(secure, client_address, self)

    def ready_line(self) -> dict[str, str]:
        """What a client needs to know, in one line of JSON. Secrets stay in the credentials file."""
        return {
            "instance_url": self.org.instance_url,
            "ca_bundle": str(self.ca_bundle.resolve()),
            "client_id": self.org.credentials.client_id,
            "username": self.org.credentials.username,
            "private_key_file": str(self.org.private_key_file.resolve()),
            "credentials_file": str((self.org.state / "credentials.json").resolve()),
        }


@contextlib.contextmanager
def running(state: Path, port: int = 0) -> Iterator[Server]:
    """An org that serves in a thread of this process for as long as the block lasts. Port 0 picks a free one."""
    server = Server(Org(state), port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        server.org.store.close()
