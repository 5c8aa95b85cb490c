"""What selling writes down: contracts with their ledgers, the lines of a sale, and the sales that events tell of."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from accounts.models import User
from commerce.contracts.contracts import OwnedLine, owned_on
from commerce.models import Contract, Deal, DeltaKind, Invoice, Order, Product, Quote, Subscription, SubscriptionDelta
from commerce.pricing import quote as engine
from commerce.pricing.tax import TaxCategory
from sandbox.demo.accounts import Customer


@dataclass
class Term:
    """One contract and its ledger."""

    contract: Contract
    deltas: list[SubscriptionDelta] = field(default_factory=list)
    subscriptions: dict[int, Subscription] = field(default_factory=dict)  # By product.

    def owned_on(self, day: date) -> dict[str, OwnedLine]:
        return {line.product.code: line for line in owned_on(self.deltas, day)}


@dataclass(frozen=True)
class Line:
    """One line of a sale: of its quote, its invoice and the ledger."""

    product: Product
    change: DeltaKind
    quantity: Decimal
    quantity_after: Decimal
    unit_price: Decimal
    recurring_minor: int
    priced: engine.PricedLine
    tax_category: TaxCategory

    @property
    def is_charged(self) -> bool:
        return self.priced.net_minor != 0


@dataclass(frozen=True)
class Purchase:
    """A sale that the events of the portal can tell of."""

    customer: Customer
    deal: Deal
    by: User
    quote: Quote | None
    order: Order | None
    invoice: Invoice | None
    done_at: datetime


@dataclass
class Books:
    """Everything that was sold."""

    terms: dict[str, list[Term]] = field(default_factory=lambda: defaultdict(list))  # By the customer's name.
    purchases: list[Purchase] = field(default_factory=list)


def annual_value(priced: engine.PricedQuote) -> int:
    """The yearly value of the recurring lines, and one-time sales as they are."""
    once = sum(line.net_minor for line in priced.lines if line.billing is engine.Billing.ONCE)
    return priced.monthly_minor * 12 + once


def annual_gain(priced: engine.PricedQuote) -> int:
    once = sum(line.net_minor for line in priced.lines if line.billing is engine.Billing.ONCE)
    return (priced.monthly_minor - priced.monthly_before_minor) * 12 + once
