"""What a company's bills say of it: address, VAT id, where they go, and its own references. Of new bills only."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.notifications import trust_billing_address
from accounts.scope import staff_scope
from commerce.catalogue import vat_ids
from commerce.models import TaxRate
from tracking.actor import Actor

FIELDS = (
    "billing_email",
    "billing_street",
    "billing_postal_code",
    "billing_city",
    "billing_country",
    "vat_id",
    "billing_po_number",
    "billing_reference",
)


class BillingProfileForm(forms.ModelForm[Account]):
    class Meta:
        model = Account
        fields = FIELDS
        labels = {"billing_email": _("E-mail for invoices")}
        help_texts = {
            "billing_email": _("New invoices, credit notes and reminders are sent there, with the PDF."),
            "billing_country": _("Two letters, such as DE."),
            "billing_po_number": _("Stands on invoices of orders without one of their own."),
            "billing_reference": _("By which you find the cost centre; public buyers write their routing id here."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("billing_email", "billing_street", "billing_postal_code", "billing_city"):
            self.fields[name].required = True

    def clean_billing_country(self) -> str:
        country: str = self.cleaned_data["billing_country"].strip().upper()
        if not TaxRate.objects.filter(country=country).exists():
            raise forms.ValidationError(_("We do not send invoices to this country. Talk to us."))
        return country

    def clean_vat_id(self) -> str:
        return vat_ids.normalised(self.cleaned_data["vat_id"])

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        vat_id, country = given.get("vat_id"), given.get("billing_country")
        if vat_id and country and vat_ids.knows(country) and not vat_ids.is_valid(vat_id, country=country):
            self.add_error("vat_id", _("This is not a VAT id of that country."))
        return given


def save_profile(form: BillingProfileForm, *, actor: Actor, now: datetime) -> int:
    """Keep what the company's people for bills say. Bills that were issued stay as they are.

    Mail goes to the address again, even if it came back: somebody has just said that it is right. How many that were
    held back are sent now. With the owner's rights: elsewhere, none but administrators change the company's details.
    The log names `actor`.
    """
    account = form.instance
    with staff_scope(actor):
        account.save(update_fields=FIELDS)
        return trust_billing_address(account=account, actor=actor, now=now)
