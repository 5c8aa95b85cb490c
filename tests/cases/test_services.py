"""What happens to a case, whoever acts, and when two act at once."""

import threading
import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction

from accounts.models import Membership, OutgoingMail, StoredFile
from accounts.permissions import Permission
from accounts.scope import account_scope
from accounts.services import FileRefused
from cases.models import Case, CaseAttachment, CaseMessage
from cases.services import (
    TooManyFiles,
    add_internal_note,
    close_case,
    open_case,
    reopen,
    reply_as_customer,
    reply_as_staff,
    resolve_case,
)
from tests.cases.making import PNG, make_case
from tests.factories import make_account, make_member, make_staff
from tracking.actor import Actor


def text(**changes):
    return {"body": "An answer.", "form_key": uuid.uuid4()} | changes


def mail(kind):
    return list(OutgoingMail.objects.filter(kind=kind).values_list("to", flat=True))


def test_an_answer_waits_for_the_customer_and_tells_them_once(member, agent, acme, now):
    case = make_case(acme, member)
    later, sent = now + timedelta(hours=2), text(body="Please <try> this.")
    for _ in range(2):  # A double click.
        reply_as_staff(case=case, author=agent, now=later, **sent)
    case.refresh_from_db()
    assert (case.status, case.first_reply_at, case.assignee, case.updated_at) == ("waiting", later, agent, later)
    assert case.messages.count() == 2
    assert mail("case_reply") == ["member@acme.example"]
    letter = OutgoingMail.objects.get(kind="case_reply")
    assert "Sam Rivera answered" in letter.text
    assert "Please <try> this." in letter.text
    assert letter.account_id == acme.pk


def test_the_first_reply_stays_the_first(member, agent, acme, now):
    case = make_case(acme, member)
    other = make_staff("other@vendor.example", "Ola Berg", group="Support agent")
    reply_as_staff(case=case, author=agent, now=now, **text())
    reply_as_staff(case=case, author=other, now=now + timedelta(days=1), **text())
    case.refresh_from_db()
    assert (case.first_reply_at, case.assignee) == (now, agent)


def test_who_left_the_company_gets_no_mail(member, agent, acme, now):
    case = make_case(acme, member)
    Membership.objects.filter(user=member).update(is_active=False)
    reply_as_staff(case=case, author=agent, now=now, **text())
    resolve_case(case=case, now=now)
    assert mail("case_reply") == []
    assert mail("case_resolved") == []


def test_a_note_stays_with_the_staff_and_changes_nothing(member, agent, acme, now):
    case = make_case(acme, member)
    add_internal_note(case=case, author=agent, now=now + timedelta(hours=1), **text())
    before = case.updated_at
    case.refresh_from_db()
    assert (case.status, case.first_reply_at, case.updated_at) == ("new", None, before)
    assert case.messages.for_customer().count() == 1
    assert case.messages.count() == 2
    assert mail("case_reply") == []


def test_resolving_tells_the_customer_once(member, acme, now):
    case = make_case(acme, member)
    assert resolve_case(case=case, now=now)
    assert not resolve_case(case=case, now=now)
    case.refresh_from_db()
    assert (case.status, case.resolved_at) == ("resolved", now)
    assert mail("case_resolved") == ["member@acme.example"]


def test_an_answer_can_resolve_the_case_in_one_mail(member, agent, acme, now):
    case = make_case(acme, member)
    reply_as_staff(case=case, author=agent, now=now, resolve=True, **text())
    case.refresh_from_db()
    assert (case.status, case.resolved_at) == ("resolved", now)
    assert mail("case_resolved") == ["member@acme.example"]
    assert mail("case_reply") == []


def test_a_closed_case_opens_again_with_a_reply_or_by_the_staff(member, acme, now):
    case = make_case(acme, member)
    assert close_case(case=case, now=now)
    assert not close_case(case=case, now=now)
    reply_as_customer(case=case, author=member, now=now, **text())
    case.refresh_from_db()
    assert (case.status, case.resolved_at) == ("open", None)
    assert not reopen(case=case, now=now)
    close_case(case=case, now=now)
    assert reopen(case=case, now=now)


def test_a_reply_before_any_answer_leaves_the_case_new(member, acme, now):
    case = make_case(acme, member)
    reply_as_customer(case=case, author=member, now=now, **text())
    case.refresh_from_db()
    assert case.status == "new"


def test_one_wrong_file_stores_none(member, acme, now):
    case = make_case(acme, member)
    files = [SimpleUploadedFile("fine.png", PNG), SimpleUploadedFile("wrong.exe", b"MZ")]
    with pytest.raises(FileRefused):
        reply_as_customer(case=case, author=member, now=now, uploads=files, **text())
    with pytest.raises(TooManyFiles):
        reply_as_customer(case=case, author=member, now=now, uploads=[files[0]] * 6, **text())
    assert case.messages.count() == 1
    assert not StoredFile.objects.exists()


def test_an_attachment_needs_the_right_to_see_cases(member, acme, now):
    case = make_case(acme, member)
    reply_as_customer(case=case, author=member, now=now, uploads=[SimpleUploadedFile("a.png", PNG)], **text())
    stored = StoredFile.objects.get()
    assert (stored.account, stored.permission, stored.uploaded_by) == (acme, Permission.VIEW_CASES, member)
    assert CaseAttachment.objects.get().account == acme


# What the database refuses


@pytest.mark.parametrize("change", [{"body": "Never said"}, {"is_internal": True}])
def test_a_message_is_never_changed(member, acme, change):
    case = make_case(acme, member)
    with pytest.raises(IntegrityError), transaction.atomic():
        case.messages.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        case.messages.all().delete()
    assert case.messages.get().body == "It ends with a timeout."


@pytest.mark.parametrize("change", [{"status": "new"}, {"serial": 1}, {"form_key": uuid.UUID(int=1)}])
def test_a_case_does_not_go_back_to_new_nor_change_its_origin(member, acme, now, change):
    case = make_case(acme, member)
    reply_as_staff(case=case, author=make_staff("x@vendor.example", "X", group="Support agent"), now=now, **text())
    with pytest.raises(IntegrityError), transaction.atomic():
        Case.objects.filter(pk=case.pk).update(**change)
    case.refresh_from_db()
    assert case.status == "waiting"


def test_a_customer_sees_and_touches_only_their_companys_cases(as_customer, member, other_admin, acme, globex, now):
    case = make_case(acme, member)
    make_case(globex, other_admin, subject="Theirs")
    with as_customer(member.membership):
        assert [one.subject for one in Case.objects.all()] == [case.subject]
        assert CaseMessage.objects.count() == 1
        assert Case.objects.filter(account=globex).update(subject="Mine") == 0
    with as_customer(other_admin.membership), pytest.raises(Case.DoesNotExist):
        close_case(case=case, now=now)
    assert not Case.objects.filter(subject="Mine").exists()


def test_every_change_of_a_case_is_in_its_history_with_who_made_it(as_customer, member, acme, now):
    with as_customer(member.membership):
        case = make_case(acme, member)
        close_case(case=case, now=now)
    entries = case.events.order_by("pgh_id")
    assert [entry.status for entry in entries] == ["new", "closed"]
    assert {entry.pgh_context["user_id"] for entry in entries} == {member.pk}


# Two at once: each in a connection of its own, so these commit for real.


def at_once(*actions):
    """Run the actions in threads that start together; the errors they raised."""
    start, errors = threading.Barrier(len(actions)), []

    def run(action):
        try:
            start.wait()
            action()
        except Exception as error:  # noqa: BLE001 - handed to the test.
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[action]) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return errors


@pytest.fixture
def pair(transactional_db):
    acme = make_account("Acme Logistics GmbH", tier="premier")
    return acme, make_member(acme, "member@acme.example", "Milo Brandt", roles=["support"])


def test_two_agents_answering_at_once_both_get_through(pair, now):
    acme, member = pair
    agents = [make_staff(f"{n}@vendor.example", f"Agent {n}", group="Support agent") for n in range(2)]
    case = make_case(acme, member)
    errors = at_once(
        *[lambda agent=agent: reply_as_staff(case=case, author=agent, now=now, **text()) for agent in agents]
    )
    assert errors == []
    case.refresh_from_db()
    assert case.status == "waiting"
    assert case.assignee in agents
    assert case.messages.count() == 3
    assert len(mail("case_reply")) == 2


def test_one_form_sent_twice_at_once_opens_one_case(pair, now):
    acme, member = pair
    key, numbers = uuid.uuid4(), []

    def send():
        with account_scope([acme.pk], user_id=member.pk, actor=member.membership.actor()):
            case = open_case(
                account=acme,
                opened_by=member,
                actor=Actor.system(acme.pk),
                subject="Twice",
                description="x",
                form_key=key,
                now=now,
            )
            numbers.append(case.number)

    assert at_once(send, send, send) == []
    assert len(set(numbers)) == 1
    assert Case.objects.count() == 1
    assert CaseMessage.objects.count() == 1
    assert len(mail("case_opened")) == 1


def test_a_form_changed_after_going_back_opens_another_case(member, acme, now):
    key = uuid.uuid4()

    def send(subject, description="It ends with a timeout."):
        return open_case(
            account=acme,
            opened_by=member,
            actor=member.membership.actor(),
            subject=subject,
            description=description,
            form_key=key,
            now=now,
        )

    first, other_subject, other_text = send("Export fails"), send("Import fails"), send("Export fails", "No network.")
    assert len({first.pk, other_subject.pk, other_text.pk}) == 3
    assert [send("Export fails"), send("Import fails"), send("Export fails", "No network.")] == [
        first,
        other_subject,
        other_text,
    ]
    assert other_text.messages.get().body == "No network."
    assert len(mail("case_opened")) == 3


def test_a_message_changed_after_going_back_or_sent_in_another_case_is_not_lost(member, agent, acme, now):
    case, other = make_case(acme, member), make_case(acme, member, subject="Another")
    key = uuid.uuid4()
    for one, body in [(case, "First."), (case, "First."), (case, "Changed."), (other, "First."), (case, "Changed.")]:
        reply_as_customer(case=one, author=member, body=body, form_key=key, now=now)
    assert sorted(case.messages.values_list("body", flat=True)) == ["Changed.", "First.", "It ends with a timeout."]
    assert other.messages.filter(body="First.").count() == 1
    add_internal_note(case=case, author=agent, body="Same words.", form_key=key, now=now)
    answer = reply_as_staff(case=case, author=agent, body="Same words.", form_key=key, now=now)
    assert not answer.is_internal
    assert len(mail("case_reply")) == 1
