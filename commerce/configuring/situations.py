"""Where a company stands when it chooses: what it has, what it is offered, and what it wishes for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from operator import attrgetter
from typing import Any, ClassVar

from django.core.validators import slug_re
from django.db.models import Subquery
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.compiled import Compiled, Given
from accounts.models import Account
from commerce.catalogue.catalogue import Offered, offered_products
from commerce.catalogue.conditions import FactValue
from commerce.catalogue.price_rules import Rule, rules_of
from commerce.catalogue.taxes import SaleTax, rate_from, rate_on, rate_read_along, tax_on_sale
from commerce.configuring.configuration_rules import Bundle, Fix, Notice, Wanted
from commerce.configuring.configuration_rules import Rule as ConfigurationRule
from commerce.contracts.contracts import OwnedLine, current_contract, deltas_of_running, owned_on
from commerce.models import Contract, Product, ProductKind, SubscriptionDelta, TaxRate
from commerce.models.bundles import rules_today
from commerce.pricing.proration import Period, add_months, duration_of
from tracking.models import Meter, UsageDaily
from tracking.services import levels_of, oldest_level


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


class TermRefused(ConfigurationRefused):
    """What is asked for cannot hold from then, or for so long."""

    code = "term"


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
    ledger: tuple[SubscriptionDelta, ...] = ()  # What `owned` is the sum of, and what is to come.
    start_date: date | None = None  # Of the change; none: today.
    months: int | None = None  # It holds for so many; none: until the contract ends.

    @property
    def first_date(self) -> date:
        """From when the change holds."""
        return self.start_date or self.today

    @property
    def period(self) -> Period:
        """What the change is priced within: the contract, or its own months."""
        if self.months is None:
            return Period(self.contract.start_date, self.contract.end_date)
        return Period(self.first_date, add_months(self.first_date, self.months))

    @cached_property
    def tax(self) -> SaleTax:
        """What tax the sale bears."""
        return tax_on_sale(self.account, self.tax_rate)

    @cached_property
    def bundles(self) -> tuple[Bundle, ...]:
        return tuple(offered.bundle for offered in self.offered.values() if offered.bundle)

    @cached_property
    def included_codes(self) -> frozenset[str]:
        """What is in the price of some bundle."""
        return frozenset(option.code for bundle in self.bundles for option in bundle.options if option.is_included)

    @cached_property
    def plan(self) -> OwnedLine | None:
        return next((line for line in self.owned.values() if line.product.kind == ProductKind.PLAN), None)

    @property
    def seats(self) -> int:
        return 0 if self.plan is None else int(self.plan.quantity)

    @cached_property
    def current(self) -> Configuration:
        """What the account has now."""
        return Configuration.of(current_wish(self.owned))

    @cached_property
    def products(self) -> Mapping[str, Product]:
        """By code: what is on sale, and what the account has."""
        owned = {code: line.product for code, line in self.owned.items()}
        return owned | {code: offered.product for code, offered in self.offered.items()}

    def product(self, code: str) -> Product | None:
        """A product on sale, or one the account has although it is sold no more."""
        if code in self.offered:
            return self.offered[code].product
        return self.owned[code].product if code in self.owned else None

    def sold_no_more(self, code: str) -> str:
        """That a product was sold once, and what has taken its place; empty where it never was. One query."""
        if not slug_re.match(code):
            return ""
        product = Product.objects.filter(code=code).select_related("successor").first()
        if product is None or not product.lifecycle_on(self.today).is_over:
            return ""
        successor = product.successor
        if successor is None or successor.code not in self.offered:
            return _("%(product)s is sold no more.") % {"product": product.name}
        named = {"product": product.name, "successor": successor.name}
        return _("%(product)s is sold no more; “%(successor)s” has taken its place.") % named

    def held(self, code: str) -> Decimal:
        line = self.owned.get(code)
        return Decimal(0) if line is None or line.product.kind == ProductKind.SERVICE else line.quantity


def situation_of(account: Account, today: date, *, with_drafts: bool = False) -> Situation:
    """Read what a price depends on, in six queries. `with_drafts` is for staff who look ahead.

    Raises `NoContract`, `TaxUnknown`.
    """
    contract, deltas, tax_rate, used = _standing(account, today)
    if tax_rate is None:
        raise TaxUnknown(
            _("We have not sold to your billing country (%(country)s) yet. Talk to us, we will help.")
            % {"country": account.billing_country}
        )
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
        ledger=tuple(deltas),
    )


def _standing(
    account: Account, today: date
) -> tuple[Contract, list[SubscriptionDelta], TaxRate | None, Decimal | None]:
    """The running contract, its ledger, the tax and the seats in use: one query. Raises `NoContract`."""
    deltas: list[SubscriptionDelta] = _running(
        account=account.pk, country=account.billing_country, today=today, oldest_level=oldest_level(today)
    )
    if deltas:
        return deltas[0].subscription.contract, deltas, rate_from(_tax_along(deltas[0])), _used_along(deltas[0])
    contract = current_contract(account, today)  # One that holds nothing yet.
    if contract is None:
        raise NoContract(_("You have no running contract that could be changed here. Talk to us, we will help."))
    used = levels_of(account_ids=[account.pk], meter=Meter.SEATS, today=today).get(account.pk)
    return contract, [], rate_on(today, country=account.billing_country), used


def _seats_in_use() -> Subquery:
    days = UsageDaily.objects.for_account(Given("account")).filter(meter=Meter.SEATS)
    latest = days.between(Given("oldest_level"), Given("today")).order_by("-date")
    return Subquery(latest.values("quantity")[:1])


# Tax and use are one figure each: read along, they cost a fifth of what statements of their own would.
_running: Compiled[SubscriptionDelta] = Compiled(
    lambda: deltas_of_running().annotate(tax_along=rate_read_along(), used_along=_seats_in_use())
)
_tax_along, _used_along = attrgetter("tax_along"), attrgetter("used_along")


def starting(situation: Situation, start_date: date | None, months: int | None) -> Situation:
    """The same for a change with a term of its own, within the contract. Raises `TermRefused`."""
    contract = situation.contract
    found = replace(situation, start_date=start_date, months=months)
    last = {"day": date_format(contract.last_date, "DATE_FORMAT")}
    if found.first_date < situation.today:
        raise TermRefused(_("It starts today at the earliest."), field="start_date")
    if found.first_date >= contract.end_date:
        raise TermRefused(_("It starts while the contract runs: through %(day)s.") % last, field="start_date")
    if found.period.until_date > contract.end_date:
        most = duration_of(Period(found.first_date, contract.end_date)).months
        raise TermRefused(
            ngettext(
                "The contract runs through %(day)s: that is %(most)d whole month. A renewal makes it longer.",
                "The contract runs through %(day)s: that is %(most)d whole months. A renewal makes it longer.",
                most,
            )
            % (last | {"most": most}),
            field="term_months",
        )
    owned = {line.product.code: line for line in owned_on(situation.ledger, found.first_date)}
    return replace(found, owned=owned)


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
