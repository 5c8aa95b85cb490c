"""What Home is given to recommend, and what it shows of it to whom."""

from datetime import date
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.test import RequestFactory

from accounts.models import Entitlement, Entitlements
from commerce.contracts import contracts
from commerce.models import ContractedPrice, Price, PriceBook
from recommendations.models import ContentBlock, Offer
from recommendations.services import note_shown, recommend
from tests.conftest import NOW, TODAY
from tests.factories import make_catalogue, make_contract
from tracking.models import Event, Meter
from tracking.services import flush_page_views


@pytest.fixture
def catalogue(db):
    return make_catalogue()


@pytest.fixture
def contract(acme, catalogue):
    return make_contract(acme, catalogue, plan="team", seats=50)


@pytest.fixture
def seats_offer(catalogue):
    return Offer.objects.create(
        product=catalogue["team"],
        meter=Meter.SEATS,
        headline="Make room for the next ten",
        reason="{used} of {limit} seats used",
        weight=20,
    )


@pytest.fixture
def sso_offer(catalogue):
    return Offer.objects.create(
        product=catalogue["sso"], headline="One sign-in for everybody", reason="Usual in {industry}."
    )


def recommended(account, *, used="46", limit=1):
    return recommend(
        account=account,
        today=TODAY,
        usage={Meter.SEATS: Decimal(used)},
        entitlements=Entitlements.of(account, today=TODAY),
        limit=limit,
    )


def test_seats_that_run_out_are_recommended_with_their_reason_and_price(acme, contract, seats_offer):
    (one,) = recommended(acme)

    assert one.product.code == "team"
    assert one.headline == "Make room for the next ten"
    assert one.reason == "46 of 50 seats used"
    assert one.quantity_text == "Fits 60 seats"
    assert one.price_text == "€11.40 per seat and month"  # 12.00 at the tier's 95 %.
    assert one.configure_url == "/plans/configure/?plan=team&seats=60&source=recommendation"


TIERS = [{"from": "1", "to": "55", "unit_price": "11"}, {"from": "55", "to": None, "unit_price": "9"}]


def test_the_price_is_the_one_that_was_agreed_with_the_company(acme, catalogue, contract, seats_offer):
    ContractedPrice.objects.create(
        account=acme, product=catalogue["team"], currency="EUR", unit_price=Decimal("7.5"), valid_from=date(2024, 1, 1)
    )

    assert recommended(acme)[0].price_text == "€7.50 per seat and month"


def test_the_price_is_that_of_the_contracts_own_book_whatever_is_newer(acme, catalogue, contract, seats_offer):
    other = PriceBook.objects.create(tier=acme.tier, currency="EUR", name="Newer", valid_from=date(2025, 1, 1))
    Price.objects.create(book=other, product=catalogue["team"], unit_price=Decimal(20), valid_from=TODAY)

    assert recommended(acme)[0].price_text == "€11.40 per seat and month"


def test_a_price_by_quantity_is_said_by_its_tiers(acme, catalogue, contract, seats_offer):
    catalogue["team"].prices.filter(book=contract.price_book).update(
        method="volume", unit_price=0, figures={"tiers": TIERS}
    )

    assert recommended(acme)[0].price_text == "€11.00 per seat and month, €9.00 from 55 on"


def test_a_price_that_does_not_read_is_one_to_talk_about(acme, admin, catalogue, contract, seats_offer):
    catalogue["team"].prices.update(method="volume", unit_price=0, figures={"tiers": []})

    html = rendered("{% offer_card one %}", admin.membership, one=recommended(acme)[0])

    assert "Talk to us" in html
    assert "€" not in html


def test_an_addon_leads_to_the_configurator_with_one_of_it(acme, contract, sso_offer):
    (one,) = recommended(acme)

    assert one.reason == "Usual in logistics."
    assert one.configure_url == "/plans/configure/?sso=1&source=recommendation"
    assert one.quantity_text == ""


def test_the_best_come_first_and_no_more_than_asked_for(acme, contract, seats_offer, sso_offer):
    assert [one.product.code for one in recommended(acme, limit=5)] == ["team", "sso"]
    assert [one.product.code for one in recommended(acme, limit=1)] == ["team"]
    assert [one.product.code for one in recommended(acme, used="10", limit=5)] == ["sso"]


def test_a_feature_granted_otherwise_is_not_recommended(acme, contract, sso_offer):
    Entitlement.objects.create(account=acme, code="sso", start_date=TODAY, source="trial")

    assert recommended(acme) == []


def test_what_the_accounts_price_book_lacks_is_not_recommended(acme, globex, catalogue, contract, sso_offer):
    make_contract(globex, catalogue)
    catalogue["sso"].prices.filter(book__tier=acme.tier).delete()

    assert recommended(acme) == []
    assert [one.product.code for one in recommended(globex)] == ["sso"]


@pytest.mark.parametrize("what", ["offer switched off", "product no longer sold"])
def test_what_is_switched_off_is_not_recommended(acme, contract, sso_offer, what):
    if what == "offer switched off":
        sso_offer.is_active = False
        sso_offer.save()
    else:
        sso_offer.product.lifecycle = "end_of_sale"
        sso_offer.product.save()

    assert recommended(acme) == []


def test_nothing_is_recommended_without_a_running_contract(acme, catalogue, sso_offer):
    assert recommended(acme) == []


@pytest.mark.parametrize("offers", [2, 5])
def test_it_costs_four_queries_however_many_offers_there_are(
    acme, catalogue, contract, seats_offer, sso_offer, offers, django_assert_num_queries
):
    for code in ["audit_log", "business", "enterprise"][: offers - 2]:
        Offer.objects.create(product=catalogue[code], headline=code, reason="Because.")
    entitlements = Entitlements.of(acme, today=TODAY)

    with django_assert_num_queries(4):
        shown = recommend(
            account=acme, today=TODAY, usage={Meter.SEATS: Decimal(46)}, entitlements=entitlements, limit=9
        )

    assert len(shown) == offers


def test_a_page_that_has_read_the_contract_saves_a_query(
    acme, catalogue, contract, seats_offer, django_assert_num_queries
):
    entitlements, overview = Entitlements.of(acme, today=TODAY), contracts.overview(acme, TODAY)

    with django_assert_num_queries(3):
        (one,) = recommend(
            account=acme, today=TODAY, usage={Meter.SEATS: Decimal(46)}, entitlements=entitlements, contract=overview
        )

    assert one == recommended(acme)[0]


def test_a_customers_request_may_read_all_it_needs(acme, admin, contract, seats_offer, as_customer):
    ContentBlock.objects.create(title="Peak season", body="Plan ahead.", industries=["logistics"])

    with as_customer(admin.membership):
        assert [one.product.code for one in recommended(acme)] == ["team"]
        assert [block.title for block in ContentBlock.objects.matching(acme)] == ["Peak season"]


def test_offers_shown_reach_the_event_stream(acme, admin, contract, seats_offer):
    note_shown(recommendations=recommended(acme), actor=admin.membership.actor(), now=NOW, session_key="abc")
    flush_page_views()

    event = Event.objects.get(name="offer_shown", account_id=acme.pk)  # Other tests may have left views to flush.
    assert (event.account_id, event.user_id) == (acme.pk, admin.pk)
    assert (event.object_type, event.object_id, event.session_key) == ("product", "team", "abc")
    assert event.occurred_at == NOW


# The fragments


def rendered(source, membership, **context):
    request = RequestFactory().get("/")
    context = Context({"request": request, "membership": membership, "csrf_token": "t"} | context)
    return Template("{% load recommendations %}" + source).render(context)


def test_an_administrator_sees_the_price_and_the_way_to_the_configurator(acme, admin, contract, seats_offer):
    html = rendered("{% offer_card one %}", admin.membership, one=recommended(acme)[0])

    assert "46 of 50 seats used" in html
    assert "€11.40 per seat and month" in html
    assert 'action="/offers/team/open/"' in html
    assert "data-primary-action" not in html


def test_the_offer_can_be_the_pages_primary_action(acme, admin, contract, seats_offer):
    html = rendered("{% offer_card one primary=True %}", admin.membership, one=recommended(acme)[0])

    assert html.count("data-primary-action") == 1


def test_a_viewer_sees_the_reason_and_whom_to_ask_but_no_price(acme, viewer, contract, seats_offer):
    html = rendered("{% offer_card one %}", viewer.membership, one=recommended(acme)[0])

    assert "46 of 50 seats used" in html
    assert "Ask your administrator" in html
    assert "€" not in html
    assert "<form" not in html


def test_a_content_block_shows_its_text_and_link_escaped(acme):
    block = ContentBlock(title="<b>Peak</b>", body="One.\n\nTwo <script>", link_label="Read on", link_url="/help/")

    html = rendered("{% content_block block %}", None, block=block)

    assert "&lt;b&gt;Peak" in html
    assert "<script>" not in html
    assert '<a class="link" href="/help/">Read on</a>' in html


# Content blocks


@pytest.mark.parametrize(
    ("rules", "matches"),
    [
        ({}, True),
        ({"industries": ["retail", "logistics"]}, True),
        ({"industries": ["retail"]}, False),
        ({"tiers": ["premier"]}, True),
        ({"tiers": ["growth"]}, False),
        ({"stages": ["growing"]}, True),
        ({"stages": ["at_risk"]}, False),
        ({"industries": ["logistics"], "tiers": ["premier"], "stages": ["growing"]}, True),
        ({"industries": ["logistics"], "tiers": ["growth"]}, False),
        ({"is_active": False}, False),
    ],
)
def test_a_content_block_matches_when_each_of_its_rules_does(acme, rules, matches):
    ContentBlock.objects.create(title="Peak season", body="Plan ahead.", **rules)

    assert ContentBlock.objects.matching(acme).exists() is matches


def test_a_changed_industry_changes_what_matches(acme):
    ContentBlock.objects.create(title="Cold chain", body="Keep cool.", industries=["healthcare"])
    assert not ContentBlock.objects.matching(acme)

    acme.industry = "healthcare"
    acme.save()

    assert ContentBlock.objects.matching(acme).count() == 1
