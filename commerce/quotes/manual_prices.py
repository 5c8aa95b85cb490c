"""What the vendor's people set by hand on a line: a discount, a price in place of the list's, or a group of lines."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from commerce import amounts
from commerce.models import Product
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.quote import QuoteLine
from commerce.pricing.waterfall import Adjustment, AdjustmentKind


@dataclass(frozen=True, slots=True)
class ManualPrice:
    """What was set for one product.

    `special_price` stands in place of the price of the list, per unit and month (a service: once); volume discounts and
    the discount by hand are taken from it. Lines of one `group` stand together, and can share a volume discount.
    """

    discount_percent: Decimal | None = None
    special_price: Decimal | None = None
    group: str = ""

    def as_json(self) -> dict[str, str]:
        named = {"discount_percent": self.discount_percent, "special_price": self.special_price}
        figures = {name: f"{value:f}" for name, value in named.items() if value is not None}
        return figures | ({"group": self.group} if self.group else {})

    @classmethod
    def from_json(cls, stored: Mapping[str, str]) -> "ManualPrice":
        figures = {name: Decimal(value) for name, value in stored.items() if name != "group"}
        return cls(**figures, group=stored.get("group", ""))

    @property
    def changes_price(self) -> bool:
        """Whether it is more than the name of a group."""
        return self.discount_percent is not None or self.special_price is not None

    def applied_to(self, line: QuoteLine) -> QuoteLine:
        """The line as the engine shall price it."""
        if self.special_price is not None:
            line = replace(line, special_price=self.special_price * line.months_of_price)
        if self.group:
            line = replace(line, group=self.group)
        return line if self.discount is None else replace(line, discount=self.discount)

    @property
    def discount(self) -> Adjustment | None:
        if self.discount_percent is None:
            return None
        return Adjustment(AdjustmentKind.DISCOUNT_PERCENT, self.discount_percent)


ManualPrices = Mapping[str, ManualPrice]  # By product code.


def to_json(prices: ManualPrices) -> dict[str, Any]:
    return {code: manual.as_json() for code, manual in sorted(prices.items()) if manual.as_json()}


def from_json(stored: Mapping[str, Mapping[str, str]]) -> dict[str, ManualPrice]:
    return {code: ManualPrice.from_json(manual) for code, manual in stored.items()}


def priced_by_hand(prices: ManualPrices, line: QuoteLine) -> QuoteLine:
    """The line with what was set for its product, if anything was."""
    return prices[line.product_code].applied_to(line) if line.product_code in prices else line


def in_words(prices: ManualPrices, products: Mapping[str, Product], currency: str) -> list[str]:
    """Business: discount of 12.5 %. What is only put into a group is left out."""
    found = []
    for code, manual in prices.items():
        product = products[code].name if code in products else code
        if manual.special_price is not None:
            price = amounts.unit_price(UnitPrice(manual.special_price, currency))
            found.append(_("%(product)s: special price of %(price)s") % {"product": product, "price": price})
        if manual.discount_percent is not None:
            percent = amounts.number(manual.discount_percent)
            found.append(_("%(product)s: discount of %(percent)s %%") % {"product": product, "percent": percent})
    return found
