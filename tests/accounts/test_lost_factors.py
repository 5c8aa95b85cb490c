"""A lost second factor: an administrator of the same company resets it, is confirmed, noted, and the person is told."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client

from accounts.models import AuditNote, Membership, OutgoingMail
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def with_app(member):
    TOTP.activate(member, "JBSWY3DPEHPK3PXP")
    return member


def url_of(user):
    return f"/company/people/{user.membership.public_id}/second-factor/"


def test_the_administrator_resets_it_and_the_person_is_told(signed_in, admin, member, client, request):
    theirs, own = Client(), signed_in(admin)
    theirs.post("/accounts/login/", {"login": member.email, "password": PASSWORD})
    assert theirs.get("/company/").status_code == 200
    with_app = request.getfixturevalue("with_app")
    assert "Reset the second factor of Milo Brandt" in own.get(url_of(with_app)).content.decode()
    assert own.post(url_of(with_app)).status_code == 302
    assert not Authenticator.objects.exists()
    assert theirs.get("/company/").url.startswith("/accounts/login/"), "who was signed in is so no more"
    note = AuditNote.objects.get(action="second_factor.reset")
    assert (note.actor_id, note.subject_id, note.account_id) == (admin.pk, with_app.pk, admin.membership.account_id)
    assert OutgoingMail.objects.get(kind="second_factor_reset").to == with_app.email
    answer = client.post("/accounts/login/", {"login": with_app.email, "password": PASSWORD})
    assert answer["Location"] == "/"


def refused(client, user, *, status):
    response = client.post(url_of(user))
    assert response.status_code == status
    assert Authenticator.objects.filter(user=user).exists()
    assert not AuditNote.objects.filter(action="second_factor.reset").exists()
    return response.content.decode()


def test_who_works_for_another_company_too_is_not_this_one_s_to_reset(signed_in, admin, with_app, globex):
    Membership.objects.create(account=globex, user=with_app, roles=["viewer"])
    assert "not your company" in refused(signed_in(admin), with_app, status=409)


def test_one_s_own_is_not_reset_so(signed_in, admin):
    TOTP.activate(admin, "JBSWY3DPEHPK3PXP")
    refused(signed_in(admin), admin, status=409)


def test_where_there_is_none_nobody_is_signed_out(signed_in, admin, member):
    theirs = signed_in(member)
    assert signed_in(admin).post(url_of(member)).status_code == 409
    assert theirs.get("/company/").status_code == 200
    assert not OutgoingMail.objects.filter(kind="second_factor_reset").exists()


def test_it_is_confirmed_first(signed_in, admin, with_app):
    assert signed_in(admin, confirmed=False).post(url_of(with_app))["Location"].startswith("/accounts/reauthenticate/")
    assert Authenticator.objects.exists()


def test_the_second_step_says_whom_to_ask(client, with_app):
    client.post("/accounts/login/", {"login": with_app.email, "password": PASSWORD})
    assert "Ask an administrator of your company" in client.get("/accounts/2fa/authenticate/").content.decode()


def test_strangers_colleagues_and_visitors_reset_nothing(signed_in, other_admin, viewer, with_app, client):
    refused(signed_in(other_admin), with_app, status=404)
    refused(signed_in(viewer), with_app, status=403)
    assert client.post(url_of(with_app))["Location"].startswith("/accounts/login/")
    assert Authenticator.objects.exists()
