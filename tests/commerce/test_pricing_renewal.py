from datetime import date
from decimal import Decimal

import pytest

from commerce.pricing.money import NegativeAmount
from commerce.pricing.proration import TermIsEmpty
from commerce.pricing.renewal import (
    ContractEnd,
    ContractListedTwice,
    ContractOutlivesTerm,
    ContractsMissing,
    ListPriceMissing,
    MasterUnknown,
    RenewalMethod,
    SoldPriceMissing,
    co_terminate,
    renewal_price,
    uplift_from_index,
)

A = ContractEnd("A", date(2023, 6, 30))
B = ContractEnd("B", date(2023, 9, 30))
C = ContractEnd("C", date(2023, 12, 31))


def test_the_sold_price_is_the_default():
    assert renewal_price(price=Decimal(90), list_price=Decimal(100)) == 90


def test_list_takes_the_price_of_today():
    assert renewal_price(RenewalMethod.LIST, list_price=Decimal(110)) == 110


def test_an_uplift_of_two_years_is_simple():
    assert renewal_price(RenewalMethod.UPLIFT, price=Decimal(100), uplift_percent=Decimal(10), uplift_years=2) == 120


def test_a_missing_price_is_not_a_price_of_zero():
    with pytest.raises(ListPriceMissing):
        renewal_price(RenewalMethod.LIST, price=Decimal(90))
    with pytest.raises(SoldPriceMissing):
        renewal_price(RenewalMethod.UPLIFT, list_price=Decimal(90))


def test_an_uplift_below_zero_is_refused():
    with pytest.raises(NegativeAmount):
        renewal_price(RenewalMethod.UPLIFT, price=Decimal(90), uplift_percent=Decimal(-1))


@pytest.mark.parametrize(("index", "uplift"), [("2", "8"), ("4", "9"), ("20", "12"), ("-3", "8")])
def test_an_index_uplift_has_a_floor_and_a_cap(index, uplift):
    assert uplift_from_index(
        Decimal(index), spread_percent=Decimal(5), floor_percent=Decimal(8), cap_percent=Decimal(12)
    ) == Decimal(uplift)


def test_the_contract_that_ends_first_is_the_master_and_leaves_no_gap():
    lines = co_terminate([C, A, B], term_months=12)
    assert [(line.contract_id, line.start_date) for line in lines] == [
        ("C", date(2024, 1, 1)),
        ("A", date(2023, 7, 1)),
        ("B", date(2023, 10, 1)),
    ]
    assert {line.end_date for line in lines} == {date(2024, 6, 30)}
    assert {line.gap_days for line in lines} == {0}


def test_a_later_master_leaves_a_gap_that_is_counted():
    lines = {line.contract_id: line for line in co_terminate([A, B, C], term_months=12, master="B")}
    assert (lines["A"].start_date, lines["A"].gap_days) == (date(2023, 10, 1), 92)
    assert (lines["B"].start_date, lines["B"].gap_days) == (date(2023, 10, 1), 0)
    assert (lines["C"].start_date, lines["C"].end_date) == (date(2024, 1, 1), date(2024, 9, 30))


def test_the_common_end_is_clamped_to_the_end_of_the_month():
    (line,) = co_terminate([ContractEnd("X", date(2024, 1, 30))], term_months=1)
    assert (line.start_date, line.end_date) == (date(2024, 1, 31), date(2024, 2, 28))


@pytest.mark.parametrize(
    ("contracts", "options", "error"),
    [
        ([], {}, ContractsMissing),
        ([A, A], {}, ContractListedTwice),
        ([A], {"master": "B"}, MasterUnknown),
        ([A], {"term_months": 0}, TermIsEmpty),
        ([A, ContractEnd("D", date(2024, 6, 30))], {}, ContractOutlivesTerm),
    ],
)
def test_contracts_that_cannot_be_aligned_are_refused(contracts, options, error):
    with pytest.raises(error):
        co_terminate(contracts, **{"term_months": 12} | options)
