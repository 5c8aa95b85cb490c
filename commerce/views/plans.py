from django.http import Http404, HttpRequest, HttpResponse


def plans(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404


def configure(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404


def configure_price(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404
