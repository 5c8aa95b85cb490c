"""Where one is signed in, and what was tried lately."""

from allauth.core.internal.httpkit import authenticated_user
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import sessions
from accounts.audit import AuditAction
from accounts.audit.security import note_of_person


@require_safe
def session_list(request: HttpRequest) -> HttpResponse:
    """The person's open sessions, and their last sign-ins, also those that failed."""
    user, key = authenticated_user(request), request.session.session_key
    context = {
        "sessions": sessions.sessions_of(user=user, current_key=key, now=timezone.now()),
        "history": sessions.sign_ins_of(user=user, account=getattr(request, "account", None)),
    }
    return render(request, "accounts/sessions.html", context)


@require_POST
def end_session(request: HttpRequest) -> HttpResponse:
    """Sign out in one other place, or with `others` in all of them."""
    user, key = authenticated_user(request), request.session.session_key
    if "others" in request.POST:
        ended = sessions.end_sessions(user=user, except_key=key) > 0
    else:
        name = request.POST.get("session", "")
        ended = name != sessions.name_of(key or "") and sessions.end_session(user=user, name=name)
    if ended:
        note_of_person(action=AuditAction.SESSION_ENDED, user=user, request=request)
        messages.success(request, _("Signed out there."))
    else:
        messages.info(request, _("There was nothing to sign out of."))
    return redirect("accounts:sessions")
