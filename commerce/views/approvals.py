"""Purchases that wait for a colleague's approval, and the limits above which they do."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.http import AccountRequest, requires, step_up
from accounts.paging import page_of
from accounts.permissions import Permission
from accounts.viewing import in_person
from commerce.models import ApprovalStatus, Order, PurchaseApproval
from commerce.quotes import approvals, limits
from commerce.quotes.approval_forms import DecisionForm, LimitsForm
from commerce.views.quotes import SHOWN_LINES

SHOWN_ON_HOME = 3


@require_safe
@requires(Permission.VIEW_PRICES)
def approval_list(request: AccountRequest) -> HttpResponse:
    """What waits for an approval, and with `show=all` what became of earlier requests."""
    show_all = request.GET.get("show") == "all"
    rows = PurchaseApproval.objects.for_account(request.account).select_related("quote", "requested_by", "decided_by")
    page = page_of(
        (rows if show_all else rows.waiting()).latest_first(),
        cursor=request.GET.get("cursor", ""),
    )
    may = request.membership.may
    context = {
        "page": page,
        "show_all": show_all,
        "may_buy": may(Permission.BUY),
        "may_approve": may(Permission.APPROVE_PURCHASES),
    }
    return render(request, "commerce/approvals.html", context)


@require_safe
@requires(Permission.APPROVE_PURCHASES)
def approvals_card(request: AccountRequest) -> HttpResponse:
    """What Home shows an approver: the latest purchases of colleagues that wait. Empty where none does."""
    waiting = PurchaseApproval.objects.for_account(request.account).waiting().exclude(requested_by=request.user)
    rows = list(waiting.select_related("quote", "requested_by").latest_first()[: SHOWN_ON_HOME + 1])
    context = {"approvals": rows[:SHOWN_ON_HOME], "has_more_approvals": len(rows) > SHOWN_ON_HOME}
    return render(request, "commerce/_approvals_card.html", context)


@require_safe
@requires(Permission.VIEW_PRICES)
def approval(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    """One request: what is to be bought, who asked, and the decision."""
    return _approval_page(request, _approval_of(request, public_id), DecisionForm())


@require_POST
@requires(Permission.APPROVE_PURCHASES)
@step_up
def approve(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    """Approve a colleague's purchase: the order is placed."""
    shown = _approval_of(request, public_id)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _approval_page(request, shown, form, status=422)
    try:
        decided = approvals.approve(
            approval=shown, actor=request.actor, note=form.cleaned_data["note"], now=timezone.now()
        )
    except (approvals.MayNotDecide, approvals.AlreadyDecided) as refusal:
        messages.error(request, str(refusal))
        return redirect("commerce:approval", public_id)
    if decided.status == ApprovalStatus.LAPSED:
        messages.error(request, approvals.in_words(decided))
    else:
        messages.success(
            request, _("Approved. The order is placed, and %(name)s is told.") % {"name": decided.requested_by.name}
        )
    return redirect("commerce:approval", public_id)


@require_POST
@requires(Permission.APPROVE_PURCHASES)
def refuse(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    """Refuse a colleague's purchase, and say why."""
    shown = _approval_of(request, public_id)
    form = DecisionForm(request.POST, needs_note=True)
    if not form.is_valid():
        return _approval_page(request, shown, form, status=422)
    try:
        approvals.refuse(approval=shown, actor=request.actor, note=form.cleaned_data["note"], now=timezone.now())
    except (approvals.MayNotDecide, approvals.AlreadyDecided) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Refused. %(name)s is told why.") % {"name": shown.requested_by.name})
    return redirect("commerce:approval", public_id)


@require_POST
@requires(Permission.BUY)
def withdraw(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    """The buyer no longer wants it."""
    shown = _approval_of(request, public_id)
    try:
        approvals.withdraw(approval=shown, actor=request.actor, now=timezone.now())
    except (approvals.MayNotDecide, approvals.AlreadyDecided) as refusal:
        messages.error(request, str(refusal))
        return redirect("commerce:approval", public_id)
    messages.success(request, _("Withdrawn. The quote is still yours to accept."))
    return redirect("commerce:quote", shown.quote.public_id)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_COMPANY)
@in_person
@step_up
def purchase_limits(request: AccountRequest) -> HttpResponse:
    """How much each role may buy or approve with one order."""
    form = LimitsForm(request.account, request.POST or None)
    if request.method == "POST" and form.is_valid():
        limits.set_limits(account=request.account, limits=form.limits)
        messages.success(request, _("The limits are saved. They count from now on."))
        return redirect("commerce:purchase-limits")
    return render(request, "commerce/purchase_limits.html", {"form": form}, status=422 if form.errors else 200)


def _approval_of(request: AccountRequest, public_id: uuid.UUID) -> PurchaseApproval:
    rows = PurchaseApproval.objects.for_account(request.account)
    return get_object_or_404(
        rows.select_related("account", "quote__contract", "requested_by", "decided_by"), public_id=public_id
    )


def _approval_page(
    request: AccountRequest, shown: PurchaseApproval, form: DecisionForm, *, status: int = 200
) -> HttpResponse:
    reason = approvals.why_not(shown, request.membership) if shown.is_waiting else ""
    context = {
        "approval": shown,
        "lines": page_of(
            shown.quote.lines.select_related("product").order_by("position", "id"),
            cursor=request.GET.get("cursor", ""),
            size=SHOWN_LINES,
        ),
        "who_decides": approvals.who_decides(shown) if shown.is_waiting else "",
        "order": Order.objects.for_account(request.account).filter(quote=shown.quote).first(),
        "may_decide": shown.is_waiting and not reason,
        "may_withdraw": shown.is_waiting
        and shown.requested_by_id == request.user.pk
        and request.membership.may(Permission.BUY),
        "reason": reason if request.membership.may(Permission.APPROVE_PURCHASES) else "",
        "words": approvals.in_words(shown),
        "form": form,
        "breadcrumbs": [{"label": _("Approvals"), "url": reverse("commerce:approvals")}, {"label": shown.quote.number}],
    }
    return render(request, "commerce/approval.html", context, status=status)
