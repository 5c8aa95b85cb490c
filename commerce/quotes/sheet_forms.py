"""What the vendor's people type to make a quote of many lines: all of them at once, or one of them."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.services import FileRefused
from accounts.spreadsheets import text_of
from commerce.configuring.situations import Configuration, Situation, plain
from commerce.models import Quote
from commerce.quotes.manual_prices import ManualPrice
from commerce.quotes.quote_sheets import (
    LONGEST_GROUP,
    Problem,
    Sheet,
    SheetLine,
    as_text,
    configuration_of,
    lines_of,
    manual_of,
    problems_of,
    read,
)
from commerce.quotes.staff_forms import TermsForm
from commerce.quotes.staff_quotes import Terms

LARGEST = 2 * 1024 * 1024  # Bytes.
TYPED_LINES = 200  # A longer sheet is not put into the field; it is downloaded instead.


class _Lines(forms.Form):
    """Lines held against what may be sold. A valid form has the `configuration` and what was set by hand, `manual`."""

    situation: Situation
    may_discount: bool
    kept: Mapping[str, ManualPrice]
    configuration: Configuration
    manual: dict[str, ManualPrice]

    def take(self, lines: list[SheetLine]) -> list[Problem]:
        """Keep what is asked for, or say what is wrong with it."""
        if not self.may_discount:
            lines = [replace(line, manual=self._as_kept(line)) for line in lines]
        problems = problems_of(self.situation, lines, kept=self.kept, may_discount=self.may_discount)
        if not problems:
            self.configuration = configuration_of(self.situation, lines)
            self.manual = manual_of(lines)
        return problems

    def _as_kept(self, line: SheetLine) -> ManualPrice:
        """What others set stays where nothing else is said."""
        kept = self.kept.get(line.product)
        is_silent = line.manual == ManualPrice(group=line.manual.group)
        return replace(kept, group=line.manual.group) if kept is not None and is_silent else line.manual


class SheetForm(_Lines, TermsForm):
    """All lines of a quote, as a file or as text, and what stands beside them.

    Of a quote that has lines already, none of both leaves them as they are.
    """

    form_key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    file = forms.FileField(
        label=gettext_lazy("CSV file"), required=False, max_length=200,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv"}),
    )  # fmt: skip
    lines = forms.CharField(
        label=gettext_lazy("Or the lines themselves"), required=False, max_length=LARGEST, strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 12, "spellcheck": "false"}),
    )  # fmt: skip

    problems: list[Problem]

    def __init__(
        self,
        situation: Situation,
        data: Any = None,
        files: Any = None,
        *,
        quote: Quote | None = None,
        may_discount: bool = False,
    ) -> None:
        self.may_discount = may_discount
        self.problems = []
        self.before = [] if quote is None else lines_of(quote)
        self.kept = manual_of(self.before)
        initial: dict[str, Any] = {} if quote is None else asdict(Terms.of(quote))
        if self.before and len(self.before) <= TYPED_LINES:
            initial["lines"] = as_text(self.before)
        super().__init__(situation, data, files, initial=initial)

    def clean_file(self) -> str:
        """The text of the file."""
        file = self.cleaned_data["file"]
        if file is None:
            return ""
        try:
            return text_of(file.read(LARGEST + 1), most_bytes=LARGEST)
        except FileRefused as refused:
            raise forms.ValidationError(str(refused)) from refused

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        text = cleaned.get("file") or cleaned.get("lines") or ""
        if cleaned.get("file"):  # A field for a file comes back empty; its text is not lost.
            self.data = {**self.data, "lines": text}
        if self.errors.keys() & {"file", "start_date", "term_months"}:
            return cleaned
        try:
            sheet = read(text) if text.strip() or not self.before else Sheet(tuple(self.before), ())
        except FileRefused as refusal:
            self.add_error("lines", str(refusal))
            return cleaned
        found = self.take(list(sheet.lines))
        if sheet.problems:  # What is wrong with the whole shows once all of it can be read.
            found = [problem for problem in found if problem.number]
        self.problems = sorted([*sheet.problems, *found], key=lambda problem: problem.number)
        if self.problems:
            words = ngettext(
                "%(count)d thing is wrong with the lines. Nothing was saved; it is all still here.",
                "%(count)d things are wrong with the lines. Nothing was saved; it is all still here.",
                len(self.problems),
            )
            self.add_error("lines", words % {"count": len(self.problems)})
        return cleaned


class LineForm(_Lines):
    """One line of a draft; the others stay as they are. No quantity takes the line off."""

    form_key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    product = forms.CharField(label=gettext_lazy("Product code"), max_length=60, widget=UnfoldAdminTextInputWidget)
    quantity = forms.DecimalField(
        label=gettext_lazy("Quantity"), min_value=Decimal(0), max_digits=16, decimal_places=4,
        widget=UnfoldAdminDecimalFieldWidget, help_text=gettext_lazy("0 takes the line off the quote."),
    )  # fmt: skip
    discount = forms.DecimalField(
        label=gettext_lazy("Discount, %"), min_value=Decimal(0), max_value=Decimal(100), max_digits=7, decimal_places=4,
        required=False, widget=UnfoldAdminDecimalFieldWidget,
    )  # fmt: skip
    price = forms.DecimalField(
        label=gettext_lazy("Special price"), min_value=Decimal(0), max_digits=16, decimal_places=4, required=False,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=gettext_lazy("In place of the list's, per unit and month; a service: once."),
    )  # fmt: skip
    group = forms.CharField(
        label=gettext_lazy("Group"), max_length=LONGEST_GROUP, required=False, widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Lines of one group stand together, and can share a volume discount."),
    )  # fmt: skip

    def __init__(
        self, situation: Situation, quote: Quote, code: str, data: Any = None, *, may_discount: bool = False
    ) -> None:
        self.situation, self.may_discount, self.code = situation, may_discount, code
        self.before = lines_of(quote)
        self.kept = manual_of(self.before)
        super().__init__(data, initial=self._typed())
        if code:
            self.fields["product"].disabled = True
        if not may_discount:
            del self.fields["discount"], self.fields["price"]

    @property
    def found(self) -> SheetLine | None:
        """The line as it is; none of a new one."""
        return next((line for line in self.before if line.product == self.code), None)

    def _typed(self) -> dict[str, Any]:
        line = self.found
        if line is None:
            return {"product": self.code}
        manual = line.manual
        figures = {"discount": manual.discount_percent, "price": manual.special_price}
        return {"product": line.product, "quantity": plain(line.quantity), "group": manual.group} | figures

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        manual = ManualPrice(cleaned.get("discount"), cleaned.get("price"), cleaned["group"])
        line = SheetLine(0, cleaned["product"].strip(), cleaned["quantity"], manual)
        others = [other for other in self.before if other.product != self.code]
        problems = self.take([*others, line] if line.quantity else others)
        for problem in problems:
            self.add_error("quantity" if problem.number == 0 else None, problem.message)
        return cleaned
