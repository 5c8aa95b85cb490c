"""Claim links: a company's first user comes in as its administrator, by a link that the staff send."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from accounts.claims import send_claim
from accounts.models import Invitation, JoinRequest, Membership, OutgoingMail
from tests.factories import make_member, make_staff
from tests.racing import race
from tracking.actor import Actor
from tracking.models import Event

NEW = {"name": "Fay First", "password": "a-long-enough-phrase"}


@pytest.fixture
def success(db):
    return make_staff("success@vendor.example", "Cleo Success", group="Customer success")


def page(account):
    return f"/admin/accounts/account/{account.pk}/claim-link/"


def claim(account, email):
    made = send_claim(account=account, email=email, name="", actor=Actor.staff(1, account.pk), now=timezone.now())
    text = OutgoingMail.objects.get(kind="claim_link", to=email).text
    return made, re.search(r"https?://[^/]+(/\S+)", text).group(1)


def test_the_staff_send_a_link_and_its_reader_becomes_the_first_administrator(acme, success, signed_in):
    staff = signed_in(success)
    assert staff.get(page(acme)).status_code == 200
    assert staff.post(page(acme), {"email": "Fay@acme.example", "name": "Fay First"}).status_code == 302
    mail = OutgoingMail.objects.get(kind="claim_link")
    visitor = Client()
    visitor.get(re.search(r"https?://[^/]+(/\S+)", mail.text).group(1))
    assert "first administrator" in visitor.get("/invitation/").content.decode()
    assert visitor.post("/invitation/", NEW)["Location"] == "/"
    membership = Membership.objects.get(account=acme)
    assert (membership.user.email, membership.roles) == ("fay@acme.example", ["administrator"])
    assert Event.objects.get(name="claim_link_sent").user_id == success.pk


def test_a_company_with_an_administrator_is_asked_instead(acme, admin, success, signed_in):
    signed_in(success).post(page(acme), {"email": "fay@acme.example", "name": "Fay First"})
    assert not Invitation.objects.exists()
    asked = JoinRequest.objects.get()
    assert (asked.email, asked.origin, asked.user) == ("fay@acme.example", "vendor", None)
    assert OutgoingMail.objects.get().to == "admin@acme.example"
    signed_in(admin).post(f"/company/people/requests/{asked.public_id}/", {"roles": ["viewer"]})
    invitation = Invitation.objects.get()
    assert (invitation.email, invitation.roles, invitation.is_claim) == ("fay@acme.example", ["viewer"], False)


def test_a_link_comes_too_late_when_somebody_else_was_first(acme, signed_in):
    _made, link = claim(acme, "fay@acme.example")
    quick = make_member(acme, "quick@acme.example", "Quinn Quick", roles=["administrator"])
    visitor = Client()
    visitor.get(link)
    answer = visitor.post("/invitation/", NEW)
    assert answer.status_code == 409
    assert "has an administrator already" in answer.content.decode()
    assert Membership.objects.filter(account=acme).count() == 1
    asked = JoinRequest.objects.get()
    assert visitor.get(link, follow=True).status_code == 410
    signed_in(quick).post(f"/company/people/requests/{asked.public_id}/", {"roles": ["viewer"]})
    assert OutgoingMail.objects.filter(kind="invitation", to="fay@acme.example").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_claim_at_once_one_becomes_the_administrator(acme):
    from accounts.invitations import accept_as_new
    from accounts.scope import system_scope

    def accept(email):
        with system_scope():
            made, link = claim(acme, email)
        token = link.partition("token=")[2]
        return lambda: (
            accept_as_new(
                public_id=made.public_id, token=token, name="Somebody", password=NEW["password"], now=timezone.now()
            ).pk
        )

    ends = race(accept("one@acme.example"), accept("two@acme.example"))
    assert sorted(type(end).__name__ for end in ends) == ["AlreadyClaimed", "int"]
    assert Membership.objects.filter(account=acme).count() == 1


def test_the_same_address_gets_one_link(acme, success, signed_in):
    staff = signed_in(success)
    staff.post(page(acme), {"email": "fay@acme.example"})
    again = staff.post(page(acme), {"email": "FAY@acme.example"})
    assert again.status_code == 422
    assert "has an open invitation already" in again.content.decode()
    assert Invitation.objects.count() == 1


def test_an_agent_of_support_sends_none(acme, agent, signed_in):
    assert signed_in(agent).post(page(acme), {"email": "fay@acme.example"}).status_code == 403
    assert not Invitation.objects.exists()


def test_customers_and_visitors_send_none(acme, admin, client, signed_in):
    for somebody in (signed_in(admin), client):
        assert somebody.post(page(acme), {"email": "fay@acme.example"}).status_code in (302, 403)
    assert not Invitation.objects.exists()
