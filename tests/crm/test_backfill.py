"""The first load: what seeding left out arrives once."""

from datetime import UTC, datetime
from io import StringIO

from django.core.management import call_command

from crm import outbox
from crm.backfill import backfill
from crm.models import OutboxRow
from tests.crm.test_push import buy, open_case
from tests.factories import make_account, make_member

NOW = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)


def seeded():
    with outbox.origin(outbox.ORIGIN_SEED):
        company = make_account("Initech AG")
        company.person = make_member(company, "ines@initech.example", "Ines de Wit", roles=["administrator"])
        open_case(company)
        buy(company)
    return company


def test_everything_is_queued_once_and_arrives(db, org, push):
    company = seeded()
    assert not OutboxRow.objects.exists()
    counts = backfill(now=NOW)
    assert counts == {
        "Account": 1, "Contact": 1, "Case": 1, "Portal_Case_Message__c": 1, "Opportunity": 1, "Order": 1
    }  # fmt: skip
    assert sum(backfill(now=NOW).values()) == 0
    push()
    assert org.record("Account", company.public_id)["Name"] == "Initech AG"
    assert len(org.records("Order")) == 1
    assert sum(backfill(now=NOW).values()) == 0
    assert sum(backfill(now=NOW, again=True).values()) == 6


def test_the_command_queues_one_object_and_says_how_many(db):
    seeded()
    said = StringIO()
    call_command("crm_backfill", "--only", "Case", stdout=said)
    assert "1 records queued." in said.getvalue()
    assert list(OutboxRow.objects.values_list("object", flat=True)) == ["Case"]
