"""Quotes of many lines: read from CSV, priced in the background, edited line by line, and read by the customer."""

import hashlib
import io
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pypdf import PdfReader

from accounts import formats
from accounts.services import FileRefused
from commerce.configuring.situations import Configuration
from commerce.models import Price, PriceBook, PricingPurpose, PricingStatus, Product, Quote, QuotePricing
from commerce.quotes import quote_lifecycle, quote_pricing, staff_quotes
from commerce.quotes.manual_prices import ManualPrice
from commerce.quotes.quote_pricing import BeingPriced, NotUnderWay
from commerce.quotes.quote_sheets import as_text, lines_of, read
from commerce.quotes.staff_quotes import Terms
from tests.factories import make_default_approval_rules, make_staff
from tracking.actor import Actor

SHEET = reverse("admin:commerce_quote_new_sheet")


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


@pytest.fixture
def seller(db):
    return make_staff("sales@vendor.example", "Sal Moreno", group="Sales")


@pytest.fixture
def parts(products):
    """A thousand further products: part-0001 at 1.01 a month, part-0002 at 1.02 …"""
    made = Product.objects.bulk_create(
        Product(code=f"part-{number:04}", name=f"Part {number:04}", kind="addon", summary="A part", max_quantity=5000)
        for number in range(1, 1001)
    )
    Price.objects.bulk_create(
        Price(book=book, product=product, unit_price=Decimal(number) / 100 + 1, valid_from="2024-01-01")
        for book in PriceBook.objects.all()
        for number, product in enumerate(made, start=1)
    )
    return made


def csv_of(count, **special):
    lines = [f"part-{number:04},{number % 9 + 1},,,Site {number % 4}" for number in range(1, count + 1)]
    return "\n".join(["product,quantity,discount,price,group", *lines])


@pytest.fixture
def ask(contract, parts, seller, now):
    """Ask for a quote of so many parts."""

    def ask(count=250, *, manual=None, draft=None, form_key=None):
        return quote_pricing.make(
            account=contract.account,
            configuration=Configuration("team", 50, {part.code: Decimal(2) for part in parts[:count]}),
            manual=manual or {},
            terms=Terms(title="All sites"),
            user=seller,
            form_key=form_key or uuid.uuid4(),
            now=now,
            draft=draft,
        )

    return ask


# The sheet


def test_a_sheet_is_read_whatever_separates_its_cells():
    sheet = read("\ufeffquantity;Product;discount;group\r\n60;business;7,5;\r\n\r\n2.5;hours;;Site A\r\n")
    assert sheet.problems == ()
    assert [(line.number, line.product, line.quantity, line.manual) for line in sheet.lines] == [
        (2, "business", 60, ManualPrice(discount_percent=Decimal("7.5"))),
        (4, "hours", Decimal("2.5"), ManualPrice(group="Site A")),
    ]
    assert read(as_text(sheet.lines)).lines[0].cells == ("business", "60", "7.5", "", "")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (",5", "The product is missing"),
        ("sso", "how many"),
        ("sso,none", "how many"),
        ("sso,-1", "how many"),
        ("sso,NaN", "how many"),
        ("sso,1e99", "how many"),
        ("sso,1,101", "from 0 to 100"),
        ("sso,1,ten", "from 0 to 100"),
        ("sso,1,,-2", "such as 12.50"),
        ("sso,1,,1.23456", "such as 12.50"),
        (f"sso,1,,,{'x' * 61}", "at most 60"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_the_others_are_read(line, words):
    sheet = read(f"product,quantity,discount,price,group\nsso,1\n{line}\naudit_log,1")
    assert [(problem.number, words in problem.message) for problem in sheet.problems] == [(3, True)]
    assert [one.number for one in sheet.lines] == [2, 4]


@pytest.mark.parametrize("text", ["", "product\nsso", "product,quantity", "product,quantity,colour\nsso,1,red"])
def test_what_is_no_sheet_is_refused(text):
    with pytest.raises(FileRefused):
        read(text)


# In the editor


def test_a_few_lines_are_priced_at_once(contract, seller, signed_in):
    client = signed_in(seller)
    text = "product,quantity,discount\nbusiness,60,10\nsso,1,"
    page = client.post(
        f"{SHEET}?account={contract.account_id}",
        {"lines": text, "payment_days": "30", "title": "A", "form_key": str(uuid.uuid4())},
        follow=True,
    )
    made = Quote.objects.get()
    assert made.number in page.content.decode()
    assert (made.status, made.payment_days, made.manual_prices) == (
        "draft", 30, {"business": {"discount_percent": "10"}},
    )  # fmt: skip
    assert made.configuration == {"plan": "business", "seats": "60", "addons": {"sso": "1"}}
    assert not QuotePricing.objects.exists()


def test_each_bad_line_is_named_by_its_number_and_nothing_is_lost(contract, seller, signed_in):
    text = "product,quantity\nbusiness,60\nsso,1\nsso,2\nnothing,1\nenterprise,5\naudit_log,1.5\napi,x\nsso_,9"
    file = SimpleUploadedFile("lines.csv", text.encode(), "text/csv")
    answer = signed_in(seller).post(
        f"{SHEET}?account={contract.account_id}",
        {"file": file, "payment_days": "14", "special_terms": "As agreed.", "form_key": str(uuid.uuid4())},
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    for number, words in ((4, "on line 3 already"), (6, "another plan on line 2"), (7, "whole number")):
        assert f"Line {number}:</strong> " in page
        assert words in page
    assert "Line 5:</strong> We don&#x27;t sell “nothing”." in page
    assert "Line 9:</strong> We don&#x27;t sell “sso_”." in page
    assert "Line 8:</strong>" in page
    assert "Line 2:" not in page
    assert "audit_log,1.5" in page
    assert "As agreed." in page
    assert not Quote.objects.exists()


def test_who_may_not_give_discounts_gives_none_in_a_sheet_either(contract, signed_in):
    cs = make_staff("cs@vendor.example", "Cy Sand", group="Customer success")
    url = f"{SHEET}?account={contract.account_id}"
    data = {"payment_days": "14", "form_key": str(uuid.uuid4())}
    refused = signed_in(cs).post(url, data | {"lines": "product,quantity,price\nbusiness,60,1\nsso,1,"})
    assert refused.status_code == 422
    assert "Line 2:</strong> You may not give discounts" in refused.content.decode()
    assert not Quote.objects.exists()


def test_many_lines_are_priced_in_the_background_and_the_page_says_how_far_they_are(
    contract, parts, seller, signed_in, now
):
    client = signed_in(seller)
    data = {"lines": csv_of(250), "payment_days": "14", "form_key": str(uuid.uuid4())}
    url = f"{SHEET}?account={contract.account_id}"
    answer = client.post(url, data)
    pricing = QuotePricing.objects.get()
    progress = reverse("admin:commerce_quote_pricing", args=[pricing.public_id])
    assert (answer.status_code, answer["Location"]) == (302, progress)
    assert client.post(url, data)["Location"] == progress  # Sent twice, asked once.
    assert "0 of 251 lines priced" in client.get(progress).content.decode()
    part = client.get(progress, headers={"HX-Request": "true"}).content.decode()
    assert 'hx-trigger="every 2s"' in part
    assert "<html" not in part
    quote_pricing.run(pricing_id=pricing.pk, now=now)
    done = client.get(progress, headers={"HX-Request": "true"}).content.decode()
    made = Quote.objects.get()
    assert f"Quote {made.number} is written" in done
    assert "hx-trigger" not in done
    assert made.lines.count() == 250
    assert made.lines.get(product__code="part-0006").group == "Site 2"
    assert [line.group for line in made.lines.all()] == sorted(line.group for line in made.lines.all())


def test_a_long_quote_is_edited_line_by_line_and_its_lines_are_shown_page_by_page(ask, seller, signed_in, now):
    quote_pricing.run(pricing_id=ask(250).pk, now=now)
    made = Quote.objects.get()
    client = signed_in(seller)
    sheet = reverse("admin:commerce_quote_sheet", args=[made.pk])
    assert client.get(reverse("admin:commerce_quote_edit", args=[made.pk]))["Location"] == sheet
    first, last = (client.get(f"{sheet}?page={page}").content.decode() for page in (1, 6))
    assert first.count("?product=part-") == 49
    assert "Part 0250" in last
    line = f"{reverse('admin:commerce_quote_line', args=[made.pk])}?product=part-0007"
    assert 'value="2"' in client.get(line).content.decode()
    refused = client.post(line, {"quantity": "6000", "form_key": str(uuid.uuid4())})
    assert refused.status_code == 422
    assert "6000" in refused.content.decode()
    client.post(line, {"quantity": "9", "discount": "5", "group": "Kiel", "form_key": str(uuid.uuid4())})
    pricing = QuotePricing.objects.latest("pk")
    assert (pricing.purpose, pricing.source, pricing.line_count) == (PricingPurpose.CHANGE, made, 251)
    assert "see how far it is" in client.get(reverse("admin:commerce_quote_change", args=[made.pk])).content.decode()
    quote_pricing.run(pricing_id=pricing.pk, now=now)
    changed = made.lines.get(product__code="part-0007")
    assert (changed.quantity, changed.group) == (9, "Kiel")
    assert made.lines.count() == 250
    csv = client.get(reverse("admin:commerce_quote_sheet_csv", args=[made.pk])).getvalue().decode()
    assert "part-0007,9,5,,Kiel" in csv
    gone = f"{reverse('admin:commerce_quote_line', args=[made.pk])}?product=nothing"
    assert client.get(gone).status_code == 404


@pytest.mark.parametrize("name", ["sheet", "line", "sheet_csv"])
def test_who_may_not_make_quotes_reaches_none_of_their_lines(ask, agent, signed_in, now, name):
    pricing = ask()
    quote_pricing.run(pricing_id=pricing.pk, now=now)
    client = signed_in(agent)
    assert client.get(reverse(f"admin:commerce_quote_{name}", args=[Quote.objects.get().pk])).status_code == 403
    for page in ("pricing", "cancel_pricing"):
        url = reverse(f"admin:commerce_quote_{page}", args=[pricing.public_id])
        assert client.post(url).status_code == 403
    assert client.get(SHEET).status_code == 403


# In the background


def calculated(pricing, now):
    return staff_quotes.calculate(
        account=pricing.account,
        configuration=Configuration.from_json(pricing.configuration),
        manual={},
        terms=Terms(),
        now=now,
    )


def test_it_costs_in_the_background_what_it_costs_at_once(ask, contract, now):
    manual = {"part-0003": ManualPrice(discount_percent=Decimal(10)), "part-0004": ManualPrice(group="Kiel")}
    pricing = ask(1000, manual=manual)
    at_once = staff_quotes.calculate(
        account=contract.account,
        configuration=Configuration.from_json(pricing.configuration),
        manual=manual,
        terms=Terms(),
        now=now,
    )
    quote_pricing.run(pricing_id=pricing.pk, now=now)
    pricing.refresh_from_db()
    assert (pricing.status, pricing.done_count, pricing.line_count) == (PricingStatus.DONE, 1001, 1001)
    assert pricing.quote.price_hash == at_once.priced.price_hash
    assert pricing.quote.total_minor == at_once.priced.due_now_minor
    assert sum(line.total_minor for line in pricing.quote.lines.all()) == pricing.quote.subtotal_minor
    assert pricing.quote.title == "All sites"


def test_run_again_it_writes_no_second_quote(ask, now):
    pricing = ask()
    quote_pricing.run(pricing_id=pricing.pk, now=now)
    quote_pricing.run(pricing_id=pricing.pk, now=now)
    assert Quote.objects.count() == 1


def test_of_two_workers_at_once_the_second_finds_it_written(ask, now):
    pricing = ask()
    found = calculated(pricing, now)
    quote_pricing.run(pricing_id=pricing.pk, now=now)
    with pytest.raises(NotUnderWay):
        quote_pricing._write(pricing, found, now=now)
    assert Quote.objects.count() == 1


def test_the_database_takes_one_quote_of_a_request(ask, seller, now):
    pricing = ask()
    quote_pricing.run(pricing_id=pricing.pk, now=now)
    pricing.refresh_from_db()
    found = calculated(pricing, now)
    with pytest.raises(IntegrityError), transaction.atomic():
        quote_pricing._quote(pricing, found, actor=Actor.staff(seller.pk, pricing.account_id), now=now)
    assert Quote.objects.count() == 1


def test_what_a_dead_worker_left_is_priced_by_the_next_sweep(ask, now):
    pricing = ask()
    assert quote_pricing.run_left_behind(now=now) == 0  # It has just been asked for.
    QuotePricing.objects.update(status=PricingStatus.RUNNING, claimed_at=now, attempts=1, done_count=100)
    assert quote_pricing.run_left_behind(now=now + timedelta(seconds=100)) == 0  # Its worker may live.
    assert quote_pricing.run_left_behind(now=now + timedelta(seconds=121)) == 1
    pricing.refresh_from_db()
    assert (pricing.status, pricing.attempts, Quote.objects.count()) == (PricingStatus.DONE, 2, 1)


def test_a_lost_wake_up_is_found_by_the_sweep(ask, now):
    ask()
    assert quote_pricing.run_left_behind(now=now + timedelta(seconds=31)) == 1
    assert Quote.objects.count() == 1


def test_a_request_that_workers_die_of_is_given_up(ask, now):
    pricing = ask()
    QuotePricing.objects.update(status=PricingStatus.RUNNING, claimed_at=now, attempts=3)
    quote_pricing.run_left_behind(now=now + timedelta(minutes=3))
    pricing.refresh_from_db()
    assert (pricing.status, "several times" in pricing.refusal) == (PricingStatus.FAILED, True)
    assert not Quote.objects.exists()


def test_a_cancelled_request_makes_no_quote_and_stops_while_it_is_priced(ask, seller, signed_in, now):
    pricing = ask()
    tell = quote_pricing._teller(pricing)
    QuotePricing.objects.update(status=PricingStatus.RUNNING)
    tell(25)
    pricing.refresh_from_db()
    assert pricing.done_count == 25
    client = signed_in(seller)
    url = reverse("admin:commerce_quote_cancel_pricing", args=[pricing.public_id])
    page = client.post(url, follow=True).content.decode()
    assert "No quote was written" in page
    with pytest.raises(NotUnderWay):
        tell(50)
    quote_pricing.run(pricing_id=pricing.pk, now=now)
    assert not Quote.objects.exists()
    assert "It was over already" in client.post(url, follow=True).content.decode()


def test_what_cannot_be_priced_says_why_and_leaves_the_draft(ask, now):
    quote_pricing.run(pricing_id=ask().pk, now=now)
    made = Quote.objects.get()
    pricing = ask(300, draft=made)
    Price.objects.filter(product__code="part-0290").delete()
    quote_pricing.run(pricing_id=pricing.pk, now=now)
    pricing.refresh_from_db()
    assert (pricing.status, pricing.refusal) == (
        PricingStatus.FAILED, "Part 0290 is not sold at your prices yet. Talk to us, we will help.",
    )  # fmt: skip
    assert Quote.objects.get().price_hash == made.price_hash
    assert made.lines.count() == 250


def test_a_draft_is_priced_once_at_a_time_and_no_more_once_it_is_submitted(ask, seller, now):
    quote_pricing.run(pricing_id=ask().pk, now=now)
    made = Quote.objects.get()
    pricing = ask(300, draft=made)
    with pytest.raises(BeingPriced) as refused:
        ask(280, draft=made)
    assert refused.value.pricing == pricing
    quote_lifecycle.submit(quote=made, actor=Actor.staff(seller.pk, made.account_id), now=now)
    quote_pricing.run(pricing_id=pricing.pk, now=now)
    pricing.refresh_from_db()
    assert (pricing.status, made.lines.count()) == (PricingStatus.FAILED, 250)


def test_a_new_version_of_a_long_quote_is_priced_in_the_background(ask, seller, signed_in, now):
    quote_pricing.run(pricing_id=ask().pk, now=now)
    first = Quote.objects.get()
    actor = Actor.staff(seller.pk, first.account_id)
    quote_lifecycle.present(quote=quote_lifecycle.submit(quote=first, actor=actor, now=now), actor=actor, now=now)
    client = signed_in(seller)
    url = reverse("admin:commerce_quote_step", args=[first.pk])
    day = (now + timedelta(days=40)).date()
    client.post(url, {"step": "extend", "valid_until": day.isoformat()})
    first.refresh_from_db()
    assert first.status == "presented"  # It stands until its successor is there.
    assert "being priced already" in client.post(url, {"step": "revise"}, follow=True).content.decode()
    quote_pricing.run(pricing_id=QuotePricing.objects.latest("pk").pk, now=now)
    first.refresh_from_db()
    second = Quote.objects.get(version=2)
    assert (first.status, second.status, second.valid_until) == ("superseded", "presented", day)
    assert second.lines.count() == 250


def test_the_lines_of_a_quote_are_those_of_its_sheet(ask, now):
    quote_pricing.run(pricing_id=ask(210, manual={"part-0002": ManualPrice(special_price=Decimal("1.5"))}).pk, now=now)
    made = Quote.objects.get()
    again = read(as_text(lines_of(made)))
    assert [line.cells for line in again.lines] == [line.cells for line in lines_of(made)]
    assert again.lines[0].cells == ("team", "50", "", "", "")
    assert again.lines[2].cells == ("part-0002", "2", "", "1.5", "")


# What the customer gets


@pytest.fixture
def offered(ask, seller, now):
    """A quote of a thousand lines, presented."""
    manual = {f"part-{number:04}": ManualPrice(group=f"Site {number % 4}") for number in range(1, 1001)}
    quote_pricing.run(pricing_id=ask(1000, manual=manual).pk, now=now)
    actor = Actor.staff(seller.pk, Quote.objects.get().account_id)
    submitted = quote_lifecycle.submit(quote=Quote.objects.get(), actor=actor, now=now)
    return quote_lifecycle.present(quote=submitted, actor=actor, now=now)


def test_a_thousand_lines_are_read_page_by_page_in_as_many_queries_as_a_few(offered, admin, signed_in, products):
    client = signed_in(admin)
    url = reverse("commerce:quote", args=[offered.public_id])
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        first = client.get(url)
    page = first.content.decode()
    about_lines = [query["sql"] for query in captured.captured_queries if '"commerce_quoteline"' in query["sql"]]
    assert len(about_lines) <= 2  # A page of them, and what those billed by the month commit to.
    assert page.count('<th scope="row">Part 0') == 50
    assert page.count("Site 0") == 1
    following = client.get(url, {"cursor": first.context["lines"].next})
    assert "Part 0204" in following.content.decode()
    assert formats.money(Decimal(offered.total_minor) / 100, "EUR") in page
    document = client.get(reverse("commerce:quote-pdf", args=[offered.public_id])).content
    offered.refresh_from_db()
    assert hashlib.sha256(document).hexdigest() == offered.document_hash
    text = "".join(one.extract_text() for one in PdfReader(io.BytesIO(document)).pages)
    assert "Part 0001" in text
    assert "Part 1000" in text
    assert "Site 3" in text


def test_long_quotes_are_compared_page_by_page_with_all_totals(offered, admin, signed_in):
    page = reverse("commerce:compare-quotes")
    first = signed_in(admin).get(page, {"quote": offered.public_id}).content.decode()
    assert first.count('<th scope="row">Part ') == 50
    assert formats.money(Decimal(offered.total_minor) / 100, "EUR") in first
    last = signed_in(admin).get(page, {"quote": offered.public_id, "page": "20"}).content.decode()
    assert last.count('<th scope="row">Part ') == 50
    assert ('rel="prev"' in last, 'rel="next"' in last) == (True, False)


def test_the_deal_desk_reads_a_long_quote_page_by_page_what_to_look_at_first(ask, seller, now, signed_in):
    make_default_approval_rules()
    boss = make_staff("boss@vendor.example", "Bruno Falk", group="Revenue manager")
    manual = {"part-0377": ManualPrice(discount_percent=Decimal(15))}
    quote_pricing.run(pricing_id=ask(400, manual=manual).pk, now=now)
    submitted = quote_lifecycle.submit(
        quote=Quote.objects.get(), actor=Actor.staff(seller.pk, Quote.objects.get().account_id), now=now
    )
    page = reverse("admin:deal_desk_request", args=[submitted.staff_approvals.get().public_id])
    client = signed_in(boss)
    first = client.get(page).content.decode()
    assert first.count('text-important">2 × Part ') == 50
    assert first.index("× Part 0377") < first.index("× Part 0001")
    assert "Page 1 of 8" in first
    assert "× Part 0400" in client.get(page, {"page": "8"}).content.decode()
    assert "Page 8 of 8" in client.get(page, {"page": "999"}).content.decode()
