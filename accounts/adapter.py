"""How allauth signs people in here."""

import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows import reauthentication
from allauth.core import context as current
from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import brands, confirmation, services, session_limits, sessions
from accounts.audit.security import note_failed_sign_in
from accounts.http import PortalRequest
from accounts.models import User
from accounts.sso.closing import close_other_ways

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    """Staff land in the admin, customers on Home; each customer's sign-in is an event."""

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return reverse("admin:index") if getattr(request.user, "is_staff", False) else reverse("home")

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        """Whatever way somebody came here by, password, code, passkey or a new password: their company may close it."""
        response: HttpResponse | None = super().pre_login(request, user, **kwargs)
        if response is not None or hasattr(request, "signed_in_by"):
            return response
        return close_other_ways(request, user)

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        if not user.is_staff:
            services.note_login(user=user, now=timezone.now())
        response: HttpResponse = super().post_login(request, user, **kwargs)
        if not sessions.is_known_device(request, user) and not getattr(request, "is_first_sign_in", False):
            self._tell_of_new_device(request, user)
        sessions.remember_device(request, response, user)
        return response

    def login(self, request: PortalRequest, user: User) -> None:
        request.is_first_sign_in = user.last_login is None
        super().login(request, user)
        session_limits.begin(request)

    def _tell_of_new_device(self, request: HttpRequest, user: User) -> None:
        """By mail. It may fail: nobody is kept out because it cannot be sent."""
        context = {
            "timestamp": timezone.now(),
            "ip": self.get_client_ip(request),
            "device": sessions.device_in_words(request.headers.get("User-Agent", "")),
            "sessions_url": brands.wear(request).base_url + reverse("accounts:sessions"),
        }
        try:
            super().send_mail("account/email/new_device", user.email, context)
        except (SMTPException, OSError):
            logger.exception("a mail about a new device could not be sent")

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Password and second factors; for those who have neither, a code by mail."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if methods or not user.is_authenticated:
            return methods
        url = reverse("accounts:confirm-by-code")
        return [{"id": "mailed_code", "description": _("Use a code by e-mail"), "url": url}]

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Before one's sign-in is changed: always.

        allauth lets those pass who have neither password nor second factor; they confirm by a code.
        """
        request = current.request
        if not reauthentication.get_reauthentication_flows(request.user) and not confirmation.is_fresh(request):
            raise ReauthenticationRequired
        required: bool = super().is_reauthentication_required(app=app, **kwargs)
        return required

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        note_failed_sign_in(email=str(credentials.get("email") or ""), request=request)

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Tell somebody that their way to sign in was changed: at their own address, also if nobody has verified it."""
        super().send_notification_mail(template_prefix, user, context, email or user.email)

    def get_from_email(self) -> str:
        """The sender of the brand of the page at hand."""
        return brands.wear(current.request).sender

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a code at once, past the outbox: there the staff could read it.

        With the mail server away, the person hears of it instead of waiting for a code; what they did is undone.
        """
        try:
            super().send_mail(template_prefix, email, context)
        except (SMTPException, OSError) as error:
            logger.exception("a mail of sign-in could not be sent")
            page = render_to_string("errors/mail_away.html", {"brand_name": brands.current().name})
            raise ImmediateHttpResponse(HttpResponse(page, status=503, headers={"Retry-After": "60"})) from error
