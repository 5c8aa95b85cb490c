"""Goals of a contract: what was agreed, how far it is reached, what it saves, and what was said of it before."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import transaction
from django.db.utils import IntegrityError, InternalError
from django.urls import reverse

from commerce.contracts import goals
from commerce.contracts.goals import GoalMoved, GoalWords, Reached, TooManyGoals, agree, correct, goals_of
from commerce.models import Goal, GoalMetric, GoalVersion, Renewal
from tests.factories import make_contract, make_member
from tracking.models import UsageDaily


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


def words(**said):
    usual = {"title": "Everybody signs in", "baseline": Decimal(10), "target": Decimal(50)}
    return GoalWords(**{**usual, "target_date": date(2026, 12, 31), **said})


@pytest.fixture
def goal(contract, admin, now):
    says = words(hours_each=Decimal("1.5"), hourly_cost=Decimal(60))
    return agree(contract=contract, metric=GoalMetric.SEATS, says=says, by=admin, now=now)


@pytest.fixture
def used(acme, today):
    UsageDaily.objects.create(account_id=acme.pk, meter="seats", date=today, quantity=46)


def list_url(contract):
    return reverse("commerce:goals", args=[contract.number])


def url_of(goal, name="goal"):
    return reverse(f"commerce:{name}", args=[goal.goal.contract.number, goal.goal.public_id])


def form(**typed):
    usual = {"title": "Everybody signs in", "baseline": "10", "target": "40", "target_date": "2026-12-31"}
    return {**usual, "number": "1", "form_key": str(uuid4()), **typed}


# What is reached


def test_what_is_reached_is_worked_out_with_the_formula(contract, goal, used, today):
    [state] = goals_of(contract, today)
    assert (state.reached, state.percent, state.is_reached) == (Reached(Decimal(46), today), 90, False)
    assert (state.hours, state.saved_minor) == (Decimal(54), 324_000)
    assert state.formula == "(46 − 10) × 1.5 h × €60.00 = €3,240.00"


def test_where_less_is_better_the_way_leads_down(contract, admin, now, today):
    says = words(baseline=Decimal(90), target=Decimal(20), reached=Decimal(55), hours_each=Decimal(2))
    agree(contract=contract, metric=GoalMetric.OWN, says=says, by=admin, now=now)
    [state] = goals_of(contract, today)
    assert (state.percent, state.hours, state.formula) == (50, Decimal(70), "(90 − 55) × 2 h = 70 h")


def test_a_way_in_the_wrong_direction_saves_nothing(contract, admin, now, today):
    says = words(baseline=Decimal(90), target=Decimal(20), reached=Decimal(120), hours_each=Decimal(2))
    agree(contract=contract, metric=GoalMetric.OWN, says=says, by=admin, now=now)
    [state] = goals_of(contract, today)
    assert (state.percent, state.formula) == (0, "")


def test_what_nobody_measured_is_not_known(contract, goal, today):
    [state] = goals_of(contract, today)
    assert (state.reached, state.percent, state.status, state.formula) == (None, None, "Nothing measured yet", "")


def test_an_upper_room_that_knows_better_is_asked(contract, goal, used, today, monkeypatch):
    monkeypatch.setattr(goals, "_MEASURES", list(goals._MEASURES))
    goals.measured_by(lambda contract, today: {GoalMetric.SEATS: Reached(Decimal(50), today)})
    [state] = goals_of(contract, today)
    assert (state.reached.quantity, state.status) == (Decimal(50), "Reached")


# What was said


def test_a_correction_stands_beside_what_was_said_before(contract, goal, admin, now, today):
    correct(latest=goal, read=1, says=words(target=Decimal(40), words="We are fewer."), by=admin, now=now)
    [state] = goals_of(contract, today)
    assert [one.target for one in state.versions] == [50, 40]
    assert state.now.words == "We are fewer."


def test_who_read_an_older_version_reads_again(contract, goal, admin, now):
    second = correct(latest=goal, read=1, says=words(target=Decimal(40)), by=admin, now=now)
    with pytest.raises(GoalMoved):
        correct(latest=second, read=1, says=words(target=Decimal(30)), by=admin, now=now)
    with pytest.raises(GoalMoved):  # At the same moment: both have read the first.
        correct(latest=goal, read=1, says=words(target=Decimal(30)), by=admin, now=now)
    assert GoalVersion.objects.count() == 2


def test_what_was_said_is_never_edited(goal):
    with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
        GoalVersion.objects.update(target=1)
    with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
        goal.delete()


def test_a_contract_has_only_so_many_goals(contract, goal, admin, now, monkeypatch):
    monkeypatch.setattr(goals, "MOST_GOALS", 1)
    with pytest.raises(TooManyGoals):
        agree(contract=contract, metric=GoalMetric.SEATS, says=words(), by=admin, now=now)


# The pages


def test_the_page_says_how_far_it_is_and_what_it_saves(admin, contract, goal, used, signed_in):
    page = signed_in(admin).get(list_url(contract)).content.decode()
    assert "90 % of the way" in page
    assert "(46 − 10) × 1.5 h × €60.00 = €3,240.00" in page


def test_a_buyer_adds_a_goal(admin, contract, signed_in):
    url = reverse("commerce:add-goal", args=[contract.number])
    answer = signed_in(admin).post(url, form(metric="own", unit="days", reached="12"))
    assert answer.status_code == 302
    said = GoalVersion.objects.get()
    assert (said.said_by, said.unit, said.reached, said.goal.metric) == (admin, "days", 12, "own")


def test_a_double_click_adds_one_goal(admin, contract, signed_in):
    url, client = reverse("commerce:add-goal", args=[contract.number]), signed_in(admin)
    typed = form(metric="seats")
    assert [client.post(url, typed).status_code for _click in range(2)] == [302, 302]
    assert Goal.objects.count() == 1
    client.post(url, {**typed, "title": "Something else"})  # Gone back to, and changed: another one.
    assert Goal.objects.count() == 2


def test_a_form_without_its_key_adds_nothing(admin, contract, signed_in):
    url = reverse("commerce:add-goal", args=[contract.number])
    assert signed_in(admin).post(url, form(metric="seats", form_key="twice")).status_code == 422
    assert not Goal.objects.exists()


def test_of_what_the_portal_measures_nobody_says_what_is_reached(admin, contract, signed_in):
    url = reverse("commerce:add-goal", args=[contract.number])
    signed_in(admin).post(url, form(metric="seats", unit="days", reached="12"))
    said = GoalVersion.objects.get()
    assert (said.unit, said.reached) == ("", None)


def test_a_buyer_changes_a_goal_and_its_history_stays(admin, contract, goal, signed_in):
    client = signed_in(admin)
    assert client.post(url_of(goal, "change-goal"), form(words="Fewer people")).status_code == 302
    page = client.get(url_of(goal)).content.decode()
    assert "Fewer people" in page
    assert GoalVersion.objects.filter(goal=goal.goal).count() == 2


def test_a_goal_can_be_dropped(admin, contract, goal, signed_in, today):
    signed_in(admin).post(url_of(goal, "change-goal"), form(is_dropped="on"))
    assert goals_of(contract, today)[0].status == "Not pursued any more"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"target": "10"}, "Enter another figure than where you start."),
        ({"target_date": "2020-01-01"}, "Enter a day after the contract has begun."),
        ({"hourly_cost": "60"}, "Say how many hours each one saves, too."),
        ({"target": "1e30"}, "Ensure"),
        ({"target": "NaN"}, "Enter a number."),
        ({"number": "7"}, "Somebody else has changed this goal in the meantime."),
    ],
)
def test_nonsense_is_told_and_changes_nothing(typed, said, admin, goal, signed_in):
    answer = signed_in(admin).post(url_of(goal, "change-goal"), form(**typed))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert GoalVersion.objects.count() == 1


# A renewal


@pytest.fixture
def renewed(acme, products, contract, now):
    """The contract that renewed the other one."""
    successor = make_contract(acme, products, start=contract.end_date)
    Renewal.objects.create(
        account=acme,
        contract=contract,
        due_date=contract.end_date,
        currency=contract.currency,
        term_months=12,
        state="rolled_over",
        successor=successor,
        rolled_over_at=now,
    )
    return successor


def test_a_renewal_carries_the_goals_on(admin, contract, goal, renewed, used, now, today, signed_in):
    agree(contract=renewed, metric=GoalMetric.SELF_SERVED, says=words(title="No cases"), by=admin, now=now)
    assert [state.now.title for state in goals_of(renewed, today)] == ["Everybody signs in", "No cases"]
    assert [state.now.title for state in goals_of(contract, today)] == ["Everybody signs in"]
    client = signed_in(admin)
    assert "90 % of the way" in client.get(list_url(renewed)).content.decode()
    url = reverse("commerce:change-goal", args=[renewed.number, goal.goal.public_id])
    assert client.post(url, form(target="30")).status_code == 302
    assert [state.now.target for state in goals_of(contract, today)] == [30]


def test_what_was_reached_before_a_renewal_still_counts(contract, goal, renewed, today, monkeypatch):
    asked = []
    monkeypatch.setattr(goals, "_MEASURES", [lambda contract, today: asked.append(contract) or {}])
    goals_of(renewed, today)
    assert asked == [contract]


def test_goals_of_another_contract_are_not_carried_on(acme, products, contract, goal, today):
    assert goals_of(make_contract(acme, products), today) == []


def test_goals_carried_on_count_among_the_most(contract, goal, renewed, admin, now, monkeypatch):
    monkeypatch.setattr(goals, "MOST_GOALS", 1)
    with pytest.raises(TooManyGoals):
        agree(contract=renewed, metric=GoalMetric.SEATS, says=words(), by=admin, now=now)


# Who may not


def test_a_viewer_reads_goals_and_changes_none(acme, contract, goal, signed_in):
    viewer = signed_in(make_member(acme, "viewer@acme.example", "Vera", roles=["viewer"]))
    assert viewer.get(url_of(goal)).status_code == 200
    assert viewer.post(url_of(goal, "change-goal"), form()).status_code == 403
    assert viewer.post(reverse("commerce:add-goal", args=[contract.number]), form(metric="own")).status_code == 403
    assert GoalVersion.objects.count() == 1


def test_a_stranger_finds_none(other_admin, contract, goal, signed_in):
    stranger = signed_in(other_admin)
    for url in (list_url(contract), url_of(goal), url_of(goal, "change-goal")):
        assert stranger.get(url).status_code == 404
    assert stranger.post(url_of(goal, "change-goal"), form()).status_code == 404
    assert (Goal.objects.count(), GoalVersion.objects.count()) == (1, 1)


def test_visitors_sign_in_first(client, contract, goal):
    assert client.get(url_of(goal)).status_code == 302
    assert client.get(list_url(contract)).status_code == 302


def test_a_goal_of_a_past_day_counts_from_the_contracts_start(contract, admin, now, today):
    agree(contract=contract, metric=GoalMetric.SELF_SERVED, says=words(), by=admin, now=now)
    [state] = goals_of(contract, today + timedelta(days=1))
    assert state.reached == Reached(Decimal(0), today + timedelta(days=1))
