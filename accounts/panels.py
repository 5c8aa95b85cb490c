"""What an app shows on a company's page for the staff: its `account_360.py` lists panels, `portal` composes them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.functional import Promise

from accounts.models import Account


@dataclass(frozen=True)
class Panel:
    """One part of Account 360. Whoever lacks `permission` (a Django permission) costs it no query and never sees it.

    The template gets what `context` returns, and `account`, `today` and `perms`: finer things, such as amounts, are
    shown by `perms` there.
    """

    name: str  # Its place on the page: "cases" is at #cases.
    title: str | Promise
    permission: str
    order: int
    template: str
    context: Callable[[Account, date], Mapping[str, Any]]  # A fixed number of queries, however many rows there are.
    is_wide: bool = False  # Over the whole width.
    # Shown with the page; the others fetch themselves once it is there, as a page asks no more than eight queries.
    is_at_once: bool = False
