"""SOQL as the sync and the client library write it."""

from collections.abc import Iterator

import pytest
from simple_salesforce import Salesforce, format_soql
from simple_salesforce.exceptions import SalesforceMalformedRequest

from sandbox.salesforce.server import Server, running
from tests.sandbox.test_salesforce import code_of, connect, upsert_all

NASTY = 'O\'Neil \\ 100% "x"\n_end'
ACCOUNTS = [
    {
        "Portal_Id__c": "a-1",
        "Name": "Acme",
        "Industry": "Logistics",
        "NumberOfEmployees": 40,
        "Portal_Tier__c": "growth",
    },
    {"Portal_Id__c": "a-2", "Name": "acme retail", "Industry": "Retail", "NumberOfEmployees": 7},
    {"Portal_Id__c": "A-2", "Name": "Globex", "Portal_Health_Score__c": 81.5, "NumberOfEmployees": 900},
    {"Portal_Id__c": "a-4", "Name": NASTY, "Portal_Last_Login__c": "2026-11-01T08:00:00-0800"},
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("salesforce")) as running_server:
        yield running_server


@pytest.fixture(scope="module")
def sf(server: Server) -> Salesforce:
    client = connect(server)
    assert all(row["success"] for row in upsert_all(client, ACCOUNTS))
    client.Contact.create({"LastName": "Ada", "Account": {"Portal_Id__c": "a-1"}})
    client.Contact.create({"LastName": "Nobody's"})
    gone = client.Contact.create({"LastName": "Gone"})["id"]
    client.Contact.delete(gone)
    return client


def keys(sf: Salesforce, rest: str) -> list[str]:
    return [row["Portal_Id__c"] for row in sf.query(f"SELECT Portal_Id__c FROM Account {rest}")["records"]]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("Name = 'ACME'", ["a-1"]),
        ("Portal_Id__c = 'a-2'", ["a-2"]),
        ("Name LIKE 'acme%'", ["a-1", "a-2"]),
        ("Name LIKE '_lobex'", ["A-2"]),
        (r"Name LIKE '%100\%%'", ["a-4"]),
        (r"Name LIKE '%100\_%'", []),
        ("Industry = null", ["A-2", "a-4"]),
        ("Industry = ''", ["A-2", "a-4"]),
        ("Industry != 'Retail'", ["a-1", "A-2", "a-4"]),
        ("Industry <> null", ["a-1", "a-2"]),
        ("NOT Industry = 'Retail'", ["a-1", "A-2", "a-4"]),
        ("(NOT NumberOfEmployees > 10) AND Name != null", ["a-2", "a-4"]),
        ("NumberOfEmployees >= 40 AND NumberOfEmployees < 1000", ["a-1", "A-2"]),
        ("Portal_Health_Score__c = 81.5", ["A-2"]),
        ("Industry IN ('Retail', 'Logistics')", ["a-1", "a-2"]),
        ("Industry IN ('Retail', null)", ["a-2", "A-2", "a-4"]),
        ("Industry NOT IN ('Retail')", ["a-1", "A-2", "a-4"]),
        ("Name = 'Globex' OR (Industry = 'Retail' AND NumberOfEmployees = 7)", ["a-2", "A-2"]),
        ("Portal_Last_Login__c = 2026-11-01T16:00:00Z", ["a-4"]),
        ("Portal_Last_Login__c > 2026-11-01T17:00:00+01:00", []),
        ("Portal_Last_Login__c >= 2026-11-01T17:00:00+01:00", ["a-4"]),
        ("CreatedDate = TODAY OR CreatedDate = YESTERDAY", ["a-1", "a-2", "A-2", "a-4"]),
        ("CreatedDate < LAST_N_DAYS:30", []),
        ("CreatedDate > TODAY", []),
        ("IsDeleted = false AND Owner.IsActive = true AND Account.Industry = 'Retail'", ["a-2"]),
    ],
)
def test_a_condition_selects_as_salesforce_does(sf, where, expected):
    assert keys(sf, f"WHERE {where} ORDER BY Id") == expected


def test_ids_are_equal_in_both_lengths_and_case_counts(sf):
    record_id = sf.query("SELECT Id FROM Account WHERE Portal_Id__c = 'a-1'")["records"][0]["Id"]
    for known in (record_id, record_id[:15]):
        assert keys(sf, f"WHERE Id = '{known}'") == keys(sf, f"WHERE Id IN ('{known}')") == ["a-1"]


def test_a_quoted_value_survives_the_clients_escaping(sf):
    query = format_soql("SELECT Portal_Id__c FROM Account WHERE Name = {}", NASTY)
    assert [row["Portal_Id__c"] for row in sf.query(query)["records"]] == ["a-4"]


def test_records_are_ordered_limited_and_skipped(sf):
    assert keys(sf, "ORDER BY NumberOfEmployees") == ["a-4", "a-2", "a-1", "A-2"]
    assert keys(sf, "ORDER BY NumberOfEmployees DESC NULLS LAST, Id") == ["A-2", "a-1", "a-2", "a-4"]
    assert keys(sf, "ORDER BY Id LIMIT 2 OFFSET 1") == ["a-2", "A-2"]
    assert keys(sf, "ORDER BY Id LIMIT 0") == []


def test_a_parents_fields_come_nested_and_no_parent_is_null(sf):
    text = (
        "SELECT LastName, c.Account.Name, Account.Portal_Tier__c, Account.Owner.Name FROM Contact c ORDER BY LastName"
    )
    ada, orphan = sf.query(text)["records"]
    assert ada["attributes"]["type"] == "Contact"
    assert ada["attributes"]["url"].startswith("/services/data/v59.0/sobjects/Contact/003")
    assert ada["Account"]["attributes"]["type"] == "Account"
    assert (ada["Account"]["Name"], ada["Account"]["Portal_Tier__c"]) == ("Acme", "growth")
    assert ada["Account"]["Owner"]["Name"] == "Portal Integration"
    assert orphan["Account"] is None


def test_count_has_a_size_and_no_records(sf):
    assert sf.query("select count() from account where name like 'acme%'") == {
        "totalSize": 2,
        "done": True,
        "records": [],
    }


def test_aggregates_without_a_name_are_numbered(sf):
    answer = sf.query("SELECT MAX(NumberOfEmployees), COUNT(Industry) known, MAX(SystemModstamp) FROM Account")
    [record] = answer["records"]
    assert record["attributes"] == {"type": "AggregateResult"}
    assert (record["expr0"], record["known"]) == (900, 2)
    assert record["expr2"].endswith("+0000")


def test_deleted_records_show_only_when_all_are_asked_for(sf):
    text = "SELECT LastName FROM Contact WHERE LastName = 'Gone'"
    assert sf.query(text)["records"] == []
    assert sf.query(text + " ALL ROWS")["totalSize"] == 1
    [gone] = sf.query_all(text.replace("FROM", ", IsDeleted FROM"), include_deleted=True)["records"]
    assert gone["IsDeleted"] is True


def test_a_long_answer_comes_in_pages(sf):
    upserted = [{"Portal_Id__c": f"p-{n:03}", "Name": f"Page {n:03}"} for n in range(400)]
    for start in (0, 200):
        upsert_all(sf, upserted[start : start + 200])
    sf.session.headers["Sforce-Query-Options"] = "batchSize=250"
    text = "SELECT Name FROM Account WHERE Name LIKE 'Page %' ORDER BY Name"
    first = sf.query(text)
    names = [row["Name"] for row in sf.query_all(text)["records"]]
    del sf.session.headers["Sforce-Query-Options"]
    assert (first["totalSize"], first["done"], len(first["records"])) == (400, False, 250)
    assert first["nextRecordsUrl"].startswith("/services/data/v59.0/query/01g")
    assert first["nextRecordsUrl"].endswith("-250")
    assert names == [row["Name"] for row in upserted]
    assert sf.query(text)["done"] is True


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELECT Nope FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Boss.Name = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE SystemModstamp > '2026-01-01'", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Id = 'nonsense'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Nope", "INVALID_TYPE"),
        ("SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY"),
        ("SELECT Id, FROM Account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account LIMIT x", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account; DROP TABLE Account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'open", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account LIMIT 99999999999999999999", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE CreatedDate = LAST_N_DAYS:999999", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE CreatedDate > 9999-12-31T23:59:59-12:00", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE AnnualRevenue LIKE '1%'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
    ],
)
def test_a_wrong_query_is_refused_with_salesforces_code(sf, text, code):
    with pytest.raises(SalesforceMalformedRequest) as caught:
        sf.query(text)
    assert code_of(caught) == code


def test_a_plan_tells_whether_an_index_is_used(sf):
    by_key, by_name = (
        sf.restful("query", params={"explain": f"SELECT Id FROM Account WHERE {where}"})["plans"][0]
        for where in ("Portal_Id__c = 'a-1'", "Name = 'Acme'")
    )
    assert (by_key["leadingOperationType"], by_key["cardinality"]) == ("Index", 1)
    assert by_name["leadingOperationType"] == "TableScan"
    assert by_name["sobjectType"] == "Account"


def test_a_wrong_column_is_pointed_at(sf):
    with pytest.raises(SalesforceMalformedRequest) as caught:
        sf.query("SELECT Id, Nope FROM Account")
    message = caught.value.content[0]["message"]
    assert "\nERROR at Row:1:Column:12\nNo such column 'Nope'" in message
    excerpt, caret = message.split("\n")[1:3]
    assert excerpt[caret.index("^") :].startswith("Nope")
