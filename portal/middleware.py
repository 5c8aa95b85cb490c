"""Headers of every answer that no library sets."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def resource_headers(get_response: GetResponse) -> GetResponse:
    """What a browser may do on our pages, and who may embed what we serve."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(self)"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response

    return middleware
