"""The company's audit log as people read it, search it and take it along."""

import csv
import io
import json
from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import brands
from accounts.audit import AuditAction, note
from accounts.audit.collecting import collect
from accounts.audit.wording import lines
from accounts.models import Account, AuditEntry, AuditNote, Entitlement, Feature, Membership
from accounts.scope import account_scope, staff_scope
from tests.factories import PASSWORD, make_account
from tracking.actor import Actor, ActorKind

pytestmark = pytest.mark.django_db
URL = "/company/audit/"


@pytest.fixture
def history(admin, member, acme, agent):
    """Ada gives Milo a role, Sam does something for Ada, and somebody fails to sign in as Milo."""
    with account_scope([acme.pk], user_id=admin.pk, actor=admin.membership.actor()):
        Account.objects.filter(pk=acme.pk).update(phone="+49 40 1")
    with staff_scope(admin.membership.actor()):
        Membership.objects.filter(pk=member.membership.pk).update(roles=["support", "viewer", "buyer"])
    helping = Actor(agent.pk, acme.pk, ActorKind.STAFF, on_behalf_of=admin.pk)
    with staff_scope(helping):
        Membership.objects.filter(pk=member.membership.pk).update(roles=["viewer"])
    note(
        action=AuditAction.SIGN_IN_FAILED, actor=Actor.system(acme.pk), now=timezone.now(), subject_id=member.pk,
        ip="203.0.113.9",
    )  # fmt: skip
    collect(now=timezone.now())


@pytest.fixture
def may_export(acme):
    Entitlement.objects.create(account=acme, code=Feature.AUDIT_LOG, start_date=date(2020, 1, 1), source="test")


def sentences(client, **query):
    return [line.sentence for line in client.get(URL, query).context["lines"]]


def test_it_tells_in_sentences_who_did_what(history, admin, signed_in):
    told = sentences(signed_in(admin))
    assert "Ada Achterberg gave Milo Brandt the role Buyer" in told
    assert (
        "Sam Rivera of Meridian on behalf of Ada Achterberg took the roles Buyer, Support contact from Milo Brandt"
        in [sentence.replace("Support contact, Buyer", "Buyer, Support contact") for sentence in told]
    )
    assert "Ada Achterberg changed account Acme Logistics GmbH" in told
    assert "Somebody failed to sign in as Milo Brandt" in told


def test_a_long_export_asks_for_the_vendor_s_name_once_and_not_for_every_row(history, agent, monkeypatch):
    """Each time is a way to the cache and back: 100,000 rows took minutes."""
    asked, current = [], brands.current
    monkeypatch.setattr(brands, "current", lambda: asked.append(1) or current())
    by_staff = AuditEntry.objects.filter(actor_id=agent.pk).first()
    told = lines([by_staff] * 50)
    assert len(asked) == 1
    assert "of Meridian" in told[-1].sentence
    by_customers = AuditEntry.objects.filter(actor_kind=ActorKind.CUSTOMER)
    assert lines(by_customers)
    assert len(asked) == 1


def test_staff_on_behalf_are_marked_and_addresses_shown(history, admin, signed_in):
    page = signed_in(admin).get(URL).content.decode()
    assert "Meridian staff" in page
    assert "from 203.0.113.9" in page


def test_it_shows_what_was_before(history, admin, signed_in):
    page = signed_in(admin).get(URL, {"kind": "accounts.account", "action": "changed"})
    (line,) = page.context["lines"]
    assert [(one.label, one.before, one.after) for one in line.changes] == [("Phone", "–", "+49 40 1")]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"person": "milo"}, {"membership.created", "membership.changed", "sign_in.failed"}),
        ({"person": "member@acme.example", "kind": "notes"}, {"sign_in.failed"}),
        ({"kind": "notes"}, {"sign_in.failed"}),
        ({"by_staff": "on"}, {"membership.changed"}),
        ({"action": "changed"}, {"account.changed", "membership.changed"}),
        ({"person": "nobody of that name"}, set()),
        ({"to_date": "2020-01-01"}, set()),
    ],
)
def test_it_can_be_searched(history, admin, signed_in, query, found):
    page = signed_in(admin).get(URL, query)
    assert {line.entry.action for line in page.context["lines"]} == found


def test_days_are_days_of_the_reader(admin, acme, signed_in):
    admin.time_zone = "Pacific/Auckland"
    admin.save()
    # Noon of the 9th in Auckland is still the 8th in UTC.
    note(
        action=AuditAction.SIGNED_IN, actor=admin.membership.actor(),
        now=timezone.datetime(2026, 11, 8, 23, 0, tzinfo=timezone.get_default_timezone()),
    )  # fmt: skip
    collect(now=timezone.now())
    client = signed_in(admin)
    assert sentences(client, kind="notes", from_date="2026-11-09", to_date="2026-11-09") == ["Ada Achterberg signed in"]
    assert sentences(client, kind="notes", from_date="2026-11-08", to_date="2026-11-08") == []
    assert "9 Nov 2026, 12:00:00" in client.get(URL, {"kind": "notes"}).content.decode()


def test_a_wrong_date_is_said_and_kept(admin, signed_in):
    page = signed_in(admin).get(URL, {"from_date": "yesterday", "person": "Milo"})
    assert page.status_code == 422
    assert 'value="yesterday"' in page.content.decode()
    assert 'value="Milo"' in page.content.decode()


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_that_has_no_next_or_no_beginning_is_refused(admin, signed_in, may_export, day):
    client = signed_in(admin)
    for name in ("from_date", "to_date"):
        assert client.get(URL, {name: day}).status_code == 422
        assert client.get(f"{URL}export/csv/", {name: day}).status_code == 200


def test_the_csv_is_complete_safe_and_recorded(history, may_export, admin, acme, signed_in):
    Account.objects.filter(pk=acme.pk).update(name="=HYPERLINK(1)")
    collect(now=timezone.now())
    response = signed_in(admin).get("/company/audit/export/csv/")
    rows = list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"))))
    assert response["Content-Disposition"].startswith('attachment; filename="audit-')
    assert len(rows) == AuditEntry.objects.for_account(acme).count()
    assert [int(row["sequence"]) for row in rows] == sorted(int(row["sequence"]) for row in rows)
    assert any(row["object_label"] == "'=HYPERLINK(1)" for row in rows)
    assert not any(value.startswith(("=", "+", "-", "@")) for row in rows for value in row.values())
    taken = AuditNote.objects.get(action=AuditAction.EXPORT_TAKEN)
    assert (taken.actor_id, taken.account_id, taken.details["format"]) == (admin.pk, acme.pk, "csv")


def test_json_lines_carry_every_change(history, may_export, admin, signed_in):
    response = signed_in(admin).get("/company/audit/export/jsonl/", {"kind": "accounts.account", "action": "changed"})
    (row,) = [json.loads(line) for line in response.getvalue().splitlines()]
    assert row["changes"] == {"phone": ["", "+49 40 1"]}
    assert row["who"] == "Ada Achterberg"


def test_without_the_add_on_the_log_is_read_and_not_exported(history, admin, signed_in):
    client = signed_in(admin)
    assert "Add audit log export" in client.get(URL).content.decode()
    assert client.get("/company/audit/export/csv/").status_code == 403
    assert not AuditNote.objects.filter(action=AuditAction.EXPORT_TAKEN).exists()


def test_an_unknown_form_of_export_is_not_there(may_export, admin, signed_in):
    assert signed_in(admin).get("/company/audit/export/pdf/").status_code == 404


def test_signing_in_and_failing_to_are_in_the_log(admin, acme, client):
    client.post(reverse("account_login"), {"login": admin.email, "password": "wrong"})
    client.post(reverse("account_login"), {"login": admin.email, "password": PASSWORD})
    collect(now=timezone.now())
    told = AuditEntry.objects.for_account(acme).filter(source="accounts_auditnote").order_by("sequence")
    assert [entry.action for entry in told] == ["sign_in.failed", "sign_in.done"]
    assert all(AuditNote.objects.get(pk=entry.source_id).ip == "127.0.0.1" for entry in told)


def test_an_address_that_nobody_has_is_not_kept(client, acme):
    client.post(reverse("account_login"), {"login": "hunter2@acme.example", "password": "x"})
    assert not AuditNote.objects.exists()


def test_a_long_log_is_read_by_key(admin, acme, signed_in, django_assert_max_num_queries):
    now = timezone.now()
    AuditNote.objects.bulk_create(
        AuditNote(
            account_id=acme.pk, occurred_at=now - timedelta(minutes=number), action="sign_in.done",
            actor_kind="customer", actor_id=admin.pk,
        )
        for number in range(1500)
    )  # fmt: skip
    while collect(now=now):
        pass
    client = signed_in(admin)
    with django_assert_max_num_queries(20):  # Eight of its own; the walk's counts pin them.
        first = client.get(URL, {"kind": "notes", "person": "Ada"})
    assert len(first.context["lines"]) == 25
    second = client.get(URL, {"kind": "notes", "cursor": first.context["page"].next})
    numbers = [line.sequence for line in (*first.context["lines"], *second.context["lines"])]
    assert len(set(numbers)) == 50


def test_staff_read_the_log_of_all(history, agent, signed_in):
    make_account("Initech")
    collect(now=timezone.now())
    page = signed_in(agent).get("/admin/accounts/auditentry/").content.decode()
    assert "Ada Achterberg gave Milo Brandt the role Buyer" in page
    assert "Initech" in page


def test_staff_take_an_export_and_that_is_recorded(history, agent, signed_in):
    response = signed_in(agent).get("/admin/accounts/auditentry/export-jsonl/")
    assert len(response.getvalue().splitlines()) == AuditEntry.objects.count()
    taken = AuditNote.objects.get(action=AuditAction.EXPORT_TAKEN)
    assert (taken.actor_kind, taken.actor_id) == ("staff", agent.pk)


def test_staff_search_by_company_and_person(history, agent, signed_in):
    client = signed_in(agent)
    for asked in ("Acme Logistics", "Milo", "member@acme.example"):
        assert "Milo Brandt" in client.get("/admin/accounts/auditentry/", {"q": asked}).content.decode()
    assert "Milo Brandt" not in client.get("/admin/accounts/auditentry/", {"q": "Globex"}).content.decode()


def test_another_company_sees_nothing_of_it(history, other_admin, globex, signed_in):
    assert all("Milo" not in sentence for sentence in sentences(signed_in(other_admin)))
    assert "Acme" not in signed_in(other_admin).get(URL).content.decode()


@pytest.mark.parametrize("url", [URL, "/company/audit/export/csv/"])
def test_who_may_not_see_it(url, viewer, member, signed_in, client):
    assert signed_in(viewer).get(url).status_code == 403
    assert signed_in(member).get(url).status_code == 403
    assert client.get(url).status_code == 302
