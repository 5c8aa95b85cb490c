"""What was shown is what is accepted, whatever changes meanwhile; and what can't be accepted any more says why."""

import threading
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.urls import reverse

from accounts.models import Tier
from commerce.models import Contract, Order, Price, PriceBook, PriceRule, Quote
from commerce.quotes import acceptance, quote_lifecycle, staff_quotes
from tests.factories import make_member, make_staff
from tests.racing import race
from tracking.actor import Actor

SHOWN = 167_713


@pytest.fixture
def by(contract):
    seller = make_staff("sales@vendor.example", "Sal Moreno", group="Sales")
    return {"user": seller, "actor": Actor.staff(seller.pk, contract.account_id)}


def price_changed(quote):
    Price.objects.update(unit_price=999)


def book_closed(quote):
    Price.objects.update(valid_until=quote.price_date)
    PriceBook.objects.update(valid_until=quote.price_date)


def tier_changed(quote):
    tier, _made = Tier.objects.get_or_create(code="essential", defaults={"name": "Essential", "rank": 0})
    quote.account.tier = tier
    quote.account.save(update_fields=["tier"])


def rule_added(quote):
    PriceRule.objects.create(order=1, name="Half of everything", discount_percent=50)


def currency_switched(quote):
    quote.account.currency = "USD"
    quote.account.save(update_fields=["currency"])


@pytest.mark.parametrize("change", [price_changed, book_closed, tier_changed, rule_added, currency_switched])
def test_the_accepted_total_is_the_shown_total_whatever_the_prices_are_by_then(quote, admin, accept, change):
    change(quote)
    order = accept(quote, admin)
    assert order.total_minor == order.invoice.total_minor == quote.total_minor == SHOWN


def test_a_contract_amended_meanwhile_says_so_and_is_refreshed(quote, admin, accept, signed_in, time_machine_now):
    Contract.objects.update(version=2)
    client = signed_in(admin)
    data = {"shown_hash": quote.price_hash, "name": "Ada Achterberg", "consent": "on"}
    page = client.post(reverse("commerce:accept-quote", args=[quote.public_id]), data, follow=True).content.decode()
    assert "Your contract has changed since" in page
    assert "Refresh at today" in page
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("clock", "accepted"),
    [("23:59:59", True), ("00:00:00", False)],
)
def test_the_last_day_ends_at_midnight_where_the_company_is(quote, admin, accept, clock, accepted):
    day = date(2026, 12, 18) if accepted else date(2026, 12, 19)
    moment = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo("Europe/Berlin"))
    if accepted:
        assert accept(quote, admin, now=moment).total_minor == SHOWN
    else:
        with pytest.raises(quote_lifecycle.QuoteExpired, match=r"has expired\. Refresh it"):
            accept(quote, admin, now=moment)
        assert not Order.objects.exists()


def test_a_promise_of_another_day_ends_that_day(quote, admin, accept, by, now):
    longer = staff_quotes.extend(quote=quote, valid_until=date(2026, 12, 31), now=now, **by)
    berlin = ZoneInfo("Europe/Berlin")
    with pytest.raises(quote_lifecycle.QuoteExpired):
        accept(longer, admin, now=datetime(2027, 1, 1, tzinfo=berlin))
    assert accept(longer, admin, now=datetime(2026, 12, 31, 23, 59, 59, tzinfo=berlin)).total_minor == SHOWN


def test_an_older_page_does_not_accept_a_newer_version(quote, admin, accept, by, now):
    """Somebody has version 1 open while our people present version 2 at another price."""
    Price.objects.filter(product__code="business").update(unit_price=18)
    fresh = staff_quotes.extend(quote=quote, valid_until=date(2026, 12, 31), now=now, **by)
    with pytest.raises(acceptance.QuoteClosed, match="newer one has taken its place"):
        accept(quote, admin)
    with pytest.raises(acceptance.QuoteChanged, match="not what you saw"):
        accept(fresh, admin, shown_hash=quote.price_hash)
    assert not Order.objects.exists()
    assert accept(fresh, admin).total_minor == fresh.total_minor != SHOWN


@pytest.mark.django_db(transaction=True)
def test_one_accepts_while_another_revises_and_one_of_them_is_told(quote, admin, accept, by, now):
    results, barrier = {}, threading.Barrier(2)

    def run(name, act):
        try:
            barrier.wait()
            results[name] = act()
        except quote_lifecycle.QuoteRefused as refusal:
            results[name] = str(refusal)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=run, args=("accepted", lambda: accept(Quote.objects.get(pk=quote.pk), admin))),
        threading.Thread(
            target=run,
            args=("revised", lambda: staff_quotes.revise(quote=Quote.objects.get(pk=quote.pk), now=now, **by)),
        ),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    order = Order.objects.first()
    quote.refresh_from_db()
    if order is not None:
        assert (order.total_minor, quote.status) == (SHOWN, "accepted")
        assert "cannot be revised" in results["revised"]
        assert Quote.objects.count() == 1
    else:
        assert quote.status == "superseded"
        assert "newer one has taken its place" in results["accepted"]
        assert Quote.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_buyers_who_accept_at_once_place_one_order(quote, admin, acme, accept, as_customer):
    buyer = make_member(acme, "buyer@acme.example", "Bea Lund", roles=["buyer"])

    def accepted_by(user):
        def accept_it():
            with as_customer(user.membership):
                return accept(Quote.objects.get(pk=quote.pk), user)

        return accept_it

    first, second = race(accepted_by(admin), accepted_by(buyer))
    assert first == second == Order.objects.get()
    assert (first.total_minor, first.invoice.total_minor) == (quote.total_minor, quote.total_minor)
    quote.refresh_from_db()
    assert quote.accepted_by == first.placed_by in (admin, buyer)
