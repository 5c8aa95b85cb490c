"""Where mail services and mail servers call: reports about what we sent, and messages to us."""

import base64
import binascii

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from accounts.intake import receive

LARGEST_MESSAGE_BYTES = 40 * 1024 * 1024  # With its files, in base64.

_VIEWS = {
    "brevo": "Brevo",
    "mailgun": "Mailgun",
    "postmark": "Postmark",
    "resend": "Resend",
    "sendgrid": "SendGrid",
}


@csrf_exempt
@login_not_required
@require_http_methods(["HEAD", "POST"])
def mail_service(request: HttpRequest, service: str, what: str) -> HttpResponseBase:
    """The mail service of this installation calls; anymail knows how it proves itself and what it says."""
    is_ours = service == settings.MAIL_SERVICE and settings.ANYMAIL["WEBHOOK_SECRET"]
    if not is_ours or what not in ("tracking", "inbound"):
        raise Http404
    view = import_string(f"anymail.webhooks.{service}.{_VIEWS[service]}{what.title()}WebhookView")
    if _is_too_large(request):
        return HttpResponse(status=413)
    # Django reads at once only what is small (DATA_UPLOAD_MAX_MEMORY_SIZE); a message with files is larger.
    request._body = request.read()
    response: HttpResponseBase = view.as_view()(request)
    return response


@csrf_exempt
@login_not_required
@require_POST
def raw_mail(request: HttpRequest) -> HttpResponse:
    """A mail server hands over one message as it is (message/rfc822), with the secret as basic authentication."""
    if not settings.ANYMAIL["WEBHOOK_SECRET"]:
        raise Http404
    if not _is_known(request):
        return HttpResponse(status=401, headers={"WWW-Authenticate": 'Basic realm="mail"'})
    if _is_too_large(request):
        return HttpResponse(status=413)
    recipients = request.GET.get("recipient", "")[:1000]
    receive(mime=request.read(), source="mail server", recipients=recipients, now=timezone.now())
    return HttpResponse(status=204)


def _is_known(request: HttpRequest) -> bool:
    scheme, _space, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        shown = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    known = [constant_time_compare(shown, secret.encode()) for secret in settings.ANYMAIL["WEBHOOK_SECRET"]]
    return scheme.lower() == "basic" and any(known)


def _is_too_large(request: HttpRequest) -> bool:
    return int(request.headers.get("content-length") or 0) > LARGEST_MESSAGE_BYTES
