"""An announcement stands on top of the pages of those whom it concerns, from its start to its end, until put away."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from accounts.announcements import announcements_for
from accounts.models import Announcement, AnnouncementText

pytestmark = pytest.mark.django_db

PAGE = reverse("accounts:notifications")


@pytest.fixture(autouse=True)
def fresh_cache():
    cache.delete("announcements")
    yield
    cache.delete("announcements")


def announce(**fields):
    return Announcement.objects.create(text="The portal rests on Sunday.", **fields)


def sees(user):
    """What somebody sees right now, whatever the cache holds."""
    cache.delete("announcements")
    user.refresh_from_db()
    membership = user.memberships.select_related("account__tier").first()
    return [one.text for one in announcements_for(user=user, membership=membership, now=timezone.now())]


def test_everybody_at_a_customer_sees_it_and_staff_only_where_it_says_so(member, other_admin, agent):
    announcement = announce()
    assert sees(member) == sees(other_admin) == ["The portal rests on Sunday."]
    assert sees(agent) == []
    Announcement.objects.filter(pk=announcement.pk).update(for_staff=True)
    assert sees(agent) == ["The portal rests on Sunday."]


@pytest.mark.parametrize(
    "rule",
    [{"tiers": ["premier"]}, {"industries": ["logistics"]}, {"stages": ["renewing"]}, {"roles": ["support"]}],
    ids=["tier", "industry", "lifecycle", "role"],
)
def test_a_rule_keeps_it_to_its_audience(acme, member, other_admin, rule):
    acme.lifecycle_stage = "renewing"
    acme.save()
    announce(**rule)
    assert len(sees(member)) == 1
    assert sees(other_admin) == []


def test_all_rules_must_hold(member):
    announce(tiers=["premier"], roles=["billing"])
    assert sees(member) == []


def test_it_stands_from_its_start_until_its_end(member):
    now = timezone.now()
    announce(starts_at=now + timedelta(hours=1))
    announce(starts_at=now - timedelta(days=2), ends_at=now - timedelta(minutes=1))
    assert sees(member) == []
    announce(starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=1))
    assert len(sees(member)) == 1


def test_it_speaks_the_reader_s_language_where_it_can(member):
    from django.utils.translation import override

    AnnouncementText.objects.create(announcement=announce(), language="de", text="Sonntag ist Ruhe.")
    with override("de"):
        assert sees(member) == ["Sonntag ist Ruhe."]
    with override("es"):
        assert sees(member) == ["The portal rests on Sunday."]


def test_one_person_puts_it_away_and_the_others_keep_it(member, admin, signed_in):
    announcement = announce(link="/help/", link_text="Why")
    client = signed_in(member)
    page = client.get(PAGE).content.decode()
    assert "The portal rests on Sunday." in page
    assert 'href="/help/"' in page
    url = reverse("accounts:dismiss-announcement", args=[announcement.pk])
    assert client.post(url, {"next": PAGE}).headers["Location"] == PAGE
    assert "rests on Sunday" not in client.get(PAGE).content.decode()
    assert "rests on Sunday" in signed_in(admin).get(PAGE).content.decode()


def test_one_that_is_to_stay_cannot_be_put_away(member, signed_in):
    announcement = announce(is_dismissible=False)
    url = reverse("accounts:dismiss-announcement", args=[announcement.pk])
    assert "Put this announcement away" not in signed_in(member).get(PAGE).content.decode()
    assert signed_in(member).post(url).status_code == 404
    assert len(sees(member)) == 1


def test_it_is_read_once_and_kept(member, django_assert_num_queries):
    announce()
    membership = member.memberships.select_related("account__tier").get()
    with django_assert_num_queries(2):
        announcements_for(user=member, membership=membership, now=timezone.now())
    with django_assert_num_queries(0):
        assert len(announcements_for(user=member, membership=membership, now=timezone.now())) == 1


def test_without_the_cache_it_still_stands_there(member, settings):
    settings.CACHES = settings.CACHES | {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    announce()
    assert len(sees(member)) == 1


def test_marketing_writes_one_sees_it_as_it_will_stand_and_it_appears_at_once(
    member, signed_in, django_capture_on_commit_callbacks
):
    from tests.factories import make_staff

    marketer = signed_in(make_staff("news@vendor.example", "Nele Weber", group="Marketing"))
    assert "rests on" not in signed_in(member).get(PAGE).content.decode()
    form = {
        "text": "The portal rests on Sunday.", "level": "warning", "link": "javascript:alert(1)", "link_text": "Why",
        "starts_at_0": "2026-01-01", "starts_at_1": "00:00", "roles": ["support"], "is_dismissible": "on",
        "texts-TOTAL_FORMS": "0", "texts-INITIAL_FORMS": "0", "_continue": "1",
    }  # fmt: skip
    url = reverse("admin:accounts_announcement_add")
    assert "Begin with / or https://" in marketer.post(url, form).content.decode()
    assert not Announcement.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        page = marketer.post(url, form | {"link": "/help/"}, follow=True).content.decode()
    assert "en · warning" in page
    assert Announcement.objects.get().roles == ["support"]
    assert "rests on Sunday" in signed_in(member).get(PAGE).content.decode()


def test_support_does_not_write_announcements(agent, signed_in):
    assert signed_in(agent).get(reverse("admin:accounts_announcement_add")).status_code == 403
