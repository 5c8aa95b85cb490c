"""What a staff quote of a thousand lines costs on its way: priced by the worker, checked, presented, drawn, read.

`python -m sandbox exec -- .venv/bin/python -m bench.long_quote`: makes the products and the quote for the demo company
in a transaction that is rolled back. CPU is that of this process; statements are those of the database connection.
"""

import argparse
import os
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from accounts.models import User
    from commerce.models import Product

LINES = 1_000
T = TypeVar("T")


def measured(name: str, step: Callable[[], T]) -> T:
    """Take a step and print its CPU, its time on the clock and its statements."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        spent, begun = time.process_time(), time.perf_counter()
        made = step()
        spent, passed = time.process_time() - spent, time.perf_counter() - begun
    print(f"{name:34}{spent * 1e3:10.0f}{passed * 1e3:10.0f}{len(captured):8,}", flush=True)
    return made


def measure(lines: int) -> None:
    """Print a line for each step of a quote with so many lines."""
    from django.db import transaction

    from bench.pages import MANAGER

    _load_demo()
    print(f"{f'{lines:,} lines':34}{'CPU ms':>10}{'ms':>10}{'SQL':>8}")
    with transaction.atomic():
        from accounts.models import User

        _take_steps(_products(lines), User.objects.get(email=MANAGER))
        transaction.set_rollback(True)


def _load_demo() -> None:
    """Migrate, and load the demo company when nobody is there."""
    from django.core.management import call_command
    from django.utils import timezone

    from accounts.models import Account
    from sandbox.demo.load import seed

    call_command("migrate", verbosity=0)
    if not Account.objects.exists():
        print("Loading the demo company...", flush=True)
        seed(seed=1, today=timezone.now().date())


def _products(count: int) -> "list[Product]":
    from commerce.models import Price, PriceBook, Product

    made = Product.objects.bulk_create(
        Product(code=f"bench-{number:05}", name=f"Part {number:05}", kind="addon", max_quantity=5000)
        for number in range(count)
    )
    Price.objects.bulk_create(
        Price(book=book, product=product, unit_price=Decimal(number) / 100 + 1, valid_from=date(2024, 1, 1))
        for book in PriceBook.objects.all()
        for number, product in enumerate(made)
    )
    return made


def _take_steps(products: "Sequence[Product]", seller: "User") -> None:
    from django.urls import reverse
    from django.utils import timezone

    from accounts.models import Account, User
    from bench.pages import ADMINISTRATOR, COMPANY, signed_in
    from commerce.configuring.situations import Configuration, situation_of
    from commerce.models import Quote, QuotePricing
    from commerce.quotes import quote_documents, quote_lifecycle, quote_pricing
    from commerce.quotes.staff_quotes import Terms
    from tracking.actor import Actor

    acme, now = Account.objects.get(name=COMPANY), timezone.now()
    current = situation_of(acme, acme.local_date(now)).current
    wanted = Configuration(current.plan, current.seats, {product.code: Decimal(2) for product in products})
    asked = quote_pricing.make(
        account=acme, configuration=wanted, manual={}, terms=Terms(), user=seller, form_key=uuid.uuid4(), now=now
    )
    if not isinstance(asked, QuotePricing):
        raise TypeError("so few lines are priced at once")
    actor = Actor.staff(seller.pk, acme.pk)
    measured("priced and written by the worker", lambda: quote_pricing.run(pricing_id=asked.pk, now=now))
    asked.refresh_from_db()
    if asked.quote is None:
        raise RuntimeError(asked.refusal)
    made: Quote = asked.quote
    submitted = measured("submitted, with the rules", lambda: quote_lifecycle.submit(quote=made, actor=actor, now=now))
    measured("presented", lambda: quote_lifecycle.present(quote=submitted, actor=actor, now=now))
    measured("drawn by the worker", lambda: quote_documents.draw(account_id=acme.pk, quote_id=made.pk))
    client = signed_in(User.objects.get(email=ADMINISTRATOR))
    client.post(reverse("accounts:switch"), {"account": acme.public_id})
    url = reverse("commerce:quote", args=[made.public_id])
    client.get(url)
    measured("read by the customer", lambda: client.get(url))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.long_quote", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=LINES, metavar="N", help="of the quote; 1,000 if not given")
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    os.environ.setdefault("PORTAL_ENV", "test")
    import django

    django.setup()
    warnings.filterwarnings("ignore", "No directory at")  # Nobody collects static files for a measurement.
    measure(options.lines)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
