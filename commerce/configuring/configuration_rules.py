"""What goes together: the rules and bundles of the catalogue, held against what a customer wants. Pure.

Wanted is a plan, its seats, and a quantity for each other product by code. Selections and required options add to it
first; then validations, alerts and the bundles' own bounds are asked of the result. Nothing is ever taken away.

A bundle that was bought stays as it was bought: what is required or bounded since then holds for those who begin it,
and for what is added to it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commerce.amounts import number
from commerce.catalogue.conditions import Condition, FactKind, Facts, FactValue, holds

FACTS = Facts(
    named={
        "plan": FactKind.TEXT,
        "seats": FactKind.NUMBER,
        "used_seats": FactKind.NUMBER,
        "term_months": FactKind.NUMBER,
        "tier": FactKind.TEXT,
        "industry": FactKind.TEXT,
        "lifecycle_stage": FactKind.TEXT,
        "country": FactKind.TEXT,
    },
    prefixed={"quantity:": FactKind.NUMBER, "owned:": FactKind.NUMBER},
)


class RuleKind(StrEnum):
    """What a rule does while its conditions hold."""

    VALIDATION = "validation"
    ALERT = "alert"
    SELECTION = "selection"
    FILTER = "filter"


class FixAction(StrEnum):
    SET = "set"
    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a customer wants to have."""

    plan: str
    seats: int
    quantities: Mapping[str, Decimal] = field(default_factory=dict)

    def facts(self, about: Mapping[str, FactValue]) -> dict[str, FactValue]:
        """What conditions can ask about it, beside what is so `about` the customer."""
        quantities = {self.plan: Decimal(self.seats)} | dict(self.quantities)
        return {
            **about,
            "plan": self.plan,
            "seats": self.seats,
            **{f"quantity:{code}": quantity for code, quantity in quantities.items()},
        }

    def quantity(self, code: str) -> Decimal:
        return self.quantities.get(code, Decimal(0))

    def having(self, code: str, quantity: Decimal) -> "Wanted":
        return replace(self, quantities={**self.quantities, code: quantity})


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that answers a refusal. Without a code it is about the seats."""

    label: str
    action: FixAction
    code: str = ""
    quantity: Decimal | None = None
    is_plan: bool = False

    def applied(self, wanted: Wanted) -> Wanted:
        """What would be wanted then."""
        if self.is_plan or not self.code:
            seats = wanted.seats if self.quantity is None else int(self.quantity)
            return replace(wanted, plan=self.code or wanted.plan, seats=seats)
        if self.action is FixAction.REMOVE:
            return wanted.having(self.code, Decimal(0))
        by = Decimal(1) if self.quantity is None else self.quantity
        return wanted.having(self.code, wanted.quantity(self.code) + by if self.action is FixAction.ADD else by)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `product` and `quantity` are what a selection adds; a filter hides the product."""

    kind: RuleKind
    conditions: tuple[Condition, ...]
    message: str = ""
    fix: Fix | None = None
    product: str = ""
    quantity: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Option:
    """A product in a group of a bundle. Without an upper bound the product's own holds."""

    code: str
    name: str
    is_required: bool = False
    is_included: bool = False
    is_once: bool = False  # A service: had once, and not kept.
    least: Decimal = Decimal(1)
    most: Decimal | None = None
    default: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Group:
    """Options of which at least and at most so many are chosen."""

    name: str
    options: tuple[Option, ...]
    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """A product that brings others along."""

    code: str
    name: str
    groups: tuple[Group, ...] = ()

    @property
    def options(self) -> tuple[Option, ...]:
        return tuple(option for group in self.groups for option in group.options)


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the customer, the product it is about, and the way out, if there is one."""

    message: str
    fix: Fix | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What rules and bundles say about what is wanted. `wanted` has what they added."""

    wanted: Wanted
    violations: tuple[Notice, ...] = ()
    alerts: tuple[Notice, ...] = ()
    added: Mapping[str, Decimal] = field(default_factory=dict)
    included: Mapping[str, str] = field(default_factory=dict)  # In the price of a bundle: its name by their codes.
    hidden: Mapping[str, str] = field(default_factory=dict)  # Not offered, by code; and why, if it is said.


def evaluate(
    wanted: Wanted, *, rules: Iterable[Rule], bundles: Iterable[Bundle] = (), about: Mapping[str, FactValue]
) -> Verdict:
    """Hold what is wanted against rules, in their order, and against bundles, for a customer that is so and so."""
    rules = tuple(rules)
    bundles = tuple(bundles)
    complete = _completed(wanted, rules, bundles, about)
    added = {code: count for code, count in complete.quantities.items() if count > wanted.quantity(code)}
    facts = complete.facts(about)
    chosen = [bundle for bundle in bundles if complete.quantity(bundle.code)]
    fired = [rule for rule in rules if holds(rule.conditions, facts)]
    refused = [Notice(rule.message, rule.fix) for rule in fired if rule.kind is RuleKind.VALIDATION]
    for bundle in chosen:
        refused += _out_of_bounds(bundle, complete, about)
    return Verdict(
        wanted=complete,
        violations=tuple(refused),
        alerts=tuple(Notice(rule.message, rule.fix) for rule in fired if _tells(rule, added)),
        added=added,
        included={
            option.code: bundle.name
            for bundle in chosen
            for option in bundle.options
            if complete.quantity(option.code) and _costs_nothing(option, bundle, complete, about)
        },
        hidden={rule.product: rule.message for rule in fired if rule.kind is RuleKind.FILTER},
    )


def _owned(about: Mapping[str, FactValue], code: str) -> Decimal:
    """How much of a product the customer has."""
    value = about.get(f"owned:{code}", 0)
    return Decimal(value) if isinstance(value, Decimal | int) else Decimal(0)


def _begins(bundle: Bundle, wanted: Wanted, about: Mapping[str, FactValue]) -> bool:
    """Whether the bundle is bought by this, and not only kept."""
    return wanted.quantity(bundle.code) > _owned(about, bundle.code)


def _costs_nothing(option: Option, bundle: Bundle, wanted: Wanted, about: Mapping[str, FactValue]) -> bool:
    """Whether the price of the bundle has it; a service is in it once."""
    is_had = option.is_once and not _begins(bundle, wanted, about) and bool(_owned(about, option.code))
    return option.is_included and not is_had


def _tells(rule: Rule, added: Mapping[str, Decimal]) -> bool:
    """An alert always; a selection with words where something was added by it."""
    return rule.kind is RuleKind.ALERT or (
        rule.kind is RuleKind.SELECTION and bool(rule.message) and rule.product in added
    )


def _completed(
    wanted: Wanted, rules: tuple[Rule, ...], bundles: tuple[Bundle, ...], about: Mapping[str, FactValue]
) -> Wanted:
    """With all that selections and required options add. Each adds once, so that it ends."""
    selections = [rule for rule in rules if rule.kind is RuleKind.SELECTION]
    waiting: list[Rule | Bundle] = [*selections, *bundles]
    again = True
    while again:
        again = False
        for one in list(waiting):
            if isinstance(one, Bundle):
                due = _begins(one, wanted, about)
                adds = [(option.code, option.default) for option in one.options if option.is_required]
            else:
                due = holds(one.conditions, wanted.facts(about))
                adds = [(one.product, one.quantity)]
            if not due:
                continue
            waiting.remove(one)
            again = True
            for code, quantity in adds:
                if _lacks(wanted, code, quantity, is_option=isinstance(one, Bundle)):
                    wanted = wanted.having(code, quantity)
    return wanted


def _lacks(wanted: Wanted, code: str, quantity: Decimal, *, is_option: bool) -> bool:
    """A selection raises to its quantity; of a required option any quantity will do, for its bounds are asked later."""
    return not wanted.quantity(code) if is_option else wanted.quantity(code) < quantity


def _out_of_bounds(bundle: Bundle, wanted: Wanted, about: Mapping[str, FactValue]) -> list[Notice]:
    """What is wrong with the choice of options in a bundle that is wanted."""
    begins = _begins(bundle, wanted, about)
    notices = []
    for group in bundle.groups:
        chosen = [option for option in group.options if wanted.quantity(option.code)]
        changed = [one for one in chosen if begins or wanted.quantity(one.code) > _owned(about, one.code)]
        if begins and len(chosen) < group.least:
            notices.append(_too_few(bundle, group, chosen))
        if changed and group.most is not None and len(chosen) > group.most:
            notices.append(_too_many(bundle, group, group.most, changed[-1]))
        for option in changed:
            notices += _quantity_out_of_bounds(bundle, option, wanted.quantity(option.code))
    return notices


def _too_few(bundle: Bundle, group: Group, chosen: list[Option]) -> Notice:
    words = ngettext(
        "%(bundle)s, %(group)s: choose at least %(count)s of %(names)s.",
        "%(bundle)s, %(group)s: choose at least %(count)s of %(names)s.",
        group.least,
    )
    fixes = (
        Fix(_("Add %(option)s") % {"option": option.name}, FixAction.SET, option.code, option.default)
        for option in group.options
        if option not in chosen
    )
    return Notice(words % _said(bundle, group, group.least), next(fixes, None))


def _too_many(bundle: Bundle, group: Group, most: int, last: Option) -> Notice:
    words = ngettext(
        "%(bundle)s, %(group)s: choose at most %(count)s of %(names)s.",
        "%(bundle)s, %(group)s: choose at most %(count)s of %(names)s.",
        most,
    )
    fix = Fix(_("Leave out %(option)s") % {"option": last.name}, FixAction.REMOVE, last.code)
    return Notice(words % _said(bundle, group, most), fix)


def _said(bundle: Bundle, group: Group, count: int) -> dict[str, str]:
    names = ", ".join(option.name for option in group.options)
    return {"bundle": bundle.name, "group": group.name, "names": names, "count": number(count)}


def _quantity_out_of_bounds(bundle: Bundle, option: Option, quantity: Decimal) -> list[Notice]:
    said = {"bundle": bundle.name, "option": option.name}
    if quantity < option.least:
        return [_bound(_("%(option)s in %(bundle)s: at least %(bound)s."), said, option, option.least)]
    if option.most is not None and quantity > option.most:
        return [_bound(_("%(option)s in %(bundle)s: at most %(bound)s."), said, option, option.most)]
    return []


def _bound(words: str, said: Mapping[str, str], option: Option, bound: Decimal) -> Notice:
    label = _("Set %(option)s to %(bound)s") % {**said, "bound": number(bound)}
    fix = Fix(label, FixAction.SET, option.code, bound)
    return Notice(words % {**said, "bound": number(bound)}, fix, option.code)


def leads_to(contains: Mapping[int, Iterable[int]], *, start: int, target: int) -> bool:
    """Whether one who opens `start`, and what is in it, and so on, comes upon `target`."""
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        one = waiting.pop()
        if one == target:
            return True
        if one not in seen:
            seen.add(one)
            waiting += contains.get(one, ())
    return False
