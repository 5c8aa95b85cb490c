from datetime import date
from decimal import Decimal

import pytest

from analytics import kpis
from commerce.pricing.money import NotANumber, UnknownChoice
from commerce.pricing.proration import Period


def period(start: str, end: str) -> Period:
    return Period.through(date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize(
    "figure",
    [
        lambda: kpis.roi(benefits=300, costs=0),
        lambda: kpis.sales_cycle_mean_days(cycles=[]),
        lambda: kpis.sales_cycle_median_days(cycles=[]),
        lambda: kpis.sales_cycle_reduction(before=0, after=3),
        lambda: kpis.churn_reduction(before=0, after=0),
        lambda: kpis.gross_renewal_rate(due=0, renewed=0),
        lambda: kpis.net_renewal_rate(due=0, renewed=0, expansion=5),
        lambda: kpis.nrr(start=0, expansion=1, contraction=0, churn=0),
        lambda: kpis.grr(start=0, contraction=0, churn=0),
        lambda: kpis.aov(revenue=0, orders=0),
        lambda: kpis.clv(arpa=50, gross_margin=1, churn_rate=0),
        lambda: kpis.csat(scores={}),
        lambda: kpis.nps(scores={5: 0}),
        lambda: kpis.cost_per_resolution(cost=100, resolved=0),
        lambda: kpis.stickiness(dau=0, mau=0),
    ],
)
def test_a_figure_without_a_denominator_is_not_defined(figure):
    assert figure() is None


def test_a_loss_is_a_negative_return():
    assert kpis.roi(benefits=50, costs=100) == Decimal("-0.5")


def test_the_median_of_an_even_number_lies_between_the_middle_two():
    assert kpis.sales_cycle_median_days(cycles=[90, 1, 4, 3]) == Decimal("3.5")
    assert kpis.sales_cycle_median_days(cycles=[90, 1, Decimal("4.5")]) == Decimal("4.5")


def test_reductions_are_ratios_of_before_and_negative_when_it_rose():
    assert kpis.sales_cycle_reduction(before=50, after=40) == Decimal("0.2")
    assert kpis.churn_reduction(before=Decimal("0.04"), after=Decimal("0.05")) == Decimal("-0.25")


def test_renewal_and_retention_rates():
    assert kpis.gross_renewal_rate(due=1_000_000, renewed=850_000) == Decimal("0.85")
    assert kpis.net_renewal_rate(due=1_000_000, renewed=850_000, expansion=200_000) == Decimal("1.05")
    assert kpis.nrr(start=100, expansion=20, contraction=5, churn=10) == Decimal("1.05")
    assert kpis.grr(start=100, contraction=5, churn=10) == Decimal("0.85")


def test_a_yearly_price_counts_a_twelfth_a_month():
    assert kpis.delta_mrr(unit_price=60, quantity=-3, period=kpis.PricePeriod.YEAR) == -15
    with pytest.raises(UnknownChoice):
        kpis.PricePeriod("quarter")


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2021-04-01", "2021-12-31", "9"),
        ("2021-04-16", "2021-06-15", "2"),
        ("2024-02-01", "2024-02-29", "1"),
        ("2021-04-10", "2021-04-12", "0.1"),
    ],
)
def test_contract_value_counts_calendar_months_and_actual_days(start, end, months):
    assert kpis.delta_tcv(unit_price=5, quantity=3, period=period(start, end)) == 15 * Decimal(months)


def test_a_lifetime_without_churn_is_capped_and_says_so():
    capped = kpis.CappedClv(Decimal(2250), is_capped=True)
    assert kpis.capped_clv(arpa=50, gross_margin=Decimal("0.75"), churn_rate=0) == capped
    assert kpis.capped_clv(arpa=50, gross_margin=Decimal("0.75"), churn_rate=Decimal("0.01")) == capped
    assert kpis.capped_clv(arpa=50, gross_margin=Decimal("0.75"), churn_rate=Decimal("0.04")) == kpis.CappedClv(
        Decimal("937.5"), is_capped=False
    )


def test_neutral_answers_stay_in_the_denominator():
    assert kpis.csat(scores={5: 1, 3: 3}) == 25


@pytest.mark.parametrize(
    ("scores", "points"),
    [({10: 1}, 100), ({0: 1}, -100), ({7: 3, 8: 2}, 0), ({9: 1, 6: 2, 7: 5}, -13), ({9: 2, 6: 1, 7: 5}, 13)],
)
def test_net_promoter_score_is_whole_and_rounds_halves_away_from_zero(scores, points):
    assert kpis.nps(scores=scores) == points


@pytest.mark.parametrize("scores", [{11: 1}, {-1: 1}, {5: -1}])
def test_an_answer_off_the_scale_is_refused(scores):
    with pytest.raises(kpis.ScoreOutOfScale):
        kpis.nps(scores=scores)


def test_what_is_no_number_is_refused():
    with pytest.raises(NotANumber):
        kpis.roi(benefits=Decimal("NaN"), costs=1)
