from django.http import Http404, HttpRequest, HttpResponse


def quote_list(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404


def create_quote(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404


def quote(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404


def accept_quote(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404


def refresh_quote(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404
