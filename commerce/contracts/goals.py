"""Goals of a contract: agreed, corrected, dropped; and what is known of how far they are reached.

What is reached is measured by whoever knows best. Commerce measures what it can see itself; an upper room that measures
more says so by `measured_by` as its app gets ready, and every page, document and figure shows that instead.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from uuid import UUID, uuid4, uuid5
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import Account, User
from commerce import amounts
from commerce.contracts.usage import by_month
from commerce.models import Contract, Goal, GoalMetric, GoalVersion, Renewal
from commerce.pricing.money import Money, to_minor
from commerce.pricing.proration import add_months
from knowledge.models import Deflection
from tracking.models import Meter

MOST_GOALS = 30  # Of one contract, with those it carries on: what a page and a document can show.


class GoalMoved(Exception):
    """Somebody else has said something about the goal since it was shown."""


class TooManyGoals(Exception):
    """The contract has as many goals as can be followed."""


@dataclass(frozen=True)
class Reached:
    """What is reached of a metric, and up to which day that is known."""

    quantity: Decimal
    as_of: date


# What is reached of each metric, for an account from the contract's first day on: those that are known, by metric.
Measure = Callable[[Contract, date], Mapping[GoalMetric, Reached]]


@dataclass(frozen=True)
class GoalWords:
    """What a goal says about itself, from a form or from our people."""

    title: str
    baseline: Decimal
    target: Decimal
    target_date: date
    unit: str = ""
    hours_each: Decimal | None = None
    hourly_cost: Decimal | None = None
    reached: Decimal | None = None
    words: str = ""
    is_dropped: bool = False


@dataclass(frozen=True)
class GoalState:
    """A goal as it stands today: what was said of it, and what is reached."""

    versions: tuple[GoalVersion, ...]  # The first one first.
    reached: Reached | None  # None: nothing is known yet.

    @property
    def now(self) -> GoalVersion:
        return self.versions[-1]

    @property
    def goal(self) -> Goal:
        return self.now.goal

    @property
    def metric(self) -> GoalMetric:
        return self.goal.metric_choice

    @property
    def gained(self) -> Decimal:
        """How much of the way from the baseline is done; never below zero."""
        if self.reached is None:
            return Decimal(0)
        step = self.reached.quantity - self.now.baseline
        return max(step if self.now.way > 0 else -step, Decimal(0))

    @property
    def percent(self) -> int | None:
        """Of the way to the target; above 100 where it is passed. None while nothing is known."""
        return None if self.reached is None else int(self.gained * 100 / abs(self.now.way))

    @property
    def is_reached(self) -> bool:
        return self.percent is not None and self.percent >= 100

    @property
    def hours(self) -> Decimal | None:
        """Saved so far: what is gained × the hours for each, as the customer says. None without either."""
        if self.reached is None or self.now.hours_each is None:
            return None
        return self.gained * self.now.hours_each

    @property
    def saved_minor(self) -> int | None:
        """What those hours cost, in minor units of the goal's currency. None without what an hour costs."""
        if self.hours is None or self.now.hourly_cost is None:
            return None
        return to_minor(self.hours * self.now.hourly_cost, self.now.currency)

    @property
    def formula(self) -> str:
        """How the saving is worked out: "(46 − 10) × 1.5 h × €60.00 = €3,240.00". Empty without a saving."""
        version, hours = self.now, self.hours
        if self.reached is None or version.hours_each is None or hours is None:
            return ""
        ends = (self.reached.quantity, version.baseline)
        more, less = ends if version.way > 0 else ends[::-1]
        difference = _("(%(now)s − %(before)s) × %(hours)s h") % {
            "now": amounts.number(more),
            "before": amounts.number(less),
            "hours": amounts.number(version.hours_each),
        }
        if not self.gained:
            return ""
        if self.saved_minor is None or version.hourly_cost is None:
            return f"{difference} = {amounts.number(hours)} h"
        each = amounts.money(Money(to_minor(version.hourly_cost, version.currency), version.currency))
        return f"{difference} × {each} = {amounts.money(Money(self.saved_minor, version.currency))}"

    @property
    def status(self) -> str:
        """In words: reached, so far on its way, or nothing known."""
        if self.now.is_dropped:
            return _("Not pursued any more")
        if self.percent is None:
            return _("Nothing measured yet")
        if self.is_reached:
            return _("Reached")
        return _("%(percent)s %% of the way") % {"percent": amounts.number(self.percent)}

    @property
    def tone(self) -> str:
        if self.now.is_dropped or self.percent is None:
            return "neutral"
        return "success" if self.is_reached else "info"

    @property
    def reached_text(self) -> str:
        return "" if self.reached is None else amounts.number(self.reached.quantity)

    @property
    def target_text(self) -> str:
        return amounts.number(self.now.target)


def goals_of(contract: Contract, today: date) -> list[GoalState]:
    """The goals of a contract with all that was said of them, those still pursued first. At most five queries.

    A renewal carries them on: those of the contracts that it renewed are its goals too. What is reached counts from the
    day the first contract that has any began, so that a renewal takes back nothing.
    """
    versions = list(GoalVersion.objects.about(_with_renewed(contract)))
    if not versions:
        return []
    since = min((version.goal.contract for version in versions), key=lambda one: one.start_date)
    since.account = contract.account  # Read already.
    known = known_of(since, today)
    states = [_state(contract, tuple(said), known) for _goal, said in groupby(versions, key=lambda one: one.goal_id)]
    return sorted(states, key=lambda state: (state.now.is_dropped, state.goal.pk))


def _state(contract: Contract, versions: tuple[GoalVersion, ...], known: Mapping[GoalMetric, Reached]) -> GoalState:
    now = versions[-1]
    if not now.goal.metric_choice.is_reported:
        return GoalState(versions, known.get(now.goal.metric_choice))
    if now.reached is None:
        return GoalState(versions, None)
    said_on = now.said_at.astimezone(ZoneInfo(contract.account.time_zone)).date()
    return GoalState(versions, Reached(now.reached, said_on))


def _with_renewed(contract: Contract) -> list[int]:
    """The keys of a contract and of those that it renewed, one after the other. One query."""
    rolled_over = Renewal.objects.for_account(contract.account).filter(successor__isnull=False)
    renewed = dict(rolled_over.values_list("successor_id", "contract_id"))
    chain = [contract.pk]
    while (before := renewed.get(chain[-1])) is not None:
        chain.append(before)
    return chain


def agree(
    *, contract: Contract, metric: GoalMetric, says: GoalWords, by: User, now: datetime, form_key: UUID | None = None
) -> GoalVersion:
    """Add a goal; of the same form sent twice, one. Raises `TooManyGoals`."""
    public_id = uuid5(form_key or uuid4(), f"{contract.public_id} {metric} {says}")
    made = GoalVersion.objects.for_account(contract.account).filter(goal__public_id=public_id, number=1)
    if again := made.first():
        return again
    if Goal.objects.filter(contract__in=_with_renewed(contract)).count() >= MOST_GOALS:
        raise TooManyGoals(_("A contract has at most %(most)d goals. Change one of them.") % {"most": MOST_GOALS})
    try:
        with transaction.atomic():
            goal = Goal.objects.create(
                public_id=public_id, account=contract.account, contract=contract, metric=metric, created_at=now
            )
            return _say(goal, 1, says, contract.currency, by, now)
    except IntegrityError:
        if again := made.first():  # The other click was faster.
            return again
        raise


def correct(*, latest: GoalVersion, read: int, says: GoalWords, by: User, now: datetime) -> GoalVersion:
    """Say something else of a goal than its `latest` version, which stays in its history.

    Raises `GoalMoved` where that is not the version with the number `read`, also where two speak at once.
    """
    moved = GoalMoved(_("Somebody else has changed this goal in the meantime. Please look at it again."))
    if latest.number != read:
        raise moved
    try:
        with transaction.atomic():
            return _say(latest.goal, latest.number + 1, says, latest.currency, by, now)
    except IntegrityError as taken:
        raise moved from taken


def _say(goal: Goal, number: int, says: GoalWords, currency: str, by: User, now: datetime) -> GoalVersion:
    return GoalVersion.objects.create(
        account_id=goal.account_id,
        goal=goal,
        number=number,
        currency=currency,
        said_by=by,
        said_at=now,
        **vars(says),
    )


# What is reached

_MEASURES: list[Measure] = []


def measured_by(measure: Measure) -> None:
    """Let `measure` say what is reached, instead of what was said by those before it. Called as an app gets ready."""
    _MEASURES.append(measure)


def known_of(contract: Contract, today: date) -> dict[GoalMetric, Reached]:
    """What is known of every metric; of several who measure one, the last that was asked to."""
    known: dict[GoalMetric, Reached] = {}
    for measure in _MEASURES:
        known |= measure(contract, today)
    return known


def _seen_by_commerce(contract: Contract, today: date) -> dict[GoalMetric, Reached]:
    """Seats and calls as they were reported, and questions that articles answered. Two queries."""
    return _from_usage(contract.account, today) | _self_served(contract, today)


def _from_usage(account: Account, today: date) -> dict[GoalMetric, Reached]:
    """Levels of this month; of monthly meters the last month that is over."""
    found = {}
    history = by_month(account, today)
    for metric, meter in _METERS.items():
        points = history.get(meter, ())
        known = [point for point in points[: -1 if meter.is_monthly else None] if point.quantity is not None]
        if known and known[-1].quantity is not None:
            as_of = add_months(known[-1].date, 1) - timedelta(days=1) if meter.is_monthly else today
            found[metric] = Reached(known[-1].quantity, as_of)
    return found


def _self_served(contract: Contract, today: date) -> dict[GoalMetric, Reached]:
    start = datetime.combine(contract.start_date, datetime.min.time(), ZoneInfo(contract.account.time_zone))
    count = Deflection.objects.for_account(contract.account).filter(created_at__gte=start).count()
    return {GoalMetric.SELF_SERVED: Reached(Decimal(count), today)}


_METERS = {
    GoalMetric.SEATS: Meter.SEATS,
    GoalMetric.AUTOMATION_RUNS: Meter.AUTOMATION_RUNS,
    GoalMetric.API_CALLS: Meter.API_CALLS,
}

measured_by(_seen_by_commerce)
