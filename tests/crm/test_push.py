"""Portal to Salesforce: what arrives over there, and what becomes of each row when something goes wrong."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.models import Account
from cases.models import Case, CaseMessage
from commerce.models import Contract, Deal, Order
from crm import push as pushing
from crm.models import Link, OutboxRow, OutboxState, Pause, SyncAttempt
from tests.crm.org import states
from tests.factories import make_account

NOW = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)


def buy(account) -> Order:
    """What accepting and paying a quote leaves behind."""
    contract = Contract.objects.create(
        account=account, start_date=date(2026, 2, 1), end_date=date(2027, 2, 1), currency="EUR"
    )
    deal = Deal.objects.create(
        account=account,
        name="Upgrade to Business",
        type="expansion",
        stage="won",
        source="portal",
        amount_minor=1_234_56,
        currency="EUR",
        close_date=date(2026, 11, 18),
        closed_at=NOW,
    )
    return Order.objects.create(
        account=account,
        contract=contract,
        deal=deal,
        status="paid",
        placed_at=NOW,
        currency="EUR",
        total_minor=1_469_13,
        po_number="PO-7",
    )


def open_case(company) -> Case:
    case = Case.objects.create(account=company, opened_by=company.person, subject="Export fails", priority="high")
    CaseMessage.objects.create(account=company, case=case, author=company.person, body="Since Monday.")
    return case


def fields(record: dict, *names: str) -> dict:
    return {name: record[name] for name in names}


def test_a_company_arrives_with_its_people(company, org, push):
    push()
    account = org.record("Account", company.public_id)
    assert fields(
        account, "Name", "Industry", "Phone", "BillingCountry", "Portal_Tier__c", "Portal_Status__c", "Type"
    ) == {
        "Name": "Initech AG",
        "Industry": "Logistics",
        "Phone": "+49 30 1",
        "BillingCountry": "DE",
        "Portal_Tier__c": "premier",
        "Portal_Status__c": "invited",
        "Type": "Customer - Direct",
    }
    (contact,) = org.records("Contact")
    assert fields(contact, "AccountId", "FirstName", "LastName", "Email", "Portal_Role__c", "Portal_Active__c") == {
        "AccountId": account["Id"],
        "FirstName": "Ines de",
        "LastName": "Wit",
        "Email": "ines@initech.example",
        "Portal_Role__c": "administrator",
        "Portal_Active__c": True,
    }
    assert states() == ["done", "done"]
    assert Link.objects.get(object="Account").crm_id == account["Id"]


def test_a_case_and_its_message_arrive(company, org, push):
    case = open_case(company)
    push()
    there = org.record("Case", case.public_id)
    assert fields(there, "Subject", "Description", "Status", "Priority", "Origin", "Portal_Number__c") == {
        "Subject": "Export fails",
        "Description": "Since Monday.",
        "Status": "New",
        "Priority": "High",
        "Origin": "Portal",
        "Portal_Number__c": case.number,
    }
    assert there["AccountId"] == org.record("Account", company.public_id)["Id"]
    assert there["ContactId"] == org.record("Contact", company.person.membership.public_id)["Id"]
    (message,) = org.records("Portal_Case_Message__c")
    assert fields(message, "Case__c", "Body__c", "Author_Name__c", "From_Customer__c") == {
        "Case__c": there["Id"],
        "Body__c": "Since Monday.",
        "Author_Name__c": "Ines de Wit",
        "From_Customer__c": True,
    }


def test_a_purchase_arrives_as_a_won_opportunity_and_an_order(company, org, push):
    order = buy(company)
    push()
    opportunity = org.record("Opportunity", order.deal.public_id)
    account = org.record("Account", company.public_id)
    assert fields(
        opportunity, "AccountId", "Name", "StageName", "LeadSource", "Type", "Amount", "CloseDate", "IsWon"
    ) == {
        "AccountId": account["Id"],
        "Name": "Upgrade to Business",
        "StageName": "Closed Won",
        "LeadSource": "Customer Portal",
        "Type": "Existing Customer - Upgrade",
        "Amount": 1234.56,
        "CloseDate": "2026-11-18",
        "IsWon": True,
    }
    there = org.record("Order", order.public_id)
    assert fields(there, "AccountId", "OpportunityId", "Name", "EffectiveDate", "Status", "PoNumber", "Type") == {
        "AccountId": account["Id"],
        "OpportunityId": opportunity["Id"],
        "Name": order.number,
        "EffectiveDate": "2026-11-18",
        "Status": "Draft",
        "PoNumber": "PO-7",
        "Type": "Upgrade",
    }


def test_a_second_push_of_the_same_state_calls_nobody(company, org, push):
    push()
    before = org.record("Account", company.public_id)
    OutboxRow.objects.create(object="Account", external_id=company.public_id)
    org.ask("DELETE", "_calls")
    push()
    assert org.calls("composite/sobjects") == []
    assert org.record("Account", company.public_id) == before
    assert OutboxRow.objects.latest("id").last_message == "Nothing that Salesforce does not have."


def test_a_change_is_written_and_leaves_the_rest_alone(company, org, push):
    push()
    before = org.record("Account", company.public_id)
    Account.objects.filter(pk=company.pk).update(lifecycle_stage="renewing")
    push()
    after = org.record("Account", company.public_id)
    moved = {name for name in after if after[name] != before[name]}
    assert moved == {"Portal_Lifecycle_Stage__c", "Portal_Updated_At__c", "SystemModstamp", "LastModifiedDate"}


def test_salesforces_own_fields_are_written_once(company, org, push):
    push()
    there = org.record("Account", company.public_id)
    org.edit("Account", there["Id"], Name="Initech Group", Industry="Energy")
    Account.objects.filter(pk=company.pk).update(name="Initech renamed here", lifecycle_stage="at_risk")
    push()
    assert fields(org.record("Account", company.public_id), "Name", "Industry", "Portal_Lifecycle_Stage__c") == {
        "Name": "Initech Group",
        "Industry": "Energy",
        "Portal_Lifecycle_Stage__c": "at_risk",
    }


def test_changes_that_wait_together_are_sent_once(quiet, org, push):
    for number in range(5):
        Account.objects.filter(pk=quiet.pk).update(phone=f"+49 30 {number}")
    assert push() == 1
    assert states() == ["superseded"] * 4 + ["done"]
    assert len(org.calls("composite/sobjects/Account")) == 1
    assert org.record("Account", quiet.public_id)["Phone"] == "+49 30 4"


def test_every_call_names_us_as_its_client(company, org, push):
    push()
    assert {call["call_options"] for call in org.calls("composite/sobjects")} == {"client=portal-sync"}


def test_a_record_brings_parents_that_were_never_queued(quiet, org, push):
    order = buy(quiet)
    OutboxRow.objects.exclude(object="Order").delete()
    push()
    assert org.record("Order", order.public_id)["AccountId"] == org.record("Account", quiet.public_id)["Id"]
    assert set(states()) == {"done"}


def test_a_lost_answer_makes_one_record(company, org, push):
    org.fault(method="PATCH", path="composite/sobjects/Account", response="drop")
    push()
    assert states(company.public_id) == ["pending"]
    assert Pause.objects.get().code == "UNREACHABLE"
    assert len(org.records("Account")) == 1
    push(datetime.now(UTC) + timedelta(minutes=1))
    assert len(org.records("Account")) == 1
    assert states(company.public_id) == ["done"]
    assert not Pause.objects.exists()


@pytest.mark.parametrize("point", ["before the call", "after the call", "before the note"])
@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_the_middle_makes_one_opportunity(company, org, push, killed_worker, point):
    order = buy(company)
    killed_worker(point, "Opportunity")
    assert states(order.deal.public_id) == ["leased"]
    assert len(org.records("Opportunity")) == (0 if point == "before the call" else 1)
    assert push() == 0 or states(order.deal.public_id) == ["leased"]
    push(datetime.now(UTC) + pushing.LEASE)
    (opportunity,) = org.records("Opportunity")
    assert opportunity["Portal_Id__c"] == str(order.deal.public_id)
    assert states(order.deal.public_id) == ["done"]
    assert len(org.records("Order")) == 1


def test_a_worker_that_wakes_up_after_its_lease_changes_nothing(quiet, org, push):
    Account.objects.filter(pk=quiet.pk).update(phone="+49 30 5")
    late = pushing.claim_rows(crm_object="Account", now=datetime.now(UTC))
    push(datetime.now(UTC) + pushing.LEASE)
    done = OutboxRow.objects.get()
    pushing._settle(late, [pushing.Outcome(late.rows[0].pk, OutboxState.DEAD, NOW, 9, "LATE")], now=NOW)
    done.refresh_from_db()
    assert (done.state, done.last_code) == ("done", "")


def test_a_record_is_never_in_two_hands(quiet):
    Account.objects.filter(pk=quiet.pk).update(phone="+49 30 6")
    first = pushing.claim_rows(crm_object="Account", now=datetime.now(UTC))
    Account.objects.filter(pk=quiet.pk).update(phone="+49 30 7")
    second = pushing.claim_rows(crm_object="Account", now=datetime.now(UTC))
    assert (len(first.rows), second.rows) == (1, ())
    third = pushing.claim_rows(crm_object="Account", now=datetime.now(UTC) + pushing.LEASE)
    assert len(third.rows) == 1


def test_one_bad_record_of_two_hundred_does_not_hold_up_the_others(quiet, org, push):
    accounts = [make_account(f"Company {number}") for number in range(200)]
    bad = accounts[77]
    # Another record over there has the same name and website: the org's duplicate rule refuses a second.
    org.create("Account", Name=bad.name, Website="https://bad.example")
    Account.objects.filter(pk=bad.pk).update(website="https://bad.example")
    push()
    assert OutboxRow.objects.filter(state="done").count() == 199
    dead = OutboxRow.objects.get(state="dead")
    assert (dead.external_id, dead.last_code) == (bad.public_id, "DUPLICATES_DETECTED")
    assert len(org.records("Account")) == 200
    assert SyncAttempt.objects.filter(row=dead).get().code == "DUPLICATES_DETECTED"


def test_a_later_change_of_a_failed_record_is_tried_again(quiet, org, push):
    org.create("Account", Name=quiet.name, Website="https://initech.example")
    Account.objects.filter(pk=quiet.pk).update(website="https://initech.example")
    push()
    assert states() == ["dead"]
    Account.objects.filter(pk=quiet.pk).update(website="https://initech.example/eu")
    push()
    assert states() == ["superseded", "done"]


def test_a_record_deleted_over_there_is_made_anew_in_full_when_a_person_says_so(company, org, push):
    push()
    org.delete("Account", org.record("Account", company.public_id)["Id"])
    Account.objects.filter(pk=company.pk).update(lifecycle_stage="renewing")
    push()
    row = OutboxRow.objects.latest("id")
    assert (row.state, row.last_code) == ("dead", "ENTITY_IS_DELETED")
    assert org.records("Account") == []
    OutboxRow.objects.filter(pk=row.pk).retry(datetime.now(UTC))
    push()
    assert fields(org.record("Account", company.public_id), "Name", "Portal_Lifecycle_Stage__c") == {
        "Name": "Initech AG",
        "Portal_Lifecycle_Stage__c": "renewing",
    }


def test_a_call_refused_as_a_whole_is_taken_apart(quiet, org, push):
    other = make_account("Other")
    Account.objects.filter(pk=quiet.pk).update(phone="+49 30 8")
    org.fault(path="composite/sobjects/Account", status=400, code="JSON_PARSER_ERROR")
    push()
    assert states() == ["done", "done"]
    assert len(org.calls("composite/sobjects/Account")) == 3
    assert org.record("Account", other.public_id)["Name"] == "Other"


def test_an_expired_token_is_renewed_once(company, org, push):
    push()
    org.ask("DELETE", "_sessions")
    org.ask("DELETE", "_calls")
    Account.objects.filter(pk=company.pk).update(lifecycle_stage="renewing")
    push()
    assert [call["status"] for call in org.calls("composite/sobjects")] == [401, 200]
    assert states(company.public_id)[-1] == "done"


def test_a_refusal_that_lasts_stops_the_calls_and_counts_no_attempt(company, org, push):
    org.fault(path="composite", status=401, times=None)
    push()
    assert len(org.calls("composite/sobjects")) == 2
    assert Pause.objects.get().code == "INVALID_SESSION_ID"
    assert set(OutboxRow.objects.values_list("attempts", flat=True)) == {0}
    push()
    assert len(org.calls("composite/sobjects")) == 2


def test_a_used_up_quota_pauses_without_counting_attempts(company, org, push):
    org.fault(path="composite", status=403, code="REQUEST_LIMIT_EXCEEDED", times=3)
    at = datetime.now(UTC)
    for hour in range(3):
        push(at + timedelta(hours=hour))
    assert len(org.calls("composite/sobjects")) == 3
    assert Pause.objects.get().failures == 3
    assert set(OutboxRow.objects.values_list("attempts", "state")) == {(0, "pending")}
    push(at + timedelta(hours=4))
    assert states() == ["done", "done"]


def test_a_locked_row_is_tried_again_later(quiet, org, push, random):
    Account.objects.filter(pk=quiet.pk).update(phone="+49 30 9")
    org.fault(path="composite", status=400, code="UNABLE_TO_LOCK_ROW")
    push()
    row = OutboxRow.objects.get()
    assert (row.state, row.attempts, row.last_code) == ("pending", 1, "UNABLE_TO_LOCK_ROW")
    assert row.next_at > datetime.now(UTC) - timedelta(seconds=1)
    push(datetime.now(UTC) + timedelta(minutes=1))
    assert states() == ["done"]


def test_a_page_instead_of_an_answer_is_a_server_that_is_away(company, org, push):
    org.fault(path="composite", status=503, html="<h1>Maintenance</h1>")
    push()
    assert Pause.objects.get().code == "503"
    push(datetime.now(UTC) + timedelta(minutes=1))
    assert states() == ["done", "done"]


def test_with_the_org_stopped_everything_waits_and_arrives_once_it_is_back(company, org, push):
    org.stop()
    try:
        push()
        case = open_case(company)
        order = buy(company)
        push(datetime.now(UTC) + timedelta(minutes=1))
        assert set(OutboxRow.objects.values_list("state", "attempts")) == {("pending", 0)}
        assert Pause.objects.get().code == "UNREACHABLE"
    finally:
        org.start()
    push(datetime.now(UTC) + timedelta(minutes=5))
    assert set(states()) == {"done"}
    assert org.record("Case", case.public_id)["Subject"] == "Export fails"
    assert org.record("Opportunity", order.deal.public_id)["IsWon"]


def test_without_an_org_in_the_settings_changes_wait(company, settings):
    from crm.tasks import pull, push

    settings.SALESFORCE_INSTANCE_URL = ""
    push()
    pull()
    assert states() == ["pending", "pending"]
    assert not Pause.objects.exists()


def test_a_foreign_host_never_sees_our_token(org):
    from crm.client import ForeignHost, connect

    with connect() as crm, pytest.raises(ForeignHost):
        crm._session.get("https://attacker.example/services/data/")
