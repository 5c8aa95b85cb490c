"""What stands in the document, section by section, in the order in which it can be read: what is named comes first.

Each row is checked by the form that the admin has for it. A row is known by its `key`; what isn't in the document
stays as it is, and nothing is ever deleted.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _

from commerce.catalogue.bundle_forms import ConfigurationRuleForm, ConfigurationRuleTextForm
from commerce.catalogue.price_forms import (
    DiscountScheduleForm,
    PriceBookForm,
    PriceForm,
    PriceRuleForm,
    ProductCostForm,
)
from commerce.catalogue.product_forms import ProductForm, ProductGrantForm
from commerce.models import BundleOption, DiscountSchedule, FeatureGroup, ProductStep

Row = models.Model
Settled = Callable[[Any], frozenset[str]]
Wrong = Callable[[Any], str]


@dataclass(frozen=True)
class Table:
    """Rows of one kind: a section of the document, or a list in each row of another."""

    name: str
    form: type[forms.ModelForm[Any]]
    key: tuple[str, ...]
    fields: tuple[str, ...]  # Beside the key.
    only: Q = field(default_factory=Q)  # The rows that are the catalogue's.
    parent: str = ""  # Of a list: the column that names the row it stands in.
    lists: tuple["Table", ...] = ()
    settled: Settled = lambda row: frozenset()  # What can't be changed in a row any more.
    wrong: Wrong = lambda row: ""  # What is wrong with a row once its lists are read, too.

    @property
    def model(self) -> type[Row]:
        return self.form._meta.model

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.key, *self.fields)

    def column(self, name: str) -> models.Field[Any, Any]:
        column = self.model._meta.get_field(name)
        if not isinstance(column, models.Field):
            raise TypeError(f"{name} is a relation from elsewhere")
        return column

    def rows(self) -> models.QuerySet[Row]:
        named = [name for name in self.names if isinstance(self.column(name), models.ForeignKey)]
        return self.model._default_manager.filter(self.only).select_related(*named).order_by(*self._order())

    def permission(self, action: str) -> str:
        """The Django permission for an action on its rows."""
        return f"{self.model._meta.app_label}.{action}_{self.model._meta.model_name}"

    def _order(self) -> tuple[str, ...]:
        return (*(name for name in ("order", "position", "name") if name in self.names), *self.key)


class KeptPriceForm(PriceForm):
    """A price by cost that comes as what came out of it keeps that: the cost is not the document's."""

    def _work_out(self, cleaned: dict[str, Any]) -> None:
        if cleaned["figures"]:
            super()._work_out(cleaned)


_SCHEDULE_FIELDS = ("name", "kind", "method", "scope", "counts_held", "tiers")
_PRICE_FIELDS = (
    *("method", "unit_price", "figures", "price_months", "volume_schedule", "term_schedule", "is_stackable"),
    "valid_until",
)


def _settled_of_schedule(schedule: DiscountSchedule) -> frozenset[str]:
    return frozenset(_SCHEDULE_FIELDS) - {"name"} if schedule.is_given else frozenset()


GRANTS = Table("grants", ProductGrantForm, ("code",), ("quantity", "is_per_unit"), parent="product")
STEPS = Table(
    "steps",
    forms.modelform_factory(
        ProductStep, fields=["position", "name", "description", "expected_days", "action", "is_for_more"]
    ),
    ("position",),
    ("name", "description", "expected_days", "action", "is_for_more"),
    parent="product",
)
PRODUCTS = Table(
    "products",
    ProductForm,
    ("code",),
    (
        *("name", "kind", "billing", "summary", "highlights", "unit_label", "icon", "rank"),
        *("min_quantity", "max_quantity", "quantity_places", "meter"),
        *("lifecycle", "end_of_sale_date", "end_of_life_date", "successor"),
    ),
    lists=(GRANTS, STEPS),
    settled=lambda product: frozenset({"kind"}),
)
OPTIONS = Table(
    "options",
    forms.modelform_factory(
        BundleOption,
        fields=[
            *("product", "is_required", "is_included", "min_quantity", "max_quantity", "default_quantity", "position")
        ],
    ),
    ("product",),
    ("is_required", "is_included", "min_quantity", "max_quantity", "default_quantity", "position"),
    parent="group",
)


def _wrong_with_group(group: FeatureGroup) -> str:
    """A choice that nobody could make."""
    options = list(group.options.all())
    if group.min_options > len(options):
        return _("The group has fewer options.")
    if group.max_options is not None and sum(option.is_required for option in options) > group.max_options:
        return _("More options than that are required.")
    return ""


GROUPS = Table(
    "feature_groups",
    forms.modelform_factory(FeatureGroup, fields=["bundle", "name", "position", "min_options", "max_options"]),
    ("bundle", "name"),
    ("position", "min_options", "max_options"),
    lists=(OPTIONS,),
    wrong=_wrong_with_group,
)
RULE_TEXTS = Table(
    "texts",
    ConfigurationRuleTextForm,
    ("language",),
    ("message", "fix_label"),
    parent="rule",
)
_RULE_FIELDS = (
    *("order", "name", "kind", "conditions", "product", "quantity", "message"),
    *("fix_action", "fix_product", "fix_quantity", "fix_label", "is_active"),
)
CONFIGURATION_RULES = Table(
    "configuration_rules",
    ConfigurationRuleForm,
    ("public_id",),
    _RULE_FIELDS,
    lists=(RULE_TEXTS,),
)
SCHEDULES = Table(
    "discount_schedules",
    DiscountScheduleForm,
    ("public_id",),
    _SCHEDULE_FIELDS,
    settled=_settled_of_schedule,
)
PRICES = Table(
    "prices",
    KeptPriceForm,
    ("product", "valid_from"),
    _PRICE_FIELDS,
    parent="book",
    settled=lambda price: frozenset(_PRICE_FIELDS) - {"valid_until"},
)
BOOKS = Table(
    "price_books",
    PriceBookForm,
    ("tier", "currency", "regions", "valid_from"),
    ("name", "valid_until"),
    only=Q(account=None),
    lists=(PRICES,),
)
PRICE_RULES = Table(
    "price_rules",
    PriceRuleForm,
    ("public_id",),
    (
        *("order", "name", "tier", "conditions", "special_price", "currency", "discount_percent"),
        *("valid_from", "valid_until", "is_active"),
    ),
    only=Q(account=None),
)
COSTS = Table(
    "costs",
    ProductCostForm,
    ("product", "currency", "valid_from"),
    ("cost", "floor_price", "valid_until"),
)

TABLES = (SCHEDULES, PRODUCTS, GROUPS, CONFIGURATION_RULES, BOOKS, PRICE_RULES, COSTS)
