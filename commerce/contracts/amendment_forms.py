"""What customers say when they pause or end a contract."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce import amounts
from commerce.configuring.situations import Configuration, Situation, plain
from commerce.days import DayField
from commerce.models import ChangeReason, Contract

LONGEST_WORDS = 1000


class DecisionForm(forms.Form):
    """The customer's words, and the version of the contract that they read."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    words = forms.CharField(
        label=gettext_lazy("In your own words"),
        required=False,
        max_length=LONGEST_WORDS,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, contract: Contract, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.contract = contract
        self.fields["version"].initial = contract.version


class PauseForm(DecisionForm):
    """From when until when nothing is owned."""

    from_date = DayField(label=gettext_lazy("First day of the pause"))
    until_date = DayField(label=gettext_lazy("First day after the pause"))

    field_order = ("from_date", "until_date", "words", "version")

    def __init__(self, contract: Contract, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(contract, *args, **kwargs)
        longest = min(today + timedelta(days=contract.longest_pause_days), contract.last_date)
        self.fields["from_date"].initial = today
        self.fields["until_date"].initial = min(today + timedelta(days=30), longest)
        self.fields["until_date"].help_text = _("At most %(days)s days later. Everything is back on that day.") % {
            "days": contract.longest_pause_days
        }


class ReasonForm(forms.Form):
    """Why somebody wants to leave."""

    reason = forms.ChoiceField(
        label=gettext_lazy("Why do you want to end the contract?"),
        choices=ChangeReason.choices,
        widget=forms.RadioSelect,
        error_messages={
            "required": gettext_lazy("Choose a reason, so that we can learn from it."),
            "invalid_choice": gettext_lazy("Choose one of the reasons."),
        },
    )


class EndForm(DecisionForm):
    """The confirmation that a contract ends."""

    AT_TERM_END, AT_ONCE = "term", "now"

    reason = forms.ChoiceField(choices=ChangeReason.choices, widget=forms.HiddenInput)
    when = forms.ChoiceField(label=gettext_lazy("When does it end?"), widget=forms.RadioSelect)
    consent = forms.BooleanField(
        label=gettext_lazy("I have read what happens, and may end the contract for my company."),
        error_messages={"required": gettext_lazy("Tick this box to end the contract.")},
    )

    field_order = ("when", "words", "consent", "reason", "version")

    def __init__(self, contract: Contract, *args: Any, **kwargs: Any) -> None:
        super().__init__(contract, *args, **kwargs)
        when = self.fields["when"]
        when.initial = self.AT_TERM_END
        if isinstance(when, forms.ChoiceField):
            when.choices = [
                (self.AT_TERM_END, _("With its term. You keep everything until then.")),
                (
                    self.AT_ONCE,
                    _("Today. What is agreed until the end of the term is still billed, nothing is paid back."),
                ),
            ]


class OnForm(forms.Form):
    """The day about which a contract is asked."""

    on = DayField(
        label=gettext_lazy("What we owned on"),
        error_messages={"invalid": gettext_lazy("Enter a date, like 2026-11-18.")},
    )


class ReduceForm(forms.Form):
    """Less than now of the plan and the add-ons; what is not changed stays."""

    def __init__(self, situation: Situation, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plan = situation.plan
        cheaper = [
            (one.product.code, one.product.name)
            for one in situation.offered.values()
            if one.is_plan and one.is_sellable and plan is not None and one.product.rank < plan.product.rank
        ]
        own = [(plan.product.code, _("%(plan)s (your plan)") % {"plan": plan.product.name})] if plan else []
        self.fields["plan"] = forms.ChoiceField(
            label=_("Plan"),
            choices=[*own, *cheaper],
            initial=plan.product.code if plan else "",
            widget=forms.RadioSelect,
        )
        self.fields["seats"] = forms.IntegerField(
            label=_("Seats"), min_value=1, max_value=situation.seats, initial=situation.seats
        )
        if situation.used_seats is not None:
            self.fields["seats"].help_text = _("%(used)s of %(seats)s seats are used now.") % {
                "used": amounts.number(situation.used_seats),
                "seats": amounts.number(situation.seats),
            }
        for code, quantity in situation.current.addons.items():
            self.fields[code] = forms.DecimalField(
                label=situation.products[code].name,
                min_value=0,
                max_value=Decimal(quantity),
                initial=plain(quantity),
                decimal_places=situation.products[code].quantity_places,
            )

    @property
    def configuration(self) -> Configuration:
        """What a valid form asks for."""
        addons = {code: self.cleaned_data[code] for code in self.fields if code not in ("plan", "seats")}
        return Configuration(self.cleaned_data["plan"], self.cleaned_data["seats"], addons)
