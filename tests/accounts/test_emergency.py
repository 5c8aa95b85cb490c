"""While single sign-on is required, the emergency administrator stays: another one is named first."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.law import erasing
from accounts.members import EmergencyAdministrator, change_member
from accounts.merging import merge_people
from accounts.models import Domain, Entitlement, Erasure, IdentityProvider, Membership, User
from accounts.sso.rules import OtherWay, other_way
from tests.accounts.test_scim import connected, refused
from tests.accounts.test_sso_sign_in import second_factor
from tests.factories import make_member, make_staff
from tracking.actor import Actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(acme, admin):
    """Another administrator, so that nobody is the last one."""
    return make_member(acme, "boss@acme.example", "Bea Boss", roles=["administrator"])


@pytest.fixture
def required(acme, admin, boss):
    Domain.objects.create(account=acme, name="acme.example", verified_at=timezone.now(), verified_how="dns")
    Entitlement.objects.create(account=acme, code="sso", start_date="2026-01-01", source="test")
    second_factor(admin)
    return IdentityProvider.objects.create(
        account=acme, protocol="oidc", is_active=True, is_enforced=True, emergency_administrator=admin
    )


def place(admin):
    return Membership.objects.get(user=admin)


def stays(admin):
    member = place(admin)
    return (member.roles, member.may_come_in) == (["administrator"], True)


@pytest.mark.parametrize(("end", "form"), [("", {"roles": ["viewer"]}), ("deactivate/", {})])
def test_a_colleague_neither_demotes_nor_deactivates_them(required, admin, boss, signed_in, end, form):
    client = signed_in(boss)
    answer = client.post(f"/company/people/{place(admin).public_id}/{end}", form)
    assert answer.status_code == 409
    assert "Name another one there" in answer.content.decode()
    assert stays(admin)
    IdentityProvider.objects.update(emergency_administrator=boss)
    assert client.post(f"/company/people/{place(admin).public_id}/{end}", form).status_code == 302
    assert not stays(admin)


def test_they_neither_leave_nor_hand_over(required, admin, boss, signed_in):
    client = signed_in(admin)
    for url in ("/company/people/leave/", f"/company/people/{place(boss).public_id}/hand-over/"):
        answer = client.post(url)
        assert answer.status_code == 409, url
        assert "emergency administrator" in answer.content.decode()
    assert stays(admin)


def test_without_the_requirement_they_are_like_everybody(required, admin, boss, signed_in):
    IdentityProvider.objects.update(is_enforced=False)
    assert signed_in(boss).post(f"/company/people/{place(admin).public_id}/deactivate/").status_code == 302
    assert not stays(admin)


def test_a_directory_keeps_them(acme, required, admin, boss, now):
    Domain.objects.all().delete()
    Entitlement.objects.all().delete()
    directory = connected(acme, "acme.example", now)
    url = f"Users/{place(admin).public_id}"
    assert "emergency administrator" in refused(directory.ask("delete", url), 409)
    off = {"op": "replace", "path": "active", "value": False}
    assert "stop requiring" in refused(directory.patch(url, off), 409)
    assert stays(admin)


def test_they_are_not_erased(required, admin, boss, signed_in):
    answer = signed_in(admin).post("/me/privacy/erase/", {"confirmed": "on"})
    assert answer.status_code == 422
    assert "emergency administrator of Acme Logistics GmbH" in answer.content.decode()
    assert not Erasure.objects.exists()


def test_an_erasure_under_way_waits_for_another_one(required, admin, boss):
    IdentityProvider.objects.update(emergency_administrator=None, is_enforced=False)
    erasing.request_erasure(user=admin, now=timezone.now())
    IdentityProvider.objects.update(emergency_administrator=admin, is_enforced=True)
    later = timezone.now() + timedelta(days=400)
    erasing.carry_out_due(now=later)
    assert Erasure.objects.get().state == Erasure.State.BLOCKED
    assert stays(admin)
    IdentityProvider.objects.update(emergency_administrator=boss)
    erasing.carry_out_due(now=later)
    assert Erasure.objects.get().state == Erasure.State.RUNNING


def test_joined_with_another_entry_of_theirs_that_one_takes_over(acme, required, admin, boss):
    """Nothing is refused: the entry that stays has the role, the second factor and the task."""
    other = make_member(acme, "ada@acme.example", "Ada Achterberg", roles=["viewer"])
    staff = make_staff("root@vendor.example", "Root", group="System administrator")
    merge_people(merged=admin, survivor=other, by=staff, reason="One person, two entries", now=timezone.now())
    required.refresh_from_db()
    assert required.emergency_administrator == other
    assert "administrator" in Membership.objects.get(user=other).roles
    assert other_way(User.objects.get(pk=other.pk))[0] is OtherWay.OPEN


def test_a_job_keeps_them_too(required, admin, boss):
    with pytest.raises(EmergencyAdministrator):
        change_member(
            member=place(admin), roles=["viewer"], department="", by=None, actor=Actor.system(), now=timezone.now()
        )
    assert stays(admin)
