"""Quotes: made once, frozen, accepted as shown."""

import threading
import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from commerce.configuring.situations import Configuration, ConfigurationRefused
from commerce.models import (
    Contract,
    Deal,
    Invoice,
    Order,
    Price,
    Quote,
    QuoteStatus,
    Subscription,
    SubscriptionDelta,
)
from commerce.quotes import acceptance, quote_changes, quote_lifecycle, quoting
from tests.factories import make_member
from tracking.models import Event


@pytest.fixture
def create(admin, contract, now):
    def create(configuration, **given):
        defaults = {"account": contract.account, "actor": admin.membership.actor(), "user": admin, "now": now}
        return quoting.create_quote(configuration=configuration, **(defaults | {"form_key": uuid.uuid4()} | given))

    return create


def test_a_quote_freezes_what_was_priced(quote, contract):
    assert (quote.subtotal_minor, quote.tax_minor, quote.total_minor) == (140_936, 26_777, 167_713)
    assert (quote.recurring_before_minor, quote.recurring_after_minor) == (57_000, 114_285)
    assert quote.price_date == date(2026, 11, 18)
    # The 30th day after, through its last second in Berlin.
    assert quote.expires_at == datetime(2026, 12, 18, 23, 0, tzinfo=UTC)
    assert quote.contract_version == contract.version
    lines = [
        (line.product.code, line.change, line.quantity, line.quantity_after, line.total_minor, line.recurring_minor)
        for line in quote.lines.select_related("product")
    ]
    assert lines == [
        ("team", "swap_out", -50, 0, -140_236, -57_000),
        ("business", "swap_in", 60, 60, 280_471, 114_000),
        ("sso", "new", 1, 1, 701, 285),
    ]


def test_a_quote_opens_a_deal_worth_what_a_year_gains(quote, now):
    deal = quote.deal
    # (1,142.85 - 570.00) × 12
    assert (deal.amount_minor, deal.type, deal.stage, deal.source) == (687_420, "expansion", "proposal", "portal")
    event = Event.objects.get(name="quote_created")
    assert (event.object_id, event.occurred_at, event.properties["deal"]) == (
        str(quote.public_id), now, str(deal.public_id),
    )  # fmt: skip


def test_an_add_on_alone_is_a_cross_sell(create):
    assert create(Configuration("team", 50, {"sso": 1})).deal.type == "cross_sell"


def test_the_same_form_sent_twice_makes_one_quote(create, upgrade):
    key = uuid.uuid4()
    assert create(upgrade, form_key=key) == create(upgrade, form_key=key)
    assert (Quote.objects.count(), Deal.objects.count()) == (1, 1)


def test_a_form_changed_after_going_back_makes_another_quote(create, upgrade):
    key = uuid.uuid4()
    first = create(upgrade, form_key=key)
    second = create(Configuration("team", 70), form_key=key)
    assert second.total_minor != first.total_minor


def test_a_refused_configuration_leaves_nothing_behind(create):
    with pytest.raises(ConfigurationRefused):
        create(Configuration("team", 50))
    assert (Quote.objects.count(), Deal.objects.count(), Event.objects.count()) == (0, 0, 0)


def test_a_quote_never_outlives_its_contract(create, upgrade):
    near_the_end = datetime(2027, 1, 20, 10, 0, tzinfo=UTC)
    assert create(upgrade, now=near_the_end).expires_at == datetime(2027, 1, 31, 23, 0, tzinfo=UTC)


# Accepting


def test_accepting_places_an_order_with_its_invoice(quote, admin, accept, now):
    order = accept(quote, admin, po_number=" 4500-17 ")

    quote.refresh_from_db()
    assert (quote.status, quote.accepted_name, quote.accepted_ip) == ("accepted", "Ada Achterberg", "203.0.113.7")
    assert (quote.accepted_at, quote.accepted_by, quote.accepted_hash) == (now, admin, quote.price_hash)
    assert (order.status, order.total_minor, order.po_number) == ("awaiting_payment", 167_713, "4500-17")
    assert [step.status for step in order.steps.all()] == ["awaiting_payment"]
    assert Invoice.objects.get(order=order).total_minor == 167_713
    assert Event.objects.get(name="quote_accepted").properties["order"] == order.number


def test_accepting_twice_gives_the_one_order(quote, admin, accept):
    assert accept(quote, admin) == accept(quote, admin)
    assert (Order.objects.count(), Invoice.objects.count()) == (1, 1)


def test_a_changed_price_book_does_not_change_a_quote(quote, admin, accept):
    Price.objects.update(unit_price=999)
    assert accept(quote, admin).total_minor == 167_713


def refused(quote, admin, accept, error, **given):
    with pytest.raises(error) as refusal:
        accept(quote, admin, **given)
    quote.refresh_from_db()
    assert quote.accepted_at is None
    assert quote.status in (QuoteStatus.PRESENTED, QuoteStatus.EXPIRED, QuoteStatus.WITHDRAWN)
    assert not Invoice.objects.exists()
    return refusal.value


def test_the_last_second_of_the_last_day_counts(quote, admin, accept):
    assert accept(quote, admin, now=quote.expires_at - timedelta(seconds=1))


def test_an_expired_quote_is_refused(quote, admin, accept):
    refused(quote, admin, accept, quote_lifecycle.QuoteExpired, now=quote.expires_at)
    assert quote_lifecycle.expire_due(quote.expires_at) == 1
    refused(quote, admin, accept, quote_lifecycle.QuoteExpired)


def test_a_withdrawn_quote_is_refused(quote, admin, accept):
    Quote.objects.update(status=QuoteStatus.WITHDRAWN)
    refused(quote, admin, accept, quote_lifecycle.QuoteClosed)


def test_another_price_than_shown_is_refused(quote, admin, accept):
    refused(quote, admin, accept, acceptance.QuoteChanged, shown_hash="0" * 64)


def test_a_contract_amended_meanwhile_is_refused(quote, admin, accept):
    Contract.objects.update(version=2)
    refused(quote, admin, accept, quote_lifecycle.ContractChanged)


def test_a_contract_that_ended_meanwhile_is_refused(quote, admin, accept):
    Contract.objects.update(status="ended")
    refused(quote, admin, accept, quote_lifecycle.ContractChanged)


def test_nobody_accepts_without_a_name(quote, admin, accept):
    refused(quote, admin, accept, acceptance.ConsentMissing, consent_name="  ")


def test_a_second_order_waits_for_the_first(quote, admin, accept, create):
    first = accept(quote, admin)
    second = create(Configuration("team", 70))
    with pytest.raises(acceptance.OrderPending) as refusal:
        accept(second, admin)
    assert refusal.value.order == first
    assert Order.objects.count() == 1


def test_nothing_to_pay_is_fulfilled_at_once(create, admin, accept, acme, products, as_customer):
    Price.objects.for_account(acme).filter(product=products["audit_log"]).update(unit_price=0)
    free = create(Configuration("team", 50, {"audit_log": 1}))
    with as_customer(admin.membership):  # Also with no more rights than a customer's request has.
        order = accept(free, admin)
    order.refresh_from_db()
    assert (order.status, order.total_minor) == ("active", 0)
    assert not Invoice.objects.exists()
    assert acme.entitlement_rows.filter(code="audit_log").exists()


# Refreshing


def refresh(quote, admin, now):
    return quoting.refresh_quote(quote=quote, actor=admin.membership.actor(), user=admin, now=now)


def test_an_expired_quote_is_refreshed_at_todays_price(quote, admin, products, acme):
    Price.objects.for_account(acme).filter(product=products["business"]).update(unit_price=20)
    later = quote.expires_at + timedelta(hours=1)  # 19 December: 1 month and 13 days are left.

    fresh = refresh(quote, admin, later)

    quote.refresh_from_db()
    assert quote.status == "expired"
    assert (fresh.deal, fresh.status, fresh.price_date) == (quote.deal, "presented", date(2026, 12, 19))
    # 1 + 13 ÷ (365 ÷ 12) = 1.427397260: 60 × 20 × it = 1,712.8767; 50 × 11.40 × it = 813.6164; 2.85 × it = 4.0681.
    assert fresh.subtotal_minor == 171_288 - 81_362 + 407
    changed = {row.label: (row.before, row.after) for row in quote_changes.differences(quote, fresh)}
    assert changed["Business"] == ("€2,804.71 (60 at €19.00)", "€1,712.88 (60 at €20.00)")
    assert changed["Credit for Team"] == ("-€1,402.36 (50 at €11.40)", "-€813.62 (50 at €11.40)")
    assert changed["Each month afterwards, before tax"] == ("€1,142.85", "€1,202.85")
    assert (fresh.serial, fresh.version, fresh.number) == (quote.serial, 2, f"{quote.number} v2")
    fresh.deal.refresh_from_db()
    assert fresh.deal.amount_minor == (120_285 - 57_000) * 12


def test_refreshing_twice_gives_the_one_new_quote(quote, admin):
    later = quote.expires_at
    assert refresh(quote, admin, later) == refresh(quote, admin, later)
    assert Quote.objects.count() == 2


def test_a_quote_that_stands_is_not_refreshed(quote, admin, now):
    assert refresh(quote, admin, now) == quote


def test_a_quote_for_an_amended_contract_is_replaced(quote, admin, now):
    Contract.objects.update(version=2)
    fresh = refresh(quote, admin, now)
    quote.refresh_from_db()
    assert (quote.status, fresh.contract_version) == ("superseded", 2)


def test_an_ordered_quote_is_not_refreshed(quote, admin, accept, now):
    accept(quote, admin)
    with pytest.raises(quote_lifecycle.QuoteClosed):
        refresh(quote, admin, now)


# What the database refuses, whatever code tries


def statement_refused(sql, match):
    with pytest.raises(IntegrityError, match=match), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize(
    "change", ["total_minor = total_minor + 1, subtotal_minor = subtotal_minor + 1", "price_hash = ''",
               "expires_at = now()", "recurring_after_minor = 1", "configuration = '{}'"],
)  # fmt: skip
def test_the_figures_of_a_quote_are_frozen(quote, change):
    statement_refused(f"UPDATE commerce_quote SET {change}", "is frozen")


@pytest.mark.parametrize("status", ["accepted", "ordered"])
def test_a_quote_is_not_accepted_without_a_record(quote, status):
    statement_refused(f"UPDATE commerce_quote SET status = '{status}'", "cannot go from presented")


def test_an_accepted_quote_does_not_go_back(quote, admin, accept):
    accept(quote, admin)
    for status in ("presented", "viewed", "expired", "withdrawn", "superseded"):
        statement_refused(f"UPDATE commerce_quote SET status = '{status}'", f"from accepted to {status}")
    statement_refused("UPDATE commerce_quote SET accepted_name = 'Somebody Else'", "acceptance")


def test_quotes_and_their_lines_are_kept(quote):
    statement_refused("DELETE FROM commerce_quote", "is kept|violates foreign key")
    statement_refused("DELETE FROM commerce_quoteline", "never changed")
    statement_refused("UPDATE commerce_quoteline SET total_minor = 0", "never changed")


def test_the_ledger_is_appended_to(contract):
    statement_refused("UPDATE commerce_subscriptiondelta SET quantity = 500", "never changed")
    statement_refused("DELETE FROM commerce_subscriptiondelta", "never changed")


# At once


@pytest.mark.django_db(transaction=True)
def test_two_tabs_accepting_at_once_make_one_order(quote, admin, accept):
    other = make_member(quote.account, "buyer@acme.example", "Bea Cole", roles=["buyer"])
    numbers, barrier = [], threading.Barrier(2)

    def click(user):
        try:
            barrier.wait()
            numbers.append(accept(Quote.objects.get(pk=quote.pk), user).number)
        finally:
            connection.close()

    threads = [threading.Thread(target=click, args=[user]) for user in (admin, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert numbers == [Order.objects.get().number] * 2
    assert Invoice.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_quotes_accepted_at_once_leave_one_order(quote, admin, accept, create):
    second = create(Configuration("team", 70))
    results, barrier = [], threading.Barrier(2)

    def click(chosen):
        try:
            barrier.wait()
            results.append(accept(Quote.objects.get(pk=chosen.pk), admin))
        except acceptance.OrderPending as refusal:
            results.append(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=click, args=[chosen]) for chosen in (quote, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(type(result).__name__ for result in results) == ["Order", "OrderPending"]
    assert Order.objects.count() == 1
    assert SubscriptionDelta.objects.count() == Subscription.objects.count() == 1
