"""What people with a Home of their own do beside the others, and how soon companies get value: by hand-made figures."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import Account
from analytics.engagement import (
    Comparison,
    Engagement,
    Start,
    engagement,
    months_of_starts,
    starts_since,
    time_to_value,
)
from tests.factories import make_account
from tracking.actor import Actor
from tracking.models import Event, EventName
from tracking.services import record

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)  # Of the running week.
NOW = MONDAY + timedelta(days=2, hours=10)
LAST_WEEK = MONDAY - timedelta(days=7)


def note(user, name, at, **properties):
    record(name=name, actor=user.membership.actor(), now=at, properties=properties)


# Engagement


@pytest.mark.django_db
def test_a_week_belongs_to_the_layout_in_force_when_it_began(admin, member):
    before = LAST_WEEK - timedelta(days=7)
    for user in (admin, member):
        for week in (before, LAST_WEEK):
            note(user, EventName.HOME_VIEWED, week + timedelta(days=1))
    note(admin, EventName.HOME_ARRANGED, before + timedelta(days=2), is_own=True)
    note(admin, EventName.HOME_VIEWED, LAST_WEEK)
    note(admin, EventName.OFFER_CLICKED, LAST_WEEK + timedelta(days=1))
    note(admin, EventName.ARTICLE_VIEWED, before + timedelta(days=3))

    found = engagement(now=NOW)

    assert found == Comparison(
        date(2026, 8, 24),
        date(2026, 11, 16),
        own=Engagement(people=1, weeks=1, visits=2, offers=1),
        usual=Engagement(people=2, weeks=3, visits=3, articles=1),
    )


@pytest.mark.django_db
def test_who_went_back_to_home_as_it_comes_counts_there_again(admin):
    note(admin, EventName.HOME_ARRANGED, LAST_WEEK - timedelta(days=9), is_own=True)
    note(admin, EventName.HOME_ARRANGED, LAST_WEEK - timedelta(days=1), is_own=False)
    note(admin, EventName.HOME_VIEWED, LAST_WEEK + timedelta(days=1))

    found = engagement(now=NOW)

    assert (found.own.people, found.usual.people) == (0, 1)


@pytest.mark.django_db
def test_staff_the_running_week_and_weeks_without_home_count_nowhere(admin, agent, acme):
    note(admin, EventName.HOME_VIEWED, MONDAY)
    note(admin, EventName.HOME_VIEWED, MONDAY - timedelta(weeks=12, seconds=1))
    note(admin, EventName.ARTICLE_VIEWED, LAST_WEEK)
    record(name=EventName.HOME_VIEWED, actor=Actor.staff(agent.pk, acme.pk), now=LAST_WEEK)

    found = engagement(now=NOW)

    assert found.own == found.usual == Engagement()
    assert found.usual.visits_per_week is None


def test_averages_are_per_week_and_small_groups_say_so():
    many = Engagement(people=20, weeks=80, visits=120, offers=4, cases=10, articles=60)

    assert many.visits_per_week == Decimal("1.5")
    assert many.offers_per_week == Decimal("0.05")
    assert many.cases_per_week == Decimal("0.125")
    assert many.articles_per_week == Decimal("0.75")
    assert not many.is_small
    few = Engagement(people=19, weeks=80)
    assert Comparison(date(2026, 1, 5), date(2026, 1, 12), own=few, usual=many).is_small
    assert not Comparison(date(2026, 1, 5), date(2026, 1, 12), own=many, usual=many).is_small


# Time to first value


def starts(*days, at=datetime(2026, 9, 10, tzinfo=UTC)):
    return [Start(at, None if one is None else at + timedelta(days=one)) for one in days]


@pytest.mark.parametrize(
    ("days", "median", "waiting"),
    [
        ([4], "4", 0),
        ([1, 9, 2], "2", 0),
        ([1, 2, 4, 9], "3", 0),
        ([0.5, 0.25], "0.375", 0),
        ([1, 2, None], "2", 1),
        ([5, None], None, 1),
        ([1, 2, None, None], None, 2),
        ([1, 3, 8, None], "5.5", 1),
        ([None], None, 1),
    ],
)
def test_those_still_waiting_count_as_slower_than_everybody(days, median, waiting):
    (month,) = time_to_value(starts(*days))

    assert (month.month, month.companies, month.waiting) == (date(2026, 9, 1), len(days), waiting)
    assert month.median_days == (None if median is None else Decimal(median))


def test_companies_belong_to_the_month_of_their_first_sign_in_latest_first():
    last_moment = datetime(2026, 8, 31, 23, 59, tzinfo=UTC)
    months = time_to_value([*starts(1, at=last_moment), *starts(2)])

    assert [(one.month, one.median_days) for one in months] == [(date(2026, 9, 1), 2), (date(2026, 8, 1), 1)]
    assert time_to_value([]) == []


@pytest.mark.django_db
def test_the_first_valuable_action_after_the_first_sign_in_counts(admin, acme, agent, django_assert_num_queries):
    began = datetime(2026, 9, 3, 8, tzinfo=UTC)
    Account.objects.filter(pk=acme.pk).update(first_login_at=began)
    make_account("Nobody came")
    make_account("Long ago", first_login_at=datetime(2025, 11, 30, tzinfo=UTC))
    note(admin, EventName.USAGE_VIEWED, began - timedelta(days=1))
    note(admin, EventName.HOME_VIEWED, began + timedelta(days=1))
    record(name=EventName.CASE_CREATED, actor=Actor.staff(agent.pk, acme.pk), now=began + timedelta(days=1))
    assert starts_since(began) == [Start(began, None)]
    note(admin, EventName.DOCUMENT_DOWNLOADED, began + timedelta(days=6))
    note(admin, EventName.CASE_CREATED, began + timedelta(days=3))

    with django_assert_num_queries(1):
        months = months_of_starts(now=NOW)

    assert [(one.month, one.companies, one.median_days, one.waiting) for one in months] == [(date(2026, 9, 1), 1, 3, 0)]


# The page


@pytest.mark.django_db
def test_the_page_shows_both_groups_and_its_caveats(manager, admin, signed_in):
    note(admin, EventName.HOME_VIEWED, datetime.now(UTC) - timedelta(days=7))

    html = signed_in(manager).get("/insights/engagement/").content.decode()

    assert "does not say that arranging Home caused it" in html
    assert "fewer than 20 people" in html
    assert Event.objects.count() == 1


@pytest.mark.django_db
def test_who_may_not_see_insights_does_not(agent, admin, client, signed_in):
    assert signed_in(agent).get("/insights/engagement/").status_code == 403
    assert signed_in(admin).get("/insights/engagement/").status_code == 403
    assert client.get("/insights/engagement/").status_code == 302
