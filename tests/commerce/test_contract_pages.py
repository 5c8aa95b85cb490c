"""Contracts: dates, lines against use, history."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from commerce.contracts import amendments
from commerce.contracts.amendments import Decision
from commerce.contracts.applying import apply_due
from commerce.contracts.contracts import overview, overview_of
from commerce.models import Contract, Renewal
from commerce.orders.fulfilling import fulfil
from tests.factories import make_contract, make_member
from tracking.actor import Actor
from tracking.models import UsageDaily

LIST = reverse("commerce:contracts")


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


def url_of(contract):
    return reverse("commerce:contract", args=[contract.number])


# The dates


def test_the_next_date_that_matters_is_the_notice_deadline(acme, contract, today):
    shown = overview(acme, today)
    # Sixty days before 1 February 2027.
    assert [(step.kind, step.date, step.state) for step in shown.steps] == [
        ("start", date(2026, 2, 1), "done"),
        ("notice", date(2026, 12, 3), "next"),
        ("renewal", date(2027, 2, 1), "future"),
    ]
    assert (shown.next_step.kind, shown.days_left, shown.plan.quantity) == ("notice", 75, 50)


def test_after_the_deadline_it_is_the_renewal(acme, contract):
    assert overview(acme, date(2026, 12, 4)).next_step.kind == "renewal"
    assert overview(acme, date(2026, 12, 3)).next_step.kind == "notice"


def test_without_renewal_it_is_the_last_day(acme, contract, today):
    Contract.objects.update(auto_renew=False)
    assert [(step.kind, step.date) for step in overview(acme, today).steps][1:] == [("end", date(2027, 1, 31))]


def test_a_change_stands_on_the_timeline(quote, admin, accept, acme, now, today):
    fulfil(order=accept(quote, admin), now=now, actor=Actor.system())
    step = next(step for step in overview(acme, today).steps if step.kind == "amendment")
    assert (step.date, step.state) == (today, "done")
    assert step.detail == "Team → Business, 60 seats, Single sign-on & directory sync added"


def test_a_contract_that_ended_shows_what_it_had(acme, products, today):
    ended = make_contract(acme, products, start=date(2025, 2, 1))
    assert overview(acme, today) is None
    assert overview_of(ended, today).plan.quantity == 50


def test_of_two_contracts_the_one_that_ends_first_leads(acme, products, contract, today):
    make_contract(acme, products, start=date(2026, 6, 1))
    assert overview(acme, today).contract == contract


def test_an_overview_costs_one_query(acme, contract, today, django_assert_num_queries):
    with django_assert_num_queries(1):
        overview(acme, today)


# The pages


def test_the_list_shows_the_running_contract(admin, contract, signed_in):
    page = signed_in(admin).get(LIST).content.decode()
    assert contract.number in page
    assert "Notice deadline" in page
    assert "€570.00" in page
    assert page.count("data-primary-action") == 1


def test_a_contract_shows_lines_use_and_history(quote, admin, accept, contract, acme, now, today, signed_in):
    order = accept(quote, admin)
    fulfil(order=order, now=now, actor=Actor.system())
    UsageDaily.objects.create(account_id=acme.pk, meter="seats", date=today, quantity=46)
    page = signed_in(admin).get(url_of(contract)).content.decode()
    for words in ("Business", "€19.00", "€1,142.85", "of 60", order.number, "Team → Business, 60 seats", "+€572.85"):
        assert words in page
    assert page.count("data-primary-action") == 1


def test_prices_are_hidden_from_who_may_not_see_them(viewer, quote, admin, accept, contract, now, signed_in):
    order = accept(quote, admin)
    fulfil(order=order, now=now, actor=Actor.system())
    client = signed_in(viewer)
    for url in (LIST, url_of(contract)):
        page = client.get(url).content.decode()
        assert "Business" in page
        assert "€" not in page
        assert "/orders/" not in page
        assert page.count("data-primary-action") == 1


def test_an_empty_list_says_so(other_admin, signed_in):
    page = signed_in(other_admin).get(LIST).content.decode()
    assert "No running contract" in page
    assert page.count("data-primary-action") == 1


def test_the_pages_cost_at_most_eight_queries(admin, contract, signed_in, most_queries):
    client = signed_in(admin)
    with most_queries(4):
        client.get(LIST)
    with most_queries(8):
        client.get(url_of(contract))


def test_what_became_of_the_renewal_stands_among_the_dates(admin, contract, acme, now, today, signed_in):
    offered = now - timedelta(days=20)
    renewal = Renewal.objects.create(
        account=acme, contract=contract, due_date=contract.end_date, term_months=12, currency="EUR",
        offered_at=offered, notified_at=now - timedelta(days=2), declined_at=now, state="declined",
    )  # fmt: skip
    steps = overview_of(contract, today, renewal=renewal).steps
    assert [step.label for step in steps if step.kind == "renewal_step"] == [
        "Renewal offered", "Reminded of the renewal", "Renewal declined",
    ]  # fmt: skip
    assert all(step.state == "done" for step in steps if step.kind == "renewal_step")
    client = signed_in(admin)
    with CaptureQueriesContext(connection) as captured:
        page = client.get(url_of(contract)).content.decode()
    assert "Renewal declined" in page
    assert not [query for query in captured if 'FROM "commerce_renewal"' in query["sql"]]  # It comes along.


def test_in_grace_the_dates_say_when_access_ends(contract, acme, now, today):
    renewal = Renewal(
        account=acme, contract=contract, due_date=contract.end_date, term_months=12, currency="EUR",
        grace_at=now, state="grace",
    )  # fmt: skip
    ends = next(step for step in overview_of(contract, today, renewal=renewal).steps if step.kind == "grace_end")
    assert ends.date == contract.end_date + timedelta(days=15)


# What was owned when


def test_any_day_can_be_asked(quote, admin, accept, contract, now, signed_in):
    fulfil(order=accept(quote, admin), now=now, actor=Actor.system())
    client = signed_in(admin)
    before = client.get(url_of(contract), {"on": "2026-11-17"}).content.decode()
    assert "What it covered on 17 Nov 2026" in before
    assert "€11.40" in before
    after = client.get(url_of(contract), {"on": "2027-01-31"}).content.decode()
    assert "€11.40" not in after
    assert "Nothing is owned on this day." in client.get(url_of(contract), {"on": "2025-01-01"}).content.decode()


def test_a_day_to_come_knows_of_the_planned_pause_and_of_the_end(admin, contract, now, signed_in):
    decision = Decision(actor=admin.membership.actor(), now=now)
    pause = {"from_date": date(2026, 12, 1), "until_date": date(2026, 12, 20)}
    amendments.pause(contract=contract, decision=decision, **pause)
    client = signed_in(admin)

    def is_owned(day):
        return "Nothing is owned on this day." not in client.get(url_of(contract), {"on": day}).content.decode()

    def owned():
        return [is_owned(day) for day in ("2026-11-30", "2026-12-01", "2026-12-19", "2026-12-20", "2027-01-31")]

    assert owned() == [True, False, False, True, True]
    apply_due(now=now + timedelta(days=14))
    assert owned() == [True, False, False, True, True]
    assert not is_owned("2027-02-01")  # The first day of another contract.
    assert not is_owned("2999-12-31")


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "99999-01-01", "9999-12-31", "0001-01-01", ""])
def test_a_day_that_is_none_is_said(admin, contract, signed_in, day):
    response = signed_in(admin).get(url_of(contract), {"on": day})
    assert response.status_code == 422
    assert "Team" in response.content.decode()


def test_lines_say_what_is_entitled_and_used_and_where_it_goes(admin, contract, acme, today, signed_in):
    for day, seats in ((date(2026, 8, 10), 20), (today, 46)):
        UsageDaily.objects.create(account_id=acme.pk, meter="seats", date=day, quantity=seats)
    page = signed_in(admin).get(url_of(contract)).content.decode()
    assert "46 used by your company" in page
    assert "130 % more than three months before" in page


# Who may


@pytest.mark.parametrize("number", ["C-2026-9999", "C-1999-0101", "C-2026-", "Q-1", "101"])
def test_a_number_that_is_none_is_not_found(admin, contract, signed_in, number):
    assert signed_in(admin).get(reverse("commerce:contract", args=[number])).status_code == 404


def test_another_companys_contract_is_not_found(other_admin, contract, signed_in):
    assert signed_in(other_admin).get(url_of(contract)).status_code == 404


def test_a_support_contact_alone_is_refused(acme, contract, signed_in):
    client = signed_in(make_member(acme, "s@acme.example", "Sue", roles=["support"]))
    assert client.get(LIST).status_code == 403
    assert client.get(url_of(contract)).status_code == 403


def test_anonymous_visitors_are_asked_to_sign_in(contract, client):
    for url in (LIST, url_of(contract)):
        assert client.get(url).url.partition("?")[0] == reverse("account_login")
