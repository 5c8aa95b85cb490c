"""The forms of a person's own notification settings."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from accounts.models import ByMail, MailTimes
from accounts.notifications.choices import Channels
from accounts.notifications.types import NotificationType


@dataclass(frozen=True)
class Row:
    """One type in the table: its two fields, or none where nothing can be chosen."""

    kind: type[NotificationType]
    in_bell: forms.BoundField | None
    by_mail: forms.BoundField | None


class ChoicesForm(forms.Form):
    """Bell and mail for each type: two fields named after it."""

    def __init__(self, shown: list[tuple[type[NotificationType], Channels]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shown = shown
        for kind, channels in shown:
            if not kind.is_optional:
                continue
            if kind.line:
                self.fields[f"{kind.name}-bell"] = forms.BooleanField(
                    label=_("In the bell"), required=False, initial=channels.in_bell
                )
            ways = [way for way in ByMail if way != ByMail.DIGEST or (kind.may_be_digested and kind.line)]
            self.fields[f"{kind.name}-mail"] = forms.ChoiceField(
                label=_("By mail"), choices=[(way.value, way.label) for way in ways], initial=channels.by_mail
            )
        for name, field in self.fields.items():  # The page's tables show no label: each says what it is for.
            kind_name = name.rpartition("-")[0]
            about = next(kind.label for kind, _channels in shown if kind.name == kind_name)
            field.widget.attrs["aria-label"] = f"{about}: {field.label}"

    def by_category(self) -> Iterator[tuple[str, list[Row]]]:
        """The rows, category by category."""
        rows: dict[str, list[Row]] = {}
        for kind, _channels in self.shown:
            rows.setdefault(str(kind.category.label), []).append(
                Row(kind, self._field(f"{kind.name}-bell"), self._field(f"{kind.name}-mail"))
            )
        yield from rows.items()

    def _field(self, name: str) -> forms.BoundField | None:
        return self[name] if name in self.fields else None

    def chosen(self) -> dict[str, Channels]:
        """What was chosen otherwise than it was shown: what nobody touched keeps following the defaults."""
        found = {}
        for kind, before in self.shown:
            if kind.is_optional:
                in_bell = bool(self.cleaned_data.get(f"{kind.name}-bell"))
                channels = Channels(in_bell=in_bell, by_mail=ByMail(self.cleaned_data[f"{kind.name}-mail"]))
                if channels != before:
                    found[kind.name] = channels
        return found


class MailTimesForm(forms.ModelForm[MailTimes]):
    """When a person wants mail."""

    class Meta:
        model = MailTimes
        fields = ["digest_every", "digest_weekday", "digest_hour", "quiet_from", "quiet_until"]
        labels = {
            "digest_every": gettext_lazy("Send me a summary"),
            "digest_weekday": gettext_lazy("On this day, if once a week"),
            "digest_hour": pgettext_lazy("hour of the day", "At"),
        }
        widgets = {
            "quiet_from": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "quiet_until": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        }

    digest_hour = forms.TypedChoiceField(
        label=pgettext_lazy("hour of the day", "At"),
        coerce=int,
        choices=[(hour, f"{hour:02d}:00") for hour in range(24)],
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        if (found.get("quiet_from") is None) != (found.get("quiet_until") is None) and not self.errors:
            missing = "quiet_until" if found.get("quiet_until") is None else "quiet_from"
            self.add_error(missing, _("Say when quiet hours begin and when they end, or neither."))
        return found
