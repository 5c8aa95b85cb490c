from django.http import Http404, HttpRequest, HttpResponse


def contract_list(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404


def contract(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404
