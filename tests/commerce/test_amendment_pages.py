"""Pausing, ending, keeping and taking up a contract in the portal."""

from datetime import date

import pytest
from django.urls import reverse

from commerce.models import (
    Contract,
    DeltaKind,
    PendingChange,
    RetentionAnswer,
    RetentionOffer,
    Subscription,
    SubscriptionDelta,
)
from tests.factories import make_contract, make_member
from tracking.models import UsageDaily

CONFIRMED = {"reason": "not_used", "when": "term", "words": "Too quiet.", "consent": "on", "version": "1"}


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


@pytest.fixture
def client(admin, contract, signed_in):
    return signed_in(admin)


@pytest.fixture
def url(contract):
    return lambda name: reverse(f"commerce:{name}", args=[contract.number])


@pytest.fixture
def offer(db):
    return RetentionOffer.objects.update_or_create(
        reason="not_used", rank=1, defaults={"kind": "pause", "headline": "Pause instead", "text": "Rest a while."}
    )[0]


def test_a_pause_says_what_follows_and_is_planned(client, url):
    page = client.get(url("pause-contract")).content.decode()
    assert "€570.00 a month is paid for the term already" in page
    assert page.count("data-primary-action") == 1

    sent = {"from_date": "2026-12-01", "until_date": "2027-01-10", "words": "", "version": "1"}
    assert client.post(url("pause-contract"), sent).url == url("contract")
    page = client.get(url("contract")).content.decode()
    assert "Pause planned for 1 Dec 2026" in page
    assert "Take this change back" in page
    assert page.count("data-primary-action") == 1


def test_a_pause_that_is_too_long_comes_back_with_what_was_typed(client, url):
    sent = {"from_date": "2026-11-18", "until_date": "2027-01-31", "words": "Winter", "version": "1"}
    Contract.objects.update(longest_pause_days=30)
    response = client.post(url("pause-contract"), sent)
    page = response.content.decode()
    assert response.status_code == 422
    assert "30 days at most" in page
    assert "Winter" in page
    assert not PendingChange.objects.exists()


def test_a_pause_from_today_can_be_ended_now(client, url):
    client.post(
        url("pause-contract"), {"from_date": "2026-11-18", "until_date": "2026-12-10", "words": "", "version": "1"}
    )
    page = client.get(url("contract")).content.decode()
    assert "End the pause now" in page
    assert "Nothing is owned on this day." in page
    client.post(url("resume-contract"))
    assert SubscriptionDelta.objects.filter(kind=DeltaKind.RESUME).count() == 1


def test_whoever_leaves_is_asked_why_then_offered_something(client, url, offer):
    assert "Why do you want to end" in client.get(url("end-contract")).content.decode()
    page = client.get(url("end-contract"), {"reason": "not_used"}).content.decode()
    for words in ("Pause instead", "You save €570.00 a month", "Team, 50 seats", "1 Feb 2027"):
        assert words in page
    assert page.count("data-primary-action") == 1
    assert not PendingChange.objects.exists()


def test_no_reason_no_next_page(client, url):
    response = client.get(url("end-contract"), {"reason": "boredom"})
    assert response.status_code == 422
    assert "Choose one of the reasons." in response.content.decode()


def test_a_confirmed_end_is_planned_and_can_be_taken_back(client, url, contract):
    client.post(url("end-contract"), CONFIRMED)
    change = PendingChange.objects.get()
    assert (change.kind, change.reason, change.words, change.effective_date) == (
        "end", "not_used", "Too quiet.", date(2027, 2, 1),
    )  # fmt: skip
    page = client.get(url("contract")).content.decode()
    assert "does not renew by itself" in page

    client.post(url("take-back"))
    contract.refresh_from_db()
    assert contract.auto_renew


def test_a_change_is_taken_back_once_however_often_it_is_clicked(client, url, contract):
    client.post(url("pause-contract"), {"from_date": "2026-12-01", "until_date": "2026-12-20", "version": 1})
    for _click in range(2):
        response = client.post(url("take-back"), follow=True)
        assert response.status_code == 200
    assert "No change of this contract is planned" in response.content.decode()
    assert PendingChange.objects.get().status == "cancelled"


def test_without_consent_nothing_ends(client, url, contract):
    response = client.post(url("end-contract"), {**CONFIRMED, "consent": ""})
    assert response.status_code == 422
    assert "Too quiet." in response.content.decode()
    contract.refresh_from_db()
    assert contract.auto_renew
    assert not PendingChange.objects.exists()


def test_a_form_of_an_older_contract_is_read_again(client, url):
    Contract.objects.update(version=2)
    response = client.post(url("end-contract"), CONFIRMED)
    assert response.status_code == 422
    assert "has changed since you looked at it" in response.content.decode()
    assert not PendingChange.objects.exists()


def test_ended_today_can_be_taken_up_again(client, url, contract):
    client.post(url("end-contract"), {**CONFIRMED, "when": "now"})
    page = client.get(url("contract")).content.decode()
    assert "Take it up again" in page
    assert "€570.00 a month" in client.get(url("reactivate-contract")).content.decode()
    assert client.post(url("reactivate-contract"), {"version": "2", "words": ""}).url == url("contract")
    contract.refresh_from_db()
    assert contract.status == "active"


def test_an_offer_taken_leads_on(client, url, offer):
    assert client.post(url("stay"), {"offer": offer.pk}).url == url("pause-contract")
    assert RetentionAnswer.objects.get().is_taken
    assert client.post(url("stay"), {"offer": "-1"}).status_code == 404


def test_a_second_change_shows_what_is_in_the_way(client, url):
    client.post(url("end-contract"), CONFIRMED)
    for name in ("pause-contract", "end-contract"):
        page = client.get(url(name)).content.decode()
        assert "Another change of this contract is planned" in page
        assert "Cancellation planned for 1 Feb 2027" in page
        assert page.count("data-primary-action") == 1
    assert client.post(url("end-contract"), CONFIRMED).status_code == 422
    assert PendingChange.objects.count() == 1


# Who may

PAGES = ("reduce-contract", "pause-contract", "end-contract", "reactivate-contract")
STEPS = ("resume-contract", "stay", "take-back")


def test_another_companys_contract_is_not_found(other_admin, url, signed_in):
    client = signed_in(other_admin)
    assert {client.get(url(name)).status_code for name in PAGES} == {404}
    assert {client.post(url(name)).status_code for name in STEPS} == {404}


def test_whoever_does_not_buy_changes_nothing(acme, viewer, url, contract, signed_in):
    for person in (viewer, make_member(acme, "b@acme.example", "Bo", roles=["billing"])):
        client = signed_in(person)
        assert {client.get(url(name)).status_code for name in PAGES} == {403}
        assert {client.post(url(name)).status_code for name in STEPS} == {403}
        assert "End the contract" not in client.get(url("contract")).content.decode()


def test_anonymous_visitors_are_asked_to_sign_in(url, contract):
    from django.test import Client

    for name in PAGES:
        assert Client().get(url(name)).url.partition("?")[0] == reverse("account_login")


# Less


def test_fewer_seats_say_what_follows_and_are_planned(client, url):
    assert "See what follows" in client.get(url("reduce-contract")).content.decode()
    page = client.get(url("reduce-contract"), {"plan": "team", "seats": "40"}).content.decode()
    assert "€456.00 a month before tax from 1 Feb 2027 on, instead of €570.00." in page
    assert page.count("data-primary-action") == 1
    assert not PendingChange.objects.exists()

    assert client.post(url("reduce-contract"), {"plan": "team", "seats": "40", "version": "1"}).url == url("contract")
    line = PendingChange.objects.get().lines.get()
    assert (line.kind, line.quantity, line.recurring_minor) == ("quantity", -10, -11_400)
    assert "Less than before planned for 1 Feb 2027" in client.get(url("contract")).content.decode()


def test_below_what_is_used_the_page_says_what_to_free(client, url, acme, today):
    UsageDaily.objects.create(account_id=acme.pk, meter="seats", date=today, quantity=46)
    asked = {"plan": "team", "seats": "40", "version": "1"}
    page = client.get(url("reduce-contract"), asked).content.decode()
    assert "46 used, 40 would remain. Free 6." in page
    assert page.count("data-primary-action") == 1
    assert client.post(url("reduce-contract"), asked).status_code == 422
    assert not PendingChange.objects.exists()


def test_use_that_has_grown_above_a_planned_reduction_is_told(client, url, acme, today, most_queries):
    client.post(url("reduce-contract"), {"plan": "team", "seats": "40", "version": "1"})
    assert "More is in use than will remain" not in client.get(url("contract")).content.decode()
    UsageDaily.objects.create(account_id=acme.pk, meter="seats", date=today, quantity=46)
    with most_queries(10):
        page = client.get(url("contract")).content.decode()
    assert "More is in use than will remain" in page
    assert "46 used, 40 would remain. Free 6." in page


def test_a_cheaper_plan_and_fewer_addons(acme, products, admin, signed_in, today):
    contract = make_contract(acme, products, plan="business", seats=30)
    subscription = Subscription.objects.create(account=acme, contract=contract, product=products["sso"])
    SubscriptionDelta.objects.create(
        account=acme, subscription=subscription, kind="new", quantity=1, unit_price="2.85", recurring_minor=285,
        currency="EUR", effective_date=contract.start_date, billing_date=contract.start_date,
    )  # fmt: skip
    url = reverse("commerce:reduce-contract", args=[contract.number])
    signed_in(admin).post(url, {"plan": "team", "seats": "30", "sso": "0", "version": "1"})
    change = PendingChange.objects.get()
    lines = change.lines.order_by("pk").values_list("product__code", "kind", "quantity", "recurring_minor")
    assert list(lines) == [
        ("business", "swap_out", -30, -57_000), ("team", "swap_in", 30, 34_200), ("sso", "quantity", -1, -285)
    ]  # fmt: skip
    assert (change.monthly_before_minor, change.monthly_after_minor) == (57_285, 34_200)


@pytest.mark.parametrize("asked", [{"seats": "50"}, {"seats": "51"}, {"seats": "0"}, {"seats": "x"}, {"plan": "gold"}])
def test_what_is_not_less_is_refused(client, url, asked):
    sent = {"plan": "team", "seats": "50", "version": "1"} | asked
    assert client.get(url("reduce-contract"), sent).status_code == 422
    assert client.post(url("reduce-contract"), sent).status_code == 422
    assert not PendingChange.objects.exists()


def test_an_upgrade_waits_while_another_change_is_planned(quote, client, url):
    client.post(url("end-contract"), CONFIRMED)
    accepted = {"shown_hash": quote.price_hash, "name": "Ada", "consent": "on"}
    page = client.post(reverse("commerce:accept-quote", args=[quote.public_id]), accepted, follow=True).content.decode()
    assert "Another change of this contract is planned" in page
    assert "Cancellation planned for 1 Feb 2027" in page
    quote.refresh_from_db()
    assert quote.status == "viewed"
