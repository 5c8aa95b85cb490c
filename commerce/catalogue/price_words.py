"""What a product costs an account, in a few words for shelves and forms, by each way to price it."""

from decimal import Decimal
from fractions import Fraction

from django.utils.translation import gettext as _

from commerce import amounts
from commerce.catalogue.catalogue import Offered
from commerce.models import BillingRule, ContractedPrice, DiscountSchedule, Price
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.methods import (
    BlockPrice,
    GraduatedPrice,
    LineKind,
    Method,
    PackagePrice,
    PercentOfTotal,
    UsagePrice,
    VolumePrice,
)
from commerce.pricing.money import PricingError, stored
from commerce.pricing.tiers import Tier

MOST_TIERS = 3  # More of them are for the configurator to show.


def price_words(offered: Offered, currency: str) -> str:
    """€19.00 per seat and month; €1,425.00 once; €27.60 per pack and month, €19.50 from 6 on."""
    if offered.price is None:
        return _("talk to us")
    try:
        method = offered.price.as_method()
    except PricingError:  # Figures that no longer read: the sale is refused too.
        return _("talk to us")
    return _Words(offered, offered.price, currency).of(method)


def percent_words(percent: Decimal) -> str:
    """12.5 %."""
    return _("%(percent)s %%") % {"percent": amounts.number(percent)}


def schedule_words(schedule: DiscountSchedule) -> str:
    """What a schedule takes off, tier by tier: "8 % from 51 on, 15 % from 201 on"."""
    try:
        tiers = schedule.as_schedule().tiers
    except PricingError:  # Figures that no longer read.
        return ""
    given = [(tier.start, tier.percent, tier.amount) for tier in tiers if tier.percent or tier.amount]
    return ", ".join(
        _("%(price)s from %(start)s on")
        % {
            "price": percent_words(percent) if percent is not None else amounts.number(amount or 0),
            "start": amounts.number(start),
        }
        for start, percent, amount in given
    )


class _Words:
    """The words for one price of one product."""

    def __init__(self, offered: Offered, row: Price | ContractedPrice, currency: str) -> None:
        self.offered, self.product, self.row, self.currency = offered, offered.product, row, currency

    def of(self, method: Method) -> str:
        match method:
            case PercentOfTotal():
                return self._percentage(method)
            case PackagePrice():
                return self._packages(method)
            case UsagePrice():
                return _("%(price)s per %(unit)s, by use") % {
                    "price": amounts.unit_price(UnitPrice(method.unit_price, self.currency)),
                    "unit": self.product.unit_label,
                }
            case BlockPrice():
                return _("from %(price)s") % {"price": self._in_time(self._money(Fraction(method.steps[0].flat)))}
            case VolumePrice() | GraduatedPrice():
                return ", ".join([self._each(method.steps[0]), *map(self._further, method.steps[1:MOST_TIERS])])
        least = self.offered.unit_price
        return _("talk to us") if least is None else self._per_unit(amounts.unit_price(UnitPrice(least, self.currency)))

    def _each(self, tier: Tier) -> str:
        return self._per_unit(self._money(Fraction(tier.unit_price)))

    def _further(self, tier: Tier) -> str:
        return _("%(price)s from %(start)s on") % {
            "price": self._money(Fraction(tier.unit_price)),
            "start": amounts.number(tier.start),
        }

    def _packages(self, method: PackagePrice) -> str:
        price = self._money(Fraction(method.package_price))
        words = _("%(price)s for each %(size)s") % {"price": price, "size": amounts.number(method.package_size)}
        if not method.free_units:
            return self._in_time(words)
        units = amounts.number(method.free_units)
        return _("%(words)s, the first %(units)s free") % {"words": self._in_time(words), "units": units}

    def _percentage(self, method: PercentOfTotal) -> str:
        percent = amounts.number(method.percent)
        if method.covers == {LineKind.PLAN} and not method.products:
            return _("%(percent)s %% of the price of your plan") % {"percent": percent}
        return _("%(percent)s %% of the price of what it is for") % {"percent": percent}

    def _per_unit(self, price: str) -> str:
        if self._is_once:
            return _("%(price)s once") % {"price": price}
        return _("%(price)s per %(unit)s and month") % {"price": price, "unit": self.product.unit_label}

    def _in_time(self, words: str) -> str:
        """Of a price that is not of one unit."""
        return (_("%(price)s once") if self._is_once else _("%(price)s a month")) % {"price": words}

    def _money(self, price: Fraction) -> str:
        """A figure of the row, for one month where it is for several."""
        months = 1 if self._is_once else self.row.price_months
        return amounts.unit_price(UnitPrice(stored(price / months), self.currency))

    @property
    def _is_once(self) -> bool:
        return self.product.billing == BillingRule.ONCE
