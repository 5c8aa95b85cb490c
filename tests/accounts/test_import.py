"""Inviting many from a file: what is read, what is refused, and what the job makes of it."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts import imports
from accounts.invitations import Invitee, invite
from accounts.models import ImportLine, Invitation, MemberImport, Membership, OutgoingMail
from accounts.people_csv import read_people
from accounts.services import FileRefused
from tests.factories import make_member
from tests.racing import race

FILE = """email;name;roles;department
new@acme.example;Nele Neu;buyer, Billing contact;Fleet
NEW@acme.example;Again;viewer;
admin@acme.example;Ada;viewer;
waiting@acme.example;Wim;viewer;
nonsense;Nobody;viewer;
x@acme.example;Xaver;emperor;
y@acme.example;=HYPERLINK("http://evil");;@SUM(1)
z@acme.example;;;
"""
OUTCOMES = {
    2: "ready", 3: "duplicate", 4: "already_member", 5: "already_invited", 6: "bad_email", 7: "unknown_role",
    8: "ready", 9: "ready",
}  # fmt: skip


def upload(client, content, name="people.csv"):
    content = content.encode() if isinstance(content, str) else content
    return client.post("/company/people/import/", {"file": SimpleUploadedFile(name, content)})


@pytest.fixture
def waiting(admin, as_customer):
    with as_customer(admin.membership):
        return invite(
            account=admin.membership.account, invitee=Invitee("waiting@acme.example", roles=("viewer",)),
            by=admin.membership, actor=admin.membership.actor(), now=timezone.now(),
        )  # fmt: skip


@pytest.fixture
def source(admin, waiting, signed_in):
    upload(signed_in(admin), FILE)
    return MemberImport.objects.get()


def outcomes(source):
    return dict(source.lines.values_list("number", "outcome"))


def run(source):
    imports.run(account_id=source.account_id, import_id=source.pk, now=timezone.now())


# Looking at a file.


def test_each_line_is_told_what_becomes_of_it_and_nobody_is_invited_yet(admin, source, waiting, signed_in):
    assert outcomes(source) == OUTCOMES
    assert (source.line_count, source.ready_count, source.state) == (8, 3, "preview")
    assert list(Invitation.objects.all()) == [waiting]
    page = signed_in(admin).get(f"/company/people/import/{source.public_id}/").content.decode()
    for said in ("Will be invited", "Stands in the file twice", "Names a role that does not exist", "Invite 3 people"):
        assert said in page
    narrowed = signed_in(admin).get(f"/company/people/import/{source.public_id}/?outcome=bad_email").content.decode()
    assert "nonsense" in narrowed
    assert "z@acme.example" not in narrowed


def test_roles_are_known_by_code_and_by_label(source):
    assert source.lines.get(number=2).roles == ["buyer", "billing"]
    assert source.lines.get(number=9).roles == ["viewer"]


def test_a_formula_is_taken_off_and_said(admin, source, signed_in):
    line = source.lines.get(number=8)
    assert (line.name, line.department, line.is_stripped) == ('HYPERLINK("http://evil")', "SUM(1)", True)
    report = signed_in(admin).get(f"/company/people/import/{source.public_id}/report/")
    text = b"".join(report.streaming_content).decode()
    assert len(text.strip().splitlines()) == 9
    assert not [cell for row in text.splitlines() for cell in row.split(",") if cell.startswith(("=", "@"))]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The submitted file is empty"),
        ("näme,émail\n".encode("latin-1"), "is not in UTF-8"),
        (b"email\n\x00\n", "is not text"),
        ("name,department\nNele,Fleet\n", "lacks: email"),
        ("email,name\n", "a heading and no lines"),
        ('email,name\na@x.example,"never closed\n', "cannot be read as CSV"),
        ("email\n" + "a@x.example\n" * 10_001, "more than 10000 lines"),
        (b"email\n" + b"a" * (2 * 1024 * 1024), "larger than 2.0\xa0MB"),
        ("email\n" + "a" * 200_000, "cannot be read as CSV"),
    ],
    ids=["empty", "latin-1", "binary", "no e-mail", "no lines", "quotes", "too many", "too large", "one huge cell"],
)
def test_a_file_that_cannot_be_read_is_refused_and_nothing_kept(admin, signed_in, content, said):
    answer = upload(signed_in(admin), content)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not MemberImport.objects.exists()


def test_without_a_file_one_is_asked_for(admin, signed_in):
    assert signed_in(admin).post("/company/people/import/").status_code == 422


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_spreadsheets_separate_and_mark_as_they_like(separator):
    text = separator.join(["E-Mail", "Name", "Extra"]) + "\r\n" + separator.join(["a@x.example", "Ä", "?"]) + "\r\n"
    lines = read_people(("\ufeff" + text).encode())
    assert [(line.email, line.name, line.roles) for line in lines] == [("a@x.example", "Ä", ("viewer",))]


def test_ten_thousand_lines_are_read_and_one_more_is_not():
    text = "email\n" + "".join(f"p{number}@x.example\n" for number in range(10_000))
    assert len(read_people(text.encode())) == 10_000
    with pytest.raises(FileRefused):
        read_people((text + "one@x.example\n").encode())


# Sending.


def test_confirming_lets_the_job_invite_who_can_be(admin, source, signed_in, mailoutbox):
    answer = signed_in(admin).post(f"/company/people/import/{source.public_id}/confirm/")
    assert answer.status_code == 302
    run(source)
    source.refresh_from_db()
    assert (source.state, source.done_count) == ("done", 3)
    assert outcomes(source) == OUTCOMES | {2: "invited", 8: "invited", 9: "invited"}
    invited = Invitation.objects.get(email="new@acme.example")
    assert (invited.roles, invited.department, invited.invited_by) == (["buyer", "billing"], "Fleet", admin)
    assert OutgoingMail.objects.filter(kind="invitation").count() == 4


def test_a_file_whose_administrator_is_none_any_more_invites_nobody_further(acme, admin, source, signed_in):
    signed_in(admin).post(f"/company/people/import/{source.public_id}/confirm/")
    boss = make_member(acme, "boss@acme.example", "Bea Boss", roles=["administrator"])
    Membership.objects.filter(user=admin).update(roles=["viewer"])
    run(source)
    source.refresh_from_db()
    assert (source.state, source.done_count) == ("done", 3)
    assert outcomes(source) == OUTCOMES | {2: "stopped", 8: "stopped", 9: "stopped"}
    assert Invitation.objects.count() == 1  # The one from before.
    page = signed_in(boss).get(f"/company/people/import/{source.public_id}/").content.decode()
    assert "Not invited: who confirmed the file is no longer an administrator" in page


def test_whoever_confirms_a_file_stands_for_it(acme, admin, source, signed_in):
    boss = make_member(acme, "boss@acme.example", "Bea Boss", roles=["administrator"])
    signed_in(boss).post(f"/company/people/import/{source.public_id}/confirm/")
    Membership.objects.filter(user=admin).update(is_active=False)
    run(source)
    assert outcomes(source)[2] == "invited"
    assert Invitation.objects.get(email="new@acme.example").invited_by == boss


def test_a_file_is_confirmed_once_and_run_twice_invites_nobody_twice(admin, source, signed_in):
    client = signed_in(admin)
    for _ in range(2):
        client.post(f"/company/people/import/{source.public_id}/confirm/")
    run(source)
    run(source)
    assert Invitation.objects.count() == 4
    assert OutgoingMail.objects.filter(kind="invitation").count() == 4


def test_who_was_invited_since_the_preview_is_not_invited_again(admin, source, signed_in, as_customer):
    signed_in(admin).post("/company/people/invite/", {"email": "new@acme.example", "roles": ["viewer"]})
    signed_in(admin).post(f"/company/people/import/{source.public_id}/confirm/")
    run(source)
    assert outcomes(source)[2] == "already_invited"
    assert Invitation.objects.get(email="new@acme.example").roles == ["viewer"]


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_invite_each_person_once(admin, as_customer):
    text = "email\n" + "".join(f"p{number}@x.example\n" for number in range(250))
    with as_customer(admin.membership):
        source = imports.look_at(
            account=admin.membership.account, content=text.encode(), file_name="p.csv", user=admin, now=timezone.now()
        )
        imports.confirm(source=source, by=admin.membership, actor=admin.membership.actor(), now=timezone.now())
    assert race(lambda: run(source), lambda: run(source)) == [None, None]
    source.refresh_from_db()
    assert (source.state, source.done_count) == ("done", 250)
    assert Invitation.objects.count() == OutgoingMail.objects.filter(kind="invitation").count() == 250
    assert set(ImportLine.objects.values_list("outcome", flat=True)) == {"invited"}


def test_the_page_of_a_running_file_asks_for_its_progress(admin, source, signed_in):
    MemberImport.objects.update(state="running", done_count=1)
    client = signed_in(admin)
    assert 'hx-trigger="every 3s"' in client.get(f"/company/people/import/{source.public_id}/").content.decode()
    fragment = client.get(f"/company/people/import/{source.public_id}/", headers={"HX-Request": "true"})
    assert "1 of 3 lines done." in fragment.content.decode()
    assert "<html" not in fragment.content.decode()


# Who may.


@pytest.mark.parametrize(("method", "end"), [("get", ""), ("post", "confirm/"), ("get", "report/")])
def test_a_stranger_finds_no_file(other_admin, source, signed_in, method, end):
    assert (
        getattr(signed_in(other_admin), method)(f"/company/people/import/{source.public_id}/{end}").status_code == 404
    )
    source.refresh_from_db()
    assert source.state == "preview"


@pytest.mark.parametrize(("method", "end"), [("get", ""), ("post", "confirm/"), ("get", "report/")])
def test_who_is_no_administrator_sees_and_confirms_no_file(viewer, source, signed_in, method, end):
    answer = getattr(signed_in(viewer), method)(f"/company/people/import/{source.public_id}/{end}")
    assert answer.status_code == 403
    source.refresh_from_db()
    assert source.state == "preview"


def test_who_is_no_administrator_uploads_nothing(viewer, signed_in):
    assert upload(signed_in(viewer), FILE).status_code == 403
    assert not MemberImport.objects.exists()


def test_visitors_sign_in_first(client, db):
    assert client.get("/company/people/import/")["Location"].startswith("/accounts/login/")
