"""What a change costs. On 18 November, 2 months and 14 days are left of the contract: 2 + 14 ÷ (365 ÷ 12) months,
which is 2.460273972… times a monthly price."""

from datetime import date
from decimal import Decimal

import pytest

from commerce.catalogue.catalogue import offered_products
from commerce.configuring.configuring import (
    AmountTooSmall,
    DowngradeAtTermEnd,
    NothingChanges,
    NotSellable,
    QuantityRefused,
    SeatsInUse,
    UnknownProduct,
    configure,
)
from commerce.configuring.situations import Configuration, NoContract, TaxUnknown, situation_of
from commerce.models import DiscountSchedule, Price, PriceBook, TaxRate
from commerce.pricing.money import EXPONENTS
from commerce.quotes.explanations import in_words
from commerce.stripe_currencies import MINIMUMS, STRIPE_EXPONENTS
from tests.factories import make_account, make_contract
from tracking.models import UsageDaily


def test_an_upgrade_credits_the_old_plan_and_charges_the_new(acme, contract, upgrade, today):
    priced = configure(acme, upgrade, today)

    # 50 × 11.40 × 2.460273972 = 1,402.3562 back; 60 × 19.00 × 2.460273972 = 2,804.7123; 2.85 × 2.460273972 = 7.0118.
    assert [(line.product_code, line.net_minor) for line in priced.lines] == [
        ("team", -140_236),
        ("business", 280_471),
        ("sso", 701),
    ]
    # 19 % of each line: -266.4484, 532.8949, 1.3319.
    assert [line.tax_minor for line in priced.lines] == [-26_645, 53_289, 133]
    assert (priced.due_net_minor, priced.due_tax_minor, priced.due_now_minor) == (140_936, 26_777, 167_713)
    assert (priced.monthly_before_minor, priced.monthly_minor) == (57_000, 114_285)


def test_each_line_explains_itself(acme, contract, upgrade, today):
    words = [in_words(line.explanation) for line in configure(acme, upgrade, today).lines]

    left = "2 months and 14 days left of 12"
    assert words == [
        f"credit for 50 seats of Team at €11.40 a month, {left}: -€1,402.36 plus -€266.45 tax (19 %)",
        f"60 seats at €19.00 a month, {left}: €2,804.71 plus €532.89 tax (19 %)",
        f"1 × Single sign-on & directory sync at €2.85 a month, {left}: €7.01 plus €1.33 tax (19 %)",
    ]


def test_more_seats_are_charged_alone_and_the_others_keep_their_price(acme, contract, products, today):
    Price.objects.for_account(acme).filter(product=products["team"]).update(unit_price="10.40")

    priced = configure(acme, Configuration("team", 60), today)

    # 10 × 10.40 × 2.460273972 = 255.8685; 50 × 11.40 + 10 × 10.40 = 674 a month.
    assert priced.due_net_minor == 25_587
    assert (priced.monthly_before_minor, priced.monthly_minor) == (57_000, 67_400)


def test_a_volume_discount_goes_on_where_the_owned_seats_ended(acme, contract, products, today):
    tiers = [{"from": "1", "to": "56", "percent": "0"}, {"from": "56", "percent": "50"}]
    schedule = DiscountSchedule.objects.create(name="Seats", tiers=tiers)
    Price.objects.for_account(acme).filter(product=products["team"]).update(volume_schedule=schedule)

    priced = configure(acme, Configuration("team", 60), today)

    # Seats 51 to 55 at 11.40, 56 to 60 at half of it: 85.50 a month × 2.460273972 = 210.3534.
    assert priced.due_net_minor == 21_035


def test_a_service_is_charged_once_and_not_prorated(acme, contract, today):
    priced = configure(acme, Configuration("team", 50, {"onboarding": 1}), today)

    assert priced.due_net_minor == 142_500  # 1,500 × 0.95
    assert priced.monthly_minor == priced.monthly_before_minor


def test_a_monthly_product_pays_for_the_rest_of_its_month(acme, contract, products, today):
    products["sso"].billing = "period"
    products["sso"].save()

    priced = configure(acme, Configuration("team", 50, {"sso": 10}), today)

    # Months run from the 1st. 18 to 30 November are 13 of 30 days: 28.50 × 13 ÷ 30 = 12.35.
    assert priced.due_net_minor == 1_235
    assert priced.period_net_minor == 2_850


def test_what_is_not_named_stays(acme, contract, products, today):
    contract_with(products["sso"], contract, quantity=1)

    priced = configure(acme, Configuration("team", 51), today)

    assert {line.product_code: line.quantity_change for line in priced.lines} == {"team": 1, "sso": 0}


@pytest.mark.parametrize(
    ("wanted", "refusal", "field"),
    [
        (Configuration("team", 50), NothingChanges, ""),
        (Configuration("team", 50, {"sso": 0}), NothingChanges, ""),
        (Configuration("team", 49), DowngradeAtTermEnd, "seats"),
        (Configuration("gold", 50), UnknownProduct, "plan"),
        (Configuration("sso", 50), UnknownProduct, "plan"),
        (Configuration("team", 50, {"gold": 1}), UnknownProduct, "gold"),
        (Configuration("team", 50, {"business": 1}), UnknownProduct, "business"),
        (Configuration("business", 0), QuantityRefused, "seats"),
        (Configuration("business", -5), QuantityRefused, "seats"),
        (Configuration("business", 5_001), QuantityRefused, "seats"),
        (Configuration("team", 10**30), QuantityRefused, "seats"),
        (Configuration("team", 50, {"onboarding": 6}), QuantityRefused, "onboarding"),
        (Configuration("team", 50, {"sso": -1}), DowngradeAtTermEnd, "sso"),
        # 20 seats of Business cost 380 a month, less than the 570 paid now.
        (Configuration("business", 20), DowngradeAtTermEnd, ""),
    ],
)
def test_what_cannot_be_sold_is_refused_where_it_belongs(acme, contract, today, wanted, refusal, field):
    with pytest.raises(refusal) as refused:
        configure(acme, wanted, today)
    assert refused.value.field == field
    assert type(refused.value) is refusal


def test_a_lower_plan_waits_for_the_end_of_the_term(acme, products, today):
    make_contract(acme, products, plan="business")
    with pytest.raises(DowngradeAtTermEnd, match="end of your term"):
        configure(acme, Configuration("team", 500), today)


def test_seats_in_use_are_named(acme, contract, today):
    UsageDaily.objects.create(account_id=acme.pk, meter="seats", date=date(2026, 11, 17), quantity=46)
    with pytest.raises(SeatsInUse, match="46 seats are in use"):
        configure(acme, Configuration("business", 45), today)


def test_a_product_without_a_price_in_the_book_is_not_sold(acme, contract, products, today):
    Price.objects.for_account(acme).filter(product=products["business"]).delete()
    with pytest.raises(NotSellable, match="Business is not sold at your prices yet"):
        configure(acme, Configuration("business", 60), today)


def test_a_price_of_another_currency_is_no_price(acme, products, today):
    acme.currency = "USD"
    acme.save()
    assert not any(offered.is_sellable for offered in offered_products(account=acme, today=today).values())


def test_a_contract_is_changed_in_its_own_currency(acme, contract, today):
    before = configure(acme, Configuration("team", 60), today)
    acme.currency = "USD"
    acme.save()
    assert configure(acme, Configuration("team", 60), today) == before
    assert before.currency == "EUR"


def test_an_amount_that_no_card_takes_is_refused(acme, contract, products, today):
    Price.objects.for_account(acme).filter(product=products["sso"]).update(unit_price=Decimal("0.10"))
    # 0.10 × 2.460273972 = 0.25, and 0.05 tax.
    with pytest.raises(AmountTooSmall, match=r"€0\.30"):
        configure(acme, Configuration("team", 50, {"sso": 1}), today)


@pytest.mark.parametrize(("currency", "least"), [("EUR", 50), ("HUF", 17_500), ("GBP", 30), ("JPY", 50), ("KWD", 50)])
def test_the_least_amount_is_that_of_the_currency(acme, products, today, currency, least):
    PriceBook.objects.update(currency=currency)
    acme.currency = currency
    acme.save()
    make_contract(acme, products)
    TaxRate.objects.update(rate=0)
    prices, scale = Price.objects.filter(product=products["onboarding"]), 10 ** EXPONENTS[currency]
    wanted = Configuration("team", 50, {"onboarding": 1})
    prices.update(unit_price=Decimal(least - 1) / scale)
    with pytest.raises(AmountTooSmall):
        configure(acme, wanted, today)
    prices.update(unit_price=Decimal(least) / scale)
    assert configure(acme, wanted, today).due_now_minor == least


def test_the_units_of_the_least_amounts_are_those_of_iso_4217():
    assert all(STRIPE_EXPONENTS[currency] == EXPONENTS[currency] for currency in MINIMUMS)


def test_without_a_running_contract_there_is_nothing_to_change(acme, products, today):
    make_contract(acme, products, start=date(2025, 2, 1))
    with pytest.raises(NoContract):
        configure(acme, Configuration("team", 60), today)


def test_a_country_without_a_tax_rate_is_not_sold_to(products, today):
    abroad = make_account("Oslo AS", tier="growth", billing_country="NO")
    make_contract(abroad, products)
    with pytest.raises(TaxUnknown, match="NO"):
        configure(abroad, Configuration("team", 60), today)


def test_a_country_whose_rate_is_zero_pays_no_tax(products, today):
    abroad = make_account("Oslo AS", tier="growth", billing_country="NO")
    make_contract(abroad, products)
    TaxRate.objects.create(country="NO", name="none", rate=0, valid_from=date(2024, 1, 1))
    priced = configure(abroad, Configuration("team", 60), today)
    assert (priced.due_net_minor, priced.due_tax_minor) == (29_523, 0)  # 120 × 2.460273972 = 295.2329


def test_reading_a_situation_costs_six_queries(acme, contract, today, django_assert_num_queries):
    with django_assert_num_queries(6):
        situation_of(acme, today)


def contract_with(product, contract, *, quantity):
    from commerce.models import Subscription, SubscriptionDelta

    subscription = Subscription.objects.create(account=contract.account, contract=contract, product=product)
    return SubscriptionDelta.objects.create(
        account=contract.account,
        subscription=subscription,
        kind="new",
        quantity=quantity,
        unit_price="2.85",
        recurring_minor=285 * quantity,
        currency="EUR",
        effective_date=contract.start_date,
        billing_date=contract.start_date,
    )
