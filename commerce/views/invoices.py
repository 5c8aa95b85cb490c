from django.http import Http404, HttpRequest, HttpResponse


def invoice_list(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404


def invoice(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404


def invoice_pdf(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404
