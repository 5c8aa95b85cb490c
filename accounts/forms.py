"""Forms about people and companies."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.languages import offered
from accounts.models import Account, User


class SignupForm(forms.Form):
    """What allauth asks beside e-mail and password."""

    name = forms.CharField(label=_("Your name"), max_length=150)

    field_order = ["name", "email", "password1"]

    def signup(self, request: HttpRequest, user: User) -> None:
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])


def _languages() -> list[tuple[str, str]]:
    return [("", str(_("As each person's browser asks"))), *offered()]


class CompanyForm(forms.ModelForm[Account]):
    """The company's own details; the CRM hears of each change."""

    language = forms.ChoiceField(label=_("Language"), choices=_languages, required=False)
    website = forms.URLField(label=_("Website"), required=False, assume_scheme="https")

    class Meta:
        model = Account
        fields = [
            "phone",
            "website",
            "billing_email",
            "billing_street",
            "billing_postal_code",
            "billing_city",
            "billing_country",
            "vat_id",
            "time_zone",
            "language",
            "is_open_to_parent",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.parent is None:
            del self.fields["is_open_to_parent"]
        else:
            self.fields["is_open_to_parent"].label = _("Administrators of %(company)s may see everything here") % {
                "company": self.instance.parent.name
            }

    def clean_phone(self) -> str:
        phone: str = self.cleaned_data["phone"].strip()
        if phone and not set(phone) <= set("+0123456789 ()-/."):
            raise forms.ValidationError(_("Use digits, spaces and + ( ) - / only."))
        return phone

    def clean_billing_country(self) -> str:
        country: str = self.cleaned_data["billing_country"].strip().upper()
        if len(country) != 2 or not (country.isascii() and country.isalpha()):
            raise forms.ValidationError(_("Use the two-letter country code, such as DE."))
        return country

    def clean_vat_id(self) -> Any:
        return self.cleaned_data["vat_id"].replace(" ", "").upper()
