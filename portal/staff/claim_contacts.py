"""A claim link to one of the contacts that Salesforce has of a company."""

from django.contrib import admin, messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.http import StaffRequest, own_transactions, requires_staff
from accounts.invitations import AlreadyInvited, AlreadyMember
from accounts.models import Account
from crm import claims
from crm.client import CrmError, NotConfigured, connect
from tracking.actor import Actor

AWAY = 503


@require_http_methods(["GET", "HEAD", "POST"])
@own_transactions
@requires_staff("accounts.send_claim_link")
def claim_contacts(request: StaffRequest, pk: int) -> HttpResponse:
    """Whom Salesforce knows at the company, and the button that sends one of them the link."""
    with request.scope():
        account = get_object_or_404(Account, pk=pk)
        account_id = claims.crm_id_of(account)
    try:
        records = _records(account_id)
    except (CrmError, NotConfigured):
        return _page(request, account, problem=_("Salesforce can't be asked now. Enter an address by hand."))
    with request.scope():
        contacts = claims.contacts_in(records)
        refusal = ""
        if request.method == "POST":
            chosen = next((one for one in contacts if one.crm_id == request.POST.get("contact")), None)
            if chosen is None:
                raise Http404
            refusal = _send(request, account, chosen)
    if request.method == "POST" and not refusal:
        return redirect("admin:account_360", account.pk)
    return _page(request, account, contacts=contacts, refusal=refusal)


def _records(account_id: str) -> list[claims.Record]:
    if not account_id:
        return []
    with connect() as crm:
        return claims.fetch_contacts(crm=crm, account_id=account_id)


def _send(request: StaffRequest, account: Account, contact: claims.Contact) -> str:
    """Why it was not sent; empty: it was, or the company's administrators have been asked."""
    actor = Actor.staff(request.user.pk, account.pk)
    try:
        made = claims.claim_for_contact(account=account, contact=contact, actor=actor, now=timezone.now())
    except (AlreadyMember, claims.InPortalAlready):
        return _("Somebody with this address belongs to the company already.")
    except AlreadyInvited:
        return _("Somebody with this address has an open invitation already.")
    if made is None:
        told = _("%(company)s has an administrator, who has been asked instead.") % {"company": account}
        messages.warning(request, told)
    else:
        messages.success(request, _("The claim link is on its way to %(email)s.") % {"email": contact.email})
    return ""


def _page(
    request: StaffRequest,
    account: Account,
    *,
    problem: str = "",
    refusal: str = "",
    contacts: list[claims.Contact] | None = None,
) -> HttpResponse:
    with request.scope():
        context = admin.site.each_context(request) | {
            "title": _("Send a claim link to a contact"),
            "account": account,
            "contacts": contacts,
            "problem": problem or refusal,
        }
        status = AWAY if problem else 422 if refusal else 200
        return render(request, "admin/staff/claim_contacts.html", context, status=status)
