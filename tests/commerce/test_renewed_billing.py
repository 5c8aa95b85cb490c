"""Contracts billed by period, or by use, across their renewal: no day twice, and none left out."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from django.db import transaction

from accounts.models import Entitlement
from commerce.billing.books import books
from commerce.billing.changes import settle_due
from commerce.billing.forecast import next_invoices
from commerce.billing.periods import bill_due
from commerce.billing.usage_bills import bill_usage_due
from commerce.contracts import ledger
from commerce.contracts.ledger import Entry
from commerce.models import (
    BillingPeriod,
    Contract,
    DeltaKind,
    Invoice,
    InvoiceLine,
    Price,
    PriceBook,
    Product,
    Renewal,
    RenewalTerms,
    UsageCharge,
)
from commerce.pricing.money import to_minor
from commerce.pricing.proration import add_months
from commerce.quotes.acceptance import accept_quote
from commerce.renewals import running
from tests.factories import make_account
from tracking.actor import Actor
from tracking.models import Meter, UsageDaily

PRICE = Decimal("11.4")
START = date(2026, 2, 1)  # Of the contract of conftest: Team with 50 seats.
T = date(2027, 2, 1)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def signed(account, products, start: date, frequency: str, *, months: int = 12) -> Contract:
    """Seven seats of Team; no price book is needed, as the renewal keeps the price."""
    contract = Contract.objects.create(
        account=account, start_date=start, end_date=add_months(start, months), currency=account.currency,
        term_months=months, billing_frequency=frequency,
    )  # fmt: skip
    append(contract, products["team"], DeltaKind.NEW, 7, start)
    return contract


def append(contract, product, kind, quantity, day: date, price: Decimal = PRICE) -> None:
    monthly = to_minor(quantity * price, contract.currency)
    with transaction.atomic():
        ledger.append(
            contract=contract, entries=[Entry(product, kind, Decimal(quantity), price, monthly)], effective_date=day,
            billing_date=day, actor=Actor.system(contract.account_id),
        )  # fmt: skip


def run(now: datetime) -> None:
    """All that the hourly jobs do."""
    running.run_due(now=now)
    bill_due(now=now)
    settle_due(now=now)
    bill_usage_due(now=now)


def run_until(last: date, *, since: date, step: int = 25) -> None:
    """Some days are missed, and the last one is run twice."""
    day = since
    while day < last:
        run(noon(day))
        day += timedelta(days=step)
    run(noon(last))
    before = Invoice.objects.count()
    run(noon(last))
    assert Invoice.objects.count() == before


def successor_of(contract: Contract) -> Contract:
    return Renewal.objects.select_related("successor").get(contract=contract).successor


def spans(contract: Contract, kind: str = "period") -> list[tuple[date, date]]:
    rows = BillingPeriod.objects.filter(contract=contract, kind=kind).order_by("start_date")
    return list(rows.values_list("start_date", "end_date"))


@pytest.mark.parametrize(
    ("start", "zone", "currency", "frequency"),
    [
        (date(2026, 1, 31), "Pacific/Kiritimati", "JPY", "month"),
        (date(2028, 2, 29), "Pacific/Pago_Pago", "KWD", "month"),
        (date(2026, 3, 17), "America/St_Johns", "EUR", "month"),
        (date(2026, 8, 31), "Pacific/Pago_Pago", "JPY", "quarter"),
        (date(2026, 1, 31), "Pacific/Kiritimati", "KWD", "year"),
        (date(2028, 2, 29), "Europe/Berlin", "EUR", "term"),
    ],
)
def test_two_terms_are_billed_without_a_gap_and_nothing_twice(products, start, zone, currency, frequency):
    account = make_account("Ends Ltd", time_zone=zone, currency=currency)
    contract = signed(account, products, start, frequency)
    end = add_months(contract.end_date, 12)
    run_until(end + timedelta(days=2), since=start, step=50)
    successor = successor_of(contract)
    assert successor.billing_frequency == frequency
    assert (successor.start_date, successor.end_date) == (contract.end_date, end)
    kind = "term" if frequency == "term" else "period"
    found = spans(contract, kind) + spans(successor, kind)
    assert (found[0][0], found[-1][1]) == (start, end)
    assert all(one[1] == following[0] for one, following in pairwise(found))
    assert len(found) == {"month": 24, "quarter": 8, "year": 2, "term": 2}[frequency]
    billed = sum(InvoiceLine.objects.filter(account=account).values_list("total_minor", flat=True))
    # The third term has begun: what it is billed for its first period is not of these two.
    third = {"month": 1, "quarter": 3}.get(frequency, 12)
    assert abs(billed - to_minor(7 * PRICE * (24 + third), currency)) <= 1
    assert not Invoice.objects.filter(kind="credit_note").exists()
    assert [one.sums.difference_minor for one in books(account)] == [0]


def test_the_offer_and_its_bill_are_for_the_first_period(contract, admin):
    Contract.objects.update(billing_frequency="quarter")
    run(noon(T - timedelta(days=100)))
    renewal = Renewal.objects.select_related("quote").get()
    assert renewal.quote.subtotal_minor == 171_000
    assert renewal.quote.commitment_minor() == to_minor(Decimal(570) * 12 * Decimal("1.19"), "EUR")
    accept_quote(
        quote=renewal.quote, shown_hash=renewal.quote.price_hash, consent_name="Ada", ip=None,
        actor=admin.membership.actor(), now=noon(T - timedelta(days=90)),
    )  # fmt: skip
    run_until(T + timedelta(days=95), since=T - timedelta(days=90))
    successor = successor_of(contract)
    outcomes = BillingPeriod.objects.filter(contract=successor).values_list("start_date", "outcome")
    assert list(outcomes) == [(T, "ordered"), (date(2027, 5, 1), "billed")]
    of_term = Invoice.objects.filter(due_date__gte=T)
    assert sorted(of_term.values_list("subtotal_minor", flat=True)) == [171_000, 171_000]


def test_what_came_after_the_acceptance_is_billed_once_with_the_new_term(contract, admin):
    Contract.objects.update(billing_frequency="quarter")
    run(noon(T - timedelta(days=100)))
    quote = Renewal.objects.get().quote
    accept_quote(
        quote=quote, shown_hash=quote.price_hash, consent_name="Ada", ip=None, actor=admin.membership.actor(),
        now=noon(T - timedelta(days=90)),
    )  # fmt: skip
    append(contract, Product.objects.get(code="team"), DeltaKind.QUANTITY, 10, T - timedelta(days=20))
    run_until(T + timedelta(days=95), since=T - timedelta(days=20))
    lines = InvoiceLine.objects.filter(invoice__issue_date__gte=T).order_by("pk")
    assert list(lines.values_list("total_minor", flat=True)) == [34_200, 205_200]  # Ten more now; then all sixty.


def test_a_term_renewed_in_grace_is_billed_from_its_first_day(contract, admin):
    Contract.objects.update(billing_frequency="month", auto_renew=False)
    run_until(T + timedelta(days=5), since=T - timedelta(days=100))
    quote = Renewal.objects.get().quote
    accept_quote(
        quote=quote, shown_hash=quote.price_hash, consent_name="Ada", ip=None, actor=admin.membership.actor(),
        now=noon(T + timedelta(days=6)),
    )  # fmt: skip
    run_until(T + timedelta(days=40), since=T + timedelta(days=6))
    assert spans(contract)[-1][1] == T == spans(successor_of(contract))[0][0]
    of_term = Invoice.objects.filter(issue_date__gte=T)
    assert list(of_term.order_by("pk").values_list("subtotal_minor", flat=True)) == [57_000, 57_000]


def test_a_term_that_nobody_renewed_is_billed_to_its_end_and_then_its_grace(contract):
    Contract.objects.update(billing_frequency="quarter", auto_renew=False)
    run_until(T + timedelta(days=60), since=T - timedelta(days=100))
    assert spans(contract)[-1][1] == T
    grace = Invoice.objects.get(issue_date__gte=T)
    assert grace.subtotal_minor == to_minor(Decimal(570) * 12 * 15 / 365, "EUR")


# Use


@pytest.fixture
def metered(contract, acme):
    """A cent for each unit above the limit of a month; the contract is renewed in the middle of one."""

    def metered(*, meter: str = "api_calls", **figures) -> Contract:
        Contract.objects.update(start_date=date(2026, 2, 15), end_date=date(2027, 2, 15))
        Entitlement.objects.update(end_date=date(2027, 2, 15))
        contract.refresh_from_db()
        product = Product.objects.create(
            code="by_use", name="By use", kind="usage", billing="period", meter=meter, summary="By use."
        )
        Price.objects.create(
            book=PriceBook.objects.get(pk=contract.price_book_id), product=product, method="usage", figures=figures,
            unit_price=Decimal("0.01"), price_months=1, valid_from=date(2024, 1, 1),
        )  # fmt: skip
        append(contract, product, DeltaKind.NEW, 1, date(2026, 11, 1), Decimal(0))
        return contract

    return metered


def used(account, quantity, day: date, meter: Meter = Meter.API_CALLS) -> None:
    UsageDaily.objects.create(account_id=account.pk, meter=meter, date=day, quantity=quantity)


def charges() -> list[tuple[date, int]]:
    return list(UsageCharge.objects.order_by("start_date").values_list("start_date", "amount_minor"))


def test_a_month_in_which_a_contract_is_renewed_is_one_month_of_use(metered, acme):
    contract = metered()
    used(acme, 60_000, date(2027, 2, 3))
    used(acme, 30_000, date(2027, 2, 20))
    used(acme, 51_000, date(2027, 3, 20))
    run_until(date(2027, 4, 5), since=date(2026, 10, 20))
    # 90,000 in February, of which 50,000 are free once: 10,000 above it by the 14th, and 30,000 after.
    assert charges()[-3:] == [(date(2027, 2, 1), 10_000), (date(2027, 2, 15), 30_000), (date(2027, 3, 1), 1_000)]
    assert spans(contract, "usage")[-1] == (date(2027, 2, 1), date(2027, 2, 15))
    assert spans(successor_of(contract), "usage")[0] == (date(2027, 2, 15), date(2027, 3, 1))
    line = InvoiceLine.objects.get(usage_charges__start_date=date(2027, 2, 15))
    assert "90,000 API calls, of which 50,000 are included: 40,000 at €0.01 each" in line.explanation
    assert "of which €100.00 was billed with the term before" in line.explanation


def test_a_level_is_billed_once_for_the_month_of_the_renewal(metered, acme):
    metered(meter="storage_gb")
    used(acme, 100_250, date(2027, 2, 3), Meter.STORAGE_GB)
    used(acme, 100_250, date(2027, 2, 20), Meter.STORAGE_GB)
    run_until(date(2027, 3, 5), since=date(2026, 10, 20))
    first, second = charges()[-2:]
    assert first[1] > 0
    assert second[1] == 0


@pytest.mark.parametrize(("method", "amount"), [("same", 1_000), ("uplift", 1_100), ("list", 3_000)])
def test_use_keeps_its_price_rises_or_takes_todays_as_the_renewal_says(metered, acme, method, amount):
    contract = metered()
    RenewalTerms.objects.create(account=acme, method=method, uplift_percent=10 if method == "uplift" else 0)
    Price.objects.filter(product__code="by_use").update(valid_until=date(2026, 12, 1))
    Price.objects.create(
        book_id=contract.price_book_id, product=Product.objects.get(code="by_use"), method="usage",
        unit_price=Decimal("0.03"), price_months=1, valid_from=date(2026, 12, 1),
    )  # fmt: skip
    used(acme, 51_000, date(2027, 1, 20))
    used(acme, 51_000, date(2027, 3, 20))
    run_until(date(2027, 4, 5), since=date(2026, 10, 20))
    found = dict(charges())
    assert (found[date(2027, 1, 1)], found[date(2027, 3, 1)]) == (1_000, amount)


def test_a_minimum_does_not_run_while_the_product_is_not_had(metered, acme):
    contract = metered(commitment="31")
    append(contract, Product.objects.get(code="by_use"), DeltaKind.PAUSE, -1, date(2027, 1, 11), Decimal(0))
    append(contract, Product.objects.get(code="by_use"), DeltaKind.RESUME, 1, date(2027, 1, 21), Decimal(0))
    run_until(date(2027, 2, 5), since=date(2026, 10, 20))
    assert dict(charges())[date(2027, 1, 1)] == 2_100


# What is said before


@pytest.mark.parametrize(("frequency", "amount"), [("month", 7_980), ("quarter", 23_940), ("term", 95_760)])
def test_the_forecast_of_the_last_period_is_the_first_bill_of_the_new_term(acme, products, frequency, amount):
    contract = signed(acme, products, START, frequency)
    run(noon(T - timedelta(days=121)))
    run(noon(T - timedelta(days=119)))
    (forecast,) = next_invoices(acme, T - timedelta(days=20))
    assert (forecast.date, [line.amount_minor for line in forecast.lines]) == (T, [amount])
    assert "as offered: 7 at €11.40 a month" in forecast.lines[0].words
    run(noon(T - timedelta(days=1)))
    run(noon(T))
    assert Contract.objects.get(pk=contract.pk).status == "renewed"
    bill = Invoice.objects.filter(account=acme, issue_date=T).get()
    assert bill.subtotal_minor == amount


def test_before_there_is_an_offer_the_new_term_is_expected_as_it_is_today(acme, products):
    contract = signed(acme, products, START, "year")
    (forecast,) = next_invoices(acme, START + timedelta(days=20))
    assert (forecast.date, [line.amount_minor for line in forecast.lines]) == (T, [95_760])
    assert "if it is renewed as it is today" in forecast.lines[0].words
    Contract.objects.filter(pk=contract.pk).update(auto_renew=False)
    assert next_invoices(acme, START + timedelta(days=20)) == []
