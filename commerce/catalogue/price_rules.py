"""Price rules as data: which of them a line of a quote meets, as the engine reads them."""

from collections import ChainMap
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from accounts.compiled import Compiled, Given
from accounts.models import Account
from commerce.catalogue.conditions import Condition, FactKind, Facts, FactValue, holds, parse
from commerce.models import PriceRule
from commerce.pricing.quote import QuoteLine
from commerce.pricing.waterfall import PriceRule as EngineRule

FACTS = Facts(
    named={
        "product": FactKind.TEXT,
        "kind": FactKind.TEXT,
        "quantity": FactKind.NUMBER,
        "products": FactKind.TEXTS,  # Of all lines together.
        "tier": FactKind.TEXT,
        "industry": FactKind.TEXT,
        "country": FactKind.TEXT,
        "currency": FactKind.TEXT,
        "term_months": FactKind.NUMBER,
    },
    prefixed={"quantity:": FactKind.NUMBER},
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with its conditions read."""

    row: PriceRule
    conditions: tuple[Condition, ...]

    def for_engine(self, currency: str, *, months: int = 1) -> EngineRule | None:
        """What it gives in a currency to a price for so many months; None where it gives nothing there."""
        special = self.row.special_price if self.row.currency == currency else None
        if special is None and self.row.discount_percent is None:
            return None
        return EngineRule(
            order=self.row.order,
            special_price=None if special is None else special * months,
            discount_percent=self.row.discount_percent,
            label=self.row.name,
        )


def rules_of(*, account: Account, today: date) -> tuple[Rule, ...]:
    """The rules of the day that can hold for the account, in their order. One query. Raises ConditionRefused."""
    rows = _rows(account=account.pk, tier=account.tier_id, today=today)
    return tuple(Rule(row, parse(row.conditions, facts=FACTS)) for row in rows)


_rows = Compiled(
    lambda: (
        PriceRule.objects.on(Given("today"))
        .filter(
            Q(account__isnull=True) | Q(account=Given("account")),
            Q(tier__isnull=True) | Q(tier=Given("tier")),
        )
        .order_by("order")
    )
)


def facts_of_quote(
    *, account: Account, lines: Iterable[QuoteLine], currency: str, term_months: int
) -> dict[str, FactValue]:
    """What the conditions can ask about a quote as a whole."""
    lines = list(lines)
    return {
        "tier": account.tier.code,
        "industry": account.industry,
        "country": account.billing_country,
        "currency": currency,
        "term_months": term_months,
        "products": frozenset(line.product_code for line in lines),
        **{f"quantity:{line.product_code}": line.quantity for line in lines},
    }


def rules_for_line(
    rules: Iterable[Rule], line: QuoteLine, facts: dict[str, FactValue], *, currency: str
) -> tuple[EngineRule, ...]:
    """The rules whose conditions all hold for a line of a quote with these facts."""
    own: dict[str, FactValue] = {
        "product": line.product_code, "kind": line.kind.value, "quantity": line.quantity,
    }  # fmt: skip
    about = ChainMap(own, facts)  # Not copied: a long quote has a fact for each of its lines.
    months = line.months_of_price
    met = (rule.for_engine(currency, months=months) for rule in rules if holds(rule.conditions, about))
    return tuple(rule for rule in met if rule is not None)
