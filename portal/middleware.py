"""Headers of every answer that no library sets."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

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
