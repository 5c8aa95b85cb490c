"""Home."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.http import AccountRequest, requires
from accounts.permissions import Permission


@require_safe
@requires(Permission.VIEW_HOME)
def home(request: AccountRequest) -> HttpResponse:
    return render(request, "portal/home.html", {})
