"""Putting an announcement away."""

from typing import cast

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from accounts.announcements import dismiss
from accounts.models import User


@require_POST
def dismiss_announcement(request: HttpRequest, number: int) -> HttpResponse:
    """One person does not want to see it any more; back to the page at hand."""
    if not dismiss(user=cast("User", request.user), announcement_id=number, now=timezone.now()):
        raise Http404
    target = request.POST.get("next", "")
    is_ours = target.startswith("/") and url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    return redirect(target if is_ours else "home")
