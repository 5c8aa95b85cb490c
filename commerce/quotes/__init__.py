"""Offers: made, approved within the company, changed, shown, and accepted."""
