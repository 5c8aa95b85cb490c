"""What the staff type in about prices: read by the engine itself, and refused with a reason that helps."""

from abc import abstractmethod
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from django import forms
from django.db import models
from django.db.models import Q
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from commerce.catalogue import price_rules
from commerce.catalogue.fact_words import FACT_WORDS
from commerce.catalogue.row_fields import ConditionsField, DiscountTiersField, FiguresField
from commerce.configuring.situations import plain
from commerce.models import (
    BillingRule,
    ContractedPrice,
    DiscountSchedule,
    Price,
    PriceBook,
    PriceRule,
    ProductCost,
    TaxRate,
)
from commerce.models.prices import COUNTRY
from commerce.pricing import figures as stored_figures
from commerce.pricing import methods, money, tiers
from commerce.pricing.money import PricingError, exponent_of, stored

# Each way in which figures make no price, for the one who typed them.
_WORDS: dict[type[PricingError], Any] = {
    tiers.TiersGap: gettext_lazy("Between two tiers there are units of neither. Let each begin where one ends."),
    tiers.TiersOverlap: gettext_lazy("Two tiers claim the same units. Let each begin where the one before it ends."),
    tiers.TiersEmpty: gettext_lazy("There are no tiers, or one that holds no unit."),
    tiers.DiscountAmbiguous: gettext_lazy("A discount tier has either a percent or an amount."),
    tiers.SlabNotAllowed: gettext_lazy("Slabs count the units of one line: not those of several, and no months."),
    tiers.PackageIsEmpty: gettext_lazy("A package holds at least one unit."),
    tiers.QuantityTooLarge: gettext_lazy("Nothing is sold in such quantities."),
    money.NegativeAmount: gettext_lazy("Prices and quantities are not below zero."),
    money.PercentOutOfRange: gettext_lazy("A percentage is between 0 and 100."),
    money.UnknownCurrency: gettext_lazy("This is no currency that we can price in. Use a code as EUR, JPY or KWD."),
    methods.CoversNothing: gettext_lazy("The percentage covers nothing: name kinds or products."),
    money.NotANumber: gettext_lazy("A figure is no number, or not a whole one where units are counted."),
    stored_figures.FigureMissing: gettext_lazy("A figure is missing (%(detail)s)."),
    stored_figures.FigureUnknown: gettext_lazy("There is a figure that this knows nothing of (%(detail)s)."),
}  # fmt: skip
Row = TypeVar("Row", bound=models.Model)


def words_of(error: PricingError) -> str:
    """Why figures were refused."""
    template = _WORDS.get(type(error), gettext_lazy("These figures make no price (%(detail)s)."))
    return str(template) % {"detail": str(error)}


def read(check: Callable[[], Any]) -> Any:
    """What the engine reads. Raises ValidationError with the reason in words."""
    try:
        return check()
    except PricingError as error:
        raise forms.ValidationError(words_of(error)) from error


class PlainForm(forms.ModelForm[Row]):
    """Numbers without the zeros that say nothing: 3, not 3.000000000000."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, value in self.initial.items():
            if isinstance(value, Decimal):
                self.initial[name] = plain(value)


class PeriodForm(PlainForm[Row]):
    """A row that ends after it begins."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        start, until = cleaned.get("valid_from"), cleaned.get("valid_until")
        if start and until and until <= start:
            self.add_error("valid_until", _("It ends after the day on which it starts."))
        return cleaned

    def clean_currency(self) -> str:
        currency: str = self.cleaned_data["currency"].upper()
        if currency or not self.fields["currency"].required:
            read(lambda: currency and exponent_of(currency))
        return currency


def _method_choices() -> list[tuple[str, str]]:
    return [(code, _(method.label)) for code, method in methods.METHODS.items()]


def _hints() -> SafeString:
    """What each method needs beside the unit price, for the one who chooses."""
    lines = ((_(method.label), _(method.hint)) for method in methods.METHODS.values() if method.hint)
    return format_html_join("", '<span class="block"><b>{}</b>: {}</span>', lines)


class PricedForm(PeriodForm[Row]):
    """A price. One that has been given can only be ended: what was quoted by it stays told."""

    method = forms.ChoiceField(
        choices=_method_choices, label=capfirst(gettext_lazy("method")), initial="list", widget=UnfoldAdminSelectWidget
    )
    unit_price = forms.DecimalField(
        max_digits=20,
        decimal_places=12,
        min_value=0,
        required=False,
        label=capfirst(gettext_lazy("unit price")),
        widget=UnfoldAdminDecimalFieldWidget,
    )
    figures = FiguresField(
        required=False,
        label=capfirst(gettext_lazy("figures")),
        help_text=gettext_lazy("What the method needs beside the unit price; empty for a price per unit."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "figures" in self.fields and not self.instance.pk:  # Who may only look may have no fields.
            self.fields["figures"].help_text = _hints()
        if self.instance.pk:
            for name in set(self.fields) - {"valid_until"}:
                self.fields[name].disabled = True

    @property
    @abstractmethod
    def currency(self) -> str:
        """What the price is in, as it is typed."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        cleaned["figures"] = cleaned.get("figures") or {}
        given = cleaned.get("unit_price")
        cleaned["unit_price"] = given or Decimal(0)
        if self.instance.pk or self.errors:
            return cleaned
        try:
            self._read(cleaned, is_given=given is not None)
        except forms.ValidationError as error:
            self.add_error("figures", error)
        return cleaned

    def _read(self, cleaned: dict[str, Any], *, is_given: bool) -> None:
        code, product = cleaned["method"], cleaned["product"]
        if code == methods.CostPlus.code:
            self._work_out(cleaned)
        method = read(lambda: methods.method_of(code, cleaned["unit_price"], cleaned["figures"]))
        needs_price = isinstance(method, methods.ListPrice | methods.PackagePrice | methods.UsagePrice)
        if needs_price and not is_given and code != methods.CostPlus.code:
            raise forms.ValidationError(_("Enter the unit price; 0 where it is really free."))
        if isinstance(method, methods.PercentOfTotal):
            self._check_covered(method, product.code)
        in_it = isinstance(method, methods.OwnPrice) and method.has_quantity_in_it
        if in_it and cleaned.get("volume_schedule") and not cleaned.get("is_stackable"):
            raise forms.ValidationError(
                _("This price has the quantity in it. Say that discounts apply on top, or give none.")
            )

    def _work_out(self, cleaned: dict[str, Any]) -> None:
        """Cost plus: the price that comes out is kept, and the cost, which is of a month, stays with the staff."""
        day: date = cleaned["valid_from"]
        cost = ProductCost.objects.on(day).filter(product=cleaned["product"], currency=self.currency).last()
        if cost is None:
            raise forms.ValidationError(_("The product has no cost in this currency on that day. Enter it first."))
        months = 1 if cleaned["product"].billing == BillingRule.ONCE else cleaned["price_months"]
        figures = {**cleaned["figures"], "cost": str(cost.cost * months)}
        method = read(lambda: methods.CostPlus.parse(Decimal(0), figures))
        cleaned["unit_price"], cleaned["figures"] = stored(method.unit_price), {}

    def _check_covered(self, method: methods.PercentOfTotal, code: str) -> None:
        if code in method.products:
            raise forms.ValidationError(_("A price can't be a percentage of itself."))
        named = {"product__code__in": method.products}, {"figures__contains": {"products": [code]}}
        if circular := next((found for each in named if (found := self._percentage(**each))), None):
            raise forms.ValidationError(
                _("“%(product)s” is a percentage of others itself: neither could be worked out before the other.")
                % {"product": circular}
            )

    def _percentage(self, **named: Any) -> str | None:
        """The product of a percentage of other lines that still holds when this price begins."""
        for prices in (Price.objects, ContractedPrice.objects):
            rows = prices.filter(method=methods.PercentOfTotal.code, **named)
            lasting = rows.filter(Q(valid_until__isnull=True) | Q(valid_until__gt=self.cleaned_data["valid_from"]))
            if code := lasting.values_list("product__code", flat=True).first():
                return code
        return None


PRICED = [
    "product", "method", "unit_price", "price_months", "figures", "volume_schedule", "term_schedule", "is_stackable",
    "valid_from", "valid_until",
]  # fmt: skip


class PriceForm(PricedForm[Price]):
    class Meta:
        model = Price
        fields = PRICED

    @property
    def currency(self) -> str:
        book: PriceBook = self.cleaned_data.get("book") or self.instance.book
        return book.currency


class ContractedPriceForm(PricedForm[ContractedPrice]):
    class Meta:
        model = ContractedPrice
        fields = ["account", "currency", *PRICED]

    @property
    def currency(self) -> str:
        return str(self.cleaned_data["currency"])


class PriceBookForm(PeriodForm[PriceBook]):
    class Meta:
        model = PriceBook
        fields = ["name", "tier", "account", "currency", "regions", "valid_from", "valid_until"]
        widgets = {"regions": UnfoldAdminTextInputWidget}
        help_texts = {"regions": gettext_lazy("Codes of two letters, with commas; blank: anywhere.")}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("tier") and cleaned.get("account"):
            self.add_error("account", _("A book is of a tier or of a company, not of both."))
        return cleaned


class DiscountScheduleForm(forms.ModelForm[DiscountSchedule]):
    method = forms.ChoiceField(
        choices=[
            (tiers.DiscountMethod.SLAB.value, gettext_lazy("Slab: each unit at the discount of its own tier")),
            (tiers.DiscountMethod.RANGE.value, gettext_lazy("Range: all units at the discount of the tier reached")),
        ],
        label=capfirst(gettext_lazy("method")),
        widget=UnfoldAdminSelectWidget,
    )
    scope = forms.ChoiceField(
        choices=[
            (tiers.AggregationScope.LINE.value, gettext_lazy("The units of each line")),
            (tiers.AggregationScope.GROUP.value, gettext_lazy("The units of all lines of one kind")),
            (tiers.AggregationScope.QUOTE.value, gettext_lazy("The units of all lines with this schedule")),
        ],
        label=capfirst(gettext_lazy("counted together")),
        widget=UnfoldAdminSelectWidget,
    )

    tiers = DiscountTiersField(
        label=capfirst(gettext_lazy("tiers")),
        help_text=gettext_lazy("Of units, or of months where the kind is a term. Saving gives more rows."),
    )

    class Meta:
        model = DiscountSchedule
        fields = ["name", "kind", "method", "scope", "counts_held", "tiers"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and "tiers" in cleaned:
            try:
                read(DiscountSchedule(**{name: cleaned[name] for name in self.Meta.fields}).as_schedule)
            except forms.ValidationError as error:
                self.add_error("tiers", error)
        return cleaned


class PriceRuleForm(PeriodForm[PriceRule]):
    conditions = ConditionsField(
        facts=price_rules.FACTS,
        labels=FACT_WORDS,
        required=False,
        label=capfirst(gettext_lazy("conditions")),
        help_text=gettext_lazy("All of them must hold. Several values: with commas. Saving gives more rows."),
    )

    class Meta:
        model = PriceRule
        fields = [
            "order", "name", "is_active", "tier", "account", "conditions", "special_price", "currency",
            "discount_percent", "valid_from", "valid_until",
        ]  # fmt: skip
        help_texts = {"special_price": gettext_lazy("Per unit and month; once for a service.")}


class TaxRateForm(PeriodForm[TaxRate]):
    country = forms.CharField(max_length=2, label=gettext_lazy("country"))
    rate = forms.DecimalField(
        min_value=0, max_value=1, max_digits=20, decimal_places=12, label=gettext_lazy("rate"),
        help_text=gettext_lazy("0.19 is 19 %."),
    )  # fmt: skip

    class Meta:
        model = TaxRate
        fields = ["country", "name", "rate", "treatment", "is_reversible", "valid_from", "valid_until"]

    def clean_country(self) -> str:
        country: str = self.cleaned_data["country"].upper()
        COUNTRY(country)
        return country


class ProductCostForm(PeriodForm[ProductCost]):
    class Meta:
        model = ProductCost
        fields = ["product", "currency", "cost", "floor_price", "valid_from", "valid_until"]
