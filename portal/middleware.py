"""Headers of every answer that no library sets, and what the log says of a request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django_structlog.middlewares import RequestMiddleware

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def resource_headers(get_response: GetResponse) -> GetResponse:
    """What a browser may do on our pages, who may embed what we serve, and that nobody keeps a copy of it.

    A page that says nothing about caches is its reader's alone: after signing out, Back does not bring it up again.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(self)"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return middleware


class RequestLogMiddleware(RequestMiddleware):
    """Log which address was asked for, without what was asked: a link's token and a search for a person stay out."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"
