"""Goals that our own people agree on with a customer, and write down for them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.http import StaffRequest, requires_staff
from commerce.contracts import goals
from commerce.contracts.goal_forms import NewGoalForm
from commerce.models import Contract, GoalMetric

MAY_ADD = "commerce.add_goal"
WIDGETS: dict[type[forms.Field], type[forms.Widget]] = {
    forms.DecimalField: UnfoldAdminDecimalFieldWidget,
    forms.DateField: UnfoldAdminSingleDateWidget,
    forms.CharField: UnfoldAdminTextInputWidget,
}


class StaffGoalForm(NewGoalForm):
    """The customer's own form, in the admin's frame."""

    def __init__(self, contract: Contract, *args: Any, **kwargs: Any) -> None:
        super().__init__(contract, *args, **kwargs)
        for field in self.fields.values():
            widget = next((made for kind, made in WIDGETS.items() if isinstance(field, kind)), None)
            if isinstance(field, forms.ChoiceField):
                field.widget = UnfoldAdminSelectWidget(choices=field.choices)
            elif widget is not None and not field.widget.is_hidden:
                field.widget = widget()


@require_http_methods(["GET", "HEAD", "POST"])
@requires_staff(MAY_ADD)
def add_goal(request: StaffRequest, object_id: int) -> HttpResponse:
    """Add a goal to a contract; the customer sees who said it."""
    contract = get_object_or_404(Contract.objects.select_related("account"), pk=object_id)
    back = reverse("admin:commerce_contract_change", args=[contract.pk])
    form = StaffGoalForm(contract, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            goals.agree(
                contract=contract,
                metric=GoalMetric(form.cleaned_data["metric"]),
                says=form.said(),
                by=request.user,
                now=timezone.now(),
                form_key=form.cleaned_data["form_key"],
            )
        except goals.TooManyGoals as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The goal is added."))
            return redirect(back)
    context = {
        **admin.site.each_context(request),
        "title": _("Add a goal"),
        "row": contract,
        "form": form,
        "back": back,
    }
    return render(request, "admin/commerce/money_form.html", context, status=422 if form.errors else 200)
