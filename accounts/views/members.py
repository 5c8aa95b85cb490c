"""The people of a company: the list, one person, and what an administrator does about them."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import members
from accounts.http import AccountRequest, requires, step_up
from accounts.lost_factors import NoSecondFactor, NotTheirs, reset_second_factor
from accounts.members_forms import FindPeopleForm, MemberForm
from accounts.models import Membership
from accounts.paging import page_of
from accounts.permissions import Permission
from accounts.viewing import in_person

INDISPENSABLE = 409  # Not a mistake in the form: the company's state forbids it.


@require_safe
@requires(Permission.VIEW_TEAM)
def people(request: AccountRequest) -> HttpResponse:
    """Everybody who works with the portal here, by name."""
    is_manager = request.membership.may(Permission.MANAGE_MEMBERS)
    form = FindPeopleForm(request.GET, is_manager=is_manager)
    found = form.narrowed(Membership.objects.for_account(request.account)).select_related("user")
    page = page_of(found.order_by("user__name", "public_id"), cursor=request.GET.get("cursor", ""))
    return render(request, "accounts/people/list.html", {"form": form, "page": page, "is_manager": is_manager})


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.VIEW_TEAM)
@step_up
def member(request: AccountRequest, public_id: UUID) -> HttpResponseBase:
    """One person; an administrator changes their roles and department here."""
    shown = _member(request, public_id)
    is_manager = request.membership.may(Permission.MANAGE_MEMBERS)
    if request.method == "POST":
        return _change_member(request, shown)
    return _member_page(request, shown, MemberForm.of(shown) if is_manager else None)


@requires(Permission.MANAGE_MEMBERS)
def _change_member(request: AccountRequest, shown: Membership) -> HttpResponse:
    form = MemberForm.of(shown, request.POST)
    if not form.is_valid():
        return _member_page(request, shown, form, status=422)
    try:
        members.change_member(
            member=shown,
            roles=form.cleaned_data["roles"],
            department=form.cleaned_data["department"],
            by=request.membership,
            actor=request.actor,
            now=timezone.now(),
        )
    except members.Indispensable as error:
        form.add_error("roles", _first(error))
        return _member_page(request, shown, form, status=INDISPENSABLE)
    messages.success(request, _("The roles of %(name)s are saved.") % {"name": shown.user.name})
    return redirect("accounts:people")


def _member_page(
    request: AccountRequest, shown: Membership, form: MemberForm | None, *, status: int = 200
) -> HttpResponse:
    context = {"member": shown, "form": form, "is_oneself": shown.pk == request.membership.pk}
    return render(request, "accounts/people/member.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_MEMBERS)
@step_up
def deactivate(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Ask once more, then keep somebody out."""
    shown, refusal = _member(request, public_id), ""
    if request.method == "POST":
        try:
            members.deactivate_member(member=shown, by=request.membership, actor=request.actor, now=timezone.now())
        except members.Indispensable as error:
            refusal = _first(error)
        else:
            messages.success(request, _("%(name)s can no longer come in.") % {"name": shown.user.name})
            return redirect("accounts:people")
    context = {"member": shown, "refusal": refusal}
    return render(request, "accounts/people/deactivate.html", context, status=INDISPENSABLE if refusal else 200)


@require_POST
@requires(Permission.MANAGE_MEMBERS)
@step_up
def reactivate(request: AccountRequest, public_id: UUID) -> HttpResponse:
    shown = _member(request, public_id)
    members.reactivate_member(member=shown, by=request.membership, actor=request.actor, now=timezone.now())
    messages.success(request, _("%(name)s may come in again.") % {"name": shown.user.name})
    return redirect("accounts:member", public_id)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_MEMBERS)
@step_up
@in_person
def reset_factor(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Ask once more, then let somebody who lost their second factor set up a new one."""
    shown, refusal = _member(request, public_id), ""
    if request.method == "POST":
        try:
            reset_second_factor(member=shown, by=request.membership, actor=request.actor, now=timezone.now())
        except NotTheirs:
            refusal = _("This sign-in is not your company's alone. Write to us, and we help. Nothing has changed.")
        except NoSecondFactor:
            refusal = _("There is no second factor to reset. Nothing has changed.")
        else:
            messages.success(
                request,
                _("%(name)s signs in with the password alone, until they set up a new second factor.")
                % {"name": shown.user.name},
            )
            return redirect("accounts:member", public_id)
    context = {"member": shown, "refusal": refusal}
    return render(request, "accounts/people/reset_factor.html", context, status=409 if refusal else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_MEMBERS)
@step_up
def hand_over(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Ask once more, then make somebody administrator in one's own place."""
    shown, refusal = _member(request, public_id), ""
    if request.method == "POST":
        try:
            members.hand_over(to=shown, by=request.membership, actor=request.actor, now=timezone.now())
        except members.NotActive:
            refusal = _("Choose somebody else, who may sign in. Nothing has changed.")
        except members.EmergencyAdministrator as error:
            refusal = _first(error)
        else:
            messages.success(request, _("%(name)s is an administrator now, and you are not.") % {"name": shown.user})
            return redirect("accounts:people")
    context = {"member": shown, "refusal": refusal}
    return render(request, "accounts/people/hand_over.html", context, status=INDISPENSABLE if refusal else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.VIEW_TEAM)
@in_person
def leave(request: AccountRequest) -> HttpResponse:
    """End one's own membership of the company."""
    refusal = ""
    if request.method == "POST":
        try:
            members.leave_company(member=request.membership, actor=request.actor, now=timezone.now())
        except members.Indispensable as error:
            refusal = _first(error)
        else:
            messages.success(request, _("You have left %(company)s.") % {"company": request.account.name})
            return redirect("home")
    context = {"account": request.account, "refusal": refusal}
    return render(request, "accounts/people/leave.html", context, status=INDISPENSABLE if refusal else 200)


def _first(error: members.Indispensable) -> str:
    """What has to be done before."""
    if isinstance(error, members.EmergencyAdministrator):
        return _(
            "This is your emergency administrator for single sign-on. Name another one there, or stop requiring single "
            "sign-on, first. Nothing has changed."
        )
    return _("Your company needs an administrator. Make somebody else one first. Nothing has changed.")


def _member(request: AccountRequest, public_id: UUID) -> Membership:
    colleagues = Membership.objects.for_account(request.account).select_related("user", "account")
    if not request.membership.may(Permission.MANAGE_MEMBERS):
        colleagues = colleagues.active()
    return get_object_or_404(colleagues, public_id=public_id)
