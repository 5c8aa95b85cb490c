import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commerce.pricing.explanation import phrase_text, render
from commerce.pricing.money import AmountTooLarge, NegativeAmount, UnknownCurrency
from commerce.pricing.proration import ChangeOutsidePeriod, Period, ProrationMode, TermIsEmpty
from commerce.pricing.quote import (
    Billing,
    Holding,
    LineKind,
    LineRole,
    PercentOfTotal,
    QuoteLine,
    QuoteMode,
    QuoteRequest,
)
from commerce.pricing.quoting import (
    BillingPeriodMissing,
    DowngradeWaits,
    LineListedTwice,
    NothingHeldYet,
    NothingOrdered,
    QuoteIsEmpty,
    price_quote,
)
from commerce.pricing.tax import TaxTreatment
from commerce.pricing.tiers import (
    DiscountMethod,
    DiscountSchedule,
    DiscountTier,
    FractionalQuantity,
    QuantityTooLarge,
)
from commerce.pricing.waterfall import Adjustment, AdjustmentKind
from commerce.quotes.explanations import from_json, to_json

YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))
MAY = Period(date(2026, 5, 1), date(2026, 6, 1))
# 7 months and 9 days are left of the year, 9 of 31 days of the month.
CHANGE = date(2026, 5, 23)

SLAB = DiscountSchedule(
    DiscountMethod.SLAB,
    (DiscountTier(start=1, until=11, percent=Decimal(0)), DiscountTier(start=11, percent=Decimal(10))),
)

TEAM = Holding(product_code="team", name="Team", quantity=50, unit_price=Decimal(8))
BUSINESS = QuoteLine(
    product_code="business",
    name="Business",
    kind=LineKind.PLAN,
    quantity=60,
    unit="seats",
    unit_price=Decimal(12),
    billing=Billing.TERM,
    schedule=SLAB,
    tax_rate_percent=Decimal(19),
)
SSO = QuoteLine(
    product_code="sso",
    name="Single sign-on",
    kind=LineKind.ADDON,
    quantity=1,
    unit_price=Decimal(200),
    billing=Billing.PERIOD,
    tax_rate_percent=Decimal(19),
)
ONBOARDING = QuoteLine(
    product_code="onboarding",
    name="Onboarding package",
    kind=LineKind.SERVICE,
    quantity=1,
    unit_price=Decimal(2500),
    billing=Billing.ONCE,
    tax_rate_percent=Decimal(19),
)
SUPPORT = QuoteLine(
    product_code="premium_support",
    name="Premium support",
    kind=LineKind.ADDON,
    quantity=1,
    unit_price=Decimal(0),
    billing=Billing.TERM,
    percent_of_total=PercentOfTotal(percent=Decimal(15)),
)


def request(*lines: QuoteLine, **changes) -> QuoteRequest:
    return QuoteRequest(
        **{
            "mode": QuoteMode.AMENDMENT,
            "currency": "EUR",
            "lines": lines,
            "contract": YEAR,
            "change_date": CHANGE,
            "billing_period": MAY,
        }
        | changes
    )


def new(*lines: QuoteLine, **changes) -> QuoteRequest:
    month = Period(date(2026, 1, 1), date(2026, 2, 1))
    return request(*lines, **{"mode": QuoteMode.NEW, "change_date": YEAR.start_date, "billing_period": month} | changes)


def sentences(asked: QuoteRequest) -> list[str]:
    return [render(line.explanation) for line in price_quote(asked).lines]


# --- What is due -----------------------------------------------------------------------------------------------------


def test_a_new_contract_prepays_its_term_and_the_first_period():
    quote = price_quote(new(BUSINESS, SSO, ONBOARDING))
    plan, sso, onboarding = quote.lines
    # (10 x 12.00 + 50 x 10.80) x 12
    assert (plan.net_minor, plan.tax_minor, plan.monthly_minor) == (792_000, 150_480, 66_000)
    assert (sso.net_minor, sso.period_minor, sso.period_tax_minor) == (20_000, 20_000, 3_800)
    assert (onboarding.net_minor, onboarding.monthly_minor, onboarding.period_minor) == (250_000, 0, 0)
    assert quote.due_now_minor == 792_000 + 20_000 + 250_000 + 150_480 + 3_800 + 47_500
    assert quote.period_total_minor == 23_800
    assert quote.monthly_minor == 86_000


def test_an_upgrade_credits_the_old_plan_and_charges_the_new_one():
    quote = price_quote(request(replace(BUSINESS, holding=TEAM)))
    credit, charge = quote.lines
    # Months left: 7 + 9 / (365 / 12) = 7.295890…; 50 x 8.00 and 660.00 a month.
    assert (credit.role, credit.product_code, credit.net_minor, credit.tax_minor) == (
        "credit",
        "team",
        -291_836,
        -55_449,
    )
    assert (charge.role, charge.product_code, charge.net_minor, charge.tax_minor) == (
        "charge",
        "business",
        481_529,
        91_491,
    )
    assert (credit.quantity_change, charge.quantity_change) == (-50, 60)
    assert (quote.monthly_before_minor, quote.monthly_minor) == (40_000, 66_000)
    assert credit.key == charge.key == "business"


def test_added_seats_are_priced_alone_and_the_others_keep_their_price():
    held = Holding(product_code="business", name="Business", quantity=50, unit_price=Decimal("9.50"))
    (line,) = price_quote(request(replace(BUSINESS, holding=held))).lines
    # Seats 51 to 60 at 10.80; 50 x 9.50 + 108.00 a month afterwards.
    assert line.quantity == line.quantity_change == 10
    assert line.net_minor == 78_796
    assert (line.monthly_before_minor, line.monthly_minor) == (47_500, 58_300)


def test_a_line_billed_per_period_pays_the_days_left_and_then_the_full_price():
    (line,) = price_quote(request(SSO)).lines
    assert (line.net_minor, line.period_minor) == (5_806, 20_000)


def test_a_longer_billing_period_multiplies_the_price_per_month():
    quarter = Period(date(2026, 4, 1), date(2026, 7, 1))
    (line,) = price_quote(request(SSO, billing_period=quarter, period_months=3)).lines
    assert (line.net_minor, line.period_minor, line.monthly_minor) == (25_714, 60_000, 20_000)


def test_a_price_per_year_is_the_same_money():
    yearly = replace(SSO, billing=Billing.TERM, unit_price=Decimal(2400), price_months=12)
    monthly = replace(SSO, billing=Billing.TERM)
    by_year, by_month = (price_quote(request(line)).lines[0] for line in (yearly, monthly))
    assert (by_year.net_minor, by_year.monthly_minor) == (by_month.net_minor, by_month.monthly_minor)


def test_an_unchanged_line_costs_nothing_now():
    held = Holding(product_code="sso", name="Single sign-on", quantity=1, unit_price=Decimal(180))
    (line,) = price_quote(request(replace(SSO, holding=held))).lines
    assert (line.role, line.net_minor, line.period_minor, line.monthly_minor) == ("unchanged", 0, 18_000, 18_000)
    assert line.quantity_change == 0


def test_what_is_removed_is_credited_and_leaves_no_line_behind():
    held = Holding(product_code="sso", name="Single sign-on", quantity=1, unit_price=Decimal(200))
    quote = price_quote(request(replace(SSO, quantity=0, holding=held), credit_downgrades=True))
    (credit,) = quote.lines
    assert (credit.role, credit.quantity_change, credit.net_minor) == ("credit", -1, -5_806)
    assert (quote.monthly_before_minor, quote.monthly_minor, quote.period_total_minor) == (20_000, 0, 0)


def test_a_swap_to_the_same_price_is_free():
    same = replace(BUSINESS, quantity=40, unit_price=Decimal(10), schedule=None, holding=TEAM)
    assert price_quote(request(same)).due_now_minor == 0


def test_an_inclusive_price_has_its_tax_inside():
    (line,) = price_quote(new(ONBOARDING, tax_treatment=TaxTreatment.INCLUSIVE)).lines
    assert (line.net_minor, line.tax_minor, line.gross_minor) == (210_084, 39_916, 250_000)


# --- A percentage of other lines -------------------------------------------------------------------------------------


def test_a_percentage_covers_plans_and_addons_but_no_services_and_no_other_percentage():
    other = replace(SUPPORT, key="second", percent_of_total=PercentOfTotal(percent=Decimal(10)))
    quote = price_quote(new(SUPPORT, BUSINESS, SSO, ONBOARDING, other))
    assert quote.lines[0].net_minor == 121_800
    assert quote.lines[-1].net_minor == 81_200
    assert quote.lines[0].monthly_minor == 12_900
    assert quote.lines[0].period_minor == 3_000


def test_a_percentage_bought_later_covers_what_is_held_for_the_time_left():
    held = Holding(product_code="sso", name="Single sign-on", quantity=1, unit_price=Decimal(200))
    support = price_quote(request(replace(SSO, holding=held, billing=Billing.TERM), SUPPORT)).lines[1]
    # 15 % of 200.00 x 7.295890…
    assert (support.net_minor, support.monthly_before_minor, support.monthly_minor) == (21_888, 0, 3_000)


def test_a_percentage_that_is_held_follows_the_change_of_what_it_covers():
    held = Holding(product_code="premium_support", name="Premium support", quantity=1, unit_price=Decimal(0))
    quote = price_quote(request(replace(BUSINESS, holding=TEAM), replace(SUPPORT, holding=held)))
    support = quote.lines[2]
    assert support.net_minor == 28_454  # 15 % of 4,815.29 - 2,918.36
    assert (support.monthly_before_minor, support.monthly_minor) == (6_000, 9_900)


def test_a_percentage_of_a_credit_is_a_credit():
    held = Holding(product_code="premium_support", name="Premium support", quantity=1, unit_price=Decimal(0))
    fewer = replace(BUSINESS, product_code="team", schedule=None, quantity=40, holding=TEAM)
    quote = price_quote(request(fewer, replace(SUPPORT, holding=held), credit_downgrades=True))
    assert [(line.role, line.net_minor) for line in quote.lines] == [
        (LineRole.CREDIT, -58_367),
        (LineRole.UNCHANGED, 0),
        (LineRole.CREDIT, -8_755),
    ]


# --- Refusals --------------------------------------------------------------------------------------------------------


def test_each_line_is_told_as_it_is_priced_and_whoever_hears_it_may_end_the_pricing():
    told = []
    asked = new(BUSINESS, SSO, SUPPORT)
    assert price_quote(asked, on_line=told.append).price_hash == price_quote(asked).price_hash
    assert told == [1, 2, 3]

    def enough(count):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        price_quote(asked, on_line=enough)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (request(), QuoteIsEmpty),
        (request(SSO, SSO), LineListedTwice),
        (request(SSO, currency="XXX"), UnknownCurrency),
        (request(SSO, billing_period=None), BillingPeriodMissing),
        (request(SSO, billing_period=Period(date(2026, 6, 1), date(2026, 7, 1))), ChangeOutsidePeriod),
        (request(SSO, change_date=date(2025, 12, 31)), ChangeOutsidePeriod),
        (request(SSO, change_date=YEAR.until_date), ChangeOutsidePeriod),
        (request(SSO, period_months=0), TermIsEmpty),
        (request(replace(SSO, price_months=0)), TermIsEmpty),
        (request(replace(SSO, quantity=0)), NothingOrdered),
        (request(replace(BUSINESS, quantity=0, holding=TEAM)), NothingOrdered),
        (request(replace(SSO, quantity=-1)), NegativeAmount),
        (request(replace(SSO, unit_price=Decimal(-1))), NegativeAmount),
        (request(replace(SSO, quantity=Decimal("1.5"))), FractionalQuantity),
        (request(replace(SSO, quantity=10**12)), QuantityTooLarge),
        (new(replace(BUSINESS, holding=TEAM)), NothingHeldYet),
        (new(SSO, change_date=CHANGE), ChangeOutsidePeriod),
    ],
)
def test_a_quote_that_cannot_be_priced_is_refused(asked, error):
    with pytest.raises(error):
        price_quote(asked)


def test_lines_that_each_fit_but_not_their_sum_are_refused():
    vast = replace(ONBOARDING, unit_price=Decimal(50_000_000), quantity=10**9, tax_rate_percent=Decimal(0))
    assert price_quote(new(vast)).due_now_minor == 5 * 10**18
    with pytest.raises(AmountTooLarge):
        price_quote(new(vast, replace(vast, key="again")))


@pytest.mark.parametrize(
    "line",
    [
        replace(BUSINESS, product_code="team", quantity=49, holding=TEAM),
        replace(BUSINESS, product_code="team", quantity=0, holding=TEAM),
        replace(BUSINESS, unit_price=Decimal(1), holding=TEAM),
    ],
)
def test_a_downgrade_waits_unless_staff_credit_it_now(line):
    with pytest.raises(DowngradeWaits):
        price_quote(request(line))
    assert price_quote(request(line, credit_downgrades=True)).due_now_minor < 0


# --- In words --------------------------------------------------------------------------------------------------------


def test_a_line_explains_itself_with_its_figures():
    assert sentences(request(replace(BUSINESS, holding=TEAM), SSO)) == [
        (
            "credit for 50 seats of Team at EUR 8.00 a month, 7 months and 9 days left of 12: "
            "-EUR 2,918.36 plus -EUR 554.49 tax (19 %)"
        ),
        (
            "60 seats at EUR 12.00 a month, 10 % volume discount on seats 11-60, 7 months and 9 days left of 12: "
            "EUR 4,815.29 plus EUR 914.91 tax (19 %)"
        ),
        (
            "1 × Single sign-on at EUR 200.00 a month, 9 days left of 31 in this period: "
            "EUR 58.06 plus EUR 11.03 tax (19 %) now, then EUR 200.00 a month"
        ),
    ]


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (ProrationMode.DAY, "223 days left of 365"),
        (ProrationMode.MONTH, "8 months left of 12, a started month counting as whole"),
        (ProrationMode.MONTH_DAY, "7 months and 9 days left of 12"),
        (ProrationMode.CALENDAR_PERIOD, "for about 7.2903 months, each by its own days"),
    ],
)
def test_the_time_is_told_as_the_quote_counts_it(mode, words):
    (sentence,) = sentences(
        request(replace(SSO, billing=Billing.TERM, tax_rate_percent=Decimal(0)), proration_mode=mode)
    )
    assert sentence.startswith(f"1 × Single sign-on at EUR 200.00 a month, {words}: EUR ")


def test_added_units_and_discounts_given_by_hand_are_named():
    held = Holding(product_code="business", name="Business", quantity=50, unit_price=Decimal("9.50"))
    line = replace(
        BUSINESS,
        holding=held,
        tax_rate_percent=Decimal(0),
        discount=Adjustment(AdjustmentKind.DISCOUNT_PERCENT, Decimal("2.50")),
    )
    (sentence,) = sentences(request(line))
    assert sentence == (
        "10 more seats at EUR 12.00 a month, 10 % volume discount on seats 51-60, 2.5 % discount, "
        "7 months and 9 days left of 12: EUR 768.26"
    )


def test_a_unit_price_of_many_decimals_is_shown_as_rounded():
    line = replace(SSO, unit_price=Decimal("0.000123"), quantity=100_000, tax_rate_percent=Decimal(0))
    assert sentences(new(line)) == [
        "100,000 × Single sign-on at about EUR 0.0001 a month: EUR 12.30 now, then EUR 12.30 a month"
    ]


def test_the_sentence_can_be_said_in_another_language():
    german = {
        "%(clauses)s: %(result)s": "%(clauses)s = %(result)s",
        "%(quantity)s × %(name)s at %(price)s": "%(quantity)s × %(name)s zu %(price)s",
        "%(price)s a year": "%(price)s im Jahr",
        "for %(time)s": "für %(time)s",
    }
    (line,) = price_quote(
        new(
            replace(SSO, billing=Billing.TERM, unit_price=Decimal(1200), price_months=12, tax_rate_percent=Decimal(0)),
            contract=Period(date(2026, 1, 1), date(2026, 2, 1)),
        )
    ).lines
    assert (
        render(
            line.explanation,
            gettext=lambda message: german.get(message, message),
            ngettext=lambda singular, plural, count: "%(count)s Monat" if count == 1 else "%(count)s Monate",
            figure=lambda value: str(value).replace(".", ","),
        )
        == "1 × Single sign-on zu EUR 1,200,00 im Jahr, für 1 Monat = EUR 100,00"
    )
    assert phrase_text(line.explanation.result) == "EUR 100.00"


def test_an_explanation_survives_being_stored():
    for line in price_quote(request(replace(BUSINESS, holding=TEAM), SSO, ONBOARDING, SUPPORT)).lines:
        stored = json.loads(json.dumps(to_json(line.explanation)))
        assert from_json(stored) == line.explanation


def test_what_is_no_explanation_cannot_be_read_as_one():
    with pytest.raises(KeyError):
        from_json({"clauses": [], "result": {"template": "%(a)s", "params": {"a": {"figure": "7"}}}})


# --- What always holds -----------------------------------------------------------------------------------------------

prices = st.decimals(min_value=0, max_value=10_000, places=4)
quantities = st.integers(min_value=1, max_value=5_000)
rates = st.sampled_from([Decimal(0), Decimal(7), Decimal(19), Decimal("8.1")])
percents = st.decimals(min_value=0, max_value=100, places=2)


@st.composite
def lines(draw, index):
    held = draw(st.none() | st.just("same") | st.just("other"))
    quantity = draw(quantities)
    holding = None
    if held == "same":
        holding = Holding(
            product_code=f"p{index}", name="Held", quantity=draw(st.integers(0, quantity)), unit_price=draw(prices)
        )
    elif held == "other":
        holding = Holding(product_code="old", name="Old", quantity=draw(quantities), unit_price=draw(prices))
    return QuoteLine(
        product_code=f"p{index}",
        name=f"Product {index}",
        kind=draw(st.sampled_from([LineKind.PLAN, LineKind.ADDON])),
        quantity=quantity,
        unit_price=draw(prices),
        billing=draw(st.sampled_from(Billing)),
        price_months=draw(st.sampled_from([1, 3, 12])),
        holding=holding,
        schedule=draw(st.none() | st.just(SLAB)),
        discount=draw(st.none() | percents.map(lambda value: Adjustment(AdjustmentKind.DISCOUNT_PERCENT, value))),
        percent_of_total=draw(st.none() | st.none() | percents.map(lambda value: PercentOfTotal(percent=value))),
        tax_rate_percent=draw(rates),
    )


@st.composite
def requests(draw):
    start = draw(st.dates(min_value=date(2020, 1, 1), max_value=date(2030, 1, 1)))
    contract = Period(start, start + timedelta(days=draw(st.integers(min_value=1, max_value=1200))))
    change_date = start + timedelta(days=draw(st.integers(min_value=0, max_value=contract.days - 1)))
    before = draw(st.integers(min_value=0, max_value=30))
    return QuoteRequest(
        mode=QuoteMode.AMENDMENT,
        currency=draw(st.sampled_from(["EUR", "JPY", "BHD"])),
        lines=tuple(draw(lines(index)) for index in range(draw(st.integers(min_value=1, max_value=5)))),
        contract=contract,
        change_date=change_date,
        billing_period=Period(
            change_date - timedelta(days=before),
            change_date + timedelta(days=draw(st.integers(min_value=1, max_value=31))),
        ),
        proration_mode=draw(st.sampled_from(ProrationMode)),
        tax_treatment=draw(st.sampled_from(TaxTreatment)),
        credit_downgrades=True,
    )


@settings(deadline=None)
@given(requests(), st.randoms())
def test_lines_add_up_to_the_totals_in_any_order(asked, random):
    quote = price_quote(asked)
    assert quote.due_now_minor == sum(line.gross_minor for line in quote.lines)
    assert quote.due_now_minor == quote.due_net_minor + quote.due_tax_minor
    assert quote.period_total_minor == sum(line.period_gross_minor for line in quote.lines)

    shuffled = list(asked.lines)
    random.shuffle(shuffled)
    other = price_quote(replace(asked, lines=tuple(shuffled)))
    assert other.price_hash == quote.price_hash
    assert other.figures() == quote.figures()
    assert sorted(line.key for line in other.lines) == sorted(line.key for line in quote.lines)


@settings(deadline=None)
@given(requests(), prices, quantities, rates)
def test_the_credit_of_a_plan_mirrors_its_charge(asked, price, quantity, rate):
    plan = replace(
        BUSINESS, unit_price=price, quantity=quantity, schedule=None, tax_rate_percent=rate, billing=Billing.TERM
    )
    bought = price_quote(replace(asked, lines=(plan,))).lines[0]
    swapped = replace(
        BUSINESS,
        product_code="other",
        tax_rate_percent=rate,
        holding=Holding(product_code="business", name="Business", quantity=quantity, unit_price=price),
    )
    credit = price_quote(replace(asked, lines=(swapped,))).lines[0]
    assert (credit.net_minor, credit.tax_minor) == (-bought.net_minor, -bought.tax_minor)


@settings(deadline=None)
@given(requests())
def test_every_line_can_say_what_it_costs(asked):
    for line in price_quote(asked).lines:
        sentence = render(line.explanation)
        assert sentence
        assert "%(" not in sentence
        assert "/" not in sentence


# --- The hash --------------------------------------------------------------------------------------------------------


def test_the_hash_is_the_same_for_the_same_figures_however_written():
    written = replace(SSO, unit_price=Decimal("200.00"), quantity=Decimal("1.0"))
    assert price_quote(request(SSO)).price_hash == price_quote(request(written)).price_hash


@pytest.mark.parametrize(
    "changed",
    [
        request(replace(SSO, unit_price=Decimal("200.01"))),
        request(replace(SSO, quantity=2)),
        request(replace(SSO, tax_rate_percent=Decimal(20))),
        request(SSO, change_date=CHANGE + timedelta(days=1)),
        request(SSO, currency="USD"),
        request(SSO, ONBOARDING),
    ],
)
def test_the_hash_changes_with_anything_that_was_shown(changed):
    assert price_quote(changed).price_hash != price_quote(request(SSO)).price_hash
