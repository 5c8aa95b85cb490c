"""How far an order is, for those who follow it: what was reached, what comes next, and when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commerce.models import Order, OrderStatus, OrderStep, ProvisioningStep, QuoteLine, StepState


@dataclass(frozen=True)
class Expected:
    """A step with the day until which it should be done; of one that is done, the day on which it was."""

    step: ProvisioningStep
    date: date
    is_late: bool  # That day has passed, and it is not done.
    is_turn: bool  # Nothing before it is open.


@dataclass(frozen=True)
class LineProgress:
    """A line of an order on its way."""

    line: QuoteLine
    steps: Sequence[Expected]

    @property
    def is_done(self) -> bool:
        return all(not expected.step.state_choice.is_open for expected in self.steps)


@dataclass(frozen=True)
class Stage:
    """A point of the order's timeline."""

    label: str
    state: str  # As the timeline's component knows it: done, current, next or future.
    date: datetime | date | None = None
    detail: str = ""


def lines_of(steps: Iterable[ProvisioningStep], *, paid_date: date, today: date) -> list[LineProgress]:
    """The lines with their expected days. `steps` come with their lines, by line and position.

    A step takes its days from when the one before it was done; one that is late pushes those after it.
    """
    return [
        LineProgress(line, _expected(list(group), paid_date, today))
        for line, group in groupby(steps, key=lambda step: step.line)
    ]


def _expected(steps: Sequence[ProvisioningStep], start: date, today: date) -> list[Expected]:
    found: list[Expected] = []
    is_turn = True
    for step in steps:
        if step.finished_at is not None:
            start = step.account.local_date(step.finished_at)
            found.append(Expected(step, start, is_late=False, is_turn=False))
            continue
        day = start + timedelta(days=step.expected_days)
        is_open = step.state_choice.is_open
        found.append(Expected(step, day, is_late=is_open and day < today, is_turn=is_open and is_turn))
        start, is_turn = max(day, today), is_turn and not is_open
    return found


def next_of(lines: Iterable[LineProgress]) -> Expected | None:
    """The step that should be done first of those whose turn it is."""
    turns = [expected for line in lines for expected in line.steps if expected.is_turn]
    return min(turns, key=lambda expected: expected.date, default=None)


def timeline(order: Order, reached: Iterable[OrderStep], lines: Sequence[LineProgress] = ()) -> list[Stage]:
    """What the order has reached and what is still expected, for the timeline component."""
    by_status = {OrderStatus(step.status): step for step in reached}
    stages: list[Stage] = []
    for status in _expected_statuses(order, by_status):
        if status == OrderStatus.ACTIVE and lines:
            stages.append(_set_up(order, lines))
        stages.append(_stage(status, by_status.get(status), is_next=all(one.state == "done" for one in stages)))
    return stages


def _expected_statuses(order: Order, reached: Iterable[OrderStatus]) -> list[OrderStatus]:
    if order.status == OrderStatus.CANCELLED:
        paid = [OrderStatus.PAID] if OrderStatus.PAID in reached else []
        return [OrderStatus.AWAITING_PAYMENT, *paid, OrderStatus.CANCELLED]
    return [OrderStatus.AWAITING_PAYMENT, OrderStatus.PAID, OrderStatus.ACTIVE]


def _stage(status: OrderStatus, step: OrderStep | None, *, is_next: bool) -> Stage:
    labels = {
        OrderStatus.AWAITING_PAYMENT: _("Ordered"),
        OrderStatus.PAID: _("Paid"),
        OrderStatus.ACTIVE: _("Active"),
        OrderStatus.CANCELLED: _("Cancelled"),
    }
    if step is None:
        return Stage(labels[status], "next" if is_next else "future")
    return Stage(labels[status], "done", step.reached_at, step.note)


def _set_up(order: Order, lines: Sequence[LineProgress]) -> Stage:
    """How many of the steps are done, and the day until which all should be."""
    steps = [expected for line in lines for expected in line.steps]
    done = sum(expected.step.state == StepState.DONE for expected in steps)
    detail = ngettext("%(done)d of %(all)d step", "%(done)d of %(all)d steps", len(steps)) % {
        "done": done, "all": len(steps),
    }  # fmt: skip
    state = "done" if done == len(steps) else "current" if order.status == OrderStatus.PAID else "future"
    return Stage(_("Set up"), state, max(expected.date for expected in steps), detail)


def next_step_of(order: Order, lines: Sequence[LineProgress] = ()) -> str:
    """What happens next, in words; empty when nothing does."""
    match OrderStatus(order.status):
        case OrderStatus.AWAITING_PAYMENT:
            return _("As soon as it is paid, we set up what you bought.")
        case OrderStatus.PAID:
            expected = next_of(lines)
            if expected is None:
                return _("What you bought is being activated.")
            return _("Next: %(step)s of %(product)s, expected by %(day)s.") % {
                "step": expected.step.name,
                "product": expected.step.line.product.name,
                "day": date_format(expected.date),
            }
    return ""
