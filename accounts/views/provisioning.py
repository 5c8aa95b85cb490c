"""How a company's directory is connected: the token it comes with, and the roles of its groups."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from scim2_models import ConflictException

from accounts import provisioning as services
from accounts.http import AccountRequest, requires, step_up
from accounts.models import Domain, Entitlements, Feature, ScimGroup, ScimToken
from accounts.permissions import Permission, Role
from accounts.scim.resources import base_of

GROUPS_SHOWN = 200  # A directory sends the groups that it is told to send; nobody maps more than a handful.


class RolesForm(forms.Form):
    roles = forms.MultipleChoiceField(choices=Role.choices, required=False)


@require_safe
@requires(Permission.MANAGE_SECURITY)
def provisioning(request: AccountRequest) -> HttpResponse:
    """What to enter in the directory, which tokens are valid, and what each group's members may do."""
    return _page(request)


@require_POST
@never_cache
@requires(Permission.MANAGE_SECURITY)
@step_up
def issue_token(request: AccountRequest) -> HttpResponse:
    """Make a token. It is on this one answer, and nowhere else."""
    if not _is_included(request):
        return _page(request, status=403)
    try:
        secret = services.issue_token(account=request.account, by=request.user, actor=request.actor, now=timezone.now())
    except services.TooManyTokens:
        messages.error(request, _("Two tokens are valid already. Revoke the one that is no longer used first."))
        return redirect("accounts:provisioning")
    return _page(request, secret=secret)


@require_POST
@requires(Permission.MANAGE_SECURITY)
@step_up
def revoke_token(request: AccountRequest, public_id: str) -> HttpResponse:
    token = get_object_or_404(ScimToken.objects.for_account(request.account), public_id=public_id)
    services.revoke_token(token=token, actor=request.actor, now=timezone.now())
    messages.success(request, _("The token is revoked. Your directory is refused with it from now on."))
    return redirect("accounts:provisioning")


@require_POST
@requires(Permission.MANAGE_SECURITY)
@step_up
def map_group(request: AccountRequest, public_id: str) -> HttpResponse:
    """The roles that a group's members have from now on."""
    group = get_object_or_404(ScimGroup.objects.for_account(request.account), public_id=public_id)
    form = RolesForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose roles from the list."))
        return _page(request, status=422)
    try:
        services.map_roles(group=group, roles=form.cleaned_data["roles"], actor=request.actor, now=timezone.now())
    except ConflictException:
        messages.error(
            request,
            _("Nothing was changed: the last administrator, or the emergency one, would not be one any more."),
        )
        return _page(request, status=409)
    messages.success(request, _("Members of %(group)s have these roles now.") % {"group": group.display_name})
    return redirect("accounts:provisioning")


def _is_included(request: AccountRequest) -> bool:
    return Entitlements.of(request.account, today=timezone.now().date()).allows(Feature.SSO)


def _page(request: AccountRequest, *, secret: str = "", status: int = 200) -> HttpResponse:
    groups = ScimGroup.objects.for_account(request.account).order_by("display_name", "pk")[:GROUPS_SHOWN]
    context = {
        "is_included": _is_included(request),
        "secret": secret,
        "base_url": base_of(settings.PORTAL_BASE_URL),
        "tokens": ScimToken.objects.for_account(request.account).valid().select_related("created_by").order_by("pk"),
        "groups": groups,
        "roles": Role,
        "has_domain": Domain.objects.for_account(request.account).verified().exists(),
    }
    return render(request, "accounts/provisioning.html", context, status=status)
