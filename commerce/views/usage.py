from django.http import Http404, HttpRequest, HttpResponse


def usage(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404


def export_usage(request: HttpRequest, **kwargs: object) -> HttpResponse:
    raise Http404
