"""Support works in the admin: the queue, the answer, the note, and who may."""

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import OutgoingMail
from cases.models import CaseMessage
from cases.services import close_case
from tests.cases.making import PNG, make_case, make_cases
from tests.factories import make_staff


def answer(kind="answer", **changes):
    return {"body": "Please try again.", "form_key": str(uuid.uuid4()), "kind": kind} | changes


@pytest.fixture
def case(acme, member):
    return make_case(acme, member, subject="<script>alert(1)</script>")


def page_of(case):
    return f"/admin/cases/case/{case.pk}/change/"


def test_the_queue_lists_filters_and_finds(signed_in, agent, acme, member, case, now):
    over = make_case(acme, member, subject="Long over")
    close_case(case=over, now=now)
    client = signed_in(agent)
    page = client.get("/admin/cases/case/").content.decode()
    assert case.number in page
    assert "<script>alert(1)" not in page
    assert "Acme Logistics GmbH" in page
    open_ones = client.get("/admin/cases/case/?standing=open").content.decode()
    assert case.number in open_ones
    assert over.number not in open_ones
    assert over.number in client.get("/admin/cases/case/?standing=done").content.decode()
    assert case.number in client.get("/admin/cases/case/?standing=unanswered").content.decode()
    for query in (over.number, "long over"):
        found = client.get("/admin/cases/case/", {"q": query}).content.decode()
        assert over.number in found
        assert case.number not in found


def test_the_queue_does_not_count_all_cases(signed_in, agent, acme, member, django_assert_max_num_queries):
    make_cases(acme, member, 300)
    client = signed_in(agent)
    with django_assert_max_num_queries(16) as captured:
        client.get("/admin/cases/case/")
    assert not [query for query in captured if "COUNT(" in query["sql"] and "cases_case" in query["sql"]]


def test_an_agent_answers_and_the_customer_is_told(signed_in, agent, member, case):
    client = signed_in(agent)
    page = client.get(page_of(case)).content.decode()
    assert "It ends with a timeout." in page
    assert "<script>alert(1)" not in page
    sent = answer(attachments=SimpleUploadedFile("steps.png", PNG))
    for _ in range(2):
        sent["attachments"].seek(0)
        assert client.post(f"/admin/cases/case/{case.pk}/answer/", sent).url == page_of(case)
    case.refresh_from_db()
    assert (case.status, case.assignee) == ("waiting", agent)
    assert case.messages.count() == 2
    assert OutgoingMail.objects.filter(kind="case_reply").count() == 1
    seen = signed_in(member).get(f"/cases/{case.number}/").content.decode()
    assert "Please try again." in seen
    assert "steps.png" in seen


def test_an_answer_may_resolve_and_a_note_stays_inside(signed_in, agent, member, case):
    client = signed_in(agent)
    client.post(f"/admin/cases/case/{case.pk}/answer/", answer("note", body="Known bug."))
    client.post(f"/admin/cases/case/{case.pk}/answer/", answer("resolve"))
    case.refresh_from_db()
    assert case.status == "resolved"
    assert "Known bug." in client.get(page_of(case)).content.decode()
    assert "Known bug." not in signed_in(member).get(f"/cases/{case.number}/").content.decode()


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (answer(attachments=SimpleUploadedFile("a.exe", b"MZ")), "of a kind we don&#x27;t take"),
        (answer("note", attachments=SimpleUploadedFile("a.png", PNG)), "Files go to the customer."),
        (answer("shout"), "Please try again."),
        (answer(body=" "), "This field is required."),
    ],
)
def test_an_answer_that_is_refused_keeps_what_was_typed(signed_in, agent, case, sent, says):
    response = signed_in(agent).post(f"/admin/cases/case/{case.pk}/answer/", sent)
    assert response.status_code == 422
    assert says in response.content.decode()
    assert sent["body"] in response.content.decode()
    assert case.messages.count() == 1
    assert not OutgoingMail.objects.filter(kind="case_reply").exists()


def test_the_status_changes_by_buttons_alone(signed_in, agent, case):
    client = signed_in(agent)
    for to, status in (("resolve", "resolved"), ("close", "closed"), ("close", "closed"), ("reopen", "open")):
        assert client.post(f"/admin/cases/case/{case.pk}/move/", {"to": to}).status_code == 302
        case.refresh_from_db()
        assert case.status == status
    assert client.post(f"/admin/cases/case/{case.pk}/move/", {"to": "heaven"}).status_code == 400
    assert client.get(f"/admin/cases/case/{case.pk}/move/").status_code == 405
    saved = {"assignee": str(agent.pk), "priority": "urgent", "topic": "data", "status": "closed", "subject": "Changed"}
    assert client.post(page_of(case), saved).status_code == 302
    case.refresh_from_db()
    assert (case.assignee, case.priority, case.topic) == (agent, "urgent", "data")
    assert (case.status, case.subject) == ("open", "<script>alert(1)</script>")
    assert case.events.latest("pgh_id").pgh_context["user_id"] == agent.pk


def test_who_may_not_answer_sees_the_conversation_only(signed_in, manager, case):
    client = signed_in(manager)
    page = client.get(page_of(case)).content.decode()
    assert "It ends with a timeout." in page
    assert "Send the answer" not in page
    assert client.post(f"/admin/cases/case/{case.pk}/answer/", answer()).status_code == 403
    assert client.post(f"/admin/cases/case/{case.pk}/move/", {"to": "close"}).status_code == 403
    assert client.post(page_of(case), {"priority": "low"}).status_code == 403
    case.refresh_from_db()
    assert (case.status, case.priority) == ("new", "normal")
    assert CaseMessage.objects.count() == 1


def test_marketing_and_customers_do_not_get_in(signed_in, admin, client, case):
    marketing = make_staff("m@vendor.example", "Mo", group="Marketing")
    assert signed_in(marketing).get(page_of(case)).status_code == 403
    for person in (signed_in(admin), client):
        assert person.get(page_of(case)).status_code == 302
        assert person.post(f"/admin/cases/case/{case.pk}/answer/", answer()).status_code == 302
    assert case.messages.count() == 1
    assert signed_in(marketing).get("/admin/cases/case/").status_code == 403
