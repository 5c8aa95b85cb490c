"""Ending a view as customer."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from hijack.views import ReleaseUserView

from accounts import viewing as services
from accounts.http import client_ip
from accounts.models import Viewing


class _Release(ReleaseUserView):
    """Back to the member of staff, and to the company's page in the admin."""

    viewing: Viewing

    def get_success_url(self) -> str:
        return reverse("admin:account_360", args=[self.viewing.account_id])


@login_not_required
@require_POST
def stop_viewing(request: HttpRequest) -> HttpResponseBase:
    """The button of the banner. Without a visit to end, to Home."""
    viewing = services.begun_in(request)
    if viewing is None:
        return redirect("home")
    services.end(viewing=viewing, ip=client_ip(request), now=timezone.now())
    release = _Release(viewing=viewing)
    release.setup(request)
    response: HttpResponseBase = release.dispatch(request)
    return response
