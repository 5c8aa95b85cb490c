"""How allauth signs people in here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.models import User


class AccountAdapter(DefaultAccountAdapter):
    """Staff land in the admin, customers on Home; each customer's sign-in is an event."""

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return reverse("admin:index") if getattr(request.user, "is_staff", False) else reverse("home")

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        if not user.is_staff:
            services.note_login(user=user, now=timezone.now())
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response
