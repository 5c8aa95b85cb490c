"""Quotes that the vendor's people make: in the admin's editor, priced as the portal prices."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import OutgoingMail
from commerce import amounts
from commerce.configuring.situations import Configuration, ConfigurationRefused
from commerce.deal_desk import deal_desk
from commerce.models import Contract, Deal, DealStage, Price, Quote
from commerce.pricing.money import Money
from commerce.quotes import acceptance, price_steps, quote_lifecycle, staff_quotes
from commerce.quotes.manual_prices import ManualPrice
from commerce.quotes.quoting import PriceIsPersonal, refresh_quote
from commerce.quotes.staff_quotes import Terms
from tests.factories import make_staff
from tracking.actor import Actor

NEW = reverse("admin:commerce_quote_add")


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


@pytest.fixture
def seller(db):
    return make_staff("sales@vendor.example", "Sal Moreno", group="Sales")


@pytest.fixture
def by(seller, contract):
    return {"user": seller, "actor": Actor.staff(seller.pk, contract.account_id)}


@pytest.fixture
def draft(contract, upgrade, by, now):
    def draft(manual=None, terms=None, **given):
        return staff_quotes.draft(
            account=contract.account, configuration=upgrade, manual=manual or {}, terms=terms or Terms(), now=now,
            **by | given,
        )  # fmt: skip

    return draft


@pytest.fixture
def offer(draft, by, now):
    """Presented to the company."""

    def offer(**given):
        made = quote_lifecycle.submit(quote=draft(**given), actor=by["actor"], now=now)
        return quote_lifecycle.present(quote=made, actor=by["actor"], now=now)

    return offer


def step(client, quote, step, **given):
    return client.post(reverse("admin:commerce_quote_step", args=[quote.pk]), {"step": step} | given, follow=True)


# The same engine


def test_the_same_inputs_cost_the_same_to_the_cent_whoever_makes_the_quote(draft, quote):
    made = draft()
    assert (made.status, made.origin, made.price_hash) == ("draft", "staff", quote.price_hash)
    figures = ("subtotal_minor", "tax_minor", "total_minor", "recurring_before_minor", "recurring_after_minor")
    assert [getattr(made, name) for name in figures] == [getattr(quote, name) for name in figures]
    lines = [list(one.lines.values_list("product", "quantity", "unit_price", "total_minor")) for one in (made, quote)]
    assert lines[0] == lines[1]


def test_a_discount_by_hand_is_taken_and_said(draft, quote):
    made = draft(manual={"business": ManualPrice(discount_percent=Decimal(10))})
    line, full = (one.lines.get(product__code="business") for one in (made, quote))
    assert (full.unit_price, line.unit_price) == (Decimal(19), Decimal("17.1"))
    assert line.total_minor == 252_424  # 60 × 17.10 × the 2.4602… months left = 2,524.24.
    assert "10 % discount" in line.words.replace("\xa0", " ")
    assert made.subtotal_minor == quote.subtotal_minor - full.total_minor + line.total_minor


def test_a_special_price_takes_the_place_of_the_list(draft):
    made = draft(manual={"business": ManualPrice(special_price=Decimal("12.50"))})
    assert made.lines.get(product__code="business").unit_price == Decimal("12.5")


def test_a_special_price_is_of_a_month_whatever_time_the_price_is_for(draft):
    Price.objects.filter(product__code="business").update(unit_price=240, price_months=12)
    made = draft(manual={"business": ManualPrice(special_price=Decimal(18))})
    line = made.lines.get(product__code="business")
    assert line.unit_price == 18
    assert "€216.00 a year, a special price" in line.words
    assert deal_desk.facts_of(made)["max_discount_percent"] == 10


def test_a_discount_is_taken_off_a_percentage_of_other_lines(draft):
    shares = Price.objects.filter(product__code="sso")
    shares.update(method="percent_of_total", unit_price=0, figures={"percent": "20", "covers": ["plan"]})
    full, made = draft(), draft(manual={"sso": ManualPrice(discount_percent=Decimal(50))})
    whole, half = (one.lines.get(product__code="sso") for one in (full, made))
    assert (half.unit_price, half.recurring_minor) == (whole.unit_price / 2, whole.recurring_minor / 2)
    assert abs(whole.total_minor - 2 * half.total_minor) <= 1
    assert "50 % discount" in half.words.replace("\xa0", " ")


def test_a_percentage_of_other_lines_has_no_special_price(contract, seller, signed_in):
    shares = Price.objects.filter(product__code="sso")
    shares.update(method="percent_of_total", unit_price=0, figures={"percent": "20", "covers": ["plan"]})
    form = signed_in(seller).get(NEW, {"account": contract.account_id}).context["form"]
    assert {"discount_sso", "special_audit_log"} <= form.fields.keys()
    assert "special_sso" not in form.fields


# From the draft to the offer


def test_a_draft_is_out_of_the_company_s_sight_until_it_is_presented(draft, admin, by, signed_in, now):
    made = draft()
    url = reverse("commerce:quote", args=[made.public_id])
    client = signed_in(admin)
    assert client.get(url).status_code == 404
    assert made.number not in client.get(reverse("commerce:quotes")).content.decode()
    made = quote_lifecycle.submit(quote=made, actor=by["actor"], now=now)
    assert (made.status, client.get(url).status_code) == ("approved", 404)
    quote_lifecycle.present(quote=made, actor=by["actor"], now=now)
    page = client.get(url).content.decode()
    assert "Made for you by Sal Moreno" in page.replace("\u2068", "").replace("\u2069", "")
    assert OutgoingMail.objects.filter(kind="quote_presented", user=admin).count() == 1


def test_a_presented_staff_quote_is_accepted_as_shown(offer, admin, accept):
    made = offer(manual={"business": ManualPrice(discount_percent=Decimal(10))}, terms=Terms(payment_days=30))
    order = accept(made, admin)
    made.refresh_from_db()
    assert order.total_minor == made.total_minor == order.invoice.total_minor
    assert order.invoice.due_date - order.invoice.issue_date == timedelta(days=30)
    assert (made.status, made.accepted_role) == ("accepted", "administrator")


def test_what_is_offered_beside_a_sale_that_is_over_is_a_sale_of_its_own(offer, quote, admin, accept, now):
    accept(quote, admin)
    Deal.objects.filter(pk=quote.deal_id).update(stage=DealStage.WON, closed_at=now)
    quote.refresh_from_db()
    assert offer(beside=quote).deal != quote.deal


def test_only_a_draft_is_written_anew(offer, upgrade, by, now):
    made = offer()
    with pytest.raises(quote_lifecycle.QuoteNotReady, match="Revise"):
        staff_quotes.change(quote=made, configuration=upgrade, manual={}, terms=Terms(), actor=by["actor"], now=now)


def test_a_draft_that_cannot_be_sold_leaves_nothing_behind(contract, by, now):
    with pytest.raises(ConfigurationRefused):
        staff_quotes.draft(
            account=contract.account, configuration=Configuration("nothing", 1), manual={}, terms=Terms(), now=now, **by
        )
    assert not Quote.objects.exists()


# New versions


def test_a_price_change_by_staff_is_a_new_version_with_what_changed(offer, admin, accept, by, signed_in, now):
    first = offer()
    second = staff_quotes.revise(quote=first, now=now, **by)
    first.refresh_from_db()
    assert (first.status, second.status, second.number) == ("superseded", "draft", f"{first.number} v2")
    with pytest.raises(quote_lifecycle.QuoteClosed, match="newer one"):
        accept(first, admin)
    staff_quotes.change(
        quote=second, configuration=Configuration.from_json(second.configuration),
        manual={"business": ManualPrice(discount_percent=Decimal(10))}, terms=Terms(), actor=by["actor"], now=now,
    )  # fmt: skip
    second = quote_lifecycle.submit(quote=second, actor=by["actor"], now=now)
    quote_lifecycle.present(quote=second, actor=by["actor"], now=now)
    client = signed_in(admin)
    assert (
        f"Go to quote {second.number}" in client.get(reverse("commerce:quote", args=[first.public_id])).content.decode()
    )
    page = client.get(reverse("commerce:quote", args=[second.public_id])).content.decode()
    assert f"What changed since quote {first.number}" in page
    assert "60 at €17.10" in page


def test_once_the_contract_has_changed_a_new_version_is_asked_for(offer, admin, signed_in):
    made = offer(manual={"business": ManualPrice(discount_percent=Decimal(10))})
    Contract.objects.update(version=9)
    page = signed_in(admin).get(reverse("commerce:quote", args=[made.public_id])).content.decode()
    assert "Ask us for a new version in a comment" in page
    assert 'href="#comments"' in page
    assert reverse("commerce:refresh-quote", args=[made.public_id]) not in page
    assert "Ready to accept" not in page


def test_an_extension_prices_and_checks_again(offer, by, monkeypatch, now):
    first = offer(manual={"business": ManualPrice(discount_percent=Decimal(10))})
    Price.objects.filter(product__code="business").update(unit_price=20)
    later = now + timedelta(days=10)
    longer = staff_quotes.extend(quote=first, valid_until=date(2026, 12, 31), now=later, **by)
    assert (longer.status, longer.price_date, longer.manual_prices) == (
        "presented", date(2026, 11, 28), first.manual_prices,
    )  # fmt: skip
    assert longer.lines.get(product__code="business").unit_price == 18
    assert longer.expires_at == datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    monkeypatch.setattr(deal_desk, "ask", lambda **asked: True)
    checked = staff_quotes.extend(quote=longer, valid_until=date(2027, 1, 15), now=later, **by)
    longer.refresh_from_db()
    assert (longer.status, checked.status) == ("superseded", "in_approval")


def test_a_customer_asks_for_prices_given_by_hand_instead_of_refreshing_them(offer, admin):
    made = offer(manual={"business": ManualPrice(discount_percent=Decimal(10))})
    with pytest.raises(PriceIsPersonal, match="Sal Moreno"):
        refresh_quote(quote=made, actor=admin.membership.actor(), user=admin, now=made.expires_at)
    assert Quote.objects.count() == 1


def test_while_staff_revise_a_customer_s_quote_it_is_not_refreshed(quote, admin, by, now):
    staff_quotes.revise(quote=quote, now=now, **by)
    with pytest.raises(quote_lifecycle.QuoteClosed, match="new version"):
        refresh_quote(quote=quote, actor=admin.membership.actor(), user=admin, now=now)


def test_a_quote_for_an_amended_contract_is_not_presented(draft, by, now):
    made = quote_lifecycle.submit(quote=draft(), actor=by["actor"], now=now)
    Contract.objects.update(version=2)
    with pytest.raises(quote_lifecycle.ContractChanged):
        quote_lifecycle.present(quote=made, actor=by["actor"], now=now)
    made.refresh_from_db()
    assert made.status == "approved"


def test_one_accepted_is_not_revised(offer, admin, accept, by, now):
    made = offer()
    accept(made, admin)
    with pytest.raises(quote_lifecycle.QuoteNotReady):
        staff_quotes.revise(quote=made, now=now, **by)
    with pytest.raises(acceptance.QuoteRefused):
        quote_lifecycle.withdraw(quote=made, reason="x", actor=by["actor"], now=now)


# The editor


def typed(**given):
    return {"plan": "business", "seats": "60", "sso": "1", "payment_days": "14"} | given


def test_the_editor_makes_a_draft_and_leads_it_to_the_customer(contract, products, seller, signed_in):
    client = signed_in(seller)
    url = f"{NEW}?account={contract.account_id}"
    page = client.get(url).content.decode()
    everything = {name: "0" for name in ("audit_log", "api_boost", "storage_pack", "onboarding") if name in products}
    data = everything | typed(discount_business="10", title="With <b>SSO</b>")
    assert 'role="group" aria-label="Business"' in page
    assert page.count("Discount in percent") == page.count("Special price") > 1
    preview = client.post(url, data | {"preview": "1"}).content.decode()
    assert not Quote.objects.exists()
    assert "€2,524.24" in preview
    page = client.post(url, data, follow=True).content.decode()
    made = Quote.objects.get()
    assert (made.status, made.created_by, made.manual_prices) == (
        "draft", seller, {"business": {"discount_percent": "10"}},
    )  # fmt: skip
    assert made.number in page
    step(client, made, "submit")
    step(client, made, "present")
    made.refresh_from_db()
    assert made.status == "presented"
    refused = step(client, made, "withdraw").content.decode()
    assert "Say why" in refused
    assert "Say until when" in step(client, made, "extend").content.decode()
    made.refresh_from_db()
    assert made.status == "presented"
    step(client, made, "withdraw", reason="A mistake.")
    made.refresh_from_db()
    assert (made.status, made.closing_note) == ("withdrawn", "A mistake.")


def test_the_page_of_a_quote_says_in_words_what_is_wanted_set_by_hand_and_how_it_was_priced(draft, seller, signed_in):
    made = draft(manual={"business": ManualPrice(discount_percent=Decimal("12.5"), special_price=Decimal(18))})
    page = signed_in(seller).get(reverse("admin:commerce_quote_change", args=[made.pk])).content.decode()
    assert "Business, 60 seats" in page
    assert "Business: special price of €18.00 · Business: discount of 12.5 %" in page
    line = made.lines.get(product__code="business", quantity__gt=0)
    named = dict(price_steps.in_words(line, made.currency))
    assert named["Original price"] == "€19.00"
    assert named["All units"] == amounts.money(Money(line.total_minor, "EUR"))
    assert all(f"{name}: {figure}" in page for name, figure in named.items())
    credit = made.lines.get(quantity__lt=0)
    assert price_steps.in_words(credit, made.currency)[-1] == (
        "All units", amounts.money(Money(credit.total_minor, "EUR")),
    )  # fmt: skip


def test_a_mistake_in_the_editor_loses_nothing_that_was_typed(contract, seller, signed_in):
    answer = signed_in(seller).post(
        f"{NEW}?account={contract.account_id}", typed(seats="sixty", discount_business="101", title="Option A")
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "sixty" in page
    assert "Option A" in page
    assert not Quote.objects.exists()


def test_who_may_not_give_discounts_is_not_asked_for_any_and_none_are_taken(contract, products, signed_in, draft):
    cs = make_staff("cs@vendor.example", "Cy Sand", group="Customer success")
    client = signed_in(cs)
    url = f"{NEW}?account={contract.account_id}"
    assert "Discount in percent" not in client.get(url).content.decode()
    everything = {name: "0" for name in ("audit_log", "api_boost", "storage_pack", "onboarding") if name in products}
    client.post(url, everything | typed(discount_business="90"))
    assert Quote.objects.get().manual_prices == {}


def test_a_note_for_colleagues_stays_with_them(offer, admin, seller, signed_in):
    made = offer()
    client = signed_in(seller)
    url = reverse("admin:commerce_quote_comment", args=[made.pk])
    client.post(url, {"text": "Thin margin.", "is_internal": "on"})
    client.post(url, {"text": "Shall we talk?"})
    assert client.post(url, {"text": ""}).status_code == 422
    page = signed_in(admin).get(reverse("commerce:quote", args=[made.public_id])).content.decode()
    assert "Shall we talk?" in page
    assert "Thin margin." not in page


def test_without_a_company_or_a_contract_the_editor_says_so(seller, signed_in, other_admin, products):
    client = signed_in(seller)
    assert "Choose a company first" in client.get(NEW).content.decode()
    answer = client.get(f"{NEW}?account={other_admin.membership.account_id}")
    assert answer.status_code == 422
    assert "no running contract" in answer.content.decode()


@pytest.mark.parametrize("name", ["edit", "step", "comment"])
def test_who_may_not_make_quotes_leads_none(offer, agent, admin, signed_in, client, name):
    made = offer()
    url = reverse(f"admin:commerce_quote_{name}", args=[made.pk])
    assert signed_in(agent).post(url, {"step": "revise"}).status_code == 403
    assert signed_in(agent).get(NEW).status_code == 403
    assert signed_in(admin).post(url, {"step": "revise"}).status_code in (302, 403)
    made.refresh_from_db()
    assert made.status == "presented"
    assert client.post(url).status_code == 302
