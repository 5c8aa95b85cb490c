"""The other ways in, closed for people whose company requires single sign-on."""

from allauth.account.internal.stagekit import clear_login
from allauth.core import context as current
from allauth.core.exceptions import ImmediateHttpResponse
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from accounts.models import IdentityProvider, User
from accounts.scope import system_scope
from accounts.sso import rules
from accounts.sso.rules import OtherWay
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record


def required_page(
    request: HttpRequest, provider: IdentityProvider, *, needs_second_factor: bool = False
) -> HttpResponse:
    """The one button that leads to the company's identity provider, and from there to the page that was asked for."""
    context = {"provider": provider, "needs_second_factor": needs_second_factor, "next": asked_for(request)}
    return render(request, "accounts/sso_required.html", context, status=403)


def asked_for(request: HttpRequest) -> str:
    """The page of ours that signing in is to end on; empty: none was asked for."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    return target if url_has_allowed_host_and_scheme(target, allowed_hosts=None) else ""


def lead_to_sso(email: str) -> None:
    """Before a password is looked at or a code is sent: to the button that leads to the company's identity provider.

    Told by the address alone, so it says nothing about who has an account here. Raises `ImmediateHttpResponse`.
    """
    provider = rules.required_for(email)
    if provider is None:
        return
    url = reverse("accounts:sso-required", args=[provider.public_id])
    if target := asked_for(current.request):
        url += f"?{urlencode({'next': target})}"
    raise ImmediateHttpResponse(redirect(url))


def close_other_ways(request: HttpRequest, user: User) -> HttpResponse | None:
    """The page that leads to the identity provider, for somebody about to be signed in otherwise; None: let them in."""
    way, provider = rules.other_way(user)
    if way is OtherWay.OPEN or provider is None:
        return None
    with system_scope(provider.account_id):
        record(
            name=EventName.SSO_REQUIRED,
            actor=Actor.system(provider.account_id),
            now=timezone.now(),
            object_type="identity_provider",
            object_id=str(provider.public_id),
            properties={"email": user.email, "way": way.value},
        )
    clear_login(request)
    return required_page(request, provider, needs_second_factor=way is OtherWay.NEEDS_SECOND_FACTOR)
