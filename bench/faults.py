"""Whether money and orders stay together, whatever goes wrong on the way: random schedules of bad luck.

`python -m sandbox exec -- .venv/bin/python -m bench.faults`: loads the demo company, and has its customers buy seats
and pay for them while processes are killed, answers are late or lost, and events come twice or in the wrong order.
Prints `charges, orders, mismatches`, and the story of each mismatch, which `--seed 17 --schedules 1` tells again.
"""

import argparse
import gc
import logging
import os
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import cycle
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accounts.models import Membership, User
    from commerce.models import Invoice
    from sandbox.payment_schedules import Machines, Outcome

SCHEDULES = 500
MINUTES = 60
SECRET = "whsec_bench"
ANY_CLOCK = timedelta(days=20 * 365)


def run(*, schedules: int, first_seed: int, minutes: float) -> int:
    """Print what became of the schedules; how many things did not fit."""
    from sandbox.dying import Traps
    from sandbox.localstripe import LocalStripe
    from sandbox.payment_schedules import Machines
    from sandbox.proxy import ProxyProcess

    prepare()
    charges = orders = mismatches = done = 0
    until = time.monotonic() + minutes * 60
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalStripe(log=Path(folder) / "localstripe.log") as stripe,
        ProxyProcess(stripe.url, log=Path(folder) / "proxy.log") as proxy,
    ):
        configure(proxy.url)
        gc.freeze()  # What is here now is shared with every process to come, and not looked through by each of them.
        machines = Machines(stripe=stripe, faults=proxy.faults, traps=Traps(Path(folder) / "traps"), secret=SECRET)
        for seed, (invoice, user) in zip(range(first_seed, first_seed + schedules), purchases(), strict=False):
            if time.monotonic() > until:
                print(f"Stopped after {minutes:g} minutes.")
                break
            outcome = live_through(seed, machines, invoice, user)
            done += 1
            charges, orders = charges + outcome.charges, orders + outcome.orders
            mismatches += len(outcome.mismatches)
            tell(seed, outcome)
            if done % 10 == 0:
                print(f"{done} schedules: {charges} charges, {orders} orders, {mismatches} mismatches", flush=True)
    print(f"{done} schedules of kill, delay, drop, duplicate and reorder:")
    print(f"{charges} charges, {orders} orders, {mismatches} mismatches", flush=True)
    return mismatches


def prepare() -> None:
    """Migrate, and load the demo company when nobody is there."""
    from django.core.management import call_command
    from django.utils import timezone

    from accounts.models import Account
    from sandbox import dying
    from sandbox.demo.load import seed

    call_command("migrate", verbosity=0)
    if not Account.objects.exists():
        print("Loading the demo company...", flush=True)
        # In a process of its own: those to be forked can't draw documents where this one has (`ForkedAfterDrawing`).
        if dying.wait([dying.fork(partial(seed, seed=1, today=timezone.now().date()))]) != [0]:
            raise RuntimeError("the demo company could not be loaded")


def configure(stripe_url: str) -> None:
    """Point the portal at the proxy; its messages go nowhere, as without a broker."""
    from celery import current_app
    from django.conf import settings

    from commerce.billing import payments, reconciliation
    from sandbox.localstripe import SECRET_KEY

    settings.STRIPE_API_BASE, settings.STRIPE_SECRET_KEY = stripe_url, SECRET_KEY
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    current_app.conf.update(broker_url="memory://")
    # Stripe's clock is the machine's, while a schedule's runs ahead by days: look back as far as it takes.
    payments.CLOCK_SKEW = reconciliation.OVERLAP = ANY_CLOCK
    logging.disable(logging.CRITICAL)  # Bad luck is what the log would be full of.


def purchases() -> "Iterator[tuple[Invoice, User]]":
    """One open bill after another, of one customer after another, with somebody who may pay it."""
    from django.utils import timezone

    from accounts.models import Membership
    from commerce.configuring.situations import ConfigurationRefused
    from commerce.models import Contract
    from commerce.quotes.quote_lifecycle import QuoteRefused

    today = timezone.now().date()
    running = Contract.objects.current(today).filter(end_date__gt=today + timedelta(days=60))
    buyers = Membership.objects.active().filter(
        roles__contains=["administrator"], account__in=running.values("account"), account__currency="EUR"
    )
    refused: set[int] = set()
    everybody = list(buyers.order_by("account_id", "pk").distinct("account_id").select_related("account", "user"))
    for member in cycle(everybody):
        if len(refused) == len(everybody):
            raise RuntimeError("nobody in the database can buy anything")
        if member.pk in refused:
            continue
        try:
            yield _buy(member), member.user
        except (ConfigurationRefused, QuoteRefused):
            refused.add(member.pk)


def _buy(member: "Membership") -> "Invoice":
    """One more seat, ordered and billed."""
    from django.utils import timezone

    from commerce.configuring.situations import Configuration, situation_of
    from commerce.quotes.acceptance import accept_quote
    from commerce.quotes.quoting import create_quote

    account, now = member.account, timezone.now()
    current = situation_of(account, account.local_date(now)).current
    quote = create_quote(
        account=account, actor=member.actor(), user=member.user, now=now, form_key=uuid.uuid4(),
        configuration=Configuration(current.plan, current.seats + 1, current.addons),
    )  # fmt: skip
    order = accept_quote(
        quote=quote, shown_hash=quote.price_hash, consent_name=member.user.name, ip=None, actor=member.actor(), now=now
    )
    return order.invoice


def live_through(seed: int, machines: "Machines", invoice: "Invoice", user: "User") -> "Outcome":
    """One schedule over an empty Stripe; what is left unpaid is cancelled, so that the contract is free again."""
    from django.utils import timezone

    from commerce.models import EventCursor, WebhookEvent
    from commerce.orders.cancelling import OrderNotCancellable, cancel_order
    from commerce.orders.fulfilling import PaymentUnderway
    from sandbox.payment_schedules import KINDS, Schedule

    machines.stripe.flush()
    machines.faults.forget()
    machines.crashes.clear()
    EventCursor.objects.all().delete()
    WebhookEvent.objects.all().delete()
    chance = Random(seed)
    kinds = chance.sample(KINDS, chance.randint(1, len(KINDS)))
    schedule = Schedule(seed, kinds, machines, invoice, user, now=timezone.now())
    outcome = schedule.run()
    try:
        if invoice.order is not None:
            cancel_order(order=invoice.order, now=schedule.now)
    except (OrderNotCancellable, PaymentUnderway):
        return outcome
    return outcome


def tell(seed: int, outcome: "Outcome") -> None:
    """The story of a schedule in which something did not fit."""
    if not outcome.mismatches:
        return
    print(f"Seed {seed}: {'; '.join(outcome.mismatches)}")
    for line in outcome.story:
        print(f"    {line}", flush=True)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--schedules", type=int, default=SCHEDULES, metavar="N", help=f"{SCHEDULES} if not given")
    parser.add_argument("--seed", type=int, default=1, help="of the first one; they are counted on from there")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="after which it stops by itself")
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    os.environ.setdefault("PORTAL_ENV", "test")
    import django

    django.setup()
    warnings.filterwarnings("ignore", "No directory at")
    return 1 if run(schedules=options.schedules, first_seed=options.seed, minutes=options.minutes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
