"""What the portal asks of Stripe, call by call, against the stand-in; and where the stand-in is not Stripe."""

from datetime import UTC, datetime

import pytest
import stripe as sdk

from commerce import stripe_gateway as gateway
from commerce.pricing.money import EXPONENTS
from sandbox.localstripe import SECRET_KEY
from sandbox.proxy import Fault, Order
from tests.commerce.stripe_side import ASKS_THE_BANK, DECLINED_AT_ONCE, DECLINED_LATER, GOOD, charges

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def customer(stripe):
    return gateway.create_customer(name="Acme", email="billing@acme.example", metadata={"account": "a"}, key="cust:1")


@pytest.fixture
def card(customer, stripe_js):
    """A card of the customer's: `card(GOOD)`."""

    def attach(number=GOOD):
        setup = gateway.create_setup(customer_id=customer, metadata={}, key=f"seti:{number}")
        stripe_js.set_up(setup.client_secret, number)
        card_id = gateway.retrieve_setup(setup.id).card_id
        gateway.attach_card(card_id=card_id, customer_id=customer)
        return card_id

    return attach


def request(customer, card_id, *, amount_minor=4900, currency="EUR", attempt="a-1"):
    return gateway.payment_request(
        amount_minor=amount_minor,
        currency=currency,
        customer_id=customer,
        card_id=card_id,
        metadata={"attempt_id": attempt},
    )


def test_a_customer_is_made_and_known_until_forgotten(customer, localstripe):
    assert gateway.customer_exists(customer)
    localstripe.flush()
    assert not gateway.customer_exists(customer)


def test_a_card_is_set_up_by_the_browser_and_then_the_customer_s(customer, stripe_js):
    setup = gateway.create_setup(customer_id=customer, metadata={"account": "a"}, key="seti:1")
    assert not setup.is_ready
    assert stripe_js.set_up(setup.client_secret) == "succeeded"
    ready = gateway.retrieve_setup(setup.id)
    assert ready.is_ready
    assert ready.customer_id == customer
    gateway.attach_card(card_id=ready.card_id, customer_id=customer)
    gateway.attach_card(card_id=ready.card_id, customer_id=customer)
    with pytest.raises(gateway.Refused) as refused:
        gateway.attach_card(card_id=ready.card_id, customer_id="cus_other")
    assert refused.value.code == "card_of_another_customer"


def test_a_card_declined_at_once_is_never_ready(customer, stripe_js):
    setup = gateway.create_setup(customer_id=customer, metadata={}, key="seti:1")
    assert stripe_js.set_up(setup.client_secret, DECLINED_AT_ONCE) == "card_declined"
    assert not gateway.retrieve_setup(setup.id).is_ready


def test_a_payment_succeeds(customer, card):
    intent = gateway.create_payment(request(customer, card()), key="pay:1")
    assert (intent.status, intent.amount, intent.currency) == ("succeeded", 4900, "EUR")
    assert (intent.customer_id, intent.attempt_id, intent.is_live) == (customer, "a-1", False)
    assert gateway.retrieve_payment(intent.id) == intent


def test_a_payment_is_declined(customer, card):
    with pytest.raises(gateway.CardDeclined) as declined:
        gateway.create_payment(request(customer, card(DECLINED_LATER)), key="pay:1")
    assert declined.value.code == "card_declined"
    assert not isinstance(declined.value, gateway.AuthenticationRequired)


def test_the_bank_s_question_is_answered_or_withdrawn(customer, card, stripe_js):
    asked = gateway.create_payment(request(customer, card(ASKS_THE_BANK)), key="pay:1")
    assert asked.status == "requires_action"
    stripe_js.answer_bank(asked.client_secret, success=False)
    refused = gateway.retrieve_payment(asked.id)
    assert (refused.status, refused.error_code) == (
        "requires_payment_method",
        "payment_intent_authentication_failure",
    )
    assert gateway.cancel_payment(asked.id).status == "canceled"


def test_a_payment_that_went_through_cannot_be_withdrawn(customer, card):
    intent = gateway.create_payment(request(customer, card()), key="pay:1")
    with pytest.raises(gateway.Refused):
        gateway.cancel_payment(intent.id)


def test_a_payment_is_found_by_its_attempt(customer, card):
    intent = gateway.create_payment(request(customer, card(), attempt="a-7"), key="pay:1")
    assert gateway.find_payment(attempt_id="a-7", since=EPOCH) == intent.id
    assert gateway.find_payment(attempt_id="a-8", since=EPOCH) == ""
    [event] = gateway.list_events(event_type="payment_intent.succeeded", since=EPOCH)
    assert (event.object_id, event.attempt_id, event.is_live) == (intent.id, "a-7", False)
    assert "client_secret" not in event.payload["data"]["object"]


def test_a_payment_that_does_not_exist_is_not_found(stripe):
    with pytest.raises(gateway.NotFound):
        gateway.retrieve_payment("pi_nothing")


def test_a_parameter_that_stripe_does_not_know_is_refused(customer, card):
    with pytest.raises(gateway.Refused):
        gateway.create_payment(request(customer, card()) | {"surprise": "yes"}, key="pay:1")


def test_a_wrong_key_is_refused(stripe, settings):
    settings.STRIPE_SECRET_KEY = "no-key"
    with pytest.raises(gateway.Refused) as refused:
        gateway.create_customer(name="Acme", email="", metadata={}, key="cust:2")
    assert refused.value.code == "not_allowed"


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.RATE_LIMIT, Fault.SAVED_500, Fault.BAD_GATEWAY])
def test_no_usable_answer_means_that_the_outcome_is_unknown(customer, card, stripe, fault):
    card_id = card()
    stripe.order(Order(fault, path="/v1/payment_intents"))
    with pytest.raises(gateway.OutcomeUnknown):
        gateway.create_payment(request(customer, card_id), key="pay:1")


def test_a_bank_that_wants_the_customer_is_told_apart(customer, card, stripe):
    card_id = card()
    stripe.order(Order(Fault.AUTHENTICATION_REQUIRED, path="/v1/payment_intents"))
    with pytest.raises(gateway.AuthenticationRequired):
        gateway.create_payment(request(customer, card_id), key="pay:1")


def test_a_key_used_for_another_request_is_told_apart(customer, card):
    card_id = card()
    gateway.create_payment(request(customer, card_id), key="pay:1")
    with pytest.raises(gateway.KeyReused):
        gateway.create_payment(request(customer, card_id, amount_minor=51), key="pay:1")


def test_a_conflict_while_the_first_request_is_under_way_is_no_answer(customer, card, stripe):
    """The proxy holds the first until it has answered; the saved entry without an answer is that moment."""
    from sandbox.proxy import Saved

    card_id = card()
    asked = request(customer, card_id)
    gateway.create_payment(asked, key="pay:1")
    [name] = [name for name in stripe._saved if name[1] == "pay:1"]
    stripe._saved[name] = Saved(stripe._saved[name].parameters)
    with pytest.raises(gateway.OutcomeUnknown):
        gateway.create_payment(asked, key="pay:1")


def test_the_parameters_are_those_that_the_sdk_declares(customer, card):
    """An oracle beside the stand-in, for what real Stripe no longer takes. The SDK declares a newer version of the API
    than the one that we ask for: there, one parameter has another name."""
    from stripe.params import PaymentIntentCreateParams

    unknown = request(customer, card()).keys() - PaymentIntentCreateParams.__annotations__.keys()
    assert unknown == {"payment_method_types"}
    assert gateway.API_VERSION < "2026-09-30.endive"  # From there on it is refused.


def test_only_a_live_key_moves_real_money(settings):
    for key, live in {"sk_test_1": False, "sk_live_1": True, "rk_live_1": True, "": False}.items():
        settings.STRIPE_SECRET_KEY = key
        assert gateway.is_live() is live


@pytest.mark.parametrize(
    ("minor", "currency", "expected"),
    [
        (167713, "EUR", 167713),
        (500, "JPY", 500),  # No decimals, here and there.
        (500, "UGX", 50000),  # None here, two at Stripe.
        (500, "ISK", 50000),
        (120_00, "MGA", 120),  # Two here, none at Stripe.
        (1230, "KWD", 1230),
        (-300, "EUR", -300),
    ],
)
def test_amounts_are_counted_as_stripe_counts_them(minor, currency, expected):
    assert gateway.stripe_amount(minor, currency) == expected


@pytest.mark.parametrize(("minor", "currency"), [(1234, "KWD"), (1250, "MGA"), (100, "IRR"), (100, "XAU")])
def test_amounts_that_cards_cannot_be_charged_are_refused(minor, currency):
    with pytest.raises(gateway.CurrencyNotPayable):
        gateway.stripe_amount(minor, currency)


@pytest.mark.parametrize("currency", sorted(gateway.STRIPE_EXPONENTS))
def test_amounts_come_back_from_stripe_as_they_went(currency):
    assert gateway.iso_amount(gateway.stripe_amount(120_000, currency), currency) == 120_000


def test_every_currency_that_stripe_takes_is_one_that_we_count():
    assert gateway.STRIPE_EXPONENTS.keys() <= EXPONENTS.keys()
    differing = {code for code, places in gateway.STRIPE_EXPONENTS.items() if places != EXPONENTS[code]}
    assert differing == {"UGX", "ISK", "MGA"}


# Where the stand-in is not Stripe. These fail when it learns better: then what leans on them can go.


@pytest.fixture
def plain(localstripe, settings, stripe):
    """localstripe without the proxy before it."""
    settings.STRIPE_API_BASE = localstripe.url
    return sdk.StripeClient(SECRET_KEY, base_addresses={"api": localstripe.url}).v1


def test_standin_only_idempotency_keys_are_ignored(plain, customer, card, localstripe):
    asked = request(customer, card())
    first, second = (gateway.create_payment(asked, key="pay:1") for _ in range(2))
    assert first.id != second.id
    assert len(charges(localstripe)) == 2


def test_standin_only_more_can_be_refunded_than_was_paid(plain, customer, card):
    intent = gateway.create_payment(request(customer, card(), amount_minor=1234), key="pay:1")
    assert plain.refunds.create({"payment_intent": intent.id, "amount": 100_000}).amount == 100_000


def test_standin_only_setting_up_a_card_does_not_attach_it(plain, customer, stripe_js):
    setup = gateway.create_setup(customer_id=customer, metadata={}, key="seti:1")
    stripe_js.set_up(setup.client_secret)
    assert plain.payment_methods.retrieve(gateway.retrieve_setup(setup.id).card_id).customer is None


def test_standin_only_the_newer_name_of_a_parameter_is_unknown(plain):
    """Once the stand-in knows it, the gateway can ask for the newest version of the API."""
    with pytest.raises(sdk.InvalidRequestError, match="Unexpected allowed_payment_method_types"):
        plain.setup_intents.create({"allowed_payment_method_types": ["card"]})


def test_standin_only_a_decline_does_not_name_its_payment(plain, customer, card):
    with pytest.raises(gateway.CardDeclined) as declined:
        gateway.create_payment(request(customer, card(DECLINED_LATER)), key="pay:1")
    assert (declined.value.intent_id, declined.value.decline_code) == ("", "")


def test_standin_only_a_card_taken_away_can_still_be_charged(plain, customer, card, localstripe):
    """Once the stand-in refuses it as Stripe does, a test of ours can see what a bill then comes to."""
    card_id = card()
    plain.payment_methods.detach(card_id)
    assert gateway.create_payment(request(customer, card_id), key="pay:1").status == "succeeded"
