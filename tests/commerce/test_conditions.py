"""Conditions: what they ask, and what is refused when a rule is saved."""

from decimal import Decimal

import pytest

from commerce.catalogue.conditions import Condition, ConditionRefused, FactKind, Facts, Operator, holds, parse

FACTS = Facts(
    named={"seats": FactKind.NUMBER, "tier": FactKind.TEXT, "products": FactKind.TEXTS},
    prefixed={"quantity:": FactKind.NUMBER},
)


def asked(fact, operator, value):
    return parse([{"fact": fact, "operator": operator, "value": value}], facts=FACTS)


@pytest.mark.parametrize(
    ("operator", "value", "at", "met"),
    [
        ("is", "10", 10, True),
        ("is", "10", Decimal("10.0"), True),
        ("is_not", "10", 10, False),
        ("above", "10", 10, False),
        ("above", "10", Decimal("10.01"), True),
        ("at_least", "10", 10, True),
        ("below", "10", 10, False),
        ("at_most", "10", 10, True),
        ("one_of", ["5", "10"], 10, True),
        ("none_of", ["5", "10"], 10, False),
    ],
)
def test_numbers_are_compared_at_their_bounds(operator, value, at, met):
    assert holds(asked("seats", operator, value), {"seats": at}) is met


def test_texts_are_compared_as_they_are():
    assert holds(asked("tier", "is", "premier"), {"tier": "premier"})
    assert not holds(asked("tier", "is", "premier"), {"tier": "Premier"})
    assert holds(asked("tier", "none_of", ["premier", "growth"]), {"tier": "essential"})


def test_one_of_several_texts_is_enough():
    owned = {"products": frozenset({"sso", "audit_log"})}
    assert holds(asked("products", "is", "sso"), owned)
    assert holds(asked("products", "one_of", ["sandbox", "sso"]), owned)
    assert not holds(asked("products", "is_not", "sso"), owned)


def test_all_conditions_of_a_rule_must_hold():
    both = asked("tier", "is", "premier") + asked("seats", "at_least", 10)
    assert holds(both, {"tier": "premier", "seats": 10})
    assert not holds(both, {"tier": "premier", "seats": 9})
    assert holds((), {})


def test_what_nobody_knows_counts_as_nothing():
    assert holds(asked("quantity:sso", "below", "1"), {})
    assert holds(asked("quantity:sso", "is", "0"), {})
    assert holds(asked("tier", "is_not", "premier"), {})


def test_conditions_are_stored_as_they_are_read():
    stored = [
        {"fact": "quantity:sso", "operator": "at_least", "value": "1"},
        {"fact": "tier", "operator": "one_of", "value": ["premier", "growth"]},
    ]
    read = parse(stored, facts=FACTS)
    assert read[0] == Condition("quantity:sso", Operator.AT_LEAST, (Decimal(1),))
    assert [condition.as_json() for condition in read] == stored


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        ({"fact": "seats"}, "a list"),
        ([{"fact": "seats", "operator": "is"}], "a fact, an operator and a value"),
        ([{"fact": "colour", "operator": "is", "value": "red"}], "no fact “colour”"),
        ([{"fact": "quantity:", "operator": "is", "value": "1"}], "no fact “quantity:”"),
        ([{"fact": 7, "operator": "is", "value": "1"}], "no fact “7”"),
        ([{"fact": "seats", "operator": "like", "value": "1"}], "“like” compares nothing"),
        ([{"fact": "tier", "operator": "above", "value": "1"}], "no number"),
        ([{"fact": "seats", "operator": "is", "value": "many"}], "with a number"),
        ([{"fact": "seats", "operator": "is", "value": "NaN"}], "with a number"),
        ([{"fact": "seats", "operator": "is", "value": True}], "with a number"),
        ([{"fact": "seats", "operator": "is", "value": ["1"]}], "take a list"),
        ([{"fact": "seats", "operator": "one_of", "value": "1"}], "take a list"),
        ([{"fact": "seats", "operator": "one_of", "value": []}], "take a list"),
        ([{"fact": "tier", "operator": "is", "value": 1}], "with a text"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused_with_a_reason(stored, why):
    with pytest.raises(ConditionRefused, match=why):
        parse(stored, facts=FACTS)
