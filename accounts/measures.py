"""What complete data of a company are: each app's `data_quality.py` lists measures, and `portal` composes them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from django.db.models import Exists, Q
from django.utils.functional import Promise


@dataclass(frozen=True)
class Measure:
    """One thing that every active company should have."""

    code: str  # In the address of the list of those that lack it.
    title: str | Promise
    why: str | Promise  # What goes wrong without it.
    has: Callable[[date], Q | Exists]  # True for companies that have it; `OuterRef("pk")` is the company.
