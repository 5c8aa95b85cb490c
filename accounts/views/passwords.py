"""How strong a new password is, while it is typed."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts.models import User
from accounts.passwords import strength_of


@require_POST
@login_not_required
@sensitive_post_parameters()
def password_strength(request: HttpRequest) -> HttpResponse:
    """A meter in words for the one field that was sent, whatever its form calls it. Nothing of it is kept."""
    password = next((str(value) for name, value in request.POST.items() if name.startswith("password")), "")
    user = request.user if isinstance(request.user, User) else None
    strength = strength_of(password, user) if password else None
    return render(request, "accounts/_password_strength.html", {"strength": strength})
