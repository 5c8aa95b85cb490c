"""How long our own people take to approve quotes: by month, by rule, and by whom we ask."""

import uuid
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.approvals import Times, approval_times
from commerce.configuring.situations import Configuration
from commerce.deal_desk import deal_decisions
from commerce.models import SelfServiceLimit
from commerce.quotes import quoting
from tests.factories import make_catalogue, make_contract, make_default_approval_rules, make_staff

PAGE, CSV = reverse("analytics:approvals"), reverse("analytics:approvals-csv")


@pytest.fixture
def decided(admin, acme):
    """A quote of the portal's that somebody decides about after so many hours: `decided(at, 3)`."""
    make_default_approval_rules()
    make_contract(acme, make_catalogue())
    SelfServiceLimit.objects.create(limit_minor=0, currency="EUR")
    boss = make_staff("boss@vendor.example", "Bruno Falk", group="Revenue manager")

    def decided(at, hours, *, rejected=False):
        quote = quoting.create_quote(
            account=acme, actor=admin.membership.actor(), user=admin, configuration=Configuration("team", 60), now=at,
            form_key=uuid.uuid4(),
        )  # fmt: skip
        if hours is None:
            return
        approval = quote.staff_approvals.get()
        step = deal_decisions.reject if rejected else deal_decisions.approve
        step(
            approval=approval, user=boss, price_hash=approval.price_hash, note="So it is.",
            now=at + timedelta(hours=hours),
        )  # fmt: skip

    return decided


def test_nine_of_ten_and_the_middle_one():
    hours = [timedelta(hours=hour) for hour in (8, 1, 2, 9, 3, 4, 5, 6, 7, 30)]
    assert Times.of(hours) == Times(10, Decimal("5.5"), Decimal(9))
    assert Times.of(hours[:1]) == Times(1, Decimal(8), Decimal(8))
    assert Times.of([]) == Times(0, None, None)


def test_decisions_count_in_their_month_for_their_rule_and_for_whom_they_ask(decided, now):
    for hours in (1, 2, 6):
        decided(now - timedelta(days=2), hours, rejected=hours == 6)
    decided(now - timedelta(days=40), 10)
    decided(now - timedelta(hours=1), None)  # Waits still.
    found = approval_times(now=now)
    assert (found.quotes.count, found.quotes.median_hours, found.quotes.p90_hours) == (4, 4, 10)
    assert [(month, times.count) for month, times in found.months][:3] == [
        (date(2026, 11, 1), 3), (date(2026, 10, 1), 1), (date(2026, 9, 1), 0),
    ]  # fmt: skip
    assert found.months[0][1].median_hours == 2
    assert len(found.months) == 12
    assert found.months[-1][0] == date(2025, 12, 1)
    assert [(label, times.count) for label, times in found.rules] == [("Above the self-service limit", 4)]
    assert [label for label, _times in found.steps] == ["1. Revenue manager"]


def test_what_was_decided_long_ago_does_not_count(decided, now):
    decided(now - timedelta(days=40), 5)
    assert approval_times(now=now + timedelta(days=400)).quotes.count == 0


def test_it_costs_one_query(decided, now):
    decided(now - timedelta(days=1), 1)
    decided(now - timedelta(days=1), 2)
    with CaptureQueriesContext(connection) as captured:
        approval_times(now=now)
    assert len(captured) == 1


def test_the_page_and_the_file_say_the_same(decided, manager, signed_in, now, time_machine):
    time_machine.move_to(now, tick=False)
    decided(now - timedelta(days=1), 1.5)
    client = signed_in(manager)
    page = client.get(PAGE).content.decode()
    assert "1.50" in page or "1.5" in page
    assert reverse("admin:deal_desk") in page
    assert reverse("analytics:definition", args=["time-in-approval"]) in page
    rows = client.get(CSV).getvalue().decode().splitlines()
    assert rows[1] == "quotes,,1,1.50,1.50"
    assert "month,2026-11,1,1.50,1.50" in rows
    assert "rule,Above the self-service limit,1,1.50,1.50" in rows


def test_without_any_decision_there_are_dashes(manager, signed_in, db):
    page = signed_in(manager).get(PAGE).content.decode()
    assert "Nothing was decided" in page
    assert page.count("data-primary-action") == 1


def test_who_may_not_see_insights_is_refused(agent, signed_in):
    assert signed_in(agent).get(PAGE).status_code == 403
    assert signed_in(agent).get(CSV).status_code == 403
