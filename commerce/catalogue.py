"""What an account may buy, at the prices of its own tier."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Account, Feature
from accounts.services import Grant
from commerce import amounts
from commerce.models import Price, Product, ProductGrant, ProductKind
from tracking.models import Meter


@dataclass(frozen=True)
class Offered:
    """A product as one account sees it. Without a price in the account's book it is shown, and not sold."""

    product: Product
    price: Price | None

    @property
    def is_sellable(self) -> bool:
        return self.price is not None and self.product.is_on_sale

    @property
    def is_plan(self) -> bool:
        return self.product.kind == ProductKind.PLAN

    @property
    def unit_price(self) -> Decimal | None:
        """Per unit and month, or once for a service; before volume discounts."""
        return None if self.price is None else self.price.unit_price


def offered_products(*, account: Account, today: date) -> dict[str, Offered]:
    """Every product on sale by its code, with the account's own price of the day. Two queries."""
    prices = {price.product_id: price for price in Price.objects.for_account(account).on(today).order_by("valid_from")}
    return {
        product.code: Offered(product, prices.get(product.pk))
        for product in Product.objects.on_sale().order_by("rank", "name")
    }


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
