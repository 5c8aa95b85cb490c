"""How the configurator sells: how far people get in it, and how soon a quote is paid."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from analytics import kpis
from commerce.models import ConfiguratorStep, InvoiceStatus, Order, QuoteOrigin
from tracking.models import Event, EventName

WINDOW = timedelta(days=90)
_DAY = Decimal(24 * 3600)


@dataclass(frozen=True)
class Stage:
    """How many people came so far, and how many of those of the stage before did not."""

    code: str
    people: int
    before: int | None  # At the stage before; None at the first.

    @property
    def lost(self) -> int:
        return 0 if self.before is None else max(self.before - self.people, 0)

    @property
    def drop_off(self) -> Decimal | None:
        """Of those at the stage before; None at the first, and after nobody."""
        return None if not self.before else Decimal(self.lost) / self.before


@dataclass(frozen=True)
class Selling:
    """The figures of a window of days."""

    guided: list[Stage]
    full: list[Stage]
    portal_days: Decimal | None  # Median from quote to paid, where the customer made the quote.
    portal_orders: int
    staff_days: Decimal | None  # The same, where our people sold.
    staff_orders: int


def selling(*, now: datetime) -> Selling:
    """The last ninety days. Three queries, whatever happened."""
    steps, quoted, ordered = _people(now)
    portal, staff = _days_to_paid(now)
    guided = [step.value for step in (ConfiguratorStep.PLAN, ConfiguratorStep.ADDONS, ConfiguratorStep.REVIEW)]
    # Who came to a later step was at the earlier ones, be it by a link.
    reached = [set[int]().union(*(steps.get(later, set()) for later in guided[at:])) for at in range(len(guided))]
    full = steps.get(ConfiguratorStep.ALL.value, set())
    return Selling(
        guided=_stages([*guided, "quote", "order"], _through(reached, quoted, ordered)),
        full=_stages([ConfiguratorStep.ALL.value, "quote", "order"], _through([full], quoted, ordered)),
        portal_days=kpis.sales_cycle_median_days(cycles=portal),
        portal_orders=len(portal),
        staff_days=kpis.sales_cycle_median_days(cycles=staff),
        staff_orders=len(staff),
    )


def _through(reached: list[set[int]], quoted: set[int], ordered: set[int]) -> list[set[int]]:
    """The stages of the configurator, then of those people who made a quote, and who ordered."""
    with_quote = reached[0] & quoted
    return [*reached, with_quote, with_quote & ordered]


def _stages(codes: Iterable[str], people: list[set[int]]) -> list[Stage]:
    counts = [len(group) for group in people]
    return [Stage(code, count, before) for code, count, before in zip(codes, counts, [None, *counts[:-1]], strict=True)]


def _people(now: datetime) -> tuple[dict[str, set[int]], set[int], set[int]]:
    """Who came to each step, who made a quote and who ordered: customers, by their number."""
    events = Event.objects.by_customers().between(now - WINDOW, now)
    steps: dict[str, set[int]] = {}
    seen = events.filter(name=EventName.CONFIGURATOR_STEP_VIEWED)
    for step, user_id in seen.order_by().values_list("properties__step", "user_id").distinct():
        if user_id is not None:
            steps.setdefault(step, set()).add(user_id)
    quoted: set[int] = set()
    ordered: set[int] = set()
    later = events.filter(name__in=[EventName.QUOTE_CREATED, EventName.ORDER_PLACED])
    for name, user_id in later.order_by().values_list("name", "user_id").distinct():
        if user_id is not None:
            (quoted if name == EventName.QUOTE_CREATED else ordered).add(user_id)
    return steps, quoted, ordered


def _days_to_paid(now: datetime) -> tuple[list[Decimal], list[Decimal]]:
    """Days from quote to payment of what was paid in the window: sold in the portal, and by our people."""
    paid = Order.objects.filter(
        invoice__status=InvoiceStatus.PAID,
        invoice__paid_at__gte=now - WINDOW,
        invoice__paid_at__lt=now,
        quote__isnull=False,
    ).values_list("quote__origin", "quote__created_at", "invoice__paid_at")
    portal: list[Decimal] = []
    staff: list[Decimal] = []
    for origin, made_at, paid_at in paid:
        if made_at is None or paid_at is None:
            continue
        days = Decimal(int((paid_at - made_at).total_seconds())) / _DAY
        (staff if origin == QuoteOrigin.STAFF else portal).append(days)
    return portal, staff
