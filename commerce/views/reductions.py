"""Less from the end of the term on: what remains, what it saves, what to free, and the confirmation."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.http import AccountRequest, requires, step_up
from accounts.permissions import Permission
from commerce.configuring.situations import ConfigurationRefused, NoContract, TaxUnknown, situation_of
from commerce.contracts import amendments
from commerce.contracts.amendment_forms import DecisionForm, ReduceForm
from commerce.contracts.amendments import AmendmentRefused, Decision
from commerce.contracts.freeing import still_used
from commerce.contracts.ledger import Entry
from commerce.contracts.reductions import entries_of
from commerce.models import Contract


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.BUY)
@step_up
def reduce_contract(request: AccountRequest, number: str) -> HttpResponse:
    """`?plan=team&seats=40&sso=0` shows what follows; the same sent as a form plans it."""
    found = Contract.objects.for_account(request.account).select_related("account").by_number(number)
    contract, now = get_object_or_404(found), timezone.now()
    today = request.account.local_date(now)
    try:
        situation = situation_of(request.account, today)
    except (NoContract, TaxUnknown) as refusal:
        messages.error(request, str(refusal))
        return redirect("commerce:contract", contract.number)
    if situation.contract.pk != contract.pk:
        messages.error(request, _("This contract is not the one that can be changed here. Talk to us."))
        return redirect("commerce:contract", contract.number)
    sent = request.POST if request.method == "POST" else request.GET if "plan" in request.GET else None
    form = ReduceForm(situation, sent)
    decision_form = DecisionForm(contract, request.POST if request.method == "POST" else None)
    entries: list[Entry] = []
    if form.is_bound and form.is_valid():
        try:
            entries = entries_of(situation, form.configuration)
        except ConfigurationRefused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
    if request.method == "POST" and entries and decision_form.is_valid():
        data = decision_form.cleaned_data
        decision = Decision(actor=request.actor, now=now, version=data["version"], words=data["words"])
        try:
            amendments.reduce(contract=contract, lines=entries, decision=decision)
        except AmendmentRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Planned for the end of your term. Until then nothing changes."))
            return redirect("commerce:contract", contract.number)
    before = sum(line.monthly_minor for line in situation.owned.values())
    context = {
        "contract": contract,
        "form": form,
        "decision_form": decision_form,
        "entries": entries,
        "hidden": form.configuration.as_query().items() if entries else (),
        "to_free": still_used(request.account, before=situation.owned.values(), entries=entries, today=today)
        if entries
        else [],
        "before_minor": before,
        "after_minor": before + sum(entry.recurring_minor for entry in entries),
        "in_the_way": amendments.in_the_way(contract, today, of_next_term=True),
    }
    return render(request, "commerce/reduce_contract.html", context, status=422 if form.errors else 200)
