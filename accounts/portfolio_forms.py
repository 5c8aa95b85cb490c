"""Forms of the portfolio page."""

from typing import Any, cast

from django import forms
from django.db.models import QuerySet
from django.forms import ModelChoiceField
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts.models import TeamRole, User


class DayInput(UnfoldAdminTextInputWidget):
    """A day, by the browser's own calendar."""

    input_type = "date"


def colleagues() -> QuerySet[User]:
    """The vendor's people."""
    return User.objects.filter(is_staff=True, is_active=True).order_by("name", "pk")


class HandoverForm(forms.Form):
    """To whom, what for, and who is told."""

    taker = ModelChoiceField(colleagues(), label=_("To"), widget=UnfoldAdminSelectWidget)
    roles = forms.MultipleChoiceField(
        label=_("As"),
        choices=TeamRole.choices,
        initial=TeamRole.values,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("What they hand over: the contact for success, for sales, or both."),
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), required=True
    )
    tells_customers = forms.BooleanField(
        label=_("Tell the administrators of these companies"), required=False, widget=UnfoldBooleanWidget
    )

    def __init__(self, *args: Any, giver: User | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if giver is not None:
            cast("ModelChoiceField[User]", self.fields["taker"]).queryset = colleagues().exclude(pk=giver.pk)

    def clean_roles(self) -> list[TeamRole]:
        return [TeamRole(value) for value in self.cleaned_data["roles"]]


class CoverForm(forms.Form):
    """Who stands in, and from when until when."""

    stand_in = ModelChoiceField(colleagues(), label=_("Who stands in"), widget=UnfoldAdminSelectWidget)
    first_date = forms.DateField(label=_("First day away"), widget=DayInput)
    last_date = forms.DateField(label=_("Last day away"), widget=DayInput)

    def __init__(self, *args: Any, absentee: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("ModelChoiceField[User]", self.fields["stand_in"]).queryset = colleagues().exclude(pk=absentee.pk)
