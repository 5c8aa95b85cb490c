"""People with several addresses, and a directory or an identity provider that names one of them."""

import re

import pytest
from allauth.account.models import EmailAddress

from accounts.models import Membership, User
from accounts.sso.answers import Answer, Reason, SsoRefused
from accounts.sso.people import decide, sign_in
from tests.accounts.test_scim import BJENSEN, connected, refused
from tests.accounts.test_sso_sign_in import provider_of
from tests.factories import make_member

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_cache")]  # Adding addresses is rationed.

FURTHER = "bjensen@example.com"


@pytest.fixture
def directory(admin, acme, now):
    return connected(acme, "example.com", now)


@pytest.fixture
def provider(directory, acme):
    return provider_of(acme, protocol="oidc", default_roles=["viewer"])


def with_further(account, email, **fields):
    person = make_member(account, email, "Barbara Jensen", roles=["billing"])
    EmailAddress.objects.create(user=person, email=FURTHER, **{"verified": True, "primary": False} | fields)
    return person


def answer(now, email=FURTHER):
    return Answer(id="1", subject="barbara", expires_at=now, attributes={"email": [email]})


def test_a_directory_links_somebody_of_its_own_by_a_further_address(directory, acme, globex):
    person = with_further(globex, "barbara@example.com")
    assert directory.create().status_code == 201
    assert {one.account for one in Membership.objects.filter(user=person)} == {acme, globex}
    person.refresh_from_db()
    assert person.email == FURTHER
    assert EmailAddress.objects.get(user=person, primary=True).email == FURTHER


def test_a_directory_gets_nobody_by_a_further_address_who_signs_in_with_one_of_others(directory, acme, globex):
    person = with_further(globex, "private@elsewhere.example")
    detail = refused(directory.create(), 409, "uniqueness")
    assert "invite them" in detail
    assert "private@elsewhere.example" not in detail
    assert not Membership.objects.for_account(acme).filter(user=person).exists()
    assert User.objects.filter(email=FURTHER).count() == 0


def test_a_directory_gives_nobody_the_further_address_of_somebody_else(directory, globex):
    with_further(globex, "private@elsewhere.example")
    other = directory.create(
        userName="other@example.com", externalId="2", emails=[{"value": "other@example.com", "primary": True}]
    ).json()
    taken = BJENSEN | {"externalId": "2"}
    refused(directory.ask("put", f"Users/{other['id']}", taken), 409, "uniqueness")
    assert User.objects.filter(email="other@example.com").exists()


def test_an_address_that_nobody_has_verified_is_nobodys(directory, globex):
    person = with_further(globex, "private@elsewhere.example", verified=False)
    assert directory.create().status_code == 201
    assert User.objects.get(email=FURTHER) != person


def test_single_sign_on_links_somebody_of_its_own_by_a_further_address(provider, acme, globex, now):
    person = with_further(globex, "barbara@example.com")
    assert sign_in(provider=provider, answer=answer(now), now=now) == person
    assert Membership.objects.for_account(acme).get(user=person).roles == ["viewer"]


def test_single_sign_on_signs_in_nobody_whose_own_address_is_of_others(provider, acme, globex, now):
    with_further(globex, "private@elsewhere.example")
    with pytest.raises(SsoRefused) as refusal:
        decide(provider, answer(now), now=now)
    assert refusal.value.reason is Reason.FURTHER_ADDRESS
    assert "Invite the person" in refusal.value.advice
    assert "private@" not in refusal.value.advice


def code_in(mail):
    return re.search(r"^\s*([A-Z0-9-]{6,})\s*$", mail.body, re.M).group(1)


def test_nobody_adds_an_address_that_a_directory_made_a_person_for(directory, globex, signed_in, mailoutbox):
    directory.create()
    person = make_member(globex, "private@elsewhere.example", "Barbara Jensen", roles=["billing"])
    client = signed_in(person)
    assert client.post("/accounts/email/", {"action_add": "", "email": FURTHER}).status_code in (200, 302)
    assert not EmailAddress.objects.filter(user=person, email=FURTHER).exists()
    assert User.objects.with_address(FURTHER) != person


def test_an_address_that_was_given_away_while_the_code_was_on_its_way(directory, globex, signed_in, mailoutbox):
    person = make_member(globex, "private@elsewhere.example", "Barbara Jensen", roles=["billing"])
    client = signed_in(person)
    client.post("/accounts/email/", {"action_add": "", "email": FURTHER})
    directory.create()
    page = client.post("/accounts/confirm-email/", {"code": code_in(mailoutbox[-1])}, follow=True)
    assert page.status_code in (200, 409, 422)
    assert not EmailAddress.objects.filter(user=person, email=FURTHER, verified=True).exists()
    assert User.objects.with_address(FURTHER) != person
