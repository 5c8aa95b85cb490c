"""What the vendor sells, what a customer has, and the money between them."""

from commerce.models.approvals import ApprovalStatus, PurchaseApproval, PurchaseLimit
from commerce.models.billing import (
    EventCursor,
    Invoice,
    InvoiceLine,
    InvoiceSeries,
    InvoiceStatus,
    PaymentAttempt,
    PaymentState,
    StripeCustomer,
    WebhookEvent,
    WebhookState,
)
from commerce.models.catalogue import BillingRule, Product, ProductGrant, ProductKind
from commerce.models.contracts import Contract, ContractStatus, DeltaKind, Subscription, SubscriptionDelta
from commerce.models.deals import Activity, Deal, DealSource, DealStage, DealType
from commerce.models.orders import Order, OrderStatus, OrderStep
from commerce.models.prices import (
    ContractedPrice,
    DiscountSchedule,
    Price,
    PriceBook,
    PriceRule,
    ProductCost,
    ScheduleKind,
    TaxRate,
)
from commerce.models.quotes import Quote, QuoteLine, QuoteStatus

__all__ = [
    "Activity",
    "ApprovalStatus",
    "BillingRule",
    "Contract",
    "ContractStatus",
    "ContractedPrice",
    "Deal",
    "DealSource",
    "DealStage",
    "DealType",
    "DeltaKind",
    "DiscountSchedule",
    "EventCursor",
    "Invoice",
    "InvoiceLine",
    "InvoiceSeries",
    "InvoiceStatus",
    "Order",
    "OrderStatus",
    "OrderStep",
    "PaymentAttempt",
    "PaymentState",
    "Price",
    "PriceBook",
    "PriceRule",
    "Product",
    "ProductCost",
    "ProductGrant",
    "ProductKind",
    "PurchaseApproval",
    "PurchaseLimit",
    "Quote",
    "QuoteLine",
    "QuoteStatus",
    "ScheduleKind",
    "StripeCustomer",
    "Subscription",
    "SubscriptionDelta",
    "TaxRate",
    "WebhookEvent",
    "WebhookState",
]
