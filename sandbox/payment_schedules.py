"""A purchase as bad luck would have it: processes die, answers are lost, events come twice or in the wrong order.

A schedule is all that its seed decides. However it went, once there is quiet again the same must be true: money was
taken at most once, there is an order for it and none without it, and nothing is left that nobody looks at.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, ClassVar

import time_machine
from celery import current_app
from django.db import transaction
from django.test import RequestFactory

from accounts.models import User
from commerce import stripe_gateway as gateway
from commerce import tasks
from commerce.billing import payments
from commerce.models import (
    Invoice,
    InvoiceStatus,
    OrderStatus,
    PaymentAttempt,
    PaymentState,
    WebhookEvent,
    WebhookState,
)
from commerce.models.billing import PaymentAttemptQuerySet
from commerce.orders.cancelling import OrderNotCancellable, cancel_order
from commerce.orders.fulfilling import PaymentUnderway
from commerce.views.webhooks import stripe_webhook
from sandbox import dying, web
from sandbox.localstripe import SECRET_KEY, LocalStripe
from sandbox.proxy import Fault, FaultClient
from sandbox.stripe_js import ASKS_THE_BANK, DECLINED_LATER, GOOD, StripeJs, sign
from tracking.actor import Actor, ActorKind
from tracking.models import Event, EventName

KINDS = ("kill", "delay", "drop", "duplicate", "reorder")
LOSSES = (Fault.DROP_RESPONSE, Fault.RESET, Fault.RATE_LIMIT, Fault.BAD_GATEWAY, Fault.SAVED_500)
CARDS = (GOOD, GOOD, ASKS_THE_BANK, ASKS_THE_BANK, DECLINED_LATER)
INTENTS = "/v1/payment_intents"
CLIENT_TIMEOUT_SECONDS = 0.5
TOO_LATE_SECONDS = 0.9
STALE = timedelta(minutes=6)  # A signature that old is refused.
# Until nothing is due any more, with the longest that anything waits for: a day, for the bank.
QUIET = [timedelta(minutes=1)] * 6 + [timedelta(minutes=20)] * 6 + [timedelta(hours=13)] * 3


@dataclass
class Outcome:
    """What a schedule came to. Each mismatch is a sentence; the story says how it went."""

    charges: int
    orders: int
    mismatches: list[str]
    story: list[str]


class Machines:
    """The processes of the portal, each forked for one thing that it does, at a time that is passed in.

    No message of theirs reaches another one: all that a lost wake-up costs is the next sweep.
    """

    def __init__(self, *, stripe: LocalStripe, faults: FaultClient, traps: dying.Traps, secret: str) -> None:
        self.stripe, self.faults, self.traps, self.secret = stripe, faults, traps, secret
        self.browser = StripeJs(stripe.url)
        self.crashes: list[str] = []
        self.is_in_a_hurry = True  # What comes late is soon given up; without trouble, a busy machine is no bad luck.

    def web(self, *steps: Callable[[], object], now: datetime) -> None:
        """Web processes, all at once; returns when each has answered, failed or died."""
        ends = dying.wait([dying.fork(partial(self._at, now, step)) for step in steps])
        self.crashes += [f"a process ended with {end}" for end in ends if end > 0]

    def work(self, *, now: datetime) -> None:
        """What beat asks the workers for: sweep, then fetch what Stripe lists, and sweep what that brought."""
        self.web(_sweep_and_reconcile, now=now)

    def _at(self, now: datetime, step: Callable[[], object]) -> None:
        self.traps.arm()
        if self.is_in_a_hurry:
            gateway.TIMEOUT_SECONDS, gateway.MAX_NETWORK_RETRIES = CLIENT_TIMEOUT_SECONDS, 0  # type: ignore[assignment]
        with time_machine.travel(now):
            step()


@contextmanager
def at_once() -> Iterator[None]:
    """Whatever is enqueued runs within this process, and dies with it."""
    current_app.conf.task_always_eager = True
    try:
        yield
    finally:
        current_app.conf.task_always_eager = False


def _sweep() -> None:
    with at_once():
        tasks.process_webhooks()
        tasks.resume_payments()


def _sweep_and_reconcile() -> None:
    _sweep()
    with at_once():
        try:
            tasks.reconcile_payments()
        except gateway.GatewayError:
            return  # The next run reads the same list again.


@dataclass
class Schedule:
    """One invoice, and what its customer, Stripe and bad luck do about it."""

    losses: ClassVar[Sequence[Fault]] = LOSSES

    seed: int
    kinds: Sequence[str]
    machines: Machines
    invoice: Invoice
    user: User
    now: datetime
    story: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = Random(f"{self.seed} {' '.join(self.kinds)}")
        self._delivered: set[str] = set()

    def run(self) -> Outcome:
        self.machines.is_in_a_hurry = True
        self._press()
        moves = [self._press, self._answer_bank, self._answer_bank, self._return, self._deliver, self._deliver]
        moves += [self._work, self._work, self._wait, self._give_up, self._cancel]
        for _ in range(self.chance.randint(3, 7)):
            self.chance.choice(moves)()
        self._end_trouble()
        self._become_quiet()
        found = self._mismatches()
        if not found:
            self._act_on_it()
            found = self._mismatches(after_a_person_acted=True)
        return Outcome(len(self._charges()), int(self._is_fulfilled()), found, self.story)

    # What people do

    def _press(self) -> None:
        """Somebody presses Pay; two at once where things come twice: a double click, two tabs or two colleagues."""
        card = self.chance.choice(CARDS)
        times = 2 if self._has("duplicate") else 1
        is_overtaken = self._has("reorder") and times == 1
        self._note(f"{times} press Pay with {card}" + (", an event overtakes the answer" if is_overtaken else ""))
        if is_overtaken:
            self._press_and_be_overtaken(card)
            return
        self._trouble("POST")
        self.machines.web(*[partial(self._pay, card)] * times, now=self.now)

    def _press_and_be_overtaken(self, card: str) -> None:
        """Stripe's event is there, and processed, before its answer."""
        self.machines.faults.order(Fault.DELAY, path=INTENTS, seconds=TOO_LATE_SECONDS / 3)
        known = {event["id"] for event in self._events()}

        def event_first() -> None:
            until = time.monotonic() + TOO_LATE_SECONDS
            while time.monotonic() < until:
                for event in self._events():
                    if event["id"] not in known:
                        self._post(event, self.now)
                        _sweep()
                        return

        self.machines.web(partial(self._pay, card), event_first, now=self.now)

    def _pay(self, card: str) -> None:
        """What the pay page does, in a web process."""
        try:
            setup = payments.prepare_card(account=self.invoice.account, now=self.now)
            self.machines.browser.set_up(setup.client_secret, card)
            payments.start_payment(invoice=self.invoice, setup_id=setup.id, actor=self._actor(), now=self.now)
        except (payments.AlreadyPaying, payments.InvoiceNotPayable, payments.CardNotReady, gateway.GatewayError):
            return  # Each is a sentence on the page; nothing was charged.

    def _answer_bank(self) -> None:
        """The customer answers the bank's question, mostly with yes, in whatever tab."""
        for attempt in self._attempts().filter(state=PaymentState.REQUIRES_ACTION):
            intent = self._ask_stripe(f"{INTENTS}/{attempt.stripe_intent_id}")
            if intent["status"] == "requires_action":
                says_yes = self.chance.random() < 0.75
                self._note(f"the bank hears {'yes' if says_yes else 'no'}")
                self.machines.browser.answer_bank(intent["client_secret"], success=says_yes)

    def _return(self) -> None:
        """The page to which the browser comes back, in one tab or two."""
        attempt = self._attempts().order_by("-number").first()
        if attempt is None:
            return
        self._note("back from the bank")
        self._trouble("GET")
        step = _forgiving(partial(payments.settle, attempt_id=attempt.pk, now=self.now))
        self.machines.web(*[step] * (2 if self._has("duplicate") else 1), now=self.now)

    def _give_up(self) -> None:
        """Another card instead, while the bank still asks."""
        attempt = self._attempts().filter(state=PaymentState.REQUIRES_ACTION).first()
        if attempt is None:
            return
        self._note("another card instead")
        self._trouble("POST")
        self.machines.web(_forgiving(partial(payments.give_up, attempt=attempt, now=self.now)), now=self.now)

    def _cancel(self) -> None:
        """A colleague cancels the order, in the middle of it all."""
        if self.chance.random() < 0.7:  # Seldom: nothing more happens to what was cancelled.
            return
        self._note("a colleague cancels the order")
        self.machines.web(self._cancel_order, now=self.now)

    def _cancel_order(self) -> None:
        if self.invoice.order is None:
            return
        try:
            cancel_order(order=self.invoice.order, now=self.now)
        except (OrderNotCancellable, PaymentUnderway):
            return

    # What Stripe does

    def _deliver(self) -> None:
        """Stripe delivers what it has not delivered yet: in order and once, unless bad luck has it otherwise."""
        events = [event for event in self._events() if event["id"] not in self._delivered]
        if self._has("reorder"):
            self.chance.shuffle(events)
        for event in events:
            self._delivered.add(event["id"])
            if self._has("drop") and self.chance.random() < 0.5:
                self._note(f"{event['type']} is lost")  # The stand-in never delivers again; Stripe would.
                continue
            is_late = self._has("delay") and self.chance.random() < 0.5
            times = self.chance.choice((1, 2, 3)) if self._has("duplicate") else 1
            self._note(f"{event['type']} comes {times} times{', too late' if is_late else ''}")
            self._lay_trap()
            signed_at = self.now - STALE if is_late else self.now
            self.machines.web(*[partial(self._post, event, signed_at)] * times, now=self.now)

    def _post(self, event: dict[str, Any], signed_at: datetime) -> None:
        body = json.dumps(event).encode()
        signature = sign(body, secret=self.machines.secret, at=signed_at.timestamp())
        request = RequestFactory().post(
            "/webhooks/stripe/", body, content_type="application/json", headers={"Stripe-Signature": signature}
        )
        answer = stripe_webhook(request)
        expected = 400 if signed_at < self.now else 200
        if answer.status_code != expected:
            raise RuntimeError(f"a delivery was answered with {answer.status_code}")

    # What the portal does by itself

    def _work(self) -> None:
        self._wait()
        self._note("the workers sweep")
        self._trouble(self.chance.choice(("GET", "POST")))
        self.machines.work(now=self.now)

    def _wait(self) -> None:
        passed = timedelta(seconds=self.chance.choice((5, 40, 90, 300, 3600)))
        self._note(f"{passed} pass")
        self.now += passed

    def _become_quiet(self) -> None:
        for passed in QUIET:
            self.now += passed
            self.machines.work(now=self.now)
            if self._is_settled():
                return

    def _act_on_it(self) -> None:
        """The customer comes back to what is not paid; a person first lets go of what they have looked at."""
        self.invoice.refresh_from_db()
        if not self.invoice.is_payable:  # It is paid, or its order was cancelled.
            return
        if attempt := self._attempts().filter(state=PaymentState.REVIEW).first():
            self._note("a person releases the payment under review")
            with transaction.atomic():
                payments.release(attempt=attempt, now=self.now)
        self._note("the customer pays what is still to be paid")
        self.machines.web(partial(self._pay, GOOD), now=self.now)

    # Bad luck

    def _has(self, kind: str) -> bool:
        return kind in self.kinds and self.chance.random() < 0.6

    def _trouble(self, method: str) -> None:
        """Perhaps a trap for the next process that comes by, and a fault for the next request of a method."""
        self._lay_trap()
        if self._has("drop"):
            self._order(self.chance.choice(self.losses), method)
        elif self._has("delay"):
            self._order(Fault.DELAY, method)

    def _lay_trap(self) -> None:
        if self._has("kill"):
            point = self.chance.choice(sorted(dying.POINTS))
            self._note(f"  whoever comes to '{point}' dies")
            self.machines.traps.lay(point)

    def _order(self, fault: Fault, method: str) -> None:
        self._note(f"  {fault} meets the next {method}")
        self.machines.faults.order(fault, method=method, path=INTENTS, seconds=TOO_LATE_SECONDS)

    def _end_trouble(self) -> None:
        self.machines.traps.take_up()
        self.machines.faults.end_trouble()
        self.machines.is_in_a_hurry = False

    # What is true afterwards

    def _mismatches(self, *, after_a_person_acted: bool = False) -> list[str]:
        found = list(self.machines.crashes)
        self.invoice.refresh_from_db()
        charged = {charge["id"] for charge in self._charges()}
        paid = list(self._attempts().filter(state=PaymentState.SUCCEEDED).values_list("stripe_intent_id", flat=True))
        is_active = self._is_fulfilled()
        is_paid = self.invoice.status == InvoiceStatus.PAID
        is_covered = (
            self.invoice.status == InvoiceStatus.CREDITED
        )  # The company's balance was enough, and no card asked.
        if len(charged) > 1:
            found.append(f"money was taken {len(charged)} times")
        if charged and not (is_active and is_paid):
            found.append(f"money without an order: {self._order_status()}, invoice {self.invoice.status}")
        if not charged and (is_paid or (is_active and not is_covered)):
            found.append(f"an order without money: {self._order_status()}, invoice {self.invoice.status}")
        if sorted(charged) != sorted(paid):
            found.append(f"Stripe took {sorted(charged)}, we hold {paid}")
        told = Event.objects.filter(name=EventName.INVOICE_PAID, object_id=self.invoice.number).count()
        if told != len(paid):
            found.append(f"paid {len(paid)} times, and said so {told} times")
        if not self._is_settled():
            states = list(self._attempts().values_list("state", flat=True))
            found.append(f"nobody looks at it any more: {states}, {self._open_events()}")
        if after_a_person_acted and not is_active and self._order_status() != OrderStatus.CANCELLED:
            found.append("the customer came back and could not pay")
        return found

    def _is_settled(self) -> bool:
        return not self._attempts().unfinished().exists() and not self._open_events()

    def _open_events(self) -> list[str]:
        waiting = WebhookEvent.objects.filter(state__in=(WebhookState.RECEIVED, WebhookState.FAILED))
        return list(waiting.values_list("event_id", flat=True))

    def _attempts(self) -> PaymentAttemptQuerySet:
        return PaymentAttempt.objects.filter(invoice=self.invoice)

    def _order_status(self) -> str:
        if self.invoice.order is None:
            return ""
        self.invoice.order.refresh_from_db()
        return self.invoice.order.status

    def _is_fulfilled(self) -> bool:
        """What was bought is in the contract, whether or not steps of its setting up are still to be done."""
        return self._order_status() in (OrderStatus.PAID, OrderStatus.ACTIVE)

    def _charges(self) -> list[dict[str, Any]]:
        intents = self._ask_stripe(f"{INTENTS}?limit=100")["data"]
        return [
            one for one in intents
            if one["status"] == "succeeded" and one["metadata"].get("invoice") == self.invoice.number
        ]  # fmt: skip

    def _events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self._ask_stripe("/v1/events?limit=100")["data"]
        return [event for event in events if event["type"].startswith("payment_intent.")]

    def _ask_stripe(self, path: str) -> dict[str, Any]:
        """Stripe's own truth, past the proxy and its trouble."""
        headers = {"Authorization": f"Bearer {SECRET_KEY}"}
        answer: dict[str, Any] = json.loads(web.request(self.machines.stripe.url + path, headers=headers).body)
        return answer

    def _actor(self) -> Actor:
        return Actor(user_id=self.user.pk, account_id=self.invoice.account_id, kind=ActorKind.CUSTOMER)

    def _note(self, line: str) -> None:
        self.story.append(f"{self.now:%d %H:%M:%S} {line}")


def _forgiving(step: Callable[[], object]) -> Callable[[], None]:
    """As the views do: where Stripe can't be asked, a job asks later."""

    def take() -> None:
        try:
            step()
        except gateway.GatewayError:
            return

    return take
