"""What a quote is: the request that a price depends on, and the priced answer that is frozen and charged as shown."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .explanation import Explanation, Phrase
from .methods import LineKind as LineKind
from .methods import Method, OwnPrice
from .methods import PercentOfTotal as PercentOfTotal
from .money import Choice, stored
from .proration import Period, ProrationMode
from .tax import TaxedAmount, TaxTreatment, tax_line
from .tiers import BuyUpHint, DiscountSchedule
from .waterfall import Adjustment, PriceRule, PriceStep, RenewalTerms

# Part of the hash: a change of the arithmetic must not leave an old hash valid.
PRICING_VERSION = "pricing/1"


class QuoteMode(Choice):
    NEW = "new"
    AMENDMENT = "amendment"


class Billing(Choice):
    """`term`: prepaid for the contract term; `period`: each billing period; `once`: one time, never prorated."""

    TERM = "term"
    PERIOD = "period"
    ONCE = "once"


class LineRole(Choice):
    """What a priced line does: charge something, credit what it replaces, or stand unchanged."""

    CHARGE = "charge"
    CREDIT = "credit"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """What the customer already has on a line. `unit_price` is the net price it was sold at, and stays locked."""

    product_code: str
    name: str
    quantity: Decimal | int
    unit_price: Decimal
    price_months: int = 1
    billing: Billing | None = None
    tax_rate_percent: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class QuoteLine:
    """One line of a quote.

    `quantity` is what the customer shall have afterwards. `unit_price` is per unit for `price_months` months (1 = a
    month, 12 = a year) and is today's price; with a `holding` of the same product only the added units are priced by
    it, and the others keep theirs. A `holding` of another product is swapped for this one. `unit` names the units in
    words ("seats") where there is such a word. A `key` tells lines of one product apart.

    A `method` prices units otherwise than by so much for each; with `is_contracted` its price was agreed. A contracted
    price takes discount schedules only where `schedules_stack`. Lines of one `group` can share a schedule. The list
    override, the special price, the discount and the shares of partner and distributor are the staff's to give.

    With `locks_added_price`, units added to a `holding` cost no more than those held, unless staff set their price.
    `most_unit_price` is what a unit may cost at most, with every discount in it.
    """

    product_code: str
    name: str
    kind: LineKind
    quantity: Decimal | int
    unit_price: Decimal
    billing: Billing
    price_months: int = 1
    unit: str | Phrase = ""
    quantity_places: int = 0
    holding: Holding | None = None
    schedule: DiscountSchedule | None = None
    discount: Adjustment | None = None
    method: Method | None = None
    is_contracted: bool = False
    contracted_price: Decimal | None = None
    list_override: Decimal | None = None
    special_price: Decimal | None = None
    term_schedule: DiscountSchedule | None = None
    schedules_stack: bool = False
    rules: tuple[PriceRule, ...] = ()
    partner_percent: Decimal = Decimal(0)
    distributor_percent: Decimal = Decimal(0)
    group: str = ""
    tax_note: Phrase | None = None  # What the law wants said where there is no tax.
    percent_of_total: PercentOfTotal | None = None
    renewal: RenewalTerms | None = None  # Of a line that goes on from an ended term.
    tax_rate_percent: Decimal = Decimal(0)
    locks_added_price: bool = False
    most_unit_price: Decimal | None = None
    key: str = ""

    @property
    def line_key(self) -> str:
        return self.key or self.product_code

    @property
    def months_of_price(self) -> int:
        """How many months a price of the line is for; 1 for what is paid once."""
        return 1 if self.billing is Billing.ONCE else self.price_months

    @property
    def share(self) -> PercentOfTotal | None:
        """The percentage of other lines that prices this one, if it does: a special price goes before it."""
        if self.special_price is not None or any(rule.special_price is not None for rule in self.rules):
            return None
        return self.method if isinstance(self.method, PercentOfTotal) else self.percent_of_total

    @property
    def own_price(self) -> OwnPrice | None:
        """The method that prices the line by itself, where it is not so much for each unit."""
        return self.method if isinstance(self.method, OwnPrice) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class QuoteRequest:
    """All that a price depends on. Dates are calendar dates in the account's time zone, periods half-open.

    `change_date` is the first day of the new state; a new contract changes on its first day. `billing_period` is the
    running period of lines billed per period, `period_months` its full length.
    """

    mode: QuoteMode
    currency: str
    lines: tuple[QuoteLine, ...]
    contract: Period
    change_date: date
    billing_period: Period | None = None
    period_months: int = 1
    proration_mode: ProrationMode = ProrationMode.MONTH_DAY
    tax_treatment: TaxTreatment = TaxTreatment.EXCLUSIVE
    credit_downgrades: bool = False

    @property
    def takes_tax_out(self) -> bool:
        """Whether the tax that is in the prices is not charged."""
        return self.tax_treatment is TaxTreatment.TAKEN_OUT

    def rate_charged(self, line: QuoteLine) -> Decimal:
        """The tax that the line bears, in percent."""
        return Decimal(0) if self.takes_tax_out else line.tax_rate_percent

    def taxed(self, line: QuoteLine, minor: int) -> TaxedAmount:
        """What an amount at the prices of the line comes to, and the tax on it."""
        return tax_line(minor, rate_percent=line.tax_rate_percent, treatment=self.tax_treatment)

    def shown(self, line: QuoteLine, minor: int) -> int:
        """The amount as it is shown: with the tax that is in it, unless that is taken out."""
        return self.taxed(line, minor).net_minor if self.takes_tax_out else minor


@dataclass(frozen=True, kw_only=True, slots=True)
class PricedLine:
    """One priced line. Amounts are integer minor units of the quote's currency; a credit is negative.

    `net_minor`, `tax_minor`, `gross_minor` are due now. `monthly_minor` is the recurring price per month afterwards,
    before tax where prices are; `monthly_before_minor` what it was. `period_minor` and `period_tax_minor` are what each
    later period's invoice shows (zero for lines billed otherwise). `quantity_change` is the row for the ledger, and
    `sold_unit_price` the net price of a unit of it for `price_months` months: what a later `Holding` is locked at.
    `buy_up` is a larger quantity that costs less, where there is one.
    """

    key: str
    product_code: str
    name: str
    kind: LineKind
    role: LineRole
    billing: Billing
    quantity: Decimal
    quantity_change: Decimal
    unit_price: Decimal
    price_months: int
    net_unit_price: Decimal
    multiplier: Decimal
    steps: tuple[PriceStep, ...]
    net_minor: int
    tax_minor: int
    tax_rate_percent: Decimal
    monthly_minor: int
    monthly_before_minor: int
    period_minor: int
    period_tax_minor: int
    explanation: Explanation
    sold_unit_price: Decimal
    buy_up: BuyUpHint | None = None

    @property
    def gross_minor(self) -> int:
        return self.net_minor + self.tax_minor

    @property
    def period_gross_minor(self) -> int:
        return self.period_minor + self.period_tax_minor


@dataclass(frozen=True, kw_only=True, slots=True)
class PricedQuote:
    """The answer: frozen on the quote, charged as shown. Every total is the sum of the lines.

    The figures named `due_` are to be paid on acceptance (below zero: a credit to balance), those named `period_` with
    each later period, and `monthly_` the recurring price per month of all lines, however billed.
    """

    mode: QuoteMode
    currency: str
    contract: Period
    change_date: date
    billing_period: Period | None
    period_months: int
    proration_mode: ProrationMode
    tax_treatment: TaxTreatment
    lines: tuple[PricedLine, ...]

    @property
    def due_net_minor(self) -> int:
        return sum(line.net_minor for line in self.lines)

    @property
    def due_tax_minor(self) -> int:
        return sum(line.tax_minor for line in self.lines)

    @property
    def due_now_minor(self) -> int:
        return self.due_net_minor + self.due_tax_minor

    @property
    def period_net_minor(self) -> int:
        return sum(line.period_minor for line in self.lines)

    @property
    def period_tax_minor(self) -> int:
        return sum(line.period_tax_minor for line in self.lines)

    @property
    def period_total_minor(self) -> int:
        return self.period_net_minor + self.period_tax_minor

    @property
    def monthly_minor(self) -> int:
        return sum(line.monthly_minor for line in self.lines)

    @property
    def monthly_before_minor(self) -> int:
        return sum(line.monthly_before_minor for line in self.lines)

    @property
    def monthly_net_minor(self) -> int:
        """What `monthly_minor` is without the tax that may be in it: the basis of all that is shown beside it."""
        return sum(self.before_tax(line, line.monthly_minor) for line in self.lines)

    @property
    def monthly_net_before_minor(self) -> int:
        return sum(self.before_tax(line, line.monthly_before_minor) for line in self.lines)

    def before_tax(self, line: PricedLine, minor: int) -> int:
        """A recurring amount of the line without the tax that may be in it."""
        if self.tax_treatment is TaxTreatment.EXCLUSIVE:
            return minor
        return tax_line(minor, rate_percent=line.tax_rate_percent, treatment=self.tax_treatment).net_minor

    @property
    def price_hash(self) -> str:
        """Binds an acceptance to what was shown: sha256 over the figures, whatever the order of the lines."""
        canonical = json.dumps(self.figures(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def figures(self) -> dict[str, object]:
        """Every figure of the quote as plain JSON values, lines in the order of their keys."""
        return {
            "version": PRICING_VERSION,
            "mode": self.mode.value,
            "currency": self.currency,
            "contract": _period_figures(self.contract),
            "change_date": self.change_date.isoformat(),
            "billing_period": None if self.billing_period is None else _period_figures(self.billing_period),
            "period_months": self.period_months,
            "proration_mode": self.proration_mode.value,
            "tax_treatment": self.tax_treatment.value,
            "lines": [_line_figures(line) for line in sorted(self.lines, key=lambda line: (line.key, line.role))],
            "due_net_minor": self.due_net_minor,
            "due_tax_minor": self.due_tax_minor,
            "due_now_minor": self.due_now_minor,
            "period_net_minor": self.period_net_minor,
            "period_tax_minor": self.period_tax_minor,
            "monthly_minor": self.monthly_minor,
        }


def _period_figures(period: Period) -> list[str]:
    return [period.start_date.isoformat(), period.until_date.isoformat()]


def _line_figures(line: PricedLine) -> dict[str, object]:
    return {
        "key": line.key,
        "product_code": line.product_code,
        "kind": line.kind.value,
        "role": line.role.value,
        "billing": line.billing.value,
        "quantity": str(stored(line.quantity)),
        "quantity_change": str(stored(line.quantity_change)),
        "unit_price": str(line.unit_price),
        "price_months": line.price_months,
        "net_unit_price": str(line.net_unit_price),
        "multiplier": str(line.multiplier),
        "steps": [[step.name, str(step.value)] for step in line.steps],
        "net_minor": line.net_minor,
        "tax_minor": line.tax_minor,
        "tax_rate_percent": str(stored(line.tax_rate_percent)),
        "monthly_minor": line.monthly_minor,
        "period_minor": line.period_minor,
        "period_tax_minor": line.period_tax_minor,
    }
