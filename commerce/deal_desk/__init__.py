"""Offers that the vendor's own people have to approve."""
