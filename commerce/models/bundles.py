"""Bundles, and the rules about what goes together."""

import uuid
from decimal import Decimal
from typing import Any, Self

import pghistory
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.compiled import Compiled, Given
from commerce.catalogue.conditions import ConditionRefused, parse
from commerce.configuring import configuration_rules as pure
from commerce.models.catalogue import Product, ProductKind


class FeatureGroup(models.Model):
    """A part of a bundle in which a customer chooses among options: "Choose two of these four"."""

    bundle = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="feature_groups")
    name = models.CharField(_("name"), max_length=80)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    min_options = models.PositiveSmallIntegerField(_("at least so many"), default=0)
    max_options = models.PositiveSmallIntegerField(_("at most so many"), null=True, blank=True)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["bundle", "name"], name="feature_group_once"),
            models.CheckConstraint(
                condition=Q(max_options=None) | Q(max_options__gte=F("min_options")), name="feature_group_options"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bundle}: {self.name}"

    def clean(self) -> None:
        """Refuse bundles that are none, and a choice that nobody could make."""
        if self.bundle.kind != ProductKind.ADDON:
            raise ValidationError(_("A bundle is an add-on."))
        if self.max_options is not None and self.max_options < (self.min_options or 0):
            raise ValidationError({"max_options": _("That is less than the least.")})


class BundleOption(models.Model):
    """A product that comes with a bundle, or can be chosen in it. Quantities are for the bundle as a whole."""

    group = models.ForeignKey(FeatureGroup, on_delete=models.CASCADE, related_name="options")
    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, related_name="bundle_options", verbose_name=_("product")
    )
    is_required = models.BooleanField(_("required"), default=False)
    is_included = models.BooleanField(_("included in the price of the bundle"), default=False)
    min_quantity = models.DecimalField(_("at least"), max_digits=20, decimal_places=4, default=Decimal(1))
    max_quantity = models.DecimalField(_("at most"), max_digits=20, decimal_places=4, null=True, blank=True)
    default_quantity = models.DecimalField(
        _("to begin with"), max_digits=20, decimal_places=4, default=Decimal(1), validators=[MinValueValidator(0)]
    )
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["group", "product"], name="bundle_option_once"),
            models.CheckConstraint(condition=Q(min_quantity__gt=0), name="bundle_option_least"),
            models.CheckConstraint(
                condition=Q(default_quantity__gte=F("min_quantity")), name="bundle_option_default_from_least"
            ),
            models.CheckConstraint(
                condition=Q(max_quantity=None) | Q(max_quantity__gte=F("default_quantity")),
                name="bundle_option_default_to_most",
            ),
            # What costs nothing extra has an end.
            models.CheckConstraint(
                condition=Q(is_included=False) | Q(max_quantity__isnull=False), name="bundle_option_included_has_end"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group.bundle}: {self.product}"

    def clean(self) -> None:
        """Refuse plans, what another group of the bundle has, bundles that would contain themselves, and quantities
        that fit nothing.
        """
        self._check_quantities()
        if not hasattr(self, "product"):
            return  # That none was chosen is said already.
        bundle = self.group.bundle
        if self.product.kind == ProductKind.PLAN:
            raise ValidationError({"product": _("A plan is no part of a bundle.")})
        others = BundleOption.objects.exclude(pk=self.pk).filter(group__bundle=bundle.pk, product=self.product)
        if others.exclude(group=self.group_id).exists():
            raise ValidationError({"product": _("It is in another group of this bundle already.")})
        contains: dict[int, set[int]] = {}
        for outer, inner in BundleOption.objects.exclude(pk=self.pk).values_list("group__bundle", "product"):
            contains.setdefault(outer, set()).add(inner)
        if pure.leads_to(contains, start=self.product.pk, target=bundle.pk):
            raise ValidationError({"product": _("The bundle would contain itself.")})

    def _check_quantities(self) -> None:
        least, most, default = self.min_quantity, self.max_quantity, self.default_quantity
        if most is None and self.is_included:
            raise ValidationError({"max_quantity": _("What costs nothing extra has an end: say at most how many.")})
        if least <= 0:
            raise ValidationError({"min_quantity": _("An option that is chosen is had at least once.")})
        if default < least or (most is not None and default > most):
            raise ValidationError({"default_quantity": _("It is between the least and the most.")})


class RuleKind(models.TextChoices):
    """What a rule does while its conditions hold."""

    VALIDATION = "validation", _("Validation: it is refused")
    ALERT = "alert", _("Alert: the customer is told")
    SELECTION = "selection", _("Selection: a product is added")
    FILTER = "filter", _("Filter: a product is not offered")


class FixAction(models.TextChoices):
    """What the button beside a refusal or an alert does."""

    SET = "set", _("Set to the quantity; a plan: change to it")
    ADD = "add", _("Add")
    REMOVE = "remove", _("Remove")


class ConfigurationRuleQuerySet(models.QuerySet["ConfigurationRule"]):
    def active(self) -> Self:
        return self.filter(is_active=True).order_by("order")

    def said_in(self, language: str | Given) -> Self:
        """Annotate `said` and `said_label`: message and button in the language, where they are translated."""
        texts = ConfigurationRuleText.objects.filter(rule=OuterRef("pk"), language=language)
        return self.annotate(
            said=Subquery(texts.values("message")[:1]), said_label=Subquery(texts.values("fix_label")[:1])
        )


@pghistory.track()
class ConfigurationRule(models.Model):
    """A rule about what goes together, with the sentence a customer reads and the way out that it offers."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    order = models.PositiveIntegerField(_("order"), unique=True)
    name = models.CharField(_("name"), max_length=120)  # For the staff.
    kind = models.CharField(_("kind"), max_length=12, choices=RuleKind, default=RuleKind.VALIDATION)
    conditions = models.JSONField(_("conditions"), default=list, blank=True)  # commerce.conditions
    # What a selection adds, or a filter hides.
    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("product")
    )
    quantity = models.DecimalField(_("quantity"), max_digits=20, decimal_places=4, default=Decimal(1))
    message = models.CharField(
        _("message"), max_length=240, blank=True, help_text=_("In English; other languages below.")
    )
    fix_action = models.CharField(_("fix"), max_length=10, choices=FixAction, blank=True)
    fix_product = models.ForeignKey(
        Product, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("fix: product"),
        help_text=_("Empty: the seats of the plan."),
    )  # fmt: skip
    fix_quantity = models.DecimalField(
        _("fix: quantity"), max_digits=20, decimal_places=4, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    fix_label = models.CharField(_("fix: words on the button"), max_length=80, blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    said: str | None  # Only on rows of `said_in`.
    said_label: str | None

    objects = ConfigurationRuleQuerySet.as_manager()

    class Meta:
        ordering = ["order"]
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="configuration_rule_quantity"),
            models.CheckConstraint(
                condition=Q(kind__in=["selection", "filter"], product__isnull=False)
                | Q(kind__in=["validation", "alert"], product=None),
                name="configuration_rule_product",
            ),
            models.CheckConstraint(
                condition=~Q(message="") | Q(kind__in=["selection", "filter"]), name="configuration_rule_message"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse conditions that can't be asked, and rules that lack what their kind needs."""
        errors: dict[str, Any] = {}
        try:
            parse(self.conditions, facts=pure.FACTS)
        except ConditionRefused as refusal:
            errors["conditions"] = str(refusal)
        acts = self.kind in (RuleKind.SELECTION, RuleKind.FILTER)
        if acts and self.product is None:
            errors["product"] = _("Say which product.")
        elif self.product is not None and self.kind == RuleKind.SELECTION and self.product.kind == ProductKind.PLAN:
            errors["product"] = _("A plan is chosen, and not added.")
        if not acts and self.product is not None:
            errors["product"] = _("Only a selection or a filter has a product.")
        if not acts and not self.message.strip():
            errors["message"] = _("Say to the customer what is wrong.")
        if self.quantity <= 0:
            errors["quantity"] = _("It is above 0.")
        errors |= self._fix_errors()
        if errors:
            raise ValidationError(errors)

    def _fix_errors(self) -> dict[str, Any]:
        if not self.fix_action:
            return {}
        errors: dict[str, Any] = {}
        is_plan = self.fix_product is not None and self.fix_product.kind == ProductKind.PLAN
        if not self.fix_label.strip():
            errors["fix_label"] = _("Say what the button does.")
        if self.fix_product is None and self.fix_action != FixAction.SET:
            errors["fix_product"] = _("Say which product.")
        elif is_plan and self.fix_action != FixAction.SET:
            errors["fix_action"] = _("A plan is set.")
        elif self.fix_action == FixAction.SET and not is_plan and self.fix_quantity is None:
            errors["fix_quantity"] = _("Say how many.")
        return errors

    def as_rule(self) -> pure.Rule:
        """As the evaluator reads it, in the reader's language. Raises `ConditionRefused`."""
        fix = None
        if self.fix_action:
            product = self.fix_product
            fix = pure.Fix(
                label=getattr(self, "said_label", None) or self.fix_label,
                action=pure.FixAction(self.fix_action),
                code=product.code if product else "",
                quantity=self.fix_quantity,
                is_plan=product is not None and product.kind == ProductKind.PLAN,
            )
        return pure.Rule(
            kind=pure.RuleKind(self.kind),
            conditions=parse(self.conditions, facts=pure.FACTS),
            message=getattr(self, "said", None) or self.message,
            fix=fix,
            product=self.product.code if self.product else "",
            quantity=self.quantity,
        )


class ConfigurationRuleText(models.Model):
    """The words of a rule in another language."""

    rule = models.ForeignKey(ConfigurationRule, on_delete=models.CASCADE, related_name="texts")
    language = models.CharField(_("language"), max_length=10)
    message = models.CharField(_("message"), max_length=240)
    fix_label = models.CharField(_("fix: words on the button"), max_length=80, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "language"], name="configuration_rule_text_once")]

    def __str__(self) -> str:
        return self.message


def rules_today() -> tuple[pure.Rule, ...]:
    """The active rules in their order, said in the reader's language. One query."""
    return tuple(row.as_rule() for row in _active_rules(language=get_language() or "en"))


_active_rules = Compiled(
    lambda: (
        ConfigurationRule.objects.active().said_in(Given("language")).select_related("product", "fix_product")
        .only("kind", "conditions", "quantity", "message", "fix_action", "fix_quantity", "fix_label",
              "product__code", "fix_product__code", "fix_product__kind")
    )
)  # fmt: skip
