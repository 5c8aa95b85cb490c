"""The staff's pages about what is sold, agreed and paid."""

from commerce.admin import billing

__all__ = ["billing"]
