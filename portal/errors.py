"""Pages for when something went wrong. They need no database and no signed-in person."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from accounts import brands
from accounts.http import LookingOn, NoCompany, OtherCompany
from accounts.viewing import OnlyViewing


def _page(template: str, status: int, **headers: str) -> HttpResponse:
    look = brands.current()
    page = render_to_string(f"errors/{template}.html", {"brand_name": look.name, "brand": look})
    return HttpResponse(page, status=status, headers=headers)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page("400", 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, OtherCompany):
        return _page("other_company", 409)
    if isinstance(exception, OnlyViewing):
        return _page("only_viewing", 403)
    if isinstance(exception, LookingOn):
        return _page("looking_on", 403)
    return _page("no_company" if isinstance(exception, NoCompany) else "403", 403)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form came without its token: the page was open for long, or the form is not ours."""
    return _page("csrf", 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page("404", 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500; or, with the database away, 503 and the promise that nothing was lost."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return _page("offline", 503, **{"Retry-After": "30"})
    return _page("500", 500)
