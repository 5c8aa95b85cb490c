"""Viewing the portal as a customer's person: the page where staff say why."""

from uuid import UUID

from allauth.mfa.utils import is_mfa_enabled
from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from hijack.views import AcquireUserView
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from accounts import viewing
from accounts.http import StaffRequest, client_ip, requires_staff, step_up
from accounts.middleware import SESSION_ACCOUNT
from accounts.models import Membership, User


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        min_length=viewing.SHORTEST_REASON,
        max_length=300,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("The customer's administrators read it in their audit log."),
    )
    is_elevated = forms.BooleanField(
        label=gettext_lazy("I have to change something for them"),
        required=False,
        widget=UnfoldBooleanWidget,
        help_text=gettext_lazy(
            "For 15 minutes. Their words, their consent, money and sign-in stay theirs in any case."
        ),
    )


class _Acquire(AcquireUserView):
    """Sign in as the person in this session; django-hijack keeps who it was."""

    person: User

    def test_func(self) -> bool:
        return True  # `viewing.begin` has decided.

    def get_object(self, queryset: object = None) -> User:
        return self.person

    def dispatch(self, request: StaffRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        response: HttpResponseBase = super(AcquireUserView, self).dispatch(request, *args, **kwargs)
        return response

    def get_success_url(self) -> str:
        return reverse("home")


@require_http_methods(["GET", "HEAD", "POST"])
@requires_staff(viewing.MAY_LOOK)
@step_up
def view_as(request: StaffRequest, public_id: UUID) -> HttpResponseBase:
    """Ask for the reason; then show the portal as the person sees it."""
    members = Membership.objects.active().select_related("account", "user")
    member = get_object_or_404(members, public_id=public_id, user__is_staff=False, user__is_superuser=False)
    form = ReasonForm(request.POST or None)
    if not request.user.has_perm(viewing.MAY_ACT):
        del form.fields["is_elevated"]
    if settings.PRODUCTION and not is_mfa_enabled(request.user):
        return _page(request, member, form, needs_factor=True)
    if not form.is_valid():
        return _page(request, member, form)
    visit = viewing.begin(
        staff=request.user,
        member=member,
        reason=form.cleaned_data["reason"],
        is_elevated=form.cleaned_data.get("is_elevated", False),
        ip=client_ip(request),
        now=timezone.now(),
    )
    acquire = _Acquire(person=member.user)
    acquire.setup(request)
    response = acquire.dispatch(request)
    request.session[viewing.SESSION_VIEWING] = visit.pk
    request.session[SESSION_ACCOUNT] = member.account_id
    return response


def _page(request: StaffRequest, member: Membership, form: ReasonForm, *, needs_factor: bool = False) -> HttpResponse:
    context = admin.site.each_context(request) | {
        "title": _("View the portal as %(name)s") % {"name": member.user.name},
        "member": member,
        "form": form,
        "needs_factor": needs_factor,
    }
    status = 403 if needs_factor and request.method == "POST" else 422 if form.errors else 200
    return render(request, "admin/view_as.html", context, status=status)
