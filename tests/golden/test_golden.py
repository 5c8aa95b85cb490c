"""Worked examples that vendors and standards publish, each against our own answer.

GOLDEN_DIR names another folder of cases; BENCH_DATA the folder of public data sets that some cases need.
"""

from __future__ import annotations

import json
import os
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from analytics.attribution import AttributionError
from analytics.kpis import ScoreOutOfScale
from commerce.pricing.money import PricingError, exact, round_half_away
from tests.golden.adapters import KINDS
from tracking.sessions import EventsOutOfOrder

REFUSALS = (PricingError, AttributionError, ScoreOutOfScale, EventsOutOfOrder)

GOLDEN_DIR = Path(os.environ.get("GOLDEN_DIR") or Path(__file__).parent / "cases")


def read_cases(folder: Path) -> list[Any]:
    """One parameter per case of every JSON file, with the file and the id as its name.

    Decimals stay as they are printed: how many there are says how precise the answer is.
    """
    return [
        pytest.param(case, id=f"{file.stem}:{case['id']}")
        for file in sorted(folder.glob("*.json"))
        for case in json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    ]


CASES = read_cases(GOLDEN_DIR)


def known_codes(base: type[Exception]) -> set[str]:
    """The names of all refusals that we have."""
    return {getattr(base, "code", "")} | {code for child in base.__subclasses__() for code in known_codes(child)}


def printed_places(answer: Decimal) -> int:
    exponent = answer.as_tuple().exponent
    assert isinstance(exponent, int), f"the answer {answer} is not a number"
    return max(-exponent, 0)


def assert_same(ours: Any, answer: Any, tolerance: Decimal | None, where: str) -> None:
    """Our value against the printed answer, by as many decimals as it prints or within the tolerance."""
    if answer is None:
        assert ours is None, f"{where}: {ours}, not undefined"
    elif isinstance(answer, dict):
        for name, part in answer.items():
            assert name in ours, f"{where}: {name} is missing"
            assert_same(ours[name], part, tolerance, f"{where}.{name}")
    elif isinstance(answer, list):
        assert len(ours) == len(answer), f"{where}: {len(ours)} parts, not {len(answer)}"
        for index, (our_part, part) in enumerate(zip(ours, answer, strict=True)):
            assert_same(our_part, part, tolerance, f"{where}[{index}]")
    elif isinstance(ours, str):
        assert ours == answer, where
    else:
        assert ours is not None, f"{where}: undefined, not {answer}"
        number = Decimal(str(answer))
        value = Fraction(ours) if isinstance(ours, float) else exact(ours)
        if tolerance is not None:
            assert abs(value - exact(number)) <= exact(tolerance), f"{where}: {ours}, not {answer}"
        else:
            places = printed_places(number)
            assert round_half_away(value, places) == number, f"{where}: {ours}, not {answer}"


def test_there_are_cases_to_check():
    assert CASES, f"{GOLDEN_DIR} has no cases"


@pytest.mark.parametrize("case", CASES)
def test_our_answer_is_the_published_one(case):
    assert case["kind"] in KINDS, f"unknown kind {case['kind']!r}"
    adapter = KINDS[case["kind"]]
    expected = case["expect"]
    if "error" in expected:
        with pytest.raises(REFUSALS) as refused:
            adapter(case["input"])
        # A name that is one of ours must be the one raised; others are somebody else's words for a refusal.
        if expected["error"] in known_codes(PricingError) | known_codes(AttributionError):
            assert refused.value.code == expected["error"]
        return
    tolerance = case.get("tolerance")
    assert_same(adapter(case["input"]), expected, None if tolerance is None else Decimal(str(tolerance)), case["id"])
