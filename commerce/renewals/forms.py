"""What customers say about their renewals."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from commerce.configuring.situations import plain
from commerce.contracts.amendment_forms import LONGEST_WORDS
from commerce.models import Contract, ProductKind, Renewal
from commerce.renewals.reading import RenewedLine

TERMS = (12, 24, 36)  # Months that the form offers beside what the renewal says already.


def months_text(months: int) -> str:
    return ngettext("%(months)d month", "%(months)d months", months) % {"months": months}


class TermChoice(forms.TypedChoiceField):
    """For how many months."""

    def __init__(self, *months: int) -> None:
        offered = sorted({*TERMS, *months})
        super().__init__(label=_("New term"), coerce=int, choices=[(each, months_text(each)) for each in offered])


class ChangeForm(forms.Form):
    """Other quantities and another term than the offer has. What is not changed renews as it is."""

    def __init__(self, renewal: Renewal, lines: Sequence[RenewedLine], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines = [line for line in lines if line.quantity_before]
        self.fields["term_months"] = TermChoice(renewal.term_months)
        self.fields["term_months"].initial = renewal.term_months
        for line in self.lines:
            self.fields[line.product.code] = forms.DecimalField(
                label=line.product.name,
                min_value=line.product.min_quantity if line.product.kind == ProductKind.PLAN else 0,
                max_value=line.product.max_quantity,
                initial=plain(line.quantity),
                decimal_places=line.product.quantity_places,
            )
            if line.product.kind != ProductKind.PLAN:
                self.fields[line.product.code].help_text = _("0 leaves it out.")

    @property
    def quantities(self) -> dict[str, Decimal]:
        return {line.product.code: self.cleaned_data[line.product.code] for line in self.lines}


class TalkForm(forms.Form):
    """What the customer wants to talk about."""

    words = forms.CharField(
        label=gettext_lazy("What would you like to talk about?"),
        max_length=LONGEST_WORDS,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": gettext_lazy("Say in a few words what it is about.")},
    )


class AutoRenewForm(forms.Form):
    """Whether a contract renews by itself."""

    auto_renew = forms.TypedChoiceField(choices=[("yes", "yes"), ("no", "no")], coerce=lambda value: value == "yes")


class AlignForm(forms.Form):
    """Which contracts shall end on one day, and after how long a new term."""

    contracts = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Contracts"),
        queryset=Contract.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least two contracts.")},
    )

    def __init__(self, contracts: Sequence[Contract], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["contracts"]
        chosen.queryset = Contract.objects.filter(pk__in=[contract.pk for contract in contracts])  # type: ignore[attr-defined]
        self.fields["term_months"] = TermChoice()

    def clean_contracts(self) -> list[Contract]:
        chosen = list(self.cleaned_data["contracts"])
        if len(chosen) < 2:
            raise forms.ValidationError(_("Choose at least two contracts."))
        return chosen
