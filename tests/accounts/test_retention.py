"""An end to what is kept: what is old goes, what is young or the law's stays, and what went is written down."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.audit import AuditAction, note
from accounts.audit.checking import verify
from accounts.audit.collecting import collect
from accounts.audit.sealing import seal_finished_days
from accounts.law import retention
from accounts.law.retention import CLASSES, due_rows, keep_rules
from accounts.models import AuditEntry, AuditNote, InboundMail, OutgoingMail, RetentionRule, RetentionRun
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
