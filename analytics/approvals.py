"""How long our own people take to approve quotes: by month, by rule, and by whom we ask."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import TypeVar

from commerce.models import QuoteApproval, QuoteStatus

MONTHS = 12  # This one and those before it.
_HOUR = Decimal(3600)

K = TypeVar("K")


@dataclass(frozen=True)
class Times:
    """How long decisions of one kind took, in hours; None where there were none."""

    count: int
    median_hours: Decimal | None
    p90_hours: Decimal | None  # Nine of ten took no longer.

    @classmethod
    def of(cls, times: Iterable[timedelta]) -> "Times":
        hours = sorted(Decimal(time // timedelta(seconds=1)) / _HOUR for time in times)
        if not hours:
            return cls(0, None, None)
        return cls(len(hours), median(hours), hours[-(-9 * len(hours) // 10) - 1])


@dataclass(frozen=True)
class ApprovalTimes:
    """Quotes from their submission to the last decision; requests from the mail that asks to the decision."""

    quotes: Times
    months: Sequence[tuple[date, Times]]  # Of quotes, by the month of the last decision in UTC; the latest first.
    rules: Sequence[tuple[str, Times]]  # Of requests, by the rule that asked; the slowest first.
    steps: Sequence[tuple[str, Times]]  # Of requests, by whom they ask and in which position.

    def rows(self) -> Iterator[tuple[str, str, Times]]:
        """All figures, each with its kind and what it is of."""
        yield "quotes", "", self.quotes
        yield from (("month", month.strftime("%Y-%m"), times) for month, times in self.months)
        yield from (("rule", label, times) for label, times in self.rules)
        yield from (("step", label, times) for label, times in self.steps)


def approval_times(*, now: datetime) -> ApprovalTimes:
    """What was decided in the last twelve months. One query.

    What was kept from an earlier version took nobody any time, and what still waits has none yet.
    """
    months = _months(now.astimezone(UTC).date())
    since = datetime(months[-1].year, months[-1].month, 1, tzinfo=UTC)
    rows = QuoteApproval.objects.decided().filter(decided_at__gte=since, decided_at__lt=now, kept_from=None)
    found = list(
        rows.select_related("quote", "approver").defer("quote__configuration", "quote__manual_prices", "facts")
    )
    quotes = list(_quote_times(found))
    by_month = _grouped((end.astimezone(UTC).date().replace(day=1), time) for end, time in quotes)
    return ApprovalTimes(
        quotes=Times.of(time for _end, time in quotes),
        months=[(month, Times.of(by_month.get(month, []))) for month in months],
        rules=_slowest_first((reason["rule"], time) for one, time in _request_times(found) for reason in one.reasons),
        steps=_slowest_first((f"{one.position}. {one.whom}", time) for one, time in _request_times(found)),
    )


def _quote_times(decided: Iterable[QuoteApproval]) -> Iterator[tuple[datetime, timedelta]]:
    """The last decision about each quote that nobody decides about any more, and how long all of it took."""
    last: dict[int, QuoteApproval] = {}
    for one in decided:
        if one.quote.status != QuoteStatus.IN_APPROVAL:
            last[one.quote_id] = max(one, last.get(one.quote_id, one), key=_decided_at)
    for one in last.values():
        if one.quote.submitted_at is not None:
            yield _decided_at(one), _decided_at(one) - one.quote.submitted_at


def _request_times(decided: Iterable[QuoteApproval]) -> Iterator[tuple[QuoteApproval, timedelta]]:
    for one in decided:
        yield one, _decided_at(one) - (one.told_at or one.asked_at)


def _decided_at(approval: QuoteApproval) -> datetime:
    if approval.decided_at is None:
        raise ValueError("nobody has decided")
    return approval.decided_at


def _grouped(pairs: Iterable[tuple[K, timedelta]]) -> dict[K, list[timedelta]]:
    groups: dict[K, list[timedelta]] = {}
    for key, time in pairs:
        groups.setdefault(key, []).append(time)
    return groups


def _slowest_first(pairs: Iterable[tuple[str, timedelta]]) -> list[tuple[str, Times]]:
    groups = [(label, Times.of(times)) for label, times in _grouped(pairs).items()]
    return sorted(groups, key=lambda group: (-(group[1].median_hours or 0), group[0]))


def _months(today: date) -> list[date]:
    """The first days of the running month and those before it."""
    ordinal = today.year * 12 + today.month - 1
    return [date((ordinal - back) // 12, (ordinal - back) % 12 + 1, 1) for back in range(MONTHS)]
