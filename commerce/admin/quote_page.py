"""How one quote is laid out for the staff: what it is, what it costs, what became of it; the record last."""

from typing import Any, ClassVar

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from commerce import amounts
from commerce.configuring.configurations import in_words, products_named
from commerce.configuring.situations import Configuration
from commerce.models import Quote
from commerce.pricing.money import Money
from commerce.quotes import manual_prices

ALWAYS = ["number", "status_words", "title", "account", "deal", "contract", "configured"]
AMOUNTS = ["subtotal", "tax", "total", "monthly_before", "monthly_after"]
COSTS = [*AMOUNTS, "by_hand", "payment_days", "special_terms"]
# What became of it, in the order in which it happens: shown once it has.
DATES = [
    "created_by", "created_at", "submitted_by", "submitted_at", "approved_at", "presented_at", "last_day",
    "viewed_at", "closed_by", "closed_at", "closing_note",
]  # fmt: skip
ACCEPTED = ["accepted_name", "accepted_role_words", "accepted_by", "accepted_at", "accepted_ip", "po_number"]
RECORD = [
    "origin", "price_date", "contract_version", "price_hash", "accepted_hash", "document", "document_hash",
    "public_id",
]  # fmt: skip


class QuotePage:
    """The fields of a quote's page, with amounts as people read them. Stands before the admin's own class."""

    amounts: ClassVar[frozenset[str]] = frozenset({*AMOUNTS, "by_hand"})
    fields: ClassVar[list[str]] = [*ALWAYS, *COSTS, *DATES, *ACCEPTED, *RECORD]
    readonly_fields = fields

    def get_fieldsets(self, request: Any, obj: Quote | None = None) -> list[Any]:
        if obj is None:
            return super().get_fieldsets(request, obj)  # type: ignore[misc, no-any-return]
        shown = set(self.get_fields(request, obj))  # type: ignore[attr-defined]
        if not obj.manual_prices:
            shown.discard("by_hand")
        groups = [
            (None, ALWAYS, ()),
            (_("What it costs"), COSTS, ()),
            (_("What became of it"), _told(obj, DATES), ()),
            (_("Acceptance"), _told(obj, ACCEPTED), ()),
            (_("For the record"), RECORD, ("collapse",)),
        ]
        kept = ((title, [name for name in names if name in shown], classes) for title, names, classes in groups)
        return [(title, {"fields": fields, "classes": classes}) for title, fields, classes in kept if fields]

    @display(description=_("status"))
    def status_words(self, quote: Quote) -> str:
        return quote.get_status_display()

    @display(description=_("role then"))
    def accepted_role_words(self, quote: Quote) -> str:
        return quote.accepted_role_words

    @display(description=_("valid through"), ordering="expires_at")
    def last_day(self, quote: Quote) -> str:
        return date_format(quote.last_day)

    @display(description=_("wanted"))
    def configured(self, quote: Quote) -> str:
        wanted = Configuration.from_json(quote.configuration)
        return in_words(wanted, products_named([wanted.plan, *wanted.addons]))

    @display(description=_("set by hand"))
    def by_hand(self, quote: Quote) -> str:
        by_hand = manual_prices.from_json(quote.manual_prices)
        return " · ".join(manual_prices.in_words(by_hand, products_named(by_hand), quote.currency))

    @display(description=_("subtotal"))
    def subtotal(self, quote: Quote) -> str:
        return _money(quote, quote.subtotal_minor)

    @display(description=_("tax"))
    def tax(self, quote: Quote) -> str:
        return _money(quote, quote.tax_minor)

    @display(description=_("due on acceptance"))
    def total(self, quote: Quote) -> str:
        return _money(quote, quote.total_minor)

    @display(description=_("each month until now, before tax"))
    def monthly_before(self, quote: Quote) -> str:
        return _money(quote, quote.recurring_before_minor)

    @display(description=_("each month afterwards, before tax"))
    def monthly_after(self, quote: Quote) -> str:
        return _money(quote, quote.recurring_after_minor)


def _told(quote: Quote, names: list[str]) -> list[str]:
    """Those of the fields that say something."""
    return [name for name in names if getattr(quote, name) not in (None, "")]


def _money(quote: Quote, minor: int) -> str:
    return amounts.money(Money(minor, quote.currency))
