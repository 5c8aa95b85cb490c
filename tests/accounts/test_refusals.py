"""Somebody signed in asks for a page that is not theirs: refused, and written in the audit log, once an hour."""

import pytest
from django.core.cache import cache
from django.utils import timezone

from accounts.audit.collecting import collect
from accounts.models import AuditNote, Viewing
from tests.accounts.test_view_as import begin
from tests.factories import make_member
from tracking.actor import ActorKind

pytestmark = pytest.mark.django_db
LIMITS, LOG = "/company/purchase-limits/", "/company/audit/"


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


def refused():
    return AuditNote.objects.filter(action="access.refused").order_by("pk")


def test_a_refusal_is_read_in_the_companys_log(signed_in, member, admin, acme):
    client = signed_in(member)
    assert client.post(LIMITS, {"buyer": "5"}).status_code == 403
    found = refused().get()
    assert (found.account_id, found.actor_id, found.actor_kind) == (acme.pk, member.pk, ActorKind.CUSTOMER)
    assert (found.object_id, found.object_label, found.ip) == ("commerce:purchase-limits", LIMITS, "127.0.0.1")
    collect(now=timezone.now())
    told = [line.sentence for line in signed_in(admin).get(LOG).context["lines"]]
    assert "Milo Brandt was refused /company/purchase-limits/. It needs: Change the company profile" in told


def test_a_loop_writes_one_note_an_hour_for_each_page(signed_in, member, viewer):
    client = signed_in(member)
    for _ in range(3):
        client.get(LIMITS)
    assert refused().count() == 1
    client.get("/company/domains/")
    signed_in(viewer).get(LIMITS)
    assert refused().count() == 3
    cache.clear()  # As after the hour.
    client.get(LIMITS)
    assert refused().count() == 4


def test_what_may_be_seen_is_not_noted(signed_in, member, admin, client):
    assert signed_in(admin).get(LIMITS).status_code == 200
    assert signed_in(member).get("/company/nothing/").status_code == 404
    assert client.get(LIMITS).status_code == 302
    assert not refused().exists()


def test_scripts_are_noted_like_pages(signed_in, acme):
    buyer = make_member(acme, "bo@acme.example", "Bo Brandt", roles=["buyer"])
    assert signed_in(buyer).get("/api/v1/cases").status_code == 403
    assert refused().get().actor_id == buyer.pk


def test_staff_are_noted_in_the_vendors_own_log(signed_in, agent, acme):
    address = "/admin/setup/"
    assert signed_in(agent).get(address).status_code == 403
    found = refused().get()
    assert (found.account_id, found.actor_id, found.actor_kind) == (None, agent.pk, ActorKind.STAFF)
    collect(now=timezone.now())
    page = signed_in(agent).get("/admin/accounts/auditentry/").content.decode()
    assert "Sam Rivera" in page
    assert f"was refused {address}. It needs: " in page
    assert "view_installation" not in page


def test_staff_in_a_persons_place_are_noted_as_themselves(signed_in, agent, admin, acme):
    client = signed_in(agent)
    begin(client, admin)
    assert client.get(LIMITS).status_code == 403
    found = refused().get()
    assert (found.account_id, found.actor_id, found.on_behalf_of) == (acme.pk, agent.pk, admin.pk)
    assert Viewing.objects.get().is_elevated is False
