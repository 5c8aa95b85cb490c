"""All contracts of a company or of its group, and the figures that customers and our people see alike."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.permissions import StaffGroup
from commerce import account_360
from commerce.contracts import amendments
from commerce.contracts.contracts import ledger_of, owned_on
from commerce.contracts.goals import GoalWords, agree
from commerce.contracts.ledger import Entry
from commerce.contracts.visibility import Sight, figures_of
from commerce.models import (
    Contract,
    ContractStatus,
    DeltaKind,
    GoalMetric,
    Invoice,
    Product,
    Subscription,
    SubscriptionDelta,
)
from tests.factories import make_account, make_contract, make_member, make_staff
from tracking.models import Event, EventName, UsageDaily

ALL = reverse("commerce:all-contracts")
EXPORT = reverse("commerce:export-contracts")
DASHBOARD = reverse("commerce:contract-dashboard")


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


@pytest.fixture
def subsidiary(acme):
    return make_account("Acme Freight Polska", parent=acme, is_open_to_parent=True)


@pytest.fixture
def theirs(subsidiary, products):
    return make_contract(subsidiary, products, seats=8, start=date(2026, 1, 1))


def bill(account, number, minor, *, day, currency="EUR", status="paid", paid_at=None, now=None):
    return Invoice.objects.create(
        number=number, legal_entity="Meridian Works", account=account, currency=currency, subtotal_minor=minor,
        tax_minor=0, total_minor=minor, bill_to={}, issue_date=day, due_date=day, status=status, paid_at=now,
    )  # fmt: skip


# The list


def test_the_list_shows_the_whole_group_with_totals(admin, contract, theirs, signed_in):
    page = signed_in(admin).get(ALL)
    assert [row.contract for row in page.context["rows"]] == [contract, theirs]
    # Eight seats at €12 and fifty at €11.40.
    assert (page.context["running"], page.context["totals"]) == (2, [("EUR", 66_600)])
    text = page.content.decode()
    assert f"{reverse('commerce:contract', args=[theirs.number])}?company={theirs.account.public_id}" in text
    assert "Team, 8 seats" in text


def test_a_subsidiary_that_is_not_open_is_not_there(admin, acme, contract, products, signed_in):
    closed = make_account("Acme Closed", parent=acme, is_open_to_parent=False)
    hidden = make_contract(closed, products, start=date(2026, 1, 1))
    page = signed_in(admin).get(ALL)
    assert hidden.number not in page.content.decode()
    assert hidden.number.encode() not in signed_in(admin).get(EXPORT).getvalue()


def test_only_administrators_see_the_group(acme, contract, theirs, signed_in):
    buyer = make_member(acme, "buyer@acme.example", "Bea", roles=["buyer"])
    assert [row.contract for row in signed_in(buyer).get(ALL).context["rows"]] == [contract]


def test_without_the_right_to_prices_there_are_none(acme, contract, signed_in):
    viewer = make_member(acme, "vera@acme.example", "Vera", roles=["viewer"])
    for url in (ALL, DASHBOARD):
        assert "€" not in signed_in(viewer).get(url).content.decode()
    assert b"600" not in signed_in(viewer).get(EXPORT).getvalue()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["contract", "theirs"]),
        ({"status": "running"}, ["contract", "theirs"]),
        ({"status": "ended"}, []),
        ({"status": "upcoming"}, []),
        ({"since": "2027-01-15"}, ["contract"]),
        ({"until": "2026-12-31"}, ["theirs"]),
        ({"until": "2026-12-30"}, []),
        ({"product": "team"}, ["contract", "theirs"]),
    ],
)
def test_the_list_is_filtered(query, found, admin, contract, theirs, signed_in):
    shown = [row.contract for row in signed_in(admin).get(ALL, query).context["rows"]]
    assert shown == [{"contract": contract, "theirs": theirs}[name] for name in found]


def test_the_list_is_filtered_by_company(admin, contract, theirs, signed_in):
    page = signed_in(admin).get(ALL, {"of": str(theirs.account.public_id)})
    assert [row.contract for row in page.context["rows"]] == [theirs]
    assert page.context["totals"] == [("EUR", 9_600)]


def test_a_strangers_company_is_no_filter(admin, globex, contract, theirs, signed_in):
    page = signed_in(admin).get(ALL, {"of": str(globex.public_id)})
    assert page.status_code == 422
    assert "Select a valid choice" in page.content.decode()


def test_an_ended_contract_is_found_by_its_status(admin, acme, products, contract, signed_in):
    ended = make_contract(acme, products, start=date(2025, 2, 1))  # No job has said so yet.
    Contract.objects.filter(pk=contract.pk).update(status=ContractStatus.ACTIVE)
    page = signed_in(admin).get(ALL, {"status": "ended"})
    assert [row.contract for row in page.context["rows"]] == [ended]
    assert (page.context["running"], page.context["totals"]) == (0, [])


def test_the_file_says_the_same_as_the_list(admin, contract, theirs, signed_in):
    header, *rows = signed_in(admin).get(EXPORT).getvalue().decode("utf-8-sig").splitlines()
    assert header.startswith("Company,Contract,Status,First day,Last day")
    assert [row.split(",")[1] for row in rows] == [contract.number, theirs.number]
    assert rows[1].endswith("96.00,EUR")
    assert Event.objects.filter(name=EventName.DOCUMENT_DOWNLOADED, object_type="contracts").count() == 1


# The figures


def test_a_parent_sees_the_sum_of_its_companies(admin, acme, contract, theirs, now, today, signed_in):
    bill(acme, "R-1", 100_00, day=today, now=now)
    bill(theirs.account, "R-2", 50_00, day=today, now=now)
    bill(acme, "R-3", 70_00, day=today, status="void")
    bill(acme, "R-4", 30_00, day=today - timedelta(days=400), now=now)
    figures = signed_in(admin).get(DASHBOARD).context["figures"]
    assert [(one.contract, one.days_left) for one in figures.running] == [(theirs, 44), (contract, 75)]
    assert [(total.currency, total.monthly_minor, total.annual_minor) for total in figures.totals] == [
        ("EUR", 66_600, 799_200)
    ]
    assert figures.spend_totals == [("EUR", 150_00)]
    assert figures.spend[-1].month == date(2026, 11, 1)


def test_the_customer_and_our_people_see_the_same_figures(admin, acme, contract, today, now, signed_in):
    UsageDaily.objects.create(account_id=acme.pk, meter="seats", date=today, quantity=46)
    bill(acme, "R-1", 100_00, day=today, now=now)
    customers = signed_in(admin).get(DASHBOARD).context["figures"]
    ours = account_360.figures(acme, today)["figures"]
    assert (customers.running, customers.totals, customers.uses, customers.spend) == (
        ours.running, ours.totals, ours.uses, ours.spend
    )  # fmt: skip


def test_a_portfolio_adds_up_what_its_companies_show(acme, globex, contract, products, signed_in, today):
    cleo = make_staff("cleo@vendor.example", "Cleo Marsh", group=StaffGroup.CUSTOMER_SUCCESS)
    make_contract(globex, products, seats=10, start=date(2026, 3, 1))
    for account in (acme, globex):
        account.owner = cleo
        account.save(update_fields=["owner"])
    page = signed_in(cleo).get(reverse("admin:portfolio"))
    figures = page.context["figures"]
    single = [figures_of(Sight.of_staff([account]), today).totals[0].monthly_minor for account in (acme, globex)]
    assert figures.totals[0].monthly_minor == sum(single)
    assert f"€{sum(single) / 100:.2f}" in page.content.decode()


def test_without_the_permission_our_people_see_no_amounts(acme, contract, signed_in):
    agent = make_staff("sam@vendor.example", "Sam", group=StaffGroup.SUPPORT_AGENT)
    url = reverse("admin:account_360_panel", args=[acme.pk, "figures"])
    page = signed_in(agent).get(url, headers={"HX-Request": "true"}).content.decode()
    assert contract.number in page
    assert "€" not in page


# With many lines


@pytest.fixture
def many_lines(acme, contract, admin, now):
    """Five hundred lines on one contract, with goals."""
    products = Product.objects.bulk_create(
        Product(code=f"line-{number}", name=f"Line {number}", kind="addon", summary="One of many.")
        for number in range(500)
    )
    lines = Subscription.objects.bulk_create(
        Subscription(account=acme, contract=contract, product=product) for product in products
    )
    SubscriptionDelta.objects.bulk_create(
        SubscriptionDelta(
            account=acme, subscription=line, kind=DeltaKind.NEW, quantity=1, unit_price=Decimal(1), recurring_minor=100,
            currency="EUR", effective_date=contract.start_date, billing_date=contract.start_date,
        )
        for line in lines
    )  # fmt: skip
    for metric in GoalMetric:
        says = GoalWords("Everybody signs in", Decimal(1), Decimal(50), contract.end_date)
        agree(contract=contract, metric=metric, says=says, by=admin, now=now)
    return contract


@pytest.mark.parametrize("name", ["contract", "contract-papers", "goals", "contract-review"])
def test_each_page_about_a_contract_asks_little(name, many_lines, admin, signed_in, most_queries):
    client = signed_in(admin)
    url = reverse(f"commerce:{name}", args=[many_lines.number])
    client.get(url)
    with most_queries(12 if name == "contract-review" else 8):  # A document of many parts, and no page.
        assert client.get(url).status_code == 200


def test_what_is_planned_of_a_contract_costs_it_no_more(many_lines, admin, signed_in, most_queries, today):
    """A reduction, which is held against what is in use."""
    decision = amendments.Decision(actor=admin.membership.actor(), now=timezone.now())
    owned = owned_on(ledger_of(many_lines), today)
    less = [Entry.taking(line, DeltaKind.CANCEL) for line in owned if line.product.code == "line-7"]
    amendments.reduce(contract=many_lines, lines=less, decision=decision)
    client = signed_in(admin)
    url = reverse("commerce:contract", args=[many_lines.number])
    client.get(url)
    with most_queries(8):
        page = client.get(url)
    assert "Planned" in page.content.decode()


@pytest.mark.parametrize("url", [ALL, DASHBOARD, EXPORT, reverse("commerce:contracts")])
def test_each_page_about_all_contracts_asks_little(url, many_lines, theirs, admin, signed_in, most_queries):
    client = signed_in(admin)
    client.get(url)
    with most_queries(8):
        answer = client.get(url)
        answer.getvalue()
    assert answer.status_code == 200


# Who may not


@pytest.mark.parametrize("url", [ALL, EXPORT, DASHBOARD])
def test_a_stranger_sees_their_own(url, other_admin, contract, theirs, signed_in):
    content = signed_in(other_admin).get(url).getvalue().decode()
    assert contract.number not in content
    assert theirs.number not in content


@pytest.mark.parametrize("url", [ALL, EXPORT, DASHBOARD])
def test_support_contacts_may_not(url, acme, contract, signed_in):
    support = make_member(acme, "sue@acme.example", "Sue", roles=["support"])
    assert signed_in(support).get(url).status_code == 403


@pytest.mark.parametrize("url", [ALL, EXPORT, DASHBOARD])
def test_visitors_sign_in_first(url, contract, client):
    assert client.get(url).status_code == 302


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("name", ["all-contracts", "export-contracts", "orders", "export-orders", "invoices"])
def test_days_at_the_edge_of_the_calendar_are_no_failure(name, zone, acme, admin, contract, signed_in):
    acme.time_zone = zone
    acme.save()
    for asked in ({"since": "0001-01-01"}, {"until": "9999-12-31"}):
        response = signed_in(admin).get(reverse(f"commerce:{name}"), asked)
        assert response.status_code in (200, 422)
        b"".join(response)
