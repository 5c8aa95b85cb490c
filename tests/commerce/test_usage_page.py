"""Usage: each meter against its limit, over time."""

from datetime import date, timedelta

import pytest
from django.urls import reverse

from accounts.models import Entitlement
from commerce.contracts.usage import year_of
from tests.factories import make_member
from tracking.models import Meter, UsageDaily
from tracking.services import usage_to_date

URL = reverse("commerce:usage")
EXPORT = reverse("commerce:export-usage")


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


@pytest.fixture
def used(acme, contract):
    """Seats grow to 46; API calls go over their 50,000; storage has no limit."""

    def add(meter, day, quantity):
        UsageDaily.objects.create(account_id=acme.pk, meter=meter, date=day, quantity=quantity)

    add("seats", date(2026, 10, 1), 44)
    add("seats", date(2026, 10, 31), 41)
    add("seats", date(2026, 11, 17), 46)
    add("api_calls", date(2026, 10, 5), 10_000)
    add("api_calls", date(2026, 10, 6), 15_000)
    add("api_calls", date(2026, 11, 2), 51_300)
    add("storage_gb", date(2026, 11, 17), "12.5")


def points(response, meter):
    history = next(one for one in response.context["meters"] if one.use.meter == meter)
    return {point.date: point.quantity for point in history.points if point.quantity is not None}


def test_each_meter_stands_against_its_limit(admin, used, signed_in):
    page = signed_in(admin).get(URL).content.decode()
    assert "of 50" in page
    assert "1,300 over the limit" in page
    assert "Not limited by your contract" in page
    assert page.count("data-primary-action") == 1


def test_months_add_up_what_is_counted_and_keep_the_highest_level(admin, used, signed_in):
    response = signed_in(admin).get(URL)
    assert points(response, "api_calls") == {date(2026, 10, 1): 25_000, date(2026, 11, 1): 51_300}
    assert points(response, "seats") == {date(2026, 10, 1): 44, date(2026, 11, 1): 46}
    history = response.context["meters"][0]
    assert (history.points[0].date, len(history.points)) == (date(2025, 12, 1), 12)


def test_days_can_be_chosen(admin, used, signed_in):
    response = signed_in(admin).get(URL, {"by": "day"})
    assert points(response, "seats") == {date(2026, 10, 31): 41, date(2026, 11, 17): 46}
    assert len(response.context["meters"][0].points) == 30


def test_a_meter_that_is_granted_and_never_reported_says_so(admin, contract, signed_in):
    assert "Nothing was reported" in signed_in(admin).get(URL).content.decode()


def test_nothing_measured_is_said(other_admin, signed_in):
    page = signed_in(other_admin).get(URL).content.decode()
    assert "Nothing is measured yet" in page
    assert page.count("data-primary-action") == 1


def test_the_export_is_what_was_reported(admin, used, signed_in):
    response = signed_in(admin).get(EXPORT)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="usage-2026-11-18.csv"'
    lines = response.content.decode().splitlines()
    assert lines[:3] == ["date,meter,quantity", "2026-10-01,seats,44", "2026-10-05,api_calls,10000"]
    assert lines[-1] == "2026-11-17,storage_gb,12.5"


def test_it_costs_five_queries_with_two_years_of_days(admin, acme, contract, signed_in, most_queries, today):
    UsageDaily.objects.bulk_create(
        UsageDaily(account_id=acme.pk, meter="seats", date=today - timedelta(days=number), quantity=40)
        for number in range(700)
    )
    client = signed_in(admin)
    with most_queries(5):
        client.get(URL)
    with most_queries(5):
        client.get(URL, {"by": "day"})


# Who may


def test_another_companys_usage_is_not_seen(other_admin, used, signed_in):
    client = signed_in(other_admin)
    assert client.get(URL).context["meters"] == []
    assert client.get(EXPORT).content.decode().splitlines() == ["date,meter,quantity"]


@pytest.mark.parametrize("roles", [["viewer"], ["support"], ["billing"], ["approver"]])
def test_everybody_of_the_company_may_look(acme, used, signed_in, roles):
    page = signed_in(make_member(acme, "x@acme.example", "Xi", roles=roles)).get(URL).content.decode()
    assert page.count("data-primary-action") == 1
    assert ("€" in page) == (roles == ["billing"])  # What the next bill comes to is for who reads the bills.


def test_anonymous_visitors_are_asked_to_sign_in(client, db):
    for url in (URL, EXPORT):
        assert client.get(url).url.partition("?")[0] == reverse("account_login")


def test_limits_of_several_grants_add_up(admin, acme, used, signed_in):
    Entitlement.objects.create(
        account=acme, code="api_calls", quantity=100_000, start_date=date(2026, 11, 1), source="gift"
    )
    response = signed_in(admin).get(URL)
    assert response.context["over"] == []


@pytest.mark.parametrize("today", [date(2026, 3, 31), date(2026, 3, 1), date(2026, 5, 15), date(2026, 6, 30)])
def test_a_year_tells_the_same_of_today_as_a_day_does(acme, today):
    """Reported on the last day of February and in March: then for a while nothing, and then it counts no more."""
    for meter in Meter:
        for day, quantity in ((date(2026, 2, 28), 7), (date(2026, 3, 20), 5), (date(2026, 3, 31), 3)):
            UsageDaily.objects.create(account_id=acme.pk, meter=meter, date=day, quantity=quantity)
    assert year_of(acme, today).to_date == usage_to_date(account_id=acme.pk, today=today)
