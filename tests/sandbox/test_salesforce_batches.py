"""Many records or many calls in one request: collections, composite requests, graphs."""

from collections.abc import Iterator

import pytest
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest

from sandbox.salesforce.server import Server, running
from tests.sandbox.test_salesforce import UNKNOWN_ACCOUNT, code_of, connect, count, make_account, upsert_all


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("salesforce")) as running_server:
        yield running_server


@pytest.fixture
def sf(server: Server) -> Salesforce:
    server.org.reset()
    return connect(server)


# Collections


def test_one_bad_row_of_two_hundred_leaves_the_others(sf):
    rows = [{"Portal_Id__c": f"a-{n}", "Name": f"Account {n}"} for n in range(200)]
    rows[57]["Name"] = None
    results = upsert_all(sf, rows)
    assert [place for place, row in enumerate(results) if not row["success"]] == [57]
    assert results[57]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert results[57]["created"] is False
    assert count(sf, "Account") == 199
    rows[57]["Name"] = "Account 57"
    assert [row["created"] for row in upsert_all(sf, rows)].count(True) == 1
    assert count(sf, "Account") == 200


def test_all_or_none_keeps_none(sf):
    results = upsert_all(sf, [{"Portal_Id__c": "a-1", "Name": "Good"}, {"Portal_Id__c": "a-2"}], all_or_none=True)
    codes = [row["errors"][0]["statusCode"] for row in results]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert count(sf, "Account") == 0


def test_a_key_named_twice_in_one_call_fails_both_rows(sf):
    results = upsert_all(sf, [{"Portal_Id__c": "a-1", "Name": "One"}, {"Portal_Id__c": "a-1", "Name": "Two"}])
    assert [row["errors"][0]["statusCode"] for row in results] == ["DUPLICATE_VALUE", "DUPLICATE_VALUE"]
    assert count(sf, "Account") == 0


def test_more_than_two_hundred_rows_are_refused(sf):
    with pytest.raises(SalesforceMalformedRequest) as caught:
        upsert_all(sf, [{"Portal_Id__c": f"a-{n}", "Name": "x"} for n in range(201)])
    assert code_of(caught) == "EXCEEDED_MAX_SIZE_REQUEST"
    assert count(sf, "Account") == 0


def test_collections_create_change_read_and_delete(sf):
    kinds = [{"attributes": {"type": "Account"}, "Name": "Acme"}, {"attributes": {"type": "Case"}, "Subject": "Help"}]
    account, case = (row["id"] for row in sf.restful("composite/sobjects", method="POST", json={"records": kinds}))
    change = {"attributes": {"type": "Account"}, "id": account, "Name": "Acme 2"}
    wrong = {"attributes": {"type": "Nope"}, "Id": case}
    results = sf.restful("composite/sobjects", method="PATCH", json={"records": [change, wrong]})
    assert [row["success"] for row in results] == [True, False]
    assert results[1]["errors"][0]["statusCode"] == "INVALID_TYPE"
    asked = {"ids": [UNKNOWN_ACCOUNT, account], "fields": ["Name"]}
    by_body = sf.restful("composite/sobjects/Account", method="POST", json=asked)
    assert by_body[0] is None
    assert by_body[1]["Name"] == "Acme 2"
    by_query = sf.restful("composite/sobjects/Account", params={"ids": account, "fields": "Name"})
    assert [row["Name"] for row in by_query] == ["Acme 2"]
    gone = sf.restful("composite/sobjects", method="DELETE", params={"ids": f"{account},{case}", "allOrNone": "true"})
    assert [row["success"] for row in gone] == [True, True]
    assert count(sf, "Account") == count(sf, "Case") == 0


# Composite


BASE = "/services/data/v59.0/sobjects"


def step(reference: str, path: str, body: dict | None = None, method: str = "POST") -> dict:
    return {
        "method": method,
        "url": f"{BASE}/{path}",
        "referenceId": reference,
        **({} if body is None else {"body": body}),
    }


def test_a_later_subrequest_uses_what_an_earlier_one_returned(sf):
    steps = [
        step("acme", "Account", {"Name": "Acme"}),
        step("ada", "Contact", {"LastName": "Ada", "AccountId": "@{acme.id}"}),
        step("read", "Contact/@{ada.id}?fields=AccountId", method="GET"),
    ]
    answers = sf.restful("composite", method="POST", json={"compositeRequest": steps})["compositeResponse"]
    assert [answer["httpStatusCode"] for answer in answers] == [201, 201, 200]
    assert answers[2]["body"]["AccountId"] == answers[0]["body"]["id"]


@pytest.mark.parametrize(("all_or_none", "kept"), [(True, 0), (False, 1)])
def test_a_failed_subrequest_undoes_the_others_only_when_asked(sf, all_or_none, kept):
    steps = [step("good", "Account", {"Name": "Acme"}), step("bad", "Account", {}), step("lost", "Account/@{bad.id}")]
    body = {"allOrNone": all_or_none, "compositeRequest": steps}
    answers = sf.restful("composite", method="POST", json=body)["compositeResponse"]
    assert [answer["referenceId"] for answer in answers] == ["good", "bad", "lost"]
    assert answers[1]["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert answers[2]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert count(sf, "Account") == kept


def test_more_than_25_subrequests_are_refused(sf):
    steps = [step(f"r{n}", "Account", {"Name": "Acme"}) for n in range(26)]
    with pytest.raises(SalesforceMalformedRequest):
        sf.restful("composite", method="POST", json={"compositeRequest": steps})
    assert count(sf, "Account") == 0


def test_a_graph_deeper_than_15_is_refused(sf):
    steps = [step("r0", "Account", {"Name": "Acme"})]
    steps += [step(f"r{n}", "Account", {"Name": "Acme", "ParentId": f"@{{r{n - 1}.id}}"}) for n in range(1, 16)]
    graph = {"graphId": "deep", "compositeRequest": steps}
    with pytest.raises(SalesforceMalformedRequest):
        sf.restful("composite/graph", method="POST", json={"graphs": [graph]})
    assert count(sf, "Account") == 0
    graph["compositeRequest"] = steps[:15]
    [answered] = sf.restful("composite/graph", method="POST", json={"graphs": [graph]})["graphs"]
    assert answered["isSuccessful"]
    assert count(sf, "Account") == 15


def test_each_graph_is_saved_whole_or_not_at_all(sf):
    order = {"Account": {"Portal_Id__c": "a-1"}, "EffectiveDate": "2026-11-01", "Status": "Draft"}
    make_account(sf)
    graphs = [
        {"graphId": "good", "compositeRequest": [step("o", "Order/Portal_Id__c/o-1", order, "PATCH")]},
        {
            "graphId": "bad",
            "compositeRequest": [
                step("o", "Order/Portal_Id__c/o-2", order, "PATCH"),
                step("i", "OrderItem/Portal_Id__c/i-1", {"OrderId": "@{o.id}", "Quantity": 1}, "PATCH"),
            ],
        },
    ]
    answered = sf.restful("composite/graph", method="POST", json={"graphs": graphs})["graphs"]
    assert [(graph["graphId"], graph["isSuccessful"]) for graph in answered] == [("good", True), ("bad", False)]
    assert [row["Portal_Id__c"] for row in sf.query("SELECT Portal_Id__c FROM Order")["records"]] == ["o-1"]
