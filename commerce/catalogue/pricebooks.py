"""Which price holds for an account: its own list, what was agreed with it, its tier's book, the book for everybody.

The first of them that has a row of the day for a product. No row at all: not sellable, never zero.
"""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, F, Func, IntegerField, Q, QuerySet

from accounts.compiled import Compiled, Given
from accounts.models import Account
from commerce.models import Contract, ContractedPrice, Price, PriceBook
from commerce.models.prices import valid_on


class PriceSource(IntEnum):
    """Where a price is from; the lower one holds."""

    ACCOUNT_LIST = 0
    CONTRACTED = 1
    TIER_BOOK = 2
    DEFAULT_BOOK = 3


@dataclass(frozen=True, slots=True)
class FoundPrice:
    """The price that holds for an account, and the book's beside it where another was agreed."""

    row: Price | ContractedPrice
    source: PriceSource
    listed: Price | None = None


def prices_for(*, account: Account, today: date, contract: Contract | None = None) -> dict[int, FoundPrice]:
    """The account's price of the day for every product that has one, by the product's id. Two queries.

    A change of a `contract` is in its currency, and by the book it was made with, whatever the account's tier is now.
    """
    currency = contract.currency if contract else account.currency
    pinned = contract.price_book_id if contract else None
    given = {"account": account.pk, "country": account.billing_country, "currency": currency, "today": today}
    rows = _of_its_books(**given, tier=account.tier_id) if pinned is None else _of_one_book(**given, book=pinned)
    listed: dict[int, Price] = {}
    for price in sorted(rows, key=lambda price: _rank(price, pinned)):
        listed.setdefault(price.product_id, price)
    found = {pk: FoundPrice(price, _source(price, pinned)) for pk, price in listed.items()}
    agreed = {row.product_id: row for row in _agreed(**given)}
    for pk, row in agreed.items():
        if pk not in found or found[pk].source > PriceSource.CONTRACTED:
            found[pk] = FoundPrice(row, PriceSource.CONTRACTED, listed.get(pk))
    return found


def book_for(*, account: Account, currency: str, today: date) -> PriceBook | None:
    """The book that a contract made today keeps: of the account's tier, else the one for everybody. One query."""
    books = PriceBook.objects.filter(
        valid_on(today), _in_region(account.billing_country), _open_to(account.tier_id), currency=currency, account=None
    )
    return min(books, key=lambda book: (book.tier_id is None, *_preference(book)), default=None)


def _source(price: Price, pinned: int | None) -> PriceSource:
    if price.book.account_id is not None:
        return PriceSource.ACCOUNT_LIST
    return PriceSource.TIER_BOOK if price.book.tier_id or price.book_id == pinned else PriceSource.DEFAULT_BOOK


def _rank(price: Price, pinned: int | None) -> tuple[int, bool, int, int, int]:
    """The lower one holds: by source, then books made for the region, then what begins later."""
    return (_source(price, pinned), *_preference(price.book), -price.valid_from.toordinal(), -price.pk)


def _preference(book: PriceBook) -> tuple[bool, int]:
    return (not book.regions, -(book.valid_from.toordinal() if book.valid_from else 0))


def _open_to(tier: int | Given, prefix: str = "") -> Q:
    return Q(**{f"{prefix}tier__isnull": True}) | Q(**{f"{prefix}tier": tier})


def _in_region(country: str | Given, prefix: str = "") -> Q:
    anywhere = Q(**{f"{prefix}regions": []})
    return anywhere | Q(**{f"{prefix}regions__contains": [country]})


def _rows(books: Q) -> QuerySet[Price]:
    """Rows of the day, of the account's own list and of the books it buys from."""
    today = Given("today")
    own = Q(book__account=Given("account")) & _in_region(Given("country"), "book__")
    rows = Price.objects.filter(
        own | books, valid_on(today), valid_on(today, "book__"), book__currency=Given("currency")
    )
    return rows.select_related("book", "volume_schedule", "term_schedule")


def _agreed_rows() -> QuerySet[ContractedPrice]:
    """What was agreed with the account's parents and with itself. The one that holds comes last: nearest, latest."""
    line = Func(Given("account"), function="commerce_line_of", output_field=ArrayField(BigIntegerField()))
    steps = Func(line, F("account_id"), function="array_position", output_field=IntegerField())
    return (
        ContractedPrice.objects.on(Given("today"))
        .filter(currency=Given("currency"))
        .annotate(steps=steps)
        .filter(steps__isnull=False)
        .select_related("volume_schedule", "term_schedule")
        .order_by("-steps", "valid_from", "pk")
    )


# A change of a contract keeps its book, which holds on any day and wherever the company has moved since.
_of_one_book = Compiled(lambda: _rows(Q(book=Given("book"))))
# Otherwise: its tier's and everybody's.
_of_its_books = Compiled(
    lambda: _rows(Q(book__account=None) & _open_to(Given("tier"), "book__") & _in_region(Given("country"), "book__"))
)
_agreed = Compiled(_agreed_rows)
