"""Conditions as data: what the rules of configuration, of prices and of approval ask before they fire.

A rule holds when all of its conditions hold; either-or is two rules. Stored as a list of
`{"fact": "seats", "operator": "at_least", "value": "10"}`. Which facts there are is said by whoever evaluates the
rules, so that a typing error is refused when the rule is saved and not found out when it never fires.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

FactValue = Decimal | int | str | frozenset[str]


class FactKind(StrEnum):
    """What a fact is: a number, one text, or several texts at once."""

    NUMBER = "number"
    TEXT = "text"
    TEXTS = "texts"


class Operator(TextChoices):
    """How a fact is compared with the value of a condition."""

    IS = "is", gettext_lazy("is")
    IS_NOT = "is_not", gettext_lazy("is not")
    ABOVE = "above", gettext_lazy("is above")
    AT_LEAST = "at_least", gettext_lazy("is at least")
    BELOW = "below", gettext_lazy("is below")
    AT_MOST = "at_most", gettext_lazy("is at most")
    ONE_OF = "one_of", gettext_lazy("is one of")
    NONE_OF = "none_of", gettext_lazy("is none of")


_COMPARISONS: dict[Operator, Callable[[Decimal, Decimal], bool]] = {
    Operator.ABOVE: Decimal.__gt__,
    Operator.AT_LEAST: Decimal.__ge__,
    Operator.BELOW: Decimal.__lt__,
    Operator.AT_MOST: Decimal.__le__,
}
_LISTS = frozenset({Operator.ONE_OF, Operator.NONE_OF})
_NEGATIONS = frozenset({Operator.IS_NOT, Operator.NONE_OF})


class ConditionRefused(ValueError):
    """A condition that cannot be asked; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts that a kind of rule may ask for: by name, and by prefix for those that end in a code."""

    named: Mapping[str, FactKind]
    prefixed: Mapping[str, FactKind]  # "quantity:" for "quantity:sso".

    def kind_of(self, fact: str) -> FactKind | None:
        """What the fact is; None for one that there is not."""
        if fact in self.named:
            return self.named[fact]
        prefix, colon, code = fact.partition(":")
        return self.prefixed.get(prefix + colon) if code else None

    @property
    def words(self) -> str:
        """All of them, for somebody who looks for the right one."""
        return ", ".join([*self.named, *(f"{prefix}…" for prefix in self.prefixed)])


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. `values` has one element, or more for `one_of` and `none_of`."""

    fact: str
    operator: Operator
    values: tuple[Decimal | str, ...]

    def holds(self, facts: Mapping[str, FactValue]) -> bool:
        """Whether it is so. A number that nobody knows counts as 0, a text as empty."""
        if self.operator in _COMPARISONS:
            return _COMPARISONS[self.operator](_number(facts.get(self.fact, 0)), _number(self.values[0]))
        found = facts.get(self.fact, "" if isinstance(self.values[0], str) else 0)
        if isinstance(found, frozenset):
            met = any(value in found for value in self.values)
        elif isinstance(self.values[0], str):
            met = str(found) in self.values
        else:
            met = _number(found) in self.values
        return met is not (self.operator in _NEGATIONS)

    def as_json(self) -> dict[str, Any]:
        """As `parse` reads it."""
        texts = [str(value) for value in self.values]
        return {
            "fact": self.fact,
            "operator": self.operator.value,
            "value": texts if self.operator in _LISTS else texts[0],
        }

    @property
    def words(self) -> str:
        """For the staff: "seats is at least 10"."""
        return f"{self.fact} {self.operator.label} {', '.join(str(value) for value in self.values)}"


def holds(conditions: Iterable[Condition], facts: Mapping[str, FactValue]) -> bool:
    """Whether all of them hold; a rule without conditions always does."""
    return all(condition.holds(facts) for condition in conditions)


def parse(stored: Any, *, facts: Facts) -> tuple[Condition, ...]:
    """The conditions of a rule, checked. Raises `ConditionRefused` with the reason in words."""
    if not isinstance(stored, list):
        raise ConditionRefused(_("Conditions are a list."))
    return tuple(_parse_one(one, facts) for one in stored)


def _parse_one(stored: Any, facts: Facts) -> Condition:
    if not isinstance(stored, dict) or set(stored) != {"fact", "operator", "value"}:
        raise ConditionRefused(_("A condition has a fact, an operator and a value."))
    fact, operator, value = stored["fact"], stored["operator"], stored["value"]
    kind = facts.kind_of(fact) if isinstance(fact, str) else None
    if kind is None:
        raise ConditionRefused(
            _("There is no fact “%(fact)s”. There are: %(facts)s.") % {"fact": str(fact)[:60], "facts": facts.words}
        )
    if operator not in Operator.values:
        raise ConditionRefused(
            _("“%(operator)s” compares nothing. Use one of: %(operators)s.")
            % {"operator": str(operator)[:60], "operators": ", ".join(Operator.values)}
        )
    chosen = Operator(operator)
    if chosen in _COMPARISONS and kind is not FactKind.NUMBER:
        raise ConditionRefused(_("“%(fact)s” is no number: it is, or is not.") % {"fact": fact})
    if isinstance(value, list) is not (chosen in _LISTS) or value == []:
        raise ConditionRefused(_("“One of” and “none of” take a list, the others take one value."))
    values = value if isinstance(value, list) else [value]
    return Condition(fact, chosen, tuple(_value(one, kind, fact) for one in values))


def _value(stored: Any, kind: FactKind, fact: str) -> Decimal | str:
    if kind is not FactKind.NUMBER:
        if not isinstance(stored, str):
            raise ConditionRefused(_("“%(fact)s” is compared with a text.") % {"fact": fact})
        return stored
    if isinstance(stored, str | int) and not isinstance(stored, bool):
        try:
            number = Decimal(stored)
        except InvalidOperation:
            pass
        else:
            if number.is_finite():
                return number
    raise ConditionRefused(_("“%(fact)s” is compared with a number.") % {"fact": fact})


def _number(value: FactValue) -> Decimal:
    return Decimal(value) if isinstance(value, Decimal | int | str) else Decimal(len(value))
