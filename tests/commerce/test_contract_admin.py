"""What our own people change about a contract for its customer."""

import pytest
from django.urls import reverse

from commerce.contracts import amendments
from commerce.contracts.amendments import Decision
from commerce.contracts.contracts import ledger_of, owned_on
from commerce.models import GoalVersion, PendingChange, TaxRate

REASON = "Agreed with Ada on the phone."


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


@pytest.fixture
def url(contract):
    return reverse("admin:amend_contract", args=[contract.pk])


@pytest.fixture
def sent():
    return {"step": "reduce", "line": "team", "quantity": "40", "words": REASON, "version": "1"}


def test_the_staff_reduce_a_line_today_with_a_reason(manager, contract, url, sent, signed_in, today):
    client = signed_in(manager)
    assert "Team, 50 seats" in client.get(url).content.decode()
    assert client.post(url, sent).status_code == 302
    assert owned_on(ledger_of(contract), today)[0].quantity == 40
    change = PendingChange.objects.get()
    assert (change.status, change.words, change.requested_by) == ("applied", REASON, manager)


def test_a_line_with_the_tax_in_its_price_is_reduced_before_tax(manager, contract, url, sent, signed_in, today):
    TaxRate.objects.filter(country="DE").update(treatment="inclusive")
    assert signed_in(manager).post(url, sent).status_code == 302
    # 40 times 11.40, of which 19 % tax.
    assert owned_on(ledger_of(contract), today)[0].monthly_minor == 38_319


def test_the_staff_end_a_contract_and_take_it_up_again(manager, contract, url, sent, signed_in):
    client = signed_in(manager)
    client.post(url, sent | {"step": "end"})
    contract.refresh_from_db()
    assert contract.status == "ended"
    client.post(url, sent | {"step": "reactivate", "line": "", "version": "2"})
    contract.refresh_from_db()
    assert contract.status == "active"


def test_the_staff_take_a_planned_change_back(manager, admin, contract, url, sent, signed_in, now):
    amendments.end_contract(contract=contract, decision=Decision(actor=admin.membership.actor(), now=now))
    signed_in(manager).post(url, sent | {"step": "take_back"})
    assert PendingChange.objects.get().status == "cancelled"


@pytest.mark.parametrize(
    "wrong",
    [
        {"words": "short"}, {"line": ""}, {"line": "gold"}, {"quantity": "50"}, {"quantity": ""}, {"quantity": "0"},
        {"quantity": "39.5"}, {"step": "sell"}, {"step": "resume"}, {"step": "reactivate"}, {"step": "take_back"},
        {"version": "7"},
    ],
)  # fmt: skip
def test_what_cannot_be_done_changes_nothing(manager, contract, url, sent, signed_in, wrong):
    response = signed_in(manager).post(url, sent | wrong)
    assert response.status_code == 422
    assert not PendingChange.objects.exists()


def test_others_of_the_staff_and_customers_may_not(agent, admin, url, signed_in):
    assert signed_in(agent).get(url).status_code == 403
    assert signed_in(admin).get(url).status_code == 302


# Goals


@pytest.fixture
def goal(contract):
    return {
        "form_key": "0b5d6700-aaaa-4bbb-8ccc-000000000001", "title": "More crews", "metric": "seats", "baseline": "10",
        "target": "60", "target_date": str(contract.end_date),
    }  # fmt: skip


def test_the_staff_add_a_goal_for_the_customer_once(manager, contract, goal, signed_in):
    client, add = signed_in(manager), reverse("admin:add_goal", args=[contract.pk])
    assert add in client.get(reverse("admin:account_360_panel", args=[contract.account_id, "goals"])).content.decode()
    assert "More crews" not in client.get(add).content.decode()
    for _click in range(2):
        assert client.post(add, goal).status_code == 302
    said = GoalVersion.objects.get()
    assert (said.title, said.goal.contract, said.said_by) == ("More crews", contract, manager)


def test_a_goal_that_leads_nowhere_is_refused(manager, contract, goal, signed_in):
    add = reverse("admin:add_goal", args=[contract.pk])
    assert signed_in(manager).post(add, goal | {"target": "10"}).status_code == 422
    assert not GoalVersion.objects.exists()


def test_who_may_not_add_goals_adds_none(agent, admin, contract, goal, signed_in, client):
    add = reverse("admin:add_goal", args=[contract.pk])
    assert signed_in(agent).post(add, goal).status_code == 403
    assert signed_in(admin).post(add, goal).status_code in (302, 403, 404)
    client.logout()
    assert client.post(add, goal).status_code == 302
    assert not GoalVersion.objects.exists()
