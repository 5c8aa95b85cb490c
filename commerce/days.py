"""Days as people choose them."""

from django import forms

from accounts.audit.filtering import DAYS


class DayInput(forms.DateInput):
    """A day as browsers write it."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class DayField(forms.DateField):
    """A day that somebody asks about. There is one before it and one after it, in every time zone."""

    widget = DayInput
    default_validators = [*DAYS]
