"""Rules and bundles where customers meet them: the configurator, the plans page, quotes and what is granted."""

import html
import re
import uuid
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import Entitlement
from commerce.billing import settling
from commerce.configuring.configuring import NotSellable, RuleBroken, configure
from commerce.configuring.situations import Configuration
from commerce.models import (
    ConfigurationRuleText,
    Price,
    Product,
    ProductGrant,
    Quote,
)
from commerce.quotes.quoting import create_quote

PAGE = reverse("commerce:configure")
PRICE = reverse("commerce:configure-price")


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


def text_of(response):
    return html.unescape(re.sub(r"\s+", " ", response.content.decode()))


def test_a_broken_rule_is_said_with_a_link_that_mends_it(admin, contract, log_needs_business, signed_in):
    client = signed_in(admin)
    page = text_of(client.get(PAGE, {"plan": "team", "seats": "60", "audit_log": "1"}))
    assert "Audit log export needs Business or above." in page
    assert "Review the quote" not in page
    assert "Change to Business" in page
    link = re.search(r'href="([^"]*[?]plan=business[^"]*)"', page)[1]
    mended = text_of(client.get(link))
    assert "needs Business or above" not in mended
    assert "Review the quote" in mended
    assert 'name="plan" value="business"' in mended


def test_a_rule_speaks_the_readers_language(admin, contract, log_needs_business, signed_in):
    ConfigurationRuleText.objects.create(
        rule=log_needs_business, language="de", message="Dafür braucht es Business.", fix_label="Zu Business wechseln"
    )
    admin.language = "de"
    admin.save()
    part = text_of(signed_in(admin).get(PRICE, {"plan": "team", "seats": "60", "audit_log": "1"}))
    assert "Dafür braucht es Business." in part
    assert "Zu Business wechseln" in part


def test_a_broken_rule_makes_no_quote(admin, contract, log_needs_business, signed_in):
    data = {"plan": "team", "seats": "60", "audit_log": "1", "form_key": str(uuid.uuid4())}
    response = signed_in(admin).post(reverse("commerce:create-quote"), data)
    assert response.status_code == 422
    assert 'value="60"' in text_of(response)
    assert not Quote.objects.exists()


def test_a_rule_that_is_not_active_says_nothing(contract, log_needs_business, now):
    log_needs_business.is_active = False
    log_needs_business.save()
    assert configure(contract.account, Configuration("team", 60, {"audit_log": 1}), now.date())


def test_a_selection_is_in_the_price(make_rule, admin, contract, products, signed_in):
    make_rule(
        kind="selection",
        product=products["sso"],
        conditions=[{"fact": "seats", "operator": "above", "value": "55"}],
        message="Larger teams sign in with their company account.",
    )
    part = text_of(signed_in(admin).get(PRICE, {"plan": "team", "seats": "60"}))
    assert "Larger teams sign in with their company account." in part
    assert "Comes along: Single sign-on & directory sync" in part
    # 3 × 0.95 × 2.460273972 = 7.01, beside the 280.47 of ten seats.
    assert "€7.01" in part
    assert "€287.48" in part


def test_a_filter_hides_a_product_from_everything(make_rule, admin, contract, products, signed_in):
    make_rule(
        kind="filter",
        product=products["audit_log"],
        conditions=[{"fact": "country", "operator": "is", "value": "DE"}],
        message="",
    )
    client = signed_in(admin)
    assert "Audit log" not in text_of(client.get(reverse("commerce:plans")))
    assert "Audit log" not in text_of(client.get(PAGE))
    part = text_of(client.get(PRICE, {"seats": "60", "audit_log": "1"}))
    assert "Audit log export is not offered for this." in part
    assert "Review the quote" not in part


def test_a_filter_leaves_what_somebody_has(make_rule, admin, contract, products, signed_in):
    make_rule(kind="filter", product=products["team"], conditions=[], message="")
    assert 'value="team"' in text_of(signed_in(admin).get(PAGE))


def test_a_bundle_brings_its_options_and_holds_its_bounds(contract, suite, now):
    with pytest.raises(RuleBroken, match="Watching: choose at least 1 of Audit log export"):
        configure(contract.account, Configuration("team", 50, {"suite": 1}), now.date())
    with pytest.raises(RuleBroken, match="Audit log export in Control suite: at most 3") as refused:
        configure(contract.account, Configuration("team", 50, {"suite": 1, "audit_log": 4}), now.date())
    assert refused.value.fix.quantity == 3
    priced = configure(contract.account, Configuration("team", 50, {"suite": 1, "audit_log": 1}), now.date())
    due = {line.product_code: line.monthly_minor for line in priced.lines}
    assert due["suite"] == 1000
    assert due["sso"] == 0
    assert due["audit_log"] == 190


def test_what_is_included_needs_no_price_of_its_own(contract, suite, products, now):
    Price.objects.filter(product=products["sso"]).delete()
    wish = Configuration("team", 50, {"suite": 1, "audit_log": 1})
    assert configure(contract.account, wish, now.date()).monthly_minor == 57_000 + 1000 + 190
    with pytest.raises(NotSellable):
        configure(contract.account, Configuration("team", 50, {"sso": 1}), now.date())


def test_a_bundle_grants_what_its_options_grant(admin, contract, suite, accept, now):
    ProductGrant.objects.create(product=suite, code="api_calls", quantity=1000)
    quote = create_quote(
        account=contract.account,
        actor=admin.membership.actor(),
        user=admin,
        configuration=Configuration("team", 50, {"suite": 1, "audit_log": 1}),
        now=now,
        form_key=uuid.uuid4(),
    )
    order = accept(quote, admin)
    settling.record_bank_transfer(order=order, actor=admin.membership.actor(), now=now)
    granted = Entitlement.objects.filter(account=contract.account, start_date=now.date())
    assert set(granted.values_list("code", flat=True)) == {"sso", "audit_log", "api_calls"}
    assert granted.get(code="api_calls").quantity == 1000


def test_what_is_sold_no_more_stays_and_names_its_successor(admin, contract, products, signed_in):
    Product.objects.filter(code="team").update(lifecycle="end_of_sale", successor=products["business"])
    client = signed_in(admin)
    plans = text_of(client.get(reverse("commerce:plans")))
    assert "Sold no more. " in plans
    assert re.search("Business\u2069? is offered in its place", plans)
    page = text_of(client.get(PAGE, {"plan": "team", "seats": "60"}))
    assert "Team is sold no more. You keep what you have; Business has taken its place." in page
    assert "Take Business" in page
    link = re.search(r'href="([^"]*[?]plan=business[^"]*)"', page)[1]
    assert "Review the quote" in text_of(client.get(link))
    # An add-on beside it can still be bought.
    assert "Review the quote" in text_of(client.get(PAGE, {"sso": "1"}))


def test_a_quantity_may_be_parted_as_finely_as_the_product_says(admin, contract, products, signed_in):
    Product.objects.filter(code="sso").update(quantity_places=2)
    client = signed_in(admin)
    part = text_of(client.get(PRICE, {"sso": "2.5"}))
    # 2.5 × 2.85 × 2.460273972 = 17.5294
    assert "€17.53" in part
    assert 'name="sso" value="2.5"' in part
    assert "at most 2 decimals" in text_of(client.get(PRICE, {"sso": "2.555"}))
    assert "Enter a whole number" in text_of(client.get(PRICE, {"audit_log": "2.5"}))


def test_metered_usage_is_bought_beside_a_plan(contract, products, now):
    gauge = Product.objects.create(
        code="calls", name="Metered calls", kind="usage", meter="api_calls", billing="period", summary="By the call."
    )
    price = Price.objects.for_account(contract.account).get(product=products["sso"])
    Price.objects.create(book=price.book, product=gauge, unit_price=Decimal("0.5"), valid_from=price.valid_from)
    priced = configure(contract.account, Configuration("team", 50, {"calls": 10}), now.date())
    assert next(line for line in priced.lines if line.product_code == "calls").monthly_minor == 500
