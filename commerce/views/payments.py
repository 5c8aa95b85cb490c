from django.http import Http404, HttpRequest, HttpResponse


def pay(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404


def start_payment(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404


def payment(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404


def finish_payment(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404
