"""What is tried unusually often is told to system administrators: once a day for each person and rule."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.audit import AuditAction, note
from accounts.audit.collecting import collect
from accounts.models import AuditEntry, AuditNote, OutgoingMail
from accounts.tasks import look_for_unusual
from accounts.watching import RULES
from accounts.watching import look_for_unusual as look
from tracking.actor import Actor

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def watcher(agent):
    agent.groups.add(Group.objects.get(name="System administrator"))
    return agent


def failed_sign_ins(user, count, *, ago=timedelta(0), accounts=(None,)):
    for number in range(count):
        for account_id in accounts:
            note(
                action=AuditAction.SIGN_IN_FAILED, actor=Actor.system(account_id), subject_id=user.pk,
                now=NOW - ago - timedelta(seconds=number),
            )  # fmt: skip
    collect(now=NOW)


def test_many_failed_sign_ins_are_told_once_a_day(watcher, manager, admin):
    failed_sign_ins(admin, 16)
    for hours in (0, 0.5, 23):
        look(now=NOW + timedelta(hours=hours))
    (letter,) = OutgoingMail.objects.filter(kind="unusual_requests")
    assert letter.to == watcher.email
    assert "Failed sign-ins: 16 by or as Ada Achterberg (admin@acme.example)" in letter.text
    alarm = AuditNote.objects.get(action="requests.unusual")
    assert (alarm.subject_id, alarm.account_id, alarm.details) == (admin.pk, None, {"rule": "sign-ins", "count": 16})
    failed_sign_ins(admin, 16, ago=-timedelta(days=2))
    assert len(look(now=NOW + timedelta(days=2))) == 1


def test_usual_numbers_old_ones_and_one_attempt_in_many_companies_are_none(watcher, admin, acme, globex):
    failed_sign_ins(admin, 8, accounts=(acme.pk, globex.pk))
    failed_sign_ins(admin, 20, ago=timedelta(hours=2))
    assert look(now=NOW) == []
    assert not OutgoingMail.objects.exists()


def test_each_rule_sees_what_it_is_about(watcher, admin, acme):
    actions = {
        "sign-ins": AuditAction.SIGN_IN_FAILED,
        "confirmations": AuditAction.STEP_UP_FAILED,
        "refusals": AuditAction.ACCESS_REFUSED,
        "exports": AuditAction.EXPORT_TAKEN,
    }
    assert actions.keys() == {rule.code for rule in RULES}
    for rule in RULES:
        for number in range(rule.most + 1):
            moment = NOW - timedelta(seconds=number)
            actor = admin.membership.actor()
            note(action=actions[rule.code], actor=actor, now=moment, subject_id=admin.pk, details={"reason": "x"})
    collect(now=NOW)
    assert [(alarm.rule.code, alarm.person, alarm.count) for alarm in look(now=NOW)] == [
        (rule.code, admin, rule.most + 1) for rule in RULES
    ]


def test_it_reads_as_a_sentence_in_the_log_of_the_vendor(watcher, admin, signed_in):
    failed_sign_ins(admin, 16)
    look_for_unusual()
    collect(now=timezone.now())
    page = signed_in(watcher).get("/admin/accounts/auditentry/").content.decode()
    assert "Tried unusually often, by or as Ada Achterberg: sign-ins (16 in an hour)" in page


def test_a_company_does_not_see_it(watcher, admin, acme):
    failed_sign_ins(admin, 16, accounts=(acme.pk,))
    look(now=NOW)
    collect(now=NOW)
    assert not AuditEntry.objects.for_account(acme).filter(action="requests.unusual").exists()
