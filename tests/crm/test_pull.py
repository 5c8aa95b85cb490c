"""Salesforce to portal: what is taken, what is left alone, and what happens when both sides change."""

import os
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection

from accounts.models import Account, OutgoingMail, User
from commerce.models import Activity, Deal
from crm.models import Conflict, Cursor, Link, OutboxRow
from tests.crm.org import states
from tests.crm.test_push import buy, open_case
from tests.factories import make_account, make_staff


@pytest.fixture
def linked(company, org, push):
    """A company that both sides have."""
    push()
    company.there = org.record("Account", company.public_id)["Id"]
    return company


def test_an_industry_changed_over_there_reaches_the_account_and_does_not_go_back(linked, org, pull, push):
    org.edit("Account", linked.there, Industry="Energy")
    pull()
    linked.refresh_from_db()
    assert linked.industry == "energy"
    assert states() == ["done", "done"]
    before = org.record("Account", linked.public_id)
    push()
    assert org.record("Account", linked.public_id) == before


def test_who_changed_an_account_over_there_stands_in_the_audit(linked, org, pull):
    org.edit("Account", linked.there, Industry="Energy")
    pull()
    event = linked.events.latest("pgh_id")
    assert (event.industry, event.pgh_context["kind"]) == ("energy", "crm")


def test_the_job_reads_all_objects_and_is_named_in_the_audit(linked, org, pull):
    from crm.tasks import pull as task

    org.edit("Account", linked.there, Industry="Retail")
    task()
    linked.refresh_from_db()
    assert linked.industry == "retail"
    assert linked.events.latest("pgh_id").pgh_context["job"] == "crm.tasks.pull"
    assert set(Cursor.objects.values_list("object", flat=True)) == {"Account", "Contact", "Case", "Opportunity", "Task"}


def test_shared_fields_are_taken_and_the_portals_own_are_not(linked, org, pull):
    org.edit("Account", linked.there, Phone="+49 89 1", BillingCity="Munich", Portal_Tier__c="essential")
    pull()
    linked.refresh_from_db()
    assert (linked.phone, linked.billing_city, linked.tier.code) == ("+49 89 1", "Munich", "premier")


def test_an_emptied_field_is_emptied_here(linked, org, pull):
    org.edit("Account", linked.there, Phone=None)
    pull()
    linked.refresh_from_db()
    assert linked.phone == ""


def test_our_own_writing_comes_back_as_nothing(linked, org, pull):
    before = Account.objects.values().get(pk=linked.pk)
    assert pull() == 1
    assert Account.objects.values().get(pk=linked.pk) == before
    assert states() == ["done", "done"]
    assert not Conflict.objects.exists()


def test_reading_the_same_change_twice_changes_nothing(linked, org, pull):
    org.edit("Account", linked.there, Phone="+49 89 2", Industry="Banking")
    pull()
    counts = Conflict.objects.count(), linked.events.count()
    pull()
    assert (Conflict.objects.count(), linked.events.count()) == counts


def test_the_overlap_costs_the_same_however_much_it_brings_again(
    linked, org, pull, push, django_assert_max_num_queries
):
    for number in range(20):
        make_account(f"Company {number}")
    push()
    pull()
    with django_assert_max_num_queries(12):
        assert pull() == 21


def test_an_industry_the_portal_does_not_know_is_kept_for_a_person_to_see(linked, org, pull):
    org.edit("Account", linked.there, Industry="Banking", Phone="+49 89 3")
    pull()
    linked.refresh_from_db()
    assert (linked.industry, linked.phone) == ("logistics", "+49 89 3")
    drift = Conflict.objects.get()
    assert (drift.field, drift.kept, drift.lost, drift.winner) == ("Industry", "Logistics", "Banking", "portal")


def test_the_later_of_two_changes_counts_and_the_other_is_kept(linked, org, pull, push):
    Account.objects.filter(pk=linked.pk).update(phone="portal")
    OutboxRow.objects.filter(state="pending").update(created_at=datetime.now(UTC) - timedelta(hours=1))
    org.edit("Account", linked.there, Phone="crm")
    pull()
    linked.refresh_from_db()
    assert linked.phone == "crm"
    conflict = Conflict.objects.get()
    assert (conflict.field, conflict.kept, conflict.lost, conflict.winner) == ("Phone", "crm", "portal", "crm")
    push()
    assert org.record("Account", linked.public_id)["Phone"] == "crm"


def test_a_later_change_here_counts_and_is_sent(linked, org, pull, push):
    org.edit("Account", linked.there, Phone="crm")
    Account.objects.filter(pk=linked.pk).update(phone="portal")
    OutboxRow.objects.filter(state="pending").update(created_at=datetime.now(UTC) + timedelta(hours=1))
    pull()
    push(datetime.now(UTC) + timedelta(hours=1))
    linked.refresh_from_db()
    assert linked.phone == org.record("Account", linked.public_id)["Phone"] == "portal"
    conflict = Conflict.objects.get()
    assert (conflict.kept, conflict.lost, conflict.winner) == ("portal", "crm", "portal")


def test_a_push_takes_in_what_it_would_overwrite(linked, org, push):
    Account.objects.filter(pk=linked.pk).update(phone="portal", lifecycle_stage="renewing")
    OutboxRow.objects.filter(state="pending").update(created_at=datetime.now(UTC) - timedelta(hours=1))
    org.edit("Account", linked.there, Phone="crm")
    push()  # Nothing has been polled.
    linked.refresh_from_db()
    there = org.record("Account", linked.public_id)
    assert linked.phone == there["Phone"] == "crm"
    assert there["Portal_Lifecycle_Stage__c"] == "renewing"
    assert Conflict.objects.get().lost == "portal"


def test_changes_of_different_fields_on_both_sides_both_count(linked, org, pull, push):
    Account.objects.filter(pk=linked.pk).update(phone="portal")
    org.edit("Account", linked.there, BillingCity="Munich")
    pull()
    push()
    linked.refresh_from_db()
    there = org.record("Account", linked.public_id)
    assert (linked.phone, linked.billing_city) == (there["Phone"], there["BillingCity"]) == ("portal", "Munich")
    assert not Conflict.objects.exists()


def test_a_case_solved_over_there_is_solved_here(company, org, push, pull):
    case = open_case(company)
    push()
    org.edit("Case", org.record("Case", case.public_id)["Id"], Status="Resolved")
    pull("Case")
    case.refresh_from_db()
    assert case.status == "resolved"
    assert case.resolved_at is not None
    assert OutgoingMail.objects.get().to == "ines@initech.example"


@pytest.mark.parametrize(
    ("theirs", "ours"), [("Waiting on Customer", "waiting"), ("Closed", "closed"), ("Working", "open")]
)
def test_a_cases_status_over_there_is_its_status_here(company, org, push, pull, theirs, ours):
    case = open_case(company)
    push()
    org.edit("Case", org.record("Case", case.public_id)["Id"], Status=theirs, Priority="Critical")
    pull("Case")
    case.refresh_from_db()
    assert (case.status, case.priority) == (ours, "urgent")


def test_a_status_with_another_name_over_there_is_not_written_back(company, org, push, pull):
    case = open_case(company)
    push()
    crm_id = org.record("Case", case.public_id)["Id"]
    org.edit("Case", crm_id, Status="Escalated")
    pull("Case")
    case.refresh_from_db()
    assert case.status == "open"
    type(case).objects.filter(pk=case.pk).update(subject="Export still fails")
    push()
    assert org.record("Case", case.public_id)["Status"] == "Escalated"


def test_a_deal_moved_by_sales_is_moved_here(company, org, push, pull):
    deal = Deal.objects.create(
        account=company, name="Renewal", type="renewal", source="portal", currency="EUR", close_date=datetime.now(UTC)
    )
    push()
    org.edit("Opportunity", org.record("Opportunity", deal.public_id)["Id"], StageName="Closed Lost")
    pull("Opportunity")
    deal.refresh_from_db()
    assert deal.stage == "lost"
    assert deal.closed_at is not None


def test_a_deal_that_was_paid_for_stays_won(company, org, push, pull):
    order = buy(company)
    push()
    org.edit("Opportunity", org.record("Opportunity", order.deal.public_id)["Id"], StageName="Closed Lost")
    pull("Opportunity")
    order.deal.refresh_from_db()
    assert order.deal.stage == "won"
    assert Conflict.objects.get().lost == "Closed Lost"


def test_a_call_that_sales_made_becomes_an_activity_once(company, org, push, pull):
    order = buy(company)
    push()
    opportunity = org.record("Opportunity", order.deal.public_id)["Id"]
    org.create(
        "Task", Subject="Called", Status="Completed", TaskSubtype="Call", WhatId=opportunity, ActivityDate="2026-11-17"
    )
    org.create("Task", Subject="To do", WhatId=opportunity)
    pull("Task")
    pull("Task")
    activity = Activity.objects.get()
    assert (activity.account, activity.deal, activity.kind, activity.subject) == (company, order.deal, "call", "Called")
    assert activity.occurred_at.date().isoformat() == "2026-11-16"  # Midnight in Berlin.


def test_a_persons_phone_reaches_their_other_company_too(company, globex, org, push, pull):
    from accounts.models import Membership

    second = Membership.objects.create(account=globex, user=company.person, roles=["viewer"])
    push()
    first = company.person.membership.public_id
    org.edit("Contact", org.record("Contact", first)["Id"], Phone="+49 89 4")
    pull("Contact")
    assert User.objects.get(pk=company.person.pk).phone == "+49 89 4"
    push()
    assert org.record("Contact", second.public_id)["Phone"] == "+49 89 4"
    assert len(states(first)) == 1


def test_the_cursor_stays_where_a_failed_reading_left_it(linked, org, pull):
    from crm.tasks import pull as task

    pull()
    before = Cursor.objects.get(object="Account").read_until
    org.edit("Account", linked.there, Industry="Energy")
    org.fault(path="query", status=503)
    task()
    cursor = Cursor.objects.get(object="Account")
    assert (cursor.read_until, cursor.last_error) == (
        before,
        "SERVER_UNAVAILABLE: The server is temporarily unavailable. Please try again.",
    )
    pull()
    linked.refresh_from_db()
    assert linked.industry == "energy"


def test_one_worker_reads_at_a_time_and_leaves_the_others_to_push(linked, org, pull):
    from crm.tasks import _READING_LOCK
    from crm.tasks import pull as task

    org.edit("Account", linked.there, Industry="Energy")
    with psycopg.connect(os.environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"]) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [_READING_LOCK])
        task()
        linked.refresh_from_db()
        assert linked.industry != "energy"
        assert not Cursor.objects.exists()
    for _time in range(2):  # It lets go of the lock again.
        task()
    linked.refresh_from_db()
    assert linked.industry == "energy"


def test_a_record_of_nobody_we_know_is_left_alone(linked, org, pull):
    org.create("Account", Name="Stranger")
    org.create("Account", Name="Typed in", Portal_Id__c="not-ours")
    pull()
    assert Account.objects.count() == 1
    assert Link.objects.filter(object="Account").count() == 1


def test_more_than_one_page_is_read(linked, org, pull, push, monkeypatch):
    from crm import pull as pulling

    for number in range(5):
        make_account(f"Company {number}")
    push()
    monkeypatch.setattr(pulling, "PAGE", 2)
    assert pull() == 6
    assert Link.objects.filter(object="Account", seen_modstamp__isnull=False).count() == 6


def own(org, company, user):
    """Somebody over there becomes the owner of the company's record."""
    org.edit("Account", company.there, OwnerId=user["Id"])


def test_a_new_owner_over_there_is_the_sales_contact_until_somebody_else_gets_the_company_here(linked, org, pull, push):
    there = org.records("User")[:3]
    here = [make_staff(user["Email"], user["Name"], group="Sales") for user in there]
    own(org, linked, there[1])
    pull()
    linked.refresh_from_db()
    assert linked.sales_contact == here[1]

    Account.objects.filter(pk=linked.pk).update(sales_contact=here[2])
    push()
    assert org.record("Account", linked.public_id)["Portal_Sales_Contact__c"] == here[2].email
    pull()
    linked.refresh_from_db()
    assert linked.sales_contact == here[2]

    own(org, linked, there[0])
    pull()
    linked.refresh_from_db()
    assert linked.sales_contact == here[0]
