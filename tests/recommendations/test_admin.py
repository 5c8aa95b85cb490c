"""Marketing's pages for offers and content."""

import pytest

from recommendations.models import ContentBlock, Offer
from tests.factories import make_catalogue, make_staff, make_tier

ADD_OFFER = "/admin/recommendations/offer/add/"
ADD_BLOCK = "/admin/recommendations/contentblock/add/"


@pytest.fixture
def marketing(db):
    return make_staff("marketing@vendor.example", "Nora Lund", group="Marketing")


@pytest.fixture
def catalogue(db):
    return make_catalogue()


def offer_form(catalogue, **fields):
    return {
        "product": catalogue["sso"].pk,
        "meter": "",
        "threshold_percent": 85,
        "industries": ["logistics"],
        "stages": [],
        "headline": "One sign-in for everybody",
        "reason": "Usual in {industry}.",
        "weight": 10,
        "is_active": "on",
    } | fields


def test_marketing_adds_an_offer_by_ticking_boxes(marketing, catalogue, signed_in):
    client = signed_in(marketing)
    page = client.get(ADD_OFFER).content.decode()
    assert 'value="logistics"' in page

    response = client.post(ADD_OFFER, offer_form(catalogue))

    assert response.status_code == 302
    offer = Offer.objects.get()
    assert (offer.industries, offer.stages, offer.reason) == (["logistics"], [], "Usual in {industry}.")
    assert "One sign-in for everybody" in client.get("/admin/recommendations/offer/").content.decode()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"reason": "{seats} of them"}, "{seats}: we don&#x27;t know this figure."),
        ({"reason": "{used} used"}, "{used}: only an offer with a meter has these figures."),
        ({"headline": "Half a {used"}, "A name in braces is not complete"),
        ({"meter": "seats", "threshold_percent": 0}, "Between 1 and 200 percent"),
        ({"industries": ["piracy"]}, "piracy"),
    ],
)
def test_an_offer_that_could_not_be_shown_is_refused_with_the_reason(marketing, catalogue, signed_in, fields, message):
    response = signed_in(marketing).post(ADD_OFFER, offer_form(catalogue, **fields))

    assert response.status_code == 200
    assert message in response.content.decode()
    assert not Offer.objects.exists()


def block_form(**fields):
    return {
        "title": "Peak season",
        "body": "Plan ahead.",
        "icon": "sparkles",
        "link_label": "Read how",
        "link_url": "/help/",
        "industries": ["logistics"],
        "tiers": ["premier"],
        "stages": ["growing"],
        "position": 1,
        "is_active": "on",
    } | fields


def test_marketing_adds_a_content_block(marketing, signed_in):
    make_tier("premier")

    response = signed_in(marketing).post(ADD_BLOCK, block_form())

    assert response.status_code == 302
    block = ContentBlock.objects.get()
    assert (block.industries, block.tiers, block.stages) == (["logistics"], ["premier"], ["growing"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"link_url": "https://elsewhere.example/"}, "There is no page of the portal at this address."),
        ({"link_url": "//elsewhere.example/help/"}, "There is no page of the portal at this address."),
        ({"link_url": "/no/such/page/"}, "There is no page of the portal at this address."),
        ({"link_label": ""}, "A link needs both its words and its address."),
        ({"tiers": ["platinum"]}, "platinum"),
    ],
)
def test_a_content_block_that_leads_nowhere_is_refused(marketing, signed_in, fields, message):
    make_tier("premier")

    response = signed_in(marketing).post(ADD_BLOCK, block_form(**fields))

    assert response.status_code == 200
    assert message in response.content.decode()
    assert not ContentBlock.objects.exists()


def test_support_may_look_but_not_change(agent, catalogue, signed_in):
    client = signed_in(agent)

    assert client.get("/admin/recommendations/offer/").status_code == 200
    assert client.get(ADD_OFFER).status_code == 403
    assert client.post(ADD_OFFER, offer_form(catalogue)).status_code == 403
    assert not Offer.objects.exists()


def test_a_customer_has_no_business_there(admin, client, signed_in):
    assert signed_in(admin).get("/admin/recommendations/offer/").status_code == 302
    assert client.get("/admin/recommendations/offer/").status_code == 302
