"""From a wish to a price: what an account shall have afterwards, and what that costs today."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Account
from commerce.amounts import money, number
from commerce.catalogue.catalogue import at_own_price
from commerce.catalogue.price_rules import facts_of_quote, rules_for_line
from commerce.configuring.configuration_rules import Fix, FixAction, Notice, Verdict, Wanted, evaluate
from commerce.configuring.situations import (
    Configuration,
    ConfigurationRefused,
    Situation,
    TermRefused,
    facts_about,
    situation_of,
)
from commerce.contracts.contracts import OwnedLine, cycle_of
from commerce.models import Product, ProductKind
from commerce.pricing import quote as engine
from commerce.pricing import quoting as pricing
from commerce.pricing.explanation import seats_phrase
from commerce.pricing.included import Included
from commerce.pricing.money import Money, PricingError
from commerce.pricing.tiers import FractionalQuantity, QuantityTooLarge
from commerce.quotes.manual_prices import ManualPrices, priced_by_hand
from commerce.stripe_currencies import least_charge_minor

# What can be wrong with a configuration. Each message is for the customer; `field` is where it belongs.


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
    """Less than before takes effect at the end of the term: that is planned on the page of the contract."""

    code = "downgrade"


class AmountTooSmall(ConfigurationRefused):
    """The amount due is above zero and below what a card can be charged."""

    code = "amount_too_small"


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
    verdict = check(situation, configuration)
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
    if 0 < priced.due_now_minor < least_charge_minor(priced.currency):
        raise AmountTooSmall(
            _("%(amount)s is less than a card can be charged. Add more, or talk to us.")
            % {"amount": money(Money(priced.due_now_minor, priced.currency))}
        )
    return priced


def price_less(situation: Situation, configuration: Configuration) -> engine.PricedQuote:
    """What a reduction costs a month once it holds; nothing is due for it, and nothing credited. No query.

    Raises `ConfigurationRefused`.
    """
    verdict = judge(situation, configuration)
    if verdict.violations:
        raise RuleBroken(verdict.violations)
    try:
        return pricing.price_quote(replace(_request(situation, verdict, {}), credit_downgrades=True))
    except PricingError as error:
        raise NotSellable(_("We cannot price this here. Talk to us, we will help.")) from error


def _request(situation: Situation, verdict: Verdict, manual: ManualPrices) -> engine.QuoteRequest:
    contract = situation.contract
    lines = tuple(_request_lines(situation, verdict))
    facts = facts_of_quote(
        account=situation.account,
        lines=lines,
        currency=contract.currency,
        term_months=situation.months or contract.term_months,
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
        contract=situation.period,
        change_date=situation.first_date,
        billing_period=cycle_of(contract, situation.first_date),
        period_months=contract.frequency.months,
        tax_treatment=situation.tax.treatment,
    )


def refusals_of(situation: Situation, asked: Configuration) -> list[ConfigurationRefused]:
    """All that is wrong with what is asked for, each of its products by itself, then the whole. No query."""
    return list(_refusals(situation, asked, judge(situation, asked)))


def check(situation: Situation, asked: Configuration) -> Verdict:
    """What is sold then; no query. Raises `ConfigurationRefused`, the first reason why it cannot be."""
    verdict = judge(situation, asked)
    for refusal in _refusals(situation, asked, verdict):
        raise refusal
    return verdict


def _refusals(situation: Situation, asked: Configuration, verdict: Verdict) -> Iterator[ConfigurationRefused]:
    configuration = Configuration.of(verdict.wanted)
    plan = situation.product(configuration.plan)
    if plan is None or plan.kind != ProductKind.PLAN:
        yield UnknownProduct(_("We don't sell the plan “%(code)s”.") % {"code": configuration.plan[:40]}, field="plan")
    addons = {code: situation.product(code) for code in configuration.addons}
    for code, product in addons.items():
        if product is None or product.kind == ProductKind.PLAN:
            yield UnknownProduct(_("We don't sell “%(code)s”.") % {"code": code[:40]}, field=code)
    if _changes_nothing(situation, asked):
        yield NothingChanges(_("This is what you have now. Choose another plan, more seats or an add-on."))
    if plan is not None and plan.kind == ProductKind.PLAN:
        yield from _refused(partial(_check_plan, situation, verdict, plan, configuration.seats))
    for code, product in addons.items():
        if product is not None and product.kind != ProductKind.PLAN:
            yield from _refused(partial(_check_addon, situation, verdict, product, configuration.addons[code]))
    if verdict.violations:
        yield RuleBroken(verdict.violations)


def _refused(check: Callable[[], None]) -> Iterator[ConfigurationRefused]:
    """What a check raises, if it does."""
    try:
        check()
    except ConfigurationRefused as refusal:
        yield refusal


def _check_addon(situation: Situation, verdict: Verdict, product: Product, quantity: Decimal | int) -> None:
    code, held = product.code, situation.held(product.code)
    if quantity < held:
        raise _downgrade(field=code, product=product)
    if quantity > held:
        _check_offered(verdict, product, field=code)
        if code not in verdict.included:
            _check_sellable(situation, product, quantity, field=code)


def _check_offered(verdict: Verdict, product: Product, *, field: str) -> None:
    """Whether no rule hides the product from such a customer."""
    if product.code in verdict.hidden:
        message = verdict.hidden[product.code] or _("%(product)s is not offered for this.") % {"product": product.name}
        raise NotSellable(message, field=field)


def _changes_nothing(situation: Situation, configuration: Configuration) -> bool:
    same_plan = (configuration.plan, configuration.seats) == (situation.current.plan, situation.seats)
    return same_plan and all(situation.held(code) == count for code, count in configuration.addons.items())


def _check_plan(situation: Situation, verdict: Verdict, plan: Product, seats: int) -> None:
    held, used = situation.plan, situation.used_seats
    if held is None or plan.pk != held.product.pk:
        _check_offered(verdict, plan, field="plan")
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
    if changes_plan and situation.months is not None:
        raise TermRefused(_("Another plan stays until the contract ends. Leave the months empty."), field="term_months")
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
        _("%(what)s: a reduction takes effect at the end of your term. Plan it on the page of your contract.")
        % {"what": what},
        field=field,
    )


def _request_lines(situation: Situation, verdict: Verdict) -> Iterator[engine.QuoteLine]:
    """The plan, then every add-on held or wanted, then services."""
    configuration = Configuration.of(verdict.wanted)
    plan = situation.product(configuration.plan)
    if plan is not None:
        yield _at_price(situation, verdict, _request_line(situation, plan, configuration.seats, situation.plan))
    for code in dict.fromkeys([*situation.current.addons, *configuration.addons]):
        product = situation.product(code)
        quantity = configuration.addons.get(code, situation.held(code))
        held = situation.owned.get(code)
        is_held = held is not None and product is not None and product.kind_choice.is_addon
        if product is not None and (quantity or is_held):
            line = _request_line(situation, product, quantity, held if is_held else None)
            yield _at_price(situation, verdict, line)


def _at_price(situation: Situation, verdict: Verdict, line: engine.QuoteLine) -> engine.QuoteLine:
    """The line at the account's price; what is in the price of a bundle costs nothing extra."""
    bundle = verdict.included.get(line.product_code)
    if bundle is not None:
        return replace(line, unit_price=Decimal(0), method=Included(bundle=bundle))
    return at_own_price(line, situation.offered.get(line.product_code))


def _request_line(
    situation: Situation, product: Product, quantity: Decimal | int, held: OwnedLine | None
) -> engine.QuoteLine:
    added = quantity - (held.quantity if held and held.product.pk == product.pk else 0)
    tax = situation.tax
    return engine.QuoteLine(
        product_code=product.code,
        name=product.name,
        kind=product.kind_choice.line_kind,
        quantity=quantity,
        quantity_places=product.quantity_places,
        unit_price=held.unit_price if held else Decimal(0),
        billing=engine.Billing(situation.contract.rule_for(product)),
        unit="" if product.kind != ProductKind.PLAN else seats_phrase(int(added)),
        group=product.kind,
        tax_rate_percent=tax.rate_percent,
        tax_note=tax.note,
        locks_added_price=settings.PRICE_LOCK_ADDED_UNITS,
        holding=None
        if held is None
        else engine.Holding(
            product_code=held.product.code,
            name=held.product.name,
            quantity=held.quantity,
            unit_price=held.unit_price,
            billing=engine.Billing(situation.contract.rule_for(held.product)),
        ),
    )
