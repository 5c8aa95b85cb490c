"""The yardstick itself: a case that nobody understands, or that is off in its last digit, fails."""

from decimal import Decimal
from fractions import Fraction

import pytest

from tests.golden import test_golden
from tests.golden.adapters import KINDS
from tests.golden.test_golden import assert_same, read_cases


def check(**case):
    test_golden.test_our_answer_is_the_published_one({"id": "planted", "source": "planted"} | case)


def test_an_unknown_kind_fails():
    with pytest.raises(AssertionError, match="unknown kind"):
        check(kind="astrology", input={}, expect={"amount": "1"})


def test_an_unknown_metric_fails():
    with pytest.raises(AssertionError, match="unknown metric"):
        check(kind="kpi", input={"metric": "luck"}, expect={"value": "1"})


@pytest.mark.parametrize("answer", ["1.00", "1.02", "1.006"])
def test_a_wrong_answer_fails(answer):
    with pytest.raises(AssertionError):
        check(kind="round", input={"amount": "1.005", "currency": "EUR"}, expect={"amount": answer})


def test_a_refusal_of_another_kind_fails():
    with pytest.raises(AssertionError):
        check(kind="round", input={"amount": "NaN"}, expect={"error": "no_tier"})
    with pytest.raises(pytest.fail.Exception):
        check(kind="round", input={"amount": "1"}, expect={"error": "refused"})


def test_values_compare_by_the_decimals_that_the_answer_prints():
    assert_same(Fraction(1, 8), Decimal("0.13"), None, "x")
    assert_same(Fraction(1, 8), Decimal("0.1"), None, "x")
    assert_same(0.1 + 0.2, Decimal("0.3"), Decimal("1e-9"), "x")
    with pytest.raises(AssertionError):
        assert_same(Fraction(1, 8), Decimal("0.12"), None, "x")
    with pytest.raises(AssertionError):
        assert_same(Decimal(0), None, None, "x")
    with pytest.raises(AssertionError):
        assert_same(None, Decimal(0), None, "x")


def test_a_data_set_that_is_absent_is_visibly_not_run(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match="NOT RUN"):
        KINDS["attribution"]({"dataset": "pathdata", "model": "first"})


def test_cases_keep_the_decimals_they_print(tmp_path):
    (tmp_path / "some.json").write_text('[{"id": "a", "expect": {"value": 200.0}}]')
    (case,) = read_cases(tmp_path)
    assert case.id == "some:a"
    assert str(case.values[0]["expect"]["value"]) == "200.0"
