"""The staff's pages about what is sold, agreed and paid."""

from commerce.admin import billing, catalogue, contracts, orders

__all__ = ["billing", "catalogue", "contracts", "orders"]
