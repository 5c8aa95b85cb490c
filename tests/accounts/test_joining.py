"""Asking to belong to a company, and what its administrators answer."""

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts.domains import DomainRefused, add_domain
from accounts.models import Domain, Invitation, JoinRequest, Membership, OutgoingMail
from tests.factories import make_member, make_user
from tracking.models import Event


@pytest.fixture
def domain(acme):
    return Domain.objects.create(
        account=acme, name="acme.example", verified_at=timezone.now(), verified_how="dns", is_joinable=True
    )


@pytest.fixture
def newcomer(db):
    """Signed up with a verified address of Acme's domain."""
    return make_user("nele@acme.example", "Nele Neu")


@pytest.fixture
def asked(admin, domain, newcomer, signed_in):
    signed_in(newcomer).post("/join/", {"ask": domain.account.public_id})
    return JoinRequest.objects.get()


def test_without_a_company_one_is_led_to_ask(newcomer, signed_in):
    page = signed_in(newcomer).get("/")
    assert page.status_code == 403
    assert 'href="/join/"' in page.content.decode()


def test_somebody_of_the_domain_asks_and_the_administrators_are_told(admin, viewer, domain, newcomer, signed_in):
    client = signed_in(newcomer)
    assert "Ask to join Acme Logistics GmbH" in client.get("/join/").content.decode()
    client.post("/join/", {"ask": domain.account.public_id})
    asked = JoinRequest.objects.get()
    assert (asked.user, asked.account, asked.origin) == (newcomer, domain.account, "domain")
    assert list(OutgoingMail.objects.values_list("kind", "to")) == [("join_requested", "admin@acme.example")]
    assert "You asked Acme Logistics GmbH" in client.get("/join/").content.decode()
    assert Event.objects.filter(name="join_requested", user_id=newcomer.pk).count() == 1


def test_asking_twice_is_asking_once(admin, domain, newcomer, signed_in):
    client = signed_in(newcomer)
    for _ in range(2):
        client.post("/join/", {"ask": domain.account.public_id})
    assert JoinRequest.objects.count() == OutgoingMail.objects.count() == 1


@pytest.mark.parametrize("change", ["unverified address", "joining off", "domain not verified", "other domain"])
def test_a_company_is_named_to_nobody_else(admin, domain, newcomer, signed_in, change):
    if change == "unverified address":
        EmailAddress.objects.filter(user=newcomer).update(verified=False)
    elif change == "joining off":
        Domain.objects.update(is_joinable=False)
    elif change == "domain not verified":
        Domain.objects.update(is_joinable=False, verified_at=None, verified_how="")
    else:
        EmailAddress.objects.filter(user=newcomer).update(email="nele@acme.example.net")
    client = signed_in(newcomer)
    assert "Acme" not in client.get("/join/").content.decode()
    assert client.post("/join/", {"ask": domain.account.public_id}).status_code == 404
    assert not JoinRequest.objects.exists()


def test_a_public_mail_provider_is_no_companys_domain(acme):
    with pytest.raises(DomainRefused):
        add_domain(account=acme, name="gmail.com")


def test_asking_an_administrator_tells_nothing_about_who_is_one(admin, viewer, other_admin, newcomer, signed_in):
    client, answers = signed_in(newcomer), set()
    for email in ("ADMIN@acme.example", "viewer@acme.example", "nobody@nowhere.example"):
        answer = client.post("/join/", {"email": email}, follow=True)
        answers.add(answer.content.decode().partition("<main")[2].partition("csrfmiddlewaretoken")[0])
    assert len(answers) == 1
    assert [(one.account, one.origin) for one in JoinRequest.objects.all()] == [(admin.membership.account, "address")]


def test_nobody_asks_too_many_at_a_time(newcomer, signed_in):
    from tests.factories import make_account

    for number in range(6):
        make_member(make_account(f"Company {number}"), f"a{number}@x.example", "Ad", roles=["administrator"])
    client = signed_in(newcomer)
    answers = [client.post("/join/", {"email": f"a{number}@x.example"}).status_code for number in range(6)]
    assert answers == [302] * 5 + [422]
    assert JoinRequest.objects.count() == 5


def test_an_administrator_lets_somebody_in_with_the_roles_they_choose(admin, asked, newcomer, signed_in):
    client = signed_in(admin)
    assert "nele@acme.example" in client.get("/company/people/requests/").content.decode()
    answer = client.post(
        f"/company/people/requests/{asked.public_id}/", {"roles": ["buyer", "viewer"], "department": "Fleet"}
    )
    assert answer.status_code == 302
    membership = Membership.objects.get(user=newcomer)
    assert (membership.roles, membership.department) == (["buyer", "viewer"], "Fleet")
    asked.refresh_from_db()
    assert (asked.state, asked.decided_by) == ("approved", admin)
    assert OutgoingMail.objects.filter(kind="join_approved", to="nele@acme.example").count() == 1
    assert signed_in(newcomer).get("/").status_code == 200


def test_an_administrator_declines(admin, asked, newcomer, signed_in):
    signed_in(admin).post(f"/company/people/requests/{asked.public_id}/decline/")
    asked.refresh_from_db()
    assert asked.state == "declined"
    assert not Membership.objects.filter(user=newcomer).exists()
    assert OutgoingMail.objects.filter(kind="join_declined", to="nele@acme.example").count() == 1


def test_a_request_is_answered_once(admin, asked, newcomer, signed_in):
    client = signed_in(admin)
    client.post(f"/company/people/requests/{asked.public_id}/decline/")
    answer = client.post(f"/company/people/requests/{asked.public_id}/", {"roles": ["buyer"]}, follow=True)
    assert "Another administrator has answered already" in answer.content.decode()
    assert not Membership.objects.filter(user=newcomer).exists()
    assert not Invitation.objects.exists()


def test_without_a_role_nobody_is_let_in(admin, asked, newcomer, signed_in):
    assert signed_in(admin).post(f"/company/people/requests/{asked.public_id}/", {}).status_code == 422
    assert not Membership.objects.filter(user=newcomer).exists()


# Who may.


@pytest.mark.parametrize("end", ["", "decline/"])
def test_a_stranger_answers_nobody(asked, newcomer, other_admin, signed_in, end):
    answer = signed_in(other_admin).post(f"/company/people/requests/{asked.public_id}/{end}", {"roles": ["buyer"]})
    assert answer.status_code == 404
    assert not Membership.objects.filter(user=newcomer).exists()


@pytest.mark.parametrize("end", ["", "decline/"])
def test_who_is_no_administrator_answers_nobody(asked, newcomer, viewer, signed_in, end):
    answer = signed_in(viewer).post(f"/company/people/requests/{asked.public_id}/{end}", {"roles": ["buyer"]})
    assert answer.status_code == 403
    assert not Membership.objects.filter(user=newcomer).exists()


def test_staff_ask_to_join_nothing(agent, signed_in):
    assert signed_in(agent).get("/join/").status_code == 403


@pytest.mark.parametrize("path", ["/join/", "/company/people/requests/"])
def test_visitors_sign_in_first(client, db, path):
    assert client.get(path)["Location"].startswith("/accounts/login/")
