"""The steps of a line's price as they are kept with it, in words: docs/pricing.md says what each does."""

import re
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce import amounts
from commerce.models import QuoteLine
from commerce.pricing.explanation import UnitPrice

NAMES = {
    "original_price": gettext_lazy("Original price"),
    "list_price": gettext_lazy("List price"),
    "base_price": gettext_lazy("Base price"),
    "prorated_price": gettext_lazy("For the time"),
    "volume_price": gettext_lazy("After the volume discount"),
    "term_price": gettext_lazy("After the term discount"),
    "regular_price": gettext_lazy("Regular price"),
    "customer_price": gettext_lazy("After the discount by hand"),
    "uplifted_regular_price": gettext_lazy("Regular price with the uplift"),
    "uplifted_customer_price": gettext_lazy("With the uplift"),
    "promised_price": gettext_lazy("Less what was promised"),
    "partner_price": gettext_lazy("After the partner's share"),
    "locked_price": gettext_lazy("At the price of the contract"),
    "net_unit_price": gettext_lazy("After the distributor's share"),
    "line_total": gettext_lazy("All units"),
}
_OF_RULE = re.compile(r"rule_(?P<order>\d+)_(?P<special>special_)?price")


def in_words(line: QuoteLine, currency: str) -> list[tuple[str, str]]:
    """The steps at which the price changed, each with the figure after it; the total of all units last."""
    found: list[tuple[str, str]] = []
    before = None
    for name, stored in line.steps:
        value = Decimal(stored)
        if value == before and name != "line_total":
            continue
        before = value
        is_credit = name == "line_total" and line.total_minor < 0
        found.append((_name(name), amounts.unit_price(UnitPrice(-value if is_credit else value, currency))))
    return found


def _name(step: str) -> str:
    rule = _OF_RULE.fullmatch(step)
    if rule is None:
        return str(NAMES[step])
    words = _("Special price of rule %(order)s") if rule["special"] else _("After rule %(order)s")
    return words % {"order": rule["order"]}
