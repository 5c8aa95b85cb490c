"""The cards that a company keeps: added through Stripe, chosen, and removed where nothing is left unsaid."""

import pytest
import stripe as sdk
from django.db import IntegrityError
from django.urls import reverse

from commerce.billing import cards, payments
from commerce.models import AutoPay, StoredCard
from sandbox.localstripe import SECRET_KEY
from sandbox.proxy import Fault, Order
from tests.commerce.stripe_side import DECLINED_AT_ONCE, GOOD
from tests.factories import make_member
from tracking.models import Event, EventName

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}


@pytest.fixture
def billing(acme):
    return make_member(acme, "bills@acme.example", "Bo Hale", roles=["billing"])


@pytest.fixture
def store(stripe, stripe_js, signed_in, billing):
    """What pay.js does on the page that adds a card: the portal's last answer."""

    def run(number=GOOD, client=None):
        client = client or signed_in(billing)
        place = client.post(reverse("commerce:add-card"), headers=JSON).json()
        stripe_js.set_up(place["client_secret"], number)
        setup = place["client_secret"].split("_secret_")[0]
        return client.post(reverse("commerce:store-card"), {"setup": setup}, headers=JSON).json()

    return run


def attached(localstripe, card):
    api = sdk.StripeClient(SECRET_KEY, base_addresses={"api": localstripe.url}).v1
    return api.payment_methods.retrieve(card.stripe_card_id).customer


def test_the_company_s_people_for_bills_store_a_card_and_see_it(store, signed_in, billing, localstripe):
    assert store() == {"next": reverse("commerce:cards")}
    card = StoredCard.objects.get()
    assert (card.last4, card.is_default, card.added_by) == ("4242", True, billing)
    assert attached(localstripe, card) == card.stripe_customer_id
    text = signed_in(billing).get(reverse("commerce:cards")).content.decode()
    assert "Visa ending in 4242" in text
    assert "4242 4242" not in text
    assert Event.objects.get(name=EventName.CARD_STORED).properties == {"brand": "visa", "last4": "4242"}


def test_a_card_that_the_bank_refuses_is_not_kept(store):
    assert "error" in store(DECLINED_AT_ONCE)
    assert not StoredCard.objects.exists()


def test_a_card_of_another_company_is_not_kept(store, stripe_js, signed_in, billing, other_admin, now):
    theirs = payments.prepare_card(account=other_admin.membership.account, now=now)
    stripe_js.set_up(theirs.client_secret)
    answer = signed_in(billing).post(
        reverse("commerce:store-card"), {"setup": theirs.client_secret.split("_secret_")[0]}, headers=JSON
    )
    assert "error" in answer.json()
    assert not StoredCard.objects.exists()


def test_another_card_is_made_the_default(store, signed_in, billing):
    store()
    store()
    first, second = StoredCard.objects.order_by("pk")
    assert (first.is_default, second.is_default) == (True, False)
    signed_in(billing).post(reverse("commerce:choose-card", args=[second.public_id]))
    assert list(StoredCard.objects.order_by("pk").values_list("is_default", flat=True)) == [False, True]
    with pytest.raises(IntegrityError):
        StoredCard.objects.update(is_default=True)


def test_a_removed_card_is_forgotten_at_stripe_and_here(store, signed_in, billing, localstripe):
    store()
    card = StoredCard.objects.get()
    client = signed_in(billing)
    url = reverse("commerce:remove-card", args=[card.public_id])
    assert "Nothing waits for this card." in client.get(url).content.decode()
    assert client.post(url).status_code == 302
    card.refresh_from_db()
    assert card.removed_at is not None
    assert not card.is_default
    assert attached(localstripe, card) is None
    assert client.post(url).status_code == 404


def test_what_a_card_is_needed_for_is_said_before_and_after(store, signed_in, billing, invoice, contract):
    client = signed_in(billing)
    store()
    client.post(reverse("commerce:auto-pay"), {"agree": "on"})
    url = reverse("commerce:remove-card", args=[StoredCard.objects.get().public_id])
    text = client.get(url).content.decode()
    assert invoice.number in text
    assert contract.number in text
    assert "This card is needed" in text
    assert "Choose another card" in client.post(url, follow=True).content.decode()


def test_stripe_away_the_card_stays(store, signed_in, billing, stripe):
    store()
    card = StoredCard.objects.get()
    stripe.order(Order(Fault.RESET, path="/v1/payment_methods", times=9))
    answer = signed_in(billing).post(reverse("commerce:remove-card", args=[card.public_id]), follow=True)
    assert "still stored" in answer.content.decode()
    card.refresh_from_db()
    assert card.removed_at is None


def test_removing_twice_removes_once(store, billing, now):
    store()
    card = StoredCard.objects.select_related("account").get()
    for _time in range(2):
        cards.remove_card(card=card, actor=billing.membership.actor(), now=now)
    assert Event.objects.filter(name=EventName.CARD_REMOVED).count() == 1


def test_charging_by_itself_is_agreed_to_and_taken_back_and_both_stand(store, signed_in, billing):
    client = signed_in(billing)
    url = reverse("commerce:auto-pay")
    client.post(url, {"agree": "on"})
    assert not AutoPay.objects.exists()
    store()
    client.post(url, {"agree": "on"})
    client.post(url, {"agree": "on"})
    agreed = AutoPay.objects.get()
    assert (agreed.agreed_by, agreed.ended_at) == (billing, None)
    client.post(url, {})
    agreed.refresh_from_db()
    assert agreed.ended_by == billing
    assert not cards.pays_by_itself(agreed.account)


@pytest.mark.parametrize(("month", "year", "expired"), [(10, 2026, True), (11, 2026, False), (1, 2027, False)])
def test_a_card_is_good_until_its_month_is_over(month, year, expired, now):
    assert StoredCard(exp_month=month, exp_year=year).is_expired(now.date()) is expired


@pytest.mark.parametrize(("month", "year", "soon"), [(10, 2026, 0), (11, 2026, 1), (12, 2026, 1), (1, 2027, 0)])
def test_a_card_expires_soon_in_its_last_two_months(month, year, soon, now):
    assert StoredCard(exp_month=month, exp_year=year).expires_soon(now.date()) is bool(soon)


def test_the_list_asks_little(store, signed_in, billing, most_queries):
    store()
    client = signed_in(billing)
    with most_queries(4):
        client.get(reverse("commerce:cards"))


def test_others_neither_see_nor_touch_a_card(store, signed_in, viewer, other_admin, client):
    store()
    card = StoredCard.objects.get()
    urls = [
        reverse("commerce:choose-card", args=[card.public_id]),
        reverse("commerce:remove-card", args=[card.public_id]),
    ]
    for url in urls:
        assert signed_in(other_admin).post(url).status_code == 404
        assert signed_in(viewer).post(url).status_code == 403
        assert client.post(url).status_code == 302
    assert "4242" not in signed_in(other_admin).get(reverse("commerce:cards")).content.decode()
    card.refresh_from_db()
    assert (card.removed_at, card.is_default) == (None, True)
