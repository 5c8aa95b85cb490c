"""Joining two entries of one person."""

from concurrent.futures import ThreadPoolExecutor

import pghistory.models
import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connections, transaction
from django.utils import timezone

from accounts import merging
from accounts.law.personal import entries_of
from accounts.merging import merge_people
from accounts.models import (
    AuditNote,
    Membership,
    OutgoingMail,
    PersonMerge,
    ScimUser,
    User,
)
from cases.models import Case, CaseMessage, CaseParticipant
from crm.models import OutboxRow
from crm.rendering import load
from knowledge.models import ArticleVote
from tests.cases.making import make_case
from tests.factories import PASSWORD, make_article, make_member, make_staff, make_user
from tracking.models import Event, EventName
from tracking.services import record

REASON = "The same Milo, by phone with Ada."


@pytest.fixture
def cleo(db):
    return make_staff("cleo@vendor.example", "Cleo Marsh", group="Customer success")


@pytest.fixture
def twin(acme):
    """Milo once more, at another address and with another role."""
    return make_member(acme, "milo.brandt@acme-logistics.example", "Milo Brandt", roles=["buyer"])


def join(merged, survivor, by, **fields):
    return merge_people(merged=merged, survivor=survivor, by=by, now=timezone.now(), **({"reason": REASON} | fields))


# Completeness


def relations(target):
    for field in target._meta.get_fields(include_hidden=True):
        if field.auto_created and not field.concrete and (field.one_to_many or field.one_to_one):
            model = field.related_model
            if not issubclass(model, pghistory.models.Event):
                yield f"{model._meta.label}.{field.field.name}"


@pytest.mark.parametrize("target", [User, Membership], ids=["people", "memberships"])
def test_every_column_that_names_a_person_follows_them_or_stays_with_a_reason(target):
    named = {follows.name for follows in merging.following()} | merging.staying().keys()
    assert set(relations(target)) - named == set()


def test_what_the_apps_say_follows_or_stays_exists_and_is_said_once():
    moved = [follows.name for follows in merging.following()]
    assert len(moved) == len(set(moved))
    assert not set(moved) & merging.staying().keys()
    for name in [*moved, *merging.staying()]:
        model, _dot, column = name.rpartition(".")
        assert apps.get_model(model)._meta.get_field(column), name


# What goes over


def test_cases_messages_and_votes_go_on_under_the_entry_that_stays(acme, member, twin, cleo):
    case = make_case(acme, twin)
    article = make_article()
    for user, is_helpful in ((member, True), (twin, False)):
        ArticleVote.objects.create(account=acme, user=user, article=article, is_helpful=is_helpful)
    done = join(twin, member, cleo)
    case.refresh_from_db()
    assert case.opened_by == member
    assert CaseMessage.objects.get(case=case).author == member
    assert ArticleVote.objects.get().user == member
    article.refresh_from_db()
    assert (article.helpful_votes, article.unhelpful_votes) == (1, 0)
    assert done.moved["cases.Case.opened_by"] == 1
    assert done.moved["cases.CaseMessage.author"] == 1


def test_one_place_in_the_company_has_the_roles_of_both(acme, member, twin, cleo):
    join(twin, member, cleo)
    place = Membership.objects.get(account=acme, user=member)
    assert place.roles == ["buyer", "support", "viewer"]
    assert not Membership.objects.get(account=acme, user=twin).is_active


def test_a_place_that_is_over_adds_no_role(acme, member, twin, cleo):
    Membership.objects.filter(user=twin).update(is_active=False)
    join(twin, member, cleo)
    assert Membership.objects.get(user=member).roles == ["support", "viewer"]


def test_a_place_in_another_company_goes_over_as_it_is(member, other_admin, cleo):
    place = other_admin.membership
    join(other_admin, member, cleo)
    moved = Membership.objects.get(pk=place.pk)
    assert (moved.user, moved.roles, moved.public_id) == (member, ["administrator"], place.public_id)


def test_who_was_added_to_a_case_under_either_entry_still_sees_it(acme, admin, member, twin, cleo):
    case = make_case(acme, admin)
    for user, is_active in ((member, False), (twin, True)):
        CaseParticipant.objects.create(account=acme, case=case, user=user, added_by=admin, is_active=is_active)
    join(twin, member, cleo)
    assert CaseParticipant.objects.active().get(case=case, user=member)
    assert Case.objects.visible_to(Membership.objects.get(user=member)).filter(pk=case.pk).exists()


def test_events_and_the_audit_log_keep_who_acted(acme, member, twin, cleo):
    record(name=EventName.LOGIN, actor=twin.membership.actor(), now=timezone.now())
    join(twin, member, cleo)
    event = Event.objects.get(name=EventName.LOGIN, user_id=twin.pk)
    assert set(entries_of(member)) == {member, twin}
    assert User.objects.get(pk=event.user_id).merged_into == member
    note = AuditNote.objects.get(action="people.merged")
    assert (note.account_id, note.subject_id, note.actor_id) == (acme.pk, member.pk, cleo.pk)
    assert note.details == {"reason": REASON, "merged": twin.pk}


def test_the_joined_entry_is_kept_and_over(member, twin, cleo):
    join(twin, member, cleo)
    twin.refresh_from_db()
    assert (twin.merged_into, twin.is_active, twin.has_usable_password()) == (member, False, False)
    assert PersonMerge.objects.get().address == "milo.brandt@acme-logistics.example"


def test_the_crm_hears_of_both_contacts(member, twin, cleo):
    OutboxRow.objects.all().delete()
    join(twin, member, cleo)
    heard = set(OutboxRow.objects.filter(object="Contact").values_list("external_id", flat=True))
    assert heard == {member.membership.public_id, twin.membership.public_id}
    over = load("Contact", [twin.membership.public_id])[twin.membership.public_id]
    assert (over.is_active, over.email) == (False, "milo.brandt@acme-logistics.example")


def test_both_addresses_are_told(member, twin, cleo):
    join(twin, member, cleo)
    told = OutgoingMail.objects.filter(kind="people_merged")
    assert set(told.values_list("to", flat=True)) == {member.email, "milo.brandt@acme-logistics.example"}


# Signing in


def test_either_address_signs_in_with_one_password_and_the_old_session_is_over(client, signed_in, member, twin, cleo):
    browser = signed_in(twin)
    assert browser.get("/").status_code == 200
    User.objects.filter(pk=member.pk).update(password=make_user("x@acme.example", "X").password)
    join(twin, member, cleo)
    assert browser.get("/").status_code == 302
    for address in ("milo.brandt@acme-logistics.example", member.email):
        client.logout()
        client.post("/accounts/login/", {"login": address, "password": PASSWORD})
        assert client.session.get("_auth_user_id") == str(member.pk), address


def test_the_old_address_can_become_the_first_one(member, twin, cleo):
    join(twin, member, cleo)
    further = EmailAddress.objects.get(user=member, email="milo.brandt@acme-logistics.example")
    assert (further.verified, further.primary) == (True, False)
    further.set_as_primary()
    member.refresh_from_db()
    assert member.email == "milo.brandt@acme-logistics.example"


@pytest.mark.parametrize("proved_by", ["neither", "the entry that stays", "the joined entry"])
def test_an_address_that_both_have_written_down_is_kept_once(member, twin, cleo, proved_by):
    address = twin.email
    EmailAddress.objects.filter(user=twin, email=address).update(verified=proved_by == "the joined entry")
    EmailAddress.objects.create(user=member, email=address, verified=proved_by == "the entry that stays")
    join(twin, member, cleo)
    kept = EmailAddress.objects.get(email=address)
    assert (kept.user, kept.verified) == (member, proved_by != "neither")
    assert EmailAddress.objects.get(user=member, primary=True).email == member.email


def test_the_old_address_is_found_as_the_entry_that_stays(member, twin, cleo):
    join(twin, member, cleo)
    assert User.objects.with_address("Milo.Brandt@acme-logistics.example") == member


def test_passkeys_come_along_and_a_second_factor_is_not_replaced(member, twin, cleo):
    for user in (member, twin):
        for kind in (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN):
            Authenticator.objects.create(user=user, type=kind, data={"of": user.pk})
    join(twin, member, cleo)
    theirs = Authenticator.objects.filter(user=member)
    assert theirs.filter(type=Authenticator.Type.WEBAUTHN).count() == 2
    assert theirs.get(type=Authenticator.Type.TOTP).data == {"of": member.pk}


# Refusals, each of which leaves everything as it was


def refused(error, merged, survivor, by):
    before = (Membership.objects.count(), EmailAddress.objects.filter(user=survivor).count())
    with pytest.raises(error):
        join(merged, survivor, by)
    assert (Membership.objects.count(), EmailAddress.objects.filter(user=survivor).count()) == before
    assert not User.objects.filter(merged_into=survivor).exclude(pk=merged.pk).exists()


def test_staff_are_never_joined_with_customers(member, agent, cleo):
    refused(merging.StaffInvolved, agent, member, cleo)
    refused(merging.StaffInvolved, member, agent, cleo)


def test_nobody_is_joined_with_themselves(member, cleo):
    refused(merging.SameEntry, member, member, cleo)


def test_there_is_no_way_round_in_a_circle(member, twin, viewer, cleo):
    join(twin, member, cleo)
    refused(merging.AlreadyMerged, member, twin, cleo)
    refused(merging.AlreadyMerged, twin, viewer, cleo)
    join(member, viewer, cleo)
    twin.refresh_from_db()
    assert twin.merged_into == viewer, "one step leads to who goes on"


def test_doing_it_twice_is_once(member, twin, cleo):
    assert join(twin, member, cleo) == join(twin, member, cleo)
    assert OutgoingMail.objects.filter(kind="people_merged").count() == 2


def test_without_the_permission_nothing_is_joined(member, twin, manager):
    refused(PermissionDenied, twin, member, manager)


def test_somebody_active_does_not_go_on_as_somebody_kept_out(member, twin, cleo):
    User.objects.filter(pk=member.pk).update(is_active=False)
    member.refresh_from_db()
    refused(merging.SurvivorInactive, twin, member, cleo)


def test_two_entries_of_one_directory_are_joined_there_first(acme, member, twin, cleo):
    for user in (member, twin):
        ScimUser.objects.create(account=acme, membership=user.membership, user_name=user.email)
    refused(merging.BothInDirectory, twin, member, cleo)


def test_a_customers_request_joins_nobody(as_customer, member, twin):
    with pytest.raises(DatabaseError), transaction.atomic(), as_customer(member.membership):
        User.objects.filter(pk=twin.pk).update(merged_into=member, is_active=False)


def test_a_message_still_cannot_be_given_to_somebody_else(acme, admin, member, twin, cleo):
    case = make_case(acme, twin)
    join(twin, member, cleo)
    for change in ({"author": admin}, {"body": "Other words."}, {"author": twin}):
        with pytest.raises(DatabaseError), transaction.atomic():
            CaseMessage.objects.filter(case=case).update(**change)


@pytest.mark.django_db(transaction=True)
def test_two_who_join_the_same_at_once_do_it_once(acme):
    cleo = make_staff("cleo@vendor.example", "Cleo Marsh", group="Customer success")
    one = make_member(acme, "a@acme.example", "Milo Brandt", roles=["viewer"])
    two = make_member(acme, "b@acme.example", "Milo Brandt", roles=["buyer"])

    def attempt(pair):
        try:
            join(*(User.objects.get(pk=user.pk) for user in (*pair, cleo)))
        except merging.CannotMerge as refusal:
            return type(refusal)
        finally:
            connections.close_all()
        return None

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(attempt, [(one, two), (two, one)]))
    assert sorted(ends, key=str) == sorted([None, merging.AlreadyMerged], key=str)
    assert PersonMerge.objects.count() == 1
