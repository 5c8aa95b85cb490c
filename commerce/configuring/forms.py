"""What customers type when they buy."""

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from commerce import amounts
from commerce.catalogue.catalogue import Offered, bundle_words
from commerce.catalogue.price_words import price_words
from commerce.configuring.configuration_rules import Notice, Verdict
from commerce.configuring.configuring import NothingChanges, judge, price
from commerce.configuring.notices import way_out
from commerce.configuring.situations import Configuration, ConfigurationRefused, Situation, plain
from commerce.contracts.contracts import line_label
from commerce.models import Product, ProductKind
from commerce.pricing.quote import PricedQuote

# Names in a configurator's address or form that are no products.
NO_PRODUCTS = frozenset(
    {"csrfmiddlewaretoken", "company", "form_key", "offer"}
    | {"source", "saved", "save_as", "step", "view", "reason", "message"}
)
CARRIED = ("source", "saved", "step")  # What goes along from one page of the configurator to the next.


class WholeNumberField(forms.IntegerField):
    """A whole number in digits alone: "1.000" is a thousand to some people, and one to others."""

    re_decimal = re.compile(r"(?!)")  # Django reads it as one.


class ConfigurationForm(forms.Form):
    """A plan, seats and add-ons by code. What is not named keeps its quantity: `?plan=business&seats=60&sso=1`.

    A valid form has its `configuration` and the price of it, `priced`. Without data it is there to be shown, and its
    fields say what things cost; with data it is there to be priced, and they don't: that is a tenth of the time.
    """

    plan = forms.ChoiceField(label=gettext_lazy("Plan"), widget=forms.RadioSelect)
    seats = WholeNumberField(label=gettext_lazy("Seats"), min_value=1)

    configuration: Configuration
    priced: PricedQuote | None = None
    verdict: Verdict | None = None
    nothing_changes = False
    refusal: ConfigurationRefused | None = None

    def __init__(self, situation: Situation, data: QueryDict | None = None) -> None:
        self.situation = situation
        self.named = data
        self.fixes: dict[str, dict[str, str]] = {}  # By the message that offers them.
        # What the rules hide from the customer as they are; the rules of what is asked are held against its price.
        self.unseen = frozenset(judge(situation, situation.current).hidden)
        super().__init__()
        self._offer_plans()
        self._offer_addons()
        if data is not None:
            self.is_bound = True
            self.data = self._owned() | {name: data[name] for name in data}

    @property
    def is_understood(self) -> bool:
        """Whether it says what is wanted, be it for sale or not."""
        return "configuration" in vars(self)

    @property
    def shown(self) -> "ConfigurationForm":
        """The same fields with what was typed and without errors: those stand beside the price."""
        form = ConfigurationForm(self.situation)
        form.initial = {**self.data}
        return form

    @property
    def messages(self) -> list[dict[str, str]]:
        """What is wrong, each with the field it belongs to: its id and label, or none."""
        found = []
        for name, errors in self.errors.items():
            field = self[name] if name in self.fields else None
            found += [
                {
                    "id": str(field.id_for_label or field.auto_id) if field else "",
                    "label": str(field.label) if field else "",
                    "text": str(error),
                    **self.fixes.get(str(error), {}),
                }
                for error in errors
            ]
        return found

    @property
    def notes(self) -> list[dict[str, str]]:
        """What rules say about a configuration that can be bought."""
        alerts = () if self.verdict is None else self.verdict.alerts
        return [{"text": alert.message, **self._fix(alert)} for alert in alerts]

    @property
    def added(self) -> list[str]:
        """What rules and bundles add to it, in words."""
        added = [] if self.verdict is None else self.verdict.added.items()
        found = ((self.situation.product(code), quantity) for code, quantity in added)
        return [line_label(product, quantity) for product, quantity in found if product is not None]

    def _fix(self, notice: Notice) -> dict[str, str]:
        """The way out that a notice offers: its words, and the address of the configuration with it."""
        if self.verdict is None:
            return {}
        carried = {name: self.data[name] for name in CARRIED if name in self.data}
        return way_out(notice, self.verdict.wanted, **carried)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self._refuse_strangers()
        if self.errors:
            return cleaned
        self.configuration = Configuration(
            plan=cleaned["plan"],
            seats=cleaned["seats"],
            addons={
                name: cleaned[name]
                for name in self.fields
                if name not in ("plan", "seats") and (cleaned[name] or self.situation.held(name))
            },
        )
        self.verdict = judge(self.situation, self.configuration)
        try:
            self.priced = price(self.situation, self.configuration)
        except ConfigurationRefused as refusal:
            self.refusal = refusal
            self.nothing_changes = isinstance(refusal, NothingChanges)
            for notice in refusal.notices:
                self.fixes[notice.message] = self._fix(notice)
                self.add_error(notice.code if notice.code in self.fields else None, notice.message)
        return cleaned

    def _is_shown(self, code: str) -> bool:
        """Hidden are products that a rule hides, that the account does not have and the address does not name."""
        if code in self.situation.owned:
            return True
        return code not in self.unseen or (self.named is not None and code in self.named)

    def _owned(self) -> dict[str, Any]:
        return {name: field.initial for name, field in self.fields.items()}

    def _offer_plans(self) -> None:
        plans = [one for one in self.situation.offered.values() if one.is_plan and self._is_shown(one.product.code)]
        field, owned = self.fields["plan"], self.situation.plan
        if isinstance(field, forms.ChoiceField):
            field.choices = [(offered.product.code, self._plan_label(offered)) for offered in plans]
            if owned is not None and owned.product.code not in self.situation.offered:
                field.choices = [(owned.product.code, owned.product.name), *field.choices]
        field.error_messages["invalid_choice"] = self._no_plan()
        field.error_messages["required"] = _("Choose a plan.")
        field.initial = owned.product.code if owned else ""
        seats = self.fields["seats"]
        seats.initial = self.situation.seats
        seats.error_messages["invalid"] = _("Enter a whole number of seats.")
        seats.error_messages["required"] = _("Enter how many seats you need.")
        used = self.situation.used_seats
        if used is not None:
            seats.help_text = _("%(used)s of %(seats)s seats are used now.") % {
                "used": amounts.number(used),
                "seats": amounts.number(self.situation.seats),
            }

    def _no_plan(self) -> str:
        """What is said of a plan that is not there to be chosen: asked for one that was sold once, its name."""
        named = "" if self.named is None else self.named.get("plan", "")
        over = "" if self.situation.product(named) else self.situation.sold_no_more(named)
        return over.replace("%", "%%") or _("We don't sell the plan “%(value)s”.")

    def _offer_addons(self) -> None:
        addons = [offered for offered in self.situation.offered.values() if not offered.is_plan]
        for offered in sorted(addons, key=lambda one: one.product.kind == ProductKind.SERVICE):
            held = self.situation.held(offered.product.code)
            if not held and not self._is_shown(offered.product.code):
                continue
            # What only comes with a bundle has no price of its own.
            if not offered.is_sellable and not held and offered.product.code not in self.situation.included_codes:
                continue
            self.fields[offered.product.code] = self._addon_field(offered, held)
        for code, line in self.situation.owned.items():
            if line.product.kind_choice.is_addon and code not in self.fields:
                self.fields[code] = self._addon_field(Offered(line.product, None), line.quantity)

    def _addon_field(self, offered: Offered, held: Decimal) -> forms.Field:
        product, help_text = offered.product, self._about(offered)
        if product.max_quantity == 1:
            return forms.TypedChoiceField(
                label=product.name,
                help_text=help_text,
                choices=[("0", _("Not included")), ("1", _("Included"))],
                coerce=int,
                error_messages={"invalid_choice": _("Choose included or not included.")},
                initial=plain(held),
            )
        if product.quantity_places:
            return _decimal_field(product, help_text=help_text, held=held)
        return WholeNumberField(
            label=product.name,
            help_text=help_text,
            min_value=0,
            initial=int(held),
            error_messages={
                "invalid": _("Enter a whole number."),
                "min_value": _("Enter 0 or more."),
                "required": _("Enter 0 or more."),
            },
        )

    def _about(self, offered: Offered) -> str:
        """What stands below a field: what the product is, and what it costs."""
        if self.named is not None:
            return ""
        lines = [offered.product.summary, self._price_words(offered) if offered.is_sellable else ""]
        lines += bundle_words(offered.bundle) if offered.bundle else []
        return format_html_join("", '<bdi class="block">{}</bdi>', ((line,) for line in lines if line))

    def _plan_label(self, offered: Offered) -> str:
        if self.named is not None:
            return offered.product.name
        owned = self.situation.plan
        label = offered.product.name
        if owned is not None and owned.product.pk == offered.product.pk:
            label = _("%(plan)s (your plan)") % {"plan": label}
        if not offered.is_sellable:
            return _("%(plan)s: talk to us") % {"plan": label}
        return f"{label} · {self._price_words(offered)}"

    def _price_words(self, offered: Offered) -> str:
        return price_words(offered, self.situation.contract.currency)

    def _refuse_strangers(self) -> None:
        """Names that are no product of ours, and products that are named twice."""
        if self.named is None:
            return
        for name in self.named:
            if name in NO_PRODUCTS or name.startswith("utm_"):
                continue
            if name not in self.fields:
                self.add_error(None, self._why_stranger(name))
            elif len(self.named.getlist(name)) > 1:
                self.add_error(name, _("This is listed twice. Name it once, with its quantity."))

    def _why_stranger(self, name: str) -> str:
        """Why what is named can't be had: it has no price, was sold once, or is none of ours."""
        if product := self.situation.product(name):
            return _("%(product)s is not sold at your prices yet. Talk to us, we will help.") % {
                "product": product.name
            }
        return self.situation.sold_no_more(name) or _("We don't sell “%(product)s”.") % {"product": name[:40]}


def _decimal_field(product: Product, *, help_text: str, held: Decimal) -> forms.DecimalField:
    """For a quantity that can be parted, as finely as the product says."""
    places = ngettext(
        "Enter a number with at most %(count)s decimal.",
        "Enter a number with at most %(count)s decimals.",
        product.quantity_places,
    ) % {"count": product.quantity_places}
    return forms.DecimalField(
        label=product.name,
        help_text=help_text,
        min_value=Decimal(0),
        max_digits=20,
        decimal_places=product.quantity_places,
        initial=plain(held),
        error_messages={
            "invalid": places,
            "max_decimal_places": places,
            "max_digits": places,
            "max_whole_digits": places,
            "min_value": _("Enter 0 or more."),
            "required": _("Enter 0 or more."),
        },
    )


class AcceptForm(forms.Form):
    """Consent to a quote as shown."""

    shown_hash = forms.CharField(widget=forms.HiddenInput, max_length=64)
    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=150,
        help_text=gettext_lazy("Stands for your signature."),
        error_messages={"required": gettext_lazy("Type your name to accept.")},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    po_number = forms.CharField(
        label=gettext_lazy("Purchase order number"),
        max_length=60,
        required=False,
        help_text=gettext_lazy("Appears on the invoice."),
    )
    consent = forms.BooleanField(
        label=gettext_lazy("I accept this quote for my company and may do so."),
        error_messages={"required": gettext_lazy("Tick this box to accept.")},
    )


class DeclineForm(forms.Form):
    """Why a quote is not wanted."""

    reason = forms.CharField(
        label=gettext_lazy("Why not?"),
        max_length=500,
        help_text=gettext_lazy("We read it, and can make you another offer."),
        error_messages={"required": gettext_lazy("Say why, so that we can make you a better offer.")},
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class CommentForm(forms.Form):
    """Something said about a quote."""

    text = forms.CharField(
        label=gettext_lazy("Comment"),
        max_length=4000,
        error_messages={"required": gettext_lazy("Write something first.")},
        widget=forms.Textarea(attrs={"rows": 3}),
    )
