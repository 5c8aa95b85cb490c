"""The staff's pages about invitations: what is open, and the link that opens a company's portal."""

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminTextInputWidget

from accounts.admin.bases import ReadOnly
from accounts.claims import send_claim
from accounts.invitations import AlreadyInvited, AlreadyMember
from accounts.models import Account, Invitation
from tracking.actor import Actor


@admin.register(Invitation)
class InvitationAdmin(ReadOnly, ModelAdmin):
    list_display = ["email", "account", "is_claim", "sent_at", "expires_at", "accepted_at", "revoked_at"]
    list_filter = ["is_claim"]
    list_select_related = ["account"]
    search_fields = ["email", "account__name"]
    exclude = ["token_hash"]


class ClaimForm(forms.Form):
    """Whom the staff know at the company."""

    email = forms.EmailField(label=gettext_lazy("E-mail"), max_length=254, widget=UnfoldAdminEmailInputWidget)
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=150, required=False, widget=UnfoldAdminTextInputWidget
    )

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


def claim_link_page(request: HttpRequest, account_id: int) -> HttpResponse:
    """Ask for an address, and send the claim link there. Who may is asked by the action that leads here."""
    account = get_object_or_404(Account, pk=account_id)
    form = ClaimForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and _send(request, account, form):
        return redirect("admin:account_360", account.pk)
    context = admin.site.each_context(request) | {"title": _("Send a claim link"), "account": account, "form": form}
    return render(request, "admin/claim_link.html", context, status=422 if form.errors else 200)


def _send(request: HttpRequest, account: Account, form: ClaimForm) -> bool:
    """Whether it was sent, or the administrators asked; otherwise the form says why not."""
    asked = form.cleaned_data
    actor = Actor.staff(int(str(request.user.pk)), account.pk)
    try:
        made = send_claim(account=account, email=asked["email"], name=asked["name"], actor=actor, now=timezone.now())
    except AlreadyMember:
        form.add_error("email", _("Somebody with this address belongs to the company already."))
    except AlreadyInvited:
        form.add_error("email", _("Somebody with this address has an open invitation already."))
    else:
        if made is None:
            messages.warning(
                request, _("%(company)s has an administrator, who has been asked instead.") % {"company": account}
            )
        else:
            messages.success(request, _("The claim link is on its way to %(email)s.") % {"email": asked["email"]})
        return True
    return False
