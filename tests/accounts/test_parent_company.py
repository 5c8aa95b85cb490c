"""A parent company's administrators look at a subsidiary that is open to them, and change nothing there."""

import uuid

import pytest

from accounts.models import Account, Membership, TermsAcceptance
from cases.models import Case
from tests.accounts.test_terms import make_terms
from tests.factories import make_account, make_member

pytestmark = pytest.mark.django_db

NEW_CASE = {"subject": "The scanner beeps", "topic": "access", "priority": "normal", "description": "Twice a minute."}


@pytest.fixture
def subsidiary(acme):
    account = make_account("Acme Freight Sp. z o.o.", parent=acme, is_open_to_parent=True)
    make_member(account, "pola@freight.example", "Pola Nowak", roles=["administrator"])
    return account


def open_case(account):
    boss = Membership.objects.get(account=account).user
    return Case.objects.create(account=account, opened_by=boss, subject="Forklift offline")


def work_for(client, account):
    return client.post("/company/switch/", {"account": account.public_id})


def test_an_administrator_sees_the_subsidiarys_cases(admin, subsidiary, signed_in):
    case = open_case(subsidiary)
    client = signed_in(admin)
    assert "Acme Freight" in client.get("/").content.decode()
    assert work_for(client, subsidiary).status_code == 302
    assert case.number in client.get("/cases/").content.decode()
    page = client.get(case.get_absolute_url()).content.decode()
    assert "Forklift offline" in page
    assert "Only its own people change something here" in page


def test_they_change_nothing(admin, subsidiary, signed_in):
    case = open_case(subsidiary)
    client = signed_in(admin)
    work_for(client, subsidiary)
    response = client.post("/cases/new/", NEW_CASE | {"form_key": uuid.uuid4()})
    assert response.status_code == 403
    assert "Only its own people change something here" in response.content.decode()
    assert client.get("/cases/new/").status_code == 403
    assert client.get("/company/profile/").status_code == 403
    assert client.post(f"{case.get_absolute_url()}close/").status_code == 403
    body = NEW_CASE | {"form_key": str(uuid.uuid4())}
    assert client.post("/api/v1/cases/", body, content_type="application/json").status_code == 403
    case.refresh_from_db()
    assert case.is_open
    assert Case.objects.count() == 1


def test_they_accept_new_terms_for_themselves_and_bind_no_subsidiary(admin, subsidiary, manager, signed_in):
    client = signed_in(admin)
    work_for(client, subsidiary)
    make_terms(by=manager, binds_company=True)
    page = client.get("/cases/", follow=True)
    body = {"text_hash": page.context["text_hash"], "next": "/cases/", "accepted": "on"}
    assert client.post("/terms/accept/", body)["Location"] == "/cases/"
    accepted = TermsAcceptance.objects.get()
    assert (accepted.user, accepted.company_id) == (admin, None)
    assert client.get("/cases/").status_code == 200


def test_a_visit_leaves_no_membership(admin, subsidiary, signed_in):
    client = signed_in(admin)
    work_for(client, subsidiary)
    client.get("/")
    assert not Membership.objects.filter(account=subsidiary, user=admin).exists()


def test_a_subsidiary_that_is_not_open_is_not_there(admin, subsidiary, signed_in):
    Account.objects.filter(pk=subsidiary.pk).update(is_open_to_parent=False)
    client = signed_in(admin)
    assert "Acme Freight" not in client.get("/").content.decode()
    assert work_for(client, subsidiary).status_code == 404


def test_it_closes_at_once_for_somebody_who_is_looking(admin, subsidiary, signed_in):
    case = open_case(subsidiary)
    client = signed_in(admin)
    work_for(client, subsidiary)
    Account.objects.filter(pk=subsidiary.pk).update(is_open_to_parent=False)
    assert client.get(case.get_absolute_url()).status_code == 404


@pytest.mark.parametrize("who", ["member", "viewer", "other_admin"])
def test_only_the_parents_administrators_look_on(who, request, subsidiary, signed_in):
    client = signed_in(request.getfixturevalue(who))
    assert work_for(client, subsidiary).status_code == 404


def test_a_subsidiarys_people_do_not_see_the_parent(admin, acme, subsidiary, signed_in):
    client = signed_in(Membership.objects.get(account=subsidiary).user)
    assert work_for(client, acme).status_code == 404


def test_subsidiaries_of_an_open_subsidiary_are_there_too(admin, subsidiary, signed_in):
    below = make_account("Acme Freight Gdynia", parent=subsidiary, is_open_to_parent=True)
    closed = make_account("Acme Freight Radom", parent=subsidiary)
    client = signed_in(admin)
    assert work_for(client, below).status_code == 302
    assert work_for(client, closed).status_code == 404


def test_companies_that_own_each_other_end_the_search(admin, acme, subsidiary, signed_in):
    Account.objects.filter(pk=acme.pk).update(parent=subsidiary, is_open_to_parent=True)
    assert work_for(signed_in(admin), subsidiary).status_code == 302


def test_a_subsidiarys_own_administrator_opens_it(admin, acme, subsidiary, signed_in):
    Account.objects.filter(pk=subsidiary.pk).update(is_open_to_parent=False)
    client = signed_in(Membership.objects.get(account=subsidiary).user)
    page = client.get("/company/profile/").content.decode()
    assert "Administrators of Acme Logistics GmbH may see everything here" in page
    details = {"billing_country": "PL", "time_zone": "Europe/Warsaw", "is_open_to_parent": "on"}
    assert client.post("/company/profile/", details).status_code == 302
    assert work_for(signed_in(admin), subsidiary).status_code == 302


def test_a_company_without_a_parent_is_not_asked(admin, signed_in):
    assert "may see everything here" not in signed_in(admin).get("/company/profile/").content.decode()
