"""Cases through the API."""

import uuid

import pytest

from accounts.models import OutgoingMail
from cases.models import Case
from cases.services import add_internal_note, close_case
from tests.cases.making import make_case, make_cases

JSON = "application/json"


def sent(**changes):
    return {"subject": "Export fails", "description": "A timeout.", "form_key": str(uuid.uuid4())} | changes


def test_cases_are_listed_page_by_page(signed_in, member, acme):
    make_cases(acme, member, 5)
    client, seen, cursor = signed_in(member), [], ""
    while cursor is not None:
        answer = client.get("/api/v1/cases", {"limit": 2, "cursor": cursor}).json()
        seen += [case["subject"] for case in answer["items"]]
        cursor = answer["next_cursor"]
    assert seen == ["Case 5", "Case 4", "Case 3", "Case 2", "Case 1"]


def test_a_list_may_show_what_is_done(signed_in, member, acme, now):
    case = make_case(acme, member)
    close_case(case=case, now=now)
    client = signed_in(member)
    assert client.get("/api/v1/cases").json()["items"] == []
    [found] = client.get("/api/v1/cases?status=done").json()["items"]
    assert (found["number"], found["status"], found["opened_by"]) == (case.number, "closed", "Milo Brandt")


def test_a_case_is_read_without_the_staffs_notes(signed_in, viewer, member, agent, acme, now):
    case = make_case(acme, member)
    add_internal_note(case=case, author=agent, body="Secret", form_key=uuid.uuid4(), now=now)
    answer = signed_in(viewer).get(f"/api/v1/cases/{case.number}")
    assert answer.status_code == 200
    assert answer.json()["subject"] == case.subject
    assert [message["body"] for message in answer.json()["messages"]] == ["It ends with a timeout."]


def test_a_case_is_opened_once_and_answered_once(signed_in, member):
    client, body = signed_in(member), sent(priority="high", topic="data")
    answers = [client.post("/api/v1/cases", body, JSON) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    case = Case.objects.get()
    assert {answer.json()["number"] for answer in answers} == {case.number}
    assert (case.opened_by, case.priority, case.topic) == (member, "high", "data")
    assert OutgoingMail.objects.get().kind == "case_opened"
    reply = {"body": "More.", "form_key": str(uuid.uuid4())}
    for _ in range(2):
        assert client.post(f"/api/v1/cases/{case.number}/messages", reply, JSON).status_code == 201
    assert case.messages.count() == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": ""}, {"subject": "x" * 201}, {"subject": "a\x00b"}, {"subject": "a\r\nBcc: x"}, {"subject": 5},
        {"description": ""}, {"description": "x" * 20_001}, {"description": "\x00"}, {"priority": "now"},
        {"topic": "gossip"}, {"form_key": "x"},
    ],
)  # fmt: skip
def test_what_is_not_valid_opens_nothing(signed_in, member, changes):
    assert signed_in(member).post("/api/v1/cases", sent(**changes), JSON).status_code == 422
    assert not Case.objects.exists()


@pytest.mark.parametrize("limit", ["-13754148829142218752", "0", "101", "x", "1e9", ""])
def test_a_strange_limit_is_refused(signed_in, member, limit):
    assert signed_in(member).get(f"/api/v1/cases?limit={limit}").status_code == 422


@pytest.mark.parametrize("query", ["cursor=x", "cursor=older~2026-01-01T00:00:00%2B00:00~9223372036854775808"])
def test_a_cursor_nobody_gave_is_refused(signed_in, member, query):
    assert signed_in(member).get(f"/api/v1/cases?{query}").status_code == 400


@pytest.mark.parametrize("number", ["CS-1", "CS-x", "1", "CS-99999999999999999999", "CS--1", "CS-%00"])
def test_what_is_no_case_is_not_found(signed_in, member, number):
    client = signed_in(member)
    assert client.get(f"/api/v1/cases/{number}").status_code == 404
    assert client.post(f"/api/v1/cases/{number}/messages", {"body": "x"}, JSON).status_code == 404


def test_who_may_what(signed_in, client, viewer, other_admin, agent, member, acme):
    case = make_case(acme, member)
    paths = ["/api/v1/cases", f"/api/v1/cases/{case.number}/messages"]
    for path, body in zip(paths, (sent(), {"body": "x"}), strict=True):
        assert signed_in(viewer).post(path, body, JSON).status_code == 403
        assert signed_in(agent).post(path, body, JSON).status_code == 403
        assert client.post(path, body, JSON).status_code == 401
    stranger = signed_in(other_admin)
    assert stranger.get("/api/v1/cases?status=all").json()["items"] == []
    assert stranger.get(f"/api/v1/cases/{case.number}").status_code == 404
    assert stranger.post(paths[1], {"body": "x"}, JSON).status_code == 404
    assert client.get(f"/api/v1/cases/{case.number}").status_code == 401
    assert signed_in(agent).get("/api/v1/cases").status_code == 403
    assert Case.objects.count() == 1
    assert case.messages.count() == 1
