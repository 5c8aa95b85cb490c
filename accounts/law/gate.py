"""Nobody works in the portal before they have accepted the terms that are in force."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import ResolverMatch, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.models import Membership, TermsAcceptance

SESSION_TERMS = "terms"  # Session key: the version that this person has accepted.
# What stands open without: the terms themselves, the way out, one's own data and rights, and what the API is.
OPEN = frozenset({"accounts:terms", "accounts:accept-terms", "accounts:switch", "api:openapi-json"})
OPEN_BELOW = ("/accounts/", "/me/privacy/", "/me/confirm/", "/me/carry-on/")


def ask_for_terms(
    request: HttpRequest, memberships: Sequence[Membership], match: ResolverMatch | None
) -> HttpResponse | None:
    """The answer to somebody who has yet to accept the terms; None lets them pass.

    Costs no query once they have: the version in force is read along with the memberships, and the session knows which
    one was accepted. Staff who look at the portal as a customer accept nothing for them, and are not asked.
    """
    in_force: int | None = getattr(memberships[0], "terms_in_force", None)
    if in_force is None or request.session.get(SESSION_TERMS) == in_force or hasattr(request, "viewing"):
        return None
    if match is None or match.view_name in OPEN or request.path.startswith(OPEN_BELOW):
        return None
    if TermsAcceptance.objects.filter(user_id=memberships[0].user_id, terms_id=in_force).exists():
        request.session[SESSION_TERMS] = in_force
        return None
    return _refusal(request)


def _refusal(request: HttpRequest) -> HttpResponse:
    """To the page with the terms; a program is told in its own way."""
    back = request.get_full_path() if request.method in ("GET", "HEAD") else ""
    url = f"{reverse('accounts:accept-terms')}?{urlencode({'next': back})}"
    if request.path.startswith("/api/"):
        error = _("Accept the terms of service in the portal first.")
        return JsonResponse({"error": error, "code": "terms_not_accepted"}, status=403)
    if "HX-Request" in request.headers:
        return HttpResponse(status=403, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)
