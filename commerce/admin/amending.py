"""What our own people change about a contract for its customer, with the reason."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from accounts.http import StaffRequest, requires_staff
from commerce.catalogue import taxes
from commerce.contracts import amendments
from commerce.contracts.amendments import AmendmentRefused, Decision
from commerce.contracts.contracts import OwnedLine, ledger_of, overview_of, owned_on
from commerce.contracts.ledger import Entry
from commerce.models import ChangeReason, Contract, DeltaKind
from tracking.actor import Actor

MAY_AMEND = "commerce.amend_contracts"
SHORTEST_REASON = 10  # Characters: a reason that somebody else understands.


class AmendForm(forms.Form):
    """One change of a contract, and why it is made."""

    REDUCE, END, REACTIVATE, RESUME, TAKE_BACK = "reduce", "end", "reactivate", "resume", "take_back"
    STEPS: ClassVar[list[tuple[str, Any]]] = [
        (REDUCE, gettext_lazy("Reduce a line today")),
        (END, gettext_lazy("End the contract today")),
        (REACTIVATE, gettext_lazy("Take the ended contract up again")),
        (RESUME, gettext_lazy("End the pause today")),
        (TAKE_BACK, gettext_lazy("Take the planned change back")),
    ]

    version = forms.IntegerField(widget=forms.HiddenInput)
    step = forms.ChoiceField(label=gettext_lazy("Change"), choices=STEPS, widget=UnfoldAdminSelectWidget)
    line = forms.ChoiceField(label=gettext_lazy("Line to reduce"), required=False, widget=UnfoldAdminSelectWidget)
    quantity = forms.DecimalField(
        label=gettext_lazy("Quantity that remains"),
        required=False,
        min_value=0,
        decimal_places=4,
        widget=UnfoldAdminDecimalFieldWidget,
    )
    words = forms.CharField(
        label=gettext_lazy("Reason"),
        min_length=SHORTEST_REASON,
        max_length=1000,
        widget=UnfoldAdminTextareaWidget,
        help_text=gettext_lazy("Stands with the change; the customer's administrators can read it."),
    )

    def __init__(self, contract: Contract, lines: Iterable[OwnedLine], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines = {line.product.code: line for line in lines if line.is_recurring}
        self.fields["version"].initial = contract.version
        chosen = self.fields["line"]
        if isinstance(chosen, forms.ChoiceField):
            chosen.choices = [("", "–"), *((code, line.label) for code, line in self.lines.items())]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("step") == self.REDUCE and not self.errors:
            line, quantity = self.lines.get(cleaned["line"]), cleaned["quantity"]
            if line is None:
                self.add_error("line", _("Choose the line."))
            elif quantity is None or quantity >= line.quantity:
                self.add_error(
                    "quantity", _("Enter less than the %(quantity)s there are.") % {"quantity": line.quantity}
                )
            elif quantity % 1 and not line.product.quantity_places:
                self.add_error("quantity", _("Enter a whole number."))
            elif not quantity and line.product.kind == "plan":
                self.add_error("quantity", _("Without its plan the contract ends: choose that."))
        return cleaned

    @property
    def entry(self) -> Entry:
        """What a valid reduction appends: at the price that the line has."""
        line, left = self.lines[self.cleaned_data["line"]], self.cleaned_data["quantity"]
        change = line.monthly_for(left) - line.monthly_minor
        return Entry(line.product, DeltaKind.QUANTITY, left - line.quantity, line.unit_price, change)


@require_http_methods(["GET", "HEAD", "POST"])
@requires_staff(MAY_AMEND)
def amend_contract(request: StaffRequest, object_id: int) -> HttpResponse:
    """Change a contract for its customer, at once."""
    contract = get_object_or_404(Contract.objects.select_related("account"), pk=object_id)
    now = timezone.now()
    today = contract.account.local_date(now)
    lines = owned_on(ledger_of(contract), today, rate_inside=taxes.rate_inside(contract.account, today))
    form = AmendForm(contract, lines, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        decision = Decision(
            actor=Actor.staff(request.user.pk, contract.account_id),
            now=now,
            version=form.cleaned_data["version"],
            reason=ChangeReason.OTHER,
            words=form.cleaned_data["words"],
        )
        try:
            _take(form, contract, decision)
        except AmendmentRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Contract %(number)s is changed.") % {"number": contract.number})
            return redirect("admin:commerce_contract_change", contract.pk)
    context = {
        **admin.site.each_context(request),
        "title": _("Change contract %(number)s") % {"number": contract.number},
        "contract": contract,
        "overview": overview_of(contract, today),
        "form": form,
    }
    return render(request, "admin/amend_contract.html", context, status=422 if form.errors else 200)


def _take(form: AmendForm, contract: Contract, decision: Decision) -> None:
    match form.cleaned_data["step"]:
        case AmendForm.REDUCE:
            amendments.reduce(contract=contract, lines=[form.entry], decision=decision, at_once=True)
        case AmendForm.END:
            amendments.end_contract(contract=contract, decision=decision, at_once=True)
        case AmendForm.REACTIVATE:
            amendments.reactivate(contract=contract, decision=decision)
        case AmendForm.RESUME:
            amendments.resume(contract=contract, decision=decision)
        case AmendForm.TAKE_BACK:
            amendments.take_back(change=amendments.planned_for(contract), decision=decision)
