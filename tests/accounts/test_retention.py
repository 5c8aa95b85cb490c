"""An end to what is kept: what is old goes, what is young or the law's stays, and what went is written down."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.apps import apps
from django.contrib.auth.models import Group
from django.utils import timezone
from django.utils.html import escape

from accounts.audit import AuditAction, note
from accounts.audit.checking import verify
from accounts.audit.collecting import collect
from accounts.audit.sealing import seal_finished_days
from accounts.law import retention
from accounts.law.personal import Fate, personal_data
from accounts.law.retention import CLASSES, due_rows, keep_rules
from accounts.models import (
    AuditEntry,
    AuditNote,
    ImportLine,
    InboundMail,
    Invitation,
    JoinRequest,
    MailReport,
    MemberImport,
    Notification,
    OutgoingMail,
    RetentionRule,
    RetentionRun,
    ScimUser,
)
from accounts.tasks import keep_retention
from commerce.models import Contract
from tests.factories import make_catalogue, make_contract
from tracking.actor import Actor
from tracking.models import Event, EventName

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def event(name, *, days_ago):
    return Event.objects.create(name=name, actor_kind="customer", occurred_at=NOW - timedelta(days=days_ago))


def keep():
    return keep_rules(now=NOW, until=timezone.now() + timedelta(seconds=60))


def test_the_vendor_sees_every_class_on_its_page(system, signed_in):
    page = signed_in(system).get("/admin/accounts/retentionrule/").content.decode()
    assert [str(one.title) for one in CLASSES.values() if escape(str(one.title)) not in page] == []


def test_every_class_has_a_rule_within_its_minimum():
    assert {rule.code for rule in RetentionRule.objects.all()} == CLASSES.keys()
    assert all(one.days >= one.least_days for one in CLASSES.values())


def test_old_page_views_go_and_what_the_contract_needs_stays():
    young, bought = event(EventName.HOME_VIEWED, days_ago=700), event(EventName.ORDER_PLACED, days_ago=2000)
    event(EventName.HOME_VIEWED, days_ago=800)
    event(EventName.ARTICLE_SEARCHED, days_ago=800)
    assert keep() == 2
    assert set(Event.objects.values_list("pk", flat=True)) == {young.pk, bought.pk}
    (run,) = RetentionRun.objects.all()
    assert (run.code, run.removed, run.cutoff_at) == ("page-views", 2, NOW - timedelta(days=760))


def test_nothing_that_earned_money_is_looked_at():
    money = ("order", "quote", "invoice", "payment", "contract", "subscription")
    looked_at = [name.value for name in retention.LOOKED_AT if name.value.startswith(money)]
    assert all(name.endswith("_viewed") for name in looked_at)
    for one in CLASSES.values():
        assert one.rows_before(NOW).model._meta.app_label != "commerce"


def test_texts_of_old_mail_are_emptied_and_waiting_mail_is_left():
    old = NOW - timedelta(days=800)
    sent = OutgoingMail.objects.create(to="a@b.example", kind="x", subject="s", text="t", state="sent", created_at=old)
    due = OutgoingMail.objects.create(to="a@b.example", kind="x", subject="s", text="t", created_at=old)
    assert keep() == 1
    assert keep() == 0
    sent.refresh_from_db()
    due.refresh_from_db()
    assert (sent.text, sent.subject, due.text) == ("", "s", "t")


def test_mail_that_was_never_sent_loses_its_text_as_well():
    old = NOW - timedelta(days=800)
    for state in ("cancelled", "unknown"):
        OutgoingMail.objects.create(to="a@b.example", kind="x", subject="s", text="t", state=state, created_at=old)
    assert keep() == 2
    assert not OutgoingMail.objects.exclude(text="").exists()


def test_the_record_of_a_mail_goes_after_the_years_of_business_letters():
    for days_ago in (2000, 2300):
        sent_at = NOW - timedelta(days=days_ago)
        OutgoingMail.objects.create(to="a@b.example", kind="x", subject="s", text="", state="sent", created_at=sent_at)
    assert keep() == 1
    assert OutgoingMail.objects.get().created_at == NOW - timedelta(days=2000)


def test_old_notifications_and_delivery_reports_go(acme, member):
    for days_ago in (300, 400):
        at = NOW - timedelta(days=days_ago)
        Notification.objects.create(account=acme, user=member, kind="case_reply", link="/", created_at=at)
        MailReport.objects.create(unique_id=str(days_ago), kind="hard", email=member.email, reported_at=at)
    assert keep() == 2
    assert Notification.objects.get().created_at == MailReport.objects.get().reported_at == NOW - timedelta(days=300)


def invitation(acme, email, *, days_ago, **moments):
    at = NOW - timedelta(days=days_ago)
    moments = dict.fromkeys(moments, at) or {"expires_at": at}
    fields = {"sent_at": at, "expires_at": NOW + timedelta(days=1)} | moments
    return Invitation.objects.create(account=acme, email=email, roles=["viewer"], token_hash="x", **fields)


def test_invitations_that_are_over_go_and_open_ones_stay(acme):
    invitation(acme, "taken@new.example", days_ago=400, accepted_at=True)
    invitation(acme, "back@new.example", days_ago=400, revoked_at=True)
    invitation(acme, "over@new.example", days_ago=400)
    invitation(acme, "lately@new.example", days_ago=300, accepted_at=True)
    Invitation.objects.create(
        account=acme, email="open@new.example", roles=["viewer"], token_hash="x", sent_at=NOW,
        expires_at=NOW + timedelta(days=7), created_at=NOW - timedelta(days=500),
    )  # fmt: skip
    assert keep() == 3
    assert set(Invitation.objects.values_list("email", flat=True)) == {"lately@new.example", "open@new.example"}


def test_answered_requests_to_join_go(acme):
    for email, decided_at in (("old@new.example", NOW - timedelta(days=400)), ("open@new.example", None)):
        JoinRequest.objects.create(account=acme, email=email, origin="domain", decided_at=decided_at)
    assert keep() == 1
    assert JoinRequest.objects.get().email == "open@new.example"


def test_the_history_of_invitations_and_requests_never_says_who_it_was():
    """History is not changed, so what must be forgotten is not in it."""
    for model in (Invitation, JoinRequest):
        history = next(one for one in apps.get_models() if getattr(one, "pgh_tracked_model", None) is model)
        assert not {"email", "name"} & {field.name for field in history._meta.fields}


def imported(acme, *, days_ago, state="done"):
    made = MemberImport.objects.create(
        account=acme, file_name="people.csv", state=state, line_count=2, ready_count=2,
        created_at=NOW - timedelta(days=days_ago),
    )  # fmt: skip
    for number in (2, 3):
        ImportLine.objects.create(account=acme, source=made, number=number, email="a@new.example", outcome="invited")
    return made


def test_lines_of_lists_go_and_that_there_was_one_stays(acme, admin, signed_in):
    old = imported(acme, days_ago=200)
    imported(acme, days_ago=100)
    imported(acme, days_ago=200, state="running")
    assert keep() == 2
    assert ImportLine.objects.count() == 4
    page = signed_in(admin).get(f"/company/people/import/{old.public_id}/").content.decode()
    assert "The lines are deleted" in page


def test_what_a_directory_said_of_those_who_left_it_is_emptied(acme, member, viewer):
    for user, deleted_at in ((member, NOW - timedelta(days=400)), (viewer, None)):
        ScimUser.objects.create(
            account=acme, membership=user.membership, user_name=user.email, document={"nickName": "M"},
            deleted_at=deleted_at, updated_at=NOW - timedelta(days=400),
        )  # fmt: skip
    assert keep() == 1
    assert keep() == 0
    assert ScimUser.objects.get(document={}).membership.user == member


def test_devices_of_ended_sessions_go_and_those_of_open_ones_stay(admin, signed_in):
    key = signed_in(admin).session.session_key
    for session_key in (key, "k" * 32):
        UserSession.objects.update_or_create(
            session_key=session_key, defaults={"user": admin, "ip": "203.0.113.9", "user_agent": "x"}
        )
    UserSession.objects.update(last_seen_at=NOW - timedelta(days=40))
    assert keep() == 1
    assert UserSession.objects.get().session_key == key


def test_what_names_people_has_an_end_or_says_why_not():
    """A new entry in a privacy.py needs a class here, or the reason why its rows end only with the person."""
    ends = {one.rows_before(NOW).model._meta.label for one in CLASSES.values()}
    endless = [
        entry.model
        for entry in personal_data()
        if entry.model not in ends and not entry.lasts and entry.fate is not Fate.KEEP
    ]
    assert endless == []
    assert not [entry.model for entry in personal_data() if entry.fate is Fate.KEEP and not str(entry.reason)]


def test_mail_that_nobody_dealt_with_goes_later():
    InboundMail.objects.create(
        unique_id="held", source="t", mime=b"", state="held", settled_at=NOW - timedelta(days=366)
    )
    assert keep() == 1


def test_incoming_mail_goes_once_it_was_dealt_with():
    for unique_id, state, days_ago in (("done", "done", 200), ("young", "done", 100), ("held", "held", 200)):
        settled_at = NOW - timedelta(days=days_ago)
        InboundMail.objects.create(unique_id=unique_id, source="t", mime=b"", state=state, settled_at=settled_at)
    assert keep() == 1
    assert set(InboundMail.objects.values_list("unique_id", flat=True)) == {"young", "held"}


def test_addresses_go_from_the_log_and_the_log_stays_whole(acme):
    note(action=AuditAction.SIGNED_IN, actor=Actor.system(acme.pk), now=NOW - timedelta(days=400), ip="203.0.113.9")
    collect(now=NOW)
    keep()
    assert AuditNote.objects.get().ip is None
    report = verify(key=Ed25519PrivateKey.generate().public_key(), now=NOW)
    assert (report.changed, report.removed, report.inserted) == ([], [], [])


def test_of_the_audit_log_only_sealed_days_go_and_the_rest_still_proves_itself(acme):
    key = Ed25519PrivateKey.generate()
    begun = NOW - timedelta(days=3700)
    note(action=AuditAction.SIGNED_IN, actor=Actor.system(acme.pk), now=begun)
    collect(now=begun)
    old = AuditEntry.objects.count()
    assert keep() == 0  # Nothing is sealed.
    seal_finished_days(now=begun + timedelta(days=3), key=key)
    note(action=AuditAction.SIGNED_IN, actor=Actor.system(acme.pk), now=NOW)
    collect(now=NOW)
    assert keep() == old
    assert [entry.sequence for entry in AuditEntry.objects.all()] == [old + 1]
    report = verify(key=key.public_key(), now=NOW)
    assert (report.changed, report.inserted) == ([], [])
    assert not [line for line in report.removed if "where no sealed day ends" in line]


def test_a_rule_that_is_off_removes_nothing():
    event(EventName.HOME_VIEWED, days_ago=800)
    RetentionRule.objects.update(is_active=False)
    assert keep() == 0
    assert Event.objects.count() == 1


def test_it_goes_on_in_batches(monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        event(EventName.HOME_VIEWED, days_ago=800)
    keep_retention()
    assert not Event.objects.exists()
    assert RetentionRun.objects.get().removed == 5


def test_a_rule_set_below_its_minimum_past_the_form_is_held_to_it():
    RetentionRule.objects.filter(code="page-views").update(days=1)
    event(EventName.HOME_VIEWED, days_ago=10)
    assert not due_rows(RetentionRule.objects.get(code="page-views"), now=NOW).exists()


@pytest.fixture
def system(agent):
    agent.groups.add(Group.objects.get(name="System administrator"))
    return agent


def test_the_vendor_sets_it_within_the_law_and_sees_first_what_would_go(system, signed_in):
    event(EventName.HOME_VIEWED, days_ago=800)
    client = signed_in(system)
    url = "/admin/accounts/retentionrule/page-views/change/"
    assert "would be removed now" in client.get(url).content.decode().lower()
    assert client.post(url, {"days": "5", "is_active": "on"}).status_code == 200
    assert RetentionRule.objects.get(code="page-views").days == 760
    assert client.post(url, {"days": "900", "is_active": "on"}).status_code == 302
    collect(now=NOW)
    assert AuditEntry.objects.filter(action="retentionrule.changed").exists()
    body = {"action": "count_due", "_selected_action": ["page-views"]}
    page = client.post("/admin/accounts/retentionrule/", body, follow=True).content.decode()
    assert "0 rows would be removed" in page
    assert Event.objects.count() == 1


def test_contracts_stay(acme):
    make_contract(acme, make_catalogue())
    keep_rules(now=NOW + timedelta(days=9000), until=timezone.now() + timedelta(seconds=60))
    assert Contract.objects.exists()
