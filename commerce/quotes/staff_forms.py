"""What the vendor's people type when they make a quote."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts.models import User
from commerce.configuring.configuration_rules import Fix, Verdict
from commerce.configuring.configuring import judge, price
from commerce.configuring.forms import ConfigurationForm
from commerce.configuring.situations import Configuration, ConfigurationRefused, Situation, plain, starting
from commerce.contracts.contracts import line_label
from commerce.models import BillingRule, Quote, QuotePricing, QuoteStatus
from commerce.pricing.quote import PricedQuote
from commerce.quotes import quote_lifecycle, quote_pricing, staff_quotes
from commerce.quotes.manual_prices import ManualPrice
from commerce.quotes.staff_quotes import Terms
from tracking.actor import Actor

_DISCOUNT, _SPECIAL = "discount_", "special_"  # Before a product's code.


class _Day(UnfoldAdminSingleDateWidget):
    """A day as browsers write it."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class TermsForm(forms.Form):
    """What a quote says beside its lines. A valid form has the `terms`."""

    title = forms.CharField(
        label=gettext_lazy("Name"), max_length=80, required=False, widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Tells alternatives apart, such as “With premium support”."),
    )  # fmt: skip
    payment_days = forms.IntegerField(
        label=gettext_lazy("Days to pay"), min_value=0, max_value=365, initial=14, widget=UnfoldAdminIntegerFieldWidget
    )
    valid_until = forms.DateField(
        label=gettext_lazy("Valid through"), required=False, widget=_Day,
        help_text=gettext_lazy("Blank: 30 days from the day it is presented."),
    )  # fmt: skip
    start_date = forms.DateField(
        label=gettext_lazy("Starts on"), required=False, widget=_Day,
        help_text=gettext_lazy("Blank: the day it is priced. It can be accepted through this day."),
    )  # fmt: skip
    term_months = forms.IntegerField(
        label=gettext_lazy("Months"), min_value=1, max_value=120, required=False, widget=UnfoldAdminIntegerFieldWidget,
        help_text=gettext_lazy("Blank: until the contract ends. What is added ends after so many months."),
    )  # fmt: skip
    special_terms = forms.CharField(
        label=gettext_lazy("Special terms"), max_length=2000, required=False, widget=UnfoldAdminTextareaWidget,
        help_text=gettext_lazy("Stand on the quote as they are written here."),
    )  # fmt: skip

    terms: Terms

    def __init__(
        self, situation: Situation, data: Any = None, files: Any = None, *, initial: dict[str, Any] | None = None
    ) -> None:
        self.situation = situation
        super().__init__(data, files, initial=initial)

    @property
    def term_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in TermsForm.base_fields]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            self.terms = Terms(**{name: cleaned[name] for name in Terms.names()})
            try:
                self.situation = starting(self.situation, self.terms.start_date, self.terms.term_months)
            except ConfigurationRefused as refusal:
                self.add_error(refusal.field, str(refusal))
        return cleaned

    def clean_valid_until(self) -> date | None:
        day: date | None = self.cleaned_data["valid_until"]
        if day is not None and day < self.situation.today:
            raise forms.ValidationError(_("A quote is valid through today at least."))
        return day


@dataclass(frozen=True)
class EditorRow:
    """The fields of one product, beside each other; with `is_titled`, its name stands where its quantity would."""

    name: str
    fields: list[forms.BoundField]
    is_titled: bool = False


class StaffQuoteForm(TermsForm):
    """The lines of a quote with their quantity, and for those who may, a discount or a price of their own each.

    A valid form has the `configuration`, what was set by hand (`manual`), the `terms` and the price, `priced`; one that
    rules or bundles refuse has their `ways_out`.
    """

    configuration: Configuration
    manual: dict[str, ManualPrice]
    priced: PricedQuote | None = None
    verdict: Verdict | None = None

    def __init__(
        self, situation: Situation, data: Any = None, *, quote: Quote | None = None, may_discount: bool = False
    ) -> None:
        self.kept = {} if quote is None else quote.manual_prices  # What others set stays where one may not set it.
        self.quote, self.may_discount = quote, may_discount
        self.ways_out: list[Fix] = []
        super().__init__(situation, data)
        asked = ConfigurationForm(situation)
        self.products = [name for name in asked.fields if name not in ("plan", "seats")]
        for name in ("plan", "seats", *self.products):
            field = asked.fields[name]
            if isinstance(field, forms.ChoiceField):
                field.widget = UnfoldAdminSelectWidget(choices=field.choices)
            else:
                field.widget = UnfoldAdminDecimalFieldWidget()
            self.fields[name] = field
        self.plans = [code for code, offered in situation.offered.items() if offered.is_plan]
        if may_discount:
            for code in (*self.plans, *self.products):
                self._add_manual(code)
        if quote is not None:
            self.initial = _as_typed(quote)

    @property
    def rows(self) -> Iterator[EditorRow]:
        """The plan with its seats, what the plans cost by hand, and each product."""
        yield EditorRow(str(self.fields["plan"].label), [self["plan"], self["seats"]])
        for code in self.plans if self.may_discount else ():
            yield EditorRow(self._name_of(code), self._by_hand(code), is_titled=True)
        for name in self.products:
            yield EditorRow(str(self.fields[name].label), [self[name], *self._by_hand(name)])

    def _by_hand(self, code: str) -> list[forms.BoundField]:
        return [self[name] for name in (_DISCOUNT + code, _SPECIAL + code) if name in self.fields]

    @property
    def added(self) -> list[str]:
        """What rules and bundles add to it, in words."""
        added = self.verdict.added if self.verdict else {}
        found = ((self.situation.product(code), count) for code, count in added.items())
        return [line_label(product, count) for product, count in found if product]

    def with_way_out(self, chosen: str) -> "StaffQuoteForm":
        """The same form with one of its ways out gone, by its number among them; itself where there is no such."""
        numbered = {str(number): way for number, way in enumerate(self.ways_out, start=1)}
        if self.verdict is None or chosen not in numbered:
            return self
        wanted = numbered[chosen].applied(self.verdict.wanted)
        typed = dict(self.data.items()) | {"plan": wanted.plan, "seats": str(wanted.seats)}
        typed |= {code: plain(count) for code, count in wanted.quantities.items() if code in self.products}
        return StaffQuoteForm(self.situation, typed, quote=self.quote, may_discount=self.may_discount)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        self.configuration = Configuration(
            plan=cleaned["plan"],
            seats=cleaned["seats"],
            addons={name: cleaned[name] for name in self.products if cleaned[name] or self.situation.held(name)},
        )
        self.manual = self._manual(cleaned)
        self.verdict = judge(self.situation, self.configuration)
        self._refuse_prices_of_included(self.verdict)
        try:
            self.priced = price(self.situation, self.configuration, self.manual)
        except ConfigurationRefused as refusal:
            for notice in refusal.notices:
                self.add_error(notice.code if notice.code in self.fields else None, notice.message)
            self.ways_out = [notice.fix for notice in refusal.notices if notice.fix]
        return cleaned

    def _refuse_prices_of_included(self, verdict: Verdict) -> None:
        """What is in the price of a bundle has none of its own to be changed."""
        for code in sorted(code for code in verdict.included.keys() & self.manual if self.manual[code].changes_price):
            field = _DISCOUNT + code
            self.add_error(field if field in self.fields else None, _("It is in the price of its bundle."))

    def _manual(self, cleaned: dict[str, Any]) -> dict[str, ManualPrice]:
        if not self.may_discount:
            return {code: ManualPrice.from_json(kept) for code, kept in self.kept.items()}
        codes = [name.removeprefix(_DISCOUNT) for name in self.fields if name.startswith(_DISCOUNT)]
        groups = {code: ManualPrice.from_json(kept).group for code, kept in self.kept.items()}
        found = {
            code: ManualPrice(cleaned[_DISCOUNT + code], cleaned.get(_SPECIAL + code), groups.get(code, ""))
            for code in codes
        }
        return {code: manual for code, manual in found.items() if manual != ManualPrice()}

    def _name_of(self, code: str) -> str:
        product = self.situation.product(code)
        return product.name if product else code

    def _add_manual(self, code: str) -> None:
        """A discount, and a price of its own; the row that they stand in names the product."""
        self.fields[_DISCOUNT + code] = forms.DecimalField(
            label=_("Discount in percent"), min_value=Decimal(0), max_value=Decimal(100), max_digits=7,
            decimal_places=4, required=False, widget=UnfoldAdminDecimalFieldWidget,
        )  # fmt: skip
        if self._is_percentage(code):  # Nobody could say what a price in its place gives away.
            return
        product = self.situation.product(code)
        is_once = product is not None and product.billing == BillingRule.ONCE
        self.fields[_SPECIAL + code] = forms.DecimalField(
            label=_("Special price"), help_text=_("Per unit, once.") if is_once else _("Per unit and month."),
            min_value=Decimal(0), max_digits=16, decimal_places=4, required=False, widget=UnfoldAdminDecimalFieldWidget,
        )  # fmt: skip

    def _is_percentage(self, code: str) -> bool:
        offered = self.situation.offered.get(code)
        return offered is not None and offered.is_percentage


def _as_typed(quote: Quote) -> dict[str, Any]:
    wanted = Configuration.from_json(quote.configuration)
    typed: dict[str, Any] = dataclasses.asdict(Terms.of(quote))
    typed |= {"plan": wanted.plan, "seats": wanted.seats}
    typed |= {code: plain(quantity) for code, quantity in wanted.addons.items()}
    for code, manual in quote.manual_prices.items():
        typed |= {_DISCOUNT + code: manual.get("discount_percent"), _SPECIAL + code: manual.get("special_price")}
    return typed


class StaffCommentForm(forms.Form):
    """What our people say about a quote, to the customer or among themselves."""

    text = forms.CharField(label=gettext_lazy("Comment"), max_length=4000, widget=UnfoldAdminTextareaWidget)
    is_internal = forms.BooleanField(
        label=gettext_lazy("Only for our people"), required=False, widget=UnfoldBooleanWidget
    )


class Step(models.TextChoices):
    """What our people do with a quote."""

    SUBMIT = "submit", gettext_lazy("Submit")
    PRESENT = "present", gettext_lazy("Present to the customer")
    REVISE = "revise", gettext_lazy("Revise as a new version")
    EXTEND = "extend", gettext_lazy("Extend")
    WITHDRAW = "withdraw", gettext_lazy("Withdraw")


def steps_of(quote: Quote, now: datetime) -> list[Step]:
    """What can be done with a quote as it is."""
    status = quote.status_choice
    found = []
    if status is QuoteStatus.DRAFT and not quote.is_expired(now):
        found.append(Step.SUBMIT)
    if status is QuoteStatus.APPROVED and not quote.is_expired(now):
        found.append(Step.PRESENT)
    if status in staff_quotes.REVISABLE:
        found += [Step.REVISE, Step.EXTEND]
    if status.is_under_way or status is QuoteStatus.REJECTED:
        found.append(Step.WITHDRAW)
    return found


class StepForm(forms.Form):
    """One step, with what it needs: a reason to withdraw, a day to extend to."""

    step = forms.ChoiceField(choices=Step.choices)
    reason = forms.CharField(max_length=500, required=False)
    valid_until = forms.DateField(required=False)

    @property
    def errors_in_words(self) -> list[str]:
        return [str(error) for errors in self.errors.values() for error in errors]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("step") == Step.EXTEND and not self.errors and cleaned["valid_until"] is None:
            self.add_error("valid_until", _("Say until when it shall stand."))
        return cleaned

    def lead(self, quote: Quote, *, user: User, actor: Actor, now: datetime) -> Quote | QuotePricing:
        """Take the step; a new version of a long quote is asked for. Raises `QuoteRefused`, `ConfigurationRefused`."""
        match self.cleaned_data["step"]:
            case Step.SUBMIT:
                return quote_lifecycle.submit(quote=quote, actor=actor, now=now)
            case Step.PRESENT:
                return quote_lifecycle.present(quote=quote, actor=actor, now=now)
            case Step.REVISE:
                return quote_pricing.revise(quote=quote, user=user, now=now)
            case Step.EXTEND:
                until = self.cleaned_data["valid_until"]
                return quote_pricing.revise(quote=quote, user=user, now=now, valid_until=until)
        return quote_lifecycle.withdraw(quote=quote, reason=self.cleaned_data["reason"], actor=actor, now=now)
