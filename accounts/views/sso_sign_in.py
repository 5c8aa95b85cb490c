"""Signing in by a company's identity provider.

Nobody is signed in yet, and whose rows are concerned shows only once the answer has been checked: these views open
their scopes themselves, around what they read and write, and none is open while an identity provider is asked.
"""

import secrets
import time
from dataclasses import asdict, dataclass
from typing import cast

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import brands
from accounts.http import PortalRequest
from accounts.middleware import SESSION_ACCOUNT
from accounts.models import User
from accounts.models.sso import IdentityProvider, Protocol
from accounts.sso import oidc, people, rules, saml
from accounts.sso.answers import Answer, Reason, SsoRefused
from accounts.sso.closing import asked_for, required_page
from accounts.sso_forms import EmailForm
from tracking.actor import Actor, ActorKind

PENDING = "sso"  # Session key of sign-ins on their way, by state or request id.
TEST_RESULT = "sso_test"  # Session key of what a test received.
LASTS_SECONDS = 600
AT_ONCE = 5  # Sign-ins on their way in one browser.
HANDED_OVER_SECONDS = 120


@dataclass(frozen=True)
class Pending:
    """A sign-in on its way, kept in the browser's session until its answer comes."""

    provider: str
    is_test: bool
    next: str
    at: float
    nonce: str = ""
    verifier: str = ""


def begin(request: HttpRequest, provider: IdentityProvider, *, is_test: bool = False, next_url: str = "") -> str:
    """Remember a sign-in in the session; the address at the identity provider where it goes on."""
    nonce = verifier = ""
    if provider.protocol == Protocol.OIDC:
        key, nonce, verifier = (secrets.token_urlsafe(32) for _part in range(3))
        url = oidc.request_url(provider, oidc.Request(key, nonce, verifier))
    else:
        url, key = saml.request_url(provider)
    known = sorted(request.session.get(PENDING, {}).items(), key=lambda item: item[1]["at"])
    pending = Pending(str(provider.public_id), is_test, next_url, time.time(), nonce, verifier)
    request.session[PENDING] = {**dict(known[1 - AT_ONCE :]), key: asdict(pending)}
    return url


def _take(request: HttpRequest, provider: IdentityProvider, key: str) -> Pending | None:
    """The sign-in that the answer belongs to; it is taken once."""
    waiting = request.session.get(PENDING, {})
    found = waiting.pop(key, None)
    if found is None:
        return None
    request.session[PENDING] = waiting
    pending = Pending(**found)
    is_in_time = time.time() - pending.at < LASTS_SECONDS
    return pending if is_in_time and pending.provider == str(provider.public_id) else None


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def find(request: HttpRequest) -> HttpResponse:
    """Enter an address; a company with single sign-on leads to its identity provider."""
    form = EmailForm(request.POST or None)
    provider = None
    if request.method == "POST" and form.is_valid():
        provider = rules.provider_for(form.cleaned_data["email"])
        if provider is None:
            form.add_error(
                "email", _("There is no single sign-on for this address. Sign in with your password or a code.")
            )
    context = {"form": form, "provider": provider, "next": asked_for(request)}
    return render(request, "accounts/sso_find.html", context, status=422 if form.errors else 200)


@login_not_required
@require_safe
def required(request: HttpRequest, public_id: str) -> HttpResponse:
    """The company asks its people to sign in by its identity provider: told when they try another way."""
    return required_page(request, _active(public_id))


@login_not_required
@require_safe
def start(request: HttpRequest, public_id: str) -> HttpResponse:
    """On to the identity provider."""
    provider = _active(public_id)
    return to_own_address(request) or redirect(begin(request, provider, next_url=asked_for(request)))


def to_own_address(request: HttpRequest) -> HttpResponse | None:
    """From a brand's domain to the portal's own address: the answer comes there, and there its session must be."""
    if not brands.is_at_brands_domain(request):
        return None
    return redirect(settings.PORTAL_BASE_URL + request.get_full_path())


@login_not_required
@require_safe
def metadata(request: HttpRequest, public_id: str) -> HttpResponse:
    """Our SAML metadata for this company's identity provider, also before that is connected."""
    company = rules.company_at(public_id)
    if company is None:
        raise Http404
    return HttpResponse(
        saml.metadata(IdentityProvider(account=company)),
        content_type="application/samlmetadata+xml",
        headers={"Content-Disposition": 'attachment; filename="portal-metadata.xml"'},
    )


@login_not_required
@require_safe
def callback(request: HttpRequest, public_id: str) -> HttpResponse:
    """The answer of OpenID Connect: a code, for which the identity provider is asked."""
    provider = _any(public_id)
    pending = _take(request, provider, request.GET.get("state", ""))
    try:
        if pending is None or provider.protocol != Protocol.OIDC:
            raise SsoRefused(Reason.WRONG_STATE)
        if error := request.GET.get("error"):
            raise SsoRefused(Reason.CANCELLED, request.GET.get("error_description") or error)
        sent = oidc.Request(request.GET["state"], pending.nonce, pending.verifier)
        answer = oidc.answer_for(provider, sent, code=request.GET.get("code", ""))
        people.use_up(provider=provider, answer=answer, now=timezone.now())
        return _complete(request, provider, answer, pending)
    except SsoRefused as refusal:
        return _refuse(request, provider, refusal, pending)


@csrf_exempt
@login_not_required
@require_POST
def acs(request: HttpRequest, public_id: str) -> HttpResponse:
    """The answer of SAML, posted from another site, where browsers send no session along.

    It is put aside and read in a request of our own, to which they do.
    """
    provider = _any(public_id)
    encoded = request.POST.get("SAMLResponse", "")
    if provider.protocol != Protocol.SAML or not encoded or len(encoded) > saml.MAX_ANSWER_BYTES:
        return _refuse(request, provider, SsoRefused(Reason.MALFORMED, f"{len(encoded) // 1024} KB"), None)
    key = secrets.token_urlsafe(32)
    cache.set(f"sso:{key}", encoded, HANDED_OVER_SECONDS)
    return redirect(f"{reverse('accounts:sso-finish', args=[public_id])}?answer={key}")


@login_not_required
@require_safe
def finish(request: HttpRequest, public_id: str) -> HttpResponse:
    """Read the answer of SAML that was put aside."""
    provider = _any(public_id)
    name = f"sso:{request.GET.get('answer', '')}"
    encoded = cache.get(name)
    cache.delete(name)
    pending = None
    try:
        if not encoded or provider.protocol != Protocol.SAML:
            raise SsoRefused(Reason.WRONG_STATE)
        answer = saml.answer_in(provider, encoded)
        people.use_up(provider=provider, answer=answer, now=timezone.now())
        pending = _take(request, provider, answer.in_response_to)
        if pending is None and answer.in_response_to:
            raise SsoRefused(Reason.WRONG_STATE)
        if pending is None and not provider.may_start_there:
            raise SsoRefused(Reason.UNSOLICITED)
        return _complete(request, provider, answer, pending)
    except SsoRefused as refusal:
        return _refuse(request, provider, refusal, pending)


def _complete(
    request: HttpRequest, provider: IdentityProvider, answer: Answer, pending: Pending | None
) -> HttpResponse:
    """Sign the person in; in a test, show what would have happened. Raises `SsoRefused`."""
    if pending is not None and pending.is_test:
        return _show_test(request, provider, answer)
    rules.check_usable(provider)
    user = people.sign_in(provider=provider, answer=answer, now=timezone.now())
    return _sign_in(request, provider, user, pending.next if pending else "")


def _sign_in(request: HttpRequest, provider: IdentityProvider, user: User, next_url: str) -> HttpResponse:
    """Through allauth, so that second factors and the list of sessions hold here as well."""
    if request.user.is_authenticated:
        logout(request)
    record_authentication(request, user, method="sso", provider=str(provider.public_id))
    cast("PortalRequest", request).signed_in_by = provider
    request.session[SESSION_ACCOUNT] = provider.account_id
    login = Login(user=user, email_verification="none", redirect_url=next_url or None, email=user.email)
    response: HttpResponse = perform_login(request, login)
    return response


def _show_test(request: HttpRequest, provider: IdentityProvider, answer: Answer) -> HttpResponse:
    result: dict[str, object] = {
        "provider": str(provider.public_id),
        "attributes": sorted(answer.attributes.items()),
        "subject": answer.subject,
    }
    now = timezone.now()
    try:
        decision = people.test(provider=provider, answer=answer, actor=_tester(request, provider), now=now)
        result |= {
            "email": decision.email,
            "name": decision.name,
            "is_new_person": decision.user is None,
            "is_new_member": decision.membership is None,
            "changes_roles": decision.changes_roles,
            "roles": decision.roles,
        }
    except SsoRefused as refusal:
        people.note_refusal(provider=provider, refusal=refusal, tester=_tester(request, provider), now=now)
        result["advice"] = refusal.advice
    request.session[TEST_RESULT] = result
    return redirect("accounts:sso-test")


def _tester(request: HttpRequest, provider: IdentityProvider) -> Actor:
    """The administrator who began the test in this browser."""
    return Actor(user_id=request.user.pk, account_id=provider.account_id, kind=ActorKind.CUSTOMER)


def _refuse(
    request: HttpRequest, provider: IdentityProvider, refusal: SsoRefused, pending: Pending | None
) -> HttpResponse:
    """Say what the administrator must mend, to whoever stands there; they pass it on."""
    is_test = pending is not None and pending.is_test
    tester = _tester(request, provider) if is_test else None
    people.note_refusal(provider=provider, refusal=refusal, tester=tester, now=timezone.now())
    if is_test:
        request.session[TEST_RESULT] = {"provider": str(provider.public_id), "advice": refusal.advice, "attributes": []}
        return redirect("accounts:sso-test")
    return render(request, "accounts/sso_refused.html", {"refusal": refusal, "provider": provider}, status=403)


def _any(public_id: str) -> IdentityProvider:
    provider = rules.provider_of_company(public_id)
    if provider is None:
        raise Http404
    return provider


def _active(public_id: str) -> IdentityProvider:
    """A provider that people may sign in by now; anything else is not there."""
    provider = _any(public_id)
    if not rules.is_usable(provider):
        raise Http404
    return provider
