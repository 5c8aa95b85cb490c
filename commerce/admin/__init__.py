"""The staff's pages about what is sold, agreed and paid."""

from commerce.admin import (
    amendments,
    approvals,
    billing,
    bundles,
    catalogue,
    configurations,
    contracts,
    deal_desk,
    dunning,
    orders,
    papers,
    periods,
    prices,
    provisioning,
    quotes,
    renewals,
)

__all__ = [
    "amendments",
    "approvals",
    "billing",
    "bundles",
    "catalogue",
    "configurations",
    "contracts",
    "deal_desk",
    "dunning",
    "orders",
    "papers",
    "periods",
    "prices",
    "provisioning",
    "quotes",
    "renewals",
]
