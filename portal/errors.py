"""Pages for when something went wrong. They need no database and no signed-in person."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from accounts.http import NoCompany


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(render_to_string("errors/400.html", {}), status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    template = "errors/no_company.html" if isinstance(exception, NoCompany) else "errors/403.html"
    return HttpResponse(render_to_string(template, {}), status=403)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form came without its token: the page was open for long, or the form is not ours."""
    return HttpResponse(render_to_string("errors/csrf.html", {}), status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(render_to_string("errors/404.html", {}), status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500; or, with the database away, 503 and the promise that nothing was lost."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return HttpResponse(render_to_string("errors/offline.html", {}), status=503, headers={"Retry-After": "30"})
    return HttpResponse(render_to_string("errors/500.html", {}), status=500)
