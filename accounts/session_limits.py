"""How long a session lasts, and whom the company or the vendor lets in only with a second factor.

Runs where the company at hand is known, inside the request's scope: as a view middleware. Its `process_view` is
called after `AccountScopeMiddleware` has opened it. Costs no query but one where a second factor is needed, and two
small writes a minute while somebody works.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.http import client_ip
from accounts.models import Account, SecurityPolicy, User
from accounts.tenancy import SYSTEM_ENDPOINTS

_BEGAN, _SEEN = "began_at", "seen_at"  # Session keys.
_NOTE_EVERY = 60.0  # Seconds between two writes of when the session was last used.
_BY_IDENTITY_PROVIDER = {"socialaccount", "saml", "oidc", "sso"}  # Second factors are its matter.
_BY_ITSELF = {"accounts:bell"}  # What an open page asks while nobody is there.
# Where somebody goes to set up a second factor, and what they may do instead.
_ON_THE_WAY = (
    "mfa_",
    "account_",
    "accounts:confirm-by-code",
    "accounts:carry-on",
    "accounts:switch",
    "accounts:session",
)


@dataclass(frozen=True)
class Rules:
    """What holds for one request."""

    idle: timedelta
    absolute: timedelta
    needs_second_factor: bool


def rules_for(request: HttpRequest, user: User, today: Any) -> Rules:
    """The vendor's, and where the company at hand is stricter, the company's."""
    if user.is_staff:
        limits = settings.STAFF_SESSION_LIMITS
        return Rules(limits["idle"], limits["absolute"], settings.STAFF_SECOND_FACTOR_REQUIRED)
    limits = settings.CUSTOMER_SESSION_LIMITS
    account: Account | None = getattr(request, "account", None)
    policy: SecurityPolicy | None = getattr(account, "security_policy", None)
    if policy is None:
        return Rules(limits["idle"], limits["absolute"], needs_second_factor=False)
    return Rules(
        min(limits["idle"], policy.idle_limit or limits["idle"]),
        min(limits["absolute"], policy.absolute_limit or limits["absolute"]),
        policy.demands_second_factor(today),
    )


def begin(request: HttpRequest) -> None:
    """Somebody has just signed in: the limits count from here."""
    request.session[_BEGAN] = request.session[_SEEN] = time.time()


class SessionLimitsMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        name = request.resolver_match.view_name if request.resolver_match else ""
        if name in SYSTEM_ENDPOINTS or not request.user.is_authenticated or request.session.get("hijack_history"):
            return None
        rules = rules_for(request, request.user, timezone.now().astimezone(UTC).date())
        now = time.time()
        if _is_over(request, rules, now):
            return _sign_out(request)
        if name not in _BY_ITSELF:
            _note_use(request, now)
        if rules.needs_second_factor and not name.startswith(_ON_THE_WAY) and not _has_second_factor(request):
            return _lead_to_second_factor(request)
        return None


def _is_over(request: HttpRequest, rules: Rules, now: float) -> bool:
    began, seen = request.session.get(_BEGAN, now), request.session.get(_SEEN, now)
    return bool(now - seen > rules.idle.total_seconds() or now - began > rules.absolute.total_seconds())


def _note_use(request: HttpRequest, now: float) -> None:
    session = request.session
    if now - session.get(_SEEN, 0.0) < _NOTE_EVERY:
        return
    session.setdefault(_BEGAN, now)
    session[_SEEN] = now
    UserSession.objects.filter(session_key=session.session_key).update(
        last_seen_at=datetime.fromtimestamp(now, UTC), ip=client_ip(request)
    )


def _has_second_factor(request: HttpRequest) -> bool:
    """Asked with each request: another session may have removed the last one."""
    factors = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    return (
        _came_by_own_provider(request)
        or Authenticator.objects.filter(user_id=request.user.pk, type__in=factors).exists()
    )


def _came_by_own_provider(request: HttpRequest) -> bool:
    """Whether the identity provider of the company at hand let them in: what another company's asks says nothing."""
    account: Account | None = getattr(request, "account", None)
    records = get_authentication_records(request, request.user if isinstance(request.user, User) else None)
    return account is not None and any(
        record["method"] in _BY_IDENTITY_PROVIDER and record.get("provider") == str(account.public_id)
        for record in records
    )


def _sign_out(request: HttpRequest) -> HttpResponse:
    UserSession.objects.filter(session_key=request.session.session_key).delete()
    logout(request)
    message = _("You were signed out, as your session was over. Sign in to carry on.")
    if _is_api(request):
        return JsonResponse({"detail": message}, status=401)
    messages.info(request, message)
    return _go(request, redirect_to_login(_page(request), reverse("account_login"))["Location"])


def _lead_to_second_factor(request: HttpRequest) -> HttpResponse:
    if request.user.is_staff:
        message = _("Staff sign in with two factors. Set one up to carry on.")
    else:
        message = _("Your company asks for two-factor sign-in. Set it up to carry on.")
    if _is_api(request):
        return JsonResponse({"detail": message}, status=403)
    messages.warning(request, message)
    return _go(request, reverse("mfa_index"))


def _go(request: HttpRequest, url: str) -> HttpResponse:
    if "HX-Request" in request.headers:
        return HttpResponse(status=401, headers={"HX-Redirect": url})
    return redirect(url)


def _is_api(request: HttpRequest) -> bool:
    wants_json = request.get_preferred_type(["text/html", "application/json"]) == "application/json"
    return request.path.startswith("/api/") or wants_json


def _page(request: HttpRequest) -> str:
    """Where to go on after signing in; what was posted is gone."""
    return request.get_full_path() if request.method in ("GET", "HEAD") else reverse("home")
