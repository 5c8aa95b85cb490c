"""The people of a company: who sees what of them, and what an administrator does about them."""

import pytest
from django.db.utils import ProgrammingError
from django.utils import timezone

from accounts import members
from accounts.models import Membership, OutgoingMail
from accounts.permissions import CUSTOMER_TABLE, Permission, Role
from crm.models import OutboxRow
from tests.factories import make_catalogue, make_contract, make_member
from tests.racing import race
from tracking.models import Event


def url(user, action=""):
    return f"/company/people/{user.membership.public_id}/{action}"


def roles_of(user):
    return Membership.objects.get(pk=user.membership.pk).roles


def is_active(user):
    return Membership.objects.get(pk=user.membership.pk).is_active


@pytest.fixture
def second_admin(acme):
    return make_member(acme, "second@acme.example", "Zoë Second", roles=["administrator"])


# The list.


def test_a_viewer_sees_names_and_roles_but_no_addresses(admin, member, viewer, other_admin, signed_in):
    page = signed_in(viewer).get("/company/people/").content.decode()
    assert "Ada Achterberg" in page
    assert "Support contact, Viewer" in page
    assert "admin@acme.example" not in page
    assert "Gus Okafor" not in page


def test_a_viewer_cannot_find_people_by_their_address(admin, viewer, signed_in):
    page = signed_in(viewer).get("/company/people/?q=admin@acme").content.decode()
    assert "Ada Achterberg" not in page
    assert "Nobody found" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=ada", {"Ada"}),
        ("q=MEMBER@", {"Milo"}),
        ("role=viewer", {"Milo", "Vera"}),
        ("role=administrator&q=vera", set()),
        ("state=inactive", {"Zoë"}),
        ("role=nonsense&state=nonsense", {"Ada", "Milo", "Vera"}),
    ],
)
def test_an_administrator_finds_people(admin, member, viewer, second_admin, signed_in, query, found):
    Membership.objects.filter(user=second_admin).update(is_active=False)
    page = signed_in(admin).get(f"/company/people/?{query}").content.decode().partition("<table")[2]
    assert {name for name in ("Ada", "Milo", "Vera", "Zoë") if name in page} == found


def test_a_long_list_is_read_page_by_page_in_the_order_of_names(acme, admin, signed_in):
    for number in range(60):
        make_member(acme, f"p{number}@acme.example", f"Person {number // 2:02d}", roles=["viewer"])
    client, seen, address = signed_in(admin), [], "/company/people/"
    while address:
        page = client.get(address).context["page"]
        seen += [row.user.email for row in page.rows]
        address = page.next and "/company/people/?cursor=" + page.next
    assert len(seen) == len(set(seen)) == 61
    assert seen[0] == "admin@acme.example"


# One person.


def test_an_administrator_changes_roles_and_department(admin, viewer, signed_in):
    answer = signed_in(admin).post(url(viewer), {"roles": ["buyer", "viewer"], "department": "Fleet"})
    assert answer.status_code == 302
    changed = Membership.objects.get(pk=viewer.membership.pk)
    assert (changed.roles, changed.department) == (["buyer", "viewer"], "Fleet")
    event = Event.objects.get(name="member_changed")
    assert event.properties == {"before": ["viewer"], "after": ["buyer", "viewer"]}
    mail = OutgoingMail.objects.get(kind="roles_changed")
    assert mail.to == "viewer@acme.example"
    assert "- Buyer" in mail.text
    assert OutboxRow.objects.filter(object="Contact", external_id=changed.public_id).exists()


def test_saving_what_already_is_changes_nothing(admin, viewer, signed_in):
    signed_in(admin).post(url(viewer), {"roles": ["viewer"], "department": ""})
    assert not Event.objects.filter(name="member_changed").exists()
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize("roles", [[], ["emperor"], ["viewer", "emperor"]])
def test_a_set_of_roles_that_cannot_be_comes_back_with_what_was_typed(admin, viewer, signed_in, roles):
    answer = signed_in(admin).post(url(viewer), {"roles": roles, "department": "Night shift"})
    assert answer.status_code == 422
    assert "Night shift" in answer.content.decode()
    assert roles_of(viewer) == ["viewer"]


def test_somebody_deactivated_is_out_at_once_and_keeps_their_history(admin, viewer, signed_in):
    theirs = signed_in(viewer)
    assert theirs.get("/company/people/").status_code == 200
    assert signed_in(admin).post(url(viewer, "deactivate/")).status_code == 302
    assert theirs.get("/company/people/").status_code == 403
    assert Event.objects.filter(name="member_deactivated").count() == 1
    assert signed_in(admin).post(url(viewer, "reactivate/")).status_code == 302
    assert theirs.get("/company/people/").status_code == 200


def test_administration_is_handed_over_in_one_step(admin, member, signed_in):
    assert signed_in(admin).post(url(member, "hand-over/")).status_code == 302
    assert roles_of(member) == ["administrator", "support", "viewer"]
    assert roles_of(admin) == ["viewer"]
    assert Event.objects.filter(name="administration_handed_over").count() == 1


def test_nothing_is_handed_over_to_somebody_who_cannot_come_in(admin, member, signed_in):
    Membership.objects.filter(user=member).update(is_active=False)
    assert signed_in(admin).post(url(member, "hand-over/")).status_code == 409
    assert roles_of(admin) == ["administrator"]


# The last administrator.


@pytest.mark.parametrize(
    ("action", "body"), [("", {"roles": ["viewer"]}), ("deactivate/", {}), ("leave", {}), ("hand-over/", {})]
)
def test_the_last_administrator_cannot_lock_the_company_out(admin, member, signed_in, action, body):
    target = "/company/people/leave/" if action == "leave" else url(admin, action)
    answer = signed_in(admin).post(target, body)
    assert answer.status_code == 409
    assert "Nothing has changed." in answer.content.decode()
    assert (roles_of(admin), is_active(admin)) == (["administrator"], True)
    assert not Event.objects.filter(name__startswith="member").exists()


def test_an_administrator_who_cannot_sign_in_does_not_count(admin, second_admin, signed_in):
    second_admin.is_active = False
    second_admin.save()
    assert signed_in(admin).post("/company/people/leave/").status_code == 409


def test_anybody_else_may_leave(admin, viewer, signed_in):
    client = signed_in(viewer)
    assert client.post("/company/people/leave/").status_code == 302
    assert not is_active(viewer)
    assert client.get("/").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_of_two_administrators_who_remove_each_other_at_once_one_is_refused(admin, second_admin, as_customer):
    def remove(other, by):
        def step():
            with as_customer(by.membership):
                members.deactivate_member(
                    member=Membership.objects.select_related("account").get(pk=other.membership.pk),
                    by=by.membership,
                    actor=by.membership.actor(),
                    now=timezone.now(),
                )

        return step

    ends = race(remove(second_admin, by=admin), remove(admin, by=second_admin))
    assert sorted(type(end).__name__ for end in ends) == ["NoLongerAdministrator", "NoneType"]
    assert sorted([is_active(admin), is_active(second_admin)]) == [False, True]
    assert Event.objects.filter(name="member_deactivated").count() == 1


# The database holds the line.


def test_the_trigger_knows_the_roles_that_manage_people():
    assert CUSTOMER_TABLE[Permission.MANAGE_MEMBERS] == {Role.ADMINISTRATOR}


@pytest.mark.parametrize("change", [{"roles": ["administrator"]}, {"department": "Board"}, {"is_active": False}])
def test_nobody_but_an_administrator_changes_anybody(admin, member, viewer, as_customer, change):
    refused = pytest.raises(ProgrammingError, match="only an administrator")
    with refused, as_customer(member.membership):
        Membership.objects.filter(pk=viewer.membership.pk).update(**change)
    assert (roles_of(viewer), is_active(viewer)) == (["viewer"], True)


def test_nobody_raises_their_own_roles_or_lets_themselves_in_again(admin, viewer, as_customer):
    for change in ({"roles": ["administrator"]}, {"roles": ["viewer", "buyer"]}):
        with pytest.raises(ProgrammingError, match="only an administrator"), as_customer(viewer.membership):
            Membership.objects.filter(pk=viewer.membership.pk).update(**change)
    Membership.objects.filter(pk=viewer.membership.pk).update(is_active=False)
    with pytest.raises(ProgrammingError, match="only an administrator"), as_customer(viewer.membership):
        Membership.objects.filter(pk=viewer.membership.pk).update(is_active=True)
    assert (roles_of(viewer), is_active(viewer)) == (["viewer"], False)


def test_an_administrator_of_one_company_raises_nobody_in_another(globex, admin, as_customer):
    theirs = Membership.objects.create(account=globex, user=admin, roles=["viewer"])
    with pytest.raises(ProgrammingError, match="only an administrator"), as_customer(admin.membership):
        Membership.objects.filter(pk=theirs.pk).update(roles=["administrator"])


# A role goes while somebody is buying.


@pytest.fixture
def buyer(acme):
    return make_member(acme, "buyer@acme.example", "Bo Buyer", roles=["buyer"])


@pytest.fixture
def quote(acme, buyer, now):
    from commerce.configuring.situations import Configuration
    from commerce.quotes.quoting import create_quote

    make_contract(acme, make_catalogue())
    actor = buyer.membership.actor()
    return create_quote(
        account=acme, actor=actor, user=buyer, configuration=Configuration(plan="team", seats=60),
        now=timezone.now(), form_key=acme.public_id,
    )  # fmt: skip


def test_a_role_taken_away_in_the_middle_of_a_checkout_stops_it_before_anything_is_charged(
    admin, buyer, quote, signed_in
):
    from commerce.models import Order, PaymentAttempt

    shopping = signed_in(buyer)
    assert shopping.get(f"/quotes/{quote.public_id}/").status_code == 200
    signed_in(admin).post(url(buyer), {"roles": ["viewer"]})
    accept = {"price_hash": quote.price_hash, "consent_name": "Bo Buyer", "consent": "on"}
    answer = shopping.post(f"/quotes/{quote.public_id}/accept/", accept)
    assert answer.status_code == 403
    assert "Your role in this company does not include it" in answer.content.decode()
    assert not Order.objects.exists()
    assert not PaymentAttempt.objects.exists()


def test_a_role_taken_away_before_paying_stops_the_payment(admin, buyer, quote, signed_in):
    from commerce.models import PaymentAttempt
    from commerce.quotes.acceptance import accept_quote

    order = accept_quote(
        quote=quote, shown_hash=quote.price_hash, consent_name=buyer.name, ip="203.0.113.7",
        actor=buyer.membership.actor(), now=timezone.now(),
    )  # fmt: skip
    signed_in(admin).post(url(buyer), {"roles": ["viewer"]})
    for address in ("pay/", "pay/start/"):
        client = signed_in(buyer)
        ask = client.get if address == "pay/" else client.post
        answer = ask(f"/invoices/{order.invoice.number}/{address}")
        assert answer.status_code == 403
        assert "An administrator of your company can change that" in answer.content.decode()
    assert not PaymentAttempt.objects.exists()


# Who may.


ACTIONS = ["", "deactivate/", "reactivate/", "hand-over/"]


@pytest.mark.parametrize("action", ACTIONS)
def test_a_stranger_finds_nobody(viewer, other_admin, signed_in, action):
    assert signed_in(other_admin).post(url(viewer, action), {"roles": ["buyer"]}).status_code == 404
    assert roles_of(viewer) == ["viewer"]


@pytest.mark.parametrize("action", ACTIONS)
def test_who_is_no_administrator_changes_nobody(member, viewer, signed_in, action):
    assert signed_in(member).post(url(viewer, action), {"roles": ["buyer"]}).status_code == 403
    assert (roles_of(viewer), is_active(viewer)) == (["viewer"], True)


@pytest.mark.parametrize("path", ["/company/people/", "/company/people/leave/"])
def test_visitors_sign_in_first(client, db, path):
    assert client.get(path)["Location"].startswith("/accounts/login/")
