"""The steps from a price-book price to the total of a line, in their one order.

docs/pricing.md says the same in prose. Every intermediate value is kept, so that a line can show how its price came
about. Nothing is rounded before the line total; the steps are stored with 12 decimals for display only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from .methods import ListPrice, OwnPrice
from .money import (
    STORED_PLACES,
    Choice,
    Money,
    PricingError,
    exact,
    exact_percent,
    exact_price,
    is_negative,
    less_percent,
    round_money,
    stored,
)
from .renewal import RenewalMethod
from .tiers import (
    DiscountExceedsPrice,
    DiscountSchedule,
    checked_quantity,
    discounted_unit_price,
)

LOCKED = "locked_price"  # The step that a lock takes.


class RulesOutOfOrder(PricingError):
    """Two price rules claim the same place in the order, so the price would depend on chance."""

    code = "rules_out_of_order"


class AdjustmentKind(Choice):
    """A step on the running price of one unit."""

    OPTION = "option"
    DISCOUNT_AMOUNT = "discount_amount"
    DISCOUNT_PERCENT = "discount_percent"
    UPLIFT_PERCENT = "uplift_percent"
    PARTNER_PERCENT = "partner_percent"
    DISTRIBUTOR_PERCENT = "distributor_percent"


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One step: an amount per unit, or a percentage of the running price."""

    kind: AdjustmentKind
    value: Decimal


@dataclass(frozen=True, slots=True)
class PriceStep:
    """One figure of the waterfall, kept for display and audit."""

    name: str
    exact: Fraction

    @property
    def value(self) -> Decimal:
        """As it is stored. Worked out when it is asked for: of most prices, nobody asks for the steps."""
        return stored(self.exact)


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceRule:
    """A rule for lines of at least `min_quantity`: a special price, a discount, or both. Lower `order` goes first."""

    order: int
    min_quantity: int = 0
    special_price: Decimal | None = None
    discount_percent: Decimal | None = None
    label: str = ""  # What the customer reads beside it.


@dataclass(frozen=True, slots=True)
class ShareOfTotal:
    """A price that is a percentage of what other lines come to. They are prorated already, so it is not again."""

    percent: Decimal
    covered_total: Decimal


@dataclass(frozen=True, slots=True)
class RenewalTerms:
    """How a line renews. `sold_price` is the net unit price it was sold at, for the months the price covers.

    `promised_percent` was promised to a customer for staying: it comes off the renewed price.
    """

    method: RenewalMethod
    sold_price: Decimal
    uplift_percent: Decimal = Decimal(0)
    uplift_years: Decimal | int = 1
    promised_percent: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class LineTerms:
    """Everything the price of one line depends on. Prices are per unit, in the currency, for the price's own months.

    `multiplier` is how many times that price is due (see `prorate_multiplier`); lines that are paid once ignore it.
    `already` is how many units were bought before: prices and slab discounts go on where those ended, the discounts
    where `counted` units did if that is another number. A `method` says what the units cost, if not so much for each;
    `is_contracted` that its price was agreed. Of a unit, no more than `most_unit_price` is charged.
    """

    original_price: Decimal
    quantity: Decimal | int
    currency: str
    quantity_places: int = 0
    already: Decimal | int = 0
    counted: Decimal | int | None = None
    one_time: bool = False
    multiplier: Fraction = Fraction(1)
    list_override: Decimal | None = None
    special_price: Decimal | None = None
    contracted_price: Decimal | None = None
    method: OwnPrice | None = None
    is_contracted: bool = False
    share_of_total: ShareOfTotal | None = None
    schedules_stack: bool = False
    renewal: RenewalTerms | None = None
    volume_schedule: DiscountSchedule | None = None
    term_schedule: DiscountSchedule | None = None
    term_months: int = 0
    prorate_amount_discounts: bool = True
    rules: tuple[PriceRule, ...] = ()
    discount: Adjustment | None = None
    partner_percent: Decimal = Decimal(0)
    distributor_percent: Decimal = Decimal(0)
    most_unit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LinePrice:
    """The answer of the waterfall. `net_unit_price` is exact; `total` is the only rounded figure."""

    steps: tuple[PriceStep, ...]
    net_unit_price: Fraction
    effective_quantity: Fraction
    total: Money

    @property
    def exact_total(self) -> Fraction:
        return self.net_unit_price * self.effective_quantity

    @property
    def is_locked(self) -> bool:
        """Whether units cost less than by today's price, as those held do."""
        return any(step.name == LOCKED for step in self.steps)


def apply_adjustment(price: Fraction, adjustment: Adjustment) -> Fraction:
    """The running price of a unit after one step. Raises DiscountExceedsPrice, PercentOutOfRange, NegativeAmount."""
    match adjustment.kind:
        case AdjustmentKind.OPTION:
            adjusted = price + exact(adjustment.value)
        case AdjustmentKind.DISCOUNT_AMOUNT:
            adjusted = price - exact_price(adjustment.value)
        case AdjustmentKind.UPLIFT_PERCENT:
            adjusted = price * (1 + exact_price(adjustment.value) / 100)
        case _:
            adjusted = less_percent(price, adjustment.value)
    if is_negative(adjusted):
        raise DiscountExceedsPrice(f"{adjustment.kind} {adjustment.value} takes the price below zero")
    return adjusted


def rules_for(rules: Sequence[PriceRule], quantity: Fraction) -> list[PriceRule]:
    """The rules that a line of so many units meets, in their order."""
    return [rule for rule in sorted(rules, key=lambda rule: rule.order) if quantity >= rule.min_quantity]


def line_amount(
    *,
    list_price: Decimal,
    quantity: Decimal | int,
    adjustments: Sequence[Adjustment],
    currency: str,
    quantity_places: int = STORED_PLACES,
) -> Decimal:
    """The total of a line whose price is adjusted step by step, in the order given. Rounded once, at the end.

    Hours and gigabytes have fractions, so any quantity goes unless `quantity_places` says what the unit allows.
    Raises DiscountExceedsPrice, PercentOutOfRange, NegativeAmount, FractionalQuantity, QuantityTooLarge, NotANumber.
    """
    price = exact_price(list_price)
    for adjustment in adjustments:
        price = apply_adjustment(price, adjustment)
    return round_money(price * checked_quantity(quantity, places=quantity_places), currency)


def price_line(terms: LineTerms) -> LinePrice:
    """Price one line, keeping each step.

    Raises the errors of quantities, tiers and percentages, and RulesOutOfOrder, ListPriceMissing.
    """
    orders = [rule.order for rule in terms.rules]
    if len(set(orders)) != len(orders):
        raise RulesOutOfOrder("two price rules have the same order")
    quantity = checked_quantity(terms.quantity, places=terms.quantity_places)

    waterfall = _Waterfall(terms, quantity)
    regular = waterfall.to_regular_price()
    regular = waterfall.through_rules(regular)
    net = waterfall.to_net_price(regular)
    total = Money.rounded(net * waterfall.effective_quantity, terms.currency)
    waterfall.keep("line_total", exact(total.amount))
    return LinePrice(tuple(waterfall.steps), net, waterfall.effective_quantity, total)


class _Waterfall:
    """One run of the steps for one line, with the figures it kept."""

    def __init__(self, terms: LineTerms, quantity: Fraction) -> None:
        self.terms = terms
        self.quantity = quantity
        self.multiplier = Fraction(1) if terms.one_time or terms.share_of_total else terms.multiplier
        self.steps: list[PriceStep] = []
        self.effective_quantity = quantity

    def keep(self, name: str, value: Fraction) -> Fraction:
        self.steps.append(PriceStep(name, value))
        return value

    @property
    def carries_sold_price(self) -> bool:
        """A renewal at the sold price is net already: its discounts were given when it was sold."""
        renewal = self.terms.renewal
        return renewal is not None and renewal.method is not RenewalMethod.LIST

    @property
    def schedules_apply(self) -> bool:
        """Contracted prices and those of blocks have the quantity in them already, unless the price says they stack."""
        terms = self.terms
        in_it = terms.method is not None and terms.method.has_quantity_in_it
        fixed = terms.special_price is None and (terms.contracted_price is not None or terms.is_contracted or in_it)
        return not self.carries_sold_price and (terms.schedules_stack or not fixed)

    def to_regular_price(self) -> Fraction:
        """Steps 0 to 5: from the price book over base and proration to the schedules."""
        terms = self.terms
        original = self.keep("original_price", self._original_price())
        listed = original if terms.list_override is None else exact_price(terms.list_override)
        self.keep("list_price", listed)
        base = self.keep("base_price", self._base_price(listed))
        price = self.keep("prorated_price", base * self.multiplier)

        amount_multiplier = self.multiplier if terms.prorate_amount_discounts else Fraction(1)
        if self.schedules_apply and terms.volume_schedule is not None:
            price = discounted_unit_price(
                terms.volume_schedule,
                price,
                self.quantity,
                already=checked_quantity(
                    terms.already if terms.counted is None else terms.counted, places=terms.quantity_places
                ),
                amount_multiplier=amount_multiplier,
            )
            self.keep("volume_price", price)
        if self.schedules_apply and terms.term_schedule is not None:
            price = discounted_unit_price(
                terms.term_schedule, price, Fraction(terms.term_months), amount_multiplier=amount_multiplier
            )
            self.keep("term_price", price)
        return self.keep("regular_price", price)

    def through_rules(self, regular: Fraction) -> Fraction:
        """Step 6. A rule that sets a special price sends the line through the steps above once more, and no further."""
        if self.carries_sold_price:
            return regular
        special = None
        discounts: list[PriceRule] = []
        for rule in rules_for(self.terms.rules, self.quantity):
            if rule.special_price is not None:
                special = rule.special_price
                self.keep(f"rule_{rule.order}_special_price", exact_price(special))
            if rule.discount_percent is not None:
                discounts.append(rule)
        if special is not None:
            self.terms = replace(self.terms, special_price=special)
            regular = self.to_regular_price()
        for rule in discounts:
            regular = self.keep(f"rule_{rule.order}_price", less_percent(regular, rule.discount_percent or Decimal(0)))
        return regular

    def to_net_price(self, regular: Fraction) -> Fraction:
        """Steps 7 to 9: manual discount, uplift of a renewal, partner and distributor, the lock."""
        terms = self.terms
        customer = regular
        if terms.discount is not None and not self.carries_sold_price:
            discount = terms.discount
            if discount.kind is AdjustmentKind.DISCOUNT_AMOUNT and terms.prorate_amount_discounts:
                customer = self._amount_off(customer, exact_price(discount.value) * self.multiplier)
            else:
                customer = apply_adjustment(customer, discount)
        self.keep("customer_price", customer)
        if terms.renewal is not None and terms.renewal.method is RenewalMethod.UPLIFT:
            # The uplift comes after the discounts, and the regular price shown beside it carries the same factor: so a
            # percentage given once stays that percentage.
            factor = 1 + exact_price(terms.renewal.uplift_percent) / 100 * exact_price(terms.renewal.uplift_years)
            self.keep("uplifted_regular_price", regular * factor)
            customer = self.keep("uplifted_customer_price", customer * factor)
        if terms.renewal is not None and terms.renewal.promised_percent:
            customer = self.keep("promised_price", less_percent(customer, terms.renewal.promised_percent))
        partner = self.keep("partner_price", less_percent(customer, terms.partner_percent))
        net = less_percent(partner, terms.distributor_percent)
        if terms.most_unit_price is not None:
            most = exact_price(terms.most_unit_price) * self.multiplier
            net = self.keep(LOCKED, most) if most < net else net
        return self.keep("net_unit_price", net)

    def _original_price(self) -> Fraction:
        """What the book says: of a unit, of the whole, or on the average where units cost differently."""
        terms = self.terms
        if terms.method is None or isinstance(terms.method, ListPrice):
            return exact_price(terms.original_price)
        whole = terms.method.charge(self.quantity, checked_quantity(terms.already, places=terms.quantity_places))
        return whole if terms.method.is_of_the_whole or not self.quantity else whole / self.quantity

    def _base_price(self, listed: Fraction) -> Fraction:
        """Step 2, or 3 for a renewal: the first price that exists."""
        terms = self.terms
        self.effective_quantity = self.quantity
        if terms.renewal is not None and terms.renewal.method is not RenewalMethod.LIST:
            return exact_price(terms.renewal.sold_price)
        if terms.special_price is not None:
            return exact_price(terms.special_price)
        if terms.contracted_price is not None:
            return exact_price(terms.contracted_price)
        if terms.method is not None:
            if terms.method.is_of_the_whole:
                self.effective_quantity = Fraction(1)
        elif terms.share_of_total is not None:
            return exact_percent(terms.share_of_total.percent) * exact(terms.share_of_total.covered_total)
        return listed

    @staticmethod
    def _amount_off(price: Fraction, amount: Fraction) -> Fraction:
        if amount > price:
            raise DiscountExceedsPrice("the discount is more than the price")
        return price - amount
