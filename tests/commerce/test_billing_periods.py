"""Contracts are billed period by period: each day once, in the customer's own time, and changes by whole days."""

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.models import Notification
from commerce.billing.books import books, check_books
from commerce.billing.changes import changed_contracts, settle_due
from commerce.billing.periods import bill_due, due_contracts, next_periods, note_billed_elsewhere
from commerce.configuring.situations import Configuration
from commerce.contracts import amendments, ledger
from commerce.contracts.amendments import Decision
from commerce.contracts.contracts import ledger_of, owned_on
from commerce.contracts.ledger import Entry
from commerce.models import (
    BalanceEntry,
    BillingPeriod,
    Contract,
    DeltaKind,
    Invoice,
    PeriodClose,
    SubscriptionDelta,
    TaxRate,
)
from commerce.orders import fulfilling
from commerce.pricing.money import to_minor
from commerce.pricing.proration import mid_period_change
from commerce.quotes import quote_lifecycle, staff_quotes
from commerce.quotes.quoting import create_quote
from commerce.quotes.staff_quotes import Terms
from tests.factories import make_account, make_contract, make_staff
from tracking.actor import Actor, ActorKind


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def billed_by(contract: Contract, frequency: str) -> Contract:
    Contract.objects.filter(pk=contract.pk).update(billing_frequency=frequency)
    contract.refresh_from_db()
    return contract


def bills_of(contract: Contract) -> list[tuple[date, int]]:
    invoices = Invoice.objects.filter(account=contract.account, kind="invoice").order_by("pk")
    return [(invoice.issue_date, invoice.subtotal_minor) for invoice in invoices]


def staff(contract: Contract, day: date) -> Decision:
    actor = Actor(user_id=None, account_id=contract.account_id, kind=ActorKind.STAFF)
    contract.refresh_from_db()
    return Decision(actor=actor, now=noon(day), version=contract.version, words="As agreed on the phone.")


def fewer(contract: Contract, seats: int, day: date) -> list[Entry]:
    line = owned_on(ledger_of(contract), day)[0]
    monthly = to_minor(seats * line.unit_price, line.currency)
    return [
        Entry(line.product, DeltaKind.QUANTITY, seats - line.quantity, line.unit_price, monthly - line.monthly_minor)
    ]


@pytest.mark.parametrize(
    ("frequency", "first", "second", "amount"),
    [
        ("month", date(2026, 2, 1), date(2026, 3, 1), 57_000),
        ("quarter", date(2026, 2, 1), date(2026, 5, 1), 171_000),
        ("year", date(2026, 2, 1), None, 684_000),
        ("term", date(2026, 2, 1), None, 684_000),
    ],
)
def test_a_contract_is_billed_on_the_first_day_of_each_period(contract, frequency, first, second, amount):
    billed_by(contract, frequency)
    bill_due(now=noon(first - timedelta(days=1)))
    assert bills_of(contract) == []
    bill_due(now=noon(first))
    assert bills_of(contract) == [(first, amount)]
    bill_due(now=noon(first))
    bill_due(now=noon((second or contract.end_date) - timedelta(days=1)))
    assert bills_of(contract) == [(first, amount)]
    bill_due(now=noon(second or contract.end_date))
    assert len(bills_of(contract)) == (2 if second else 1)


def test_missed_days_are_billed_later_without_a_gap(contract):
    billed_by(contract, "month")
    assert bill_due(now=noon(date(2026, 5, 3))) == 4
    periods = list(BillingPeriod.objects.values_list("start_date", "end_date"))
    assert [start for start, _end in periods] == [date(2026, month, 1) for month in (2, 3, 4, 5)]
    assert [end for _start, end in periods] == [date(2026, month, 1) for month in (3, 4, 5, 6)]


def test_a_period_begins_where_the_customer_is(products, now):
    east = make_account("East Ltd", time_zone="Pacific/Kiritimati")
    west = make_account("West Ltd", time_zone="Pacific/Pago_Pago")
    for account in (east, west):
        billed_by(make_contract(account, products), "month")
    bill_due(now=datetime(2026, 1, 31, 10, 30, tzinfo=UTC))
    assert [invoice.account for invoice in Invoice.objects.all()] == [east]
    bill_due(now=datetime(2026, 2, 1, 11, 30, tzinfo=UTC))
    assert [invoice.account for invoice in Invoice.objects.order_by("pk")] == [east, west]


def test_the_bill_says_what_for_and_its_people_hear_of_it(contract, admin):
    billed_by(contract, "month")
    bill_due(now=noon(date(2026, 2, 1)))
    invoice = Invoice.objects.get()
    line = invoice.lines.get()
    assert (line.quantity, line.unit_price, line.total_minor, line.tax_minor) == (50, Decimal("11.4"), 57_000, 10_830)
    assert line.explanation == "1 Feb 2026 – 28 Feb 2026 at €11.40 a month"
    assert Notification.objects.filter(user=admin, kind="invoice_issued").exists()


def test_the_last_period_takes_what_rounding_left(acme, products):
    contract = billed_by(make_contract(acme, products, seats=1), "month")
    ledger_line = Entry(products["sso"], DeltaKind.NEW, Decimal(1), Decimal("8.333333333333"), 833)  # EUR 100 a year.
    with transaction.atomic():
        ledger.append(
            contract=contract, entries=[ledger_line], effective_date=contract.start_date,
            billing_date=contract.start_date, actor=Actor.system(acme.pk),
        )  # fmt: skip
    bill_due(now=noon(date(2027, 1, 31)))
    parts = [invoice.lines.get(product=products["sso"]).total_minor for invoice in Invoice.objects.order_by("pk")]
    assert parts == [833] * 11 + [837]


def test_a_reduction_at_once_is_credited_to_the_balance_by_whole_days(contract):
    billed_by(contract, "quarter")
    bill_due(now=noon(date(2026, 2, 1)))
    Invoice.objects.update(status="paid", paid_at=noon(date(2026, 2, 3)))
    day = date(2026, 3, 10)
    amendments.reduce(contract=contract, lines=fewer(contract, 40, day), decision=staff(contract, day), at_once=True)
    expected = mid_period_change(
        old_price=Decimal("34.2"), old_quantity=10, new_price=Decimal(0), new_quantity=0,
        remaining_days=(date(2026, 5, 1) - day).days, period_days=89, currency="EUR",
    )  # fmt: skip
    note = Invoice.objects.get(kind="credit_note")
    assert Decimal(note.subtotal_minor) / 100 == expected.credit
    assert BalanceEntry.objects.get().amount_minor == -note.total_minor
    # The next period is billed for what is left, and the credit is used for it.
    settle_due(now=noon(date(2026, 5, 1)))
    bill_due(now=noon(date(2026, 5, 1)))
    latest = Invoice.objects.latest("pk")
    assert latest.subtotal_minor == 136_800
    assert latest.due_minor == latest.total_minor + note.total_minor
    assert [one.sums.difference_minor for one in books(contract.account)] == [0]


def test_an_end_at_once_by_the_staff_credits_the_rest_and_reactivation_charges_it_again(contract):
    billed_by(contract, "month")
    bill_due(now=noon(date(2026, 2, 1)))
    amendments.end_contract(contract=contract, decision=staff(contract, date(2026, 2, 15)), at_once=True)
    assert Invoice.objects.get(kind="credit_note").subtotal_minor == -28_500
    bill_due(now=noon(date(2026, 3, 1)))
    assert BillingPeriod.objects.latest("start_date").outcome == "ended"
    amendments.reactivate(contract=contract, decision=staff(contract, date(2026, 3, 2)))
    assert bills_of(contract)[-1] == (date(2026, 3, 2), to_minor(Decimal(570) * 30 / 31, "EUR"))


@pytest.mark.parametrize("moves", [("DE", "JP"), ("JP", "DE")])
def test_what_was_billed_is_credited_by_the_tax_of_its_bill(contract, moves):
    """Prices are before tax in Germany and have it in them in Japan; the company moves between bill and credit."""
    TaxRate.objects.create(
        country="JP", name="CT", rate=Decimal("0.1"), treatment="inclusive", valid_from=date(2020, 1, 1)
    )
    account = billed_by(contract, "month").account
    account.vat_id = ""
    for country in moves:
        account.billing_country = country
        account.save()
        bill_due(now=noon(date(2026, 2, 1)))
    ledger.append(
        contract=contract, entries=fewer(contract, 0, date(2026, 2, 1)), effective_date=date(2026, 2, 1),
        billing_date=date(2026, 2, 1), actor=Actor.system(account.pk),
    )  # fmt: skip
    settle_due(now=noon(date(2026, 2, 2)))
    bill, note = Invoice.objects.order_by("pk")
    assert (note.subtotal_minor, note.tax_minor) == (-bill.subtotal_minor, -bill.tax_minor)
    assert bill.tax_minor == (108_30 if moves[0] == "DE" else 51_82)


def test_a_customers_end_is_billed_to_its_term(contract, admin):
    billed_by(contract, "month")
    bill_due(now=noon(date(2026, 2, 1)))
    actor = admin.membership.actor()
    amendments.end_contract(
        contract=contract, decision=Decision(actor=actor, now=noon(date(2026, 2, 15))), at_once=True
    )
    bill_due(now=noon(date(2026, 3, 1)))
    assert [amount for _day, amount in bills_of(contract)] == [57_000, 57_000]
    assert not Invoice.objects.filter(kind="credit_note").exists()


def test_a_pause_is_not_billed_from_the_next_period_on(contract):
    billed_by(contract, "month")
    bill_due(now=noon(date(2026, 2, 1)))
    amendments.pause(
        contract=contract, from_date=date(2026, 2, 10), until_date=date(2026, 4, 16),
        decision=staff(contract, date(2026, 2, 10)),
    )  # fmt: skip
    bill_due(now=noon(date(2026, 4, 1)))
    assert list(BillingPeriod.objects.values_list("outcome", flat=True)) == ["billed", "paused", "paused"]
    amendments.resume(contract=contract, decision=staff(contract, date(2026, 4, 16)))
    assert bills_of(contract) == [(date(2026, 2, 1), 57_000), (date(2026, 4, 16), 28_500)]


def test_what_an_order_paid_for_is_not_billed_again(contract, quote, admin, accept, now):
    note_billed_elsewhere(contracts=[contract], until=contract.start_date, now=now)
    order = accept(quote, admin)
    fulfilling.fulfil(order=order, now=now, actor=Actor.system(order.account_id))
    settle_due(now=now)
    bill_due(now=now)
    assert Invoice.objects.count() == 1
    assert not Invoice.objects.filter(kind="credit_note").exists()


def test_a_reduction_of_what_was_prepaid_by_an_order_credits_its_bill(contract, quote, admin, accept, now, today):
    note_billed_elsewhere(contracts=[contract], until=contract.start_date, now=now)
    order = accept(quote, admin)
    fulfilling.fulfil(order=order, now=now, actor=Actor.system(order.account_id))
    settle_due(now=now)
    amendments.reduce(
        contract=contract, lines=fewer(contract, 50, today), decision=staff(contract, today), at_once=True
    )
    note = Invoice.objects.get(kind="credit_note")
    assert note.corrects == order.invoice
    line = order.invoice.lines.get(product__code="business")
    assert abs(-note.subtotal_minor * 6 - line.total_minor) <= 6  # 10 of 60 seats, for the same time.


def test_what_is_billed_by_period_is_quoted_by_the_running_one(contract, admin, accept, now):
    billed_by(contract, "month")
    bill_due(now=now)
    quote = create_quote(
        account=contract.account, actor=admin.membership.actor(), user=admin,
        configuration=Configuration(plan="team", seats=60), now=now, form_key=uuid.uuid4(),
    )  # fmt: skip
    assert quote.subtotal_minor == to_minor(Decimal(114) * 13 / 30, "EUR")  # 18 to 30 November.
    order = accept(quote, admin)
    fulfilling.fulfil(order=order, now=now, actor=Actor.system(order.account_id))
    before = Invoice.objects.count()
    settle_due(now=now)
    bill_due(now=now)
    assert Invoice.objects.count() == before
    bill_due(now=noon(date(2026, 12, 1)))
    assert bills_of(contract)[-1] == (date(2026, 12, 1), 68_400)


def test_what_is_bought_for_a_month_of_a_quarter_costs_that_month(contract, admin, agent, accept, now):
    billed_by(contract, "quarter")
    bill_due(now=now)
    by = {"actor": Actor.staff(agent.pk, contract.account_id), "now": now}
    drafted = staff_quotes.draft(
        account=contract.account, configuration=Configuration(plan="team", seats=60), manual={},
        terms=Terms(term_months=1), user=agent, **by,
    )  # fmt: skip
    presented = quote_lifecycle.present(quote=quote_lifecycle.submit(quote=drafted, **by), **by)
    assert presented.subtotal_minor == to_minor(Decimal(342) * 30 / 92, "EUR")  # 18 November to 17 December.
    order = accept(presented, admin)
    fulfilling.fulfil(order=order, now=now, actor=Actor.system(order.account_id))
    before = Invoice.objects.count()
    settle_due(now=now)
    bill_due(now=noon(date(2027, 1, 31)))
    assert Invoice.objects.count() == before


def test_a_purchase_in_a_last_period_that_the_contract_cuts_short_costs_until_its_end(contract, admin, accept, now):
    Contract.objects.update(start_date=date(2026, 2, 1), end_date=date(2026, 12, 16))
    billed_by(contract, "quarter")
    bill_due(now=now)
    assert bills_of(contract)[-1] == (date(2026, 11, 18), to_minor(Decimal(1710) * 45 / 92, "EUR"))
    quote = create_quote(
        account=contract.account, actor=admin.membership.actor(), user=admin,
        configuration=Configuration(plan="team", seats=60), now=now, form_key=uuid.uuid4(),
    )  # fmt: skip
    assert quote.subtotal_minor == to_minor(Decimal(342) * 28 / 92, "EUR")
    order = accept(quote, admin)
    fulfilling.fulfil(order=order, now=now, actor=Actor.system(order.account_id))
    before = Invoice.objects.count()
    settle_due(now=now)
    bill_due(now=now)
    assert Invoice.objects.count() == before


def test_a_bill_gives_the_days_to_pay_that_the_contract_was_signed_with(contract, admin, agent, accept, now, products):
    by = {"actor": Actor.staff(agent.pk, contract.account_id), "now": now}
    drafted = staff_quotes.draft(
        account=contract.account, configuration=Configuration(plan="team", seats=60), manual={},
        terms=Terms(payment_days=30), user=agent, **by,
    )  # fmt: skip
    order = accept(quote_lifecycle.present(quote=quote_lifecycle.submit(quote=drafted, **by), **by), admin)
    signed = Contract.objects.create(
        account=contract.account, start_date=now.date(), end_date=date(2027, 11, 18), currency="EUR",
        billing_frequency="month",
    )  # fmt: skip
    entry = Entry(products["team"], DeltaKind.NEW, Decimal(10), Decimal(12), 12_000)
    days = {"effective_date": now.date(), "billing_date": now.date()}
    with transaction.atomic():
        ledger.append(contract=signed, entries=[entry], actor=by["actor"], order=order, **days)
    bill_due(now=noon(date(2026, 12, 18)))
    given = [(invoice.due_date - invoice.issue_date).days for invoice in Invoice.objects.filter(order=None)]
    assert sorted(given) == [14, 30]


def test_contracts_from_before_the_portal_are_not_billed_again(contract, now):
    note_billed_elsewhere(contracts=[contract], until=contract.start_date, now=now)
    bill_due(now=now)
    assert not Invoice.objects.exists()
    assert next_periods(contract, until=contract.end_date) == []


def test_without_a_tax_rate_a_period_waits(contract):
    billed_by(contract, "month")
    TaxRate.objects.all().delete()
    assert bill_due(now=noon(date(2026, 2, 1))) == 0
    assert not BillingPeriod.objects.exists()


def test_the_database_refuses_to_bill_a_day_twice(contract):
    billed_by(contract, "month")
    bill_due(now=noon(date(2026, 2, 1)))
    with pytest.raises(IntegrityError), transaction.atomic():
        BillingPeriod.objects.create(
            account=contract.account, contract=contract, kind="period", outcome="nothing",
            start_date=date(2026, 2, 28), end_date=date(2026, 3, 28),
        )  # fmt: skip
    for change in (
        lambda: BillingPeriod.objects.update(end_date=date(2026, 4, 1)),
        lambda: Contract.objects.update(billing_frequency="year"),
        lambda: BillingPeriod.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    assert BillingPeriod.objects.count() == 1


def test_a_closed_month_takes_no_entry_of_the_ledger_or_the_balance(contract, acme):
    PeriodClose.objects.create(legal_entity=settings.LEGAL_ENTITY, month=date(2026, 3, 1))
    line = SubscriptionDelta.objects.get()
    with pytest.raises(IntegrityError, match="the books of 2026-03 are closed"), transaction.atomic():
        SubscriptionDelta.objects.create(
            account=acme, subscription=line.subscription, kind="quantity", quantity=1, unit_price=1, recurring_minor=1,
            currency="EUR", effective_date=date(2026, 3, 2), billing_date=date(2026, 3, 2),
        )  # fmt: skip
    invoice = Invoice.objects.create(
        number="INV-1", legal_entity=settings.LEGAL_ENTITY, account=acme, currency="EUR", subtotal_minor=100,
        tax_minor=0, total_minor=100, bill_to={}, issue_date=date(2026, 4, 1), due_date=date(2026, 4, 1),
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="the books of 2026-03 are closed"), transaction.atomic():
        BalanceEntry.objects.create(
            account=acme, currency="EUR", kind="credit", amount_minor=1, invoice=invoice,
            created_at=noon(date(2026, 3, 31)),
        )  # fmt: skip
    assert SubscriptionDelta.objects.count() == 1
    assert not BalanceEntry.objects.exists()
    # What comes so late is owned from its day, and billed from the first open one.
    with transaction.atomic():
        ledger.append(
            contract=contract,
            entries=[Entry(line.subscription.product, DeltaKind.QUANTITY, Decimal(5), Decimal(1), 5)],
            effective_date=date(2026, 3, 20), billing_date=date(2026, 3, 20), actor=Actor.system(acme.pk),
        )  # fmt: skip
    late = SubscriptionDelta.objects.latest("pk")
    assert (late.effective_date, late.billing_date) == (date(2026, 3, 20), date(2026, 4, 1))


def test_the_nightly_check_names_the_companies_whose_books_do_not_add_up(contract, acme, now, signed_in):
    billed_by(contract, "month")
    bill_due(now=now)
    assert [check.mismatches for check in check_books(now=now)] == [[]]
    BalanceEntry.objects.create(account=acme, currency="EUR", kind="credit", amount_minor=77, created_at=now)
    (check,) = check_books(now=now)
    assert check.mismatches == [["Acme Logistics GmbH", 77]]
    assert not check.adds_up
    client = signed_in(make_staff("finance@vendor.example", "Fay Nance", group="Finance"))
    page = client.get(reverse("admin:commerce_bookscheck_change", args=[check.pk])).content.decode()
    assert "Acme Logistics GmbH: €0.77" in page
    assert "[[" not in page


def test_due_contracts_are_found_in_one_query(contract, acme, products, django_assert_max_num_queries):
    billed_by(contract, "month")
    with django_assert_max_num_queries(2):
        assert [one.pk for one in due_contracts("period", noon(date(2026, 2, 1)))] == [contract.pk]
        assert not changed_contracts().exists()
