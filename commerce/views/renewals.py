"""The renewal centre: what renews, when, at which price and why, and what the customer can do about it."""

from collections.abc import Callable
from datetime import date, datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.http import AccountRequest, requires
from accounts.permissions import Permission
from commerce.contracts.amendments import AmendmentRefused, Decision
from commerce.models import Contract, Renewal
from commerce.renewals import deciding
from commerce.renewals.forms import AlignForm, AutoRenewForm, ChangeForm, TalkForm
from commerce.renewals.reading import ahead_of, grace_of, renewals_of, view_of

MOST_SHOWN = 50  # A company has a handful.


@require_safe
@requires(Permission.VIEW_CONTRACTS)
def renewal_list(request: AccountRequest) -> HttpResponse:
    """Renewals that are open, contracts that renew later, and what became of earlier ones."""
    return _centre(request)


def _centre(request: AccountRequest, align: AlignForm | None = None) -> HttpResponse:
    today = request.account.local_date(timezone.now())
    renewals = list(renewals_of(request.account)[:MOST_SHOWN])
    opened = [one for one in renewals if not one.state_choice.is_over]
    ahead = ahead_of(request.account, today)
    alignable = [one.contract for one in opened if one.state_choice.is_undecided] + [one.contract for one in ahead]
    context = {
        "today": today,
        "grace": grace_of(request.account, today),
        "opened": opened,
        "ahead": ahead,
        "over": [one for one in renewals if one.state_choice.is_over],
        "align": align or (AlignForm(alignable) if len(alignable) > 1 else None),
        **_rights(request),
    }
    return render(request, "commerce/renewals.html", context, status=422 if align else 200)


@require_safe
@requires(Permission.VIEW_CONTRACTS)
def renewal(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """One renewal: its dates, old and new price of each line with the reason, and what can be done."""
    shown, _now, today = _about(request, public_id)
    return _renewal_page(request, shown, today)


def _renewal_page(
    request: AccountRequest, renewal: Renewal, today: date, *, change: ChangeForm | None = None,
    talk: TalkForm | None = None,
) -> HttpResponse:  # fmt: skip
    view = view_of(renewal, today)
    context = {
        "renewal": renewal,
        "view": view,
        "contract": renewal.contract,
        "change": change or ChangeForm(renewal, view.lines),
        "talk": talk or TalkForm(),
        **_rights(request),
    }
    return render(request, "commerce/renewal.html", context, status=422 if change or talk else 200)


@require_POST
@requires(Permission.BUY)
def change_renewal(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Ask for another offer: other quantities, another term."""
    shown, now, today = _about(request, public_id)
    form = ChangeForm(shown, view_of(shown, today).lines, request.POST)
    if form.is_valid():
        try:
            deciding.change(
                renewal=shown,
                quantities=form.quantities,
                term_months=form.cleaned_data["term_months"],
                decision=Decision(actor=request.actor, now=now),
            )
        except AmendmentRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Here is your new offer. The one before it is withdrawn."))
            return redirect("commerce:renewal", shown.public_id)
    return _renewal_page(request, shown, today, change=form)


@require_POST
@requires(Permission.BUY)
def talk_about_renewal(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Tell the account's people what the customer wants to talk about."""
    shown, now, today = _about(request, public_id)
    form = TalkForm(request.POST)
    if not form.is_valid():
        return _renewal_page(request, shown, today, talk=form)
    deciding.talk(renewal=shown, decision=Decision(actor=request.actor, now=now, words=form.cleaned_data["words"]))
    messages.success(request, _("Your people at our side know of it and will get in touch."))
    return redirect("commerce:renewal", shown.public_id)


@require_POST
@requires(Permission.BUY)
def renew_early(request: AccountRequest, number: str) -> HttpResponse:
    """The offer now, long before the term ends."""
    contract = _contract(request, number)
    decision = Decision(actor=request.actor, now=timezone.now())
    try:
        made = deciding.renew_early(contract=contract, decision=decision)
    except AmendmentRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("commerce:renewals")
    return redirect("commerce:renewal", made.public_id)


@require_POST
@requires(Permission.BUY)
def set_auto_renew(request: AccountRequest, number: str) -> HttpResponse:
    """Whether the contract renews by itself."""
    contract = _contract(request, number)
    form = AutoRenewForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say whether the contract renews by itself: nothing was changed."))
        return redirect("commerce:contract", contract.number)
    wanted = form.cleaned_data["auto_renew"]
    done = _("The contract renews by itself.") if wanted else _("The contract no longer renews by itself.")
    return _done(
        request,
        contract,
        lambda decision: deciding.set_auto_renew(contract=contract, auto_renew=wanted, decision=decision),
        done,
    )


@require_http_methods(["POST"])
@requires(Permission.BUY)
def align_renewals(request: AccountRequest) -> HttpResponse:
    """Offers by which several contracts end on one day."""
    now = timezone.now()
    running = list(Contract.objects.for_account(request.account).current(request.account.local_date(now)))
    form = AlignForm(running, request.POST)
    if form.is_valid():
        decision = Decision(actor=request.actor, now=now)
        data = form.cleaned_data
        try:
            deciding.align(contracts=data["contracts"], term_months=data["term_months"], decision=decision)
        except AmendmentRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Here are your new offers. With them, these contracts end on one day."))
            return redirect("commerce:renewals")
    return _centre(request, form)


def _about(request: AccountRequest, public_id: UUID) -> tuple[Renewal, datetime, date]:
    now = timezone.now()
    return get_object_or_404(renewals_of(request.account), public_id=public_id), now, request.account.local_date(now)


def _contract(request: AccountRequest, number: str) -> Contract:
    found = Contract.objects.for_account(request.account).select_related("account").by_number(number)
    return get_object_or_404(found)


def _done(request: AccountRequest, contract: Contract, step: Callable[[Decision], object], done: str) -> HttpResponse:
    try:
        step(Decision(actor=request.actor, now=timezone.now()))
    except AmendmentRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)
    return redirect("commerce:contract", contract.number)


def _rights(request: AccountRequest) -> dict[str, bool]:
    may = request.membership.may
    return {"shows_prices": may(Permission.VIEW_PRICES), "may_buy": may(Permission.BUY)}
