"""How fast prices come: lines per second in the pure engine, and the CPU of pricing ten lines in one request.

`python -m bench.pricing --engine` needs no database. Without that option, run it as
`python -m sandbox exec -- .venv/bin/python -m bench.pricing`: it also prices what is typed into the configurator, ten
lines of the demo company, through Django's test client, and counts the CPU of the web process and of its database
connection's backend.
"""

import argparse
import os
import sys
import time
import warnings
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial

from commerce.pricing.proration import Period
from commerce.pricing.quote import Billing, Holding, LineKind, QuoteLine, QuoteMode, QuoteRequest
from commerce.pricing.quoting import price_quote
from commerce.pricing.tiers import AggregationScope, DiscountMethod, DiscountSchedule, DiscountTier

SIZES = (10, 100, 1_000, 5_000)
LINES = 10
BUDGET_MS = 25  # CPU of the web process for a request that prices so many lines.
RUNS = 5  # Other work on the machine makes a run slower, never faster: the best says what the request takes.
SLAB = DiscountSchedule(
    DiscountMethod.SLAB,
    (
        DiscountTier(start=1, until=11, percent=Decimal(0)),
        DiscountTier(start=11, until=101, percent=Decimal(10)),
        DiscountTier(start=101, percent=Decimal("17.5")),
    ),
)
SHARED = DiscountSchedule(
    DiscountMethod.RANGE,
    (DiscountTier(start=1, until=1_001, percent=Decimal(0)), DiscountTier(start=1_001, percent=Decimal(5))),
    scope=AggregationScope.QUOTE,
)


def quote_of(size: int) -> QuoteRequest:
    """An amendment 7 months and 9 days before its end: every third line is held and grows, every second has slabs,
    and the units of the others count together.
    """
    return QuoteRequest(
        mode=QuoteMode.AMENDMENT,
        currency="EUR",
        contract=Period(date(2026, 1, 1), date(2027, 1, 1)),
        change_date=date(2026, 5, 23),
        billing_period=Period(date(2026, 5, 1), date(2026, 6, 1)),
        lines=tuple(
            QuoteLine(
                product_code=f"product-{number}",
                name=f"Product {number}",
                kind=LineKind.ADDON,
                quantity=40 + number % 200,
                unit_price=Decimal(12) + Decimal(number % 97) / 8,
                billing=Billing.PERIOD if number % 5 == 0 else Billing.TERM,
                schedule=SLAB if number % 2 == 0 else SHARED,
                holding=Holding(product_code=f"product-{number}", name="Held", quantity=20, unit_price=Decimal(11))
                if number % 3 == 0
                else None,
                tax_rate_percent=Decimal(19),
            )
            for number in range(size)
        ),
    )


def measure_engine(seconds: float) -> None:
    """Print what the engine alone does with quotes of several sizes, so many seconds of CPU for each."""
    print(f"{'the pure engine':26}{'ms a quote':>12}{'lines a second':>16}")
    for size in SIZES:
        request = quote_of(size)
        price_quote(request)
        quotes, begun = 0, time.process_time()
        while time.process_time() - begun < seconds:
            price_quote(request)
            quotes += 1
        spent = time.process_time() - begun
        print(f"{f'{size:,} lines':26}{spent / quotes * 1e3:12.2f}{quotes * size / spent:16,.0f}", flush=True)


def measure_http(requests: int) -> None:
    """Print what a request costs that prices ten lines of the configurator."""
    from django.urls import reverse

    from accounts.models import Account, User
    from bench.pages import ADMINISTRATOR, COMPANY, DatabaseClock, measure, prepare, signed_in

    prepare()
    client = signed_in(User.objects.get(email=ADMINISTRATOR))
    client.post(reverse("accounts:switch"), {"account": Account.objects.get(name=COMPANY).public_id})
    asked = f"{reverse('commerce:configure-price')}?{_ten_lines()}"
    ask, clock = partial(client.get, asked), DatabaseClock()
    runs = [measure(f"{LINES} lines", ask, requests=requests, clock=clock) for _ in range(RUNS)]
    print(f"{'one request':26}{'SQL':>6}{'web ms':>10}{'db ms':>8}{'CPU ms':>8}{'lines a second':>16}")
    runs.sort(key=lambda page: page.cpu)
    for name, page in (("best", runs[0]), ("median", runs[RUNS // 2])):
        print(
            f"{f'{page.name}, {name}':26}{page.statements:6}{page.web * 1e3:10.2f}{page.database * 1e3:8.2f}"
            f"{page.cpu * 1e3:8.2f}{LINES / page.cpu:16,.0f}"
        )
    print(f"Of {RUNS} runs of {requests} requests; CPU of the web process, of its database process, and of both.")
    if runs[0].web * 1e3 > BUDGET_MS:
        print(f"The web process takes more than the {BUDGET_MS} ms that a request may take.")


def _ten_lines() -> str:
    """Ten things that the company may buy together, as the configurator's form names them."""
    from urllib.parse import urlencode

    from accounts.models import Account
    from bench.pages import COMPANY
    from commerce.configuring.configuring import price
    from commerce.configuring.situations import Configuration, ConfigurationRefused, situation_of
    from commerce.models import ProductKind

    acme = Account.objects.get(name=COMPANY)
    situation = situation_of(acme, acme.local_date(datetime.now(UTC)))
    offered = [one.product for one in situation.offered.values() if one.is_sellable]
    plan = max((product for product in offered if product.kind == ProductKind.PLAN), key=lambda product: product.rank)
    seats, chosen = situation.seats + 40, dict[str, Decimal]()
    for product in offered:
        wanted = chosen | {product.code: situation.held(product.code) + 1}
        try:
            priced = price(situation, Configuration(plan.code, seats, wanted))
        except ConfigurationRefused:
            continue
        chosen = wanted
        if sum(1 for line in priced.lines if line.quantity_change > 0) == LINES:
            return urlencode({"plan": plan.code, "seats": seats} | chosen)
    raise RuntimeError(f"the company can't buy {LINES} things at once")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.pricing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", action="store_true", help="the pure engine alone, without a database")
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="of CPU for each size; 3 if not given")
    parser.add_argument("--requests", type=int, default=50, metavar="N", help="measured through HTTP; 50 if not given")
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    os.environ.setdefault("PORTAL_ENV", "test")
    measure_engine(options.seconds)
    if not options.engine:
        import django

        django.setup()
        warnings.filterwarnings("ignore", "No directory at")  # Nobody collects static files for a measurement.
        measure_http(options.requests)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
