"""Payments in processes that die at a named point, with a real worker behind a real broker.

Each schedule is all that its seed decides; `bench/faults.py` runs hundreds of them, with workers of its own.
"""

import os
import sys
import time
import uuid
from datetime import timedelta
from itertools import count

import pytest
from celery import current_app
from django.db import connection
from django.utils import timezone

from commerce import tasks
from commerce.configuring.situations import Configuration
from commerce.models import OrderStatus, PaymentAttempt, PaymentState, WebhookEvent
from commerce.quotes.acceptance import accept_quote
from commerce.quotes.quoting import create_quote
from sandbox.dying import Traps, fork, wait
from sandbox.localstripe import SECRET_KEY, LocalStripe
from sandbox.payment_schedules import KINDS, LOSSES, Machines, Schedule
from sandbox.processes import Child, free_port
from sandbox.proxy import Fault, ProxyProcess
from sandbox.stripe_js import GOOD
from tests.factories import make_catalogue, make_contract

SECRET = "whsec_tests"
SEEDS = (1, 2)
PATIENCE_SECONDS = 40

pytestmark = pytest.mark.django_db(transaction=True)


class Worker:
    """One Celery worker with one process for its tasks; it comes back when it has died."""

    def __init__(self, folder, traps, stripe_url):
        self.command = [
            *(sys.executable, "-m", "sandbox.dying", traps.folder, "worker", "--concurrency", "1"),
            *("--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"),
        ]
        server = os.environ["DATABASE_URL"].rsplit("/", 1)[0]
        self.env = {
            **os.environ,
            "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
            "STRIPE_API_BASE": stripe_url,
            "STRIPE_SECRET_KEY": SECRET_KEY,
            "STRIPE_WEBHOOK_SECRET": SECRET,
        }
        self.log = folder / "worker.log"
        self.start()

    def start(self):
        self.child = Child("worker", self.command, log=self.log, env=self.env)

    def finish(self):
        """Wait for what it is at: what it wrote after the test's rows are gone would be the next test's."""
        current_app.control.purge()
        self.rest()

    def rest(self):
        """Wait until it has done all that it was asked for, and what that asked for in turn."""
        until = time.monotonic() + PATIENCE_SECONDS
        looks = 0
        while looks < 2 and time.monotonic() < until:  # A message may be between queue and worker at the first look.
            looks = 0 if self._queued() or self._tasks() else looks + 1
            time.sleep(0.02)

    def _queued(self):
        with current_app.connection_for_read() as broker:
            return broker.default_channel.queue_declare(current_app.conf.task_default_queue).message_count

    def _tasks(self):
        inspect = current_app.control.inspect(timeout=5, limit=1)
        found = [*(inspect.active() or {}).values(), *(inspect.reserved() or {}).values()]
        return [task for tasks_ in found for task in tasks_]

    def stop(self):
        self.child.kill()


class MachinesWithWorker(Machines):
    """The worker's clock can't be moved: what is to wait until later is made due instead."""

    def __init__(self, worker, **kwargs):
        super().__init__(traps=worker.traps, **kwargs)
        self.rest = worker.rest

    def work(self, *, now):
        PaymentAttempt.objects.unfinished().update(next_check_at=timezone.now())
        WebhookEvent.objects.filter(state__in=("received", "failed")).update(next_at=timezone.now())
        for task in (tasks.process_webhooks, tasks.resume_payments, tasks.reconcile_payments):
            task.delay()

    def _at(self, now, step):
        super()._at(timezone.now(), step)


class WatchedSchedule(Schedule):
    """In real time: nothing passes but the moment that the worker takes, and nothing can be lost for a whole day."""

    losses = tuple(fault for fault in LOSSES if fault != Fault.SAVED_500)

    def _wait(self):
        self.now = timezone.now()

    def _become_quiet(self):
        self.kinds = ()
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            self._abandon_the_bank()
            self.machines.work(now=timezone.now())
            self.machines.rest()  # What it fetches last waits for its next sweep.
            if self._is_settled():
                break
        self.now = timezone.now()

    def _mismatches(self, **kwargs):
        """Nothing moves any more when these are looked for."""
        self.machines.rest()
        if not self._is_settled():
            self._become_quiet()
        return super()._mismatches(**kwargs)

    def _abandon_the_bank(self):
        """Nobody waits a day here: the customer goes back, and takes another card."""
        self._give_up()


@pytest.fixture(scope="module")
def upstream(tmp_path_factory):
    """A port for the stand-in; nothing listens there until a test needs it."""
    server = LocalStripe(port=free_port(), log=tmp_path_factory.mktemp("stripe") / "log")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def proxy(upstream, tmp_path_factory):
    with ProxyProcess(upstream.url, log=tmp_path_factory.mktemp("proxy") / "log") as running:
        yield running


@pytest.fixture(scope="module")
def worker(django_db_setup, django_db_blocker, tmp_path_factory, proxy):
    """Started while Stripe's stand-in is down."""
    folder = tmp_path_factory.mktemp("worker")
    traps = Traps(folder / "traps")
    with django_db_blocker.unblock():
        running = Worker(folder, traps, proxy.url)
    running.traps = traps
    yield running
    running.stop()


@pytest.fixture
def now():
    """The worker's clock is the machine's."""
    return timezone.now()


@pytest.fixture
def contract(acme, now):
    began = (now - timedelta(days=90)).date().replace(day=1)
    return make_contract(acme, make_catalogue(), start=began)


@pytest.fixture
def machines(worker, upstream, proxy, settings):
    settings.STRIPE_API_BASE, settings.STRIPE_SECRET_KEY = proxy.url, SECRET_KEY
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    current_app.control.purge()
    proxy.faults.forget()
    worker.traps.take_up()
    yield MachinesWithWorker(worker, stripe=upstream, faults=proxy.faults, secret=SECRET)
    worker.finish()


@pytest.fixture
def up(upstream):
    if upstream._child is None:
        upstream.start()
    upstream.flush()


@pytest.fixture
def schedule(machines, contract, admin, acme):
    """What happens to one more purchase: one more seat each time, ordered and not yet paid."""
    seats = count(60)

    def make(seed, kinds):
        moment = timezone.now()
        quote = create_quote(
            account=acme, actor=admin.membership.actor(), user=admin, now=moment, form_key=uuid.uuid4(),
            configuration=Configuration(plan="business", seats=next(seats), addons={"sso": 1}),
        )  # fmt: skip
        order = accept_quote(
            quote=quote, shown_hash=quote.price_hash, consent_name="Ada", ip=None, actor=admin.membership.actor(),
            now=moment,
        )  # fmt: skip
        return WatchedSchedule(seed, kinds, machines, order.invoice, admin, moment)

    return make


def test_a_portal_that_starts_without_stripe_takes_no_money_and_goes_on_when_it_is_there(machines, upstream, schedule):
    """First of all here: the worker has started, and nothing answers at Stripe's address."""
    assert upstream._child is None
    story = schedule(1, ())
    machines.work(now=timezone.now())
    machines.web(lambda: story._pay(GOOD), now=timezone.now())
    assert machines.crashes == []
    assert not PaymentAttempt.objects.exists()
    upstream.start()
    machines.web(lambda: story._pay(GOOD), now=timezone.now())
    assert PaymentAttempt.objects.get().state == PaymentState.SUCCEEDED
    assert story._order_status() == OrderStatus.ACTIVE


def test_a_process_that_dies_at_a_named_point_leaves_one_charge_and_one_order(up, machines, schedule):
    for point in ("written down", "claimed", "charged", "asked", "about to commit", "paid"):
        story = schedule(1, ())
        machines.traps.lay(point)
        [end] = wait([fork(lambda: machines._at(timezone.now(), lambda: story._pay(GOOD)))])  # noqa: B023
        assert (point, end, machines.traps.take_up()) == (point, -9, [])
        story._become_quiet()
        assert (point, story._mismatches()) == (point, [])
        assert (point, len(story._charges()), story._order_status()) == (point, 1, OrderStatus.ACTIVE)


@pytest.mark.parametrize("kind", KINDS)
def test_after_bad_luck_of_each_kind_money_and_order_are_together(up, schedule, kind):
    for seed in SEEDS:
        outcome = schedule(seed, [kind]).run()
        assert outcome.mismatches == [], "\n".join(outcome.story)
