"""What a new person meets on Home: a checklist that follows what was done, and a tour that is shown until it ended."""

from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.utils import timezone

from accounts.homes import NEW_FOR
from accounts.models import Invitation, Membership
from portal.first_steps import TOUR, checklist_for, meets_first_steps
from tests.factories import make_member
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record

pytestmark = pytest.mark.django_db


def membership_of(user):
    return Membership.objects.select_related("account", "user", "home_layout").get(user=user)


def done(user):
    return [str(step.title) for step, is_done in checklist_for(membership_of(user)).lines if is_done]


@pytest.fixture
def begun(admin, now):
    """The administrator came this moment, to a company that nobody has described yet."""
    admin.membership.created_at = now
    admin.membership.save()
    return admin


def test_an_administrators_steps_follow_from_what_is_there(begun, acme, now):
    assert done(begun) == []
    acme.billing_email, acme.billing_street, acme.billing_city, acme.billing_country = "a@b.example", "1", "Ulm", "DE"
    acme.save()
    assert done(begun) == ["Complete your company's details"]
    make_member(acme, "colleague@acme.example", "Colin", roles=["viewer"])
    assert "Invite a colleague" in done(begun)
    Authenticator.objects.create(user=begun, type="recovery_codes", data={})
    assert "Set up a second factor" not in done(begun)
    Authenticator.objects.create(user=begun, type="totp", data={})
    assert "Set up a second factor" in done(begun)
    record(name=EventName.CONTRACT_VIEWED, actor=begun.membership.actor(), now=now)
    assert checklist_for(membership_of(begun)).is_complete


@pytest.mark.parametrize(("is_claim", "expected"), [(True, []), (False, ["Invite a colleague"])])
def test_the_link_by_which_somebody_came_is_no_invitation_of_theirs(begun, acme, now, is_claim, expected):
    Invitation.objects.create(
        account=acme, email=begun.email, roles=["administrator"], is_claim=is_claim, token_hash="0" * 64,
        sent_at=now, expires_at=now + timedelta(days=7), accepted_at=now,
    )  # fmt: skip
    assert done(begun) == expected


def test_the_last_step_makes_the_checklist_disappear(acme, now):
    person = make_member(acme, "hella@acme.example", "Hella", roles=["support"])
    Membership.objects.filter(user=person).update(created_at=now)
    person.language = "en"
    person.save()
    actor = membership_of(person).actor()
    assert done(person) == ["Choose your language and time zone"]

    record(name=EventName.ARTICLE_VIEWED, actor=actor, now=now)
    assert done(person) == ["Choose your language and time zone", "Find an answer"]
    record(name=EventName.CASE_VIEWED, actor=actor, now=now)

    assert checklist_for(membership_of(person)).is_complete


def test_what_staff_or_others_did_is_not_the_persons_step(begun, acme, other_admin, agent, now):
    colleague = make_member(acme, "hella@acme.example", "Hella", roles=["support"])
    Membership.objects.filter(user=colleague).update(created_at=now)
    for actor in (begun.membership.actor(), other_admin.membership.actor(), Actor.staff(agent.pk, acme.pk)):
        record(name=EventName.ARTICLE_VIEWED, actor=actor, now=now)

    assert done(colleague) == []


def test_it_is_for_new_people(begun, now, django_assert_num_queries):
    membership = membership_of(begun)
    with django_assert_num_queries(0):
        assert not meets_first_steps(membership, now + NEW_FOR)
        assert meets_first_steps(membership, now + NEW_FOR - timedelta(seconds=1))
    with django_assert_num_queries(1):
        checklist_for(membership)


def test_the_card_of_home_is_gone_once_all_is_done(acme, signed_in):
    person = make_member(acme, "pay@acme.example", "Bill", roles=["billing"])
    client = signed_in(person)
    as_card = {"HX-Request": "true"}
    assert "0 of 3 done" in client.get("/me/first-steps/", headers=as_card).content.decode()
    person.language = "en"
    person.save()
    for name in (EventName.ARTICLE_VIEWED, EventName.CONTRACT_VIEWED):
        record(name=name, actor=membership_of(person).actor(), now=timezone.now())

    assert client.get("/me/first-steps/", headers=as_card).content.decode().strip() == ""
    assert "3 of 3 done" in client.get("/me/first-steps/").content.decode()


def test_the_checklist_is_put_away_by_one_person_for_themselves(begun, acme, signed_in):
    colleague = make_member(acme, "hella@acme.example", "Hella", roles=["support"])
    client = signed_in(begun)
    begun.membership.created_at = timezone.now()
    begun.membership.save()
    assert 'hx-get="/me/first-steps/"' in client.get("/").content.decode()

    assert client.post("/me/first-steps/")["Location"] == "/"

    assert 'hx-get="/me/first-steps/"' not in client.get("/").content.decode()
    assert 'hx-get="/me/first-steps/"' in signed_in(colleague).get("/").content.decode()


def test_the_tour_is_on_home_until_it_ended(admin, signed_in):
    client = signed_in(admin)
    assert "Tour, 1 of 5" in client.get("/").content.decode()
    assert "Tour, 2 of 5" in client.get("/me/tour/?stop=2").content.decode()
    assert "Tour, 1 of 5" in client.get("/").content.decode()

    assert client.post("/me/tour/")["Location"] == "/"

    assert "Tour, 1 of" not in client.get("/").content.decode()
    assert "Tour, 1 of 5" in client.get("/me/tour/").content.decode()


def test_nobody_who_knows_the_portal_is_shown_around(admin, now, signed_in):
    with time_machine.travel(now + NEW_FOR * 2, tick=False):
        html = signed_in(admin).get("/").content.decode()
    assert "Tour, 1 of" not in html
    assert "/me/first-steps/" not in html


def test_the_tour_shows_what_a_role_may_see(acme, signed_in):
    person = make_member(acme, "pay@acme.example", "Bill", roles=["billing"])
    client = signed_in(person)
    pages = [client.get(f"/me/tour/?stop={number}").content.decode() for number in range(1, len(TOUR))]

    assert "Tour, 1 of 4" in pages[0]
    assert not any("/cases/" in page.split("<main")[1] for page in pages)


@pytest.mark.parametrize("stop", ["0", "6", "-1", "x", "", "²"])
def test_a_stop_that_is_not_there(admin, signed_in, stop):
    assert signed_in(admin).get(f"/me/tour/?stop={stop}").status_code == 404


def test_the_card_on_home_fetches_the_next_stop_alone(admin, signed_in):
    html = signed_in(admin).get("/me/tour/?stop=2", headers={"HX-Request": "true"}).content.decode()

    assert "Tour, 2 of 5" in html
    assert "<html" not in html
    assert "data-primary-action" not in html


@pytest.mark.parametrize("url", ["/me/tour/", "/me/first-steps/"])
def test_anonymous_visitors_sign_in_first(client, url):
    assert client.post(url)["Location"] == f"/accounts/login/?next={url}"
