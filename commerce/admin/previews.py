"""The plans, the comparison and the configurator as a company sees them, for the vendor's people.

The pages are the customers' own, at an address of their own: `{% url %}` leads from one to the other inside of it.
They run as the database role of customers, so that what the company may not read isn't there.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import BadRequest
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import get_script_prefix, resolve, reverse, set_script_prefix
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from accounts.http import StaffRequest, client_ip, requires_staff
from accounts.models import Account
from accounts.scope import account_scope
from accounts.viewing import SHORTEST_REASON, OnlyViewing
from commerce.catalogue import previewing
from commerce.models import PriceBook
from tracking.actor import Actor
from tracking.services import nothing_recorded

# What there is to see. Other pages, and all that changes something, are not part of it.
PAGES = frozenset(
    {
        "commerce:plans",
        "commerce:compare-plans",
        "commerce:configure",
        "commerce:configure-price",
        "commerce:product-file",
    }
)
_FIRST = "plans/"


class PreviewForm(forms.Form):
    """As which company, and why."""

    account = forms.ModelChoiceField(
        Account.objects.filter(is_active=True),
        label=gettext_lazy("Company"),
        widget=AutocompleteSelect(PriceBook._meta.get_field("account"), admin.site),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        min_length=SHORTEST_REASON,
        max_length=300,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("The customer's administrators read it in their audit log."),
    )
    with_drafts = forms.BooleanField(
        label=gettext_lazy("Show drafts as if they were on sale"),
        required=False,
        initial=True,
        widget=UnfoldBooleanWidget,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@requires_staff(previewing.MAY_PREVIEW)
def begin_preview(request: StaffRequest) -> HttpResponse:
    """Ask as whom and why; then show the plans as the company sees them. Raises `BadRequest`."""
    for named in (*request.GET.getlist("account"), *request.POST.getlist("account")):
        if named and not (named.isascii() and named.isdigit()):
            raise BadRequest  # The field would look for it as it is.
    form = PreviewForm(request.POST or None, initial={"account": request.GET.get("account", ""), "with_drafts": True})
    if form.is_valid():
        account: Account = form.cleaned_data["account"]
        previewing.begin(
            session=request.session,
            staff=request.user,
            account=account,
            with_drafts=form.cleaned_data["with_drafts"],
            reason=form.cleaned_data["reason"],
            ip=client_ip(request),
            now=timezone.now(),
        )
        return redirect("admin:commerce_preview_page", account.public_id, _FIRST)
    context = admin.site.each_context(request) | {"title": _("See the plans as a company"), "form": form}
    return render(request, "admin/catalogue_preview.html", context, status=422 if form.errors else 200)


@requires_staff(previewing.MAY_PREVIEW)
def preview_page(request: StaffRequest, public_id: UUID, page: str) -> HttpResponseBase:
    """One of the customers' pages as the company sees it. Raises `OnlyViewing` for anything else."""
    account = get_object_or_404(Account.objects.select_related("tier"), public_id=public_id)
    preview = previewing.preview_of(request.session, account, now=timezone.now())
    if preview is None:
        return redirect(f"{reverse('admin:commerce_preview')}?account={account.pk}")
    match = resolve(f"/{page}")
    if match.view_name not in PAGES or request.method not in ("GET", "HEAD"):
        raise OnlyViewing
    shown = _as_customer(request, account, preview)
    with _at_own_address(account), account_scope([account.pk], actor=shown.actor), nothing_recorded():
        response: HttpResponseBase = match.func(shown, *match.args, **match.kwargs)
    return response


def _as_customer(request: StaffRequest, account: Account, preview: previewing.Preview) -> StaffRequest:
    """The request as the customers' pages know one. A copy: what comes after this view sees the member of staff's."""
    shown = copy.copy(request)
    membership = previewing.stand_in(request.user, account)
    vars(shown).update(
        account=account,
        membership=membership,
        memberships=[membership],
        actor=Actor.staff(request.user.pk, account.pk),
        preview=preview,
        preview_end_url=reverse("admin:commerce_product_changelist"),
    )
    return shown


@contextmanager
def _at_own_address(account: Account) -> Iterator[None]:
    """Within the block addresses of pages begin with that of the preview."""
    before = get_script_prefix()
    first = reverse("admin:commerce_preview_page", args=[account.public_id, _FIRST])
    set_script_prefix(first.removesuffix(_FIRST))
    try:
        yield
    finally:
        set_script_prefix(before)
