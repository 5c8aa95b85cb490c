"""Views that behave as the traps of tenancy do; only tests mount them."""

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import path

from accounts.http import own_transactions
from accounts.models import Account, Membership
from portal.urls import urlpatterns as portal_urls


def late(request):
    """Rendered after the view has returned."""
    template = engines["django"].from_string("{% for account in accounts %}{{ account.name }};{% endfor %}")
    return TemplateResponse(request, template, {"accounts": Account.objects.order_by("pk")})


def stream(request):
    """Queried after the middleware has returned."""
    return StreamingHttpResponse(f"{account.name};" for account in Account.objects.order_by("pk").iterator())


@login_not_required
def public_stream(request):
    return stream(request)


@own_transactions
def outside_stream(request):
    return stream(request)


def a_file(request):
    return FileResponse(_reading_its_role(), content_type="text/plain")


def _reading_its_role():
    """Which role the bytes of a file would be read in, were they in the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        yield cursor.fetchone()[0]


def write_and_answer_nothing(request):
    Membership.objects.filter(pk=request.membership.pk).update(department="changed")


def write_and_fail(request):
    Membership.objects.filter(pk=request.membership.pk).update(department="changed")
    raise RuntimeError("after the write")


def whoami(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('portal.accounts', true)")
        role, accounts = cursor.fetchone()
    return JsonResponse({"role": role, "accounts": accounts, "atomic": connection.in_atomic_block})


@own_transactions
def outside(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        before = cursor.fetchone()[0]
    with request.scope(durable=False):
        seen = list(Account.objects.values_list("name", flat=True))
    return JsonResponse({"before": before, "seen": seen})


def steal(request, pk):
    """A view that forgot its filter, and one that forgot it while writing."""
    changed = Account.objects.filter(pk=pk).update(phone="stolen")
    return HttpResponse(str(changed))


urlpatterns = [
    path("late", late),
    path("stream", stream),
    path("public-stream", public_stream),
    path("outside-stream", outside_stream),
    path("file", a_file),
    path("fail", write_and_fail),
    path("nothing", write_and_answer_nothing),
    path("whoami", whoami),
    path("outside", outside),
    path("steal/<int:pk>", steal),
    *portal_urls,
]
