"""A request and a response without the wire: what the handlers see, and what composite requests are made of."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.salesforce.errors import method_not_allowed, unreadable_json, unsupported_media_type

OUR_HOSTS = re.compile(r"(localhost|127\.0\.0\.1|\[::1\]|[\w.-]+\.salesforce\.com)(:\d+)?", re.IGNORECASE)
JSON_TYPE = "application/json;charset=UTF-8"


@dataclass(frozen=True)
class Request:
    """One call. Header names are lower case; the path is still percent-encoded."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    origin: str = ""

    @cached_property
    def path(self) -> str:
        return urlsplit(self.target).path

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @cached_property
    def segments(self) -> list[str]:
        """The parts of the path, decoded after splitting, so that a key may hold a slash. Empty parts are dropped."""
        return [unquote(part) for part in self.path.split("/") if part]

    @property
    def from_elsewhere(self) -> bool:
        """Whether a page of another site made this request, or reached this port by a name that is not ours.

        The pages and the control API ask for no password, so a browser must not be talked into using them.
        """
        host = self.headers.get("host", "")
        if not OUR_HOSTS.fullmatch(host):
            return True
        if self.method in ("GET", "HEAD"):
            return False
        site, page_origin = self.headers.get("sec-fetch-site"), self.headers.get("origin")
        return site not in (None, "same-origin", "none") or page_origin not in (None, self.origin)

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def form(self) -> dict[str, str]:
        """The fields of an HTML form or an OAuth request."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json(self) -> object:
        """The body as JSON. Raises ApiError 415 or JSON_PARSER_ERROR."""
        if self.media_type not in ("application/json", "text/json"):
            raise unsupported_media_type()
        try:
            parsed: object = json.loads(self.body)
            if b"\\ud" in self.body.lower():
                # Half of a surrogate pair is valid JSON, but no text.
                json.dumps(parsed, ensure_ascii=False).encode()
        except ValueError as error:
            raise unreadable_json(str(error)) from None
        return parsed

    def json_object(self) -> dict[str, object]:
        parsed = self.json()
        if not isinstance(parsed, dict):
            raise unreadable_json("The body must be a JSON object")
        return parsed


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. `body` is JSON unless `content` is given."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    media_type: str = JSON_TYPE

    def encoded(self) -> bytes:
        if self.content is not None:
            return self.content
        return b"" if self.body is None else json.dumps(self.body, ensure_ascii=False).encode()


def page(html: str, status: int = 200) -> Response:
    return Response(status, content=html.encode(), media_type="text/html;charset=UTF-8")


def by_method(request: Request, handlers: Mapping[str, Callable[[], Response]]) -> Response:
    """Calls the handler of the request's method. Raises ApiError METHOD_NOT_ALLOWED."""
    method = request.method
    if method == "POST" and request.query.get("_HttpMethod"):
        method = request.query["_HttpMethod"].upper()
    if method == "HEAD" and "GET" in handlers:
        method = "GET"
    handler = handlers.get(method)
    if handler is None:
        raise method_not_allowed(method, handlers)
    return handler()
