"""Up to what amount a company orders in the portal by itself, and what it reads above that."""

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from accounts.models import Tier
from accounts.scope import account_scope
from commerce.deal_desk import deal_decisions, deal_desk
from commerce.models import QuoteStatus, SelfServiceLimit
from commerce.quotes import limits, quoting, staff_quotes
from tests.factories import make_default_approval_rules, make_staff, make_tier
from tracking.actor import Actor

ADD = reverse("admin:commerce_selfservicelimit_add")


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


@pytest.fixture(autouse=True)
def default_rules(db):
    make_default_approval_rules()


@pytest.fixture
def boss(db):
    return make_staff("boss@vendor.example", "Bruno Falk", group="Revenue manager")


@pytest.fixture
def buy(admin, contract, upgrade, now):
    """Another quote for the upgrade, made in the portal."""

    def buy():
        return quoting.create_quote(
            account=contract.account, actor=admin.membership.actor(), user=admin, configuration=upgrade, now=now,
            form_key=uuid.uuid4(),
        )  # fmt: skip

    return buy


@pytest.mark.parametrize(
    ("above", "status"), [(-1, QuoteStatus.IN_APPROVAL), (0, QuoteStatus.PRESENTED), (1, QuoteStatus.PRESENTED)]
)
def test_exactly_the_limit_is_within_it_and_a_cent_more_is_not(buy, boss, acme, above, status):
    commitment = buy().commitment_minor()
    SelfServiceLimit.objects.create(account=acme, limit_minor=commitment + above, currency="EUR")
    assert buy().status == status


def test_without_a_limit_nothing_is_looked_at(buy, boss):
    assert buy().status == QuoteStatus.PRESENTED
    assert "over_self_service_limit" not in deal_desk.facts_of(buy())


def test_the_nearest_limit_holds(acme, db):
    def limit():
        return limits.self_service_limit(acme, "EUR")

    assert limit() is None
    SelfServiceLimit.objects.create(limit_minor=9_00, currency="EUR")
    SelfServiceLimit.objects.create(limit_minor=1_00, currency="USD")
    assert limit() == 9_00
    SelfServiceLimit.objects.create(tier=acme.tier, limit_minor=5_00, currency="EUR")
    other = Tier.objects.exclude(pk=acme.tier_id).first() or make_tier("strategic")
    SelfServiceLimit.objects.create(tier=other, limit_minor=1_00, currency="EUR")
    assert limit() == 5_00
    own = SelfServiceLimit.objects.create(account=acme, limit_minor=0, currency="EUR")
    assert limit() == 0
    SelfServiceLimit.objects.filter(pk=own.pk).update(limit_minor=None)
    assert limit() is None  # Any amount, whatever the tier's is.
    SelfServiceLimit.objects.filter(pk=own.pk).update(limit_minor=7_00, currency="USD")
    assert limit() == 0  # Nobody knows what it is worth.


def test_what_our_people_sell_is_held_against_other_rules(contract, upgrade, acme, now):
    SelfServiceLimit.objects.create(account=acme, limit_minor=0, currency="EUR")
    seller = make_staff("sales@vendor.example", "Sal Moreno", group="Sales")
    made = staff_quotes.draft(
        account=acme, configuration=upgrade, manual={}, terms=staff_quotes.Terms(), user=seller,
        actor=Actor.staff(seller.pk, acme.pk), now=now,
    )  # fmt: skip
    assert deal_desk.fired_rules(made) == []


def test_the_customer_reads_why_and_is_told_once_it_is_theirs_to_accept(
    buy, boss, acme, admin, signed_in, now, empty_cache
):
    SelfServiceLimit.objects.create(account=acme, limit_minor=500_00, currency="EUR")
    made = buy()
    client = signed_in(admin)
    url = reverse("commerce:quote", args=[made.public_id])
    page = client.get(url).content.decode()
    assert "It is more than the €500.00 that your company orders here without us" in page
    assert "Being checked by us" in page
    assert "usually takes" not in page  # Too few were decided to say.
    approval = made.staff_approvals.get()
    assert "Above the self-service limit" in deal_desk.reasons_of(approval)[0]
    deal_decisions.approve(approval=approval, user=boss, price_hash=approval.price_hash, now=now + timedelta(hours=3))
    made.refresh_from_db()
    assert made.status == QuoteStatus.PRESENTED
    assert "without us" not in client.get(url).content.decode()


def test_a_customer_reads_how_long_a_check_usually_takes_once_there_were_a_few(
    buy, boss, acme, admin, signed_in, now, empty_cache
):
    SelfServiceLimit.objects.create(account=acme, limit_minor=500_00, currency="EUR")
    for hours in (1, 1, 2, 2, 5):
        approval = buy().staff_approvals.get()
        end = now + timedelta(hours=hours) - timedelta(minutes=10)
        deal_decisions.approve(approval=approval, user=boss, price_hash=approval.price_hash, now=end)
    page = signed_in(admin).get(reverse("commerce:quote", args=[buy().public_id])).content.decode()
    assert "That usually takes less than 5 hours." in page


def test_a_company_sees_its_own_limit_and_those_for_its_tier_and_changes_none(acme, globex, admin, db):
    mine = SelfServiceLimit.objects.create(account=acme, limit_minor=1, currency="EUR")
    general = SelfServiceLimit.objects.create(limit_minor=2, currency="EUR")
    SelfServiceLimit.objects.create(account=globex, limit_minor=3, currency="EUR")
    with account_scope([acme.pk], user_id=admin.pk):
        assert set(SelfServiceLimit.objects.all()) == {mine, general}
        with pytest.raises(Exception, match="permission denied"), transaction.atomic():
            SelfServiceLimit.objects.update(limit_minor=None)


# In the admin


def test_who_sets_prices_sets_limits_and_the_audit_log_knows(boss, acme, signed_in):
    client = signed_in(boss)
    data = {"account": str(acme.pk), "tier": "", "limit": "2500.50", "currency": "eur"}
    assert client.post(ADD, data).status_code == 302
    made = SelfServiceLimit.objects.get()
    assert (made.account, made.limit_minor, made.currency) == (acme, 2500_50, "EUR")
    change = reverse("admin:commerce_selfservicelimit_change", args=[made.pk])
    assert 'value="2500.50"' in client.get(change).content.decode()
    client.post(change, data | {"limit": ""})
    made.refresh_from_db()
    assert made.limit_minor is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT limit_minor FROM commerce_selfservicelimitevent ORDER BY pgh_id")
        assert [row[0] for row in cursor.fetchall()] == [2500_50, None]


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": "-1"},
        {"limit": "1.005"},
        {"currency": "EURO"},
        {"currency": "QQQ"},
        {"limit": "1.5", "currency": "JPY"},
    ],
)
def test_a_limit_that_cannot_be_is_refused_with_what_was_typed(boss, acme, signed_in, wrong):
    data = {"account": str(acme.pk), "tier": "", "limit": "100", "currency": "EUR"} | wrong
    answer = signed_in(boss).post(ADD, data)
    assert answer.status_code == 200
    assert not SelfServiceLimit.objects.exists()


def test_there_is_one_limit_for_each_and_no_row_for_two(acme, db):
    SelfServiceLimit.objects.create(limit_minor=1, currency="EUR")
    for fields in ({}, {"account": acme, "tier": acme.tier}, {"account": acme, "limit_minor": -1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            SelfServiceLimit.objects.create(**{"limit_minor": 1, "currency": "EUR"} | fields)


def test_who_sells_reads_limits_and_sets_none(acme, signed_in):
    seller = make_staff("sales@vendor.example", "Sal Moreno", group="Sales")
    client = signed_in(seller)
    assert client.get(reverse("admin:commerce_selfservicelimit_changelist")).status_code == 200
    assert client.post(ADD, {"limit": "1", "currency": "EUR"}).status_code == 403
    assert not SelfServiceLimit.objects.exists()
