"""Single sign-on as a company's administrator sets it up."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.http import AccountRequest, own_transactions, requires, step_up
from accounts.models import Domain, Feature
from accounts.models.sso import IdentityProvider, Protocol
from accounts.permissions import Permission, Role
from accounts.sso import setup
from accounts.sso.metadata import expires_at
from accounts.sso_forms import AccessForm, OidcForm, PeopleForm, SamlForm
from accounts.views.sso_sign_in import TEST_RESULT, begin, to_own_address


def _provider_of(request: AccountRequest) -> IdentityProvider:
    return get_object_or_404(IdentityProvider.objects.for_account(request.account).select_related("account"))


def _is_entitled(request: AccountRequest) -> bool:
    return request.account.entitlements.allows(Feature.SSO)


@require_safe
@requires(Permission.MANAGE_SECURITY)
def overview(request: AccountRequest) -> HttpResponse:
    """How far single sign-on is, and what comes next; without the feature, what it is."""
    if not _is_entitled(request):
        return render(request, "accounts/sso_offer.html")
    provider = (
        IdentityProvider.objects.for_account(request.account)
        .select_related("account", "emergency_administrator")
        .first()
    )
    certificates = [expires_at(text) for text in provider.certificates] if provider else []
    verified = list(Domain.objects.for_account(request.account).verified())
    return render(
        request,
        "accounts/sso.html",
        {
            "provider": provider,
            "is_saml": provider is not None and provider.protocol == Protocol.SAML,
            "certificates": certificates,
            "domains": verified,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@own_transactions
@requires(Permission.MANAGE_SECURITY)
@step_up(before_the_form=True)
def set_up_oidc(request: AccountRequest) -> HttpResponse:
    """Connect by OpenID Connect: the issuer is asked for its addresses before anything is saved."""
    with request.scope():
        provider = IdentityProvider.objects.for_account(request.account).select_related("account").first()
        is_entitled = _is_entitled(request)
    if not is_entitled:
        return redirect("accounts:sso")
    known = provider if provider and provider.protocol == Protocol.OIDC else None
    form = OidcForm(request.POST or None, provider=known)
    if request.method == "POST" and form.is_valid():
        setup.connect_oidc(account=request.account, connection=form.connection(), actor=request.actor)
        messages.success(request, _("The identity provider is connected. Test it next."))
        return redirect("accounts:sso")
    return _page(
        request, "accounts/sso_oidc.html", {"form": form, "addresses": IdentityProvider(account=request.account)}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@own_transactions
@requires(Permission.MANAGE_SECURITY)
@step_up(before_the_form=True)
def set_up_saml(request: AccountRequest) -> HttpResponse:
    """Connect by SAML: the identity provider's metadata is read, or fetched, before anything is saved."""
    with request.scope():
        provider = IdentityProvider.objects.for_account(request.account).select_related("account").first()
        is_entitled = _is_entitled(request)
    if not is_entitled:
        return redirect("accounts:sso")
    known = provider if provider and provider.protocol == Protocol.SAML else None
    initial = {"may_start_there": known.may_start_there} if known else None
    form = SamlForm(request.POST or None, request.FILES or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        setup.connect_saml(
            account=request.account,
            metadata=form.metadata,
            may_start_there=form.cleaned_data["may_start_there"],
            actor=request.actor,
        )
        messages.success(request, _("The identity provider is connected. Bring it our metadata, then test."))
        return redirect("accounts:sso")
    return _page(
        request, "accounts/sso_saml.html", {"form": form, "addresses": IdentityProvider(account=request.account)}
    )


def _page(request: AccountRequest, template: str, context: dict[str, object]) -> HttpResponse:
    """A form's page, in a scope of its own: the frame may read rows."""
    form = context["form"]
    with request.scope():
        return render(request, template, context, status=422 if getattr(form, "errors", None) else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_SECURITY)
@step_up
def people(request: AccountRequest) -> HttpResponse:
    """Whom the identity provider brings, and with which roles."""
    provider = _provider_of(request)
    form = PeopleForm(request.POST if request.method == "POST" else None, instance=provider)
    if request.method == "POST" and form.is_valid():
        form.save()
        saved = _("The rules for people are saved. They hold for people who are new from now on.")
        if provider.roles_follow:
            saved = _("The rules for people are saved. They hold from each person's next sign-in on.")
        messages.success(request, saved)
        return redirect("accounts:sso")
    return render(request, "accounts/sso_people.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_SECURITY)
@step_up
def access(request: AccountRequest) -> HttpResponse:
    """Switch single sign-on on or off, and say whether people must use it."""
    provider = _provider_of(request)
    sent = request.POST if request.method == "POST" else None  # Without a tick, a form may have nothing in it.
    form = AccessForm(sent, provider=provider, candidates=setup.candidates(request.account))
    if request.method == "POST" and form.is_valid():
        try:
            setup.change_access(provider=provider, **form.cleaned_data)
        except setup.SetupRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Saved. It holds from the next sign-in on."))
            return redirect("accounts:sso")
    return render(request, "accounts/sso_access.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_SECURITY)
@step_up
def remove(request: AccountRequest) -> HttpResponse:
    """Ask, then disconnect the identity provider."""
    provider = _provider_of(request)
    if request.method == "POST":
        setup.remove(provider=provider, actor=request.actor)
        messages.success(request, _("Single sign-on is removed."))
        return redirect("accounts:sso")
    return render(request, "accounts/sso_remove.html", {"provider": provider})


@require_safe
@requires(Permission.MANAGE_SECURITY)
def start_test(request: AccountRequest) -> HttpResponse:
    """Go to the identity provider, to sign in there without being signed in here."""
    provider = _provider_of(request)
    request.session.pop(TEST_RESULT, None)
    return to_own_address(request) or redirect(begin(request, provider, is_test=True))


@require_safe
@requires(Permission.MANAGE_SECURITY)
def test_result(request: AccountRequest) -> HttpResponse:
    """What the last test of this session received, and what signing in with it would do."""
    provider = _provider_of(request)
    result = request.session.get(TEST_RESULT)
    if not result or result["provider"] != str(provider.public_id):
        return redirect("accounts:sso")
    labels = ", ".join(str(Role(role).label) for role in result.get("roles", []))
    return render(request, "accounts/sso_test.html", {"provider": provider, "result": result, "role_labels": labels})
