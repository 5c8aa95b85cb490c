"""The stand-in org as the real client library sees it: records, errors, batches, and what changed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceError,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)

from sandbox.salesforce import auth
from sandbox.salesforce.server import Server, running
from sandbox.salesforce.values import MalformedId, id_18, normal_id

UNKNOWN_ACCOUNT = id_18("001Sb0000zzzzzz")


def connect(server: Server, *, version: str = "59.0") -> Salesforce:
    """The client in direct mode, as the portal uses it: its token given, its session ours."""
    session = requests.Session()
    session.trust_env = False
    session.verify = str(server.ca_bundle)
    token = auth.open_session(server.org, server.org.user_id(server.org.credentials.username))
    return Salesforce(session_id=token, instance_url=server.org.instance_url, session=session, version=version)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("salesforce")) as running_server:
        yield running_server


@pytest.fixture
def sf(server: Server) -> Salesforce:
    server.org.reset()
    return connect(server)


def make_account(sf: Salesforce, key: str = "a-1", **fields: object) -> str:
    return sf.Account.upsert(f"Portal_Id__c/{key}", {"Name": "Acme", **fields}, raw_response=True).json()["id"]


def code_of(caught: pytest.ExceptionInfo[SalesforceError]) -> str:
    return caught.value.content[0]["errorCode"]


def count(sf: Salesforce, sobject: str) -> int:
    return sf.query(f"SELECT COUNT() FROM {sobject}")["totalSize"]


def upsert_all(sf: Salesforce, rows: list[dict], *, key: str = "Portal_Id__c", all_or_none: bool = False) -> list[dict]:
    typed = [{"attributes": {"type": "Account"}, **row} for row in rows]
    body = {"allOrNone": all_or_none, "records": typed}
    return sf.restful(f"composite/sobjects/Account/{key}", method="PATCH", json=body)


# Ids


@pytest.mark.parametrize(
    "known",
    [
        "001xx000003DHP0AAO",
        "001xx000003DHP1AAO",
        "a011s00000DTU9zAAH",
        "a011s00000DTUA0AAP",
        "a011s00000DML8XAAX",
        "a011s00000DML8YAAX",
    ],
)
def test_a_short_id_becomes_the_long_id_salesforce_gives_it(known):
    assert id_18(known[:15]) == known
    assert normal_id(known) == normal_id(known[:15]) == known


@pytest.mark.parametrize("wrong", ["001xx000003DHP0AAA", "001xx000003DHP", "001xx000003DHP0AA", "001xx-00003DHP0"])
def test_an_id_with_a_wrong_checksum_or_shape_is_malformed(wrong):
    with pytest.raises(MalformedId):
        normal_id(wrong)


# One record


def test_an_upsert_creates_once_and_then_updates(sf):
    first = sf.Account.upsert("Portal_Id__c/a-1", {"Name": "Acme"}, raw_response=True)
    again = sf.Account.upsert("Portal_Id__c/a-1", {"Name": "Acme Logistics"}, raw_response=True)
    assert (first.status_code, first.json()["created"]) == (201, True)
    assert (again.status_code, again.json()) == (
        200,
        {"id": first.json()["id"], "success": True, "errors": [], "created": False},
    )
    assert count(sf, "Account") == 1
    assert sf.Account.get_by_custom_id("Portal_Id__c", "a-1")["Name"] == "Acme Logistics"


def test_an_upsert_before_version_46_answers_an_update_with_no_body(sf, server):
    old = connect(server, version="45.0")
    assert old.Account.upsert("Portal_Id__c/a-1", {"Name": "Acme"}, raw_response=True).status_code == 201
    again = old.Account.upsert("Portal_Id__c/a-1", {"Name": "Acme"}, raw_response=True)
    assert (again.status_code, again.content) == (204, b"")


def test_a_key_may_hold_a_slash_and_is_case_sensitive(sf):
    sf.Account.upsert(f"Portal_Id__c/{quote('a/1 ü', safe='')}", {"Name": "Slash"})
    sf.Account.upsert(f"Portal_Id__c/{quote('A/1 ü', safe='')}", {"Name": "Upper"})
    names = sf.query_all("SELECT Portal_Id__c, Name FROM Account ORDER BY Name")["records"]
    assert [(row["Portal_Id__c"], row["Name"]) for row in names] == [("a/1 ü", "Slash"), ("A/1 ü", "Upper")]


def test_a_record_is_created_read_changed_and_deleted(sf):
    created = sf.Account.create({"name": "Acme", "INDUSTRY": "logistics", "NumberOfEmployees": 40})
    record = sf.Account.get(created["id"])
    assert record["attributes"]["type"] == "Account"
    assert (record["Name"], record["Industry"], record["NumberOfEmployees"]) == ("Acme", "Logistics", 40)
    assert sf.Account.update(created["id"][:15], {"Name": "Acme GmbH"}) == 204
    changed = sf.Account.get(created["id"])
    assert changed["Name"] == "Acme GmbH"
    assert changed["SystemModstamp"] >= record["SystemModstamp"]
    assert sf.Account.delete(created["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound) as gone:
        sf.Account.get(created["id"])
    assert code_of(gone) == "ENTITY_IS_DELETED"


def test_only_the_asked_fields_are_read(sf, server):
    record_id = make_account(sf)
    body = sf.restful(f"sobjects/account/{record_id}/", params={"fields": "name,Portal_Id__c"})
    assert set(body) == {"attributes", "Name", "Portal_Id__c", "Id"}


def test_a_deleted_record_frees_its_key(sf):
    first = make_account(sf)
    sf.Account.delete(first)
    second = make_account(sf)
    assert second != first
    assert count(sf, "Account") == 1


def test_null_clears_a_field(sf):
    record_id = make_account(sf, Phone="+49 30 1234")
    sf.Account.update(record_id, {"Phone": None})
    assert sf.Account.get(record_id)["Phone"] is None


def test_a_parent_is_named_by_its_external_id(sf):
    account = make_account(sf)
    sf.Contact.upsert("Portal_Id__c/c-1", {"LastName": "Achterberg", "Account": {"Portal_Id__c": "a-1"}})
    contact = sf.Contact.get_by_custom_id("Portal_Id__c", "c-1")
    assert (contact["AccountId"], contact["Name"]) == (account, "Achterberg")


def test_an_update_is_refused_when_the_record_changed_since(sf):
    record_id = make_account(sf)
    with pytest.raises(SalesforceError) as caught:
        sf.Account.update(record_id, {"Name": "Late"}, headers={"If-Unmodified-Since": "Mon, 01 Jan 2024 00:00:00 GMT"})
    assert caught.value.status == 412
    assert sf.Account.get(record_id)["Name"] == "Acme"


# What the org does by itself


def test_a_stage_decides_whether_an_opportunity_is_won(sf):
    make_account(sf)
    deal = {"Name": "Upgrade", "CloseDate": "2026-12-01", "Account": {"Portal_Id__c": "a-1"}, "Amount": 100}
    sf.Opportunity.upsert("Portal_Id__c/o-1", {**deal, "StageName": "Prospecting"})
    opened = sf.Opportunity.get_by_custom_id("Portal_Id__c", "o-1")
    assert (opened["IsClosed"], opened["IsWon"], opened["Probability"]) == (False, False, 10)
    sf.Opportunity.upsert("Portal_Id__c/o-1", {"StageName": "Closed Won"})
    won = sf.Opportunity.get_by_custom_id("Portal_Id__c", "o-1")
    assert (won["IsClosed"], won["IsWon"], won["Probability"]) == (True, True, 100)


def test_a_case_gets_a_number_and_a_closing_time(sf):
    first, second = (sf.Case.create({"Subject": "Help", "Origin": "Portal"})["id"] for _ in range(2))
    numbers = [sf.Case.get(case)["CaseNumber"] for case in (first, second)]
    assert all(len(number) == 8 for number in numbers)
    assert int(numbers[1]) == int(numbers[0]) + 1
    sf.Case.update(first, {"Status": "Closed"})
    closed = sf.Case.get(first)
    assert closed["IsClosed"] is True
    assert closed["ClosedDate"] is not None


def test_a_message_from_the_portal_becomes_a_comment_of_the_case(sf):
    sf.Case.upsert("Portal_Id__c/k-1", {"Subject": "Help"})
    message = {"Case__r": {"Portal_Id__c": "k-1"}, "Body__c": "It stopped.", "Is_Published__c": True}
    for _ in range(2):
        sf.Portal_Case_Message__c.upsert("Portal_Id__c/m-1", message)
    comments = sf.query("SELECT CommentBody, IsPublished, Parent.Portal_Id__c FROM CaseComment")["records"]
    assert [(c["CommentBody"], c["IsPublished"], c["Parent"]["Portal_Id__c"]) for c in comments] == [
        ("It stopped.", True, "k-1")
    ]


def test_lines_add_up_to_the_amount_of_their_opportunity_which_is_then_read_only(sf):
    standard = sf.query("SELECT Id FROM Pricebook2 WHERE IsStandard = true")["records"][0]["Id"]
    product = sf.Product2.create({"Name": "Seats", "ProductCode": "seats", "IsActive": True})["id"]
    entry = sf.PricebookEntry.create({"Pricebook2Id": standard, "Product2Id": product, "UnitPrice": 10})["id"]
    deal = {"Name": "More seats", "StageName": "Prospecting", "CloseDate": "2026-12-01", "Amount": 1}
    opportunity = sf.Opportunity.create(deal)["id"]
    line = {"OpportunityId": opportunity, "PricebookEntryId": entry, "Quantity": 60, "UnitPrice": 9.5}
    line_id = sf.OpportunityLineItem.create(line)["id"]
    sf.Opportunity.update(opportunity, {"Amount": 7})
    assert sf.Opportunity.get(opportunity)["Amount"] == 570
    sf.OpportunityLineItem.delete(line_id)
    assert sf.Opportunity.get(opportunity)["Amount"] == 0


def test_deleting_an_account_deletes_its_contacts_and_unlinks_its_cases(sf):
    account = make_account(sf)
    contact = sf.Contact.create({"LastName": "Brandt", "AccountId": account})["id"]
    case = sf.Case.create({"Subject": "Help", "AccountId": account})["id"]
    sf.Account.delete(account)
    with pytest.raises(SalesforceResourceNotFound):
        sf.Contact.get(contact)
    assert sf.Case.get(case)["AccountId"] is None


# Refusals: each changes nothing

REFUSED = [
    ("Account", {}, "REQUIRED_FIELD_MISSING"),
    ("Account", {"Name": "x", "Nope__c": 1}, "INVALID_FIELD"),
    ("Account", {"Name": "x" * 256}, "STRING_TOO_LONG"),
    ("Account", {"Name": "x", "Industry": "Piracy"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
    ("Account", {"Name": "x", "OwnerId": "005Sb0000000001AAA"}, "MALFORMED_ID"),
    ("Account", {"Name": "x", "ParentId": UNKNOWN_ACCOUNT}, "INVALID_CROSS_REFERENCE_KEY"),
    ("Account", {"Name": "x", "Parent": {"Portal_Id__c": "nobody"}}, "INVALID_FIELD"),
    ("Account", {"Name": "x", "OwnerId": UNKNOWN_ACCOUNT}, "FIELD_INTEGRITY_EXCEPTION"),
    ("Account", {"Name": "x", "Portal_Health_Score__c": 101}, "FIELD_CUSTOM_VALIDATION_EXCEPTION"),
    ("Account", {"Name": "x", "NumberOfEmployees": 10**12}, "NUMBER_OUTSIDE_VALID_RANGE"),
    ("Account", {"Name": "x", "Portal_Last_Login__c": "yesterday"}, "JSON_PARSER_ERROR"),
    ("Account", {"Name": "x", "Portal_Last_Login__c": "9999-12-31T23:59:59-1200"}, "JSON_PARSER_ERROR"),
    ("Account", {"Name": 5}, "JSON_PARSER_ERROR"),
    ("Account", {"Name": "half a pair: \ud800"}, "JSON_PARSER_ERROR"),
    ("Account", {"Name": "x", "SystemModstamp": "2026-01-01T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ("Contact", {"LastName": "x", "Email": "not-an-address"}, "INVALID_EMAIL_ADDRESS"),
    ("Opportunity", {"Name": "x", "StageName": "Prospecting"}, "REQUIRED_FIELD_MISSING"),
    ("CaseComment", {"CommentBody": "x"}, "REQUIRED_FIELD_MISSING"),
]


@pytest.mark.parametrize(("sobject", "payload", "code"), REFUSED)
def test_a_wrong_record_is_refused_with_salesforces_code(sf, sobject, payload, code):
    with pytest.raises(SalesforceMalformedRequest) as caught:
        getattr(sf, sobject).create(payload)
    assert code_of(caught) == code
    assert count(sf, sobject) == 0


def test_a_second_record_with_the_same_key_names_the_first(sf):
    first = make_account(sf)
    with pytest.raises(SalesforceMalformedRequest) as caught:
        sf.Account.create({"Name": "Other", "Portal_Id__c": "a-1"})
    assert code_of(caught) == "DUPLICATE_VALUE"
    assert caught.value.content[0]["message"].endswith(f"record with id: {first[:15]}")
    assert count(sf, "Account") == 1


def test_the_duplicate_rule_can_be_overruled_by_a_header(sf):
    twin = {"Name": "Acme", "Website": "acme.example"}
    sf.Account.create(twin)
    with pytest.raises(SalesforceMalformedRequest) as caught:
        sf.Account.create(twin)
    assert code_of(caught) == "DUPLICATES_DETECTED"
    sf.Account.create(twin, headers={"Sforce-Duplicate-Rule-Header": "allowSave=true"})
    assert count(sf, "Account") == 2


def test_a_key_that_is_not_unique_answers_with_all_its_records(sf):
    ids = [sf.Account.create({"Name": f"Twin {n}", "Legacy_Number__c": "7"})["id"] for n in range(2)]
    with pytest.raises(SalesforceMoreThanOneRecord) as caught:
        sf.Account.upsert("Legacy_Number__c/7", {"Name": "Which?"})
    assert [url.rsplit("/", 1)[1] for url in caught.value.content] == ids
    [row] = upsert_all(sf, [{"Legacy_Number__c": "7", "Name": "Which?"}], key="Legacy_Number__c")
    assert row["errors"][0]["statusCode"] == "DUPLICATE_EXTERNAL_ID"
    assert count(sf, "Account WHERE Name = 'Which?'") == 0


def test_the_key_may_not_be_repeated_in_the_body(sf):
    with pytest.raises(SalesforceMalformedRequest) as caught:
        sf.Account.upsert("Portal_Id__c/a-1", {"Name": "Acme", "Portal_Id__c": "a-1"})
    assert code_of(caught) == "INVALID_FIELD"
    assert count(sf, "Account") == 0


@pytest.mark.parametrize("what", ["Contract", "Order"])
def test_a_contract_or_order_starts_as_a_draft(sf, what):
    account = make_account(sf)
    fields = {"AccountId": account, **({"EffectiveDate": "2026-11-01"} if what == "Order" else {})}
    with pytest.raises(SalesforceMalformedRequest) as caught:
        getattr(sf, what).create({**fields, "Status": "Activated"})
    assert code_of(caught) == "FAILED_ACTIVATION"
    created = getattr(sf, what).create({**fields, "Status": "Draft"})["id"]
    getattr(sf, what).update(created, {"Status": "Activated"})
    assert getattr(sf, what).get(created)["ActivatedDate"] is not None


def test_a_contract_ends_the_day_before_its_anniversary(sf):
    account = make_account(sf)
    terms = {"AccountId": account, "StartDate": "2026-01-01", "ContractTerm": 12}
    assert sf.Contract.get(sf.Contract.create(terms)["id"])["EndDate"] == "2026-12-31"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "sobjects/Nope", 404, "NOT_FOUND"),
        ("GET", "nowhere", 404, "NOT_FOUND"),
        ("GET", f"sobjects/Account/{UNKNOWN_ACCOUNT}", 404, "NOT_FOUND"),
        ("GET", "sobjects/Account/Portal_Id__c/nobody", 404, "NOT_FOUND"),
        ("GET", "sobjects/Account/not-an-id", 400, "MALFORMED_ID"),
        ("PUT", "sobjects/Account", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "query?q=SELECT+Id+FROM+Account", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "query/01gSb0000000001-2000", 400, "INVALID_QUERY_LOCATOR"),
    ],
)
def test_an_address_that_serves_nothing_says_so_in_an_array(sf, method, path, status, code):
    with pytest.raises(SalesforceError) as caught:
        sf.restful(path, method=method)
    assert (caught.value.status, code_of(caught)) == (status, code)


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("application/json", b"{nope", 400, "JSON_PARSER_ERROR"),
        ("application/json", b"[]", 400, "JSON_PARSER_ERROR"),
        ("text/csv", b"Name\nAcme", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
def test_a_body_that_is_not_a_json_object_is_refused(sf, content_type, body, status, code):
    with pytest.raises(SalesforceError) as caught:
        sf.restful("sobjects/Account", method="POST", data=body, headers={"Content-Type": content_type})
    assert (caught.value.status, code_of(caught)) == (status, code)
    assert count(sf, "Account") == 0


def test_a_session_that_ended_is_401_in_an_array(sf, server):
    server.org.store.end_session(sf.session_id)
    with pytest.raises(SalesforceExpiredSession) as caught:
        sf.query("SELECT Id FROM Account")
    assert caught.value.content == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


# What changed, what there is


def test_updated_and_deleted_tell_what_changed_in_a_period(sf):
    before = datetime.now(UTC) - timedelta(seconds=2)
    kept, gone = make_account(sf, "a-1"), make_account(sf, "a-2")
    sf.Account.delete(gone)
    until = datetime.now(UTC) + timedelta(minutes=1)
    updated, deleted = sf.Account.updated(before, until), sf.Account.deleted(before, until)
    assert updated["ids"] == [kept]
    assert updated["latestDateCovered"].endswith("+0000")
    assert [row["id"] for row in deleted["deletedRecords"]] == [gone]
    assert set(deleted) == {"deletedRecords", "earliestDateAvailable", "latestDateCovered"}


@pytest.mark.parametrize("days", [(1, 2), (40, 0)])
def test_a_period_that_is_reversed_or_too_far_back_is_refused(sf, days):
    start, end = (datetime.now(UTC) - timedelta(days=ago) for ago in days)
    with pytest.raises(SalesforceMalformedRequest) as caught:
        sf.Account.updated(start, end)
    assert code_of(caught) == "INVALID_REPLICATION_DATE"


def test_a_plus_that_became_a_space_is_still_a_time_zone(sf):
    start = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S+00:00")
    end = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert sf.restful(f"sobjects/Account/updated/?start={start}&end={end}")["ids"] == []


def test_describe_says_which_field_is_a_unique_external_id(sf):
    fields = {field["name"]: field for field in sf.Case.describe()["fields"]}
    key = fields["Portal_Id__c"]
    assert (key["externalId"], key["unique"], key["idLookup"], key["caseSensitive"]) == (True, True, True, True)
    assert fields["AccountId"]["referenceTo"] == ["Account"]
    assert fields["AccountId"]["relationshipName"] == "Account"
    assert "Working" in [choice["value"] for choice in fields["Status"]["picklistValues"]]
    assert not fields["CaseNumber"]["createable"]
    without_key = [
        name
        for name in ("CaseComment", "Task")
        if any(field["name"] == "Portal_Id__c" for field in getattr(sf, name).describe()["fields"])
    ]
    assert without_key == []


def test_describe_lists_objects_and_children(sf):
    names = {item["name"] for item in sf.describe()["sobjects"]}
    assert {"Account", "Case", "Opportunity", "OrderItem", "Quote", "Portal_Case_Message__c"} <= names
    children = {child["relationshipName"] for child in sf.Account.describe()["childRelationships"]}
    assert {"Contacts", "Cases", "Opportunities", "Orders", "Contracts"} <= children
    assert sf.Account.metadata()["objectDescribe"]["keyPrefix"] == "001"
    assert sf.is_sandbox() is True


def test_every_answer_carries_usage_and_the_time(sf):
    response = sf.Account.upsert("Portal_Id__c/a-1", {"Name": "Acme"}, raw_response=True)
    assert response.headers["Sforce-Limit-Info"].startswith("api-usage=")
    assert response.headers["Date"].endswith("GMT")
    assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert sf.limits()["DailyApiRequests"] == {"Max": 100_000, "Remaining": 100_000 - 2}
    assert sf.api_usage["api-usage"] == (2, 100_000)


def test_versions_need_no_session_and_unknown_ones_are_not_found(sf, server):
    versions = sf.session.get(f"{server.org.instance_url}/services/data/").json()
    assert [versions[0]["version"], versions[-1]["version"]] == ["40.0", "67.0"]
    with pytest.raises(SalesforceResourceNotFound):
        connect(server, version="39.0").describe()
    with pytest.raises(SalesforceResourceNotFound):
        connect(server, version="41.0").restful("composite/sobjects", method="POST", json={"records": []})
