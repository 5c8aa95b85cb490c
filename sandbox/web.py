"""HTTP on loopback, as little of it as the sandbox's own servers and their clients need."""

import http.client
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from sandbox.processes import LOOPBACK

# Loopback never goes through the proxy a user has configured.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        return json.loads(self.body)


def request(
    url: str,
    *,
    method: str = "GET",
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 10,
) -> Answer:
    """Any status is an answer; raises OSError only when there is none."""
    prepared = urllib.request.Request(url, data=data, headers=dict(headers or {}), method=method)
    try:
        with _opener.open(prepared, timeout=timeout) as answer:
            return Answer(answer.status, dict(answer.headers.items()), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers.items()), error.read())
    except http.client.HTTPException as error:
        raise OSError(f"no answer from {url}: {error}") from error


def answers(url: str, *, headers: Mapping[str, str] | None = None) -> bool:
    """Whether a server answers there with success."""
    try:
        return request(url, headers=headers, timeout=2).status < 400
    except OSError:
        return False


class Handler(BaseHTTPRequestHandler):
    """One request; says nothing on standard error."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return

    def read_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(self, status: int, body: bytes, *, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def reply_json(self, value: object, *, status: int = 200) -> None:
        self.reply(status, json.dumps(value, indent=1).encode() + b"\n", content_type="application/json")


class Server(ThreadingHTTPServer):
    """A server on 127.0.0.1 whose threads do not keep the process alive."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, handler: type[Handler]) -> None:
        super().__init__((LOOPBACK, port), handler)
        self.url = f"http://{LOOPBACK}:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error here."""

    def start_in_thread(self) -> None:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
