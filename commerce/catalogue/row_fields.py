"""Conditions, tiers and figures in the admin: typed as rows and boxes, and given as JSON by files that are imported."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from commerce.catalogue.conditions import ConditionRefused, Facts, Operator, parse
from commerce.models import Product

BLANK_ROWS = 3  # Free ones below what is there; saving gives more.
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A figure of each row, or a box of its own."""

    name: str
    label: str | Promise
    widget: Callable[[], forms.Widget] = UnfoldAdminTextInputWidget

    def render(self, name: str, value: Any, attrs: Mapping[str, Any]) -> SafeString:
        given = dict(attrs) | {"id": f"id_{name}", "aria-label": str(self.label)}
        return self.widget().render(name, value, given)


class RowsWidget(forms.Widget):
    """A table of rows. One that is left blank is none."""

    template_name = "admin/commerce/rows.html"

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        self.columns = columns

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        off = {"disabled": True} if (attrs or {}).get("disabled") else {}
        filled: list[Row] = [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
        rows = filled if off else [*filled, *[{}] * BLANK_ROWS]
        context["headings"] = [column.label for column in self.columns]
        context["rows"] = [
            [column.render(f"{name}-{number}-{column.name}", row.get(column.name, ""), off) for column in self.columns]
            for number, row in enumerate(rows)
        ]
        return context

    def id_for_label(self, id_: str) -> str:
        return f"{id_}-0-{self.columns[0].name}" if id_ else id_

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        if name in data:
            return data[name]
        rows, number = [], 0
        while sent := self._row(data, f"{name}-{number}"):
            rows.append({column: text.strip() for column, text in sent.items() if text.strip()})
            number += 1
        return [row for row in rows if row]

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return name not in data and not self._row(data, f"{name}-0")

    def _row(self, data: Mapping[str, Any], prefix: str) -> dict[str, str]:
        keys = {column.name: f"{prefix}-{column.name}" for column in self.columns}
        return {column: data[key] for column, key in keys.items() if key in data}


class JsonField(forms.Field):
    """Lists and names with values, however they were sent."""

    def prepare_value(self, value: Any) -> Any:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError:
            return None

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            try:
                value = json.loads(value or "null")
            except ValueError as error:
                raise ValidationError(_("Enter a valid JSON.")) from error
        if "\\u0000" in json.dumps(value):
            raise ValidationError(_("Null characters are not allowed."))
        return value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.prepare_value(initial) != self.prepare_value(data))


# Conditions


class ConditionsField(JsonField):
    """What has to hold: rows of a fact, an operator and a value. Cleaned to what `conditions.parse` has read."""

    def __init__(self, *, facts: Facts, labels: Mapping[str, str | Promise], **kwargs: Any) -> None:
        self.facts = facts
        choices = partial(_fact_choices, facts, labels)
        operators = [("", "–"), *Operator.choices]
        columns = (
            Column("fact", gettext_lazy("What is asked"), partial(UnfoldAdminSelectWidget, choices=choices)),
            Column("operator", gettext_lazy("comparison"), partial(UnfoldAdminSelectWidget, choices=operators)),
            Column("value", gettext_lazy("value")),
        )
        super().__init__(widget=RowsWidget(columns), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        stored = super().prepare_value(value)
        return [_in_one_cell(row) for row in stored] if isinstance(stored, list) else stored

    def to_python(self, value: Any) -> list[dict[str, Any]]:
        given = super().to_python(value) or []
        if isinstance(given, list):
            given = [_as_condition(row) for row in given]
        try:
            return [condition.as_json() for condition in parse(given, facts=self.facts)]
        except ConditionRefused as error:
            raise ValidationError(str(error)) from error


def _in_one_cell(row: Any) -> Any:
    if isinstance(row, dict) and isinstance(row.get("value"), list):
        return row | {"value": ", ".join(str(each) for each in row["value"])}
    return row


def _as_condition(row: Any) -> Any:
    """Several values are typed with commas between them."""
    if isinstance(row, dict) and row.get("operator") in {Operator.ONE_OF, Operator.NONE_OF}:
        value = row.get("value")
        if isinstance(value, str):
            return row | {"value": [each.strip() for each in value.split(",") if each.strip()]}
    return row


def _fact_choices(facts: Facts, labels: Mapping[str, str | Promise]) -> list[tuple[str, Any]]:
    """Those with a name, then each that ends in a product, product by product."""
    choices: list[tuple[str, Any]] = [("", "–"), *((name, str(labels.get(name, name))) for name in facts.named)]
    products = list(Product.objects.order_by("name").values_list("code", "name")) if facts.prefixed else []
    for prefix in facts.prefixed:
        words = str(labels.get(prefix, f"{prefix}%(code)s"))
        group = [(f"{prefix}{code}", words % {"code": name}) for code, name in products]
        choices.append((words % {"code": "…"}, group))
    return choices


# Tiers


def _tiers_of(rows: Iterable[Any]) -> list[Any]:
    """A tier that does not say where it ends, ends where the next one begins; the last one is open."""
    found = [dict(row) if isinstance(row, Mapping) else row for row in rows]
    for tier, following in zip(found, [*found[1:], None], strict=True):
        if isinstance(tier, dict) and tier.get("to") in (None, ""):
            tier["to"] = following.get("from") if isinstance(following, dict) else None
    return found


_BOUNDS = (
    Column("from", gettext_lazy("From unit")),
    Column("to", gettext_lazy("To below (blank: up to the next one)")),
)
_DISCOUNT_COLUMNS = (
    *_BOUNDS,
    Column("percent", gettext_lazy("Discount in percent")),
    Column("amount", gettext_lazy("Or amount off each")),
)
_PRICE_COLUMNS = (
    *_BOUNDS,
    Column("unit_price", gettext_lazy("Price per unit")),
    Column("flat", gettext_lazy("Flat price")),
    Column("overage_price", gettext_lazy("Block: each unit above its first")),
)


class DiscountTiersField(JsonField):
    """The tiers of a discount schedule, as they are stored. The form asks the engine what is wrong with them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=RowsWidget(_DISCOUNT_COLUMNS), **kwargs)

    def to_python(self, value: Any) -> Any:
        given = super().to_python(value)
        return _tiers_of(given) if isinstance(value, list) else given


# Figures of a price


@dataclass(frozen=True)
class Boxes:
    """What one way to price needs beside the unit price."""

    label: str | Promise
    columns: Sequence[Column]


_CHECKS = {"is_prepaid"}
_LISTS = {"covers", "products"}
_BOXES = (
    Boxes(
        gettext_lazy("Packages"),
        (
            Column("package_size", gettext_lazy("Units in a package")),
            Column("free_units", gettext_lazy("Units for free")),
        ),
    ),
    Boxes(
        gettext_lazy("By use"),
        (
            Column("commitment", gettext_lazy("Least to pay")),
            Column("included_units", gettext_lazy("Units included")),
            Column("is_prepaid", gettext_lazy("The least is paid in advance"), UnfoldBooleanWidget),
        ),
    ),
    Boxes(gettext_lazy("Cost plus"), (Column("markup_percent", gettext_lazy("On top of the cost, in percent")),)),
    Boxes(
        gettext_lazy("Percentage of other lines"),
        (
            Column("percent", gettext_lazy("Percent")),
            Column("covers", gettext_lazy("Of all lines of these kinds: plan, addon, service")),
            Column("products", gettext_lazy("Of these products, by code")),
        ),
    ),
)  # fmt: skip


class FiguresWidget(forms.Widget):
    """The tiers of a price as rows, and a box for each other figure."""

    template_name = "admin/commerce/figures.html"
    tiers = RowsWidget(_PRICE_COLUMNS)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        figures: Row = value if isinstance(value, Mapping) else {}
        off = {"disabled": True} if (attrs or {}).get("disabled") else {}
        context["tiers"] = self.tiers.render(f"{name}-tiers", figures.get("tiers", []), dict(off))
        context["boxes"] = [
            {
                "label": boxes.label,
                "columns": [
                    (column.label, f"id_{name}-{column.name}", self._box(column, name, figures, off))
                    for column in boxes.columns
                ],
            }
            for boxes in _BOXES
            if not off or any(column.name in figures for column in boxes.columns)
        ]
        context["has_tiers"] = not off or bool(figures.get("tiers"))
        return context

    def _box(self, column: Column, name: str, figures: Row, off: Row) -> SafeString:
        value = figures.get(column.name, "")
        shown = ", ".join(str(each) for each in value) if isinstance(value, list) else value
        return column.render(f"{name}-{column.name}", shown, off)

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        if name in data:
            return data[name]
        figures: dict[str, Any] = {}
        if tiers := self.tiers.value_from_datadict(data, files, f"{name}-tiers"):
            figures["tiers"] = tiers
        for column in (column for boxes in _BOXES for column in boxes.columns):
            text = str(data.get(f"{name}-{column.name}", "")).strip()
            if text and column.name in _LISTS:
                figures[column.name] = [each.strip() for each in text.split(",") if each.strip()]
            elif text:
                figures[column.name] = True if column.name in _CHECKS else text
        return figures

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return name not in data and not any(key.startswith(f"{name}-") for key in data)


class FiguresField(JsonField):
    """What a method needs beside the unit price. The form asks the engine what is wrong with it."""

    widget = FiguresWidget

    def to_python(self, value: Any) -> Any:
        given = super().to_python(value)
        if isinstance(value, Mapping) and isinstance(given, dict) and "tiers" in given:
            return given | {"tiers": _tiers_of(given["tiers"])}
        return given
