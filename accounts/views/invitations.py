"""Inviting colleagues, the invitations that wait for them, and the page that a link opens."""

from typing import Any
from uuid import UUID

from allauth.account.utils import perform_login
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import duplicates, invitations, joining
from accounts.http import AccountRequest, requires, step_up
from accounts.members_forms import InviteForm, NewPersonForm
from accounts.middleware import SESSION_ACCOUNT
from accounts.models import IdentityProvider, Invitation, Membership
from accounts.paging import page_of
from accounts.permissions import Permission
from accounts.sso.rules import required_for

SESSION_INVITATION = "invitation"  # Session key of the link that was opened: its id and its token.


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_MEMBERS)
@step_up
def invite(request: AccountRequest) -> HttpResponse:
    """Send a colleague a link to join."""
    form = InviteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            invitations.invite(
                account=request.account,
                invitee=form.invitee,
                by=request.membership,
                actor=request.actor,
                now=timezone.now(),
            )
        except invitations.AlreadyMember as error:
            form.add_error("email", _already_member(error))
        except invitations.AlreadyInvited:
            form.add_error("email", _("An invitation to this address is waiting. You can send it again."))
        else:
            messages.success(request, _("An invitation is on its way to %(email)s.") % {"email": form.invitee.email})
            _point_out_namesakes(request, form.invitee)
            return redirect("accounts:invitations")
    return render(request, "accounts/people/invite.html", {"form": form}, status=422 if form.errors else 200)


def _point_out_namesakes(request: AccountRequest, invitee: invitations.Invitee) -> None:
    """Somebody with several addresses is easily invited twice: a hint, as two people may share a name."""
    for user in duplicates.namesakes(request.account, name=invitee.name, email=invitee.email):
        messages.warning(
            request,
            _("%(name)s (%(email)s) is a colleague already. If this is the same person, take the invitation back.")
            % {"name": user.name, "email": user.email},
        )


def _already_member(error: invitations.AlreadyMember) -> str:
    if error.is_active:
        return _("Somebody with this address is a colleague already.")
    return _("A deactivated colleague has this address. Let them in again instead.")


@require_safe
@requires(Permission.MANAGE_MEMBERS)
def waiting(request: AccountRequest) -> HttpResponse:
    """Who has been invited and has not come yet."""
    rows = Invitation.objects.for_account(request.account).waiting().with_sender()
    page = page_of(rows.order_by("-sent_at", "-public_id"), cursor=request.GET.get("cursor", ""))
    return render(request, "accounts/people/invitations.html", {"page": page, "now": timezone.now()})


@require_POST
@requires(Permission.MANAGE_MEMBERS)
@step_up
def resend(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Send a new link; the earlier one stops working."""
    invitation = _invitation(request, public_id)
    try:
        invitations.send_again(invitation=invitation, by=request.membership, actor=request.actor, now=timezone.now())
    except invitations.DeadLink:
        messages.warning(request, _("The invitation has been accepted or taken back in the meantime."))
    else:
        messages.success(request, _("A new link is on its way to %(email)s.") % {"email": invitation.email})
    return redirect("accounts:invitations")


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_MEMBERS)
@step_up
def revoke(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Ask once more, then take an invitation back."""
    invitation = _invitation(request, public_id)
    if request.method != "POST":
        return render(request, "accounts/people/revoke.html", {"invitation": invitation})
    try:
        invitations.revoke(invitation=invitation, by=request.membership, actor=request.actor, now=timezone.now())
    except invitations.DeadLink:
        messages.warning(request, _("The invitation has been accepted or taken back in the meantime."))
    else:
        messages.success(request, _("The invitation to %(email)s is taken back.") % {"email": invitation.email})
    return redirect("accounts:invitations")


def _invitation(request: AccountRequest, public_id: UUID) -> Invitation:
    rows = Invitation.objects.for_account(request.account).select_related("account")
    return get_object_or_404(rows, public_id=public_id)


# What a link opens.


@never_cache
@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest) -> HttpResponse:
    """The page of an invitation: who invites, and how to join.

    The link's token moves into the session at once, and out of the address: so it lies in no history, and it is still
    there after signing in.
    """
    if "token" in request.GET:
        request.session[SESSION_INVITATION] = [request.GET.get("id", ""), request.GET["token"]]
        return redirect("accounts:accept-invitation")
    try:
        link = _link(request)
        invitation = invitations.opened(**link, now=timezone.now())
        if request.method == "POST":
            return _accept(request, invitation, link)
    except invitations.SenderLeft:
        return _dead_link(request, is_sender_gone=True)
    except invitations.DeadLink:
        return _dead_link(request)
    except (invitations.WrongPerson, invitations.SingleSignOnRequired):
        return redirect("accounts:accept-invitation")  # Which says so.
    return _invitation_page(request, invitation)


def _link(request: HttpRequest) -> dict[str, Any]:
    """The link opened before. Raises `DeadLink` where there was none, or nothing like one."""
    public_id, token = request.session.get(SESSION_INVITATION, ("", ""))
    try:
        return {"public_id": UUID(public_id), "token": token}
    except ValueError as error:
        raise invitations.DeadLink from error


def _accept(request: HttpRequest, invitation: Invitation, link: dict[str, Any]) -> HttpResponse:
    now = timezone.now()
    try:
        if request.user.is_authenticated:
            return _welcome(request, invitations.accept(**link, user=request.user, now=now))
        if invitations.has_account(invitation) or required_for(invitation.email):
            return _invitation_page(request, invitation)
        form = NewPersonForm(request.POST, email=invitation.email)
        if not form.is_valid():
            return _invitation_page(request, invitation, form, status=422)
        membership = invitations.accept_as_new(
            **link, name=form.cleaned_data["name"], password=form.cleaned_data["password"], now=now
        )
    except invitations.AlreadyClaimed:
        joining.ask_instead_of_claiming(invitation=invitation, now=now)
        return render(request, "accounts/people/already_claimed.html", {"invitation": invitation}, status=409)
    # The link has verified the address: nothing stands between them and Home.
    answer = perform_login(request, membership.user, email_verification="none", redirect_url=reverse("home"))
    return answer if answer is not None and not request.user.is_authenticated else _welcome(request, membership)


def _welcome(request: HttpRequest, membership: Membership) -> HttpResponse:
    request.session.pop(SESSION_INVITATION, None)
    request.session[SESSION_ACCOUNT] = membership.account_id
    messages.success(request, _("Welcome to %(company)s.") % {"company": membership.account.name})
    return redirect("home")


def _invitation_page(
    request: HttpRequest, invitation: Invitation, form: NewPersonForm | None = None, *, status: int = 200
) -> HttpResponse:
    user = request.user
    context: dict[str, Any] = {"invitation": invitation}
    if user.is_authenticated and not invitations.is_for(invitation, user):
        context["is_wrong_person"], status = True, 403
    elif not user.is_authenticated and (provider := required_for(invitation.email)):
        context |= {"provider": provider, "sso_url": _sso_url(invitation, provider)}
    elif not user.is_authenticated:
        here = urlencode({"next": reverse("accounts:accept-invitation")})
        context["sign_in_url"] = f"{reverse('account_login')}?{here}" if invitations.has_account(invitation) else ""
        if not context["sign_in_url"]:
            context["form"] = form or NewPersonForm(email=invitation.email, initial={"name": invitation.name})
    return render(request, "accounts/people/accept.html", context, status=status)


def _sso_url(invitation: Invitation, provider: IdentityProvider) -> str:
    """To the identity provider of the address. One's own company takes the invitation as one comes in; to another's one
    comes back."""
    url = reverse("accounts:sso-begin", args=[provider.public_id])
    if invitation.account_id == provider.account_id and not invitation.is_claim:
        return url
    return f"{url}?{urlencode({'next': reverse('accounts:accept-invitation')})}"


def _dead_link(request: HttpRequest, *, is_sender_gone: bool = False) -> HttpResponse:
    request.session.pop(SESSION_INVITATION, None)
    return render(request, "accounts/people/dead_link.html", {"is_sender_gone": is_sender_gone}, status=410)
