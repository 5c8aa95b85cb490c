"""Who may be one person with several entries."""

import pytest
from django.db import connection
from django.urls import reverse

from accounts.duplicates import CERTAIN, Likeness, candidates, likenesses_of, namesakes, score, tell_apart
from accounts.models import Account, DistinctPair, Membership, PersonMerge, User
from tests.factories import make_member, make_staff

REASON = "The same Milo, by phone with Ada."


@pytest.fixture
def cleo(db):
    return make_staff("cleo@vendor.example", "Cleo Marsh", group="Customer success")


def pairs():
    return {(one.first.email, one.second.email): set(one.likenesses) for one in candidates()}


def twin_of(member, account, **fields):
    fields = {"email": "someone@elsewhere.example", "name": "Sam Body", "phone": ""} | fields
    twin = make_member(account, fields["email"], fields["name"], roles=["viewer"])
    User.objects.filter(pk=twin.pk).update(phone=fields["phone"])
    return twin


def test_more_in_common_says_more_and_never_all():
    assert score([]) == 0
    assert score([Likeness.PHONE]) < score([Likeness.NAME]) < score([Likeness.NAME, Likeness.PHONE])
    assert score(list(Likeness)) < CERTAIN
    assert score([Likeness.NAME, Likeness.NAME]) == score([Likeness.NAME])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"email": "member+portal@acme.example"}, {Likeness.MAILBOX, Likeness.LOCAL_PART}),
        ({"email": "member@acme-logistics.example"}, {Likeness.LOCAL_PART}),
        ({"name": "BRANDT,  Mílo"}, {Likeness.NAME}),
        ({"phone": "0049 40-1234567"}, {Likeness.PHONE}),
        ({"name": "Milo Brandt", "phone": "+49 (40) 1234567"}, {Likeness.NAME, Likeness.PHONE}),
    ],
)
def test_two_entries_are_found_by_what_they_have_in_common(acme, member, fields, expected):
    User.objects.filter(pk=member.pk).update(phone="+49 40 1234567")
    twin = twin_of(member, acme, **fields)
    assert pairs() == {(member.email, twin.email): expected}
    assert set(likenesses_of(twin, member)) == expected


def test_a_name_alone_says_nothing_across_companies(globex, member):
    make_member(globex, "milo@globex.example", "Milo Brandt", roles=["viewer"])
    assert pairs() == {}


def test_what_many_share_says_nothing(acme):
    for number in range(8):
        user = make_member(acme, f"person{number}@acme.example", f"Person {'abcdefgh'[number]}", roles=["viewer"])
        User.objects.filter(pk=user.pk).update(phone="+49 40 1234567")
    assert pairs() == {}


def test_staff_and_who_is_over_are_not_suggested(acme, member):
    make_staff("member+x@acme.example", "Milo Brandt", group="Sales")
    twin = twin_of(member, acme, name="Milo Brandt")
    User.objects.filter(pk=twin.pk).update(is_active=False)
    assert pairs() == {}


def test_who_was_told_apart_is_not_suggested_again(acme, member, cleo):
    twin = twin_of(member, acme, name="Milo Brandt")
    for pair in ((member, twin), (twin, member)):
        tell_apart(first=pair[0], second=pair[1], by=cleo)
    assert pairs() == {}
    assert DistinctPair.objects.count() == 1


def test_thousands_of_people_take_three_queries(acme, django_assert_num_queries):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_user (password, email, name, phone, job_title, time_zone, language, is_active,"
            " is_staff, is_superuser, is_demo, unreachable_email, unreachable_reason, dismissed_announcements,"
            " created_at, is_measured)"
            " SELECT '', 'p' || n || '@acme.example', 'Given' || n % 9000 || ' Family' || n % 7919, '', '', 'UTC', '',"
            " true, false, false, false, '', '', '{}', now(), true FROM generate_series(1, 5000) AS n"
        )
        cursor.execute(
            "INSERT INTO accounts_membership (public_id, account_id, user_id, roles, department, is_active, created_at)"
            " SELECT gen_random_uuid(), %s, id, '{viewer}', '', true, now() FROM accounts_user",
            [acme.pk],
        )
    twin_of(None, acme, email="p7+x@acme.example", name="Given7 Family7")
    with django_assert_num_queries(3):
        found = candidates()
    assert (found[0].first.email, found[0].second.email) == ("p7@acme.example", "p7+x@acme.example")


def test_namesakes_are_a_hint_within_the_company(acme, globex, member):
    assert namesakes(acme, name="milo brandt", email="milo@new.example") == [member]
    assert namesakes(acme, name="", email="member@new.example") == [member]
    assert namesakes(globex, name="Milo Brandt", email="member@new.example") == []


# The staff's pages


def test_staff_compare_preview_and_join(acme, member, cleo, signed_in):
    twin = twin_of(member, acme, name="Milo Brandt")
    client = signed_in(cleo)
    url = reverse("admin:merge_people", args=[member.pk, twin.pk])
    assert url in client.get(reverse("admin:duplicates")).content.decode()
    assert twin.email in client.get(url).content.decode()
    sent = {"survivor": member.pk, "reason": REASON, "step": "preview"}
    preview = client.post(url, sent)
    assert preview.status_code == 200
    assert not PersonMerge.objects.exists()
    done = client.post(url, sent | {"step": "confirm"})
    assert done["Location"] == reverse("admin:duplicates")
    merge = PersonMerge.objects.get()
    assert (merge.merged, merge.survivor, merge.made_by, merge.reason) == (twin, member, cleo, REASON)
    assert client.get(url).status_code == 404


def test_a_reason_is_asked_for_and_what_was_chosen_comes_back(acme, member, cleo, signed_in):
    twin = twin_of(member, acme)
    url = reverse("admin:merge_people", args=[member.pk, twin.pk])
    answer = signed_in(cleo).post(url, {"survivor": twin.pk, "reason": "same", "step": "confirm"})
    assert answer.status_code == 422
    assert f'value="{twin.pk}" checked' in answer.content.decode()
    assert not PersonMerge.objects.exists()


def test_a_refusal_says_why(acme, member, cleo, signed_in):
    twin = twin_of(member, acme)
    User.objects.filter(pk=member.pk).update(is_active=False)
    url = reverse("admin:merge_people", args=[member.pk, twin.pk])
    answer = signed_in(cleo).post(url, {"survivor": member.pk, "reason": REASON, "step": "confirm"})
    assert answer.status_code == 422
    assert "deactivated. Keep the other one" in answer.content.decode()


def test_staff_say_that_they_are_two(acme, member, cleo, signed_in):
    twin = twin_of(member, acme, name="Milo Brandt")
    signed_in(cleo).post(reverse("admin:tell_apart", args=[member.pk, twin.pk]))
    assert pairs() == {}


def test_inviting_somebody_alike_is_said_and_done(admin, member, signed_in):
    client = signed_in(admin)
    sent = {"email": "milo@new.example", "name": "Milo Brandt", "roles": ["viewer"]}
    page = client.post(reverse("accounts:invite"), sent, follow=True).content.decode()
    assert "Milo Brandt (member@acme.example)" in page
    assert "milo@new.example" in page


def test_joining_asks_for_a_fresh_proof(acme, member, cleo, signed_in):
    twin = twin_of(member, acme)
    url = reverse("admin:merge_people", args=[member.pk, twin.pk])
    sent = {"survivor": member.pk, "reason": REASON, "step": "confirm"}
    assert signed_in(cleo, confirmed=False).post(url, sent).status_code == 302
    assert not PersonMerge.objects.exists()


@pytest.mark.parametrize("name", ["duplicates", "merge_people", "tell_apart"])
def test_others_do_not_join_people(acme, admin, member, manager, agent, client, signed_in, name):
    args = [] if name == "duplicates" else [admin.pk, member.pk]
    url = reverse(f"admin:{name}", args=args)
    ask = "post" if name == "tell_apart" else "get"
    assert getattr(signed_in(manager), ask)(url).status_code == 403
    assert getattr(signed_in(agent), ask)(url).status_code == 403
    assert getattr(signed_in(admin), ask)(url).status_code in (302, 403)
    assert getattr(client, ask)(url).status_code == 302
    assert not DistinctPair.objects.exists()
    assert Membership.objects.filter(user__in=[admin, member], is_active=True).count() == 2
    assert Account.objects.count() == 1
