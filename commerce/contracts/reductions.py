"""Less than now: what it means for the ledger, at the prices that hold."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from commerce.configuring.configuring import price_less
from commerce.configuring.situations import Configuration, ConfigurationRefused, Situation
from commerce.contracts.ledger import Entry
from commerce.models import DeltaKind, ProductKind
from commerce.pricing import quote as engine
from commerce.pricing.money import to_minor
from commerce.quotes.quoting import monthly_unit_price


class NotLess(ConfigurationRefused):
    """It is what the account has, or more of something: that is bought in the configurator."""

    code = "not_less"


def entries_of(situation: Situation, configuration: Configuration) -> list[Entry]:
    """The entries that lead from what is owned to the configuration. No query. Raises `ConfigurationRefused`.

    What stays keeps its price; a plan that takes the place of another has today's, and must cost less.
    """
    priced = price_less(situation, configuration)
    entries = [_entry(situation, priced, line) for line in priced.lines if line.quantity_change]
    if not entries:
        raise NotLess(_("This is what you have now. Choose less of something."))
    for code in _growing(entries):
        raise NotLess(_("This is more than you have now. Buy it in the configurator."), field=code)
    return entries


def _entry(situation: Situation, priced: engine.PricedQuote, line: engine.PricedLine) -> Entry:
    product, held = situation.products[line.product_code], situation.owned.get(line.product_code)
    if line.role is engine.LineRole.CHARGE:
        is_swap = product.kind == ProductKind.PLAN and held is None
        recurring = priced.before_tax(line, line.monthly_minor)
        if held is not None:
            recurring -= held.monthly_minor
        kind = DeltaKind.SWAP_IN if is_swap else DeltaKind.QUANTITY if held else DeltaKind.NEW
        return Entry(product, kind, line.quantity_change, monthly_unit_price(line), recurring)
    if held is None:
        raise ValueError(f"{line.product_code} is given up and not owned")
    left = held.quantity + line.quantity_change
    if not left:
        is_swap = product.kind == ProductKind.PLAN
        return Entry.taking(held, DeltaKind.SWAP_OUT if is_swap else DeltaKind.QUANTITY)
    monthly = priced.before_tax(line, to_minor(left * held.unit_price, held.currency)) if held.is_recurring else 0
    return Entry(product, DeltaKind.QUANTITY, line.quantity_change, held.unit_price, monthly - held.monthly_minor)


def _growing(entries: list[Entry]) -> Iterator[str]:
    """Products of which there would be more; of a swap, whether it costs more."""
    swap = [entry for entry in entries if entry.kind in (DeltaKind.SWAP_IN, DeltaKind.SWAP_OUT)]
    if swap and sum(entry.recurring_minor for entry in swap) >= 0:
        yield "plan"
    yield from (entry.product.code for entry in entries if entry not in swap and entry.quantity > 0)
