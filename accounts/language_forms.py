"""What a person says about their language and their clock."""

from itertools import groupby
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.languages import offered
from accounts.models import User


def time_zones() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every place with a clock of its own, by continent."""
    places = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/")))
    by_continent = groupby(places, key=lambda zone: zone.split("/")[0])
    named = [
        (area, [(zone, zone.partition("/")[2].replace("_", " ")) for zone in zones]) for area, zones in by_continent
    ]
    return [*named, ("UTC", [("UTC", "UTC")])]


class LanguageForm(forms.ModelForm[User]):
    """Language and time zone of the person signed in."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"), choices=time_zones, help_text=_("Times are shown on this clock, also in mails.")
    )

    class Meta:
        model = User
        fields = ["language", "time_zone"]

    def __init__(self, *args: Any, without_choice: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", without_choice), *offered()]
        self.fields["language"] = forms.ChoiceField(label=_("Language"), choices=choices, required=False)
