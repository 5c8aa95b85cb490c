"""Invitations: what an administrator sends, and what a link opens for whom."""

import re
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.db.utils import ProgrammingError
from django.test import Client
from django.utils import timezone

from accounts import invitations
from accounts.invitations import Invitee
from accounts.members import lock_company
from accounts.models import Invitation, JoinRequest, Membership, OutgoingMail, User
from accounts.scope import system_scope
from tests.factories import PASSWORD, make_member, make_user
from tests.racing import race, wait_for_a_lock
from tracking.models import Event

PAGE = "/invitation/"
NEW = {"name": "Nele Neu", "password": "a-long-enough-phrase"}


def link_in_the_mail(to="new@acme.example"):
    text = OutgoingMail.objects.filter(to=to, kind__in=["invitation", "claim_link"]).latest("pk").text
    return re.search(r"https?://[^/]+(/\S+)", text).group(1)


def token_of(link):
    return link.partition("token=")[2]


@pytest.fixture
def invited(admin, as_customer):
    """An invitation of somebody new, as a support contact."""
    with as_customer(admin.membership):
        return invitations.invite(
            account=admin.membership.account,
            invitee=Invitee("new@acme.example", roles=("support",), department="Dispatch"),
            by=admin.membership,
            actor=admin.membership.actor(),
            now=timezone.now(),
        )


@pytest.fixture
def link(invited):
    return link_in_the_mail()


@pytest.fixture
def visitor(link):
    """A browser in which the link has been opened."""
    client = Client()
    assert client.get(link)["Location"] == PAGE
    return client


# Inviting.


def test_an_administrator_invites_somebody(admin, signed_in):
    answer = signed_in(admin).post(
        "/company/people/invite/", {"email": "New@Acme.example", "roles": ["buyer", "viewer"], "department": "Fleet"}
    )
    assert answer.status_code == 302
    invitation = Invitation.objects.get()
    assert (invitation.email, invitation.roles, invitation.sent_count) == ("new@acme.example", ["buyer", "viewer"], 1)
    assert Event.objects.filter(name="member_invited").count() == 1
    assert OutgoingMail.objects.get().to == "new@acme.example"


def test_only_a_digest_of_the_token_is_stored(invited, link):
    token = token_of(link)
    assert len(token) > 40
    assert token not in "".join(str(value) for value in Invitation.objects.values_list().get())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"email": "viewer@acme.example", "roles": ["buyer"]}, "is a colleague already"),
        ({"email": "new@acme.example", "roles": ["buyer"]}, "An invitation to this address is waiting"),
        ({"email": "not an address", "roles": ["buyer"]}, "Enter a valid email address"),
        ({"email": "x@acme.example", "roles": ["emperor"]}, "is not one of the available choices"),
        ({"email": "x@acme.example"}, "Choose at least one role"),
    ],
)
def test_who_cannot_be_invited_is_refused_with_what_was_typed(admin, viewer, invited, signed_in, body, said):
    answer = signed_in(admin).post("/company/people/invite/", {"department": "Night shift", **body})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert "Night shift" in page
    assert list(Invitation.objects.all()) == [invited]


def test_a_new_link_ends_the_one_before(admin, invited, link, signed_in):
    assert signed_in(admin).post(f"/company/people/invitations/{invited.public_id}/resend/").status_code == 302
    newer = link_in_the_mail()
    assert newer != link
    client = Client()
    assert client.get(link, follow=True).status_code == 410
    assert client.get(newer, follow=True).status_code == 200
    invited.refresh_from_db()
    assert invited.sent_count == 2


def test_an_invitation_taken_back_opens_nothing(admin, invited, link, signed_in):
    assert signed_in(admin).post(f"/company/people/invitations/{invited.public_id}/revoke/").status_code == 302
    assert Client().get(link, follow=True).status_code == 410
    assert "new@acme.example" not in signed_in(admin).get("/company/people/invitations/").content.decode()


# What a link opens.


def test_somebody_new_joins_with_a_name_and_a_password(acme, visitor, invited, mailoutbox):
    page = visitor.get(PAGE)
    assert page.status_code == 200
    assert "Join Acme Logistics GmbH" in page.content.decode()
    answer = visitor.post(PAGE, NEW)
    assert answer["Location"] == "/"
    user = User.objects.get(email="new@acme.example")
    assert user.check_password(NEW["password"])
    assert EmailAddress.objects.get(user=user).verified
    membership = Membership.objects.get(user=user)
    assert (membership.account, membership.roles, membership.department) == (acme, ["support"], "Dispatch")
    assert visitor.get("/").status_code == 200
    invited.refresh_from_db()
    assert invited.accepted_at is not None
    assert Event.objects.filter(name="member_joined", user_id=user.pk).count() == 1
    assert OutgoingMail.objects.filter(kind="invitation_accepted", to="admin@acme.example").exists()


@pytest.mark.parametrize("body", [{"name": "", "password": NEW["password"]}, {"name": "Nele", "password": "12345678"}])
def test_a_weak_password_or_no_name_comes_back(visitor, body):
    answer = visitor.post(PAGE, body)
    assert answer.status_code == 422
    assert not User.objects.filter(email="new@acme.example").exists()
    assert visitor.post(PAGE, NEW).status_code == 302


def test_somebody_with_a_sign_in_signs_in_first_and_comes_back(acme, globex, visitor, invited):
    user = make_user("new@acme.example", "Nele Neu")
    page = visitor.get(PAGE).content.decode()
    assert "/accounts/login/?next=%2Finvitation%2F" in page
    assert visitor.post(PAGE, NEW).status_code == 200
    assert not Membership.objects.filter(user=user).exists()
    answer = visitor.post(
        "/accounts/login/?next=/invitation/", {"login": user.email, "password": PASSWORD, "next": PAGE}
    )
    assert answer["Location"] == PAGE
    assert visitor.post(PAGE)["Location"] == "/"
    assert Membership.objects.get(user=user).roles == ["support"]
    assert visitor.get("/").context["account"] == acme


def test_a_member_of_another_company_joins_and_starts_working_for_the_new_one(other_admin, acme, invited, signed_in):
    EmailAddress.objects.create(user=other_admin, email="new@acme.example", verified=True)
    client = signed_in(other_admin)
    client.get(link_in_the_mail())
    assert client.post(PAGE)["Location"] == "/"
    assert "Acme Logistics GmbH" in client.get("/company/").content.decode()


def test_the_wrong_person_is_told_so_and_joins_nothing(other_admin, invited, link, signed_in):
    client = signed_in(other_admin)
    page = client.get(link, follow=True)
    assert page.status_code == 403
    assert "This invitation is for new@acme.example, and you are signed in as admin@globex.example" in " ".join(
        page.content.decode().split()
    )
    assert client.post(PAGE, follow=True).status_code == 403
    assert Membership.objects.filter(user=other_admin).count() == 1
    invited.refresh_from_db()
    assert invited.accepted_at is None


def test_an_address_that_is_not_verified_is_not_theirs(other_admin, invited, link, signed_in):
    EmailAddress.objects.create(user=other_admin, email="new@acme.example", verified=False)
    assert signed_in(other_admin).get(link, follow=True).status_code == 403


def test_staff_join_no_company(agent, invited, link, signed_in):
    User.objects.filter(pk=agent.pk).update(email="new@acme.example")
    client = signed_in(agent)
    client.get(link)
    client.post(PAGE)
    assert not Membership.objects.filter(user=agent).exists()


def test_links_that_do_not_work_all_say_the_same(admin, invited, link):
    def said(address):
        answer = Client().get(address, follow=True)
        return answer.status_code, answer.content.decode().partition("<main")[2].partition("</main>")[0]

    unknown = said(f"{PAGE}?id={uuid4()}&token={token_of(link)}")
    assert unknown[0] == 410
    assert said(f"{PAGE}?id={invited.public_id}&token=wrong") == unknown
    assert said(f"{PAGE}?id=nonsense&token=wrong") == unknown
    assert said(f"{PAGE}?id=&token=") == unknown
    assert said(PAGE) == unknown
    for change in (
        {"expires_at": timezone.now() - timedelta(seconds=1)},
        {"expires_at": timezone.now() + timedelta(days=1), "revoked_at": timezone.now()},
        {"revoked_at": None, "accepted_at": timezone.now()},
    ):
        Invitation.objects.update(**change)
        assert said(link) == unknown
    assert not User.objects.filter(email="new@acme.example").exists()


def test_nobody_comes_back_by_an_invitation_from_before_they_were_kept_out(admin, acme, invited, link, signed_in):
    user = make_user("new@acme.example", "Nele Neu")
    membership = Membership.objects.create(account=acme, user=user, roles=["viewer"])
    assert signed_in(admin).post(f"/company/people/{membership.public_id}/deactivate/").status_code == 302
    client = signed_in(user)
    assert client.get(link, follow=True).status_code == 410
    membership.refresh_from_db()
    assert not membership.is_active


def test_the_page_of_a_link_is_not_kept_anywhere(visitor):
    page = visitor.get(PAGE)
    assert "no-store" in page["Cache-Control"]
    assert page["Referrer-Policy"] == "same-origin"
    assert "token" not in page.request["QUERY_STRING"]


def test_no_log_has_the_token(invited, link, caplog):
    with caplog.at_level("DEBUG"):
        Client().get(link, follow=True)
    assert "GET /invitation/" in caplog.text
    assert token_of(link) not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_an_invitation_accepted_twice_at_once_makes_one_member(acme, invited, link):
    user = make_user("new@acme.example", "Nele Neu")

    def accept():
        return invitations.accept(public_id=invited.public_id, token=token_of(link), user=user, now=timezone.now()).pk

    ends = race(accept, accept)
    assert sorted(type(end).__name__ for end in ends) == ["DeadLink", "int"]
    assert Membership.objects.filter(user=user).count() == 1
    assert Event.objects.filter(name="member_joined").count() == 1


@pytest.mark.django_db(transaction=True)
def test_somebody_new_who_sends_the_form_twice_at_once_is_one_person(acme, invited, link):
    def accept():
        return invitations.accept_as_new(
            public_id=invited.public_id, token=token_of(link), now=timezone.now(), **NEW
        ).pk

    ends = race(accept, accept)
    assert sorted(type(end).__name__ for end in ends) == ["DeadLink", "int"]
    assert User.objects.filter(email="new@acme.example").count() == 1
    assert Membership.objects.filter(user__email="new@acme.example").count() == 1


# The database holds the line.


def test_a_customers_request_of_no_administrator_invites_nobody(member, invited, as_customer):
    with pytest.raises(ProgrammingError, match="only an administrator invites"), as_customer(member.membership):
        Invitation.objects.create(
            account=member.membership.account,
            email="x@acme.example",
            roles=["administrator"],
            token_hash="0" * 64,
            sent_at=timezone.now(),
            expires_at=timezone.now(),
        )
    with pytest.raises(ProgrammingError, match="only an administrator invites"), as_customer(member.membership):
        Invitation.objects.update(token_hash="0" * 64)


def test_the_staff_read_the_mail_without_the_link(agent, invited, link, signed_in):
    mail = OutgoingMail.objects.get(kind="invitation")
    page = signed_in(agent).get(f"/admin/accounts/outgoingmail/{mail.pk}/change/").content.decode()
    assert "new@acme.example" in page
    assert token_of(link) not in page


# Who may.

ADDRESSES = [("get", ""), ("post", "/resend/"), ("get", "/revoke/"), ("post", "/revoke/")]


def address(invited, end):
    return f"/company/people/invitations/{invited.public_id}{end}" if end else "/company/people/invitations/"


@pytest.mark.parametrize(("method", "end"), ADDRESSES[1:])
def test_a_stranger_finds_no_invitation(other_admin, invited, signed_in, method, end):
    assert getattr(signed_in(other_admin), method)(address(invited, end)).status_code == 404


@pytest.mark.parametrize(("method", "end"), ADDRESSES)
def test_who_is_no_administrator_sees_and_changes_no_invitation(member, invited, signed_in, method, end):
    assert getattr(signed_in(member), method)(address(invited, end)).status_code == 403
    invited.refresh_from_db()
    assert (invited.revoked_at, invited.sent_count) == (None, 1)


def test_visitors_sign_in_first(client, invited):
    for path in ("/company/people/invite/", "/company/people/invitations/"):
        assert client.get(path)["Location"].startswith("/accounts/login/")
    assert not JoinRequest.objects.exists()


# Whoever sent it administers the company no longer.


@pytest.fixture
def successor(acme, admin, invited):
    """Another administrator; the one who invited is a viewer now."""
    other = make_member(acme, "boss@acme.example", "Bea Boss", roles=["administrator"])
    Membership.objects.filter(user=admin).update(roles=["viewer"])
    return other


def test_an_invitation_of_a_former_administrator_lets_nobody_in(visitor, successor):
    for answer in (visitor.post(PAGE, NEW), visitor.get(PAGE)):
        assert answer.status_code == 410
    assert not User.objects.filter(email="new@acme.example").exists()


def test_its_page_says_whom_to_ask(successor, link):
    page = Client().get(link, follow=True)
    assert page.status_code == 410
    assert "Ask your administrator to send it again" in page.content.decode()


def test_an_invitation_of_somebody_who_has_left_lets_nobody_in(acme, admin, link):
    make_member(acme, "boss@acme.example", "Bea Boss", roles=["administrator"])
    Membership.objects.filter(user=admin).update(is_active=False)
    assert Client().get(link, follow=True).status_code == 410


def test_an_administrator_sees_it_and_makes_it_theirs_by_sending_it_again(successor, invited, signed_in):
    client = signed_in(successor)
    assert "Sender is no longer administrator" in client.get("/company/people/invitations/").content.decode()
    client.post(f"/company/people/invitations/{invited.public_id}/resend/")
    invited.refresh_from_db()
    assert (invited.invited_by, invited.sent_count) == (successor, 2)
    assert "Sender is no longer administrator" not in client.get("/company/people/invitations/").content.decode()
    visitor = Client()
    visitor.get(link_in_the_mail())
    assert visitor.post(PAGE, NEW).status_code == 302
    assert Membership.objects.get(user__email="new@acme.example").roles == ["support"]


@pytest.mark.django_db(transaction=True)
def test_accepted_while_the_sender_is_demoted_it_counts_or_it_does_not(acme, admin, invited, link):
    from accounts.members import change_member
    from tracking.actor import Actor

    with system_scope():
        make_member(acme, "boss@acme.example", "Bea Boss", roles=["administrator"])

    def demote():
        with system_scope(durable=True):
            sender, actor = Membership.objects.get(user=admin), Actor.system(acme.pk)
            change_member(member=sender, roles=["viewer"], department="", by=None, actor=actor, now=timezone.now())

    def accept():
        return invitations.accept_as_new(
            public_id=invited.public_id, token=token_of(link), name="Nele", password=NEW["password"], now=timezone.now()
        )

    demoted, accepted = race(demote, accept)
    assert demoted is None
    assert isinstance(accepted, Membership | invitations.SenderLeft), accepted
    assert User.objects.filter(email="new@acme.example").exists() == isinstance(accepted, Membership)


@pytest.mark.django_db(transaction=True)
def test_an_invitation_taken_back_while_it_is_accepted_lets_nobody_in(acme, admin, invited, link):
    """Both take the company first: whoever comes second waits there, and neither waits for the other in a circle."""
    user = make_user("new@acme.example", "Nele Neu")
    is_held = threading.Event()

    def accept():
        is_held.wait(timeout=10)
        return invitations.accept(public_id=invited.public_id, token=token_of(link), user=user, now=timezone.now())

    def take_back():
        with system_scope(acme.pk):
            lock_company(account=acme, by=None)
            is_held.set()
            wait_for_a_lock()
            by = admin.membership
            invitations.revoke(invitation=invited, by=by, actor=by.actor(), now=timezone.now())

    ends = race(accept, take_back)
    assert [type(end).__name__ for end in ends] == ["DeadLink", "NoneType"]
    assert not Membership.objects.filter(user=user).exists()
