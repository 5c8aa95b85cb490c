"""Insights beside the figure itself: quarters, tiles, paging, cost, and who may see it."""

import random
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
import time_machine

from analytics.definitions import DEFINITIONS
from analytics.earnings import deal_figures, earnings_of, influenced_deals, linear_credits
from analytics.quarters import NoSuchQuarter, Quarter
from analytics.touches import KINDS, story_of
from cases.models import Case
from commerce.models import Activity, Deal
from knowledge.models import Deflection
from tests.analytics.test_influenced_revenue import add_deal, add_touch, figure
from tests.factories import make_account, make_article
from tracking.models import Event, EventName

Q3 = Quarter(2026, 3)
NOW = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)
PAGE = "/insights/?quarter=2026-Q3"


@pytest.fixture
def signed_in_company(acme, admin):
    """Acme has used the portal since January."""
    acme.first_login_at = datetime(2026, 1, 15, tzinfo=UTC)
    acme.created_at = datetime(2025, 1, 1, tzinfo=UTC)
    acme.save()
    return acme


# Quarters


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-Q1"),
        (datetime(2026, 3, 31, 23, 59, tzinfo=UTC), "2026-Q1"),
        (datetime(2026, 4, 1, tzinfo=UTC), "2026-Q2"),
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), "2026-Q4"),
    ],
)
def test_a_moment_lies_in_its_quarter(moment, code):
    quarter = Quarter.of(moment)

    assert quarter.code == code
    assert quarter.start_at <= moment < quarter.end_at
    assert Quarter.parse(code, now=moment) == quarter


def test_the_last_eight_quarters_cross_years():
    codes = [quarter.code for quarter in Quarter(2026, 2).until_this(8)]

    assert codes == ["2024-Q3", "2024-Q4", "2025-Q1", "2025-Q2", "2025-Q3", "2025-Q4", "2026-Q1", "2026-Q2"]


@pytest.mark.parametrize("text", ["2026-Q5", "2026Q4", "2026-Q0", "1999-Q4", "2027-Q1", "9999-Q4", "२०२६-Q1", "", "x"])
def test_what_is_no_quarter_yet_is_refused(text):
    with pytest.raises(NoSuchQuarter):
        Quarter.parse(text, now=NOW)


@pytest.mark.parametrize("url", ["/insights/", "/insights/influenced-revenue/"])
@pytest.mark.parametrize("query", ["quarter=2026-Q9", "quarter=2999-Q1", "quarter='"])
def test_a_quarter_that_does_not_exist_is_not_found(manager, signed_in, url, query):
    assert signed_in(manager).get(f"{url}?{query}").status_code == 404


@time_machine.travel(NOW, tick=False)
def test_without_a_choice_the_running_quarter_is_shown(manager, signed_in):
    page = signed_in(manager).get("/insights/").content.decode()

    assert '<option value="2026-Q4" selected>Q4 2026</option>' in page
    assert '<option value="2027-Q1"' not in page


# The figures beside


def test_where_nothing_happened_rates_are_dashes(manager, signed_in):
    page = signed_in(manager).get(PAGE).content.decode()

    assert figure(page, "influenced-revenue") == "€0.00"
    for name in ("influence-rate", "self-service-share", "deflections", "reach"):
        assert figure(page, name) == "–"


def test_the_share_of_upgrades_ordered_in_the_portal(signed_in_company, manager, signed_in):
    closed = "2026-08-20 12:00"
    add_deal(signed_in_company, "By herself", "expansion", "portal", closed, 100)
    add_deal(signed_in_company, "By sales", "cross_sell", "representative", closed, 100)
    add_deal(signed_in_company, "After an alert", "expansion", "alert", closed, 100)
    add_deal(signed_in_company, "Neutral swap", "expansion", "portal", closed, 0)
    add_deal(signed_in_company, "Renewal", "renewal", "portal", closed, 100)

    page = signed_in(manager).get(PAGE).content.decode()

    assert figure(page, "self-service-share") == "33.3\xa0%"
    assert "1 of 3 upgrades" in page


def test_questions_solved_and_cases_opened_count_in_their_quarter(signed_in_company, admin, manager, signed_in):
    article = make_article()
    for number, moment in enumerate([datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)]):
        Deflection.objects.create(
            account=signed_in_company,
            user=admin,
            article=article,
            subject="Export",
            form_key=f"00000000-0000-4000-8000-00000000000{number}",
            created_at=moment,
        )
    for moment in [datetime(2026, 9, 30, 23, 59, tzinfo=UTC)] * 3:
        Case.objects.create(account=signed_in_company, opened_by=admin, subject="Export", created_at=moment)

    page = signed_in(manager).get(PAGE).content.decode()

    assert figure(page, "deflections") == "25.0\xa0%"
    assert "1 question answered by an article" in page
    assert figure(page, "cases-opened") == "3"


def test_the_baseline_is_the_share_of_accounts_that_touch_the_portal(signed_in_company, admin, manager, signed_in):
    old = datetime(2025, 1, 1, tzinfo=UTC)
    make_account("Globex Retail Ltd", created_at=old)
    make_account("Left us", created_at=old, is_active=False)
    make_account("Not yet a customer", created_at=datetime(2026, 10, 2, tzinfo=UTC))
    add_touch(admin, "2026-07-03 00:00", "article_viewed")

    client = signed_in(manager)

    assert figure(client.get(PAGE).content.decode(), "reach") == "50.0\xa0%"
    # In the quarter before, nobody had touched it.
    assert figure(client.get("/insights/?quarter=2026-Q2").content.decode(), "reach") == "0.0\xa0%"


def test_the_chart_has_eight_quarters_with_their_exact_numbers(signed_in_company, admin, manager, signed_in):
    add_deal(signed_in_company, "Seats", "expansion", "portal", "2025-02-03 12:00", 123_456)

    page = signed_in(manager).get(PAGE).content.decode()

    rows = page.partition('id="influence-chart-table"')[2]
    assert [code in rows for code in ("Q4 2024", "Q1 2025", "Q3 2026", "Q3 2024", "Q4 2026")] == [
        True, True, True, False, False,
    ]  # fmt: skip
    assert 'data-value="1234.56">€1,234.56' in rows


def test_a_portal_without_rival_says_so(signed_in_company, admin, manager, signed_in):
    deal = add_deal(signed_in_company, "Seats", "expansion", "portal", "2026-08-20 12:00", 1000)
    add_touch(admin, "2026-08-19 12:00", "quote_created")
    client = signed_in(manager)
    deal_url = f"/insights/influenced-revenue/{deal.public_id}/"

    assert "the portal had no rival" in client.get(PAGE).content.decode()
    assert "the portal had no rival" in client.get(deal_url).content.decode()

    Activity.objects.create(
        account=signed_in_company, kind="call", subject="Call", occurred_at=datetime(2026, 8, 18, tzinfo=UTC)
    )
    assert "no rival" not in client.get(PAGE).content.decode()
    assert "no rival" not in client.get(deal_url).content.decode()


# The database works the figures out as the definition says


@pytest.mark.parametrize("seed", range(4))
def test_the_sums_of_the_database_equal_the_definition_deal_by_deal(db, seed):
    chance = random.Random(seed)
    start = Q3.start_at
    for number in range(6):
        first_login = start - timedelta(days=chance.choice([0, 40, 400])) if chance.random() < 0.9 else None
        account = make_account(f"Company {number}", first_login_at=first_login)
        for _ in range(chance.randint(0, 40)):
            Event.objects.create(
                name=chance.choice([*KINDS, EventName.LOGIN, EventName.HOME_VIEWED]),
                account_id=account.pk,
                user_id=1,
                actor_kind=chance.choice(["customer", "customer", "customer", "staff"]),
                on_behalf_of=chance.choice([None, None, None, 5]),
                occurred_at=start + timedelta(hours=chance.randint(-100 * 24, 90 * 24)),
            )
        for _ in range(chance.randint(0, 4)):
            Activity.objects.create(
                account=account,
                kind="call",
                subject="",
                occurred_at=start + timedelta(hours=chance.randint(-2400, 2160)),
            )
        for _ in range(3):
            closed_at = start + timedelta(hours=chance.randint(0, 24 * 91))
            Deal.objects.create(
                account=account,
                name="Deal",
                type=chance.choice(["expansion", "cross_sell", "renewal", "new"]),
                stage="won",
                source=chance.choice(["portal", "alert", "representative"]),
                amount_minor=chance.choice([0, 7, 99_999, 240_001, -12_345]),
                currency="EUR",
                close_date=closed_at.date(),
                closed_at=closed_at,
            )
    stories = [
        story_of(deal, model="linear").influence
        for deal in Deal.objects.won_between(Q3.start_at, Q3.end_at).select_related("account")
    ]
    influenced = [story for story in stories if story.is_influenced]
    assert influenced

    figures = deal_figures(start=Q3.start_at, end=Q3.end_at)[Q3, "EUR"]
    assert figures.influenced_deals == len(influenced)
    assert figures.influenced_minor == sum(story.influenced_minor for story in influenced)
    assert figures.sourced_minor == sum(story.sourced_minor for story in influenced)

    linear = {str(credit.deal_id): credit for credit in linear_credits(start=Q3.start_at, end=Q3.end_at)}
    assert {deal_id: credit.attributed_minor for deal_id, credit in linear.items()} == {
        story.deal.id: story.attributed_minor for story in influenced
    }
    assert {deal_id: credit.portal_touches for deal_id, credit in linear.items()} == {
        story.deal.id: sum(each.touch.is_portal for each in story.credited) for story in influenced
    }


def test_the_verdicts_of_a_deal_agree_with_the_touches_that_get_credit(signed_in_company, admin):
    deal = add_deal(signed_in_company, "Seats", "expansion", "portal", "2026-08-20 12:00", 1000)
    for name in EventName:
        for moment in ("2026-05-20 12:00", "2026-06-01 12:00", "2026-08-20 12:00"):
            add_touch(admin, moment, name)
            add_touch(admin, moment, name, actor_kind="staff")

    story = story_of(Deal.objects.select_related("account").get(pk=deal.pk), model="linear")

    assert len(story.happenings) == 4 * len(EventName) + 2 * len(EventName)
    assert [one.has_part for one in story.happenings] == [one.credit_minor is not None for one in story.happenings]
    assert sum(one.has_part for one in story.happenings) == len(KINDS)


# Paging and cost


@pytest.fixture
def many_deals(signed_in_company, admin):
    """Sixty influenced deals, several closed at the same moment."""
    add_touch(admin, "2026-08-01 00:00", "quote_created")
    for number in range(60):
        add_deal(
            signed_in_company, f"Deal {number:02}", "expansion", "portal", f"2026-08-{2 + number // 4:02} 12:00", 100
        )
    return list(
        Deal.objects.order_by("-closed_at", "-public_id").values_list("name", flat=True),
    )


def test_the_list_is_read_by_key_in_both_directions(many_deals):
    first = influenced_deals(Q3, size=25)
    second = influenced_deals(Q3, cursor=first.next, size=25)
    third = influenced_deals(Q3, cursor=second.next, size=25)
    back = influenced_deals(Q3, cursor=second.previous, size=25)

    pages = [[row.deal.name for row in page.rows] for page in (first, second, third)]
    assert [name for page in pages for name in page] == many_deals
    assert [len(page) for page in pages] == [25, 25, 10]
    assert first.previous == ""
    assert third.next == ""
    assert [row.deal.name for row in back.rows] == pages[0]
    assert back.previous == ""


def test_the_pages_of_the_list_link_to_each_other(many_deals, manager, signed_in):
    client = signed_in(manager)
    page = client.get("/insights/influenced-revenue/?quarter=2026-Q3").content.decode()
    (link,) = re.findall(r'href="(\?quarter=2026-Q3&amp;cursor=[^"]+)"', page)

    older = client.get(f"/insights/influenced-revenue/{unescape(link)}").content.decode()
    assert f">{many_deals[50]}</a>" in older
    assert f">{many_deals[49]}</a>" not in older


def test_a_page_of_the_list_that_nobody_gave_is_a_bad_request(manager, signed_in):
    assert signed_in(manager).get("/insights/influenced-revenue/?cursor=nonsense").status_code == 400


def test_the_pages_cost_the_same_queries_with_one_deal_and_with_many(
    signed_in_company, admin, manager, django_assert_num_queries
):
    add_touch(admin, "2026-08-01 00:00", "quote_created")
    deal = add_deal(signed_in_company, "Deal", "expansion", "portal", "2026-08-02 12:00", 100)
    for _ in range(2):
        with django_assert_num_queries(5):
            earnings_of(Q3, now=NOW)
        with django_assert_num_queries(2):
            influenced_deals(Q3)
        with django_assert_num_queries(3):
            story_of(deal, model="linear")
        Deal.objects.bulk_create(
            Deal(
                account=signed_in_company,
                name="Deal",
                type="expansion",
                stage="won",
                source="portal",
                amount_minor=100,
                currency="EUR",
                close_date=deal.close_date,
                closed_at=deal.closed_at + timedelta(minutes=number),
            )
            for number in range(2000)
        )


def test_a_deal_with_many_touches_is_shown_in_pages(signed_in_company, admin, manager, signed_in):
    deal = add_deal(signed_in_company, "Seats", "expansion", "portal", "2026-08-20 12:00", 1000)
    for minute in range(130):
        add_touch(admin, datetime(2026, 8, 19, tzinfo=UTC) + timedelta(minutes=minute), "article_viewed")
    client = signed_in(manager)
    url = f"/insights/influenced-revenue/{deal.public_id}/"

    assert client.get(url).content.decode().count("data-verdict=") == 100
    assert client.get(f"{url}?model=linear&page=2").content.decode().count("data-verdict=") == 30
    assert client.get(f"{url}?model=guess").status_code == 404


# Definitions


@pytest.mark.parametrize("metric", DEFINITIONS)
def test_each_definition_can_be_read(manager, signed_in, metric):
    response = signed_in(manager).get(f"/insights/definitions/{metric}/")

    assert response.status_code == 200
    assert str(DEFINITIONS[metric].title) in response.content.decode()


def test_every_figure_links_to_its_definition(manager, signed_in):
    client = signed_in(manager)
    pages = (PAGE, "/insights/engagement/", "/insights/configurator/", "/insights/approvals/")
    page = "".join(client.get(address).content.decode() for address in pages)

    for metric in DEFINITIONS:
        assert f"/insights/definitions/{metric}/" in page


def test_an_unknown_definition_is_not_found(manager, signed_in):
    assert signed_in(manager).get("/insights/definitions/magic/").status_code == 404


# The way there


def test_managers_find_insights_in_the_frame_and_in_the_admin(manager, agent, signed_in):
    client = signed_in(manager)
    assert client.get(PAGE).content.decode().count('href="/insights/"') >= 2
    assert 'href="/insights/"' in client.get("/admin/").content.decode()

    assert 'href="/insights/"' not in signed_in(agent).get("/admin/").content.decode()


def test_no_page_needs_anything_inline(signed_in_company, admin, manager, signed_in):
    add_touch(admin, "2026-08-19 12:00", "quote_created")
    deal = add_deal(signed_in_company, "<script>", "expansion", "portal", "2026-08-20 12:00", 1000)
    client = signed_in(manager)

    for url in (
        PAGE,
        "/insights/influenced-revenue/?quarter=2026-Q3",
        f"/insights/influenced-revenue/{deal.public_id}/",
        "/insights/definitions/influenced-revenue/",
    ):
        response = client.get(url)
        page = response.content.decode()
        assert "unsafe-inline" not in response["Content-Security-Policy"]
        assert "<script>" not in page
        assert "style=" not in page
        assert page.count("<h1") == 1
        assert page.count("data-primary-action") == 1


# Access


@pytest.fixture
def urls(signed_in_company):
    deal = add_deal(signed_in_company, "Seats", "expansion", "portal", "2026-08-20 12:00", 1000)
    return [
        "/insights/",
        "/insights/influenced-revenue/",
        f"/insights/influenced-revenue/{deal.public_id}/",
        "/insights/definitions/influenced-revenue/",
    ]


def test_a_manager_sees_every_page(urls, manager, signed_in):
    assert [signed_in(manager).get(url).status_code for url in urls] == [200] * 4


@pytest.mark.parametrize("person", ["admin", "viewer", "other_admin", "agent"])
def test_customers_and_other_staff_are_refused(person, request, urls, signed_in):
    client = signed_in(request.getfixturevalue(person))

    assert [client.get(url).status_code for url in urls] == [403] * 4


def test_somebody_not_signed_in_is_sent_to_sign_in(urls, client):
    for url in urls:
        response = client.get(url)
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/")
