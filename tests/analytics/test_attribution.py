import math
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.attribution import (
    HalfLifeOutOfRange,
    Measure,
    MeasureNeedsMarkov,
    Model,
    NegativeCount,
    Path,
    TimesMissing,
    UnknownModel,
    WeightsMissing,
    attribute,
    position_shares,
    removal_effects,
    time_decay_shares,
)

JOURNEYS = [
    Path(("mail", "kb", "mail", "quote"), conversions=4, value=400, nulls=2),
    Path(("kb",), conversions=2, value=100, nulls=10),
    Path(("quote", "quote"), conversions=1, value=50, nulls=3),
    Path(("mail", "quote"), conversions=0, value=0, nulls=5),
]


def credit(model: str, measure: str = "conversions", paths=JOURNEYS, **options):
    return attribute(paths, model=Model(model), measure=Measure(measure), **options)


def test_first_and_last_take_all():
    assert credit("first") == {"kb": 2, "mail": 4, "quote": 1}
    assert credit("last", "value") == {"kb": 100, "mail": 0, "quote": 450}


def test_linear_counts_repeats_per_occurrence():
    assert credit("linear") == {"kb": 3, "mail": 2, "quote": 2}


def test_shapley_counts_each_kind_of_a_path_once():
    assert credit("shapley") == pytest.approx({"kb": 2 + 4 / 3, "mail": 4 / 3, "quote": 4 / 3 + 1})


@pytest.mark.parametrize(
    ("touches", "shares"),
    [
        (1, [1]),
        (2, [0.75, 0.25]),
        (3, [0.6, 0.2, 0.2]),
        (4, [0.6, 0.1, 0.1, 0.2]),
    ],
)
def test_position_shares_by_place(touches, shares):
    assert position_shares(touches, (0.6, 0.2, 0.2)) == pytest.approx(shares)


def test_position_weights_are_taken_in_proportion():
    assert position_shares(3, (40, 20, 40)) == pytest.approx([0.4, 0.2, 0.4])
    assert position_shares(2, (0, 1, 0)) == [0.5, 0.5]


def test_position_credits_add_repeats_of_a_kind():
    (path,) = JOURNEYS[:1]
    assert credit("position", paths=[path]) == pytest.approx({"mail": 2.0, "kb": 0.4, "quote": 1.6})


def test_credit_halves_with_each_half_life():
    assert time_decay_shares([28, 14, 0], 14) == pytest.approx([1 / 7, 2 / 7, 4 / 7])


def test_touches_long_ago_alone_still_share_all_of_it():
    assert time_decay_shares([1e6, 1e6 + 1], 1) == pytest.approx([2 / 3, 1 / 3])


def test_touches_in_any_order_make_the_same_path():
    touches = [("a", 2.0), ("b", 1.0), ("c", 0.0)]
    assert {Path.of_touches(order) for order in permutations(touches)} == {
        Path(("a", "b", "c"), hours_before=(2.0, 1.0, 0.0))
    }


def test_removal_effects_of_a_chain_worked_by_hand():
    paths = [Path(("a", "b"), 1, nulls=1), Path(("a",), 2), Path(("b",), 2, nulls=2)]
    # Half of all start at a, half at b. Half of a's go on to b, the others convert; half of b's convert.
    # From a: 1/2 x 1/2 + 1/2 = 3/4; in all: 1/2 x 3/4 + 1/2 x 1/2 = 5/8.
    # Without a: 1/2 x 1/2 = 1/4. Without b: 1/2 x 1/2 = 1/4. So each loses 1 - 1/4 / 5/8.
    assert removal_effects(paths) == pytest.approx({"a": 0.6, "b": 0.6})


def test_a_kind_repeated_in_a_row_is_one_step():
    once = [Path(("a", "b"), 1), Path(("a",), 0, nulls=1)]
    often = [Path(("a", "a", "a", "b", "b"), 1), Path(("a", "a"), 0, nulls=1)]
    assert removal_effects(often) == removal_effects(once)


def test_a_walk_that_comes_back_is_reached_once():
    paths = [Path(("a", "b", "a", "b"), 1, nulls=1)]
    assert removal_effects(paths) == pytest.approx({"a": 1.0, "b": 1.0})


def test_where_nothing_converts_nobody_earns():
    paths = [Path(("a", "b"), 0, nulls=4)]
    assert removal_effects(paths) == {"a": 0, "b": 0}
    for model in Model:
        if model is not Model.TIME_DECAY:
            assert attribute(paths, model=model) == {"a": 0, "b": 0}, model


def test_a_path_without_touches_gives_nobody_credit():
    for model in Model:
        assert attribute([Path((), conversions=5)], model=model) == {}, model


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"model": "linear", "measure": "removal_effect"}, MeasureNeedsMarkov),
        ({"model": "time_decay"}, TimesMissing),
        ({"model": "time_decay", "half_life_hours": 0}, HalfLifeOutOfRange),
        ({"model": "time_decay", "half_life_hours": math.nan}, HalfLifeOutOfRange),
        ({"model": "position", "position_weights": (0.5, 0.5)}, WeightsMissing),
        ({"model": "position", "position_weights": (0, 0, 0)}, WeightsMissing),
        ({"model": "position", "position_weights": (1, -0.5, 1)}, NegativeCount),
        ({"model": "best"}, UnknownModel),
        ({"model": "first", "measure": "clicks"}, UnknownModel),
    ],
)
def test_a_question_without_an_answer_is_refused(options, error):
    with pytest.raises(error):
        credit(**options)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ({"kinds": ("a",), "conversions": -1}, NegativeCount),
        ({"kinds": ("a",), "value": math.nan}, NegativeCount),
        ({"kinds": ("a",), "hours_before": (-1.0,)}, NegativeCount),
        ({"kinds": ("a", "b"), "hours_before": (1.0,)}, TimesMissing),
    ],
)
def test_a_path_that_cannot_be_is_refused(path, error):
    with pytest.raises(error):
        Path(**path)


counts = st.integers(min_value=0, max_value=50)


@st.composite
def some_paths(draw):
    kinds = st.lists(st.sampled_from("abcde"), min_size=1, max_size=7)
    paths = []
    for path in draw(st.lists(kinds, min_size=1, max_size=12)):
        hours = draw(st.lists(st.integers(0, 2000), min_size=len(path), max_size=len(path)))
        paths.append(
            Path(
                tuple(path),
                draw(counts),
                draw(counts),
                draw(counts),
                tuple(float(h) for h in sorted(hours, reverse=True)),
            )
        )
    return paths


@settings(deadline=None)
@given(some_paths(), st.sampled_from(Model), st.randoms())
def test_credits_add_up_to_all_conversions_in_any_order_of_the_paths(paths, model, random):
    shares = attribute(paths, model=model)
    assert math.fsum(shares.values()) == pytest.approx(sum(path.conversions for path in paths))
    assert all(credit >= -1e-9 for credit in shares.values())
    shuffled = list(paths)
    random.shuffle(shuffled)
    assert attribute(shuffled, model=model) == shares


@settings(deadline=None)
@given(some_paths())
def test_removal_effects_equal_the_chain_with_the_kind_taken_out(paths):
    """Removing a kind is cutting every path before it: what was ahead of it ends in nothing."""
    effects = removal_effects(paths)
    chances = [_chance_by_steps(paths, without=kind) for kind in effects]
    whole = _chance_by_steps(paths, without=None)
    for effect, chance in zip(effects.values(), chances, strict=True):
        assert effect == pytest.approx(1 - chance / whole if whole else 0, abs=1e-6)


def _chance_by_steps(paths, *, without):
    """The chance to convert, by walking the chain step by step until nearly nobody is left on it."""
    moves: dict[str, dict[str, float]] = {}
    for path in paths:
        walked = path.conversions + path.nulls
        steps = ["(start)", *(k for i, k in enumerate(path.kinds) if i == 0 or path.kinds[i - 1] != k)]
        for origin, goal in pairwise(steps):
            row = moves.setdefault(origin, {})
            row[goal] = row.get(goal, 0) + walked
        row = moves.setdefault(steps[-1], {})
        row["(conversion)"] = row.get("(conversion)", 0) + path.conversions
        row["(null)"] = row.get("(null)", 0) + path.nulls
    people, converted = {"(start)": 1.0}, 0.0
    for _ in range(5000):
        ahead: dict[str, float] = {}
        for origin, share in people.items():
            total = sum(moves[origin].values())
            for goal, count in moves[origin].items() if total else ():
                if goal == "(conversion)":
                    converted += share * count / total
                elif goal not in ("(null)", without):
                    ahead[goal] = ahead.get(goal, 0) + share * count / total
        people = ahead
        if sum(people.values()) < 1e-12:
            break
    return converted


@settings(deadline=None)
@given(some_paths())
def test_shapley_equals_its_definition_over_all_orders_of_joining(paths):
    kinds = sorted({kind for path in paths for kind in path.kinds})

    def worth(coalition):
        return sum(path.conversions for path in paths if set(path.kinds) <= coalition)

    orders = list(permutations(kinds))
    expected = dict.fromkeys(kinds, 0.0)
    for order in orders:
        joined: set[str] = set()
        for kind in order:
            before = worth(joined)
            joined.add(kind)
            expected[kind] += (worth(joined) - before) / len(orders)
    assert attribute(paths, model=Model.SHAPLEY) == pytest.approx(expected)
