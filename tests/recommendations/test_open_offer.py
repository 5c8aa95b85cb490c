"""Following an offer into the configurator."""

import pytest

from recommendations.models import Offer
from tests.factories import make_catalogue, make_contract
from tracking.models import Event, EventName

URL = "/offers/sso/open/"


@pytest.fixture
def sso_offer(acme):
    catalogue = make_catalogue()
    make_contract(acme, catalogue)
    return Offer.objects.create(product=catalogue["sso"], headline="One sign-in", reason="Safer.")


def clicks():
    return list(Event.objects.filter(name=EventName.OFFER_CLICKED).values_list("account_id", "user_id", "object_id"))


def test_following_an_offer_is_recorded_and_opens_the_configurator(acme, admin, sso_offer, signed_in):
    response = signed_in(admin).post(URL)

    assert response.status_code == 302
    assert response["Location"] == "/plans/configure/?sso=1&source=recommendation"
    assert clicks() == [(acme.pk, admin.pk, "sso")]


def test_an_offer_that_no_longer_fits_leads_to_the_configurator_as_it_is(acme, admin, sso_offer, signed_in):
    sso_offer.delete()

    response = signed_in(admin).post(URL)

    assert response["Location"] == "/plans/configure/"
    assert clicks() == [(acme.pk, admin.pk, "sso")]


def test_an_offer_can_only_be_followed_by_post(admin, sso_offer, signed_in):
    assert signed_in(admin).get(URL).status_code == 405
    assert clicks() == []


def test_an_unknown_product_is_not_found(admin, sso_offer, signed_in):
    assert signed_in(admin).post("/offers/nothing/open/").status_code == 404
    assert clicks() == []


def test_a_product_no_longer_sold_is_not_found(admin, sso_offer, signed_in):
    sso_offer.product.lifecycle = "end_of_sale"
    sso_offer.product.save()

    assert signed_in(admin).post(URL).status_code == 404
    assert clicks() == []


# Access. Products are the vendor's, so another company's administrator follows the offer for their own company.


def test_another_companys_administrator_acts_for_their_own_company(globex, other_admin, sso_offer, signed_in):
    response = signed_in(other_admin).post(URL)

    assert response["Location"] == "/plans/configure/"  # Without a contract nothing is offered to Globex.
    assert clicks() == [(globex.pk, other_admin.pk, "sso")]


@pytest.mark.parametrize("person", ["member", "viewer", "agent"])
def test_who_may_not_buy_cannot_follow_an_offer(person, request, sso_offer, signed_in):
    assert signed_in(request.getfixturevalue(person)).post(URL).status_code == 403
    assert clicks() == []


def test_somebody_not_signed_in_is_sent_to_sign_in(sso_offer, client):
    response = client.post(URL)

    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")
    assert clicks() == []
