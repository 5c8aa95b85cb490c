"""Who sees which cases: each setting, each person, each way to a case."""

import csv
import io
import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from accounts.models import Membership, OutgoingMail
from accounts.notifications import send_due
from accounts.scope import account_scope
from cases import services, visibility
from cases.models import Case, CaseMessage, CaseParticipant, CaseRule, CaseVisibility, Sight
from cases.participants import add_participant, remove_participant
from tests.cases.making import PNG, make_case
from tests.factories import make_member
from tracking.models import Event, EventName

# Who works where: Milo opened "yard", Lea "office"; Otto was added to "office".
DEPARTMENTS = {"milo": "Logistics", "lena": "logistics", "lea": "Finance", "otto": "Finance", "vera": "", "ada": ""}
EVERY = {"yard", "office"}
OWN = {"milo": {"yard"}, "lea": {"office"}, "otto": {"office"}, "lena": set(), "vera": set(), "ada": set()}
ALL = dict.fromkeys(DEPARTMENTS, EVERY)

# Setting, rules, and who sees which case.
MATRIX = {
    "never chosen": (None, [], ALL),
    "company": ("company", [], ALL),
    "own": ("own", [], OWN),
    "something nobody knows": ("friends", [{"role": "support"}], OWN),
    "by rule, without one": ("rules", [], OWN),
    "a department sees its own": (
        "rules", [{"department": "Logistics", "of_department": "LOGISTICS"}], OWN | {"lena": {"yard"}},
    ),
    "a department sees another": (
        "rules", [{"department": "Finance", "of_department": "Logistics"}], OWN | {"lea": EVERY, "otto": EVERY},
    ),
    "a role sees all": ("rules", [{"role": "administrator"}], OWN | {"ada": EVERY}),
    "a role sees a department": (  # Milo is also a viewer.
        "rules", [{"role": "viewer", "of_department": "finance"}], OWN | {"vera": {"office"}, "milo": EVERY},
    ),
    "two rules add up": (
        "rules",
        [{"role": "viewer", "of_department": "finance"}, {"role": "viewer", "of_department": "logistics"}],
        OWN | {"vera": EVERY, "milo": EVERY},
    ),
    "rules that do not count": ("own", [{"role": "viewer"}, {"role": "administrator"}], OWN),
}  # fmt: skip


@pytest.fixture
def people(acme, admin, member, viewer):
    support = ["support"]
    found = {
        "ada": admin,
        "milo": member,
        "vera": viewer,
        "lena": make_member(acme, "lena@acme.example", "Lena Voss", roles=support),
        "lea": make_member(acme, "lea@acme.example", "Lea Brandl", roles=support),
        "otto": make_member(acme, "otto@acme.example", "Otto Unger", roles=support),
    }
    for name, user in found.items():
        Membership.objects.filter(user=user).update(department=DEPARTMENTS[name])
        user.membership.refresh_from_db()
    return found


@pytest.fixture
def cases(acme, people, now):
    """Milo's and Lea's, each with a file; Otto takes part in Lea's."""
    made = {
        "yard": make_case(acme, people["milo"], subject="Yard scanner", uploads=[SimpleUploadedFile("yard.png", PNG)]),
        "office": make_case(
            acme, people["lea"], subject="Office invoice", uploads=[SimpleUploadedFile("office.png", PNG)]
        ),
    }
    add_participant(case=made["office"], email="OTTO@acme.example", added_by=people["lea"])
    return made


def choose(account, sight, rules=()):
    if sight is not None:
        visibility.set_company_sight(account=account, sight=sight)
    for rule in rules:
        visibility.add_rule(account=account, **rule)


def file_of(case):
    return CaseMessage.objects.get(case=case, is_from_staff=False).attachments.get()


# The ways to a case. Each gives the cases that the person got to, by name.


def by_list(client, cases):
    page = client.get("/cases/?show=all").content.decode()
    return {name for name, case in cases.items() if case.number in page}


def by_detail(client, cases):
    answers = {name: client.get(f"/cases/{case.number}/") for name, case in cases.items()}
    assert {answer.status_code for answer in answers.values()} <= {200, 404}
    return {name for name, answer in answers.items() if answer.status_code == 200}


def by_search(client, cases):
    found = set()
    for name, case in cases.items():
        pages = [client.get("/cases/", {"q": words}).content.decode() for words in (case.number, case.subject)]
        shown = {f'href="{case.get_absolute_url()}"' in page for page in pages}
        assert len(shown) == 1, "the number and the words lead to the same"
        found |= {name} if shown == {True} else set()
    return found


def by_home(client, cases):
    page = client.get("/").content.decode()
    return {name for name, case in cases.items() if case.number in page}


def by_api_list(client, cases):
    numbers = {one["number"] for one in client.get("/api/v1/cases?status=all").json()["items"]}
    return {name for name, case in cases.items() if case.number in numbers}


def by_api_search(client, cases):
    found = [client.get("/api/v1/cases", {"q": case.subject}).json()["items"] for case in cases.values()]
    numbers = {one["number"] for items in found for one in items}
    return {name for name, case in cases.items() if case.number in numbers}


def by_api_detail(client, cases):
    answers = {name: client.get(f"/api/v1/cases/{case.number}").status_code for name, case in cases.items()}
    assert set(answers.values()) <= {200, 404}
    return {name for name, status in answers.items() if status == 200}


def by_download(client, cases):
    answers = {name: client.get(f"/files/{file_of(case).public_id}/").status_code for name, case in cases.items()}
    assert set(answers.values()) <= {200, 404}
    return {name for name, status in answers.items() if status == 200}


def by_export(client, cases):
    rows = list(csv.reader(io.StringIO(client.get("/cases/export/?show=all").getvalue().decode("utf-8-sig"))))
    numbers = {row[0] for row in rows[1:]}
    return {name for name, case in cases.items() if case.number in numbers}


WAYS = [
    by_list, by_detail, by_search, by_home, by_api_list, by_api_search, by_api_detail, by_download, by_export,
]  # fmt: skip


@pytest.mark.parametrize("setting", MATRIX)
def test_each_setting_holds_for_each_person_on_each_way(signed_in, acme, people, cases, setting):
    sight, rules, expected = MATRIX[setting]
    choose(acme, sight, rules)
    for name, user in people.items():
        client = signed_in(user)
        seen = {way.__name__: way(client, cases) for way in WAYS}
        assert seen == {way.__name__: expected[name] for way in WAYS}, name


@pytest.mark.parametrize("setting", MATRIX)
def test_the_database_says_the_same_of_its_own(acme, people, cases, setting):
    """A query that forgot to ask who is asking shows no more than `visible_to`: cases, messages, files' links."""
    sight, rules, expected = MATRIX[setting]
    choose(acme, sight, rules)
    for name, user in people.items():
        with account_scope([acme.pk], user_id=user.pk), connection.cursor() as cursor:
            for table, column in (
                ("cases_case", "id"),
                ("cases_casemessage", "case_id"),
                ("cases_caseattachment", "(SELECT case_id FROM cases_casemessage m WHERE m.id = message_id)"),
            ):
                cursor.execute(f"SELECT DISTINCT {column} FROM {table}")
                found = {pk for (pk,) in cursor.fetchall()}
                assert found == {cases[one].pk for one in expected[name]}, (name, table)


@pytest.mark.parametrize("setting", MATRIX)
def test_mail_goes_to_those_who_take_part_and_they_may_read_it(acme, people, cases, agent, now, setting, mailoutbox):
    sight, rules, expected = MATRIX[setting]
    choose(acme, sight, rules)
    send_due(now=timezone.now() + timedelta(seconds=1))
    mailoutbox.clear()
    for case in cases.values():
        services.reply_as_staff(case=case, author=agent, body="Done.", form_key=uuid.uuid4(), now=now)
    send_due(now=timezone.now() + timedelta(seconds=1))
    told = {(mail.to[0].split("@")[0], mail.subject.split(":")[0]) for mail in mailoutbox}
    yard, office = cases["yard"].number, cases["office"].number
    assert told == {("member", yard), ("lea", office), ("otto", office)}
    assert all("office" in expected[name] for name in ("lea", "otto"))


@pytest.mark.parametrize("own", [*Sight, "friends"])
@pytest.mark.parametrize("company", Sight)
def test_a_person_s_own_setting_comes_before_the_company_s(signed_in, acme, people, cases, company, own):
    choose(acme, company, [{"role": "support"}])
    CaseVisibility.objects.create(account=acme, membership=people["lena"].membership, sight=own)
    client = signed_in(people["lena"])
    expected = EVERY if own in ("company", "rules") else set()
    assert [way(client, cases) for way in WAYS] == [expected] * len(WAYS)


def test_a_setting_taken_back_is_the_company_s_again(signed_in, acme, people, cases):
    choose(acme, "own")
    for sight, seen in ((Sight.COMPANY, EVERY), (None, set())):
        visibility.set_person_sight(membership=people["lena"].membership, sight=sight)
        assert by_list(signed_in(people["lena"]), cases) == seen


def test_a_rule_taken_back_shows_nothing_more_and_comes_again_as_the_same(signed_in, acme, people, cases):
    choose(acme, "rules")
    rule = visibility.add_rule(account=acme, role="support")
    visibility.end_rule(rule=rule)
    assert by_list(signed_in(people["lena"]), cases) == set()
    assert visibility.add_rule(account=acme, role="support") == rule
    assert by_list(signed_in(people["lena"]), cases) == EVERY


def test_another_company_s_rules_say_nothing(signed_in, acme, globex, people, cases):
    choose(acme, "rules")
    choose(globex, "company", [{"role": "support"}])
    assert by_list(signed_in(people["lena"]), cases) == set()


def test_what_one_does_not_see_one_neither_answers_nor_closes(signed_in, acme, people, cases):
    choose(acme, "own")
    client, case = signed_in(people["lena"]), cases["yard"]
    assert client.post(f"/cases/{case.number}/reply/", {"body": "x"}).status_code == 404
    assert client.post(f"/cases/{case.number}/close/").status_code == 404
    assert client.post(f"/cases/{case.number}/people/add/", {"email": "lena@acme.example"}).status_code == 404
    sent = {"body": "x", "form_key": str(uuid.uuid4())}
    assert client.post(f"/api/v1/cases/{case.number}/messages", sent, "application/json").status_code == 404
    case.refresh_from_db()
    assert (case.status, case.messages.count(), case.participants.count()) == ("new", 1, 0)


def test_a_colleague_s_form_key_opens_ones_own_case(signed_in, acme, people, cases):
    """The key of a form that somebody else sent neither shows their case nor is in the way."""
    choose(acme, "own")
    key = str(uuid.uuid4())
    sent = {"subject": "Mine", "description": "x", "priority": "normal", "form_key": key}
    first = signed_in(people["milo"]).post("/cases/new/", sent)
    second = signed_in(people["lena"]).post("/cases/new/", sent)
    assert (first.status_code, second.status_code) == (302, 302)
    assert first.url != second.url
    assert Case.objects.filter(subject="Mine").count() == 2


@pytest.mark.parametrize(
    ("sight", "rules", "seen"),
    [("company", [], EVERY), ("own", [], set()), ("rules", [{"role": "administrator"}], EVERY)],
)
def test_a_parent_company_s_administrator_sees_what_one_of_the_company_would(
    signed_in, globex, other_admin, acme, people, cases, sight, rules, seen
):
    choose(acme, sight, rules)
    acme.parent, acme.is_open_to_parent = globex, True
    acme.save()
    client = signed_in(other_admin)
    client.post("/company/switch/", {"account": acme.public_id})
    assert {way.__name__: way(client, cases) for way in WAYS} == {way.__name__: seen for way in WAYS}


# Taking part


def test_somebody_who_sees_a_case_adds_a_colleague_who_then_sees_it(signed_in, acme, people, cases):
    choose(acme, "own")
    address = f"/cases/{cases['yard'].number}/people/add/"
    assert by_detail(signed_in(people["vera"]), cases) == set()
    for _ in range(2):
        assert signed_in(people["milo"]).post(address, {"email": " Viewer@acme.example "}).status_code == 302
    assert by_detail(signed_in(people["vera"]), cases) == {"yard"}
    mail = OutgoingMail.objects.get(kind="case_shared", to="viewer@acme.example")
    assert mail.subject == f"Milo Brandt added you to case {cases['yard'].number}"
    assert f"/cases/{cases['yard'].number}/?company={acme.public_id}" in mail.text
    assert "Vera Lindqvist" in signed_in(people["milo"]).get(f"/cases/{cases['yard'].number}/").content.decode()


@pytest.mark.parametrize("email", ["nobody@acme.example", "admin@globex.example", "buyer@acme.example", "x", ""])
def test_nobody_is_added_who_is_no_colleague_with_cases(signed_in, acme, people, cases, other_admin, email):
    make_member(acme, "buyer@acme.example", "Bo Buyer", roles=["buyer"])
    response = signed_in(people["milo"]).post(f"/cases/{cases['yard'].number}/people/add/", {"email": email})
    assert response.status_code == 422
    assert not cases["yard"].participants.exists()
    assert email in response.content.decode()


def test_who_leaves_a_case_sees_it_no_longer_and_is_not_told(signed_in, acme, people, cases, agent, now):
    choose(acme, "own")
    response = signed_in(people["otto"]).post(
        f"/cases/{cases['office'].number}/people/remove/", {"email": "otto@acme.example"}
    )
    assert response.url == "/cases/"
    assert by_detail(signed_in(people["otto"]), cases) == set()
    services.reply_as_staff(case=cases["office"], author=agent, body="x", form_key=uuid.uuid4(), now=now)
    assert {mail.to for mail in OutgoingMail.objects.filter(kind="case_reply")} == {"lea@acme.example"}
    assert CaseParticipant.objects.get(case=cases["office"]).is_active is False


def test_a_viewer_takes_off_nobody_but_themselves(signed_in, people, cases):
    add_participant(case=cases["office"], email="viewer@acme.example", added_by=people["lea"])
    address = f"/cases/{cases['office'].number}/people/remove/"
    client = signed_in(people["vera"])
    assert client.post(address, {"email": "otto@acme.example"}).status_code == 400
    assert client.post(address, {"email": "nobody@acme.example"}).status_code == 400
    assert cases["office"].participants.active().count() == 2
    assert client.post(address, {"email": "viewer@acme.example"}).status_code == 302
    assert remove_participant(case=cases["office"], user_id=people["vera"].pk) is False


def test_who_left_the_company_is_not_told(people, cases, agent, now):
    Membership.objects.filter(user__in=[people["otto"], people["lea"]]).update(is_active=False)
    services.reply_as_staff(case=cases["office"], author=agent, body="x", form_key=uuid.uuid4(), now=now)
    assert not OutgoingMail.objects.filter(kind="case_reply").exists()


# The export


def test_an_export_holds_what_the_list_shows_and_no_formula(signed_in, acme, people, now):
    make_case(acme, people["milo"], subject='=HYPERLINK("http://x","y")')
    over = make_case(acme, people["milo"], subject="Over")
    services.close_case(case=over, now=now)
    client = signed_in(people["vera"])
    response = client.get("/cases/export/")
    [header, row] = csv.reader(io.StringIO(response.getvalue().decode("utf-8-sig")))
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert header[:3] == ["Case", "Subject", "Status"]
    assert row[1] == '\'=HYPERLINK("http://x","y")'
    assert row[5] == "Milo Brandt"
    assert "Over" in client.get("/cases/export/?show=done&q=over").getvalue().decode()
    assert client.get("/cases/export/?show=everything").status_code == 400
    exports = Event.objects.filter(name=EventName.CASES_EXPORTED).order_by("pk")
    assert [event.properties["show"] for event in exports] == ["open", "done"]
    assert {event.user_id for event in exports} == {people["vera"].pk}


# The settings page

PAGE = "/company/case-visibility/"


def test_an_administrator_chooses_for_the_company(signed_in, admin, acme, people, cases):
    client = signed_in(admin)
    assert "Everybody who may see cases sees all cases of the company." in client.get(PAGE).content.decode()
    assert client.post(PAGE, {"sight": "own"}).status_code == 302
    assert CaseVisibility.objects.get().sight == "own"
    page = client.get(PAGE).content.decode()
    assert "Everybody sees only the cases that they opened or were added to." in page
    assert by_list(signed_in(people["lena"]), cases) == set()


def test_a_choice_that_is_none_changes_nothing(signed_in, admin, acme):
    response = signed_in(admin).post(PAGE, {"sight": "everything"})
    assert response.status_code == 422
    assert not CaseVisibility.objects.exists()


def test_rules_are_read_as_sentences_and_taken_back(signed_in, admin, acme, people):
    client = signed_in(admin)
    client.post(PAGE, {"sight": "rules"})
    answer = client.post(f"{PAGE}rules/add/", {"who": "department:Logistics", "of_department": "Logistics"})
    assert answer.status_code == 302
    page = client.get(PAGE).content.decode()
    assert "People of the department Logistics see the cases of the department Logistics." in page
    assert "what 1 rule shows them" in page
    rule = CaseRule.objects.get()
    assert client.post(f"{PAGE}rules/{rule.public_id}/end/").status_code == 302
    rule.refresh_from_db()
    assert rule.is_active is False
    assert "There is no rule yet" in client.get(PAGE).content.decode()


@pytest.mark.parametrize(
    "sent", [{}, {"who": "role:buyer"}, {"who": "department:Nowhere"}, {"who": "role:support", "of_department": "x"}]
)
def test_a_rule_about_nobody_is_refused(signed_in, admin, acme, people, sent):
    assert signed_in(admin).post(f"{PAGE}rules/add/", sent).status_code == 422
    assert not CaseRule.objects.exists()


def test_one_person_sees_as_is_set_for_them_and_the_page_says_how_much(signed_in, admin, acme, people, cases):
    client = signed_in(admin)
    response = client.post(f"{PAGE}people/set/", {"email": "lena@acme.example", "sight": "own"}, follow=True)
    page = response.content.decode()
    assert "Lena Voss sees 0 of 2 cases." in page
    assert "For 1 person something else is set." in page
    assert "Milo Brandt sees 2 of 2 cases." in client.get(f"{PAGE}?person=MEMBER@acme.example").content.decode()
    client.post(f"{PAGE}people/set/", {"email": "lena@acme.example", "sight": ""})
    assert "Lena Voss sees 2 of 2 cases." in client.get(f"{PAGE}?person=lena@acme.example").content.decode()


def test_a_preview_counts_everything_though_the_administrator_sees_less(signed_in, admin, acme, people, cases):
    choose(acme, "own")
    visibility.set_person_sight(membership=people["lena"].membership, sight=Sight.COMPANY)
    client = signed_in(admin)
    assert "Lena Voss sees 2 of 2 cases." in client.get(f"{PAGE}?person=lena@acme.example").content.decode()
    assert by_list(client, cases) == set()
    make_member(acme, "buyer@acme.example", "Bo Buyer", roles=["buyer"])
    assert "Bo Buyer sees 0 of 2 cases." in client.get(f"{PAGE}?person=buyer@acme.example").content.decode()


def test_people_of_other_companies_are_nobody_here(signed_in, admin, acme, people, other_admin):
    client = signed_in(admin)
    sent = {"email": "admin@globex.example", "sight": "company"}
    assert client.post(f"{PAGE}people/set/", sent).status_code == 422
    assert "Nobody of your company has this address." in client.get(f"{PAGE}?person={sent['email']}").content.decode()
    assert not CaseVisibility.objects.exists()


def test_every_change_is_in_the_audit(signed_in, admin, acme, people):
    client = signed_in(admin)
    client.post(PAGE, {"sight": "own"})
    client.post(PAGE, {"sight": "rules"})
    client.post(f"{PAGE}rules/add/", {"who": "role:support", "of_department": ""})
    with connection.cursor() as cursor:
        cursor.execute("SELECT sight, (pgh_context ->> 'user_id')::bigint FROM cases_casevisibilityevent ORDER BY 1")
        assert cursor.fetchall() == [("own", admin.pk), ("rules", admin.pk)]
        cursor.execute("SELECT role, (pgh_context ->> 'user_id')::bigint FROM cases_caseruleevent")
        assert cursor.fetchall() == [("support", admin.pk)]


def test_staff_set_it_in_the_admin(signed_in, agent, acme, people):
    client = signed_in(agent)
    address = "/admin/cases/casevisibility/"
    assert client.post(f"{address}add/", {"account": acme.pk, "person": "", "sight": "own"}).status_code == 302
    sent = {"account": acme.pk, "person": "lena@acme.example", "sight": "company"}
    assert client.post(f"{address}add/", sent).status_code == 302
    company, person = CaseVisibility.objects.order_by("pk")
    assert (company.membership, company.sight) == (None, "own")
    assert (person.membership, person.sight) == (people["lena"].membership, "company")
    assert client.post(f"{address}{company.pk}/change/", {"sight": "rules"}).status_code == 302
    company.refresh_from_db()
    assert company.sight == "rules"
    for refused in (sent, sent | {"person": "nobody@acme.example"}, {"account": acme.pk, "person": "", "sight": ""}):
        assert client.post(f"{address}add/", refused).status_code == 200
    assert CaseVisibility.objects.count() == 2
    assert "Lena Voss" in client.get(address).content.decode()


# Who may what


def addresses(rule):
    return [PAGE, f"{PAGE}rules/add/", f"{PAGE}rules/{rule.public_id}/end/", f"{PAGE}people/set/"]


def test_the_wrong_role_is_refused(signed_in, acme, people, other_admin):
    rule = visibility.add_rule(account=acme, role="support")
    for address in addresses(rule):
        assert signed_in(people["milo"]).post(address).status_code == 403
    assert signed_in(people["milo"]).get(PAGE).status_code == 403
    assert (
        signed_in(make_member(acme, "b@acme.example", "Bo", roles=["buyer"])).get("/cases/export/").status_code == 403
    )


def test_a_stranger_finds_nothing(signed_in, acme, people, cases, other_admin):
    rule = visibility.add_rule(account=acme, role="support")
    client = signed_in(other_admin)
    assert client.post(f"{PAGE}rules/{rule.public_id}/end/").status_code == 404
    for what in ("add", "remove"):
        sent = {"email": "otto@acme.example"}
        assert client.post(f"/cases/{cases['office'].number}/people/{what}/", sent).status_code == 404
    assert "Office" not in client.get("/cases/export/?show=all").getvalue().decode()
    rule.refresh_from_db()
    assert rule.is_active
    assert cases["office"].participants.active().count() == 1


def test_anybody_else_is_asked_to_sign_in(client, acme, people, cases):
    rule = visibility.add_rule(account=acme, role="support")
    for address in [*addresses(rule), "/cases/export/", f"/cases/{cases['yard'].number}/people/add/"]:
        assert client.post(address).url.startswith("/accounts/login/")
