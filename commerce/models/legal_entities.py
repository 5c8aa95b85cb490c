"""The vendor's companies that send bills."""

import pghistory
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from commerce.billing import ibans
from commerce.catalogue import vat_ids

# What an e-invoice says about its seller (EN 16931: BG-4, BG-5, BG-17); the rest is good to have.
REQUIRED = ("street", "postal_code", "city", "country", "vat_id", "iban")

country_code = RegexValidator(r"^[A-Z]{2}$", _("Write the country as two capital letters, such as DE."))
bank_code = RegexValidator(r"^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$", _("A BIC has 8 or 11 letters and digits."))


@pghistory.track()
class LegalEntity(models.Model):
    """A company of the vendor's as it stands on bills: its address, its registrations and its bank account."""

    name = models.CharField(_("legal name"), max_length=120, unique=True)
    street = models.CharField(_("street"), max_length=200, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True, validators=[country_code])
    vat_id = models.CharField(_("VAT id"), max_length=20, blank=True)
    registration = models.CharField(
        _("registration"), max_length=80, blank=True, help_text=_("Its number in the commercial register.")
    )
    email = models.EmailField(_("e-mail"), blank=True, help_text=_("Where questions about bills go."))
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    iban = models.CharField(_("IBAN"), max_length=42, blank=True, help_text=_("The account that transfers go to."))
    bic = models.CharField(_("BIC"), max_length=11, blank=True, validators=[bank_code])

    class Meta:
        verbose_name = _("legal entity")
        verbose_name_plural = _("legal entities")

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.vat_id, self.iban = vat_ids.normalised(self.vat_id), ibans.normalised(self.iban)
        problems = {}
        if self.vat_id and not vat_ids.is_valid(self.vat_id, country=self.country):
            problems["vat_id"] = gettext("This is not a VAT id of that country.")
        if self.iban and not ibans.is_valid(self.iban):
            problems["iban"] = gettext("This is not an IBAN: its check digits are wrong.")
        if problems:
            raise ValidationError(problems)

    @property
    def missing(self) -> list[str]:
        """What bills must say and this does not, in words; empty where e-invoices can be made."""
        labels = {field.name: field.verbose_name for field in self._meta.fields}
        return [str(labels[name]) for name in REQUIRED if not getattr(self, name)]

    def as_seller(self) -> dict[str, str]:
        """How it stands on a bill of today."""
        names = [*REQUIRED, "name", "registration", "email", "phone", "bic"]
        return {name: getattr(self, name) for name in names}
