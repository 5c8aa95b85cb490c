"""Joining a company whose people sign in by its identity provider alone: nobody gets a password on the way."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import invitations
from accounts.claims import send_claim
from accounts.invitations import Invitee
from accounts.models import (
    Domain,
    Entitlement,
    IdentityProvider,
    Invitation,
    JoinRequest,
    Membership,
    OutgoingMail,
    User,
)
from accounts.models.sso import Protocol
from accounts.sso import oidc
from sandbox.idp import OidcProvider
from sandbox.processes import free_port
from tests.accounts.sso_side import ACME, CLIENTS, SECRET, Browser, person
from tracking.actor import Actor

pytestmark = pytest.mark.django_db

PAGE = "/invitation/"
NEW = {"name": "Nele Neu", "password": "a-long-enough-phrase"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("oidc")
    with OidcProvider(folder, port=free_port(), log=folder / "log", clients=CLIENTS) as server:
        yield server


@pytest.fixture
def provider(acme, admin, server, settings):
    """Acme requires single sign-on, and gives new people no role by itself."""
    settings.OUTBOUND_LOOPBACK = True
    acme.public_id = ACME
    acme.save()
    Domain.objects.create(account=acme, name="acme.example", verified_at=timezone.now(), verified_how="dns")
    Entitlement.objects.create(account=acme, code="sso", start_date="2026-01-01", source="test")
    made = IdentityProvider(
        account=acme, protocol=Protocol.OIDC, issuer=server.url, client_id="portal",
        endpoints=oidc.discover(server.url), is_active=True, is_enforced=True, emergency_administrator=admin,
        creates_members=False,
    )  # fmt: skip
    made.secret = SECRET
    made.save()
    server.control(person=person("new@acme.example", "Nele Neumann"))
    return made


def invite(administrator, as_customer, email="new@acme.example"):
    with as_customer(administrator.membership):
        made = invitations.invite(
            account=administrator.membership.account,
            invitee=Invitee(email, roles=("support",), department="Dispatch"),
            by=administrator.membership,
            actor=administrator.membership.actor(),
            now=timezone.now(),
        )
    return made, link_to(email)


def link_to(email):
    text = OutgoingMail.objects.filter(to=email, kind__in=["invitation", "claim_link"]).latest("pk").text
    return re.search(r"https?://[^/]+(/\S+)", text).group(1)


def test_an_invitation_leads_to_the_identity_provider_and_is_used_on_coming_back(provider, admin, as_customer):
    invitation, link = invite(admin, as_customer)
    browser = Browser()
    page = browser.open(link).content.decode()
    assert "Sign in with Acme Logistics GmbH" in page
    assert 'name="password"' not in page
    assert browser.open(f"/sso/{ACME}/").status_code == 200
    user = User.objects.get(email="new@acme.example")
    assert (user.has_usable_password(), browser.client.session["_auth_user_id"]) == (False, str(user.pk))
    membership = Membership.objects.get(user=user)
    assert (membership.account_id, membership.roles, membership.department) == (
        provider.account_id,
        ["support"],
        "Dispatch",
    )
    invitation.refresh_from_db()
    assert invitation.accepted_at is not None


def test_a_password_sent_all_the_same_makes_nobody(provider, admin, as_customer):
    invitation, link = invite(admin, as_customer)
    browser = Browser()
    browser.open(link)
    answer = browser.client.post(PAGE, NEW)
    assert "Sign in with Acme Logistics GmbH" in answer.content.decode()
    assert not User.objects.filter(email="new@acme.example").exists()
    with pytest.raises(invitations.SingleSignOnRequired):
        invitations.accept_as_new(
            public_id=invitation.public_id, token=link.partition("token=")[2], now=timezone.now(), **NEW
        )
    assert not User.objects.filter(email="new@acme.example").exists()


def test_the_invitation_of_another_company_waits_for_them_to_come_back(provider, other_admin, as_customer):
    IdentityProvider.objects.update(creates_members=True, default_roles=["viewer"])
    _invitation, link = invite(other_admin, as_customer)
    browser = Browser()
    page = browser.open(link).content.decode()
    assert "Sign in with Acme Logistics GmbH" in page
    back = browser.open(f"/sso/{ACME}/?next={PAGE}")
    assert "Join Globex Retail" in back.content.decode()
    assert browser.client.post(PAGE).status_code == 302
    user = User.objects.get(email="new@acme.example")
    assert {one.account.name for one in Membership.objects.filter(user=user)} == {
        "Acme Logistics GmbH",
        other_admin.membership.account.name,
    }
    assert not user.has_usable_password()


@pytest.mark.parametrize("change", [{"revoked_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(days=1)}])
def test_an_invitation_that_is_over_lets_nobody_in(provider, admin, as_customer, change):
    invite(admin, as_customer)
    Invitation.objects.update(**change)
    browser = Browser()
    answer = browser.open(f"/sso/{ACME}/")
    assert answer.status_code == 403
    assert "Reason: not_a_member" in answer.content.decode()
    assert not User.objects.filter(email="new@acme.example").exists()


def test_signing_up_leads_to_the_identity_provider(provider, client):
    answer = client.post(
        "/accounts/signup/", {"email": "New@acme.example", "name": "Nele", "password1": NEW["password"]}
    )
    assert answer["Location"] == f"/sso/{ACME}/required/"
    assert not User.objects.filter(email="new@acme.example").exists()


def test_a_claim_link_makes_no_password_either(provider, globex):
    send_claim(account=globex, email="new@acme.example", name="", actor=Actor.staff(1, globex.pk), now=timezone.now())
    browser = Browser()
    page = browser.open(link_to("new@acme.example")).content.decode()
    assert f"/sso/{ACME}/?next=%2Finvitation%2F" in page
    browser.client.post(PAGE, NEW)
    assert not User.objects.filter(email="new@acme.example").exists()
    IdentityProvider.objects.update(creates_members=True, default_roles=["viewer"])
    browser.open(f"/sso/{ACME}/?next={PAGE}")
    browser.client.post(PAGE)
    user = User.objects.get(email="new@acme.example")
    assert Membership.objects.get(user=user, account=globex).roles == ["administrator"]


def test_whom_the_administrators_let_join_comes_by_the_identity_provider(provider, admin, signed_in):
    asked = JoinRequest.objects.create(account=provider.account, email="new@acme.example", origin="vendor")
    answer = signed_in(admin).post(f"/company/people/requests/{asked.public_id}/", {"roles": ["viewer"]})
    assert answer.status_code == 302
    browser = Browser()
    assert "Sign in with Acme Logistics GmbH" in browser.open(link_to("new@acme.example")).content.decode()
    browser.open(f"/sso/{ACME}/")
    assert Membership.objects.get(user__email="new@acme.example").roles == ["viewer"]
