"""Every change of a synced record leaves a row in the outbox, whoever makes it and however."""

from datetime import UTC, date, datetime

import pytest
from django.db import ProgrammingError, connection, transaction

from accounts.models import Account, Membership, User
from cases.models import Case, CaseMessage
from commerce.models import Contract, Deal, Order
from crm import outbox
from crm.models import OutboxRow

NOW = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)


def captured() -> list[tuple[str, object]]:
    return list(OutboxRow.objects.order_by("id").values_list("object", "external_id"))


@pytest.fixture
def acme_quiet(acme, admin):
    OutboxRow.objects.all().delete()
    return acme


def make_case(account, user) -> Case:
    return Case.objects.create(account=account, opened_by=user, subject="Export fails")


def make_order(account) -> Order:
    contract = Contract.objects.create(
        account=account, start_date=date(2026, 2, 1), end_date=date(2027, 2, 1), currency="EUR"
    )
    deal = Deal.objects.create(
        account=account,
        name="Business",
        type="expansion",
        stage="won",
        source="portal",
        amount_minor=120_000,
        currency="EUR",
        close_date=date(2026, 11, 18),
        closed_at=NOW,
    )
    return Order.objects.create(
        account=account, contract=contract, deal=deal, placed_at=NOW, currency="EUR", total_minor=142_800
    )


def test_a_new_record_of_every_synced_kind_is_captured(acme_quiet, admin):
    account = Account.objects.create(name="Umbra", tier=acme_quiet.tier)
    membership = Membership.objects.create(account=account, user=admin, roles=["viewer"])
    case = make_case(account, admin)
    message = CaseMessage.objects.create(account=account, case=case, author=admin, body="Hello")
    order = make_order(account)
    assert captured() == [
        ("Account", account.public_id),
        ("Contact", membership.public_id),
        ("Case", case.public_id),
        ("Portal_Case_Message__c", message.public_id),
        ("Opportunity", order.deal.public_id),
        ("Order", order.public_id),
    ]


def test_a_bulk_update_is_captured_row_by_row(acme_quiet, globex):
    OutboxRow.objects.all().delete()
    Account.objects.update(lifecycle_stage="renewing")
    assert set(captured()) == {("Account", acme_quiet.public_id), ("Account", globex.public_id)}


def test_sql_written_by_hand_is_captured(acme_quiet):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_account SET phone = '+49 40 1' WHERE id = %s", [acme_quiet.pk])
    assert captured() == [("Account", acme_quiet.public_id)]


def test_what_salesforce_does_not_see_is_no_news(acme_quiet, admin):
    Account.objects.update(vat_id="DE1", billing_email="a@acme.example")
    Membership.objects.update(last_seen_at=NOW)
    User.objects.update(last_login=NOW)
    acme_quiet.save()
    assert captured() == []


def test_a_person_is_captured_in_each_of_their_companies(acme_quiet, globex, admin):
    second = Membership.objects.create(account=globex, user=admin, roles=["viewer"])
    OutboxRow.objects.all().delete()
    User.objects.filter(pk=admin.pk).update(name="Ada Lovelace")
    assert set(captured()) == {("Contact", admin.membership.public_id), ("Contact", second.public_id)}


def test_a_note_between_staff_stays_in_the_portal(acme_quiet, admin, agent):
    case = make_case(acme_quiet, admin)
    OutboxRow.objects.all().delete()
    CaseMessage.objects.create(account=acme_quiet, case=case, author=agent, body="Beware", is_internal=True)
    assert captured() == []


def test_a_customers_own_request_is_captured(acme_quiet, admin, as_customer):
    with as_customer(admin.membership):
        Account.objects.filter(pk=acme_quiet.pk).update(phone="+49 40 2")
        case = make_case(acme_quiet, admin)
        CaseMessage.objects.create(account=acme_quiet, case=case, author=admin, body="Hello")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE cases_case SET priority = 'high' WHERE id = %s", [case.pk])
    assert [name for name, _ in captured()] == ["Account", "Case", "Portal_Case_Message__c", "Case"]


@pytest.mark.parametrize("table", ["outboxrow", "link", "syncattempt", "cursor", "conflict", "pause"])
def test_a_customers_request_cannot_read_the_syncs_tables(acme_quiet, admin, as_customer, table):
    refused = pytest.raises(ProgrammingError, match="permission denied")
    with as_customer(admin.membership), refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM crm_{table}")


def test_a_customers_request_cannot_fill_the_outbox_itself(acme_quiet, admin, as_customer):
    refused = pytest.raises(ProgrammingError, match="permission denied")
    with as_customer(admin.membership), refused, transaction.atomic():
        OutboxRow.objects.create(object="Account", external_id=acme_quiet.public_id)
    assert captured() == []


@pytest.mark.parametrize("origin", ["crm", "seed"])
def test_what_comes_from_salesforce_or_from_loading_is_no_news(acme_quiet, origin):
    with outbox.origin(origin):
        Account.objects.update(phone="+49 40 3")
    assert captured() == []
    Account.objects.update(phone="+49 40 4")
    assert captured() == [("Account", acme_quiet.public_id)]


def test_a_change_that_is_rolled_back_leaves_no_row(acme_quiet):
    with transaction.atomic():
        Account.objects.update(phone="+49 40 4")
        assert len(captured()) == 1
        transaction.set_rollback(True)
    assert captured() == []
