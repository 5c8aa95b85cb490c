from django.http import Http404, HttpRequest, HttpResponse


def order_list(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404


def order(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404


def cancel_order(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404
