"""A company's e-mail domains: adding one, proving that it is the company's, removing it."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.domains import DomainRefused, add_domain, check_domain, remove_domain
from accounts.http import AccountRequest, own_transactions, requires, step_up
from accounts.models import Domain
from accounts.permissions import Permission


class DomainForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Domain"),
        max_length=253,
        help_text=gettext_lazy("The part after the @, such as example.com."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_SECURITY)
@step_up
def domains(request: AccountRequest) -> HttpResponse:
    """The company's domains, and what is to do for each that is not verified yet."""
    form = DomainForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            domain = add_domain(account=request.account, name=form.cleaned_data["name"])
        except DomainRefused as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(
                request, _("%(domain)s is added. Set its DNS record, then check it.") % {"domain": domain.name}
            )
            return redirect("accounts:domains")
    return render(
        request,
        "accounts/domains.html",
        {"form": form, "domains": Domain.objects.for_account(request.account)},
        status=422 if form.errors else 200,
    )


@require_POST
@own_transactions
@requires(Permission.MANAGE_SECURITY)
def check(request: AccountRequest, public_id: str) -> HttpResponse:
    """Look for the domain's DNS record now."""
    with request.scope():
        domain = get_object_or_404(Domain.objects.for_account(request.account), public_id=public_id)
    if domain.is_verified or check_domain(domain=domain, actor=request.actor, now=timezone.now()):
        messages.success(request, _("%(domain)s is verified.") % {"domain": domain.name})
    else:
        messages.warning(request, _("%(domain)s is not verified yet.") % {"domain": domain.name})
    return redirect("accounts:domains")


@require_POST
@requires(Permission.MANAGE_SECURITY)
@step_up
def joining(request: AccountRequest, public_id: str) -> HttpResponse:
    """Let people with an address at the domain ask to join, or stop that."""
    domain = get_object_or_404(Domain.objects.for_account(request.account).verified(), public_id=public_id)
    domain.is_joinable = request.POST.get("is_joinable") == "on"
    domain.save(update_fields=["is_joinable"])
    if domain.is_joinable:
        messages.success(request, _("People with an address at %(domain)s may ask to join.") % {"domain": domain.name})
    else:
        messages.success(request, _("Joining by an address at %(domain)s is off.") % {"domain": domain.name})
    return redirect("accounts:domains")


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_SECURITY)
@step_up
def remove(request: AccountRequest, public_id: str) -> HttpResponse:
    """Ask, then take the domain off the list. What rests on it ends with it: joining and single sign-on."""
    domain = get_object_or_404(Domain.objects.for_account(request.account), public_id=public_id)
    if request.method == "POST":
        remove_domain(domain=domain, actor=request.actor)
        messages.success(request, _("%(domain)s is removed.") % {"domain": domain.name})
        return redirect("accounts:domains")
    return render(request, "accounts/domain_remove.html", {"domain": domain})
