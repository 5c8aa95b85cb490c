"""What things cost. Pure: no ORM, no clock, no settings; frozen dataclasses in and out.

docs/pricing.md tells the order of the steps, the rounding and what a customer is promised.
"""
