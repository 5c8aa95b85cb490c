"""allauth's page of one's own addresses, with what the portal adds to it."""

from typing import cast

from allauth.account.views import email as allauth_addresses
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.sso.rules import may_sign_in_with


def addresses(request: HttpRequest) -> HttpResponseBase:
    """One's addresses. Whose company requires single sign-on signs in with the company's address, and keeps it first.

    With one from elsewhere in its place, a password would do again.
    """
    wanted = request.POST.get("email", "") if "action_primary" in request.POST else ""
    if wanted and not may_sign_in_with(cast("User", request.user), wanted):
        messages.error(request, _("Your company requires single sign-on: its address stays the one you sign in with."))
        return redirect("account_email")
    return cast("HttpResponseBase", allauth_addresses(request))
