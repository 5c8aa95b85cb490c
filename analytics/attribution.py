"""Which kinds of touches earned what, along many paths. Pure: no ORM, no clock, no settings.

`attribute` shares conversions or value by one of seven models: first, last, linear, position, time decay, Markov,
Shapley. docs/attribution.md has the rules in prose; `analytics.influence` asks the same of a single deal. Credits are
floats that add up to the total.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import ClassVar, NoReturn

Credits = dict[str, float]


class AttributionError(ValueError):
    """A question about attribution that has no answer. `code` names the reason."""

    code: ClassVar[str] = "attribution"


class UnknownModel(AttributionError):
    """The model, measure or kind of deal is none that we know."""

    code = "unknown_model"


class NegativeCount(AttributionError):
    """A path was taken a negative or infinite number of times, or a weight is below zero."""

    code = "negative"


class MeasureNeedsMarkov(AttributionError):
    """The removal effect is a figure of the Markov model alone."""

    code = "measure_needs_markov"


class TimesMissing(AttributionError):
    """Time decay needs to know how long before the conversion each touch was."""

    code = "times_missing"


class HalfLifeOutOfRange(AttributionError):
    """A half-life is a time above zero."""

    code = "half_life_out_of_range"


class WeightsMissing(AttributionError):
    """Position weights are three, for first, middle and last, and not all zero."""

    code = "weights_missing"


class NamedChoice(StrEnum):
    """A closed set of names. An unknown one is refused with UnknownModel."""

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        raise UnknownModel(f"{value!r} is not one of {', '.join(cls)}")


class Model(NamedChoice):
    FIRST = "first"
    LAST = "last"
    LINEAR = "linear"
    POSITION = "position"
    TIME_DECAY = "time_decay"
    MARKOV = "markov"
    SHAPLEY = "shapley"


class Measure(NamedChoice):
    CONVERSIONS = "conversions"
    VALUE = "value"
    REMOVAL_EFFECT = "removal_effect"


# First, middle, last: the usual U shape.
POSITION_WEIGHTS = (0.4, 0.2, 0.4)
HALF_LIFE_DAYS = 14


@dataclass(frozen=True, slots=True)
class Path:
    """A sequence of touch kinds, and how often it was taken: with what result, and in vain.

    `conversions`, `value` and `nulls` are totals over all who took it. `hours_before` gives the age of each touch at
    the conversion, for time decay. A path without touches gives nobody credit.
    """

    kinds: tuple[str, ...]
    conversions: float = 1
    value: float = 0
    nulls: float = 0
    hours_before: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for number in (self.conversions, self.value, self.nulls):
            if not 0 <= number < math.inf:
                raise NegativeCount(f"{number} on the path {' > '.join(self.kinds)}")
        if self.hours_before is not None:
            if len(self.hours_before) != len(self.kinds):
                raise TimesMissing("each touch of a path needs its time")
            if not all(0 <= hours < math.inf for hours in self.hours_before):
                raise NegativeCount("a touch after the conversion cannot have caused it")

    @classmethod
    def of_touches(
        cls, touches: Iterable[tuple[str, float]], *, conversions: float = 1, value: float = 0, nulls: float = 0
    ) -> Path:
        """One path from (kind, hours before the conversion) in any order."""
        ordered = sorted(touches, key=lambda touch: -touch[1])
        return cls(tuple(kind for kind, _ in ordered), conversions, value, nulls, tuple(hours for _, hours in ordered))


def attribute(
    paths: Sequence[Path],
    *,
    model: Model,
    measure: Measure = Measure.CONVERSIONS,
    position_weights: Sequence[float] = POSITION_WEIGHTS,
    half_life_hours: float = HALF_LIFE_DAYS * 24,
) -> Credits:
    """Credit per kind of touch, for every kind on the paths; conversions and value add up to their totals.

    Raises MeasureNeedsMarkov, TimesMissing, HalfLifeOutOfRange, WeightsMissing.
    """
    if measure is Measure.REMOVAL_EFFECT and model is not Model.MARKOV:
        raise MeasureNeedsMarkov(f"{model} has no removal effect")
    match model:
        case Model.MARKOV:
            effects = removal_effects(paths)
            return effects if measure is Measure.REMOVAL_EFFECT else _markov_credits(paths, effects, measure)
        case Model.SHAPLEY:
            return _shared(paths, measure, _coalition_shares)
        case Model.FIRST:
            return _shared(paths, measure, lambda path: ((path.kinds[0], 1.0),))
        case Model.LAST:
            return _shared(paths, measure, lambda path: ((path.kinds[-1], 1.0),))
        case Model.LINEAR:
            return _shared(paths, measure, lambda path: zip(path.kinds, linear_shares(len(path.kinds)), strict=True))
        case Model.POSITION:
            weights = checked_weights(position_weights)
            return _shared(
                paths, measure, lambda path: zip(path.kinds, position_shares(len(path.kinds), weights), strict=True)
            )
        case Model.TIME_DECAY:
            half_life = checked_half_life(half_life_hours)
            return _shared(paths, measure, lambda path: zip(path.kinds, _decay_of(path, half_life), strict=True))


def linear_shares(touches: int) -> list[float]:
    """Equal shares."""
    return [1 / touches] * touches


def position_shares(touches: int, weights: Sequence[float] = POSITION_WEIGHTS) -> list[float]:
    """Shares by place: the middle ones split the middle weight; two touches share first and last; one takes all.

    Weights that do not add up to 1 are taken in proportion.
    """
    first, middle, last = weights
    if touches == 1:
        return [1.0]
    if touches == 2:
        # With no weight at either end there is nothing to renormalise: both ends are alike.
        return [first / (first + last), last / (first + last)] if first + last else [0.5, 0.5]
    whole = first + middle + last
    return [first / whole, *[middle / whole / (touches - 2)] * (touches - 2), last / whole]


def time_decay_shares(ages: Sequence[float], half_life: float) -> list[float]:
    """Shares that halve with each half-life of age, in the unit of the half-life."""
    # Only the differences matter, so the youngest touch weighs 1: very old touches alone never underflow to nothing.
    youngest = min(ages)
    weights = [2.0 ** -((age - youngest) / half_life) for age in ages]
    whole = math.fsum(weights)
    return [weight / whole for weight in weights]


def removal_effects(paths: Sequence[Path]) -> Credits:
    """Per kind, the part of all conversions that would be lost without it, in a Markov chain of order 1.

    Each path is a walk from start over its kinds to conversion or to nothing; a kind repeated in a row is one step.
    Removing a kind sends everyone who would reach it to nothing. Zero for all where nothing converts.
    """
    chain = _Chain.of(paths)
    visits = chain.expected_visits()
    converts = chain.conversion_chances(visits)
    reached = {
        kind: math.fsum(chain.starts.get(origin, 0.0) * visits[origin][kind] for origin in chain.kinds)
        / visits[kind][kind]
        for kind in chain.kinds
    }
    total = math.fsum(chain.starts.get(kind, 0.0) * converts[kind] for kind in chain.kinds)
    return {kind: reached[kind] * converts[kind] / total if total else 0.0 for kind in chain.kinds}


def _markov_credits(paths: Sequence[Path], effects: Credits, measure: Measure) -> Credits:
    total = math.fsum(_total(path, measure) for path in paths if path.kinds)
    whole = math.fsum(effects.values())
    return {kind: total * effect / whole if whole else 0.0 for kind, effect in effects.items()}


@dataclass(frozen=True, slots=True)
class _Chain:
    """Transition chances between kinds; what is missing from a row leads to nothing."""

    kinds: tuple[str, ...]
    starts: Mapping[str, float]
    moves: Mapping[str, Mapping[str, float]]
    conversions: Mapping[str, float]

    @classmethod
    def of(cls, paths: Sequence[Path]) -> _Chain:
        starts: dict[str, list[float]] = defaultdict(list)
        moves: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        conversions: dict[str, list[float]] = defaultdict(list)
        leaving: dict[str, list[float]] = defaultdict(list)
        for path in paths:
            walked = path.conversions + path.nulls
            if not path.kinds or not walked:
                continue
            steps = [kind for index, kind in enumerate(path.kinds) if index == 0 or path.kinds[index - 1] != kind]
            starts[steps[0]].append(walked)
            for origin, goal in pairwise(steps):
                moves[origin][goal].append(walked)
                leaving[origin].append(walked)
            conversions[steps[-1]].append(path.conversions)
            leaving[steps[-1]].append(walked)
        # Sorted, and summed exactly, so that the order of the paths cannot be seen in the result.
        out = {kind: math.fsum(counts) for kind, counts in sorted(leaving.items())}
        begun = math.fsum(count for counts in starts.values() for count in counts)
        return cls(
            kinds=tuple(sorted({kind for path in paths for kind in path.kinds})),
            starts={kind: math.fsum(counts) / begun for kind, counts in starts.items()},
            moves={
                origin: {goal: math.fsum(counts) / out[origin] for goal, counts in goals.items()}
                for origin, goals in moves.items()
            },
            conversions={kind: math.fsum(counts) / out[kind] for kind, counts in conversions.items()},
        )

    def expected_visits(self) -> dict[str, dict[str, float]]:
        """How often each kind is visited when starting from each: the inverse of (1 - moves), by elimination."""
        size = len(self.kinds)
        rows = [
            [(row == column) - self.moves.get(origin, {}).get(goal, 0.0) for column, goal in enumerate(self.kinds)]
            + [float(row == column) for column in range(size)]
            for row, origin in enumerate(self.kinds)
        ]
        for column in range(size):
            pivot = max(range(column, size), key=lambda row: abs(rows[row][column]))
            rows[column], rows[pivot] = rows[pivot], rows[column]
            scale = rows[column][column]
            rows[column] = [value / scale for value in rows[column]]
            for row in range(size):
                factor = rows[row][column]
                if row != column and factor:
                    rows[row] = [
                        value - factor * pivoted for value, pivoted in zip(rows[row], rows[column], strict=True)
                    ]
        return {origin: dict(zip(self.kinds, rows[row][size:], strict=True)) for row, origin in enumerate(self.kinds)}

    def conversion_chances(self, visits: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
        """The chance to convert in the end, starting from each kind."""
        return {
            origin: math.fsum(visits[origin][kind] * self.conversions.get(kind, 0.0) for kind in self.kinds)
            for origin in self.kinds
        }


def _coalition_shares(path: Path) -> Iterable[tuple[str, float]]:
    """Shapley values where a coalition is worth what the paths within it brought.

    That game is a sum of one unanimity game per path, and the Shapley value of such a game is an equal share for each
    of its distinct kinds. So the figure is exact for any number of kinds, without listing the coalitions.
    """
    members = sorted(set(path.kinds))
    return zip(members, linear_shares(len(members)), strict=True)


def _shared(paths: Sequence[Path], measure: Measure, shares: Callable[[Path], Iterable[tuple[str, float]]]) -> Credits:
    parts_by_kind: dict[str, list[float]] = defaultdict(list)
    for path in paths:
        if not path.kinds:
            continue
        total = _total(path, measure)
        for kind in path.kinds:
            parts_by_kind[kind].append(0.0)
        if total:
            for kind, share in shares(path):
                parts_by_kind[kind].append(total * share)
    # fsum is exact, so the order of the paths cannot be seen in the result.
    return {kind: math.fsum(parts) for kind, parts in sorted(parts_by_kind.items())}


def _total(path: Path, measure: Measure) -> float:
    return path.value if measure is Measure.VALUE else path.conversions


def _decay_of(path: Path, half_life_hours: float) -> list[float]:
    if path.hours_before is None:
        raise TimesMissing("time decay needs the times of the touches")
    return time_decay_shares(path.hours_before, half_life_hours)


def checked_half_life(half_life: float) -> float:
    """The half-life, if it is a time above zero. Raises HalfLifeOutOfRange."""
    if not 0 < half_life < math.inf:
        raise HalfLifeOutOfRange(f"{half_life!r} is not a half-life")
    return half_life


def checked_weights(weights: Sequence[float]) -> Sequence[float]:
    """Weights for first, middle and last. Raises WeightsMissing, NegativeCount."""
    if len(weights) != 3 or not sum(weights):
        raise WeightsMissing(f"{list(weights)} are not weights for first, middle and last")
    if any(not 0 <= weight < math.inf for weight in weights):
        raise NegativeCount("a weight is below zero")
    return weights
