"""From a wish to a price: what an account shall have afterwards, and what that costs today."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Account
from commerce.amounts import money, number
from commerce.catalogue import Offered, at_own_price, offered_products
from commerce.configuration_rules import Bundle, Fix, FixAction, Notice, Verdict, Wanted, evaluate
from commerce.configuration_rules import Rule as ConfigurationRule
from commerce.contracts import OwnedLine, owned_on, running_ledger
from commerce.manual_prices import ManualPrices, priced_by_hand
from commerce.models import Contract, Product, ProductKind, TaxRate
from commerce.models.bundles import rules_today
from commerce.price_rules import Rule, facts_of_quote, rules_for_line, rules_of
from commerce.pricing import quote as engine
from commerce.pricing import quoting as pricing
from commerce.pricing.money import Money, PricingError
from commerce.pricing.proration import Period, add_months, duration_of
from commerce.pricing.tiers import FractionalQuantity, QuantityTooLarge
from commerce.taxes import SaleTax, tax_on_sale
from commerce.wishes import current_wish, facts_about
from tracking.models import Meter
from tracking.services import usage_to_date

SMALLEST_CHARGE_MINOR = 50  # Cards can't be charged less than this, in minor units.


def plain(quantity: Decimal | int) -> str:
    """A quantity as addresses and forms write it: "60", "2.5"."""
    written = f"{quantity:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


# What can be wrong with a configuration. Each message is for the customer; `field` is where it belongs.


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


class NothingChanges(ConfigurationRefused):
    """The configuration is what the account has."""

    code = "nothing_changes"


class UnknownProduct(ConfigurationRefused):
    """There is no such product."""

    code = "unknown_product"


class NotSellable(ConfigurationRefused):
    """The product has no price in the account's book."""

    code = "not_sellable"


class RuleBroken(ConfigurationRefused):
    """It doesn't go together, by the rules and the bundles of the catalogue."""

    code = "rule"

    def __init__(self, violations: tuple[Notice, ...]) -> None:
        super().__init__(violations[0].message, field=violations[0].code, fix=violations[0].fix)
        self.violations = violations

    @property
    def notices(self) -> tuple[Notice, ...]:
        return self.violations


class QuantityRefused(ConfigurationRefused):
    """Fewer than are sold, or more than are sold without talking to us."""

    code = "quantity"


class SeatsInUse(ConfigurationRefused):
    """More seats are in use than would remain."""

    code = "seats_in_use"


class DowngradeAtTermEnd(ConfigurationRefused):
    """Less than before takes effect at the end of the term, and is not sold in the portal yet."""

    code = "downgrade"


class TaxUnknown(ConfigurationRefused):
    """Nobody has said what tax a sale to the account's country bears; none at all must be said too."""

    code = "tax_unknown"


class AmountTooSmall(ConfigurationRefused):
    """The amount due is above zero and below what a card can be charged."""

    code = "amount_too_small"


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


def judge(situation: Situation, configuration: Configuration) -> Verdict:
    """What rules and bundles say about a configuration; what is not named keeps its quantity. No query."""
    quantities = {**situation.current.addons, **configuration.addons}
    return evaluate(
        Wanted(configuration.plan, configuration.seats, {code: Decimal(count) for code, count in quantities.items()}),
        rules=situation.configuration_rules,
        bundles=situation.bundles,
        about=facts_about(
            situation.account, situation.owned, contract=situation.contract, used_seats=situation.used_seats
        ),
    )


def situation_of(account: Account, today: date) -> Situation:
    """Read what a price depends on, in eight queries. Raises `NoContract`, `TaxUnknown`."""
    running = running_ledger(account, today)
    if running is None:
        raise NoContract(_("You have no running contract that could be changed here. Talk to us, we will help."))
    contract, deltas = running
    tax_rate = TaxRate.objects.filter(country=account.billing_country).on(today).order_by("-valid_from").first()
    if tax_rate is None:
        raise TaxUnknown(
            _("We have not sold to your billing country (%(country)s) yet. Talk to us, we will help.")
            % {"country": account.billing_country}
        )
    used = usage_to_date(account_id=account.pk, today=today).get(Meter.SEATS)
    return Situation(
        account=account,
        today=today,
        contract=contract,
        owned={line.product.code: line for line in owned_on(deltas, today)},
        offered=offered_products(account=account, today=today, contract=contract),
        tax_rate=tax_rate,
        used_seats=None if used is None else int(used),
        rules=rules_of(account=account, today=today),
        configuration_rules=rules_today(),
    )


def configure(account: Account, configuration: Configuration, today: date) -> engine.PricedQuote:
    """What a change of the account's contract costs today. Raises `ConfigurationRefused`."""
    return price(situation_of(account, today), configuration)


def price(
    situation: Situation,
    configuration: Configuration,
    manual: ManualPrices | None = None,
    *,
    on_line: Callable[[int], None] | None = None,
) -> engine.PricedQuote:
    """Price a configuration, with what the staff set by hand; no query. Raises `ConfigurationRefused`.

    `on_line` hears how many lines are priced, and may raise to end it.
    """
    verdict = _check(situation, configuration)
    try:
        priced = pricing.price_quote(_request(situation, verdict, manual or {}), on_line=on_line)
    except pricing.DowngradeWaits as error:
        raise _downgrade() from error
    except (QuantityTooLarge, FractionalQuantity) as error:
        raise QuantityRefused(_("Enter a whole number. For very large quantities, talk to us.")) from error
    except PricingError as error:
        raise NotSellable(_("We cannot price this here. Talk to us, we will help.")) from error
    if priced.due_now_minor < 0:
        raise _downgrade()
    if 0 < priced.due_now_minor < SMALLEST_CHARGE_MINOR:
        raise AmountTooSmall(
            _("%(amount)s is less than a card can be charged. Add more, or talk to us.")
            % {"amount": money(Money(priced.due_now_minor, priced.currency))}
        )
    return priced


def _request(situation: Situation, verdict: Verdict, manual: ManualPrices) -> engine.QuoteRequest:
    contract = situation.contract
    lines = tuple(_request_lines(situation, verdict))
    facts = facts_of_quote(
        account=situation.account, lines=lines, currency=contract.currency, term_months=contract.term_months
    )
    return engine.QuoteRequest(
        mode=engine.QuoteMode.AMENDMENT,
        currency=contract.currency,
        lines=tuple(
            line
            if line.product_code in verdict.included
            else replace(
                priced_by_hand(manual, line),
                rules=rules_for_line(situation.rules, line, facts, currency=contract.currency),
            )
            for line in lines
        ),
        contract=Period(contract.start_date, contract.end_date),
        change_date=situation.today,
        billing_period=_billing_month(contract, situation.today),
        tax_treatment=situation.tax.treatment,
    )


def _check(situation: Situation, asked: Configuration) -> Verdict:
    """What is sold then. Raises the first reason why it cannot be, in words of the customer's situation."""
    verdict = judge(situation, asked)
    configuration = Configuration.of(verdict.wanted)
    plan = situation.product(configuration.plan)
    if plan is None or plan.kind != ProductKind.PLAN:
        raise UnknownProduct(_("We don't sell the plan “%(code)s”.") % {"code": configuration.plan[:40]}, field="plan")
    addons = _addons(situation, configuration)
    if _changes_nothing(situation, asked):
        raise NothingChanges(_("This is what you have now. Choose another plan, more seats or an add-on."))
    if situation.plan is None or plan.pk != situation.plan.product.pk:
        _check_offered(verdict, plan, field="plan")
    _check_plan(situation, plan, configuration.seats)
    for code, product in addons.items():
        quantity, held = configuration.addons[code], situation.held(code)
        if quantity < held:
            raise _downgrade(field=code, product=product)
        if quantity > held:
            _check_offered(verdict, product, field=code)
            if code not in verdict.included:
                _check_sellable(situation, product, quantity, field=code)
    if verdict.violations:
        raise RuleBroken(verdict.violations)
    return verdict


def _check_offered(verdict: Verdict, product: Product, *, field: str) -> None:
    """Whether no rule hides the product from such a customer."""
    if product.code in verdict.hidden:
        message = verdict.hidden[product.code] or _("%(product)s is not offered for this.") % {"product": product.name}
        raise NotSellable(message, field=field)


def _addons(situation: Situation, configuration: Configuration) -> dict[str, Product]:
    """The products of the configuration beside its plan. Raises `UnknownProduct`."""
    addons = {}
    for code in configuration.addons:
        product = situation.product(code)
        if product is None or product.kind == ProductKind.PLAN:
            raise UnknownProduct(_("We don't sell “%(code)s”.") % {"code": code[:40]}, field=code)
        addons[code] = product
    return addons


def _changes_nothing(situation: Situation, configuration: Configuration) -> bool:
    same_plan = (configuration.plan, configuration.seats) == (situation.current.plan, situation.seats)
    return same_plan and all(situation.held(code) == count for code, count in configuration.addons.items())


def _check_plan(situation: Situation, plan: Product, seats: int) -> None:
    held, used = situation.plan, situation.used_seats
    if seats < situation.seats and used is not None and seats < used:
        raise SeatsInUse(
            ngettext(
                "%(used)s seat is in use. Free seats before you go below that.",
                "%(used)s seats are in use. Free seats before you go below that.",
                used,
            )
            % {"used": number(used)},
            field="seats",
        )
    if held is not None and plan.rank < held.product.rank:
        raise _downgrade(field="plan", product=plan)
    changes_plan = held is None or plan.pk != held.product.pk
    if not changes_plan and seats < situation.seats:
        raise _downgrade(field="seats")
    if changes_plan or seats > situation.seats:
        _check_sellable(situation, plan, seats, field="plan" if changes_plan else "seats", count_field="seats")


def _check_sellable(
    situation: Situation, product: Product, quantity: Decimal | int, *, field: str, count_field: str = ""
) -> None:
    """Whether the account may buy so many of a product."""
    offered = situation.offered.get(product.code)
    if offered is None:
        raise _sold_no_more(situation, product, field=field)
    if not offered.is_sellable:
        raise NotSellable(
            _("%(product)s is not sold at your prices yet. Talk to us, we will help.") % {"product": product.name},
            field=field,
        )
    if quantity < product.min_quantity:
        raise QuantityRefused(
            _("%(product)s starts at %(least)s.") % {"product": product.name, "least": number(product.min_quantity)},
            field=count_field or field,
        )
    if quantity > product.max_quantity:
        raise QuantityRefused(
            _("More than %(most)s of %(product)s: talk to us, we will make you an offer.")
            % {"product": product.name, "most": number(product.max_quantity)},
            field=count_field or field,
        )


def _sold_no_more(situation: Situation, product: Product, *, field: str) -> NotSellable:
    """A product that its owner keeps; what came after it is offered in its place, where it is sold to them."""
    sold = (one for one in situation.offered.values() if one.product.pk == product.successor_id and one.is_sellable)
    successor = next(sold, None)
    if successor is None:
        return NotSellable(
            _("%(product)s is sold no more. You keep what you have.") % {"product": product.name}, field=field
        )
    names = {"product": product.name, "successor": successor.product.name}
    fix = Fix(
        _("Take %(successor)s") % names,
        FixAction.SET if successor.is_plan else FixAction.ADD,
        successor.product.code,
        is_plan=successor.is_plan,
    )
    return NotSellable(
        _("%(product)s is sold no more. You keep what you have; %(successor)s has taken its place.") % names,
        field=field,
        fix=fix,
    )


def _downgrade(*, field: str = "", product: Product | None = None) -> DowngradeAtTermEnd:
    what = product.name if product else _("Less than you have")
    return DowngradeAtTermEnd(
        _("%(what)s: a reduction takes effect at the end of your term, and can't be ordered here yet. Talk to us.")
        % {"what": what},
        field=field,
    )


def _request_lines(situation: Situation, verdict: Verdict) -> Iterator[engine.QuoteLine]:
    """The plan, then every add-on held or wanted, then services."""
    configuration = Configuration.of(verdict.wanted)
    plan = situation.product(configuration.plan)
    if plan is not None:
        yield _request_line(situation, plan, configuration.seats, situation.plan)
    for code in dict.fromkeys([*situation.current.addons, *configuration.addons]):
        product = situation.product(code)
        quantity = configuration.addons.get(code, situation.held(code))
        if product is not None and quantity:
            held = situation.owned.get(code)
            is_held = held is not None and product.kind_choice.is_addon
            yield _request_line(
                situation, product, quantity, held if is_held else None, is_included=code in verdict.included
            )


def _request_line(
    situation: Situation,
    product: Product,
    quantity: Decimal | int,
    held: OwnedLine | None,
    *,
    is_included: bool = False,
) -> engine.QuoteLine:
    added = quantity - (held.quantity if held and held.product.pk == product.pk else 0)
    tax = situation.tax
    line = engine.QuoteLine(
        product_code=product.code,
        name=product.name,
        kind=product.kind_choice.line_kind,
        quantity=quantity,
        quantity_places=product.quantity_places,
        unit_price=held.unit_price if held else Decimal(0),
        billing=engine.Billing(product.billing),
        unit="" if product.kind != ProductKind.PLAN else ngettext("seat", "seats", int(added)),
        group=product.kind,
        tax_rate_percent=tax.rate_percent,
        tax_note=tax.note,
        holding=None
        if held is None
        else engine.Holding(
            product_code=held.product.code,
            name=held.product.name,
            quantity=held.quantity,
            unit_price=held.unit_price,
            billing=engine.Billing(held.product.billing),
        ),
    )
    # Of what is in the price of a bundle, the units that come with it cost nothing.
    if is_included:
        return replace(line, unit_price=Decimal(0))
    return at_own_price(line, situation.offered.get(product.code))


def _billing_month(contract: Contract, today: date) -> Period:
    """The running month of lines billed every month, counted from the contract's first day."""
    months = duration_of(Period(contract.start_date, today + timedelta(days=1))).months
    if add_months(contract.start_date, months) > today:
        months -= 1
    return Period(add_months(contract.start_date, months), add_months(contract.start_date, months + 1))
