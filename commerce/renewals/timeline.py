"""What is due on which day around the end of a term. Pure: days in, steps out (docs/renewals.md says it in prose)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

OFFER_DAYS = 120  # Before the end of the term the renewal is offered.
NOTICE_DAYS = (90, 60, 30, 14, 7, 1)  # Before the end of the term its people are reminded, unless they have decided.
LATE_NOTICE_DAYS = 14  # From then on the customer success manager hears of it, too.
WINBACK_DAYS = 14  # After access ended, the customer is asked back.
LAPSE_DAYS = 60  # After access ended, the customer counts as lost.


class Step(StrEnum):
    """Something that is due once, in this order."""

    OFFER = "offer"
    NOTICE = "notice"
    AUTO_RENEW = "auto_renew"
    ROLL_OVER = "roll_over"
    GRACE = "grace"
    SUSPEND = "suspend"
    WINBACK = "winback"
    LAPSE = "lapse"


@dataclass(frozen=True, slots=True)
class Term:
    """The end of a term: `due_date` is the first day of the next, `notice_days` before it the customer may decline."""

    due_date: date
    notice_days: int = 60
    grace_days: int = 15

    @property
    def offer_date(self) -> date:
        return self.due_date - timedelta(days=OFFER_DAYS)

    @property
    def notice_date(self) -> date:
        """The last day on which the customer changes whether it renews by itself."""
        return self.due_date - timedelta(days=self.notice_days)

    @property
    def last_date(self) -> date:
        """The last day of the term; it renews by itself on it."""
        return self.due_date - timedelta(days=1)

    @property
    def grace_until_date(self) -> date:
        """The first day without access."""
        return self.due_date + timedelta(days=self.grace_days)

    def winback_date(self, *, left_on: date | None = None) -> date:
        """When the customer is asked back: after the day on which access ended."""
        return (left_on or self.grace_until_date) + timedelta(days=WINBACK_DAYS)

    def lapse_date(self, *, left_on: date | None = None) -> date:
        """From when the customer counts as lost."""
        return (left_on or self.grace_until_date) + timedelta(days=LAPSE_DAYS)

    def is_locked(self, today: date) -> bool:
        """Whether it is too late to change if the contract renews by itself."""
        return today > self.notice_date


@dataclass(frozen=True, slots=True)
class DatedStep:
    """A step with the day on which it is due; of a notice also how many days before the end."""

    date: date
    step: Step
    days_before: int


def steps_of(term: Term, *, is_automatic: bool, is_accepted: bool = False) -> tuple[DatedStep, ...]:
    """Everything that happens around the end of a term, in its order, if nobody says anything more.

    `is_automatic`: the contract renews by itself. `is_accepted`: the customer has renewed already, and is left alone.
    """
    steps = [DatedStep(term.offer_date, Step.OFFER, OFFER_DAYS)]
    if not is_accepted:
        steps += [DatedStep(term.due_date - timedelta(days=days), Step.NOTICE, days) for days in NOTICE_DAYS]
    if is_automatic and not is_accepted:
        steps.append(DatedStep(term.last_date, Step.AUTO_RENEW, 1))
    if is_automatic or is_accepted:
        steps.append(DatedStep(term.due_date, Step.ROLL_OVER, 0))
        return tuple(steps)
    return (
        *steps,
        DatedStep(term.due_date, Step.GRACE, 0),
        DatedStep(term.grace_until_date, Step.SUSPEND, -term.grace_days),
        DatedStep(term.winback_date(), Step.WINBACK, (term.due_date - term.winback_date()).days),
        DatedStep(term.lapse_date(), Step.LAPSE, (term.due_date - term.lapse_date()).days),
    )


def due_by(term: Term, today: date, *, is_automatic: bool, is_accepted: bool = False) -> tuple[DatedStep, ...]:
    """The steps whose day has come, the first one first: what a job that missed days catches up with."""
    steps = steps_of(term, is_automatic=is_automatic, is_accepted=is_accepted)
    return tuple(step for step in steps if step.date <= today)


def notice_due(term: Term, today: date) -> int | None:
    """How many days before the end the notice is that is due; None where none is.

    After days without a run only the last one is told, as all of them say the same.
    """
    if today >= term.due_date:
        return None
    left = (term.due_date - today).days
    return min((days for days in NOTICE_DAYS if days >= left), default=None)


def grace_days_used(term: Term, until: date) -> int:
    """How many days of grace are to be paid at the price of the old term when it ends on a day."""
    return max((min(until, term.grace_until_date) - term.due_date).days, 0)
