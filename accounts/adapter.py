"""How allauth signs people in here."""

import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.models import User

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    """Staff land in the admin, customers on Home; each customer's sign-in is an event."""

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return reverse("admin:index") if getattr(request.user, "is_staff", False) else reverse("home")

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        if not user.is_staff:
            services.note_login(user=user, now=timezone.now())
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a code at once, past the outbox: there the staff could read it.

        With the mail server away, the person hears of it instead of waiting for a code; what they did is undone.
        """
        try:
            super().send_mail(template_prefix, email, context)
        except (SMTPException, OSError) as error:
            logger.exception("a mail of sign-in could not be sent")
            page = render_to_string("errors/mail_away.html", {"brand_name": settings.VENDOR_NAME})
            raise ImmediateHttpResponse(HttpResponse(page, status=503, headers={"Retry-After": "60"})) from error
