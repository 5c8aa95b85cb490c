"""What the portal earns in a quarter: sums over all deals, worked out in the database.

The definition is `analytics.influence`; a test holds these figures against it. A page costs the same few queries with
ten deals and with thousands.
"""

from collections.abc import Collection, Mapping
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import add

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import TruncQuarter

from accounts.models import Account
from accounts.paging import Page, page_of
from analytics.influence import InfluenceRule, influence_rate
from analytics.quarters import Quarter
from analytics.touches import RULE, SOURCED, counted_types, qualifying_events
from cases.models import Case
from commerce.models import Deal, DealSource, DealType
from knowledge.models import Deflection
from tracking.models import Event

REPORTING_CURRENCY = "EUR"  # Amounts in other currencies are shown beside, never added: no rates are kept yet.
HISTORY_QUARTERS = 8
PAGE_SIZE = 50
UPGRADES = (DealType.EXPANSION, DealType.CROSS_SELL)


def counted_deals(*, start: datetime, end: datetime, rule: InfluenceRule = RULE) -> QuerySet[Deal]:
    """Deals won in the half-open period, of the types that the rule looks at."""
    return Deal.objects.won_between(start, end).filter(type__in=counted_types(rule))


def has_touch(rule: InfluenceRule = RULE) -> Exists:
    """Whether a deal has a qualifying touch, as a condition on deals."""
    lookback = timedelta(days=rule.lookback_days)
    return Exists(
        Event.objects.by_customers().filter(
            name__in=qualifying_events(rule),
            account_id=OuterRef("account_id"),
            occurred_at__gte=OuterRef("closed_at") - lookback,
            occurred_at__lt=OuterRef("closed_at"),
            occurred_at__gt=OuterRef("account__first_login_at"),
        )
    )


@dataclass(frozen=True)
class DealFigures:
    """The deals won in one quarter in one currency. Amounts in minor units, each within the one above."""

    deals: int = 0
    won_minor: int = 0
    influenced_deals: int = 0
    influenced_minor: int = 0
    sourced_minor: int = 0
    upgrades: int = 0
    self_service_upgrades: int = 0

    def __add__(self, other: "DealFigures") -> "DealFigures":
        return DealFigures(*map(add, astuple(self), astuple(other)))

    @property
    def influence_rate(self) -> Decimal | None:
        """Influenced of all that was won, as a ratio; None when nothing was won."""
        return _ratio(influence_rate(influenced_minor=self.influenced_minor, won_minor=self.won_minor))

    @property
    def self_service_share(self) -> Decimal | None:
        """Upgrades ordered in the portal of all upgrades; None without any."""
        return Decimal(self.self_service_upgrades) / self.upgrades if self.upgrades else None


@dataclass(frozen=True)
class CurrencyFigures:
    """Deals of a currency that is not the reporting currency."""

    currency: str
    figures: DealFigures


@dataclass(frozen=True)
class QuarterFigures:
    """One quarter of the history, in the reporting currency."""

    quarter: Quarter
    figures: DealFigures


@dataclass(frozen=True)
class LinearCredit:
    """What linear credit gives the portal for one deal with a qualifying touch."""

    deal_id: int
    currency: str
    portal_touches: int
    other_touches: int
    attributed_minor: int


@dataclass(frozen=True)
class Reach:
    """How many of the accounts touched the portal at all: where nearly all do, influence says little."""

    accounts: int
    touched: int

    @property
    def share(self) -> Decimal | None:
        return Decimal(self.touched) / self.accounts if self.accounts else None


@dataclass(frozen=True)
class Help:
    """Questions of the quarter: solved by an article without a case, and opened as cases."""

    deflections: int
    cases: int

    @property
    def solved_share(self) -> Decimal | None:
        """Solved without a case of all questions; None without any."""
        questions = self.deflections + self.cases
        return Decimal(self.deflections) / questions if questions else None


@dataclass(frozen=True)
class Earnings:
    """What the portal earned in one quarter, in the reporting currency, and the quarters before."""

    quarter: Quarter
    figures: DealFigures
    attributed_minor: int
    competing_deals: int  # Influenced deals for which an activity outside of the portal is recorded.
    others: tuple[CurrencyFigures, ...]
    history: tuple[QuarterFigures, ...]
    reach: Reach
    help: Help
    currency: str = field(default=REPORTING_CURRENCY)


def earnings_of(quarter: Quarter, *, now: datetime) -> Earnings:
    """Everything Insights shows of a quarter. Five queries."""
    quarters = quarter.until_this(HISTORY_QUARTERS)
    figures = deal_figures(start=quarters[0].start_at, end=quarter.end_at)
    linear = [
        credit
        for credit in linear_credits(start=quarter.start_at, end=quarter.end_at)
        if credit.currency == REPORTING_CURRENCY
    ]
    nothing = DealFigures()
    return Earnings(
        quarter=quarter,
        figures=figures.get((quarter, REPORTING_CURRENCY), nothing),
        attributed_minor=sum(credit.attributed_minor for credit in linear),
        competing_deals=sum(credit.other_touches > 0 for credit in linear),
        others=tuple(
            CurrencyFigures(currency, one)
            for (its_quarter, currency), one in sorted(figures.items(), key=lambda item: item[0])
            if its_quarter == quarter and currency != REPORTING_CURRENCY
        ),
        history=tuple(QuarterFigures(one, figures.get((one, REPORTING_CURRENCY), nothing)) for one in quarters),
        reach=reach(until=min(quarter.end_at, now)),
        help=help_given(start=quarter.start_at, end=quarter.end_at),
    )


def deal_figures(*, start: datetime, end: datetime) -> Mapping[tuple[Quarter, str], DealFigures]:
    """The figures of each quarter and currency in which a deal was won. One query."""
    is_upgrade = Q(type__in=UPGRADES, amount_minor__gt=0)
    # Grouped by the touch, which is then looked for once per deal; in a filter of each sum it would be once per sum.
    rows = (
        counted_deals(start=start, end=end)
        .annotate(quarter=TruncQuarter("closed_at", tzinfo=UTC), is_touched=has_touch())
        .values("quarter", "currency", "is_touched")
        .annotate(
            deals=Count("pk"),
            won_minor=Sum("amount_minor", default=0),
            sourced_minor=Sum("amount_minor", filter=Q(source__in=SOURCED), default=0),
            upgrades=Count("pk", filter=is_upgrade),
            self_service_upgrades=Count("pk", filter=is_upgrade & Q(source=DealSource.PORTAL)),
        )
        .order_by("quarter", "currency")
    )
    figures: dict[tuple[Quarter, str], DealFigures] = {}
    for row in rows:
        key, is_touched = (Quarter.of(row["quarter"]), row["currency"]), row["is_touched"]
        figures[key] = figures.get(key, DealFigures()) + DealFigures(
            deals=row["deals"],
            won_minor=row["won_minor"],
            influenced_deals=row["deals"] if is_touched else 0,
            influenced_minor=row["won_minor"] if is_touched else 0,
            sourced_minor=row["sourced_minor"] if is_touched else 0,
            upgrades=row["upgrades"],
            self_service_upgrades=row["self_service_upgrades"],
        )
    return figures


# Each deal's touches of the portal and of sales in the order of time. A deal's amount is shared in whole minor units;
# what is left over goes one by one to the earliest touches, as `commerce.pricing.money.allocate` does.
_LINEAR_SQL = """
WITH deals AS (
  SELECT deal.id, deal.account_id, deal.amount_minor, deal.currency, deal.closed_at, account.first_login_at,
         deal.closed_at - make_interval(hours => %(lookback_hours)s) AS opens_at
  FROM commerce_deal deal JOIN accounts_account account ON account.id = deal.account_id
  WHERE deal.stage = 'won' AND deal.closed_at >= %(start)s AND deal.closed_at < %(end)s
    AND deal.type = ANY(%(types)s) AND (%(ids)s::bigint[] IS NULL OR deal.id = ANY(%(ids)s::bigint[]))
), touches AS (
  SELECT deals.id, true AS is_portal, event.occurred_at, 'e' || event.id AS touch
  FROM deals JOIN tracking_event event
    ON event.account_id = deals.account_id AND event.occurred_at >= deals.opens_at
    AND event.occurred_at < deals.closed_at AND event.occurred_at > deals.first_login_at
  WHERE event.name = ANY(%(names)s) AND event.actor_kind = 'customer' AND event.on_behalf_of IS NULL
  UNION ALL
  SELECT deals.id, false, activity.occurred_at, 'a' || activity.id
  FROM deals JOIN commerce_activity activity
    ON activity.account_id = deals.account_id AND activity.occurred_at >= deals.opens_at
    AND activity.occurred_at < deals.closed_at
), placed AS (
  SELECT id, is_portal, count(*) OVER (PARTITION BY id) AS among,
         row_number() OVER (PARTITION BY id ORDER BY occurred_at, touch COLLATE "C") AS place
  FROM touches
), counted AS (
  SELECT placed.id, min(among) AS among, count(*) FILTER (WHERE is_portal) AS portal,
         count(*) FILTER (WHERE is_portal AND place <= abs(amount_minor) %% among) AS extra
  FROM placed JOIN deals USING (id) GROUP BY placed.id
)
SELECT id, currency, portal, among - portal,
       sign(amount_minor)::bigint * (abs(amount_minor) / among * portal + extra)
FROM counted JOIN deals USING (id) WHERE portal > 0
"""


def linear_credits(
    *, start: datetime, end: datetime, deal_ids: Collection[int] | None = None, rule: InfluenceRule = RULE
) -> list[LinearCredit]:
    """The linear credit of each influenced deal won in the period, or of those among `deal_ids`. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            _LINEAR_SQL,
            {
                "lookback_hours": rule.lookback_days * 24,
                "start": start,
                "end": end,
                "types": [type_.value for type_ in counted_types(rule)],
                "names": [name.value for name in qualifying_events(rule)],
                "ids": None if deal_ids is None else list(deal_ids),
            },
        )
        return [LinearCredit(*row) for row in cursor.fetchall()]


def reach(*, until: datetime, rule: InfluenceRule = RULE) -> Reach:
    """Accounts with any touch of a kind that counts in the lookback before a moment. One query."""
    touches = (
        Event.objects.by_customers()
        .between(until - timedelta(days=rule.lookback_days), until)
        .filter(name__in=qualifying_events(rule), account_id=OuterRef("pk"))
    )
    counts = Account.objects.filter(is_active=True, created_at__lt=until).aggregate(
        accounts=Count("pk"), touched=Count("pk", filter=Q(Exists(touches)))
    )
    return Reach(**counts)


def help_given(*, start: datetime, end: datetime) -> Help:
    """Questions solved by articles, and cases opened, in the half-open period. Two queries."""
    period = Q(created_at__gte=start, created_at__lt=end)
    return Help(deflections=Deflection.objects.filter(period).count(), cases=Case.objects.filter(period).count())


# The deals behind the figure


@dataclass(frozen=True)
class InfluencedDeal:
    """One row of the list behind the figure."""

    deal: Deal
    credit: LinearCredit

    @property
    def is_sourced(self) -> bool:
        return self.deal.source in SOURCED


def influenced_deals(quarter: Quarter, *, cursor: str = "", size: int = PAGE_SIZE) -> Page[InfluencedDeal]:
    """A page of the influenced deals of a quarter, the latest closed first. Two queries.

    Raises `accounts.paging.BadCursor`.
    """
    deals = counted_deals(start=quarter.start_at, end=quarter.end_at).filter(has_touch()).select_related("account")
    page = page_of(deals.order_by("-closed_at", "-public_id"), cursor=cursor, size=size)
    linear = {
        credit.deal_id: credit
        for credit in linear_credits(
            start=quarter.start_at, end=quarter.end_at, deal_ids=[deal.pk for deal in page.rows]
        )
    }
    return Page([InfluencedDeal(deal, linear[deal.pk]) for deal in page.rows], page.previous, page.next)


def _ratio(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))
