"""Claim links to contacts of Salesforce: whoever takes one is that contact, and no second one is made."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Invitation, Membership, OutgoingMail, User
from crm.models import Link, OutboxRow
from tests.factories import make_account, make_member, make_staff

pytestmark = pytest.mark.django_db

NEW = {"name": "Fay First", "password": "a-long-enough-phrase"}


@pytest.fixture
def staff(db, signed_in):
    return signed_in(make_staff("success@vendor.example", "Cleo Success", group="Customer success"))


@pytest.fixture
def customer(org, push):
    """A company that both sides know, with nobody in the portal."""
    account = make_account("Umbra GmbH", tier="growth", industry="retail")
    push()
    return account


@pytest.fixture
def contact(org, customer):
    """Somebody at the company whom sales have entered in Salesforce."""
    return org.create(
        "Contact", FirstName="Fay", LastName="First", Email="Fay@umbra.example", Title="Head of Fleet",
        Phone="+49 30 7", AccountId=Link.objects.get(external_id=customer.public_id).crm_id,
    )  # fmt: skip


def page(account):
    return f"/admin/accounts/account/{account.pk}/claim-contacts/"


def link_in_the_mail():
    text = OutgoingMail.objects.filter(kind="claim_link").latest("pk").text
    return re.search(r"https?://[^/]+(/\S+)", text).group(1)


def test_whoever_takes_the_link_is_the_contact_and_no_second_one_is_made(org, customer, contact, staff, push, pull):
    shown = staff.get(page(customer)).content.decode()
    assert "Fay First" in shown
    assert "fay@umbra.example" in shown
    assert staff.post(page(customer), {"contact": contact}).status_code == 302
    visitor = Client()
    visitor.get(link_in_the_mail())
    assert visitor.post("/invitation/", NEW).status_code == 302
    push()
    [record] = org.records("Contact")
    member = Membership.objects.get(account=customer)
    assert (record["Id"], record["Portal_Id__c"]) == (contact, str(member.public_id))
    assert (record["Portal_Role__c"], record["Portal_Active__c"]) == ("administrator", True)
    assert (record["Phone"], record["Title"]) == ("+49 30 7", "Head of Fleet")  # What they had stays,
    pull("Contact")
    assert User.objects.get(pk=member.user_id).phone == "+49 30 7"  # and comes over.
    assert "Is in the portal already" in staff.get(page(customer)).content.decode()


def test_a_contact_who_is_in_the_portal_gets_no_link(org, customer, contact, staff, push):
    member = make_member(customer, "mara@umbra.example", "Mara Member", roles=["viewer"])
    push()
    theirs = Link.objects.get(external_id=member.memberships.get().public_id).crm_id
    answer = staff.post(page(customer), {"contact": theirs})
    assert answer.status_code == 422
    assert "belongs to the company already" in answer.content.decode()
    assert not Invitation.objects.exists()


def test_a_link_that_nobody_took_makes_room_for_another(org, customer, contact, staff):
    staff.post(page(customer), {"contact": contact})
    assert staff.post(page(customer), {"contact": contact}).status_code == 422  # It still works.
    Invitation.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    assert staff.post(page(customer), {"contact": contact}).status_code == 302
    [waiting] = Invitation.objects.waiting()
    assert Link.objects.get(crm_id=contact).external_id == waiting.public_id


def test_a_company_with_an_administrator_is_asked_and_nothing_is_tied(org, customer, contact, staff):
    make_member(customer, "boss@umbra.example", "Bo Boss", roles=["administrator"])
    assert staff.post(page(customer), {"contact": contact}).status_code == 302
    assert not Invitation.objects.exists()
    assert not Link.objects.filter(crm_id=contact).exists()


def test_contacts_of_another_company_are_not_offered(org, customer, contact, staff, push):
    other = make_account("Penumbra AG", tier="growth", industry="retail")
    push()
    assert "has no contact" in staff.get(page(other)).content.decode()
    assert staff.post(page(other), {"contact": contact}).status_code == 404
    assert not Invitation.objects.exists()


def test_while_salesforce_is_away_an_address_is_entered_by_hand(org, customer, contact, staff):
    org.fault(status=503, path="query")
    answer = staff.get(page(customer))
    assert answer.status_code == 503
    assert "Enter an address by hand" in answer.content.decode()


def test_without_salesforce_too(staff):
    account = make_account("Umbra GmbH", tier="growth", industry="retail")
    OutboxRow.objects.all().delete()
    assert "has no contact" in staff.get(page(account)).content.decode()


def test_who_may_send_no_claim_link_sees_no_contacts(customer, contact, agent, admin, client, signed_in):
    assert signed_in(agent).get(page(customer)).status_code == 403
    assert signed_in(admin).get(page(customer)).status_code in (302, 403)
    assert client.get(page(customer)).status_code == 302
    assert signed_in(agent).post(page(customer), {"contact": contact}).status_code == 403
    assert not Invitation.objects.exists()
