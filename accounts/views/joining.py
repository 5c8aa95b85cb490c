"""Asking to belong to a company, and the pages on which its administrators answer."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import joining
from accounts.http import AccountRequest, requires, step_up
from accounts.members_forms import AskForm, MemberForm
from accounts.models import JoinRequest, User
from accounts.paging import page_of
from accounts.permissions import Permission, Role


@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """For somebody without a company: ask to join the one of their domain, or ask an administrator they know."""
    user = request.user
    if not isinstance(user, User) or user.is_staff:
        raise PermissionDenied
    companies = joining.companies_of_domain(user)
    form = AskForm(request.POST if request.method == "POST" and "ask" not in request.POST else None)
    if request.method == "POST":
        now = timezone.now()
        try:
            if "ask" in request.POST:
                asked = next((one for one in companies if str(one.public_id) == request.POST["ask"]), None)
                if asked is None:
                    raise Http404
                joining.ask_by_domain(user=user, account=asked, now=now)
                messages.success(request, _("The administrators of %(company)s have been asked.") % {"company": asked})
                return redirect("accounts:join")
            if form.is_valid():
                joining.ask_administrator(user=user, email=form.cleaned_data["email"], now=now)
                messages.success(request, _("If this is an administrator's address, they have been asked."))
                return redirect("accounts:join")
        except joining.TooManyRequests:
            form.add_error(None, _("You wait for several answers already. Please wait for one of them."))
    context = {
        "form": form,
        "waiting": [asked for asked in joining.open_requests_of(user) if asked.origin == "domain"],
        "companies": companies,
    }
    return render(request, "accounts/join.html", context, status=422 if form.errors else 200)


@require_safe
@requires(Permission.MANAGE_MEMBERS)
def join_requests(request: AccountRequest) -> HttpResponse:
    """Who would like to join."""
    rows = JoinRequest.objects.for_account(request.account).open().select_related("user")
    page = page_of(rows.order_by("-created_at", "-public_id"), cursor=request.GET.get("cursor", ""))
    return render(request, "accounts/people/requests.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_MEMBERS)
@step_up
def join_request(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Somebody who would like to join; let them in with the roles chosen here."""
    asked = _asked(request, public_id)
    form = MemberForm(request.POST if request.method == "POST" else None, initial={"roles": [Role.VIEWER]})
    if request.method == "POST" and form.is_valid():
        try:
            joining.approve(
                asked=asked,
                roles=form.cleaned_data["roles"],
                department=form.cleaned_data["department"],
                by=request.membership,
                actor=request.actor,
                now=timezone.now(),
            )
        except joining.AlreadyDecided:
            messages.warning(request, _already_decided())
        else:
            messages.success(request, _("%(email)s may come in.") % {"email": asked.email})
        return redirect("accounts:join-requests")
    context = {"asked": asked, "form": form}
    return render(request, "accounts/people/request.html", context, status=422 if form.errors else 200)


@require_POST
@requires(Permission.MANAGE_MEMBERS)
@step_up
def decline(request: AccountRequest, public_id: UUID) -> HttpResponse:
    asked = _asked(request, public_id)
    try:
        joining.decline(asked=asked, by=request.membership, actor=request.actor, now=timezone.now())
    except joining.AlreadyDecided:
        messages.warning(request, _already_decided())
    else:
        messages.success(request, _("%(email)s has been told that they may not join.") % {"email": asked.email})
    return redirect("accounts:join-requests")


def _already_decided() -> str:
    return _("Another administrator has answered already. Nothing has changed.")


def _asked(request: AccountRequest, public_id: UUID) -> JoinRequest:
    rows = JoinRequest.objects.for_account(request.account).select_related("account", "user")
    return get_object_or_404(rows, public_id=public_id)
