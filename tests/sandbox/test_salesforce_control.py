"""Faults on request, the log of calls, and the pages on which a person changes a record."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceRefusedRequest,
)

from sandbox.salesforce.server import Server, running
from tests.sandbox.test_salesforce import code_of, connect, count, make_account


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("salesforce")) as running_server:
        yield running_server


@pytest.fixture
def sf(server: Server) -> Salesforce:
    server.org.reset()
    return connect(server)


def url(server: Server, path: str) -> str:
    return f"http://localhost:{server.port}{path}"


def set_fault(server: Server, **fault: object) -> requests.Response:
    return requests.post(url(server, "/_fault"), json=fault, timeout=10)


@pytest.mark.parametrize(
    ("status", "code", "raised"),
    [
        (401, "INVALID_SESSION_ID", SalesforceExpiredSession),
        (403, "REQUEST_LIMIT_EXCEEDED", SalesforceRefusedRequest),
        (400, "UNABLE_TO_LOCK_ROW", SalesforceMalformedRequest),
        (503, "SERVER_UNAVAILABLE", SalesforceGeneralError),
    ],
)
def test_a_fault_answers_the_next_request_that_matches_and_no_other(server, sf, status, code, raised):
    assert set_fault(server, method="patch", path="sobjects/Account", status=status, code=code).status_code == 201
    assert count(sf, "Account") == 0
    with pytest.raises(raised) as caught:
        make_account(sf)
    assert (caught.value.status, code_of(caught)) == (status, code)
    assert count(sf, "Account") == 0
    make_account(sf)
    assert count(sf, "Account") == 1


def test_a_dropped_response_leaves_the_work_done_and_an_upsert_can_be_sent_again(server, sf):
    set_fault(server, path="/services/data", response="drop")
    with pytest.raises(requests.ConnectionError):
        make_account(sf)
    make_account(sf)
    assert count(sf, "Account") == 1


def test_a_reset_connection_leaves_nothing_done(server, sf):
    set_fault(server, method="PATCH", response="reset")
    with pytest.raises(requests.ConnectionError):
        make_account(sf)
    assert count(sf, "Account") == 0


def test_a_proxys_page_comes_instead_of_json(server, sf):
    set_fault(server, html="<h1>Down for maintenance</h1>", status=503)
    with pytest.raises(SalesforceGeneralError) as caught:
        count(sf, "Account")
    assert caught.value.content == "<h1>Down for maintenance</h1>"


def test_a_delayed_request_is_done_late(server, sf):
    set_fault(server, method="PATCH", delay=0.05)
    make_account(sf)
    [call] = requests.get(url(server, "/_calls"), timeout=10).json()["calls"]
    assert call["milliseconds"] >= 50
    assert count(sf, "Account") == 1


def test_faults_are_counted_listed_and_cleared(server, sf):
    set_fault(server, path="query", status=500, times=2)
    for _ in range(2):
        with pytest.raises(SalesforceGeneralError):
            count(sf, "Account")
    assert count(sf, "Account") == 0
    set_fault(server, status=500, times=None)
    assert [fault["times"] for fault in requests.get(url(server, "/_fault"), timeout=10).json()["faults"]] == [None]
    requests.delete(url(server, "/_fault"), timeout=10)
    assert count(sf, "Account") == 0


@pytest.mark.parametrize("wrong", [{}, {"times": 0, "status": 500}, {"status": 9}, {"stauts": 500}, {"response": "x"}])
def test_a_fault_that_makes_no_sense_is_refused(server, sf, wrong):
    assert set_fault(server, **wrong).status_code == 400
    assert requests.get(url(server, "/_fault"), timeout=10).json() == {"faults": []}


def test_calls_are_logged_with_what_the_client_called_itself(server, sf):
    sf.session.headers["Sforce-Call-Options"] = "client=portal-sync"
    make_account(sf)
    set_fault(server, response="reset")
    with pytest.raises(requests.ConnectionError):
        make_account(sf)
    calls = requests.get(url(server, "/_calls"), timeout=10).json()["calls"]
    assert [(call["method"], call["status"], call["call_options"], call["fault"]) for call in calls] == [
        ("PATCH", 201, "client=portal-sync", False),
        ("PATCH", None, "client=portal-sync", True),
    ]
    assert calls[0]["path"] == "/services/data/v59.0/sobjects/Account/Portal_Id__c/a-1"
    assert "authorization" not in str(calls).lower()


def test_the_daily_limit_refuses_further_calls(server, sf):
    requests.post(url(server, "/_limits"), json={"max": 10, "used": 9}, timeout=10)
    assert count(sf, "Account") == 0
    with pytest.raises(SalesforceRefusedRequest) as caught:
        count(sf, "Account")
    assert code_of(caught) == "REQUEST_LIMIT_EXCEEDED"


def test_all_sessions_can_be_ended_at_once(server, sf):
    requests.delete(url(server, "/_sessions"), timeout=10)
    with pytest.raises(SalesforceExpiredSession):
        count(sf, "Account")


def test_dump_shows_every_record_and_reset_removes_them_but_not_the_users(server, sf):
    sf.Account.delete(make_account(sf))
    [dumped] = requests.get(url(server, "/_dump?object=account"), timeout=10).json()["Account"]
    assert (dumped["Name"], dumped["IsDeleted"]) == ("Acme", True)
    assert requests.post(url(server, "/_reset"), timeout=10).status_code == 204
    everything = requests.get(url(server, "/_dump"), timeout=10).json()
    assert everything["Account"] == []
    assert len(everything["User"]) == 3
    assert requests.get(url(server, "/_health"), timeout=10).json()["status"] == "ok"


# Pages


class Form(HTMLParser):
    """What a browser would send back for the form of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.labelled: set[str] = set()
        self.controls: set[str] = set()
        self._select = self._area = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "label":
            self.labelled.add(given["for"])
        if tag in ("input", "select", "textarea"):
            self.controls.add(given["id"])
        if tag == "input" and (given.get("type") != "checkbox" or "checked" in given):
            self.values[given["name"]] = given["value"]
        self._select = given["name"] if tag == "select" else self._select
        self._area = given["name"] if tag == "textarea" else self._area
        if tag == "option" and "selected" in given:
            self.values[self._select] = given["value"]

    def handle_data(self, data):
        if self._area:
            self.values[self._area] = data.removeprefix("\n")

    def handle_endtag(self, tag):
        if tag == "textarea":
            self.values.setdefault(self._area, "")
            self._area = ""


def test_a_person_changes_an_accounts_industry_and_nothing_else(server, sf):
    record_id = make_account(sf, Industry="Retail", Description="Two\nlines", Portal_Health_Score__c=80)
    before = sf.Account.get(record_id)
    assert "Accounts" in requests.get(url(server, "/"), timeout=10).text
    assert record_id in requests.get(url(server, "/o/Account"), timeout=10).text
    address = url(server, f"/o/Account/{record_id}")
    form = Form(requests.get(address, timeout=10).text)
    assert form.controls <= form.labelled
    saved = requests.post(address, data=form.values | {"Industry": "Energy"}, timeout=10)
    assert saved.status_code == 200
    assert "Saved." in saved.text
    after = sf.Account.get(record_id)
    assert after["Industry"] == "Energy"
    assert after["SystemModstamp"] > before["SystemModstamp"]
    assert after["LastModifiedById"] != before["LastModifiedById"]
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"Industry", "LastModifiedDate", "LastModifiedById", "SystemModstamp"}


def test_a_refused_change_is_explained_and_what_was_typed_is_kept(server, sf):
    record_id = make_account(sf)
    address = url(server, f"/o/Account/{record_id}")
    form = Form(requests.get(address, timeout=10).text)
    refused = requests.post(address, data=form.values | {"Name": "", "Phone": "<b>1"}, timeout=10)
    assert refused.status_code == 400
    assert "Required fields are missing: [Name]" in refused.text
    assert 'value="&lt;b&gt;1"' in refused.text
    assert sf.Account.get(record_id)["Name"] == "Acme"


def test_a_script_in_a_record_is_only_text(server, sf):
    record_id = make_account(sf, Name="<script>alert(1)</script>")
    for path in ("/o/Account", f"/o/Account/{record_id}"):
        answer = requests.get(url(server, path), timeout=10)
        assert "<script" not in answer.text
        assert "&lt;script&gt;" in answer.text
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert not re.search(r"<style|style=|\son\w+=", answer.text)
    style = requests.get(url(server, "/org.css"), timeout=10)
    assert style.headers["Content-Type"].startswith("text/css")


def test_another_site_can_neither_change_a_record_nor_reset_the_org(server, sf):
    record_id = make_account(sf)
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for path in (f"/o/Account/{record_id}", "/_reset"):
        answer = requests.post(url(server, path), data={"Name": "Owned"}, headers=foreign, timeout=10)
        assert answer.status_code == 403
    assert requests.get(url(server, "/_dump"), headers={"Host": "evil.example"}, timeout=10).status_code == 403
    assert sf.Account.get(record_id)["Name"] == "Acme"


def test_a_page_that_is_not_there_says_so(server, sf):
    for path in ("/nowhere", "/o/Nope", "/o/Account/001Sb0000zzzzzzAAA"):
        assert requests.get(url(server, path), timeout=10).status_code == 404
