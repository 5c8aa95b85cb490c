"""What an account may buy, at its own prices."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.compiled import Compiled, Given
from accounts.models import Account, Feature
from accounts.services import Grant
from commerce import amounts
from commerce.catalogue.pricebooks import prices_for
from commerce.configuring.configuration_rules import Bundle, Group, Option
from commerce.models import BillingRule, Contract, ContractedPrice, Price, Product, ProductGrant, ProductKind
from commerce.pricing.methods import ListPrice, OwnPrice, PercentOfTotal, UsagePrice
from commerce.pricing.money import PricingError, stored
from commerce.pricing.quote import QuoteLine
from tracking.models import Meter


@dataclass(frozen=True)
class Offered:
    """A product on sale as one account sees it. Without a price for the account it is shown, and not sold.

    `listed` is the price of the book, where another was agreed.
    """

    product: Product
    price: Price | ContractedPrice | None
    listed: Price | None = None
    bundle: Bundle | None = None  # What comes with it, or can be chosen in it.

    @property
    def is_sellable(self) -> bool:
        return self.price is not None

    @property
    def is_percentage(self) -> bool:
        """Whether its price is a share of other lines: there is none of its own to be set."""
        return self.price is not None and self.price.method == PercentOfTotal.code

    @property
    def is_plan(self) -> bool:
        return self.product.kind == ProductKind.PLAN

    @property
    def unit_price(self) -> Decimal | None:
        """Per unit and month, or once for a service, where the least is bought; before volume discounts.

        None without a price, and for a percentage of other lines, which has none of its own.
        """
        if self.price is None:
            return None
        try:
            return self._unit_price(self.price)
        except PricingError:  # No price for the least, or figures that no longer read: the sale is refused too.
            return None

    def _unit_price(self, price: Price | ContractedPrice) -> Decimal | None:
        method = price.as_method()
        if isinstance(method, ListPrice | UsagePrice):
            whole = Fraction(method.unit_price)
        elif isinstance(method, OwnPrice):
            least = max(Fraction(self.product.min_quantity), Fraction(1))
            whole = method.charge(least, Fraction(0)) / least
        else:
            return None
        once = self.product.billing == BillingRule.ONCE or isinstance(method, UsagePrice)
        return stored(whole if once else whole / price.price_months)


def at_own_price(line: QuoteLine, offered: Offered | None) -> QuoteLine:
    """The line at the price that holds for the account: its method, months and schedules. As it is without a price.

    An agreed price per unit stands beside the book's, so that the customer sees both; one by another method instead.
    """
    if offered is None or offered.price is None:
        return line
    row, listed = offered.price, offered.listed
    method = row.as_method()
    is_per_unit = isinstance(method, ListPrice)
    is_agreed = isinstance(row, ContractedPrice)
    beside = is_agreed and is_per_unit and listed is not None and _compares(row, listed)
    volume = row.volume_schedule or (listed.volume_schedule if listed and row.is_stackable else None)
    term = row.term_schedule or (listed.term_schedule if listed and row.is_stackable else None)
    return replace(
        line,
        unit_price=listed.unit_price if beside and listed is not None else row.unit_price,
        contracted_price=row.unit_price if beside else None,
        is_contracted=is_agreed and not beside,
        method=None if is_per_unit else method,
        price_months=row.price_months,
        schedule=volume.as_schedule() if volume else None,
        term_schedule=term.as_schedule() if term else None,
        schedules_stack=row.is_stackable,
    )


def _compares(row: Price | ContractedPrice, listed: Price) -> bool:
    """Whether the two are prices of the same thing: a unit, for as many months."""
    return listed.price_months == row.price_months and isinstance(listed.as_method(), ListPrice)


def offered_products(
    *, account: Account, today: date, contract: Contract | None = None, with_drafts: bool = False
) -> dict[str, Offered]:
    """Every product on sale by its code, with the account's own price of the day. Three queries.

    A change of a `contract` is priced in its currency and by its book. `with_drafts` is for staff who look ahead.
    """
    prices = prices_for(account=account, today=today, contract=contract)
    offered = {}
    for product in (_on_sale_or_drafted if with_drafts else _on_sale)(today=today):
        found = prices.get(product.pk)
        row, listed = (found.row, found.listed) if found else (None, None)
        offered[product.code] = Offered(product, row, listed, _bundle(product))
    return offered


def _rows(*, with_drafts: bool) -> QuerySet[Product]:
    return Product.objects.on_sale(Given("today"), with_drafts=with_drafts).with_options().order_by("rank", "name")


_on_sale = Compiled(lambda: _rows(with_drafts=False))
_on_sale_or_drafted = Compiled(lambda: _rows(with_drafts=True))


def _bundle(product: Product) -> Bundle | None:
    """A product with the options that were read along with it; None where there are none."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for option in product.options_read:
        groups.setdefault(option["group"], []).append(option)
    if not groups:
        return None
    return Bundle(
        product.code,
        product.name,
        tuple(
            Group(name, tuple(_option(row) for row in rows), rows[0]["min_options"], rows[0]["max_options"])
            for name, rows in groups.items()
        ),
    )


def _option(row: dict[str, Any]) -> Option:
    return Option(
        code=row["code"],
        name=row["name"],
        is_required=row["is_required"],
        is_included=row["is_included"],
        is_once=row["kind"] == ProductKind.SERVICE,
        least=Decimal(row["least"]),
        most=None if row["most"] is None else Decimal(row["most"]),
        default=Decimal(row["default"]),
    )


def grants_of(products: Iterable[Product]) -> dict[int, list[ProductGrant]]:
    """What each of the products grants, by its key. One query."""
    found: dict[int, list[ProductGrant]] = defaultdict(list)
    for grant in ProductGrant.objects.filter(product__in={product.pk for product in products}):
        found[grant.product_id].append(grant)
    return found


def grants_for(grants: Iterable[ProductGrant], quantity: Decimal) -> list[Grant]:
    """What `quantity` units of a product grant; nothing for none."""
    if quantity <= 0:
        return []
    return [
        Grant(grant.code, grant.quantity * quantity if grant.is_per_unit and grant.quantity else grant.quantity)
        for grant in grants
    ]


def grant_words(grant: ProductGrant) -> str:
    """What a product grants, in words: "Single sign-on and directory sync"; "100 GB of storage for each"."""
    if grant.quantity is None:
        return str(Feature(grant.code).label) if grant.code in Feature.values else grant.code
    templates = {
        Meter.SEATS: ngettext("%(quantity)s user seat", "%(quantity)s user seats", int(grant.quantity)),
        Meter.API_CALLS: _("%(quantity)s API calls a month"),
        Meter.STORAGE_GB: _("%(quantity)s GB of storage"),
        Meter.AUTOMATION_RUNS: _("%(quantity)s automation runs a month"),
    }
    template = templates.get(Meter(grant.code)) if grant.code in Meter.values else None
    words = (template or f"{grant.code}: %(quantity)s") % {"quantity": amounts.number(grant.quantity)}
    return _("%(what)s for each") % {"what": words} if grant.is_per_unit else words


def is_the_unit_itself(grant: ProductGrant) -> bool:
    """One seat for each seat of a plan: true, and not worth saying."""
    return grant.code == Meter.SEATS and grant.is_per_unit and grant.quantity == 1


def bundle_words(bundle: Bundle) -> list[str]:
    """What is in a bundle, in words, by group: "Access: Single sign-on (included), Audit log"."""
    return [_group_words(group) for group in bundle.groups]


def _group_words(group: Group) -> str:
    least, most = group.least, group.most
    if most is None:
        template = _("%(group)s, at least %(least)s of: %(names)s") if least else "%(group)s: %(names)s"
    elif least == most:
        template = _("%(group)s, %(most)s of: %(names)s")
    else:
        template = _("%(group)s, %(least)s to %(most)s of: %(names)s")
    return template % {
        "group": group.name,
        "names": ", ".join(_option_words(option) for option in group.options),
        "least": amounts.number(least),
        "most": "" if most is None else amounts.number(most),
    }


def _option_words(option: Option) -> str:
    if option.is_included:
        return _("%(option)s (included)") % {"option": option.name}
    return _("%(option)s (required)") % {"option": option.name} if option.is_required else option.name
