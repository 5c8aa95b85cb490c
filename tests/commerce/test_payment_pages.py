"""The pay page and what its script asks; the page that says what became of a payment."""

import threading

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse

from commerce.billing import payments
from commerce.models import Invoice, InvoiceStatus, PaymentAttempt, PaymentState
from sandbox.proxy import Fault, Order
from tests.commerce.conftest import content_queries
from tests.commerce.stripe_side import ASKS_THE_BANK, DECLINED_LATER, GOOD, charges
from tests.factories import make_member

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def at_the_day_of_the_tests(now):
    with time_machine.travel(now):
        yield


def pay_url(invoice):
    return reverse("commerce:pay", args=[invoice.number])


def page_of(attempt):
    return reverse("commerce:payment", args=[attempt.pk])


def primary_actions(response):
    return response.content.decode().count("data-primary-action")


@pytest.fixture
def checkout(stripe, stripe_js, signed_in, admin, invoice):
    """What pay.js does between a click on Pay and its end: `checkout("4242…")` is the portal's last answer."""

    def run(number=GOOD, client=None):
        client = client or signed_in(admin)
        place = client.post(pay_url(invoice), headers=JSON).json()
        if "client_secret" not in place:
            return place
        stripe_js.set_up(place["client_secret"], number)
        setup = place["client_secret"].split("_secret_")[0]
        return client.post(f"{pay_url(invoice)}start/", {"setup": setup}, headers=JSON).json()

    return run


def test_the_page_shows_what_is_paid_and_no_card_number_ever_reaches_us(stripe, signed_in, admin, invoice):
    client = signed_in(admin)
    response = client.get(pay_url(invoice))
    text = response.content.decode()
    assert response.status_code == 200
    assert "€1,677.13" in text
    assert primary_actions(response) == 1
    assert "<input type=" not in text.split("data-card")[1].split("</form>")[0]
    assert content_queries(client, pay_url(invoice)) <= 8


def test_the_page_may_load_stripe_s_script_and_nothing_else_beside_ours(stripe, signed_in, admin, invoice, settings):
    policy = signed_in(admin).get(pay_url(invoice)).headers["Content-Security-Policy"]
    assert f"script-src 'self' {settings.STRIPE_JS_ORIGIN}" in policy
    assert "unsafe" not in policy
    assert settings.STRIPE_JS_ORIGIN not in signed_in(admin).get("/invoices/").headers["Content-Security-Policy"]


def test_test_cards_are_named_only_where_no_real_money_moves(stripe, signed_in, admin, invoice, settings):
    assert "4242 4242" in signed_in(admin).get(pay_url(invoice)).content.decode()
    settings.STRIPE_API_BASE = ""
    assert "4242 4242" not in signed_in(admin).get(pay_url(invoice)).content.decode()


def test_a_good_card_ends_on_the_page_of_the_payment(checkout, signed_in, admin, invoice):
    answer = checkout()
    attempt = PaymentAttempt.objects.get()
    assert answer == {"next": page_of(attempt)}
    response = signed_in(admin).get(answer["next"])
    assert "Thank you, it is paid" in response.content.decode()
    assert f"/orders/{invoice.order.number}/" in response.content.decode()
    assert "every 3s" not in response.content.decode()
    assert primary_actions(response) == 1
    assert content_queries(signed_in(admin), answer["next"]) <= 8


def test_a_declined_card_stays_on_the_page_and_another_can_be_tried(checkout, invoice, localstripe):
    assert checkout(DECLINED_LATER) == {
        "error": "The bank declined the card. Nothing was charged. Try another card, or ask your bank."
    }
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.OPEN
    assert "next" in checkout()
    assert len(charges(localstripe)) == 1


def test_the_bank_s_question_is_handed_to_the_script(checkout, stripe_js, signed_in, admin, invoice):
    answer = checkout(ASKS_THE_BANK)
    attempt = PaymentAttempt.objects.get()
    assert answer["finish"] == reverse("commerce:finish-payment", args=[attempt.pk])
    stripe_js.answer_bank(answer["client_secret"])
    assert signed_in(admin).post(answer["finish"], headers=JSON).json() == {"next": page_of(attempt)}
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID


def test_a_question_left_open_can_be_taken_up_on_its_page(checkout, stripe_js, signed_in, admin):
    checkout(ASKS_THE_BANK)
    attempt = PaymentAttempt.objects.get()
    client = signed_in(admin)
    response = client.get(page_of(attempt))
    assert "Confirm with your bank" in response.content.decode()
    assert primary_actions(response) == 1
    again = client.post(f"{page_of(attempt)}finish/", {"ask": "1"}, headers=JSON).json()
    stripe_js.answer_bank(again["client_secret"])
    assert client.post(f"{page_of(attempt)}finish/", headers=JSON).json() == {"next": page_of(attempt)}
    attempt.refresh_from_db()
    assert attempt.state == PaymentState.SUCCEEDED


def test_a_question_left_open_can_be_given_up_for_another_card(checkout, signed_in, admin, invoice):
    checkout(ASKS_THE_BANK)
    attempt = PaymentAttempt.objects.get()
    response = signed_in(admin).post(f"{page_of(attempt)}finish/", {"give_up": "1"})
    assert response.headers["Location"] == pay_url(invoice)
    attempt.refresh_from_db()
    assert attempt.state == PaymentState.CANCELLED
    assert "next" in checkout()


def test_a_no_to_the_bank_says_that_nothing_was_charged(checkout, stripe_js, signed_in, admin, invoice):
    answer = checkout(ASKS_THE_BANK)
    stripe_js.answer_bank(answer["client_secret"], success=False)
    client = signed_in(admin)
    page = client.post(answer["finish"], headers=JSON).json()["next"]
    response = client.get(page)
    assert "Nothing was charged." in response.content.decode()
    assert pay_url(invoice) in response.content.decode()
    assert primary_actions(response) == 1


def test_a_second_tab_is_sent_to_the_payment_under_way(checkout, signed_in, admin, invoice, localstripe):
    checkout(ASKS_THE_BANK)
    attempt = PaymentAttempt.objects.get()
    other_tab = signed_in(admin)
    assert other_tab.get(pay_url(invoice)).headers["Location"] == page_of(attempt)
    assert checkout(client=other_tab) == {"next": page_of(attempt)}
    assert PaymentAttempt.objects.count() == 1


def test_a_paid_bill_is_shown_instead_of_paid_again(checkout, signed_in, admin, invoice, localstripe):
    checkout()
    assert signed_in(admin).get(pay_url(invoice)).headers["Location"] == f"/invoices/{invoice.number}/"
    assert checkout() == {"next": f"/invoices/{invoice.number}/"}
    assert len(charges(localstripe)) == 1


def test_a_card_that_was_never_set_up_is_refused(stripe, signed_in, admin, invoice):
    for setup in ("", "seti_unknown"):
        answer = signed_in(admin).post(f"{pay_url(invoice)}start/", {"setup": setup}, headers=JSON).json()
        assert "Nothing was charged" in answer["error"]
    assert not PaymentAttempt.objects.exists()


def test_with_stripe_away_the_page_says_that_nothing_was_charged(stripe, signed_in, admin, invoice):
    stripe.order(Order(Fault.RESET, path="/v1/customers"))
    answer = signed_in(admin).post(pay_url(invoice), headers=JSON).json()
    assert "Nothing was charged" in answer["error"]


def test_an_unknown_outcome_is_watched_until_it_is_known(checkout, stripe, signed_in, admin, invoice, now):
    stripe.order(Order(Fault.DROP_RESPONSE, path="/v1/payment_intents"))
    page = checkout()["next"]
    client = signed_in(admin)
    response = client.get(page)
    text = response.content.decode()
    assert "We are checking your payment" in text
    assert 'hx-trigger="every 3s"' in text
    assert primary_actions(response) == 1
    attempt = PaymentAttempt.objects.get()
    payments.resume(attempt_id=attempt.pk, now=attempt.next_check_at)
    assert "Thank you, it is paid" in client.get(page).content.decode()


def test_a_watched_payment_that_the_bank_asks_about_loads_its_whole_page(signed_in, admin, invoice, make_attempt):
    attempt = make_attempt(invoice, state="requires_action", stripe_intent_id="pi_1")
    response = signed_in(admin).get(page_of(attempt), headers={"HX-Request": "true"})
    assert response.headers["HX-Refresh"] == "true"


def test_the_page_never_asks_stripe_by_itself(checkout, stripe, signed_in, admin):
    page = checkout()["next"]
    asked = len(stripe.calls)
    signed_in(admin).get(page)
    assert len(stripe.calls) == asked


def test_the_return_page_works_while_stripe_is_away(checkout, stripe, signed_in, admin):
    answer = checkout(ASKS_THE_BANK)
    stripe.order(Order(Fault.RESET, method="GET", path="/v1/payment_intents"))
    attempt = PaymentAttempt.objects.get()
    assert signed_in(admin).post(answer["finish"], headers=JSON).json() == {"next": page_of(attempt)}


@pytest.mark.parametrize("state", list(PaymentState))
def test_every_state_has_one_thing_to_do_next(signed_in, admin, invoice, make_attempt, state):
    response = signed_in(admin).get(page_of(make_attempt(invoice, state=state)))
    assert response.status_code == 200
    assert primary_actions(response) == 1
    assert response.content.decode().count("<h1") == 1


@pytest.mark.django_db(transaction=True)
def test_a_double_click_on_pay_is_one_payment(stripe, stripe_js, signed_in, admin, invoice, localstripe):
    """Past the disabled button: two requests of the same moment, from two tabs."""
    setups = []
    for _ in range(2):
        secret = signed_in(admin).post(pay_url(invoice), headers=JSON).json()["client_secret"]
        stripe_js.set_up(secret)
        setups.append(secret.split("_secret_")[0])
    clients = [signed_in(admin) for _ in range(4)]
    barrier, answers = threading.Barrier(4), []

    def click(client, setup):
        barrier.wait()
        try:
            answers.append(client.post(f"{pay_url(invoice)}start/", {"setup": setup}, headers=JSON).json())
        finally:
            connection.close()

    clicks = [threading.Thread(target=click, args=pair) for pair in zip(clients, setups * 2, strict=True)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()
    attempt = PaymentAttempt.objects.get()
    assert all(answer["next"] in (page_of(attempt), f"/invoices/{invoice.number}/") for answer in answers)
    assert attempt.state == PaymentState.SUCCEEDED
    assert len(charges(localstripe)) == 1
    assert Invoice.objects.get().order.steps.count() == 3


# Access


def urls(invoice, attempt):
    return [
        ("get", pay_url(invoice)),
        ("post", pay_url(invoice)),
        ("post", f"{pay_url(invoice)}start/"),
        ("get", page_of(attempt)),
        ("post", f"{page_of(attempt)}finish/"),
    ]


def test_a_payment_of_another_company_does_not_exist(stripe, signed_in, other_admin, invoice, make_attempt):
    attempt = make_attempt(invoice, state="requires_action", stripe_intent_id="pi_1")
    client = signed_in(other_admin)
    assert {getattr(client, method)(url).status_code for method, url in urls(invoice, attempt)} == {404}
    assert stripe.calls == []
    assert PaymentAttempt.objects.get().state == PaymentState.REQUIRES_ACTION


def test_a_card_of_one_company_does_not_pay_another_s_bill(stripe, stripe_js, signed_in, admin, invoice, globex, now):
    setup = payments.prepare_card(account=globex, now=now)
    stripe_js.set_up(setup.client_secret)
    answer = signed_in(admin).post(f"{pay_url(invoice)}start/", {"setup": setup.id}, headers=JSON).json()
    assert "can't be used" in answer["error"]
    assert not PaymentAttempt.objects.exists()


@pytest.mark.parametrize("role", ["administrator", "buyer", "billing"])
def test_the_people_for_bills_pay_like_those_who_buy(checkout, signed_in, acme, invoice, role):
    client = signed_in(make_member(acme, f"{role}@acme-pays.example", "Pia Payer", roles=[role]))
    for page in (reverse("commerce:invoice", args=[invoice.number]), reverse("commerce:invoices")):
        assert pay_url(invoice) in client.get(page).content.decode()
    where = checkout(client=client)["next"]
    assert "Thank you, it is paid" in client.get(where).content.decode()
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID


@pytest.mark.parametrize("who", ["member", "viewer"])
def test_who_may_not_pay_is_refused(stripe, signed_in, request, invoice, make_attempt, who):
    attempt = make_attempt(invoice)
    client = signed_in(request.getfixturevalue(who))
    assert {getattr(client, method)(url).status_code for method, url in urls(invoice, attempt)} == {403}
    assert stripe.calls == []


def test_nobody_signed_in_is_sent_to_sign_in(client, stripe, invoice, make_attempt):
    for method, url in urls(invoice, make_attempt(invoice)):
        response = getattr(client, method)(url)
        assert response.status_code == 302
        assert "/accounts/login/" in response.headers["Location"]
    assert stripe.calls == []


def test_a_payment_needs_the_form_s_token(stripe, admin, invoice):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    assert strict.post(f"{pay_url(invoice)}start/", {"setup": "seti_1"}).status_code == 403
    assert stripe.calls == []
