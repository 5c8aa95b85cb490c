"""Use is billed after the month: what went over the limits, and minimum commitments; told on the usage page before."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from commerce.billing.periods import note_billed_elsewhere
from commerce.billing.usage_bills import bill_usage_due, due_for_usage
from commerce.billing.usage_import import import_usage, read
from commerce.contracts import ledger
from commerce.contracts.ledger import Entry
from commerce.models import BillingPeriod, Contract, DeltaKind, Invoice, Price, PriceBook, Product, UsageCharge
from tests.factories import make_member, make_staff
from tracking.actor import Actor
from tracking.models import UsageDaily

IMPORT = reverse("admin:commerce_usage_import")
CONFIRM = reverse("admin:commerce_usage_confirm")


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


@pytest.fixture
def metered(contract, acme, now):
    """Calls by use from 1 September 2026: 50,000 a month are in the contract, one above costs a cent."""

    def metered(*, months: int = 1, **figures):
        product = Product.objects.create(
            code="calls", name="API calls by use", kind="usage", billing="period", meter="api_calls", summary="Calls."
        )
        Price.objects.create(
            book=PriceBook.objects.get(pk=contract.price_book_id), product=product, method="usage", figures=figures,
            unit_price=Decimal("0.01"), price_months=months, valid_from=date(2024, 1, 1),
        )  # fmt: skip
        first = date(2026, 9, 1)
        ledger.append(
            contract=contract, entries=[Entry(product, DeltaKind.NEW, Decimal(1), Decimal(0), 0)],
            effective_date=first, billing_date=first, actor=Actor.system(acme.pk),
        )  # fmt: skip
        note_billed_elsewhere(contracts=[contract], until=date(2026, 12, 1), now=now)
        return contract

    return metered


def used(account, quantity, day=date(2026, 9, 10)):
    UsageDaily.objects.create(account_id=account.pk, meter="api_calls", date=day, quantity=quantity)


def amounts() -> list[int]:
    return list(UsageCharge.objects.order_by("start_date").values_list("amount_minor", flat=True))


def test_a_month_is_billed_three_days_after_it_is_over(metered, acme):
    metered()
    used(acme, 30_000)
    used(acme, 31_200, date(2026, 9, 30))
    assert bill_usage_due(now=noon(date(2026, 10, 3))) == 0
    assert bill_usage_due(now=noon(date(2026, 10, 4))) == 1
    assert bill_usage_due(now=noon(date(2026, 10, 4))) == 0
    line = Invoice.objects.get().lines.get()
    assert (line.quantity, line.total_minor) == (11_200, 11_200)
    assert line.explanation == ("61,200 API calls, of which 50,000 are included: 11,200 at €0.01 each")


def test_what_is_due_is_found_in_one_query_and_left_alone_afterwards(metered, django_assert_num_queries):
    metered()
    with django_assert_num_queries(1):
        assert not due_for_usage(noon(date(2026, 10, 3))).exists()
    assert due_for_usage(noon(date(2026, 10, 4))).get() == Contract.objects.get()
    bill_usage_due(now=noon(date(2026, 10, 4)))
    with django_assert_num_queries(1):
        bill_usage_due(now=noon(date(2026, 10, 4)))
    bill_usage_due(now=noon(date(2027, 2, 4)))
    assert BillingPeriod.objects.filter(kind="usage").latest("end_date").end_date == date(2027, 2, 1)
    assert not due_for_usage(noon(date(2028, 1, 1))).exists()


def test_below_the_limit_nothing_is_billed_and_the_month_is_noted(metered, acme):
    metered()
    used(acme, 49_999)
    bill_usage_due(now=noon(date(2026, 10, 4)))
    assert not Invoice.objects.exists()
    assert BillingPeriod.objects.get(kind="usage").outcome == "nothing"
    assert UsageCharge.objects.get().used == 49_999


def test_what_was_billed_is_told_to_finance_in_days_as_people_read_them(metered, acme, finance, signed_in):
    metered()
    used(acme, 50_123)
    bill_usage_due(now=noon(date(2026, 10, 4)))
    charge = UsageCharge.objects.select_related("period").get()
    client = signed_in(finance)
    for page in (
        client.get(reverse("admin:commerce_usagecharge_change", args=[charge.pk])).content.decode(),
        client.get(reverse("admin:commerce_billingperiod_change", args=[charge.period_id])).content.decode(),
    ):
        assert "Last day" in page
        assert "30 Sep" in page
        assert "End date" not in page
        assert "2026-10-01" not in page


def test_what_is_missing_to_a_minimum_is_billed_with_the_month(metered, acme):
    metered(commitment="100")
    used(acme, 52_000)
    bill_usage_due(now=noon(date(2026, 10, 4)))
    assert (UsageCharge.objects.get().spent_minor, amounts()) == (2_000, [10_000])
    assert "€80.00 that is missing to the agreed minimum" in Invoice.objects.get().lines.get().explanation


def test_a_minimum_of_a_quarter_is_trued_up_at_its_end(metered, acme):
    metered(months=3, commitment="100")
    used(acme, 52_000)
    used(acme, 53_000, date(2026, 10, 10))
    bill_usage_due(now=noon(date(2026, 12, 4)))
    assert amounts() == [2_000, 3_000, 5_000]


def test_what_was_prepaid_is_used_up_first(metered, acme):
    metered(commitment="30", is_prepaid=True)
    used(acme, 55_000)
    bill_usage_due(now=noon(date(2026, 10, 4)))
    assert amounts() == [2_000]


def test_the_usage_page_tells_what_the_month_will_come_to(metered, acme, admin, signed_in, time_machine_now):
    metered()
    used(acme, 36_000, date(2026, 11, 18))
    page = signed_in(admin).get(reverse("commerce:usage")).content.decode()
    assert "36,000 so far this month" in page
    assert "60,000 API calls, of which 50,000 are included: 10,000 at €0.01 each" in page
    assert "€100.00" in page
    supporter = make_member(acme, "see@acme.example", "See Only", roles=["support"])
    assert "so far this month" not in signed_in(supporter).get(reverse("commerce:usage")).content.decode()


def test_the_usage_page_tells_the_next_invoice_of_a_contract_billed_by_period(
    contract, admin, signed_in, time_machine_now
):
    Contract.objects.update(billing_frequency="month")
    page = signed_in(admin).get(reverse("commerce:usage")).content.decode()
    assert "Your next invoice" in page
    assert "€570.00" in page  # Of December.


# Import


@pytest.fixture
def finance(db):
    return make_staff("finance@vendor.example", "Fin Ance", group="Finance")


def upload(text: str):
    return {"file": SimpleUploadedFile("use.csv", text.encode(), content_type="text/csv")}


FILE = """company,date,meter,quantity
Acme Logistics GmbH,2026-11-01,api_calls,100
{id},2026-11-02,api_calls,200.5
Nobody Ltd,2026-11-02,api_calls,1
Acme Logistics GmbH,2026-13-01,api_calls,1
Acme Logistics GmbH,2026-11-03,calls,1
Acme Logistics GmbH,2026-11-03,api_calls,-1
Acme Logistics GmbH,2027-11-03,api_calls,1
Acme Logistics GmbH,2026-11-01,api_calls,101
"""


def test_a_file_is_looked_at_line_by_line_before_it_is_stored(acme, finance, signed_in, time_machine_now):
    client = signed_in(finance)
    response = client.post(IMPORT, upload(FILE.format(id=acme.public_id)))
    assert response.context["counts"] == {"added": 2, "changed": 0, "unchanged": 0, "refused": 6}
    page = response.content.decode()
    for words in ("no company “Nobody Ltd”", "is no date", "is no meter", "is no quantity", "not come yet", "twice"):
        assert words in page
    assert not UsageDaily.objects.exists()
    token = response.context["token"]
    assert client.post(CONFIRM, {"token": token}).status_code == 302
    assert UsageDaily.objects.count() == 2
    again = client.post(IMPORT, upload(FILE.format(id=acme.public_id)))
    assert again.context["counts"]["unchanged"] == 2
    assert not again.context["token"]


def test_a_nothing_with_any_number_of_decimals_is_stored_as_nothing(acme, now):
    lines = read(b"company,date,meter,quantity\nAcme Logistics GmbH,2026-11-01,seats,0E-999999\n")
    assert import_usage(lines=lines, now=now).counts["added"] == 1
    assert UsageDaily.objects.get().quantity == 0


def test_the_use_of_a_billed_month_is_not_changed_by_a_file(metered, acme, finance, signed_in, time_machine_now):
    metered()
    used(acme, 60_000)
    bill_usage_due(now=noon(date(2026, 10, 4)))
    text = "company,date,meter,quantity\nAcme Logistics GmbH,2026-09-10,api_calls,{}\n"
    response = signed_in(finance).post(IMPORT, upload(text.format(70_000)))
    assert "is billed" in response.content.decode()
    assert signed_in(finance).post(IMPORT, upload(text.format(60_000))).context["counts"]["unchanged"] == 1
    assert UsageDaily.objects.get().quantity == 60_000


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "company,date,meter,quantity\nAc\0me,2026-11-01,seats,1\n"])
def test_what_is_no_list_of_use_is_refused(finance, signed_in, text):
    client = signed_in(finance)
    assert client.post(IMPORT, upload(text)).status_code == 422
    assert client.post(CONFIRM, {"token": "gone"}).status_code == 302
    assert not UsageDaily.objects.exists()


def test_only_finance_imports_use(acme, agent, admin, signed_in, client):
    assert signed_in(agent).get(IMPORT).status_code == 403
    assert signed_in(agent).post(CONFIRM, {"token": "x"}).status_code == 403
    assert signed_in(admin).get(IMPORT).status_code in (302, 403, 404)
    assert client.get(IMPORT).status_code == 302
    assert not UsageDaily.objects.exists()
