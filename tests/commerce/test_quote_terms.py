"""Quotes with a term of their own: from when what is quoted holds, and for how long."""

import io
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from pypdf import PdfReader

from accounts.models import Entitlement
from commerce.billing import settling
from commerce.configuring.situations import Configuration, TermRefused
from commerce.contracts import ledger
from commerce.contracts.contracts import ledger_of, owned_on
from commerce.deal_desk import deal_desk
from commerce.models import BillingRule, Product
from commerce.pricing.proration import Period, ProrationMode, prorate_multiplier
from commerce.quotes import quote_changes, quote_documents, quote_lifecycle, staff_quotes
from commerce.quotes.quoting import PriceIsPersonal, refresh_quote
from commerce.quotes.staff_quotes import Terms
from tests.factories import make_staff
from tracking.actor import Actor

DECEMBER, JANUARY, FEBRUARY = date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1)
SEATS = Configuration("team", 60)


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026; Acme's contract runs through 31 January 2027."""


@pytest.fixture
def seller(db):
    return make_staff("sales@vendor.example", "Sal Moreno", group="Sales")


@pytest.fixture
def by(seller, contract):
    return {"user": seller, "actor": Actor.staff(seller.pk, contract.account_id)}


@pytest.fixture
def draft(contract, by, now):
    def draft(configuration=SEATS, **terms):
        return staff_quotes.draft(
            account=contract.account, configuration=configuration, manual={}, terms=Terms(**terms), now=now, **by
        )

    return draft


@pytest.fixture
def offer(draft, by, now):
    def offer(*given, **terms):
        made = quote_lifecycle.submit(quote=draft(*given, **terms), actor=by["actor"], now=now)
        return quote_lifecycle.present(quote=made, actor=by["actor"], now=now)

    return offer


def owned(contract, day):
    return {line.product.code: int(line.quantity) for line in owned_on(ledger_of(contract), day)}


def seats(acme, day):
    return [int(row.quantity) for row in Entitlement.objects.for_account(acme).on(day).filter(code="seats")]


# The price


@pytest.mark.parametrize(
    ("terms", "months"),
    [
        ({}, None),
        ({"start_date": DECEMBER}, 2),
        ({"start_date": DECEMBER, "term_months": 1}, 1),
        ({"start_date": DECEMBER, "term_months": 2}, 2),
        ({"term_months": 1}, 1),
    ],
)
def test_what_is_quoted_costs_its_own_time(draft, contract, terms, months):
    line = draft(**terms).lines.get()
    if months is None:
        rest = Period(date(2026, 11, 18), contract.end_date)
        assert line.total_minor < prorate_multiplier(rest, mode=ProrationMode.MONTH, default_term_months=1) * 10 * 1140
    else:
        assert line.total_minor == months * 10 * 11_40


@pytest.mark.parametrize(
    ("terms", "field", "words"),
    [
        ({"start_date": date(2026, 11, 17)}, "start_date", "today at the earliest"),
        ({"start_date": FEBRUARY}, "start_date", "while the contract runs"),
        ({"start_date": DECEMBER, "term_months": 3}, "term_months", "that is 2 whole months"),
        ({"start_date": JANUARY, "term_months": 2}, "term_months", "that is 1 whole month."),
    ],
)
def test_a_term_lies_within_the_contract(draft, terms, field, words):
    with pytest.raises(TermRefused, match=words) as refused:
        draft(**terms)
    assert refused.value.field == field


def test_another_plan_stays_until_the_contract_ends(draft):
    with pytest.raises(TermRefused, match="Another plan"):
        draft(Configuration("business", 60), term_months=1)
    assert draft(Configuration("business", 60), start_date=DECEMBER).lines.count() == 2


def test_it_can_be_accepted_through_the_day_on_which_it_starts(offer, now):
    made = offer(start_date=DECEMBER)
    assert made.expires_at.astimezone(now.tzinfo) == quote_lifecycle.end_of(made.account, DECEMBER)
    assert not made.is_expired(made.expires_at - timedelta(seconds=1))
    assert made.is_expired(made.expires_at)


def test_the_deal_desk_asks_for_its_own_months(draft):
    assert deal_desk.facts_of(draft(term_months=2))["term_months"] == 2
    assert deal_desk.facts_of(draft())["term_months"] == 12


def test_what_is_owed_until_the_end_counts_its_own_months(draft):
    Product.objects.filter(code="sso").update(billing=BillingRule.PERIOD)
    with_sso = Configuration("team", 50, {"sso": 1})
    short, long = draft(with_sso, start_date=DECEMBER, term_months=1), draft(with_sso, start_date=DECEMBER)
    assert short.total_minor == long.total_minor
    assert short.commitment_minor() < long.commitment_minor()


# From the order on


def test_it_is_owned_from_its_start_until_its_end(offer, accept, admin, acme, contract, now, seller):
    order = accept(offer(start_date=DECEMBER, term_months=1), admin)
    settling.record_bank_transfer(order=order, actor=Actor.staff(seller.pk), now=now)
    days = [date(2026, 11, 30), DECEMBER, date(2026, 12, 31), JANUARY]
    assert [owned(contract, day)["team"] for day in days] == [50, 60, 60, 50]
    assert [seats(acme, day) for day in days] == [[50], [60], [60], [50]]
    kinds = [(delta.kind, delta.effective_date) for delta in ledger_of(contract)][1:]
    assert kinds == [("quantity", DECEMBER), ("cancel", JANUARY)]


def test_paid_after_its_start_it_is_owned_from_then_on(offer, accept, admin, contract, now, seller):
    order = accept(offer(start_date=DECEMBER), admin)
    settling.record_bank_transfer(order=order, actor=Actor.staff(seller.pk), now=now + timedelta(days=20))
    assert [owned(contract, day)["team"] for day in (date(2026, 12, 7), date(2026, 12, 8))] == [50, 60]


def test_what_is_added_meanwhile_keeps_what_is_to_come(offer, accept, admin, acme, contract, now, seller):
    order = accept(offer(start_date=DECEMBER, term_months=1), admin)
    settling.record_bank_transfer(order=order, actor=Actor.staff(seller.pk), now=now)
    (delta, *_rest) = ledger_of(contract)
    product = delta.subscription.product
    entry = ledger.Entry(product, "quantity", Decimal(5), Decimal("11.4"), 5_700)
    ledger.append(
        contract=contract, entries=[entry], effective_date=date(2026, 11, 20), billing_date=date(2026, 11, 20),
        actor=Actor.staff(seller.pk),
    )  # fmt: skip
    days = [date(2026, 11, 19), date(2026, 11, 20), DECEMBER, JANUARY]
    assert [seats(acme, day) for day in days] == [[50], [55], [65], [55]]


# Versions


def test_a_version_says_what_of_the_term_changed_and_who_renews_it(offer, by, admin, now):
    first = offer(start_date=DECEMBER)
    second = staff_quotes.revise(quote=first, now=now, **by)
    assert second.start_date == DECEMBER
    staff_quotes.change(
        quote=second, configuration=SEATS, manual={}, terms=Terms(start_date=JANUARY, term_months=1),
        actor=by["actor"], now=now,
    )  # fmt: skip
    second.refresh_from_db()
    changed = {row.label: (row.before, row.after) for row in quote_changes.differences(first, second)}
    assert changed["Starts on"] == ("1 Dec 2026", "1 Jan 2027")
    assert changed["Months"] == ("until the contract ends", "1")
    late = now + timedelta(days=14)
    third = offer(start_date=DECEMBER)
    with pytest.raises(PriceIsPersonal):
        refresh_quote(quote=third, actor=admin.membership.actor(), user=admin, now=late)
    assert staff_quotes.revise(quote=third, now=late, **by).start_date is None  # It starts at once.


def test_the_customer_reads_the_term_on_the_page_and_the_document(offer, admin, signed_in):
    made = offer(start_date=DECEMBER, term_months=1)
    page = signed_in(admin).get(reverse("commerce:quote", args=[made.public_id])).content.decode()
    assert "1 Dec 2026 through 31 Dec 2026" in page
    pdf = PdfReader(io.BytesIO(quote_documents.bytes_of(made)))
    text = "".join(one.extract_text() for one in pdf.pages)
    assert "1 December 2026 – 31 December 2026" in text


def test_the_editor_takes_a_term_and_says_what_is_wrong_with_one(contract, seller, signed_in):
    client = signed_in(seller)
    url = f"{reverse('admin:commerce_quote_add')}?account={contract.account_id}"
    data = {"plan": "team", "seats": "60", "payment_days": "14", "sso": "0", "audit_log": "0", "onboarding": "0"}
    refused = client.post(url, data | {"start_date": "2026-12-01", "term_months": "9"})
    assert refused.status_code == 422
    assert "that is 2 whole months" in refused.content.decode()
    answer = client.post(url, data | {"start_date": "2026-12-01", "term_months": "1"})
    assert answer.status_code == 302
    made = contract.account.quotes.get()
    assert (made.start_date, made.term_months, made.total_minor) == (DECEMBER, 1, 135_66)
