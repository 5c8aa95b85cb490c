"""Which price holds for whom, and that nobody reads another's."""

import html
import uuid
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from accounts.scope import account_scope
from commerce import amounts
from commerce.billing.invoicing import render_pdf
from commerce.catalogue.catalogue import offered_products
from commerce.catalogue.pricebooks import PriceSource, book_for, prices_for
from commerce.configuring.situations import Configuration
from commerce.models import Contract, ContractedPrice, DiscountSchedule, Price, PriceBook, PriceRule, ProductCost
from commerce.pricing import money
from commerce.quotes.acceptance import accept_quote
from commerce.quotes.quoting import create_quote
from tests.factories import make_account, make_contract, make_tier

pytestmark = pytest.mark.django_db
LONG_AGO = date(2024, 1, 1)


@pytest.fixture
def team(products):
    return products["team"]


@pytest.fixture
def add_price(products, acme):
    """A price of Team in a book of its own: `add_price("9", tier=…, regions=[…])`."""

    def add(amount, *, valid_from=LONG_AGO, valid_until=None, **book):
        fields = {"currency": "EUR", "name": f"Book of {amount}"} | book
        return Price.objects.create(
            book=PriceBook.objects.create(**fields),
            product=products["team"],
            unit_price=Decimal(amount),
            valid_from=valid_from,
            valid_until=valid_until,
        )

    return add


@pytest.fixture
def agree(products):
    def agree(account, amount, **fields):
        defaults = {"product": products["team"], "currency": "EUR", "valid_from": LONG_AGO}
        return ContractedPrice.objects.create(account=account, unit_price=Decimal(amount), **(defaults | fields))

    return agree


def found(account, team, today, **kwargs):
    return prices_for(account=account, today=today, **kwargs).get(team.pk)


def amount(account, team, today, **kwargs):
    price = found(account, team, today, **kwargs)
    return price and price.row.unit_price


def test_the_first_of_own_list_agreed_price_tier_and_default_holds(acme, team, add_price, agree, today):
    everybody = add_price("99")
    assert found(acme, team, today).source is PriceSource.TIER_BOOK
    assert amount(acme, team, today) == Decimal("11.40")
    Price.objects.filter(product=team, book__tier__isnull=False).delete()
    assert found(acme, team, today).row == everybody
    agreed = agree(acme, "10")
    assert found(acme, team, today).row == agreed
    assert found(acme, team, today).listed == everybody
    own = add_price("9", account=acme)
    assert found(acme, team, today).row == own
    assert found(acme, team, today).listed is None


def test_no_row_is_no_price(acme, team, today):
    Price.objects.filter(product=team).delete()
    assert found(acme, team, today) is None
    offered = offered_products(account=acme, today=today)["team"]
    assert not offered.is_sellable
    assert offered.unit_price is None


def test_what_was_agreed_with_the_nearest_parent_holds(acme, globex, team, agree, today):
    grandparent = make_account("Grand Holding", tier="growth")
    acme.parent, globex.parent = globex, grandparent
    acme.save()
    globex.save()
    agree(grandparent, "10")
    assert amount(acme, team, today) == 10
    agree(globex, "10.5")
    assert amount(acme, team, today) == Decimal("10.5")
    agree(acme, "11")
    assert amount(acme, team, today) == 11
    assert amount(globex, team, today) == Decimal("10.5")
    with account_scope([acme.pk]):
        assert amount(acme, team, today) == 11


def test_companies_that_are_each_others_parent_have_prices_too(acme, globex, team, agree, today):
    type(acme).objects.filter(pk=acme.pk).update(parent=globex)
    type(acme).objects.filter(pk=globex.pk).update(parent=acme)
    agree(globex, "10")
    assert amount(acme, team, today) == 10


def test_a_book_for_the_region_goes_before_one_for_anywhere(acme, team, add_price, today):
    add_price("8", tier=acme.tier, regions=["AT", "DE"])
    add_price("7", tier=acme.tier, regions=["FR"])
    assert amount(acme, team, today) == 8
    acme.billing_country = "FR"
    assert amount(acme, team, today) == 7
    acme.billing_country = "IT"
    assert amount(acme, team, today) == Decimal("11.40")


def test_a_price_holds_from_its_first_day_and_not_on_its_last(acme, team, add_price, today):
    add_price("8", account=acme, valid_from=today, valid_until=today + timedelta(days=1))
    assert amount(acme, team, today - timedelta(days=1)) == Decimal("11.40")
    assert amount(acme, team, today) == 8
    assert amount(acme, team, today + timedelta(days=1)) == Decimal("11.40")


def test_a_closed_book_sells_nothing(acme, team, add_price, today):
    price = add_price("8", account=acme)
    PriceBook.objects.filter(pk=price.book_id).update(valid_until=today)
    assert amount(acme, team, today) == Decimal("11.40")


def test_the_later_of_two_prices_holds(acme, team, today):
    book = Price.objects.for_account(acme).get(product=team).book
    Price.objects.create(book=book, product=team, unit_price=13, valid_from=today)
    assert amount(acme, team, today) == 13


def test_another_currency_is_another_book(acme, team, add_price, today):
    add_price("9", tier=acme.tier, currency="USD")
    acme.currency = "USD"
    assert amount(acme, team, today) == 9


def test_a_contract_keeps_its_book_when_the_tier_changes(acme, contract, team, today):
    acme.tier = make_tier("strategic")
    acme.save()
    assert amount(acme, team, today) == Decimal("10.80")
    assert amount(acme, team, today, contract=contract) == Decimal("11.40")
    with account_scope([acme.pk]):
        assert amount(acme, team, today, contract=contract) == Decimal("11.40")


def test_a_contract_keeps_its_book_and_its_currency(contract, add_price):
    other = add_price("9", currency="USD").book
    for change in ({"price_book": other}, {"price_book": None}, {"currency": "USD"}):
        with pytest.raises(IntegrityError, match="keeps its currency and its price book"), transaction.atomic():
            Contract.objects.filter(pk=contract.pk).update(**change)
    contract.refresh_from_db()
    assert contract.currency == "EUR"
    assert contract.price_book.tier.code == "premier"


def test_a_new_contract_keeps_the_book_of_its_tier(acme, products, add_price, today):
    add_price("99")
    assert book_for(account=acme, currency="EUR", today=today).tier == acme.tier
    assert book_for(account=acme, currency="USD", today=today) is None
    with account_scope([acme.pk]):
        assert book_for(account=acme, currency="EUR", today=today).tier == acme.tier


def test_the_lookup_of_the_whole_catalogue_takes_two_queries(acme, products, agree, today, django_assert_num_queries):
    agree(acme, "10")
    with django_assert_num_queries(2):
        prices = prices_for(account=acme, today=today)
    assert len(prices) == len(products)


# Nobody else's


def test_a_request_reads_the_prices_of_its_own_company_alone(acme, globex, team, products, add_price, agree, today):
    schedule = DiscountSchedule.objects.create(name="Ours", tiers=[{"from": "1", "to": None, "percent": "5"}])
    theirs = DiscountSchedule.objects.create(name="Theirs", tiers=[{"from": "1", "to": None, "percent": "50"}])
    add_price("1", account=globex)
    add_price("2", currency="USD")
    own = {add_price("9", account=acme), add_price("99"), *Price.objects.filter(book__tier=acme.tier)}
    agree(globex, "3", volume_schedule=theirs)
    agreed = agree(acme, "8", volume_schedule=schedule)
    PriceRule.objects.create(order=1, name="Theirs", tier=globex.tier, discount_percent=50)
    PriceRule.objects.create(order=2, name="Theirs too", account=globex, discount_percent=50)
    rule = PriceRule.objects.create(order=3, name="Everybody's", discount_percent=5)
    ProductCost.objects.create(product=team, currency="EUR", cost=5, valid_from=today)
    with account_scope([acme.pk]):
        assert set(Price.objects.all()) == own
        assert {price.book for price in own} == set(PriceBook.objects.all())
        assert list(ContractedPrice.objects.all()) == [agreed]
        assert list(DiscountSchedule.objects.all()) == [schedule]
        assert list(PriceRule.objects.all()) == [rule]
    for table in ("commerce_productcost", "commerce_priceevent"):
        with pytest.raises(Exception, match="permission denied"), account_scope([acme.pk]):
            connection.cursor().execute(f"SELECT * FROM {table}")


def test_no_request_writes_prices(acme, products):
    price = Price.objects.for_account(acme).first()
    with pytest.raises(Exception, match="permission denied"), account_scope([acme.pk]):
        Price.objects.filter(pk=price.pk).update(unit_price=0)
    price.refresh_from_db()
    assert price.unit_price > 0


# What the database refuses


def test_a_book_is_of_a_tier_or_of_a_company(acme):
    with pytest.raises(IntegrityError), transaction.atomic():
        PriceBook.objects.create(name="Both", tier=acme.tier, account=acme, currency="EUR")
    PriceBook.objects.create(name="Everybody", currency="EUR")
    with pytest.raises(IntegrityError), transaction.atomic():
        PriceBook.objects.create(name="Everybody again", currency="EUR")
    assert PriceBook.objects.count() == 1


def test_two_active_rules_never_have_one_order():
    PriceRule.objects.create(order=1, name="First", discount_percent=5)
    with pytest.raises(IntegrityError), transaction.atomic():
        PriceRule.objects.create(order=1, name="First too", discount_percent=6)
    PriceRule.objects.create(order=1, name="Asleep", discount_percent=6, is_active=False)
    assert PriceRule.objects.count() == 2


# On the pages

HIDDEN = ("4711", "4712", "4713", "4714")  # Prices that somebody else has.


@pytest.fixture
def others_prices(acme, globex, products, add_price, agree, contract):
    add_price("4711", tier=globex.tier, regions=["DE"])
    add_price("4712", account=globex)
    agree(globex, "4713")
    add_price("4714", tier=acme.tier, regions=["FR"])


def test_nobody_else_s_price_is_on_a_page_or_in_its_source(others_prices, quote, admin, signed_in):
    client = signed_in(admin)
    pages = [
        client.get(reverse("commerce:plans")),
        client.get(reverse("commerce:configure")),
        client.get(reverse("commerce:configure"), {"plan": "team", "seats": "60"}),
        client.get(reverse("commerce:quote", args=[quote.public_id])),
        client.get(reverse("commerce:quotes")),
    ]
    for page in pages:
        text = page.content.decode().replace(",", "").replace(".", "")
        assert page.status_code == 200
        assert [price for price in HIDDEN if price in text] == []


@pytest.mark.parametrize(("currency", "amount", "minor"), [("JPY", "1234", 1_234), ("KWD", "12.3455", 12_346)])
def test_a_currency_with_other_decimals_goes_the_whole_way(
    acme, products, admin, currency, amount, minor, now, today, signed_in
):
    book = PriceBook.objects.create(name="Abroad", currency=currency)
    Price.objects.create(book=book, product=products["team"], unit_price=amount, valid_from=LONG_AGO)
    acme.currency = currency
    acme.save()
    make_contract(acme, products, seats=50, start=today)
    quote = create_quote(
        account=acme, actor=admin.membership.actor(), user=admin, configuration=Configuration("team", 51), now=now,
        form_key=uuid.uuid4(),
    )  # fmt: skip
    line = quote.lines.get()
    assert (quote.currency, line.recurring_minor) == (currency, minor)
    assert line.total_minor == money.to_minor(Decimal(amount) * 12, currency)
    order = accept_quote(
        quote=quote, shown_hash=quote.price_hash, consent_name="Ada", ip=None, actor=admin.membership.actor(), now=now
    )
    assert order.invoice.total_minor == quote.total_minor
    shown = amounts.money(money.Money(quote.total_minor, currency))
    page = signed_in(admin).get(reverse("commerce:quote", args=[quote.public_id])).content.decode()
    assert shown in html.unescape(page)
    assert render_pdf(order.invoice).startswith(b"%PDF")
