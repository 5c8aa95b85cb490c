"""The company page and the account switcher."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import matrix, services
from accounts.forms import CompanyForm
from accounts.http import AccountRequest, requires, step_up
from accounts.middleware import SESSION_ACCOUNT
from accounts.models import Membership
from accounts.notifications import held_back
from accounts.permissions import Permission, Role
from accounts.portfolios import account_team

COLLEAGUES = 10  # On the overview; all of them are on the page of people.


@require_safe
@requires(Permission.VIEW_TEAM)
def company(request: AccountRequest) -> HttpResponse:
    """Who works with the portal here, who looks after the company at the vendor, and the company's details."""
    colleagues = Membership.objects.for_account(request.account).active().select_related("user")
    today = request.account.local_date(timezone.now())
    return render(
        request,
        "accounts/company.html",
        {
            "account": request.account,
            "team": account_team(request.account, today),
            "colleagues": colleagues.order_by("user__name", "pk")[:COLLEAGUES],
            "may_manage": request.membership.may(Permission.MANAGE_COMPANY),
        },
    )


@require_safe
@requires(Permission.VIEW_TEAM)
def permissions(request: AccountRequest) -> HttpResponse:
    """What each role may do: the table that every page asks."""
    context = {
        "roles": [role.label for role in Role],
        "rows": matrix.customer_rows(),
        "own_roles": request.membership.role_labels,
    }
    return render(request, "accounts/permissions.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_COMPANY)
@step_up
def company_profile(request: AccountRequest) -> HttpResponse:
    """Change the company's phone, addresses and time zone; the CRM hears of it at once."""
    form = CompanyForm(request.POST or None, instance=request.account)
    if request.method == "POST" and form.is_valid():
        sent = services.change_profile(
            account=request.account, changed=form.changed_data, actor=request.actor, now=timezone.now()
        )
        messages.success(request, _("The company details are saved."))
        if sent:
            messages.info(request, held_back.words(sent))
        return redirect("accounts:company")
    status = 422 if form.errors else 200
    return render(request, "accounts/company_profile.html", {"form": form}, status=status)


@require_POST
def switch_account(request: HttpRequest) -> HttpResponse:
    """Work for another of one's companies. Where the page at hand is not there for it, Home is."""
    wanted = request.POST.get("account", "")
    memberships: list[Membership] = getattr(request, "memberships", [])
    chosen = next((one for one in memberships if str(one.account.public_id) == wanted), None)
    if chosen is None:
        raise Http404
    request.session[SESSION_ACCOUNT] = chosen.account_id
    messages.info(request, _("You are now working for %(company)s.") % {"company": chosen.account.name})
    target = request.POST.get("next", "")
    # Pages of one object belong to one company; lists exist in both.
    is_list = (
        target.startswith("/")
        and target.count("/") <= 2
        and url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    )
    return redirect(target if is_list else "home")
