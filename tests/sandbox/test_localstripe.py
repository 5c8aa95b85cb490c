"""The stand-in for Stripe as we start it, and the proxy before it: real localstripe, real stripe-python."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import stripe

from sandbox import localstripe, web
from sandbox.localstripe import LocalStripe
from sandbox.proxy import Fault, FaultClient, Order, StripeProxy

PAYMENT = {"amount": 4900, "currency": "eur", "payment_method_types": ["card"]}


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStripe]:
    with LocalStripe(log=tmp_path_factory.mktemp("localstripe") / "log") as server:
        yield server


@pytest.fixture
def proxy(stand_in: LocalStripe) -> Iterator[StripeProxy]:
    stand_in.flush()
    with StripeProxy(stand_in.url) as server:
        yield server


def client(url: str, *, retries: int = 0) -> stripe.StripeClient:
    return stripe.StripeClient(localstripe.SECRET_KEY, base_addresses={"api": url}, max_network_retries=retries)


def payments(stand_in: LocalStripe) -> int:
    return len(client(stand_in.url).v1.payment_intents.list({"limit": 100}).data)


def listening(pid: int):
    return [found for found in psutil.Process(pid).net_connections() if found.status == psutil.CONN_LISTEN]


def test_localstripe_listens_on_loopback_alone(stand_in):
    assert [connection.laddr.ip for connection in listening(stand_in.child.pid)] == ["127.0.0.1"]


def test_localstripe_starts_empty_and_leaves_no_dump(stand_in, tmp_path):
    dump = Path("/tmp/localstripe.pickle")
    before = dump.stat().st_mtime_ns if dump.exists() else None
    client(stand_in.url).v1.customers.create({"email": "ada@acme.example"})
    assert (dump.stat().st_mtime_ns if dump.exists() else None) == before
    with LocalStripe(log=tmp_path / "log") as second:
        assert client(second.url).v1.customers.list().data == []


def test_flush_forgets_every_object(stand_in):
    client(stand_in.url).v1.customers.create({"email": "ada@acme.example"})
    stand_in.flush()
    assert client(stand_in.url).v1.customers.list().data == []


def test_a_signed_event_is_sent_to_the_registered_webhook(stand_in):
    received: list[tuple[str, bytes]] = []
    arrived = threading.Event()

    class Receiver(web.Handler):
        def do_POST(self):  # noqa: N802
            received.append((self.headers["Stripe-Signature"], self.read_body()))
            self.reply_json({})
            arrived.set()

    receiver = web.Server(0, Receiver)
    receiver.start_in_thread()
    try:
        stand_in.register_webhook(receiver.url, secret="whsec_test")
        api = client(stand_in.url).v1
        customer = api.customers.create({"email": "ada@acme.example"})
        card = api.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        api.payment_intents.create({**PAYMENT, "customer": customer.id, "payment_method": card.id, "confirm": True})
        assert arrived.wait(timeout=10)
    finally:
        receiver.stop()
    signature, payload = received[0]
    assert stripe.Webhook.construct_event(payload, signature, "whsec_test").type == "payment_intent.succeeded"


def test_the_same_key_and_parameters_are_answered_from_the_first_result(proxy, stand_in):
    api = client(proxy.url).v1
    first = api.payment_intents.create(PAYMENT, {"idempotency_key": "one"})
    second = api.payment_intents.create(PAYMENT, {"idempotency_key": "one"})
    assert first.id == second.id
    assert payments(stand_in) == 1
    assert [call.replayed for call in proxy.calls] == [False, True]


def test_another_key_makes_another_payment(proxy, stand_in):
    api = client(proxy.url).v1
    api.payment_intents.create(PAYMENT, {"idempotency_key": "one"})
    api.payment_intents.create(PAYMENT, {"idempotency_key": "two"})
    assert payments(stand_in) == 2


def test_the_same_key_with_other_parameters_is_an_error(proxy, stand_in):
    api = client(proxy.url).v1
    api.payment_intents.create(PAYMENT, {"idempotency_key": "one"})
    with pytest.raises(stripe.IdempotencyError):
        api.payment_intents.create({**PAYMENT, "amount": 5000}, {"idempotency_key": "one"})
    assert payments(stand_in) == 1


def test_a_refused_request_is_not_saved_under_its_key(proxy, stand_in):
    api = client(proxy.url).v1
    with pytest.raises(stripe.InvalidRequestError):
        api.payment_intents.create({**PAYMENT, "amount": 0}, {"idempotency_key": "one"})
    api.payment_intents.create(PAYMENT, {"idempotency_key": "one"})
    assert payments(stand_in) == 1


def test_a_second_request_while_the_first_is_under_way_is_a_conflict(proxy, stand_in):
    """The first is held upstream, by a server that answers when told to."""
    entered, go_on = threading.Event(), threading.Event()

    class Slow(web.Handler):
        def do_POST(self):  # noqa: N802
            self.read_body()
            entered.set()
            go_on.wait(timeout=10)
            self.reply_json({"id": "pi_1", "object": "payment_intent"})

    slow = web.Server(0, Slow)
    slow.start_in_thread()
    with StripeProxy(slow.url) as before_slow:
        api = client(before_slow.url).v1
        ids: list[str] = []
        first = threading.Thread(
            target=lambda: ids.append(api.payment_intents.create(PAYMENT, {"idempotency_key": "one"}).id)
        )
        first.start()
        assert entered.wait(timeout=10)
        with pytest.raises(stripe.APIError) as refused:
            api.payment_intents.create(PAYMENT, {"idempotency_key": "one"})
        go_on.set()
        first.join(timeout=10)
        assert api.payment_intents.create(PAYMENT, {"idempotency_key": "one"}).id == ids[0]
    slow.stop()
    assert refused.value.http_status == 409
    assert refused.value.error.code == "idempotency_key_in_use"


@pytest.mark.parametrize("retries", [0, 2])
def test_an_answer_lost_after_the_payment_leaves_one_payment(proxy, stand_in, retries):
    proxy.order(Order(Fault.DROP_RESPONSE, path="/v1/payment_intents"))
    if retries:
        paid = client(proxy.url, retries=retries).v1.payment_intents.create(PAYMENT, {"idempotency_key": "one"})
    else:
        with pytest.raises(stripe.APIConnectionError):
            client(proxy.url).v1.payment_intents.create(PAYMENT, {"idempotency_key": "one"})
        paid = client(proxy.url).v1.payment_intents.create(PAYMENT, {"idempotency_key": "one"})
    assert payments(stand_in) == 1
    assert proxy.calls[-1].replayed
    assert client(stand_in.url).v1.payment_intents.retrieve(paid.id).amount == 4900


def test_a_connection_broken_before_stripe_changes_nothing(proxy, stand_in):
    proxy.order(Order(Fault.RESET))
    with pytest.raises(stripe.APIConnectionError):
        client(proxy.url).v1.payment_intents.create(PAYMENT, {"idempotency_key": "one"})
    assert payments(stand_in) == 0
    client(proxy.url).v1.payment_intents.create(PAYMENT, {"idempotency_key": "one"})
    assert payments(stand_in) == 1


def test_a_saved_500_is_answered_again_for_its_key(proxy, stand_in):
    proxy.order(Order(Fault.SAVED_500))
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failed:
            client(proxy.url).v1.payment_intents.create(PAYMENT, {"idempotency_key": "one"})
        assert failed.value.http_status == 500
    assert payments(stand_in) == 0


@pytest.mark.parametrize(
    ("fault", "error", "status"),
    [
        (Fault.RATE_LIMIT, stripe.RateLimitError, 429),
        (Fault.AUTHENTICATION_REQUIRED, stripe.CardError, 402),
        (Fault.BAD_GATEWAY, stripe.APIError, 502),
    ],
)
def test_trouble_is_met_by_the_ordered_number_of_requests_alone(proxy, stand_in, fault, error, status):
    proxy.order(Order(fault, path="/v1/payment_intents", times=2))
    api = client(proxy.url).v1
    api.customers.create({"email": "ada@acme.example"})
    for attempt in range(2):
        with pytest.raises(error) as failed:
            api.payment_intents.create(PAYMENT, {"idempotency_key": f"try-{attempt}"})
        assert failed.value.http_status == status
    assert payments(stand_in) == 0
    api.payment_intents.create(PAYMENT, {"idempotency_key": "third"})
    assert payments(stand_in) == 1


def test_a_late_answer_exceeds_the_time_limit_of_the_client_but_is_saved(proxy, stand_in):
    proxy.order(Order(Fault.DELAY, seconds=1.0))
    impatient = stripe.StripeClient(
        localstripe.SECRET_KEY,
        base_addresses={"api": proxy.url},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=0.3),
    )
    with pytest.raises(stripe.APIConnectionError):
        impatient.v1.payment_intents.create(PAYMENT, {"idempotency_key": "one"})
    client(proxy.url).v1.payment_intents.create(PAYMENT, {"idempotency_key": "one"})
    assert payments(stand_in) == 1


def test_trouble_can_be_ordered_and_looked_up_over_http(proxy):
    trouble = FaultClient(proxy.url)
    trouble.order(Fault.RATE_LIMIT, path="/v1/refunds", times=3)
    assert [(order.fault, order.path, order.times) for order in proxy.pending()] == [("rate_limit", "/v1/refunds", 3)]
    client(proxy.url).v1.customers.create({"email": "ada@acme.example"})
    assert [(call.method, call.path, call.status) for call in trouble.calls()] == [("POST", "/v1/customers", 200)]
    with pytest.raises(ValueError, match="earthquake"):
        trouble.order("earthquake")
    trouble.forget()
    assert proxy.pending() == []
    assert trouble.calls() == []


def test_eight_clients_with_one_key_make_one_payment(proxy, stand_in):
    barrier = threading.Barrier(8)

    def pay() -> None:
        barrier.wait()
        client(proxy.url, retries=2).v1.payment_intents.create(PAYMENT, {"idempotency_key": "one"})

    threads = [threading.Thread(target=pay) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert payments(stand_in) == 1


def test_the_proxy_listens_on_loopback_alone(proxy):
    port = int(proxy.url.rsplit(":", 1)[1])
    assert {connection.laddr.ip for connection in listening(os.getpid()) if connection.laddr.port == port} == {
        "127.0.0.1"
    }
