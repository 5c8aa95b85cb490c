"""The list, the form of a new case and the conversation, as a customer's browser sees them."""

import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import OutgoingMail, StoredFile
from accounts.notifications import send_due
from cases import services
from cases.models import Case, CaseMessage
from tests.cases.making import PNG, make_case, make_cases
from tests.factories import make_article
from tracking.models import Event, EventName


def form(**changes):
    return {
        "subject": "Nightly export fails",
        "description": "It ends with a timeout.",
        "topic": "integrations",
        "priority": "high",
        "form_key": str(uuid.uuid4()),
    } | changes


def test_a_member_opens_a_case_with_attachments(signed_in, member, acme, mailoutbox):
    files = [SimpleUploadedFile("shot.png", PNG), SimpleUploadedFile("app.log", b"12:00 timeout\n")]
    response = signed_in(member).post("/cases/new/", form(attachments=files))

    case = Case.objects.get()
    assert response.status_code == 302
    assert response.url == f"/cases/{case.number}/"
    assert (case.account, case.opened_by, case.status, case.priority) == (acme, member, "new", "high")
    assert case.topic == "integrations"
    [message] = case.messages.all()
    assert message.body == "It ends with a timeout."
    assert sorted(message.attachments.values_list("name", flat=True)) == ["app.log", "shot.png"]
    event = Event.objects.get(name=EventName.CASE_CREATED)
    assert (event.account_id, event.user_id, event.object_id) == (acme.pk, member.pk, case.number)
    send_due(now=timezone.now() + timedelta(seconds=1))
    [mail] = mailoutbox
    assert mail.to == ["member@acme.example"]
    assert mail.subject == f"{case.number}: Nightly export fails"
    assert f"http://portal.localhost:8000/cases/{case.number}/" in mail.body


def test_the_same_form_sent_twice_opens_one_case(signed_in, member):
    client, sent = signed_in(member), form()
    first, second = client.post("/cases/new/", sent), client.post("/cases/new/", sent)
    assert first.url == second.url
    assert Case.objects.count() == 1
    assert CaseMessage.objects.count() == 1
    assert OutgoingMail.objects.count() == 1
    assert Event.objects.filter(name=EventName.CASE_CREATED).count() == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("tool.exe", b"MZ\x90", "of a kind we don&#x27;t take"),
        ("shot.png", b"MZ\x90", "is not what its name says"),
        ("notes.txt", b"a\x00b", "is not what its name says"),
        ("empty.txt", b"", "empty"),
        ("big.log", b"x" * (10 * 1024 * 1024 + 1), "is larger than 10 MB"),
    ],
)
def test_a_file_we_do_not_take_opens_nothing_and_keeps_what_was_typed(signed_in, member, name, content, says):
    sent = form(attachments=[SimpleUploadedFile("fine.txt", b"fine"), SimpleUploadedFile(name, content)])
    response = signed_in(member).post("/cases/new/", sent)
    page = response.content.decode()
    assert response.status_code == 422
    assert says in page
    assert "Nightly export fails" in page
    assert "It ends with a timeout." in page
    assert sent["form_key"] in page
    assert '<option value="high" selected>' in page
    assert not Case.objects.exists()
    assert not StoredFile.objects.exists()
    assert not OutgoingMail.objects.exists()


def test_more_than_five_files_are_refused(signed_in, member):
    files = [SimpleUploadedFile(f"{number}.txt", b"x") for number in range(6)]
    response = signed_in(member).post("/cases/new/", form(attachments=files))
    assert response.status_code == 422
    assert "Attach at most 5 files." in response.content.decode()
    assert not Case.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "   "},
        {"subject": "x" * 201},
        {"subject": "a\x00b"},
        {"description": ""},
        {"description": "x" * 20_001},
        {"topic": "nonsense"},
        {"priority": "nonsense"},
    ],
)
def test_a_form_that_is_not_valid_opens_nothing(signed_in, member, changes):
    response = signed_in(member).post("/cases/new/", form(**changes))
    assert response.status_code == 422
    assert "Please check the fields marked below." in response.content.decode()
    assert not Case.objects.exists()


@pytest.mark.parametrize("key", ["", "not-a-uuid", "\x00"])
def test_a_form_without_its_key_still_opens_a_case(signed_in, member, key):
    assert signed_in(member).post("/cases/new/", form(form_key=key)).status_code == 302
    assert Case.objects.count() == 1


def test_a_script_in_a_subject_is_text(signed_in, member, acme):
    script = "<script>alert(1)</script>"
    case = make_case(acme, member, subject=script, description=f"{script} {{{{ settings.SECRET_KEY }}}}")
    client = signed_in(member)
    for address in ("/cases/", f"/cases/{case.number}/", "/cases/new/?subject=%3Cscript%3Ealert(1)%3C/script%3E"):
        page = client.get(address).content.decode()
        assert script not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert script in OutgoingMail.objects.get().text  # Plain text: escaped it would read badly.


def test_a_new_case_page_shows_articles_for_a_subject_that_came_along(signed_in, member):
    make_article("Reset a password")
    key = uuid.uuid4()
    page = signed_in(member).get(f"/cases/new/?subject=password&form_key={key}").content.decode()
    assert "Reset a password" in page
    assert str(key) in page
    assert 'formaction="/help/reset-a-password/solved/"' in page


def test_the_list_shows_open_cases_and_on_request_the_others(signed_in, member, acme, now):
    make_case(acme, member, subject="Still open")
    over = make_case(acme, member, subject="Long over")
    services.close_case(case=over, now=now)
    client = signed_in(member)
    shown = {show: client.get(f"/cases/?show={show}").content.decode() for show in ("open", "done", "all")}
    assert "Still open" in shown["open"]
    assert "Long over" not in shown["open"]
    assert "Long over" in shown["done"]
    assert "Still open" not in shown["done"]
    assert "Still open" in shown["all"]
    assert "Long over" in shown["all"]


def test_pages_of_the_list_follow_each_other_and_lead_back(signed_in, member, acme):
    make_cases(acme, member, 60)
    client = signed_in(member)
    seen, addresses, url = [], [], "/cases/?show=all"
    while url:
        response = client.get(url)
        addresses.append(url)
        seen += [case.subject for case in response.context["page"].rows]
        page = response.context["page"]
        url = f"/cases/?show=all&cursor={page.next.replace('+', '%2B')}" if page.next else ""
    assert seen == [f"Case {number}" for number in range(60, 0, -1)]
    assert len(addresses) == 3
    back = client.get(addresses[2]).context["page"].previous.replace("+", "%2B")
    second = client.get(f"/cases/?show=all&cursor={back}").context["page"]
    assert [case.subject for case in second.rows] == [f"Case {number}" for number in range(35, 10, -1)]
    assert second.previous
    assert second.next


@pytest.mark.parametrize(
    "query",
    ["cursor=x", "cursor=older~x~1", "cursor=older~2026-01-01~1", "cursor=older~2026-01-01T00:00:00%2B00:00~",
     "cursor=sideways~2026-01-01T00:00:00%2B00:00~1", "cursor=%00", "show=everything",
     "cursor=older~2026-01-01T00:00:00%2B00:00~99999999999999999999", "cursor=older~0001-01-01T00:00%2B23:59~1"],
)  # fmt: skip
def test_an_address_nobody_gave_is_a_bad_request(signed_in, member, query):
    assert signed_in(member).get(f"/cases/?{query}").status_code == 400


def queries_of(client, url):
    client.get(url)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_the_list_costs_the_same_with_ten_cases_and_five_thousand(signed_in, member, acme):
    client = signed_in(member)
    make_cases(acme, member, 10)
    few = queries_of(client, "/cases/?show=all")
    make_cases(acme, member, 4990)
    assert queries_of(client, "/cases/?show=all") == few
    # One for the cases; the rest is what every request costs: session, person, memberships, scope.
    with CaptureQueriesContext(connection) as captured:
        client.get("/cases/")
    assert sum("cases_case" in query["sql"] for query in captured) == 1


def test_a_conversation_costs_the_same_however_long(signed_in, member, acme, now):
    case = make_case(acme, member)
    client = signed_in(member)
    few = queries_of(client, f"/cases/{case.number}/")
    CaseMessage.objects.bulk_create(
        CaseMessage(account=acme, case=case, author=member, body=f"Message {n}", created_at=now + timedelta(minutes=n))
        for n in range(250)
    )
    assert queries_of(client, f"/cases/{case.number}/") <= few
    response = client.get(f"/cases/{case.number}/")
    assert [message.body for message in response.context["conversation"]][-1] == "Message 249"
    assert len(response.context["conversation"]) == 100
    earlier = client.get(f"/cases/{case.number}/", {"before": response.context["earlier"]})
    assert [message.body for message in earlier.context["conversation"]][-1] == "Message 149"
    assert client.get(f"/cases/{case.number}/?before=x").status_code == 400
    assert client.get(f"/cases/{case.number}/?before=2026-01-01").status_code == 400
    assert client.get(f"/cases/{case.number}/?before=0001-01-01T00:00%2B23:00").status_code == 400


def test_the_customer_sees_answers_and_not_the_staffs_notes(signed_in, member, acme, agent, now):
    case = make_case(acme, member)
    services.add_internal_note(case=case, author=agent, body="They never read.", form_key=uuid.uuid4(), now=now)
    upload = SimpleUploadedFile("steps.pdf", b"%PDF-1.7 x")
    services.reply_as_staff(
        case=case, author=agent, body="Try <b>this</b>", form_key=uuid.uuid4(), uploads=[upload], now=now
    )
    response = signed_in(member).get(f"/cases/{case.number}/")
    page = response.content.decode()
    assert "Try &lt;b&gt;this&lt;/b&gt;" in page
    assert "Sam Rivera" in page
    assert "They never read." not in page
    assert "Waiting for you" in page
    assert f"/files/{StoredFile.objects.get().public_id}/" in page
    assert page.count("data-primary-action") == 1


def test_a_reply_reaches_the_conversation_and_reopens_the_case(signed_in, member, acme, agent, now):
    case = make_case(acme, member)
    services.resolve_case(case=case, now=now)
    response = signed_in(member).post(
        f"/cases/{case.number}/reply/",
        {"body": "Not yet.", "form_key": str(uuid.uuid4()), "attachments": SimpleUploadedFile("a.png", PNG)},
    )
    assert response.url == f"/cases/{case.number}/"
    case.refresh_from_db()
    assert (case.status, case.resolved_at) == ("open", None)
    message = case.messages.latest("pk")
    assert (message.body, message.author, message.is_from_staff) == ("Not yet.", member, False)
    assert message.attachments.get().name == "a.png"


def test_a_reply_with_a_wrong_file_is_kept_in_the_form(signed_in, member, acme):
    case = make_case(acme, member)
    response = signed_in(member).post(
        f"/cases/{case.number}/reply/",
        {"body": "Here it is.", "form_key": str(uuid.uuid4()), "attachments": SimpleUploadedFile("a.exe", b"MZ")},
    )
    assert response.status_code == 422
    assert "Here it is.</textarea>" in response.content.decode()
    assert case.messages.count() == 1


def test_a_customer_marks_a_case_as_solved(signed_in, member, acme):
    case = make_case(acme, member)
    client = signed_in(member)
    assert client.post(f"/cases/{case.number}/close/").url == f"/cases/{case.number}/"
    case.refresh_from_db()
    assert case.status == "closed"
    assert case.resolved_at
    page = client.get(f"/cases/{case.number}/").content.decode()
    assert "A reply opens the case again." in page
    assert "Mark as solved" not in page


def test_colleagues_see_each_others_cases(signed_in, member, admin, viewer, acme):
    case = make_case(acme, member, subject="From Milo")
    for person in (admin, viewer):
        assert "From Milo" in signed_in(person).get("/cases/").content.decode()
        assert signed_in(person).get(f"/cases/{case.number}/").status_code == 200


# Who may what


def test_a_viewer_reads_and_neither_opens_nor_answers(signed_in, viewer, member, acme):
    case = make_case(acme, member)
    client = signed_in(viewer)
    for address in ("/cases/", f"/cases/{case.number}/"):
        page = client.get(address).content.decode()
        assert page.count("data-primary-action") == 1
        assert "/cases/new/" not in page
        assert "Send the reply" not in page
    assert client.get("/cases/new/").status_code == 403
    assert client.post("/cases/new/", form()).status_code == 403
    assert client.post(f"/cases/{case.number}/reply/", {"body": "x"}).status_code == 403
    assert client.post(f"/cases/{case.number}/close/").status_code == 403
    assert Case.objects.count() == 1
    assert case.messages.count() == 1


def test_another_company_finds_nothing(signed_in, other_admin, member, acme):
    case = make_case(acme, member)
    client = signed_in(other_admin)
    assert case.subject not in client.get("/cases/?show=all").content.decode()
    assert client.get(f"/cases/{case.number}/").status_code == 404
    assert client.post(f"/cases/{case.number}/reply/", {"body": "x"}).status_code == 404
    assert client.post(f"/cases/{case.number}/close/").status_code == 404
    case.refresh_from_db()
    assert case.status == "new"
    assert case.messages.count() == 1


def test_anybody_else_is_asked_to_sign_in(client, member, acme):
    case = make_case(acme, member)
    for address in ("/cases/", "/cases/new/", f"/cases/{case.number}/"):
        assert client.get(address).url.startswith("/accounts/login/")
    for address in ("/cases/new/", f"/cases/{case.number}/reply/", f"/cases/{case.number}/close/"):
        assert client.post(address).url.startswith("/accounts/login/")


@pytest.mark.parametrize("number", ["CS-1", "CS-999999999999999", "CS-99999999999999999999", "10001", "CS-x"])
def test_a_number_that_is_no_case_is_not_found(signed_in, member, number):
    assert signed_in(member).get(f"/cases/{number}/").status_code == 404


def test_taking_off_whoever_no_address_can_name_is_refused(admin, acme, signed_in):
    case = Case.objects.create(account=acme, opened_by=admin, subject="Scanner")
    response = signed_in(admin).post(f"{case.get_absolute_url()}people/remove/", {"email": "\x00"})
    assert response.status_code == 400


def test_an_export_of_what_cannot_be_searched_is_answered(admin, acme, signed_in):
    assert signed_in(admin).get("/cases/export/", {"q": "\x00"}).status_code == 200
