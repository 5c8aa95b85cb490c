"""What the staff type in about products: their names for it, and hints."""

from typing import Any, ClassVar

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.models import Feature
from commerce.models import Product, ProductGrant
from tracking.models import Meter

LABELS = {
    "name": _("Name"),
    "code": _("Code"),
    "kind": _("Kind"),
    "billing": _("Billed"),
    "summary": _("Summary"),
    "highlights": _("Highlights"),
    "unit_label": _("Unit"),
    "icon": _("Icon"),
    "rank": _("Rank"),
    "min_quantity": _("Sold from"),
    "max_quantity": _("Sold up to"),
}
HELP = {
    "code": _("Stands in quotes, links and the CRM, and never changes."),
    "highlights": _("One in each line, as the plans page lists them."),
    "unit_label": _("One of them, as prices name it: “seat”, “pack of 100 GB”."),
    "rank": _("Of plans: the higher one is an upgrade."),
    "max_quantity": _("Whoever wants more talks to us."),
    "quantity_places": _("0: only whole ones are sold."),
    "meter": _("What metered usage counts."),
    "lifecycle": _("A draft is seen by nobody but us; what was sold stays with its owners after the end of sale."),
    "end_of_sale_date": _("The first day on which it is sold no more. A day ahead takes effect by itself."),
    "end_of_life_date": _("The first day on which it runs no more."),
}


class ProductForm(forms.ModelForm[Product]):
    class Meta:
        model = Product
        fields = [
            "name", "code", "kind", "billing", "summary", "highlights", "unit_label", "icon", "rank",
            "min_quantity", "max_quantity", "quantity_places", "meter",
            "lifecycle", "end_of_sale_date", "end_of_life_date", "successor",
        ]  # fmt: skip
        labels: ClassVar[dict[str, Any]] = {name: capfirst(label) for name, label in LABELS.items()}
        help_texts = HELP


class ProductGrantForm(forms.ModelForm[ProductGrant]):
    code = forms.ChoiceField(
        choices=[(_("Features"), Feature.choices), (_("Meters"), Meter.choices)],
        label=_("Grants"),
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = ProductGrant
        fields = ["code", "quantity", "is_per_unit"]
        labels = {"quantity": _("Quantity"), "is_per_unit": _("For each")}
        help_texts = {"quantity": _("Of a meter; features have none.")}
