"""What people say of a goal."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.contracts.goals import GoalWords
from commerce.days import DayField
from commerce.models import Contract, GoalMetric, GoalVersion

LARGEST = Decimal(10**8)  # Beyond any count of one customer; what is worked out from it still fits an amount.
MOST_HOURS, MOST_COST = Decimal(100), Decimal(100_000)


def _a_number(label: Any, *, required: bool = True, most: Decimal = LARGEST, least: Decimal = Decimal(0)) -> Any:
    return forms.DecimalField(label=label, required=required, min_value=least, max_value=most, decimal_places=4)


class GoalForm(forms.Form):
    """A goal as somebody wants it to be from now on."""

    title = forms.CharField(label=gettext_lazy("Goal"), max_length=120)
    baseline = _a_number(gettext_lazy("Where you start"))
    target = _a_number(gettext_lazy("Where you want to be"))
    target_date = DayField(label=gettext_lazy("By"))
    unit = forms.CharField(
        label=gettext_lazy("Counted in"),
        max_length=30,
        required=False,
        help_text=gettext_lazy("What you count, as “cases” or “days”."),
    )
    reached = _a_number(gettext_lazy("Where you are now"), required=False)
    hours_each = _a_number(
        gettext_lazy("Hours saved for each"), required=False, most=MOST_HOURS, least=Decimal("0.0001")
    )
    hourly_cost = _a_number(
        gettext_lazy("What an hour costs you"), required=False, most=MOST_COST, least=Decimal("0.0001")
    )
    words = forms.CharField(
        label=gettext_lazy("Why it changes"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, contract: Contract, metric: GoalMetric | None, *args: Any, **kwargs: Any) -> None:
        """`metric` of a goal that is there already; None of one that is still to be chosen."""
        super().__init__(*args, **kwargs)
        self.contract = contract
        self.fields["hourly_cost"].help_text = _(
            "In %(currency)s. With it, the portal says what you save in money."
        ) % {"currency": contract.currency}
        self.fields["hours_each"].help_text = _("What each one beyond your start saves you, as you know it yourself.")
        if metric is not None and not metric.is_reported:
            del self.fields["reached"], self.fields["unit"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("baseline") is not None and cleaned.get("baseline") == cleaned.get("target"):
            self.add_error("target", _("Enter another figure than where you start."))
        day = cleaned.get("target_date")
        if day is not None and not self.contract.start_date < day <= self.contract.end_date + timedelta(days=3660):
            self.add_error("target_date", _("Enter a day after the contract has begun."))
        if cleaned.get("hourly_cost") is not None and cleaned.get("hours_each") is None:
            self.add_error("hours_each", _("Say how many hours each one saves, too."))
        return cleaned

    def said(self, *, is_dropped: bool = False) -> GoalWords:
        """What a valid form says."""
        names = ("title", "baseline", "target", "target_date", "hours_each", "hourly_cost", "words")
        given = {name: self.cleaned_data[name] for name in names}
        own = {name: self.cleaned_data[name] for name in ("unit", "reached") if name in self.fields}
        return GoalWords(**given, **own, is_dropped=is_dropped)


class NewGoalForm(GoalForm):
    """A goal to be added."""

    form_key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)  # The same form sent twice adds one.
    metric = forms.ChoiceField(
        label=gettext_lazy("Measured by"),
        choices=GoalMetric.choices,
        help_text=gettext_lazy("The portal measures it, except for what you measure yourselves."),
    )

    field_order = ("title", "metric", "baseline", "target", "target_date", "unit", "reached")

    def __init__(self, contract: Contract, *args: Any, **kwargs: Any) -> None:
        super().__init__(contract, None, *args, **kwargs)
        del self.fields["words"]  # There is nothing yet that changes.
        self.fields["reached"].help_text = _("Only for what you measure yourselves.")
        self.fields["target_date"].initial = contract.last_date

    def said(self, *, is_dropped: bool = False) -> GoalWords:
        data = self.cleaned_data
        own = GoalMetric(data["metric"]).is_reported
        return GoalWords(
            title=data["title"],
            baseline=data["baseline"],
            target=data["target"],
            target_date=data["target_date"],
            unit=data["unit"] if own else "",
            hours_each=data["hours_each"],
            hourly_cost=data["hourly_cost"],
            reached=data["reached"] if own else None,
        )


class GoalCorrectionForm(GoalForm):
    """Something else of a goal than what was said last."""

    number = forms.IntegerField(widget=forms.HiddenInput)  # Of the version that was read.
    is_dropped = forms.BooleanField(label=gettext_lazy("We don't pursue this goal any more"), required=False)

    def __init__(self, latest: GoalVersion, contract: Contract, *args: Any, **kwargs: Any) -> None:
        initial = {name: getattr(latest, name) for name in ("title", "unit", "target_date", "is_dropped", "number")}
        figures = ("baseline", "target", "reached", "hours_each", "hourly_cost")
        initial |= {name: f"{value.normalize():f}" for name in figures if (value := getattr(latest, name)) is not None}
        super().__init__(contract, latest.goal.metric_choice, *args, initial=initial, **kwargs)

    def said(self, *, is_dropped: bool = False) -> GoalWords:
        return super().said(is_dropped=self.cleaned_data["is_dropped"])
