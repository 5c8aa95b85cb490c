"""What the staff type in about what goes together: read as it will be asked, and refused with a reason that helps."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.catalogue.conditions import Condition, ConditionRefused, parse
from commerce.configuring import configuration_rules
from commerce.models import ConfigurationRule, ConfigurationRuleText, Product


class ConfigurationRuleForm(forms.ModelForm[ConfigurationRule]):
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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "conditions" in self.fields:  # Who may only look has no fields.
            self.fields["conditions"].help_text = _(
                '[{"fact": "quantity:sso", "operator": "above", "value": "0"}]: all of them must hold; either-or is '
                "two rules. Facts: %(facts)s."
            ) % {"facts": configuration_rules.FACTS.words}

    def clean_conditions(self) -> list[dict[str, Any]]:
        try:
            conditions = parse(self.cleaned_data["conditions"] or [], facts=configuration_rules.FACTS)
        except ConditionRefused as error:
            raise forms.ValidationError(str(error)) from error
        named = {code for condition in conditions for code in _codes_in(condition)}
        if unknown := named - set(Product.objects.filter(code__in=named).values_list("code", flat=True)):
            raise forms.ValidationError(_("There is no product “%(code)s”.") % {"code": min(unknown)})
        return [condition.as_json() for condition in conditions]


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
