"""Which day is whose around the end of a term."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from commerce.renewals.timeline import NOTICE_DAYS, Step, Term, due_by, grace_days_used, notice_due, steps_of

# Month ends, a leap day, and the day after one.
ENDS = [date(2027, 1, 31), date(2027, 3, 1), date(2028, 2, 29), date(2028, 3, 1), date(2027, 12, 31)]


@pytest.mark.parametrize("end", ENDS)
def test_the_days_are_counted_back_from_the_first_day_of_the_next_term(end):
    steps = {(step.step, step.days_before): step.date for step in steps_of(Term(end), is_automatic=True)}
    assert steps[Step.OFFER, 120] == end - timedelta(days=120)
    assert [steps[Step.NOTICE, days] for days in NOTICE_DAYS] == [end - timedelta(days=days) for days in NOTICE_DAYS]
    assert steps[Step.AUTO_RENEW, 1] == end - timedelta(days=1)
    assert steps[Step.ROLL_OVER, 0] == end


def test_what_renews_by_itself_never_comes_to_grace():
    steps = [step.step for step in steps_of(Term(date(2027, 1, 31)), is_automatic=True)]
    assert steps[-1] is Step.ROLL_OVER
    assert Step.GRACE not in steps


def test_what_nobody_renews_goes_through_grace_to_suspension_and_is_asked_back():
    term = Term(date(2028, 2, 29), grace_days=15)
    tail = [(step.step, step.date) for step in steps_of(term, is_automatic=False)][-4:]
    assert tail == [
        (Step.GRACE, date(2028, 2, 29)),
        (Step.SUSPEND, date(2028, 3, 15)),
        (Step.WINBACK, date(2028, 3, 29)),
        (Step.LAPSE, date(2028, 5, 14)),
    ]


def test_who_has_renewed_is_left_alone():
    steps = [step.step for step in steps_of(Term(date(2027, 1, 31)), is_automatic=True, is_accepted=True)]
    assert steps == [Step.OFFER, Step.ROLL_OVER]


@pytest.mark.parametrize("is_automatic", [True, False])
def test_what_was_missed_is_caught_up_in_its_order(is_automatic):
    term = Term(date(2027, 3, 1))
    due = due_by(term, date(2028, 1, 1), is_automatic=is_automatic)
    assert due == steps_of(term, is_automatic=is_automatic)
    assert all(before.date <= after.date for before, after in pairwise(due))
    assert due_by(term, term.offer_date - timedelta(days=1), is_automatic=is_automatic) == ()


@pytest.mark.parametrize(
    ("left", "due"),
    [(120, None), (91, None), (90, 90), (61, 90), (60, 60), (14, 14), (13, 14), (7, 7), (1, 1), (0, None)],
)
def test_of_the_notices_that_were_missed_only_the_last_is_told(left, due):
    end = date(2028, 3, 1)
    assert notice_due(Term(end), end - timedelta(days=left)) == due


def test_the_choice_is_locked_after_the_notice_date():
    term = Term(date(2027, 3, 1), notice_days=60)
    assert term.notice_date == date(2026, 12, 31)
    assert not term.is_locked(date(2026, 12, 31))
    assert term.is_locked(date(2027, 1, 1))


def test_grace_is_paid_by_the_day_and_no_longer_than_it_lasts():
    term = Term(date(2027, 3, 1), grace_days=15)
    assert [grace_days_used(term, date(2027, 3, day)) for day in (1, 2, 16, 30)] == [0, 1, 15, 15]
    assert grace_days_used(term, date(2027, 2, 1)) == 0
