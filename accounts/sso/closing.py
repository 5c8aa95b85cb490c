"""The other ways in, closed for people whose company requires single sign-on."""

from allauth.account.internal.stagekit import clear_login
from allauth.core.exceptions import ImmediateHttpResponse
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts.models import User
from accounts.scope import system_scope
from accounts.sso import rules
from accounts.sso.rules import OtherWay
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record


def lead_to_sso(email: str) -> None:
    """Before a password is looked at or a code is sent: to the button that leads to the company's identity provider.

    Told by the address alone, so it says nothing about who has an account here. Raises `ImmediateHttpResponse`.
    """
    provider = rules.required_for(email)
    if provider is not None:
        raise ImmediateHttpResponse(redirect("accounts:sso-required", provider.public_id))


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
    needs_second_factor = way is OtherWay.NEEDS_SECOND_FACTOR
    context = {"provider": provider, "needs_second_factor": needs_second_factor}
    return render(request, "accounts/sso_required.html", context, status=403)
