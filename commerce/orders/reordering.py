"""Ordering again what was ordered before: added to what the company has now, at today's prices."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from django.utils.translation import gettext as _

from commerce.configuring.situations import Configuration, Situation
from commerce.models import DeltaKind, Order, Product, ProductKind, QuoteLine


class NothingToReorder(Exception):
    """Nothing that it bought is sold any more, or it only gave things back."""


@dataclass(frozen=True)
class Reorder:
    """What the configurator begins with, and what it leaves out, with the reason."""

    configuration: Configuration
    missing: Mapping[str, str]  # Name of a product to why it can't be ordered.


def reorder(order: Order, situation: Situation) -> Reorder:
    """What the company would have with the same purchase once more. One query. Raises `NothingToReorder`.

    Seats and add-ons are added to those that it has; a plan that it has left by now is changed to once more.
    """
    lines = list(order.quote.lines.select_related("product__successor")) if order.quote else []
    bought = [line for line in lines if line.quantity > 0]
    sold = [line for line in bought if _is_sold(line.product, situation)]
    if not sold:
        raise NothingToReorder(_("Nothing of order %(number)s can be ordered any more.") % {"number": order.number})
    wanted = situation.current
    for line in sold:
        wanted = _with(wanted, line, situation)
    return Reorder(wanted, {line.product.name: _why_not(line, situation) for line in bought if line not in sold})


def _with(wanted: Configuration, line: QuoteLine, situation: Situation) -> Configuration:
    if line.product.kind != ProductKind.PLAN:
        held = Decimal(wanted.addons.get(line.product.code, 0))
        return replace(wanted, addons={**wanted.addons, line.product.code: held + line.quantity})
    if line.product.code != wanted.plan:
        return replace(wanted, plan=line.product.code, seats=max(wanted.seats, int(line.quantity_after)))
    if line.change == DeltaKind.QUANTITY:
        return replace(wanted, seats=wanted.seats + int(line.quantity))
    return wanted  # The plan that it changed to then is the one it has.


def _why_not(line: QuoteLine, situation: Situation) -> str:
    successor = line.product.successor
    if successor is not None and _is_sold(successor, situation):
        return _("It is sold no more; “%(product)s” has taken its place.") % {"product": successor}
    return _("It is sold no more.")


def _is_sold(product: Product, situation: Situation) -> bool:
    offered = situation.offered.get(product.code)
    return offered is not None and offered.is_sellable
