"""What people do who have arranged Home for themselves, beside those who have not; and how soon companies get value.

Both come from the event stream. Weeks begin on Mondays, in UTC.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from statistics import median

from django.db import connection
from django.db.models import Min, OuterRef, Subquery
from django.utils.translation import gettext as _

from accounts.models import Account
from tracking.models import Event, EventName

WEEKS = 12
FEW_PEOPLE = 20
MONTHS = 12

OFFERS = (EventName.OFFER_CLICKED,)
CASES = (EventName.CASE_CREATED,)
ARTICLES = (EventName.ARTICLE_VIEWED,)

# What a company came for: the first of these by one of its people ends the way to value.
VALUABLE = (
    EventName.CASE_DEFLECTED,
    EventName.CASE_CREATED,
    EventName.USAGE_VIEWED,
    EventName.DOCUMENT_DOWNLOADED,
    EventName.QUOTE_CREATED,
)


@dataclass(frozen=True)
class Engagement:
    """What one group of people did in the weeks in which they looked at Home at all."""

    people: int = 0
    weeks: int = 0  # Summed over the people.
    visits: int = 0
    offers: int = 0
    cases: int = 0
    articles: int = 0

    @property
    def is_small(self) -> bool:
        """Too few people to compare them with others."""
        return self.people < FEW_PEOPLE

    @property
    def visits_per_week(self) -> Decimal | None:
        return self._per_week(self.visits)

    @property
    def offers_per_week(self) -> Decimal | None:
        return self._per_week(self.offers)

    @property
    def cases_per_week(self) -> Decimal | None:
        return self._per_week(self.cases)

    @property
    def articles_per_week(self) -> Decimal | None:
        return self._per_week(self.articles)

    def _per_week(self, count: int) -> Decimal | None:
        return Decimal(count) / self.weeks if self.weeks else None


@dataclass(frozen=True)
class Comparison:
    """People with a Home of their own beside the others. `until` is the Monday after the last week."""

    since: date
    until: date
    own: Engagement
    usual: Engagement

    @property
    def last_day(self) -> date:
        return self.until - timedelta(days=1)

    @property
    def groups(self) -> list[tuple[str, Engagement]]:
        return [(_("Their own"), self.own), (_("As it comes"), self.usual)]

    @property
    def is_small(self) -> bool:
        return self.own.is_small or self.usual.is_small


# A person's week belongs to the layout that was in force when it began. Weeks without a look at Home belong to nobody.
_ENGAGEMENT_SQL = """
WITH arranged AS (
  SELECT account_id, user_id, occurred_at, (properties ->> 'is_own')::boolean AS is_own,
         lead(occurred_at) OVER (PARTITION BY account_id, user_id ORDER BY occurred_at, id) AS until
  FROM tracking_event
  WHERE name = %(arranged)s AND occurred_at < %(end)s AND actor_kind = 'customer' AND on_behalf_of IS NULL
), weeks AS (
  SELECT account_id, user_id, date_trunc('week', occurred_at, 'UTC') AS week,
         count(*) FILTER (WHERE name = %(home)s) AS visits,
         count(*) FILTER (WHERE name = ANY(%(offers)s)) AS offers,
         count(*) FILTER (WHERE name = ANY(%(cases)s)) AS cases,
         count(*) FILTER (WHERE name = ANY(%(articles)s)) AS articles
  FROM tracking_event
  WHERE name = ANY(%(names)s) AND occurred_at >= %(start)s AND occurred_at < %(end)s
    AND actor_kind = 'customer' AND on_behalf_of IS NULL AND user_id IS NOT NULL
  GROUP BY account_id, user_id, date_trunc('week', occurred_at, 'UTC')
)
SELECT coalesce(arranged.is_own, false) AS is_own, count(DISTINCT (weeks.account_id, weeks.user_id)), count(*),
       sum(visits)::bigint, sum(offers)::bigint, sum(cases)::bigint, sum(articles)::bigint
FROM weeks LEFT JOIN arranged
  ON arranged.account_id = weeks.account_id AND arranged.user_id = weeks.user_id
  AND arranged.occurred_at <= weeks.week AND (arranged.until IS NULL OR arranged.until > weeks.week)
WHERE visits > 0
GROUP BY 1
"""


def engagement(*, now: datetime, weeks: int = WEEKS) -> Comparison:
    """The last whole weeks before the running one. One query."""
    monday = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(
        days=now.astimezone(UTC).weekday()
    )
    start = monday - timedelta(weeks=weeks)
    names = (EventName.HOME_VIEWED, *OFFERS, *CASES, *ARTICLES)
    with connection.cursor() as cursor:
        cursor.execute(
            _ENGAGEMENT_SQL,
            {
                "arranged": EventName.HOME_ARRANGED.value,
                "home": EventName.HOME_VIEWED.value,
                "offers": [name.value for name in OFFERS],
                "cases": [name.value for name in CASES],
                "articles": [name.value for name in ARTICLES],
                "names": [name.value for name in names],
                "start": start,
                "end": monday,
            },
        )
        found = {is_own: Engagement(*figures) for is_own, *figures in cursor.fetchall()}
    return Comparison(start.date(), monday.date(), found.get(True, Engagement()), found.get(False, Engagement()))


# Time to first value


@dataclass(frozen=True)
class Start:
    """A company's first sign-in, and the first thing of value that its people did after it; None: not yet."""

    started_at: datetime
    valued_at: datetime | None

    @property
    def days(self) -> Decimal | None:
        if self.valued_at is None:
            return None
        return Decimal((self.valued_at - self.started_at) // timedelta(seconds=1)) / 86_400


@dataclass(frozen=True)
class MonthOfStarts:
    """The companies that first signed in in one calendar month, in UTC."""

    month: date
    companies: int
    waiting: int  # Without anything of value yet.
    median_days: Decimal | None  # Of all of them; None where half or more are still waiting.


def time_to_value(starts: Iterable[Start]) -> list[MonthOfStarts]:
    """By the month of the first sign-in, latest first. Those still waiting count as slower than everybody else.

    Left out, they would make a month look quick in which most never got anywhere.
    """
    by_month: dict[date, list[Start]] = {}
    for start in starts:
        by_month.setdefault(start.started_at.astimezone(UTC).date().replace(day=1), []).append(start)
    return [_month(month, by_month[month]) for month in sorted(by_month, reverse=True)]


def _month(month: date, starts: Sequence[Start]) -> MonthOfStarts:
    days = sorted(start.days for start in starts if start.days is not None)
    waiting = len(starts) - len(days)
    return MonthOfStarts(month, len(starts), waiting, _median_with(days, waiting))


def _median_with(days: Sequence[Decimal], waiting: int) -> Decimal | None:
    """The median of the days and of `waiting` values that are longer than any; None where it is one of those."""
    count = len(days) + waiting
    middle = days[(count - 1) // 2 : count // 2 + 1]
    return median(middle) if count // 2 < len(days) else None


def starts_since(since: datetime) -> list[Start]:
    """Active companies that first signed in since a moment, with their first value. One query."""
    first = (
        Event.objects.by_customers()
        .filter(name__in=VALUABLE, account_id=OuterRef("pk"), occurred_at__gte=OuterRef("first_login_at"))
        .order_by()
        .values("account_id")
        .annotate(first=Min("occurred_at"))
        .values("first")
    )
    rows = Account.objects.filter(is_active=True, first_login_at__gte=since).annotate(valued_at=Subquery(first))
    found = rows.values_list("first_login_at", "valued_at")
    return [Start(started_at, valued_at) for started_at, valued_at in found if started_at is not None]


def months_of_starts(*, now: datetime, months: int = MONTHS) -> list[MonthOfStarts]:
    """The running month and those before it in which companies started. One query."""
    year, month = divmod(now.astimezone(UTC).year * 12 + now.astimezone(UTC).month - months, 12)
    return time_to_value(starts_since(datetime(year, month + 1, 1, tzinfo=UTC)))
