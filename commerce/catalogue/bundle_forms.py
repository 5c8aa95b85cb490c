"""What the staff type in about what goes together: read as it will be asked, and refused with a reason that helps."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.conf import settings
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.catalogue.conditions import Condition, parse
from commerce.catalogue.fact_words import FACT_WORDS
from commerce.catalogue.price_forms import PlainForm
from commerce.catalogue.row_fields import ConditionsField
from commerce.configuring import configuration_rules
from commerce.models import ConfigurationRule, ConfigurationRuleText, Product


class ConfigurationRuleForm(PlainForm[ConfigurationRule]):
    conditions = ConditionsField(
        facts=configuration_rules.FACTS,
        labels=FACT_WORDS,
        required=False,
        label=capfirst(gettext_lazy("conditions")),
        help_text=gettext_lazy(
            "All of them must hold; either-or is two rules. Several values: with commas. Saving gives more rows."
        ),
    )

    class Meta:
        model = ConfigurationRule
        fields = [
            "order", "name", "is_active", "kind", "conditions", "product", "quantity", "message", "fix_action",
            "fix_product", "fix_quantity", "fix_label",
        ]  # fmt: skip
        help_texts = {
            "name": gettext_lazy("For us; customers read the message."),
            "product": gettext_lazy("What a selection adds, or a filter hides."),
            "quantity": gettext_lazy("A selection raises to it, and lowers nothing."),
        }
        error_messages = {"order": {"unique": gettext_lazy("Another rule has this order.")}}

    def clean_conditions(self) -> list[dict[str, Any]]:
        stored: list[dict[str, Any]] = self.cleaned_data["conditions"]
        named = {code for each in parse(stored, facts=configuration_rules.FACTS) for code in _codes_in(each)}
        if unknown := named - set(Product.objects.filter(code__in=named).values_list("code", flat=True)):
            raise forms.ValidationError(_("There is no product “%(code)s”.") % {"code": min(unknown)})
        return stored


def _codes_in(condition: Condition) -> Iterator[str]:
    """The products that a condition is about."""
    _prefix, colon, code = condition.fact.partition(":")
    if colon:
        yield code
    elif condition.fact == "plan":
        yield from (str(value) for value in condition.values)


class ConfigurationRuleTextForm(forms.ModelForm[ConfigurationRuleText]):
    language = forms.ChoiceField(
        label=gettext_lazy("language"),
        choices=lambda: [(code, name) for code, name in settings.LANGUAGES if code != "en"],
    )

    class Meta:
        model = ConfigurationRuleText
        fields = ["language", "message", "fix_label"]
