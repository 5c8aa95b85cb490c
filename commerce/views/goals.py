"""The goals of a contract: how far they are reached, and what the company says of them."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.http import AccountRequest, requires
from accounts.permissions import Permission
from commerce.contracts import goals
from commerce.contracts.goal_forms import GoalCorrectionForm, NewGoalForm
from commerce.contracts.goals import GoalMoved, GoalState, TooManyGoals, goals_of
from commerce.models import Contract, GoalMetric
from commerce.views.papers import contract_of


@require_safe
@requires(Permission.VIEW_CONTRACTS)
def goal_list(request: AccountRequest, number: str) -> HttpResponse:
    """Each goal with what is reached of it, and what that saves."""
    contract = contract_of(request, number)
    today = request.account.local_date(timezone.now())
    context = {
        "contract": contract,
        "goals": goals_of(contract, today),
        "today": today,
        "may_change": request.membership.may(Permission.BUY),
    }
    return render(request, "commerce/goals.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.BUY)
def add_goal(request: AccountRequest, number: str) -> HttpResponse:
    """Agree on another goal."""
    contract = contract_of(request, number)
    form = NewGoalForm(contract, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        metric = GoalMetric(form.cleaned_data["metric"])
        try:
            goals.agree(
                contract=contract,
                metric=metric,
                says=form.said(),
                by=request.user,
                now=timezone.now(),
                form_key=form.cleaned_data["form_key"],
            )
        except TooManyGoals as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The goal is added."))
            return redirect("commerce:goals", contract.number)
    context = {"contract": contract, "form": form}
    return render(request, "commerce/add_goal.html", context, status=422 if form.errors else 200)


@require_safe
@requires(Permission.VIEW_CONTRACTS)
def goal(request: AccountRequest, number: str, public_id: UUID) -> HttpResponse:
    """One goal with all that was ever said of it."""
    contract = contract_of(request, number)
    state = _state_of(request, contract, public_id)
    context = {
        "contract": contract,
        "state": state,
        "versions": state.versions[::-1],
        "may_change": request.membership.may(Permission.BUY),
    }
    return render(request, "commerce/goal.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.BUY)
def change_goal(request: AccountRequest, number: str, public_id: UUID) -> HttpResponse:
    """Say something else of a goal: what was said before stays in its history."""
    contract = contract_of(request, number)
    state = _state_of(request, contract, public_id)
    form = GoalCorrectionForm(state.now, state.goal.contract, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            goals.correct(
                latest=state.now,
                read=form.cleaned_data["number"],
                says=form.said(),
                by=request.user,
                now=timezone.now(),
            )
        except GoalMoved as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The goal is changed. What was said before stays in its history."))
            return redirect("commerce:goal", contract.number, state.goal.public_id)
    context = {"contract": contract, "state": state, "form": form}
    return render(request, "commerce/change_goal.html", context, status=422 if form.errors else 200)


def _state_of(request: AccountRequest, contract: Contract, public_id: UUID) -> GoalState:
    today = request.account.local_date(timezone.now())
    state = next((one for one in goals_of(contract, today) if one.goal.public_id == public_id), None)
    if state is None:
        raise Http404
    return state
