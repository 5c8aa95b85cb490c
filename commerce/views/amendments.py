"""Pausing, ending, keeping and taking up contracts: each with a page that says what follows before it is confirmed."""

from collections.abc import Callable
from datetime import date, datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.http import AccountRequest, requires, step_up
from accounts.permissions import Permission
from commerce.contracts import amendments, consequences
from commerce.contracts.amendment_forms import DecisionForm, EndForm, PauseForm, ReasonForm
from commerce.contracts.amendments import AmendmentRefused, Decision
from commerce.contracts.applying import last_end
from commerce.contracts.contracts import ledger_of, owned_on
from commerce.models import ChangeReason, Contract, RetentionKind, RetentionOffer


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.BUY)
@step_up
def pause_contract(request: AccountRequest, number: str) -> HttpResponse:
    """Own nothing for a while."""
    contract, now, today = _about(request, number)
    form = PauseForm(contract, request.POST if request.method == "POST" else None, today=today)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            amendments.pause(
                contract=contract,
                from_date=data["from_date"],
                until_date=data["until_date"],
                decision=_decision(request, now, form),
            )
        except AmendmentRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The pause is planned. Everything is back by itself when it is over."))
            return redirect("commerce:contract", contract.number)
    owned = [line for line in owned_on(ledger_of(contract), today) if line.is_recurring]
    context = {
        "contract": contract,
        "form": form,
        "lines": owned,
        "consequences": consequences.of_pause(contract, owned),
        "pauses_left": max(contract.most_pauses - amendments.pauses_of(contract), 0),
        "in_the_way": amendments.in_the_way(contract, today),
    }
    return render(request, "commerce/pause_contract.html", context, status=422 if form.errors else 200)


@require_POST
@requires(Permission.BUY)
def resume_contract(request: AccountRequest, number: str) -> HttpResponse:
    """End a pause today."""
    contract, now, _today = _about(request, number)
    return _done(
        request,
        contract,
        lambda decision: amendments.resume(contract=contract, decision=decision),
        _("The pause is over. You have everything back."),
        now,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.BUY)
@step_up
def end_contract(request: AccountRequest, number: str) -> HttpResponse:
    """First why; then what follows, what we offer, and the confirmation."""
    contract, now, today = _about(request, number)
    reason = ReasonForm(request.GET if "reason" in request.GET else None)
    if request.method != "POST" and not (reason.is_bound and reason.is_valid()):
        in_the_way = amendments.in_the_way(contract, today, of_next_term=True)
        context = {"contract": contract, "form": reason, "in_the_way": in_the_way}
        return render(request, "commerce/end_contract.html", context, status=422 if reason.errors else 200)
    form = EndForm(contract, request.POST if request.method == "POST" else None, initial=_given(reason))
    if request.method == "POST" and form.is_valid():
        at_once = form.cleaned_data["when"] == EndForm.AT_ONCE
        try:
            amendments.end_contract(contract=contract, decision=_decision(request, now, form), at_once=at_once)
        except AmendmentRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Your cancellation is noted. You can take it back until its day."))
            return redirect("commerce:contract", contract.number)
    chosen = form["reason"].value()
    reason_given = ChangeReason(chosen) if chosen in ChangeReason.values else ChangeReason.OTHER
    context = {
        "contract": contract,
        "form": form,
        "reason": reason_given,
        "offer": RetentionOffer.objects.for_reason(reason_given).first(),
        "consequences": consequences.of_end(contract, owned_on(ledger_of(contract), today)),
        "in_the_way": amendments.in_the_way(contract, today, of_next_term=True),
    }
    return render(request, "commerce/end_contract_confirm.html", context, status=422 if form.errors else 200)


@require_POST
@requires(Permission.BUY)
def stay(request: AccountRequest, number: str) -> HttpResponse:
    """Take what we offer instead of leaving."""
    contract, now, _today = _about(request, number)
    offer = get_object_or_404(RetentionOffer.objects.active(), pk=_number(request.POST.get("offer", "")))
    decision = Decision(actor=request.actor, now=now, words=request.POST.get("words", "")[:1000])
    try:
        amendments.take_offer(contract=contract, offer=offer, decision=decision)
    except AmendmentRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("commerce:contract", contract.number)
    if offer.kind == RetentionKind.PAUSE:
        messages.success(request, _("Good that you stay. Say from when until when."))
        return redirect("commerce:pause-contract", contract.number)
    messages.success(request, _("Good that you stay. Our people know of it and will get in touch."))
    return redirect("commerce:contract", contract.number)


@require_POST
@requires(Permission.BUY)
def take_back(request: AccountRequest, number: str) -> HttpResponse:
    """Undo the planned change."""
    contract, now, _today = _about(request, number)
    return _done(
        request,
        contract,
        lambda decision: amendments.take_back(change=amendments.planned_for(contract), decision=decision),
        _("The planned change is taken back. Everything stays as it is."),
        now,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.BUY)
@step_up
def reactivate_contract(request: AccountRequest, number: str) -> HttpResponse:
    """Take an ended contract up again."""
    contract, now, today = _about(request, number)
    form = DecisionForm(contract, request.POST if request.method == "POST" else None)
    ended = last_end(contract)
    if request.method == "POST" and form.is_valid():
        try:
            amendments.reactivate(contract=contract, decision=_decision(request, now, form))
        except AmendmentRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Welcome back. You have everything that you had."))
            return redirect("commerce:contract", contract.number)
    context = {
        "contract": contract,
        "form": form,
        "ended": ended,
        "is_possible": amendments.may_reactivate(contract, ended, today),
    }
    return render(request, "commerce/reactivate_contract.html", context, status=422 if form.errors else 200)


def _about(request: AccountRequest, number: str) -> tuple[Contract, datetime, date]:
    """The contract that the address names, and the moment and the day where the company is."""
    found = Contract.objects.for_account(request.account).select_related("account").by_number(number)
    now = timezone.now()
    return get_object_or_404(found), now, request.account.local_date(now)


def _decision(request: AccountRequest, now: datetime, form: DecisionForm) -> Decision:
    data = form.cleaned_data
    return Decision(
        actor=request.actor, now=now, version=data["version"], reason=data.get("reason", ""), words=data["words"]
    )


def _done(
    request: AccountRequest, contract: Contract, step: Callable[[Decision], object], done: str, now: datetime
) -> HttpResponse:
    try:
        step(Decision(actor=request.actor, now=now))
    except AmendmentRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)
    return redirect("commerce:contract", contract.number)


def _given(reason: ReasonForm) -> dict[str, str]:
    return {"reason": reason.cleaned_data["reason"]} if reason.is_bound and reason.is_valid() else {}


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
