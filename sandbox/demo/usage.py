"""What customers used of the vendor's product: four meters a day, growing with what they own."""

import math
from datetime import date, timedelta

from accounts.models import Entitlement
from sandbox.demo.accounts import Customer
from sandbox.demo.period_bills import METERED, calls_since
from sandbox.demo.world import World
from tracking.models import Meter, UsageDaily

COLUMNS = ("account_id", "meter", "date", "quantity")
# Shares of a week's work from Monday on; they add up to seven days.
WEEK = (1.3, 1.3, 1.3, 1.3, 1.15, 0.4, 0.25)
# How far into its limits a customer grows, from and to.
SHARES = {
    Meter.SEATS: (0.76, 0.93),
    Meter.API_CALLS: (0.38, 0.86),
    Meter.STORAGE_GB: (0.35, 0.84),
    Meter.AUTOMATION_RUNS: (0.3, 0.88),
}
FOLLOW = 0.03  # Each day, use comes this much nearer to what a new limit allows: nobody fills new seats at once.
MONTH_DAYS = 30.4
BEYOND = 1.05  # Nobody gets further above a limit.
ABOVE = 1.16  # What is paid for by use, against what is free.
DECLINE_DAYS = 150  # Customers at risk have used less and less for so long.


def write_usage(world: World, customers: list[Customer]) -> None:
    """Each customer's days, from the start of the history or their first day to yesterday or their last."""
    rows = world.table(UsageDaily, COLUMNS)
    limits: dict[tuple[int, str], list[Entitlement]] = {}
    for grant in world.rows(Entitlement):
        limits.setdefault((grant.account_id, grant.code), []).append(grant)
    for customer in customers:
        profile = customer.profile
        start = max(world.calendar.start_date, profile.joined_date)
        until = min(profile.left_date or world.calendar.today, world.calendar.today)
        days = [start + timedelta(days=number) for number in range((until - start).days)]
        for meter in Meter:
            grants = limits.get((customer.account.pk, meter.value), [])
            used = _series(world, customer, meter, days, [_limit(grants, day) for day in days])
            rows += [
                (customer.account.pk, meter.value, day, quantity) for day, quantity in zip(days, used, strict=True)
            ]


def _limit(grants: list[Entitlement], day: date) -> float:
    return float(
        sum(
            grant.quantity or 0
            for grant in grants
            if grant.start_date <= day and (grant.end_date is None or day < grant.end_date)
        )
    )


def _series(world: World, customer: Customer, meter: Meter, days: list[date], limits: list[float]) -> list[float]:
    """What was used on each day, never beyond what the limit lets through."""
    chance = world.random(customer.name, meter.value)
    share = _share(customer, meter, chance.uniform(*SHARES[meter]))
    levels: list[float] = []
    level = (limits[0] if limits else 0) * share * 0.55
    for day, limit in zip(days, limits, strict=True):
        months = (day - customer.profile.joined_date).days / 30
        wanted = limit * share * (1 - 0.4 * math.exp(-months / 4)) * _decline(world, customer, day)
        level += (wanted - level) * FOLLOW
        levels.append(level)
    if meter is Meter.SEATS:
        return _seats(levels, limits, customer.profile.seats_used)
    if meter is Meter.STORAGE_GB:
        return [
            round(min(level * chance.uniform(0.995, 1.005), limit * BEYOND), 1)
            for level, limit in zip(levels, limits, strict=True)
        ]
    used: list[float] = []
    month_used = 0
    for day, level, limit in zip(days, levels, limits, strict=True):
        month_used = 0 if day.day == 1 else month_used
        asked = level / MONTH_DAYS * WEEK[day.weekday()] * chance.uniform(0.82, 1.18)
        let_through = max(0, min(round(asked), int(limit * _beyond(world, customer, meter, day)) - month_used))
        month_used += let_through
        used.append(let_through)
    return used


def _share(customer: Customer, meter: Meter, share: float) -> float:
    """Acme's one limit that is near is its seats. Whoever pays by use is above what is free."""
    if customer.name == METERED and meter is Meter.API_CALLS:
        return ABOVE
    if customer.profile.seats_used is not None and meter is not Meter.SEATS:
        return min(share, 0.72)
    return share


def _beyond(world: World, customer: Customer, meter: Meter, day: date) -> float:
    """How far above the limit calls go through: as far as they are paid for."""
    pays = customer.name == METERED and meter is Meter.API_CALLS
    return 2 * ABOVE if pays and day >= calls_since(world) else BEYOND


def _seats(levels: list[float], limits: list[float], last: int | None) -> list[float]:
    """Whole seats, at most as many as there are; `last` are used on the last day."""
    factor = last / levels[-1] if last and levels else 1
    return [min(round(level * factor), int(limit)) for level, limit in zip(levels, limits, strict=True)]


def _decline(world: World, customer: Customer, day: date) -> float:
    """1, and falling by half in the last months of a customer at risk or of one who left."""
    profile = customer.profile
    if profile.stage != "at_risk" and profile.left_date is None:
        return 1
    end = profile.left_date or world.calendar.today
    return 1 - 0.5 * min(1, max(0, 1 - (end - day).days / DECLINE_DAYS))
