"""One's own data: what is allowed, a copy with nothing of anybody else in it, and its end."""

import io
import json
from datetime import timedelta
from zipfile import ZipFile

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.conf import settings
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.utils import timezone

from accounts.intake import process_due, receive
from accounts.law import erasing, personal
from accounts.law.consent import choices_of, choose, may_send_marketing
from accounts.law.exporting import make_waiting, remove_expired, request_export
from accounts.law.personal import Fate, exempt, personal_data
from accounts.merging import merge_people
from accounts.models import (
    AuditNote,
    Consent,
    DataExport,
    Erasure,
    InboundMail,
    MailReport,
    Membership,
    OutgoingMail,
    PersonMerge,
    Purpose,
    StoredFile,
    User,
)
from accounts.notifications.reports import note_report
from accounts.services import store_content
from accounts.tasks import carry_out_erasures, make_data_exports, send_due_mail
from cases.models import Case, CaseMessage
from cases.services import add_internal_note, open_case, reply_as_staff
from tests.cases.making import PNG
from tests.factories import make_article, make_member, make_staff
from tracking.models import Event, EventName
from tracking.services import flush_page_views, record

pytestmark = pytest.mark.django_db


# A copy of one's data.


def live(user, canary, *, agent, now):
    """Leave traces of a person everywhere, each with their canary in it."""
    import uuid

    membership = user.membership
    case = open_case(
        account=membership.account, opened_by=user, actor=membership.actor(), subject=f"{canary} subject",
        topic="access", description=f"{canary} wrote this", form_key=uuid.uuid4(), now=now,
        uploads=[SimpleUploadedFile(f"{canary}.txt", f"{canary} file".encode(), content_type="text/plain")],
    )  # fmt: skip
    reply_as_staff(case=case, author=agent, body="STAFF-REPLY", form_key=uuid.uuid4(), now=now)
    add_internal_note(case=case, author=agent, body=f"INTERNAL about {canary}", form_key=uuid.uuid4(), now=now)
    record(name=EventName.HOME_VIEWED, actor=membership.actor(), now=now, object_id=f"{canary}-page")
    choose(user=user, choices={Purpose.MARKETING: True}, source=canary[:20], now=now)
    OutgoingMail.objects.create(to=user.email.upper(), kind="x", subject="s", text=f"{canary} mail")
    user.job_title = f"{canary} boss"
    user.save()
    return case


@pytest.fixture
def two_people(admin, member, other_admin, agent, now):
    live(admin, "CANARY-ADA", agent=agent, now=now)
    live(member, "CANARY-MILO", agent=agent, now=now)
    live(other_admin, "CANARY-GUS", agent=agent, now=now)


def archive_of(user):
    request_export(user=user, now=timezone.now())
    make_data_exports()
    export = user.data_exports.latest("pk")
    assert export.state == DataExport.State.READY
    with export.content.open("rb") as content:
        return ZipFile(io.BytesIO(content.read()))


def test_a_copy_holds_everything_of_the_person_and_nothing_of_others(two_people, admin, member, other_admin):
    archive = archive_of(admin)
    everything = {name: archive.read(name).decode(errors="replace") for name in archive.namelist()}
    text = "\n".join([*everything, *everything.values()])
    for own in ("subject", "wrote this", "file", "-page", " boss"):
        assert f"CANARY-ADA{own}" in text or f"CANARY-ADA {own.strip()}" in text, own
    assert "admin@acme.example" in text
    for foreign in ("CANARY-MILO", "CANARY-GUS", "INTERNAL", "STAFF-REPLY", "Milo", "Gus", "Sam Rivera", "Globex"):
        assert foreign not in text, foreign
    assert json.loads(everything["about.json"])["person"] == "admin@acme.example"


def test_the_file_a_person_sent_is_in_their_copy_alone(two_people, admin, member):
    names = archive_of(member).namelist()
    assert [name for name in names if name.startswith("files/") and "CANARY-MILO" in name]
    assert not [name for name in names if "CANARY-ADA" in name]


def test_everything_that_names_people_is_given_out_or_exempt_with_a_reason():
    """A new table with a person in it needs its line in the privacy.py of its app."""
    named = {entry.model for entry in personal_data()} | exempt().keys()
    missing = []
    for model in apps.get_models(include_auto_created=True):
        history = hasattr(model, "pgh_tracked_model")  # The history of a table goes the way of the table.
        if model._meta.label in named or history or model._meta.app_label in ("admin", "auth"):
            continue
        if any(names_a_person(field) for field in model._meta.concrete_fields):
            missing.append(model._meta.label)
    assert missing == []


def names_a_person(field):
    if field.related_model is User:
        return True
    if field.name in ("user_id", "actor_id", "subject_id", "on_behalf_of", "to"):
        return True
    return isinstance(field, models.CharField) and "email" in field.name


def test_what_the_apps_say_of_their_tables_is_true_of_the_models():
    for entry in personal_data():
        model = apps.get_model(entry.model)
        assert model._meta.get_field(entry.person.partition("__")[0])
        list(model._default_manager.values(*entry.fields)[:1])
        assert entry.fate is Fate.DELETE or str(entry.reason), entry.model
        if entry.fate is Fate.UNTIE:
            assert model._meta.get_field(entry.person).null, entry.model
    for model, reason in exempt().items():
        assert apps.get_model(model)
        assert len(reason) > 10


def test_an_address_that_somebody_only_names_is_not_theirs(admin, member, acme, successor):
    """Neither to be read about nor to be wiped out: anybody can name anybody's address."""
    OutgoingMail.objects.create(to="victim@globex.example", kind="invitation", subject="s", text="t", state="sent")
    EmailAddress.objects.create(user=admin, email="victim@globex.example", verified=False)
    with archive_of(admin) as archive:
        assert json.loads(archive.read("data/accounts-outgoingmail.json")) == []
    Erasure.objects.create(user=admin, due_at=timezone.now(), state=Erasure.State.RUNNING)
    carry_out_erasures()
    assert OutgoingMail.objects.filter(to="victim@globex.example").exists()


def test_mail_that_a_person_sent_is_given_out_and_goes_with_them(admin, successor):
    receive(mime=b"From: Ada <ADMIN@acme.example>\nSubject: Hello\n\nHi", source="test", now=timezone.now())
    receive(mime=b"From: milo@acme.example\nSubject: Mine\n\nHi", source="test", now=timezone.now())
    with archive_of(admin) as archive:
        assert [one["subject"] for one in json.loads(archive.read("data/accounts-inboundmail.json"))] == ["Hello"]
    Erasure.objects.create(user=admin, due_at=timezone.now(), state=Erasure.State.RUNNING)
    carry_out_erasures()
    assert [one.subject for one in InboundMail.objects.all()] == ["Mine"]


def test_what_went_to_an_earlier_address_is_given_out_and_goes_with_them(admin, member, successor):
    """Also mail that came back from there, sent from there, and invitations to it; but not what is another's by now."""
    for address, user in (("ada@before.example", admin), ("office@acme.example", admin)):
        OutgoingMail.objects.create(user=user, to=address, kind="earlier", subject="s", text="t", state="sent")
    EmailAddress.objects.create(user=member, email="office@acme.example", verified=True)
    OutgoingMail.objects.create(user=member, to="office@acme.example", kind="now", subject="s", text="t", state="sent")
    note_report(unique_id="r1", kind="soft", email="Ada@before.example", detail="full", now=timezone.now())
    receive(mime=b"From: ada@before.example\nSubject: Earlier\n\nHi", source="test", now=timezone.now())
    receive(mime=b"From: office@acme.example\nSubject: Now\n\nHi", source="test", now=timezone.now())
    with archive_of(admin) as archive:
        assert [one["kind"] for one in read(archive, "accounts-outgoingmail")] == ["earlier", "earlier"]
        assert [one["kind"] for one in read(archive, "accounts-mailreport")] == ["soft"]
        assert [one["subject"] for one in read(archive, "accounts-inboundmail")] == ["Earlier"]
    erase(admin)
    assert [one.kind for one in OutgoingMail.objects.filter(kind__in=["earlier", "now"])] == ["now"]
    assert not MailReport.objects.exists()
    assert [one.subject for one in InboundMail.objects.all()] == ["Now"]


def test_a_mail_server_s_report_about_them_goes_with_them(admin, successor):
    """It comes from nobody, and holds the mail that came back."""
    sent = OutgoingMail.objects.create(user=admin, to=admin.email, kind="x", subject="s", text="t", state="sent")
    report = (
        "From: MAILER-DAEMON@mx.example\nSubject: Undelivered\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; {admin.email}\nAction: failed\nStatus: 5.1.1\n\n"
        f"--b\nContent-Type: message/rfc822\n\nMessage-ID: <{sent.message_id}@x>\n\nHello Ada\n--b--\n"
    )
    receive(mime=report.encode(), source="test", now=timezone.now())
    process_due(now=timezone.now())
    assert MailReport.objects.get().email == admin.email
    with archive_of(admin) as archive:
        assert [one["subject"] for one in read(archive, "accounts-inboundmail")] == ["Undelivered"]
    erase(admin)
    admin.refresh_from_db()
    assert admin.unreachable_email == ""
    assert not InboundMail.objects.exists()
    assert not MailReport.objects.exists()


@pytest.fixture
def joined(acme, admin, agent, now):
    """Ada and a second entry of hers, each with traces, joined with that of Ada."""
    twin = make_member(acme, "ada@private.example", "Ada A.", roles=["support"])
    for user, canary in ((admin, "CANARY-ADA"), (twin, "CANARY-TWIN")):
        live(user, canary, agent=agent, now=now)
    receive(mime=b"From: ada@private.example\nSubject: CANARY-TWIN sent\n\nHi", source="test", now=now)
    cleo = make_staff("cleo@vendor.example", "Cleo Marsh", group="Customer success")
    merge_people(merged=twin, survivor=admin, by=cleo, reason="One person, by phone.", now=now)
    return twin


def test_who_was_two_entries_gets_the_copy_of_both(admin, joined):
    archive = archive_of(admin)
    text = "\n".join([*archive.namelist(), *(archive.read(one).decode(errors="replace") for one in archive.namelist())])
    for canary in ("CANARY-ADA", "CANARY-TWIN"):
        for own in (" subject", " wrote this", " file", "-page"):
            assert f"{canary}{own}" in text, f"{canary}{own}"
    assert "CANARY-TWIN sent" in text
    assert [one["source"] for one in read(archive, "accounts-consent")] == ["CANARY-ADA", "CANARY-TWIN"]
    assert len(read(archive, "accounts-user")) == 2


def test_erasing_who_was_two_entries_leaves_no_name_of_either(admin, joined, successor):
    assert erase(admin).state == Erasure.State.DONE
    for entry in User.objects.filter(pk__in=[admin.pk, joined.pk]):
        assert (entry.name, entry.email) == ("Former member", f"erased-{entry.pk}@erased.invalid")
        assert (entry.phone, entry.job_title, entry.is_active) == ("", "", False)
    assert not EmailAddress.objects.filter(user__in=[admin, joined]).exists()
    assert not OutgoingMail.objects.filter(to__in=["admin@acme.example", "ada@private.example"]).exists()
    assert not InboundMail.objects.exists()
    assert not Event.objects.filter(user_id__in=[admin.pk, joined.pk]).exists()
    assert PersonMerge.objects.get().address == ""
    assert str(CaseMessage.objects.get(body="CANARY-TWIN wrote this").author) == "Former member"


def read(archive, name):
    return json.loads(archive.read(f"data/{name}.json"))


def test_it_is_asked_for_on_the_page_told_by_mail_and_fetched(admin, signed_in, confirmed):
    client = confirmed(admin)
    assert client.post("/me/privacy/data/").status_code == 302
    assert client.post("/me/privacy/data/").status_code == 302
    assert admin.data_exports.count() == 1
    make_data_exports()
    assert OutgoingMail.objects.get(kind="data_export_ready").to == admin.email
    export = admin.data_exports.get()
    page = client.get("/me/privacy/").content.decode()
    assert f"/me/privacy/data/{export.public_id}/" in page
    response = client.get(f"/me/privacy/data/{export.public_id}/")
    assert ZipFile(io.BytesIO(response.getvalue())).testzip() is None
    assert AuditNote.objects.get(action="privacy.exported").account_id is None


def test_nobody_else_can_fetch_it(admin, member, other_admin, agent, confirmed, client):
    archive_of(admin)
    url = f"/me/privacy/data/{admin.data_exports.get().public_id}/"
    for other in (member, other_admin, agent):
        assert confirmed(other).get(url).status_code == 404
    assert client.get(url).status_code == 302


def test_it_is_deleted_after_its_days(admin, confirmed):
    archive_of(admin)
    export = admin.data_exports.get()
    later = timezone.now() + timedelta(days=8)
    assert remove_expired(now=later) == 1
    assert remove_expired(now=later) == 0
    assert not export.content.storage.exists(export.content.name)
    assert confirmed(admin).get(f"/me/privacy/data/{export.public_id}/").status_code == 404


def test_a_copy_is_made_once(admin):
    request_export(user=admin, now=timezone.now())
    assert make_waiting(now=timezone.now()) == 1
    assert make_waiting(now=timezone.now()) == 0
    assert OutgoingMail.objects.filter(kind="data_export_ready").count() == 1


def test_staff_start_one_for_a_request_by_letter(admin, agent, signed_in):
    from django.contrib.auth.models import Group

    agent.groups.add(Group.objects.get(name="System administrator"))
    body = {"action": "copy_data", "_selected_action": [admin.pk]}
    assert signed_in(agent).post("/admin/accounts/user/", body).status_code == 302
    assert admin.data_exports.get().requested_by == agent


# What is allowed.


@pytest.fixture
def confirmed(signed_in):
    """A client whose sign-in is recent enough for what needs a confirmation."""
    import time

    from tests.world import confirm

    def make(user):
        client = signed_in(user)
        confirm(client, user, at=time.time())
        return client

    return make


def test_choices_are_appended_and_the_latest_counts(member, signed_in):
    client = signed_in(member)
    assert choices_of(member) == {Purpose.ANALYTICS: True, Purpose.MARKETING: False}
    client.post("/me/privacy/consents/", {"marketing": "on"})
    member.refresh_from_db()
    assert choices_of(member) == {Purpose.ANALYTICS: False, Purpose.MARKETING: True}
    assert may_send_marketing(member)
    assert not member.is_measured
    client.post("/me/privacy/consents/", {"analytics": "on"})
    said = Consent.objects.order_by("pk").values_list("purpose", "is_given", "source")
    assert sorted(said) == sorted(
        [("analytics", False, "portal"), ("marketing", True, "portal"), ("analytics", True, "portal"),
         ("marketing", False, "portal")]
    )  # fmt: skip


def test_the_same_choice_again_adds_nothing(member, signed_in):
    for _ in range(2):
        signed_in(member).post("/me/privacy/consents/", {"analytics": "on"})
    assert not Consent.objects.exists()


@pytest.mark.parametrize("headers", [{"DNT": "1"}, {"Sec-GPC": "1"}])
def test_a_browser_that_says_no_is_not_followed(admin, acme, signed_in, headers):
    client = signed_in(admin)
    flush_page_views()
    Event.objects.all().delete()
    assert client.get("/", headers=headers).status_code == 200
    flush_page_views()
    event = Event.objects.get(name=EventName.HOME_VIEWED)
    assert (event.account_id, event.user_id, event.session_key, event.actor_kind) == (acme.pk, None, "", "customer")
    assert "keep to that" in client.get("/me/privacy/", headers=headers).content.decode()


def test_somebody_who_says_no_is_not_followed_but_their_cases_are_theirs(admin, signed_in):
    choose(user=admin, choices={Purpose.ANALYTICS: False}, source="portal", now=timezone.now())
    client = signed_in(admin)
    flush_page_views()
    Event.objects.all().delete()
    client.get("/")
    flush_page_views()
    assert not Event.objects.filter(user_id=admin.pk).exists()
    make_article()
    client.post("/cases/new/", {"subject": "Help", "topic": "access", "description": "Broken", "form_key": ""})
    record(name=EventName.CASE_CREATED, actor=admin.membership.actor(), now=timezone.now())
    assert Event.objects.filter(user_id=admin.pk, name=EventName.CASE_CREATED).exists()


def test_everybody_else_is_counted_as_before(admin, signed_in):
    client = signed_in(admin)
    flush_page_views()
    client.get("/")
    flush_page_views()
    event = Event.objects.filter(name=EventName.HOME_VIEWED).latest("pk")
    assert event.user_id == admin.pk
    assert event.session_key


# The end.


@pytest.fixture
def successor(acme):
    return make_member(acme, "second@acme.example", "Second Admin", roles=["administrator"])


def erase(user, *, days=15):
    """Ask, wait, and let the jobs run as beat does."""
    now = timezone.now()
    request = erasing.request_erasure(user=user, now=now - timedelta(days=days))
    for _ in range(2):
        carry_out_erasures()
        send_due_mail()
    request.refresh_from_db()
    return request


def test_nothing_happens_before_the_wait_is_over(admin, successor):
    request = erasing.request_erasure(user=admin, now=timezone.now())
    carry_out_erasures()
    request.refresh_from_db()
    admin.refresh_from_db()
    assert (request.state, admin.name) == (Erasure.State.WAITING, "Ada Achterberg")
    assert request.due_at - request.requested_at == timedelta(days=settings.ERASURE_WAIT_DAYS)


def test_what_is_theirs_alone_goes_and_the_books_keep_a_nameless_row(two_people, admin, member, successor, signed_in):
    client = signed_in(admin)
    alone = store_content(
        account=admin.membership.account, name="alone.png", content=PNG, content_type="image/png",
        permission="view_home", user=admin,
    )  # fmt: skip
    request = erase(admin)
    assert request.state == Erasure.State.DONE
    admin.refresh_from_db()
    assert (admin.name, admin.email) == ("Former member", f"erased-{admin.pk}@erased.invalid")
    assert not admin.is_active
    assert not admin.has_usable_password()
    assert not Membership.objects.get(user=admin).is_active
    assert not admin.emailaddress_set.exists()
    assert not OutgoingMail.objects.filter(to__icontains="admin@acme").exists()
    assert not Event.objects.filter(user_id=admin.pk).exists()
    assert Event.objects.filter(object_id="CANARY-ADA-page", user_id=None).exists()
    assert not StoredFile.objects.filter(pk=alone.pk).exists()
    # What was said in a case is the company's; its author is nobody any more.
    message = CaseMessage.objects.get(body="CANARY-ADA wrote this")
    assert str(message.author) == "Former member"
    assert message.attachments.exists()
    assert client.get("/").url.startswith("/accounts/login/")
    # And of others nothing went.
    member.refresh_from_db()
    assert (member.name, member.is_active) == ("Milo Brandt", True)
    assert Event.objects.filter(user_id=member.pk).exists()
    assert Case.objects.filter(opened_by=member).exists()


def test_the_receipt_is_mailed_before_the_address_goes_and_kept(two_people, admin, successor):
    request = erase(admin)
    (letter,) = [one for one in mail.outbox if one.to == ["admin@acme.example"] and "deleted" in one.subject]
    assert "Second factors" not in letter.body  # There were none.
    assert "What you wrote in cases: What was said in a case is the company's record" in letter.body
    kept = {line["what"]: line for line in request.receipt}
    assert kept["What you wrote in cases"]["is_kept"]
    assert not kept["E-mail addresses"]["is_kept"]
    assert all(line["reason"] for line in request.receipt if line["is_kept"])


def test_the_crm_is_told(two_people, admin, successor):
    from crm.models import OutboxRow

    OutboxRow.objects.all().delete()
    erase(admin)
    assert OutboxRow.objects.filter(object="Contact", external_id=admin.membership.public_id).exists()


def test_it_waits_for_the_receipt_to_go_out(admin, successor):
    request = erasing.request_erasure(user=admin, now=timezone.now() - timedelta(days=15))
    carry_out_erasures()
    carry_out_erasures()
    request.refresh_from_db()
    admin.refresh_from_db()
    assert (request.state, admin.email) == (Erasure.State.RUNNING, "admin@acme.example")
    # A mail server that is away for good holds nobody back from being forgotten.
    erasing.carry_out_due(now=timezone.now() + timedelta(days=3))
    request.refresh_from_db()
    assert request.state == Erasure.State.DONE


def test_killed_in_the_middle_it_goes_on(two_people, admin, successor, monkeypatch):
    request = erasing.request_erasure(user=admin, now=timezone.now() - timedelta(days=15))
    carry_out_erasures()
    send_due_mail()
    done = []

    def die_after_five(entry, user, real=erasing.apply_fate):
        if len(done) == 5:
            raise SystemExit
        done.append(entry)
        real(entry, user)

    with monkeypatch.context() as patch:
        patch.setattr(erasing, "apply_fate", die_after_five)
        with pytest.raises(SystemExit):
            carry_out_erasures()
    request.refresh_from_db()
    admin.refresh_from_db()
    assert (request.state, admin.name) == (Erasure.State.RUNNING, "Ada Achterberg")
    carry_out_erasures()
    carry_out_erasures()
    request.refresh_from_db()
    admin.refresh_from_db()
    assert (request.state, admin.name) == (Erasure.State.DONE, "Former member")
    assert AuditNote.objects.filter(action="erasure.done").count() == 1


def test_the_last_administrator_hands_over_first(admin, member, confirmed):
    response = confirmed(admin).post("/me/privacy/erase/", {"confirmed": "on"})
    assert response.status_code == 422
    assert "last administrator of Acme Logistics GmbH" in response.content.decode()
    assert not Erasure.objects.exists()


def test_who_became_the_last_administrator_meanwhile_is_held_back(admin, member, successor):
    request = erasing.request_erasure(user=admin, now=timezone.now() - timedelta(days=15))
    Membership.objects.filter(user=successor).update(is_active=False)
    carry_out_erasures()
    request.refresh_from_db()
    assert request.state == Erasure.State.BLOCKED
    Membership.objects.filter(user=successor).update(is_active=True)
    carry_out_erasures()
    request.refresh_from_db()
    assert request.state == Erasure.State.RUNNING


def test_it_is_asked_for_and_taken_back_on_the_page(admin, successor, confirmed):
    client = confirmed(admin)
    assert client.post("/me/privacy/erase/", {}).status_code == 422
    assert client.post("/me/privacy/erase/", {"confirmed": "on"}).status_code == 302
    assert OutgoingMail.objects.get(kind="erasure_requested").to == admin.email
    assert "You asked to be erased" in client.get("/me/privacy/").content.decode()
    client.post("/me/privacy/erase/cancel/")
    assert Erasure.objects.get().state == Erasure.State.CANCELLED
    assert client.post("/me/privacy/erase/cancel/").status_code == 404


def test_under_way_it_can_t_be_taken_back(admin, successor):
    request = erasing.request_erasure(user=admin, now=timezone.now() - timedelta(days=15))
    carry_out_erasures()
    assert erasing.cancel_erasure(erasure=request, now=timezone.now()) is False


def test_staff_are_not_erased_here(agent, manager):
    with pytest.raises(erasing.WorksForVendor):
        erasing.request_erasure(user=agent, now=timezone.now(), by=manager)


def test_one_request_at_a_time(admin, successor):
    erasing.request_erasure(user=admin, now=timezone.now())
    with pytest.raises(erasing.AlreadyAsked):
        erasing.request_erasure(user=admin, now=timezone.now())


def test_others_requests_are_not_seen(admin, member, successor, as_customer):
    erasing.request_erasure(user=admin, now=timezone.now())
    with as_customer(member.membership):
        assert not Erasure.objects.exists()
        assert not DataExport.objects.exists()


def test_the_registry_is_read_once():
    assert personal.personal_data() is personal.personal_data()


def test_visitors_sign_in_first(client):
    for url in ("/me/privacy/", "/me/privacy/erase/"):
        assert client.get(url).status_code == 302
