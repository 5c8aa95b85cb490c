"""The generator at scale: so many customers, people and events, beside those that are there."""

from datetime import timedelta
from io import StringIO

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Account, Entitlements, Membership, TermsAcceptance, TermsText, TermsVersion, User
from accounts.permissions import StaffGroup
from commerce.contracts.contracts import overview
from commerce.models import Invoice, InvoiceSeries, Order
from crm.models import OutboxRow
from sandbox.demo.company import found_company
from sandbox.demo.crowd import NotSeeded, Progress, add_crowd
from sandbox.demo.generate import Demo
from sandbox.demo.load import join_groups, load
from sandbox.demo.world import World
from tests.conftest import TODAY
from tracking.models import Event, Meter

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalogue():
    """The vendor without customers."""
    world = World(seed=1, today=TODAY)
    company = found_company(world)
    load(world)
    join_groups(Demo(world, company, [], None))
    return company


def crowd(**numbers):
    add_crowd(**({"accounts": 7, "users": 30, "events": 1_500, "seed": 1, "today": TODAY, "out": StringIO()} | numbers))


def test_it_adds_as_many_as_were_asked_for(catalogue):
    staff = User.objects.count()
    crowd()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert Account.objects.count() == 7
    assert (User.objects.count() - staff, Membership.objects.count()) == (30, 30)
    assert Event.objects.count() == 1_500
    assert not OutboxRow.objects.exists()


def test_each_customer_has_a_contract_in_force_with_what_it_grants(catalogue):
    crowd()
    for account in Account.objects.all():
        shown = overview(account, TODAY)
        assert Entitlements.of(account, today=TODAY).limit(Meter.SEATS) == shown.plan.quantity


def test_events_belong_to_people_of_the_account_after_its_first_sign_in(catalogue):
    crowd()
    members = set(Membership.objects.values_list("account_id", "user_id"))
    first = dict(Account.objects.values_list("pk", "first_login_at"))
    for event in Event.objects.all():
        assert (event.account_id, event.user_id) in members
        assert event.occurred_at > first[event.account_id]


def test_a_second_crowd_stands_beside_the_first_and_numbers_go_on(catalogue):
    crowd()
    crowd(seed=2, accounts=4, users=9, events=10)
    assert Account.objects.count() == 11
    assert Order.objects.order_by("-serial").values_list("serial", flat=True).distinct().count() == 11
    numbers = sorted(Invoice.objects.values_list("number", flat=True))
    assert numbers == [f"MW-{number:05d}" for number in range(1, 12)]
    assert InvoiceSeries.objects.get(kind="invoice").next_number == 12


def test_nobody_of_the_crowd_is_stopped_by_the_terms(catalogue):
    now = timezone.now() - timedelta(days=200)
    director = catalogue.staff[StaffGroup.EXECUTIVE][0]
    terms = TermsVersion.objects.create(version="1.0", effective_at=now, published_at=now, published_by=director)
    TermsText.objects.create(terms=terms, body="Be kind.")
    crowd()
    assert TermsAcceptance.objects.filter(terms=terms).count() == Membership.objects.count() == 30


def test_without_a_catalogue_nothing_is_added():
    with pytest.raises(NotSeeded):
        crowd()
    assert not Account.objects.exists()


def test_progress_is_told_at_each_tenth_where_there_is_no_terminal():
    out = StringIO()
    progress = Progress("Events", 40, out)
    for _step in range(40):
        progress.add(1)
    assert out.getvalue().splitlines()[-2:] == ["Events: 90 %", "Events: 100 %"]
    assert len(out.getvalue().splitlines()) == 11
