"""The renewal engine over a year and more: so many contracts, so many days, one run of the job for each day.

`.venv/bin/python -m bench.renewals [--contracts 10000] [--days 400] [--tell]`: makes a database of its own beside those
of the tests, with companies in six time zones and three currencies whose terms end on every day of a year, and passes
the days in. One in six contracts does not renew by itself; of these a third is renewed by the customers in good time,
the others come to grace. `--tell` also writes the letters. Prints what was done, and how long the job took.
"""

import argparse
import os
import sys
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accounts.models import Tier
    from commerce.models import Contract, Product

FIRST = date(2026, 11, 1)
HOUR = 13  # In Greenwich: every zone is in the day, or already in the next.
ZONES = ("Europe/Berlin", "America/Los_Angeles", "Pacific/Kiritimati", "Asia/Tokyo", "Asia/Kuwait", "Pacific/Pago_Pago")
CURRENCIES = {"EUR": Decimal("11.4"), "JPY": Decimal(1850), "KWD": Decimal("3.725")}
ON_REQUEST = 6  # One in so many contracts does not renew by itself,
WILLING = 3  # and one in so many of these is renewed by the customer.
ACCEPTS_AT = timedelta(days=40)  # Before the end.


def make_contracts(count: int) -> dict[date, list["Contract"]]:
    """Companies with an administrator and a contract each; the contracts that customers renew, by the day they do."""
    from accounts.models import Account, Entitlement, Membership, User
    from commerce.models import Contract, RenewalTerms, Subscription, SubscriptionDelta

    tier, team, sso = _sell()
    currencies = list(CURRENCIES)
    accounts = Account.objects.bulk_create(
        (
            Account(
                name=f"Company {number:05}", tier=tier, billing_country="DE", time_zone=ZONES[number % len(ZONES)],
                currency=currencies[number % len(currencies)], lifecycle_stage="growing",
            )
            for number in range(count)
        ),
        batch_size=2000,
    )  # fmt: skip
    users = User.objects.bulk_create(
        (User(email=f"admin{number:05}@bench.example", name=f"Person {number}") for number in range(count)),
        batch_size=2000,
    )
    Membership.objects.bulk_create(
        (
            Membership(account=account, user=user, roles=["administrator"])
            for account, user in zip(accounts, users, strict=True)
        ),
        batch_size=2000,
    )
    RenewalTerms.objects.bulk_create(
        RenewalTerms(account=account, method="uplift" if number % 5 == 0 else "list", uplift_percent=Decimal(3))
        for number, account in enumerate(accounts)
        if number % 5 == 0 or number % 20 == 1
    )
    contracts = Contract.objects.bulk_create(
        (
            Contract(
                account=account, start_date=_end(number) - timedelta(days=365), end_date=_end(number),
                currency=account.currency, auto_renew=number % ON_REQUEST != 0,
            )
            for number, account in enumerate(accounts)
        ),
        batch_size=2000,
    )  # fmt: skip
    owned = [(contract, product) for contract in contracts for product in (team, sso)]
    subscriptions = Subscription.objects.bulk_create(
        (Subscription(account=contract.account, contract=contract, product=product) for contract, product in owned),
        batch_size=4000,
    )
    SubscriptionDelta.objects.bulk_create(
        (
            SubscriptionDelta(
                account=contract.account, subscription=subscription, kind="new", quantity=20 if product is team else 1,
                unit_price=CURRENCIES[contract.currency], recurring_minor=_monthly(contract.currency, product is team),
                currency=contract.currency, effective_date=contract.start_date, billing_date=contract.start_date,
            )
            for (contract, product), subscription in zip(owned, subscriptions, strict=True)
        ),
        batch_size=4000,
    )  # fmt: skip
    Entitlement.objects.bulk_create(
        (
            Entitlement(
                account=contract.account, code="seats" if product is team else "sso", start_date=contract.start_date,
                quantity=20 if product is team else None, end_date=contract.end_date,
                source=f"subscription:{subscription.pk}",
            )
            for (contract, product), subscription in zip(owned, subscriptions, strict=True)
        ),
        batch_size=4000,
    )  # fmt: skip
    willing: dict[date, list[Contract]] = {}
    on_request = [contract for contract in contracts if not contract.auto_renew]
    for contract in on_request[::WILLING]:
        willing.setdefault(contract.end_date - ACCEPTS_AT, []).append(contract)
    return willing


def _sell() -> "tuple[Tier, Product, Product]":
    """A plan and an add-on at the same price in each currency, what they grant, their tax, and numbers of bills."""
    from django.conf import settings

    from accounts.models import Tier
    from commerce.models import InvoiceKind, InvoiceSeries, Price, PriceBook, Product, ProductGrant, TaxRate

    tier = Tier.objects.create(code="bench", name="Bench", rank=99)
    team = Product.objects.create(code="bench-plan", name="Plan", kind="plan", summary="Plan", max_quantity=5000)
    sso = Product.objects.create(code="bench-addon", name="Add-on", kind="addon", summary="Add-on", max_quantity=5000)
    ProductGrant.objects.create(product=team, code="seats", quantity=1, is_per_unit=True)
    ProductGrant.objects.create(product=sso, code="sso")
    valid_from = FIRST - timedelta(days=1000)
    for currency, price in CURRENCIES.items():
        book = PriceBook.objects.create(name=f"Bench {currency}", currency=currency)
        for product in (team, sso):
            Price.objects.create(book=book, product=product, unit_price=price, valid_from=valid_from)
    TaxRate.objects.create(country="DE", name="VAT", rate=Decimal("0.19"), valid_from=valid_from)
    InvoiceSeries.objects.get_or_create(
        legal_entity=settings.LEGAL_ENTITY, kind=InvoiceKind.INVOICE, defaults={"prefix": "BENCH-"}
    )
    return tier, team, sso


def _end(number: int) -> date:
    return FIRST + timedelta(days=1 + number % 365)


def _monthly(currency: str, is_plan: bool) -> int:
    from commerce.pricing.money import to_minor

    return to_minor(CURRENCIES[currency] * (20 if is_plan else 1), currency)


def accept(contracts: Sequence["Contract"], now: datetime) -> int:
    """Customers renew, one by one, as they do in the portal."""
    from accounts.models import Membership
    from commerce.models import Renewal
    from commerce.quotes.acceptance import accept_quote

    accepted = 0
    for renewal in Renewal.objects.filter(contract__in=contracts, state="offered").select_related("quote"):
        member = Membership.objects.get(account=renewal.account_id)
        quote = renewal.quote
        if quote is not None:
            accept_quote(
                quote=quote, shown_hash=quote.price_hash, consent_name="Bench", ip=None, actor=member.actor(), now=now
            )
            accepted += 1
    return accepted


def simulate(contracts: int, days: int, *, tell: bool) -> None:
    """Make the contracts, pass the days, and print what happened."""
    from commerce.models import Contract, Invoice, Renewal, RenewalNotice
    from commerce.renewals import notices, running

    begun = time.perf_counter()
    willing = make_contracts(contracts)
    print(f"{contracts:,} contracts made in {time.perf_counter() - begun:.0f} s", flush=True)
    done: Counter[str] = Counter()
    spent = Counter[str]()
    for number in range(days):
        day = FIRST + timedelta(days=number)
        now = datetime(day.year, day.month, day.day, HOUR, tzinfo=UTC)
        begun, worked = time.perf_counter(), time.process_time()
        done += running.run_due(now=now).counts
        spent["job"] += round((time.perf_counter() - begun) * 1000)
        spent["job, CPU of Python"] += round((time.process_time() - worked) * 1000)
        begun = time.perf_counter()
        done["renewed by customers"] += accept(willing.get(day, ()), now)
        spent["customers"] += round((time.perf_counter() - begun) * 1000)
        if tell:
            begun = time.perf_counter()
            done["told"] += notices.tell_waiting(now=now)
            spent["letters"] += round((time.perf_counter() - begun) * 1000)
        if (number + 1) % 50 == 0:
            print(f"day {number + 1}: {spent['job'] / 1000:.0f} s of the job", flush=True)
    for what, count in sorted(done.items()):
        print(f"{what:24}{count:10,}")
    states = Counter(Renewal.objects.values_list("state", flat=True))
    print("renewals: " + ", ".join(f"{state} {count:,}" for state, count in sorted(states.items())))
    print(f"contracts {Contract.objects.count():,}, invoices {Invoice.objects.count():,}, "
          f"notices {RenewalNotice.objects.count():,}")  # fmt: skip
    for what, milliseconds in spent.items():
        print(f"{what:24}{milliseconds / 1000:10.1f} s")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.renewals", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contracts", type=int, default=10_000, metavar="N", help="10,000 if not given")
    parser.add_argument("--days", type=int, default=400, metavar="N", help="400 if not given")
    parser.add_argument("--tell", action="store_true", help="also write the letters")
    options = parser.parse_args(arguments)
    from sandbox.servers import Servers
    from tests.template_database import make_template

    servers = Servers(Path(__file__).parent.parent / ".data" / "tests")
    os.environ.update(servers.start(os.environ).env)
    os.environ.update(PORTAL_ENV="test", DJANGO_SETTINGS_MODULE="portal.settings")
    try:
        import django

        django.setup()
        from django.db import connection

        connection.settings_dict["TEST"] |= {
            "NAME": f"bench_{uuid.uuid4().hex[:12]}", "TEMPLATE": make_template(os.environ["DATABASE_URL"])
        }  # fmt: skip
        usual = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        try:
            simulate(options.contracts, options.days, tell=options.tell)
        finally:
            connection.creation.destroy_test_db(usual, verbosity=0)
    finally:
        servers.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
