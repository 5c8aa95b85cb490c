"""A link in a mail opens the right one of somebody's companies, also with the sign-in in between."""

import pytest
from django.test import Client

from accounts.models import Membership
from cases.models import Case
from tests.factories import make_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def freight(admin):
    account = make_account("Acme Freight Sp. z o.o.", billing_country="PL")
    Membership.objects.create(account=account, user=admin, roles=["administrator"])
    return account


@pytest.fixture
def case(freight, admin):
    return Case.objects.create(account=freight, opened_by=admin, subject="Forklift offline")


def link_to(case):
    return f"{case.get_absolute_url()}?company={case.account.public_id}"


def test_it_switches_to_the_company_of_the_link(admin, acme, case, signed_in):
    client = signed_in(admin)
    assert client.get(case.get_absolute_url()).status_code == 404
    response = client.get(link_to(case), follow=True)
    assert response.redirect_chain == [(case.get_absolute_url(), 302)]
    assert "Forklift offline" in response.content.decode()
    assert client.get("/cases/").context["current_account"] == case.account


def test_the_rest_of_the_address_stays(admin, freight, signed_in):
    response = signed_in(admin).get("/cases/", {"show": "all", "company": freight.public_id})
    assert response.headers["Location"] == "/cases/?show=all"


def test_the_sign_in_in_between_keeps_it(admin, acme, case):
    admin.set_password("correct-horse-battery")
    admin.save(update_fields=["password"])
    client = Client()
    sign_in = client.get(link_to(case)).headers["Location"]
    response = client.post(sign_in, {"login": admin.email, "password": "correct-horse-battery"}, follow=True)
    assert response.request["PATH_INFO"] == case.get_absolute_url()
    assert "Forklift offline" in response.content.decode()


def test_a_company_that_is_not_mine_is_not_there(other_admin, case, signed_in):
    client = signed_in(other_admin)
    assert client.get(link_to(case)).status_code == 404
    assert client.get("/cases/", {"company": case.account.public_id}).status_code == 404
    assert client.get("/cases/", {"company": "no-uuid"}).status_code == 404


def test_somebody_who_has_left_finds_nothing(admin, case, signed_in):
    Membership.objects.filter(account=case.account).update(is_active=False)
    assert signed_in(admin).get(link_to(case)).status_code == 404
