"""A customer's page without content: what every request costs."""

from django.http import HttpResponse
from django.urls import path

from accounts.http import AccountRequest, requires
from accounts.permissions import Permission


@requires(Permission.VIEW_HOME)
def bare(request: AccountRequest) -> HttpResponse:
    return HttpResponse("")


urlpatterns = [path("bare/", bare)]
