"""What renewals cost: what their prices depend on is read once for many contracts; pricing asks nothing more."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from django.db.models import QuerySet
from django.utils.translation import ngettext

from accounts.models import Account
from commerce.catalogue.catalogue import Offered, at_own_price, offered_products
from commerce.catalogue.pricebooks import FoundPrice, prices_for
from commerce.catalogue.taxes import SaleTax, tax_on_sale
from commerce.contracts.contracts import OwnedLine, once_resumed, owned_on
from commerce.models import (
    ContractedPrice,
    PendingChange,
    PendingLine,
    PriceBook,
    ProductKind,
    Renewal,
    RenewalTerms,
    RetentionAnswer,
    SubscriptionDelta,
    TaxRate,
    TermsMethod,
)
from commerce.models.amendments import ChangeKind, ChangeStatus
from commerce.pricing import quote as engine
from commerce.pricing.money import PricingError, stored
from commerce.pricing.periods import full_period
from commerce.pricing.quoting import price_quote
from commerce.pricing.renewal import RenewalMethod, uplift_from_index
from commerce.pricing.tax import tax_line
from commerce.pricing.waterfall import RenewalTerms as LineRenewal

Catalogue = Mapping[str, Offered]  # What is sold today, by code.


@dataclass(frozen=True)
class Basis:
    """What the prices of many renewals depend on, read once. By account or by contract, as said."""

    terms: Mapping[int, RenewalTerms]  # By account; none: as it was.
    owned: Mapping[int, tuple[OwnedLine, ...]]  # By contract, on its first day after the term, as planned by now.
    taxes: Mapping[str, TaxRate]  # By country.
    promised: Mapping[int, Decimal]  # By contract: what was promised for staying.
    given: Mapping[int, Decimal]  # By contract: the promise that its own prices have in them already.
    today: Mapping[int, Catalogue]  # By contract, of those whose prices may change.
    at_start: Mapping[int, Mapping[int, FoundPrice]]  # By contract, likewise: prices when it began, by product.


@dataclass(frozen=True)
class PricedRenewal:
    """What a renewal costs: the term as it is quoted, and each month of it."""

    renewal: Renewal
    priced: engine.PricedQuote
    owned: Mapping[str, OwnedLine]  # What there is before it, by product code.
    tax: SaleTax
    method: TermsMethod
    uplift_percent: Decimal  # For the whole term.
    promised_percent: Decimal
    flags: Mapping[str, str]  # Why a product keeps its price, by code.

    @property
    def monthly_before_minor(self) -> int:
        return sum(line.monthly_minor for line in self.owned.values())

    @property
    def monthly_after_minor(self) -> int:
        return sum(self.monthly_minor(line) for line in self.priced.lines)

    def monthly_minor(self, line: engine.PricedLine) -> int:
        """What a line costs a month, without the tax that may be in it."""
        treatment = self.tax.treatment
        return tax_line(line.monthly_minor, rate_percent=line.tax_rate_percent, treatment=treatment).net_minor


def read_basis(renewals: Sequence[Renewal], today: date) -> Basis:
    """Read what the prices depend on. About eight queries, and three more for each price book that is renewed by."""
    accounts = {renewal.account_id: renewal.account for renewal in renewals}
    contracts = [renewal.contract_id for renewal in renewals]
    terms = {row.account_id: row for row in RenewalTerms.objects.filter(account__in=accounts)}
    answers = RetentionAnswer.objects.taken().filter(contract__in=contracts).order_by("answered_at")
    answers = answers.filter(discount_percent__isnull=False)
    before = Renewal.objects.filter(successor__in=contracts, promised_percent__gt=0)
    books = _Books(today)
    changing = [renewal for renewal in renewals if _method(terms.get(renewal.account_id)) is not TermsMethod.SAME]
    return Basis(
        terms=terms,
        owned=owned_after(renewals),
        taxes={
            rate.country: rate
            for rate in TaxRate.objects.filter(country__in={account.billing_country for account in accounts.values()})
            .on(today)
            .order_by("valid_from")
        },
        promised={answer.contract_id: answer.discount_percent or Decimal(0) for answer in answers},
        given=dict(before.values_list("successor_id", "promised_percent")),
        today={renewal.contract_id: books.sold_to(renewal) for renewal in changing},
        at_start={renewal.contract_id: books.prices_at_start(renewal) for renewal in changing},
    )


def owned_after(renewals: Iterable[Renewal]) -> dict[int, tuple[OwnedLine, ...]]:
    """What each contract comes to on the day its term ends, with what is planned until then. Three queries."""
    due = {renewal.contract_id: renewal.due_date for renewal in renewals}
    ledgers: dict[int, list[SubscriptionDelta]] = defaultdict(list)
    deltas = SubscriptionDelta.objects.filter(subscription__contract__in=due).select_related("subscription__product")
    for delta in deltas.order_by("effective_date", "pk"):
        ledgers[delta.subscription.contract_id].append(delta)
    planned: dict[int, list[PendingLine]] = defaultdict(list)
    for line in _planned(due):
        planned[line.change.contract_id].append(line)
    for contract in PendingChange.objects.resuming().filter(contract__in=due).values_list("contract", flat=True):
        ledgers[contract] = once_resumed(ledgers[contract])
    return {
        pk: tuple(line for line in _with(owned_on(ledgers[pk], day), planned[pk]) if line.is_recurring)
        for pk, day in due.items()
    }


def _planned(contracts: Iterable[int]) -> QuerySet[PendingLine]:
    rows = PendingLine.objects.filter(
        change__contract__in=contracts, change__status=ChangeStatus.OPEN, change__kind=ChangeKind.REDUCTION
    )
    return rows.select_related("change", "product")


def _with(owned: Iterable[OwnedLine], planned: Iterable[PendingLine]) -> Iterable[OwnedLine]:
    """What is owned once the planned lines are applied."""
    lines = {line.product.pk: line for line in owned}
    for change in planned:
        held = lines.get(change.product_id)
        if held is None:
            lines[change.product_id] = OwnedLine(
                0, change.product, change.quantity, change.unit_price, change.change.currency, change.recurring_minor
            )
        else:
            lines[change.product_id] = replace(
                held,
                quantity=held.quantity + change.quantity,
                monthly_minor=held.monthly_minor + change.recurring_minor,
            )
    return [line for line in lines.values() if line.quantity > 0]


def price_renewal(basis: Basis, renewal: Renewal) -> PricedRenewal | None:
    """The price of one renewal, by what was read; no query. None where nothing renews, or its tax is not known.

    Raises PricingError for figures that cannot be priced.
    """
    account, terms = renewal.account, basis.terms.get(renewal.account_id)
    wished = {code: Decimal(quantity) for code, quantity in renewal.wish.items()}
    held = {line.product.code: line for line in basis.owned[renewal.contract_id]}
    kept = [
        replace(line, quantity=wished.get(code, line.quantity))
        for code, line in held.items()
        if wished.get(code, line.quantity) > 0
    ]
    rate = basis.taxes.get(account.billing_country)
    if rate is None or not kept:
        return None
    tax = tax_on_sale(account, rate)
    pricing = _LinePricing(basis, renewal, terms, tax)
    period, frequency = renewal.period, renewal.contract.frequency
    lines = tuple(pricing.line(line) for line in kept)
    priced = price_quote(
        engine.QuoteRequest(
            mode=engine.QuoteMode.NEW,
            currency=renewal.currency,
            lines=lines,
            contract=period,
            change_date=period.start_date,
            billing_period=full_period(period.start_date, period.start_date, months=frequency.months),
            period_months=frequency.months,
            tax_treatment=tax.treatment,
        )
    )
    return PricedRenewal(
        renewal=renewal,
        priced=priced,
        owned=held,
        tax=tax,
        method=pricing.method,
        uplift_percent=stored(Fraction(pricing.uplift_percent) * Fraction(pricing.years)).quantize(Decimal("0.0001")),
        promised_percent=pricing.promised,
        flags=pricing.flags,
    )


def uplift_of(terms: RenewalTerms | None) -> Decimal:
    """The uplift of a year, or of a term: as agreed, or by the price index."""
    if terms is None or terms.method != TermsMethod.UPLIFT:
        return Decimal(0)
    if terms.index_percent is None:
        return terms.uplift_percent
    return uplift_from_index(
        terms.index_percent,
        spread_percent=terms.spread_percent,
        floor_percent=terms.floor_percent,
        cap_percent=terms.cap_percent,
    )


def _method(terms: RenewalTerms | None) -> TermsMethod:
    return TermsMethod.SAME if terms is None else TermsMethod(terms.method)


class _LinePricing:
    """The lines of one renewal as requests to the engine, and which of them keep their price."""

    def __init__(self, basis: Basis, renewal: Renewal, terms: RenewalTerms | None, tax: SaleTax) -> None:
        self.renewal, self.tax = renewal, tax
        self.method = _method(terms)
        self.uplift_percent = uplift_of(terms)
        per_year = terms is None or terms.is_per_year
        self.years = stored(Fraction(renewal.contract.term_months, 12)) if per_year else Decimal(1)
        self.promised = basis.promised.get(renewal.contract_id, Decimal(0))
        self.given = basis.given.get(renewal.contract_id, Decimal(0))
        self.sold = basis.today.get(renewal.contract_id, {})
        self.at_start = basis.at_start.get(renewal.contract_id, {})
        self.flags: dict[str, str] = {}

    def line(self, held: OwnedLine) -> engine.QuoteLine:
        product = held.product
        kept = 1 - Fraction(self.given) / 100  # A promise was for one term: the price without it goes on.
        sold_price = stored(Fraction(held.unit_price) / kept) if kept else held.unit_price
        line = engine.QuoteLine(
            product_code=product.code,
            name=product.name,
            kind=product.kind_choice.line_kind,
            quantity=held.quantity,
            quantity_places=product.quantity_places,
            unit_price=sold_price,
            billing=engine.Billing(self.renewal.contract.rule_for(product)),
            unit="" if product.kind != ProductKind.PLAN else ngettext("seat", "seats", int(held.quantity)),
            group=product.kind,
            tax_rate_percent=self.tax.rate_percent,
            tax_note=self.tax.note,
        )
        method = RenewalMethod(self.method)
        if self.method is not TermsMethod.SAME:
            listed, flag = self._listed(line, held)
            if flag:
                self.flags[product.code] = flag
                method = RenewalMethod.SAME
            elif method is RenewalMethod.LIST:
                line = listed
        return replace(
            line,
            renewal=LineRenewal(
                method=method,
                sold_price=sold_price,
                uplift_percent=self.uplift_percent,
                uplift_years=self.years,
                promised_percent=self.promised,
            ),
        )

    def _listed(self, line: engine.QuoteLine, held: OwnedLine) -> tuple[engine.QuoteLine, str]:
        """The line at today's list price; or why the old one is kept."""
        offered = self.sold.get(held.product.code)
        if offered is None or offered.price is None:
            return line, "not_sold"
        then = self.at_start.get(held.product.pk)
        if then is not None and _charge(then.row) != _charge(offered.price):
            return line, "charge_changed"
        listed = at_own_price(line, offered)
        try:
            _price_alone(listed, self.renewal)
        except PricingError:
            return line, "outside_tiers"
        return listed, ""


def _charge(price: object) -> tuple[object, object]:
    """How a price charges: by what method, and for how long."""
    return getattr(price, "method", None), getattr(price, "price_months", None)


def _price_alone(line: engine.QuoteLine, renewal: Renewal) -> None:
    """Whether the line has a price at all; a percentage of others has none alone, and is left to the whole."""
    if line.share is not None:
        return
    first, months = renewal.due_date, renewal.contract.frequency.months
    price_quote(
        engine.QuoteRequest(
            mode=engine.QuoteMode.NEW,
            currency=renewal.currency,
            lines=(line,),
            contract=renewal.period,
            change_date=first,
            billing_period=full_period(first, first, months=months),
            period_months=months,
        )
    )


class _Books:
    """Prices of the day, read once for all companies that buy at the same ones."""

    def __init__(self, today: date) -> None:
        self.today = today
        self._own: set[int] | None = None
        self._sold: dict[tuple[object, ...], Catalogue] = {}
        self._prices: dict[tuple[object, ...], Mapping[int, FoundPrice]] = {}

    def sold_to(self, renewal: Renewal) -> Catalogue:
        key = self._key(renewal)
        if key not in self._sold:
            self._sold[key] = offered_products(account=renewal.account, today=self.today, contract=renewal.contract)
        return self._sold[key]

    def prices_at_start(self, renewal: Renewal) -> Mapping[int, FoundPrice]:
        start = renewal.contract.start_date
        key = (*self._key(renewal), start)
        if key not in self._prices:
            self._prices[key] = prices_for(account=renewal.account, today=start, contract=renewal.contract)
        return self._prices[key]

    def _key(self, renewal: Renewal) -> tuple[object, ...]:
        """What the prices depend on; a company with prices of its own, or in a family that may have some, is alone."""
        account: Account = renewal.account
        if self._own is None:
            agreed = ContractedPrice.objects.values_list("account_id")
            listed = PriceBook.objects.filter(account__isnull=False).values_list("account_id")
            self._own = {pk for (pk,) in agreed.union(listed)}
        if self._own and (account.pk in self._own or account.parent_id is not None):
            return (account.pk, renewal.currency, renewal.contract.price_book_id)
        return (account.tier_id, account.billing_country, renewal.currency, renewal.contract.price_book_id)
