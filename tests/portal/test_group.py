"""The group's page: a parent company's administrators see their subsidiaries side by side."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account, Membership
from cases.models import Case, CaseVisibility, Sight
from tests.factories import make_account, make_catalogue, make_contract, make_member
from tracking.models import UsageDaily

GROUP = "/company/group/"


@pytest.fixture
def subsidiary(acme):
    return make_subsidiary(acme, "Acme Freight Polska")


def make_subsidiary(parent, name, **fields):
    account = make_account(name, **({"parent": parent, "is_open_to_parent": True} | fields))
    make_member(account, f"boss@{name.lower().replace(' ', '-')}.example", f"Boss of {name}", roles=["administrator"])
    return account


def open_case(account):
    boss = Membership.objects.filter(account=account).order_by("pk").first().user
    return Case.objects.create(account=account, opened_by=boss, subject="Forklift offline")


def test_each_company_has_its_dates_seats_cases_and_price(acme, admin, subsidiary, signed_in):
    today = timezone.now().date()
    contract = make_contract(subsidiary, make_catalogue(), plan="team", seats=8, start=today - timedelta(days=30))
    UsageDaily.objects.create(account_id=subsidiary.pk, meter="seats", date=today, quantity=5)
    open_case(subsidiary)
    page = signed_in(admin).get(GROUP)
    head, row = page.context["rows"]
    assert (head.account, row.account) == (acme, subsidiary)
    assert (row.renewal_date, row.seats_used, row.seats_limit) == (contract.end_date, 5, 8)
    assert (row.open_cases, row.monthly_minor) == (1, 96_00)
    text = page.content.decode()
    assert "5 of 8" in text
    assert "€96.00" in text
    assert f"/?company={subsidiary.public_id}" in text


def test_a_company_that_is_not_open_is_not_there(acme, admin, subsidiary, signed_in):
    closed = make_subsidiary(acme, "Acme Closed", is_open_to_parent=False)
    open_case(closed)
    rows = signed_in(admin).get(GROUP).context["rows"]
    assert [row.account for row in rows] == [acme, subsidiary]


def test_the_link_leads_to_the_company(admin, subsidiary, signed_in):
    client = signed_in(admin)
    client.get(f"/?company={subsidiary.public_id}", follow=True)
    assert client.get("/company/").context["account"] == subsidiary
    assert len(client.get(GROUP).context["rows"]) == 2, "from the subsidiary, the group is still in sight"


def test_only_on_this_page_the_scope_is_wider(admin, subsidiary, signed_in):
    case = open_case(subsidiary)
    client = signed_in(admin)
    assert client.get(GROUP).context["open_cases"] == 1
    assert client.get(case.get_absolute_url()).status_code == 404
    assert case.number not in client.get("/cases/").content.decode()


def test_cases_that_the_subsidiary_keeps_to_their_openers_are_not_counted(admin, subsidiary, signed_in):
    open_case(subsidiary)
    CaseVisibility.objects.create(account=subsidiary, sight=Sight.OWN)
    assert signed_in(admin).get(GROUP).context["open_cases"] == 0


def test_a_membership_of_ones_own_shows_no_more_than_its_roles(acme, admin, subsidiary, signed_in):
    make_subsidiary(acme, "Acme Third")
    Membership.objects.create(account=subsidiary, user=admin, roles=["support"])
    rows = {row.account: row for row in signed_in(admin).get(GROUP).context["rows"]}
    assert rows[subsidiary].monthly_minor is None
    assert rows[subsidiary].renewal_date is None
    assert rows[subsidiary].open_cases == 0


def test_fifty_subsidiaries_cost_what_two_do(acme, admin, subsidiary, signed_in):
    client = signed_in(admin)
    client.get(GROUP)

    def asked():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(GROUP).status_code == 200
        return len(queries)

    with_two = asked()
    for number in range(48):
        open_case(make_subsidiary(acme, f"Acme {number:02}"))
    client.get(GROUP)  # What is cached for a while has been read again.
    assert asked() <= with_two + 1
    assert len(client.get(GROUP).context["rows"]) == 50


def test_the_tab_and_the_switcher_lead_there_only_where_there_is_a_group(acme, admin, other_admin, signed_in):
    assert GROUP not in signed_in(other_admin).get("/company/").content.decode()
    assert GROUP not in signed_in(admin).get("/company/").content.decode()
    make_subsidiary(acme, "Acme Freight Polska")
    page = signed_in(admin).get("/company/").content.decode()
    assert f'<a href="{GROUP}" class="section-tab"' in page
    assert "The whole group" in page


@pytest.mark.parametrize("who", ["member", "viewer", "other_admin"])
def test_others_see_no_group(who, request, subsidiary, signed_in):
    open_case(subsidiary)
    page = signed_in(request.getfixturevalue(who)).get(GROUP)
    assert page.context["rows"] == []
    assert "No subsidiary to see" in page.content.decode()
    assert subsidiary.name not in page.content.decode()


def test_a_closed_account_is_over(acme, admin, subsidiary, signed_in):
    Account.objects.filter(pk=subsidiary.pk).update(is_active=False)
    assert signed_in(admin).get(GROUP).context["rows"] == []


def test_a_visitor_signs_in_first(client, db):
    assert client.get(GROUP)["Location"].startswith("/accounts/login/")
