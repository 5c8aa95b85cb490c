"""Where a company stands when it chooses: what it has, what it is offered, and what it wishes for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from django.utils.translation import gettext as _

from accounts.models import Account
from commerce.catalogue import Offered, offered_products
from commerce.conditions import FactValue
from commerce.configuration_rules import Bundle, Fix, Notice, Wanted
from commerce.configuration_rules import Rule as ConfigurationRule
from commerce.contracts import OwnedLine, owned_on, running_ledger
from commerce.models import Contract, Product, ProductKind, TaxRate
from commerce.models.bundles import rules_today
from commerce.price_rules import Rule, rules_of
from commerce.taxes import SaleTax, rate_on, tax_on_sale
from tracking.models import Meter
from tracking.services import levels_of


def plain(quantity: Decimal | int) -> str:
    """A quantity as addresses and forms write it: "60", "2.5"."""
    written = f"{quantity:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


class ConfigurationRefused(Exception):
    """A configuration cannot be priced or bought; the message says why, `field` to which product it belongs."""

    code: ClassVar[str] = "refused"

    def __init__(self, message: str, *, field: str = "", fix: Fix | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.fix = fix

    @property
    def notices(self) -> tuple[Notice, ...]:
        """All that is wrong, each with its way out, if there is one."""
        return (Notice(str(self), self.fix, self.field),)


class NoContract(ConfigurationRefused):
    """The account has no running contract that could be changed."""

    code = "no_contract"


class TaxUnknown(ConfigurationRefused):
    """Nobody has said what tax a sale to the account's country bears; none at all must be said too."""

    code = "tax_unknown"


@dataclass(frozen=True)
class Configuration:
    """What the account shall have afterwards: a plan with seats, and further products by code and quantity.

    A product that is not named keeps its quantity.
    """

    plan: str
    seats: int
    addons: Mapping[str, Decimal | int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "plan": self.plan,
            "seats": str(self.seats),
            "addons": {code: plain(quantity) for code, quantity in sorted(self.addons.items())},
        }

    def as_query(self) -> dict[str, str]:
        """As the configurator's address and forms name it."""
        addons = {code: plain(quantity) for code, quantity in sorted(self.addons.items())}
        return {"plan": self.plan, "seats": str(self.seats)} | addons

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Configuration":
        return cls(
            plan=stored["plan"],
            seats=int(stored["seats"]),
            addons={code: Decimal(quantity) for code, quantity in stored.get("addons", {}).items()},
        )

    @classmethod
    def of(cls, wanted: Wanted) -> "Configuration":
        return cls(wanted.plan, wanted.seats, wanted.quantities)


@dataclass(frozen=True)
class Situation:
    """Everything the price of an account's next change depends on, read once."""

    account: Account
    today: date
    contract: Contract
    owned: Mapping[str, OwnedLine]  # By product code.
    offered: Mapping[str, Offered]  # By product code.
    tax_rate: TaxRate
    used_seats: int | None
    rules: tuple[Rule, ...] = ()  # Of prices.
    configuration_rules: tuple[ConfigurationRule, ...] = ()

    @property
    def tax(self) -> SaleTax:
        """What tax the sale bears."""
        return tax_on_sale(self.account, self.tax_rate)

    @property
    def bundles(self) -> tuple[Bundle, ...]:
        return tuple(offered.bundle for offered in self.offered.values() if offered.bundle)

    @property
    def included_codes(self) -> frozenset[str]:
        """What is in the price of some bundle."""
        return frozenset(option.code for bundle in self.bundles for option in bundle.options if option.is_included)

    @property
    def plan(self) -> OwnedLine | None:
        return next((line for line in self.owned.values() if line.product.kind == ProductKind.PLAN), None)

    @property
    def seats(self) -> int:
        return 0 if self.plan is None else int(self.plan.quantity)

    @property
    def current(self) -> Configuration:
        """What the account has now."""
        return Configuration.of(current_wish(self.owned))

    @property
    def products(self) -> Mapping[str, Product]:
        """By code: what is on sale, and what the account has."""
        owned = {code: line.product for code, line in self.owned.items()}
        return owned | {code: offered.product for code, offered in self.offered.items()}

    def product(self, code: str) -> Product | None:
        """A product on sale, or one the account has although it is sold no more."""
        if code in self.offered:
            return self.offered[code].product
        return self.owned[code].product if code in self.owned else None

    def held(self, code: str) -> Decimal:
        line = self.owned.get(code)
        return Decimal(0) if line is None or line.product.kind == ProductKind.SERVICE else line.quantity


def situation_of(account: Account, today: date, *, with_drafts: bool = False) -> Situation:
    """Read what a price depends on, in eight queries. `with_drafts` is for staff who look ahead.

    Raises `NoContract`, `TaxUnknown`.
    """
    running = running_ledger(account, today)
    if running is None:
        raise NoContract(_("You have no running contract that could be changed here. Talk to us, we will help."))
    contract, deltas = running
    tax_rate = rate_on(today, country=account.billing_country)
    if tax_rate is None:
        raise TaxUnknown(
            _("We have not sold to your billing country (%(country)s) yet. Talk to us, we will help.")
            % {"country": account.billing_country}
        )
    used = levels_of(account_ids=[account.pk], meter=Meter.SEATS, today=today).get(account.pk)
    return Situation(
        account=account,
        today=today,
        contract=contract,
        owned={line.product.code: line for line in owned_on(deltas, today)},
        offered=offered_products(account=account, today=today, contract=contract, with_drafts=with_drafts),
        tax_rate=tax_rate,
        used_seats=None if used is None else int(used),
        rules=rules_of(account=account, today=today),
        configuration_rules=rules_today(),
    )


def facts_about(
    account: Account, owned: Mapping[str, OwnedLine], *, contract: Contract | None, used_seats: int | None
) -> dict[str, FactValue]:
    """What the rules of the catalogue can ask about a customer."""
    return {
        "tier": account.tier.code,
        "industry": account.industry,
        "lifecycle_stage": account.lifecycle_stage,
        "country": account.billing_country,
        "term_months": contract.term_months if contract else 0,
        "used_seats": used_seats or 0,
        **{f"owned:{code}": line.quantity for code, line in owned.items()},
    }


def current_wish(owned: Mapping[str, OwnedLine]) -> Wanted:
    """What a customer has, as what is wanted."""
    plan = next((line for line in owned.values() if line.product.kind == ProductKind.PLAN), None)
    return Wanted(
        plan.product.code if plan else "",
        int(plan.quantity) if plan else 0,
        {code: line.quantity for code, line in owned.items() if line.product.kind_choice.is_addon},
    )
