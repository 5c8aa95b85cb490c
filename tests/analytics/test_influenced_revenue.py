"""The figure a manager reads, counted by hand.

Everything is built from plain data and read from the page; nothing here knows how the portal works the figure out.
"""

import re
from datetime import UTC, datetime, timedelta

import pytest

from commerce.models import Activity, Deal
from tests.factories import make_account, make_member
from tracking.models import Event

PAGE = "/insights/?quarter=2026-Q3"
LIST = "/insights/influenced-revenue/?quarter=2026-Q3"
FIRST_LOGIN = "2026-01-15 09:00"

# Who, when, what; the account is that of the person.
TOUCHES = [
    # Acme adds seats on 20 August: four touches count, and sales called twice.
    ("ada", "2026-07-02 08:00", "plans_viewed"),
    ("ada", "2026-08-18 09:00", "configurator_used"),
    ("ada", "2026-08-18 09:10", "quote_created"),
    ("ada", "2026-08-20 11:59", "quote_viewed"),
    ("ada", "2026-08-20 12:00", "quote_viewed"),  # At the moment of closing: too late.
    ("ada", "2026-08-21 10:00", "order_viewed"),
    # Globex renews on 10 September after reading one article.
    ("gus", "2026-09-01 07:30", "article_viewed"),
    ("gus", "2026-09-02 07:30", "login"),
    # Initech buys an add-on on 1 July after signing in alone.
    ("ivy", "2026-06-20 10:00", "login"),
    ("ivy", "2026-06-20 10:01", "home_viewed"),
]
CALLS = [("acme", "2026-08-01 10:00"), ("acme", "2026-08-10 10:00")]
DEALS = [
    # Account, name, type, source, closed, cents.
    ("acme", "Ten seats", "expansion", "portal", "2026-08-20 12:00", 240_001),
    ("globex", "Renewal", "renewal", "representative", "2026-09-10 12:00", 1_000_000),
    ("initech", "Audit log", "cross_sell", "representative", "2026-07-01 00:00", 500_000),
    ("globex", "First contract", "new", "representative", "2026-09-15 12:00", 7_000_000),  # New customers don't count.
    ("acme", "Storage, closed in June", "expansion", "portal", "2026-06-30 23:59", 90_000),
]
# By hand: influenced are Ten seats and Renewal, 2,400.01 + 10,000.00.
INFLUENCED = "€12,400.01"
SOURCED = "€2,400.01"
# Ten seats: 240,001 cents over six touches are 40,000 each, and one cent more for the first of them, plans viewed. Four
# are the portal's: 160,001. The renewal had no rival: 1,000,000.
ATTRIBUTED = "€11,600.01"
# Won in the quarter in deals of the types that count: 240,001 + 1,000,000 + 500,000 = 1,740,001 cents.
RATE = "71.3\xa0%"


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def figure(page, name):
    """The value shown in the tile of a figure."""
    tile = re.search(rf'data-figure="{name}".*?stat-value[^>]*>([^<]*)<', page, re.DOTALL)
    return tile[1].strip()


def amounts(page):
    return [figure(page, name) for name in ("influenced-revenue", "sourced-revenue", "attributed-revenue")]


@pytest.fixture
def people(acme, globex, admin, other_admin):
    initech = make_account("Initech Energy AG", industry="energy")
    ivy = make_member(initech, "ivy@initech.example", "Ivy Ng", roles=["administrator"])
    for account in (acme, globex, initech):
        account.first_login_at = at(FIRST_LOGIN)
        account.save()
    return {"ada": admin, "gus": other_admin, "ivy": ivy}


@pytest.fixture
def accounts(people):
    return {
        "acme": people["ada"].membership.account,
        "globex": people["gus"].membership.account,
        "initech": people["ivy"].membership.account,
    }


def add_touch(user, moment, name, **fields):
    fields = {
        "account_id": user.membership.account_id,
        "user_id": user.pk,
        "actor_kind": "customer",
        "occurred_at": at(moment) if isinstance(moment, str) else moment,
    } | fields
    return Event.objects.create(name=name, **fields)


def add_deal(account, name, type_, source, closed, cents, currency="EUR"):
    return Deal.objects.create(
        account=account,
        name=name,
        type=type_,
        stage="won",
        source=source,
        amount_minor=cents,
        currency=currency,
        close_date=at(closed).date(),
        closed_at=at(closed),
        created_at=at(closed) - timedelta(days=30),
    )


@pytest.fixture
def history(people, accounts):
    for who, moment, name in TOUCHES:
        add_touch(people[who], moment, name)
    for number, (account, moment) in enumerate(CALLS):
        Activity.objects.create(
            account=accounts[account], kind="call", subject="Call", occurred_at=at(moment), crm_id=f"call-{number}"
        )
    return [add_deal(accounts[account], *deal) for account, *deal in DEALS]


def test_the_figures_equal_the_hand_count(history, manager, signed_in):
    page = signed_in(manager).get(PAGE).content.decode()

    assert amounts(page) == [INFLUENCED, SOURCED, ATTRIBUTED]
    assert figure(page, "influence-rate") == RATE


def test_the_list_holds_the_deals_of_the_figure_latest_first(history, manager, signed_in):
    page = signed_in(manager).get(LIST).content.decode()

    assert re.findall(r">(Ten seats|Renewal|Audit log|First contract|Storage[^<]*)</a>", page) == [
        "Renewal",
        "Ten seats",
    ]
    assert "€1,600.01" in page  # Attributed of Ten seats.


def test_a_deal_tells_its_touches_in_time_order(history, manager, signed_in):
    page = signed_in(manager).get(f"/insights/influenced-revenue/{history[0].public_id}/").content.decode()

    rows = re.findall(r'<tr data-verdict="(\w+)">.*?<time datetime="([^"]+)"', page, re.DOTALL)
    assert rows == [
        ("counts", "2026-07-02T08:00:00+00:00"),
        ("competes", "2026-08-01T10:00:00+00:00"),
        ("competes", "2026-08-10T10:00:00+00:00"),
        ("counts", "2026-08-18T09:00:00+00:00"),
        ("counts", "2026-08-18T09:10:00+00:00"),
        ("counts", "2026-08-20T11:59:00+00:00"),
        ("too_late", "2026-08-20T12:00:00+00:00"),
        ("too_late", "2026-08-21T10:00:00+00:00"),
    ]
    assert amounts(page) == ["€2,400.01", "€2,400.01", "€1,600.01"]
    assert "Ada Achterberg" in page


@pytest.mark.parametrize(
    ("model", "attributed"),
    [
        ("any_touch", "€2,400.01"),
        ("first", "€2,400.01"),  # Plans viewed came first.
        ("last", "€2,400.01"),  # The quote was viewed last.
        ("linear", "€1,600.01"),
        # 40 % each at both ends, 20 % over four in the middle, of which two are the portal's: 90 %, in whole cents.
        ("position", "€2,160.01"),
        # Weights 3 + 4 + 5 + 3 of the portal, 1 + 1 of sales: 42,353 + 56,470 + 70,588 + 42,353 whole cents, and of the
        # three cents left one goes to the configurator (.82) and two to the calls (.71 each).
        ("weighted", "€2,117.65"),
    ],
)
def test_a_deal_shows_its_credit_by_each_model(history, manager, signed_in, model, attributed):
    url = f"/insights/influenced-revenue/{history[0].public_id}/?model={model}"

    assert figure(signed_in(manager).get(url).content.decode(), "attributed-revenue") == attributed


# Each edge by itself: one deal, closed on 20 August at noon, and one touch.

CLOSED = "2026-08-20 12:00"


@pytest.mark.parametrize(
    ("moment", "is_influenced"),
    [
        ("2026-08-20 11:59:59.999999", True),
        ("2026-08-20 12:00", False),
        ("2026-05-22 12:00", True),  # Exactly 90 days before.
        ("2026-05-22 11:59:59.999999", False),
        ("2026-05-21 12:00", False),  # 91 days.
    ],
)
def test_a_touch_counts_from_90_days_before_until_just_before_closing(
    people, accounts, manager, signed_in, moment, is_influenced
):
    add_deal(accounts["acme"], "Ten seats", "expansion", "portal", CLOSED, 240_000)
    add_touch(people["ada"], moment, "quote_viewed")

    page = signed_in(manager).get(PAGE).content.decode()

    assert amounts(page) == (["€2,400.00"] * 3 if is_influenced else ["€0.00"] * 3)


@pytest.mark.parametrize(
    ("name", "is_influenced"),
    [
        ("quote_created", True),
        ("quote_viewed", True),
        ("configurator_used", True),
        ("plans_viewed", True),
        ("offer_clicked", True),
        ("contract_viewed", True),
        ("usage_viewed", True),
        ("document_downloaded", True),
        ("article_viewed", True),
        ("case_created", True),
        ("login", False),
        ("home_viewed", False),
        ("article_searched", False),
        ("case_viewed", False),
        ("offer_shown", False),
        ("profile_changed", False),
    ],
)
def test_only_some_kinds_of_events_count(people, accounts, manager, signed_in, name, is_influenced):
    add_deal(accounts["acme"], "Ten seats", "expansion", "representative", CLOSED, 240_000)
    add_touch(people["ada"], "2026-08-10 12:00", name)

    page = signed_in(manager).get(PAGE).content.decode()

    assert figure(page, "influenced-revenue") == ("€2,400.00" if is_influenced else "€0.00")


@pytest.mark.parametrize(
    "touch",
    [
        {"actor_kind": "staff"},
        {"actor_kind": "staff", "on_behalf_of": 1},
        {"actor_kind": "customer", "on_behalf_of": 1},
        {"actor_kind": "system", "user_id": None},
        {"actor_kind": "crm", "user_id": None},
        {"account_id": None},
    ],
    ids=["staff", "view-as", "view-as however stamped", "a job", "the CRM", "no account"],
)
def test_what_the_customer_did_not_do_never_counts(people, accounts, manager, signed_in, touch):
    add_deal(accounts["acme"], "Ten seats", "expansion", "portal", CLOSED, 240_000)
    add_touch(people["ada"], "2026-08-10 12:00", "quote_created", **touch)

    page = signed_in(manager).get(PAGE).content.decode()

    assert amounts(page) == ["€0.00"] * 3
    assert figure(page, "influence-rate") == "0.0\xa0%"


def test_a_touch_of_another_company_does_not_count(people, accounts, manager, signed_in):
    add_deal(accounts["acme"], "Ten seats", "expansion", "portal", CLOSED, 240_000)
    add_touch(people["gus"], "2026-08-10 12:00", "quote_created")
    # Ada also belongs to Globex, and was there for Globex.
    add_touch(people["ada"], "2026-08-10 12:00", "quote_created", account_id=accounts["globex"].pk)

    assert amounts(signed_in(manager).get(PAGE).content.decode()) == ["€0.00"] * 3


@pytest.mark.parametrize("first_login", ["2026-08-10 12:00", "2026-08-11 12:00", None])
def test_a_touch_before_the_first_sign_in_does_not_count(people, accounts, manager, signed_in, first_login):
    accounts["acme"].first_login_at = at(first_login) if first_login else None
    accounts["acme"].save()
    add_deal(accounts["acme"], "Ten seats", "expansion", "portal", CLOSED, 240_000)
    add_touch(people["ada"], "2026-08-10 12:00", "quote_created")

    assert amounts(signed_in(manager).get(PAGE).content.decode()) == ["€0.00"] * 3


@pytest.mark.parametrize(
    ("closed", "is_in"),
    [
        ("2026-06-30 23:59:59.999999", False),
        ("2026-07-01 00:00", True),
        ("2026-09-30 23:59:59.999999", True),
        ("2026-10-01 00:00", False),
    ],
)
def test_a_deal_belongs_to_the_quarter_in_which_it_was_closed(people, accounts, manager, signed_in, closed, is_in):
    add_deal(accounts["acme"], "Ten seats", "expansion", "portal", closed, 240_000)
    add_touch(people["ada"], at(closed) - timedelta(hours=1), "quote_created")

    page = signed_in(manager).get(PAGE).content.decode()

    assert figure(page, "influenced-revenue") == ("€2,400.00" if is_in else "€0.00")


def test_a_deal_that_was_lost_or_is_open_does_not_count(people, accounts, manager, signed_in):
    deal = add_deal(accounts["acme"], "Ten seats", "expansion", "portal", CLOSED, 240_000)
    add_touch(people["ada"], "2026-08-10 12:00", "quote_created")
    Deal.objects.filter(pk=deal.pk).update(stage="lost")

    client = signed_in(manager)
    assert amounts(client.get(PAGE).content.decode()) == ["€0.00"] * 3
    assert client.get(f"/insights/influenced-revenue/{deal.public_id}/").status_code == 404


def test_amounts_in_another_currency_are_listed_and_never_added(people, accounts, manager, signed_in):
    add_deal(accounts["acme"], "Ten seats", "expansion", "portal", CLOSED, 240_000)
    add_deal(accounts["acme"], "In Zurich", "expansion", "portal", CLOSED, 99_900, currency="CHF")
    add_touch(people["ada"], "2026-08-10 12:00", "quote_created")

    page = signed_in(manager).get(PAGE).content.decode()

    assert amounts(page) == ["€2,400.00"] * 3
    assert "CHF\xa0999.00 influenced of CHF\xa0999.00 won" in page
    assert "not in the figure" in signed_in(manager).get(LIST).content.decode()
