"""Selling: a contract as a ledger, with the deals, quotes, orders, invoices and entitlements behind it.

Prices come from the portal's own engine, so that a seeded contract is changed in the portal like any other.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from accounts.models import Entitlement
from commerce.catalogue.catalogue import at_own_price, grants_for
from commerce.catalogue.taxes import SaleTax, tax_on_sale
from commerce.configuring.configuring import price
from commerce.configuring.situations import Configuration, Situation
from commerce.contracts.contracts import OwnedLine, line_label
from commerce.models import (
    Contract,
    ContractStatus,
    Deal,
    DealSource,
    DealStage,
    DealType,
    DeltaKind,
    Order,
    OrderStatus,
    OrderStep,
    ProductKind,
    Quote,
    QuoteLine,
    QuoteStatus,
    Subscription,
    SubscriptionDelta,
)
from commerce.pricing import quote as engine
from commerce.pricing.explanation import seats_phrase
from commerce.pricing.periods import full_period
from commerce.pricing.proration import Period, add_months
from commerce.pricing.quoting import price_quote
from commerce.quotes import explanations
from sandbox.demo.accounts import LIKELY_ADDONS, Customer, Growth
from sandbox.demo.books import Books, Line, Purchase, Term, annual_gain, annual_value
from sandbox.demo.company import Company
from sandbox.demo.deals import add_activities
from sandbox.demo.invoices import add_invoice
from sandbox.demo.period_bills import frequency_of
from sandbox.demo.world import World, in_office_hours, working_day

TERM_MONTHS = 12
QUOTE_DAYS = 30
RENEWAL_DAYS = 120  # Sales plans a renewal from so many days before it.


class Seller:
    """Writes one customer's contracts, from the first day to the present."""

    def __init__(self, world: World, company: Company, books: Books, customer: Customer) -> None:
        self.world, self.company, self.books, self.customer = world, company, books, customer
        self.account = customer.account
        self.chance = world.random(customer.name, "contracts")
        self.offered = company.offered(self.account)
        self.terms = books.terms[customer.name]

    def sign(self) -> Term:
        """The first contract: what sales agreed on, often with the onboarding package."""
        profile = self.customer.profile
        lines = [self._asked(profile.plan, profile.seats)]
        if self.chance.random() < 0.6:
            lines.append(self._asked("onboarding", 1))
        if profile.growth is None and self.chance.random() < 0.5:
            lines.append(self._asked(self.chance.choice(LIKELY_ADDONS[profile.industry]), 1))
        start = profile.joined_date
        signed = working_day(start - timedelta(days=self.chance.randrange(6, 25)))
        contract = self._contract(start, signed=min(signed, start))
        priced = price_quote(
            engine.QuoteRequest(
                mode=engine.QuoteMode.NEW,
                currency=self.account.currency,
                lines=tuple(lines),
                contract=Period(contract.start_date, contract.end_date),
                change_date=start,
                billing_period=full_period(start, start, months=contract.frequency.months),
                period_months=contract.frequency.months,
                tax_treatment=self._tax.treatment,
            )
        )
        term = self._open(contract)
        deal = self._deal(
            DealType.NEW, f"{self.account.name}: first contract", annual_value(priced),
            opened_and_closed=self._worked_on(min(signed, start), 35, 95), source=DealSource.REPRESENTATIVE,
        )  # fmt: skip
        self._sell(term, deal, [self._line(line, {}) for line in priced.lines], effective=start)
        return term

    def renew(self, old: Term, *, keep: Decimal = Decimal(1)) -> Term:
        """Another year at the prices the units were sold at; with `keep` below one, of fewer seats."""
        start = old.contract.end_date
        held = [line for line in old.owned_on(start).values() if line.product.kind != ProductKind.SERVICE]
        signed = self._renewal_date(start)
        contract = self._contract(start, signed=signed)
        old.contract.status = ContractStatus.RENEWED
        quantities = {
            line.product.code: int(line.quantity * keep if line.product.kind == ProductKind.PLAN else line.quantity)
            for line in held
        }
        priced = price_quote(
            engine.QuoteRequest(
                mode=engine.QuoteMode.NEW,
                currency=self.account.currency,
                lines=tuple(
                    self._asked(line.product.code, quantities[line.product.code], unit_price=line.unit_price)
                    for line in held
                ),
                contract=Period(contract.start_date, contract.end_date),
                change_date=start,
                billing_period=full_period(start, start, months=contract.frequency.months),
                period_months=contract.frequency.months,
                tax_treatment=self._tax.treatment,
            )
        )
        term = self._open(contract)
        in_portal = self.customer.is_active_on(signed)
        deal = self._deal(
            DealType.RENEWAL, f"{self.account.name}: renewal {start.year}", annual_value(priced),
            opened_and_closed=self._worked_on(signed, *((8, 30) if in_portal else (40, 85))),
            source=DealSource.ALERT if in_portal and self.chance.random() < 0.6 else DealSource.REPRESENTATIVE,
        )  # fmt: skip
        lines = [self._line(line, {}, change=DeltaKind.RENEWAL) for line in priced.lines]
        self._sell(term, deal, lines, effective=start)
        return term

    def lose_renewal(self, term: Term) -> None:
        """The contract ends, and nothing follows."""
        term.contract.status = ContractStatus.ENDED
        term.contract.auto_renew = False
        end = term.contract.end_date
        self._deal(
            DealType.RENEWAL, f"{self.account.name}: renewal {end.year}", self._annual_value(term, end),
            opened_and_closed=self._worked_on(end, 50, 95), source=DealSource.REPRESENTATIVE, stage=DealStage.LOST,
        )  # fmt: skip

    def propose_renewal(self, term: Term) -> None:
        """The renewal ahead, as sales has it in its plan."""
        end, today = term.contract.end_date, self.world.calendar.today
        created = max(end - timedelta(days=RENEWAL_DAYS), term.contract.start_date + timedelta(days=1))
        self.world.add(
            Deal(
                account=self.account,
                name=f"{self.account.name}: renewal {end.year}",
                type=DealType.RENEWAL,
                stage=DealStage.PROPOSAL if (end - today).days < 60 else DealStage.OPEN,
                source=DealSource.ALERT if self.customer.is_active_on(today) else DealSource.REPRESENTATIVE,
                amount_minor=self._annual_value(term, today),
                currency=self.account.currency,
                owner=self.account.sales_contact,
                close_date=end,
                created_at=in_office_hours(self.chance, created),
            )
        )

    def grow(self, term: Term, growth: Growth) -> None:
        """One change within the term, through the portal or a representative, won or not."""
        signed_at = in_office_hours(self.chance, growth.date)
        asked_at = self._asked_at(term, growth, signed_at)
        # A quote is priced on the day it is made, and charged as shown on the day it is accepted.
        situation = self._situation(term, asked_at.date() if growth.is_in_portal else growth.date)
        asked = Configuration(
            plan=growth.plan or situation.current.plan,
            seats=situation.seats + growth.seats,
            addons={
                **situation.current.addons,
                **{code: situation.held(code) + units for code, units in growth.addons},
            },
        )
        priced = price(situation, asked)
        lines = [self._line(line, situation.owned) for line in priced.lines if line.quantity_change]
        is_new_only = not growth.plan and not growth.seats
        what = self._words(asked, growth)
        deal = self._deal(
            DealType.CROSS_SELL if is_new_only else DealType.EXPANSION, f"{self.account.name}: {what}",
            annual_gain(priced), opened_and_closed=(asked_at, signed_at),
            source=DealSource.PORTAL if growth.is_in_portal else DealSource.REPRESENTATIVE,
            stage=DealStage.WON if growth.is_won else DealStage.LOST,
        )  # fmt: skip
        quote = None
        if growth.is_in_portal:
            quote = self._quote(
                term, deal, asked, priced, lines, asked_at=asked_at, accepted_at=signed_at if growth.is_won else None
            )
        if growth.is_won:
            self._sell(term, deal, lines, effective=growth.date, quote=quote, done_at=signed_at)
            term.contract.version += 1
        elif quote is not None:
            self.books.purchases.append(
                Purchase(self.customer, deal, self.customer.buyer, quote, None, None, quote.created_at)
            )

    def grant_entitlements(self) -> None:
        """What the account may use on each day, as the ledger sums up."""
        for term in self.terms:
            for subscription in term.subscriptions.values():
                deltas = [delta for delta in term.deltas if delta.subscription is subscription]
                days = sorted({delta.effective_date for delta in deltas})
                for day, until in zip(days, [*days[1:], term.contract.end_date], strict=True):
                    owned = sum((delta.quantity for delta in deltas if delta.effective_date <= day), Decimal(0))
                    for grant in grants_for(self.company.grants[subscription.product.code], owned):
                        self.world.add(
                            Entitlement(
                                account=self.account,
                                code=grant.code,
                                quantity=grant.quantity,
                                start_date=day,
                                end_date=until,
                                source=f"subscription:{subscription.pk}",
                            )
                        )

    # How rows come about

    def _contract(self, start: date, *, signed: date) -> Contract:
        return self.world.add(
            Contract(
                account=self.account,
                start_date=start,
                end_date=add_months(start, TERM_MONTHS),
                term_months=TERM_MONTHS,
                billing_frequency=frequency_of(self.account),
                notice_days=60,
                currency=self.account.currency,
                price_book=self.company.book_of(self.account),
                signed_date=signed,
                created_at=in_office_hours(self.chance, signed),
            )
        )

    def _open(self, contract: Contract) -> Term:
        term = Term(contract)
        self.terms.append(term)
        return term

    def _asked(self, code: str, quantity: int, *, unit_price: Decimal | None = None) -> engine.QuoteLine:
        """A line of a new contract: at today's price with its volume discount, or at the price units were sold at."""
        product = self.company.products[code]
        line = engine.QuoteLine(
            product_code=code,
            name=product.name,
            kind=product.kind_choice.line_kind,
            quantity=quantity,
            unit_price=unit_price or Decimal(0),
            billing=engine.Billing(Contract(billing_frequency=frequency_of(self.account)).rule_for(product)),
            unit=seats_phrase(int(quantity)) if product.kind == ProductKind.PLAN else "",
            tax_rate_percent=self._tax.rate_percent,
            tax_note=self._tax.note,
        )
        return line if unit_price is not None else at_own_price(line, self.offered.get(code))

    @property
    def _tax(self) -> SaleTax:
        return tax_on_sale(self.account, self.company.taxes[self.account.billing_country])

    def _situation(self, term: Term, day: date) -> Situation:
        return Situation(
            account=self.account,
            today=day,
            contract=term.contract,
            owned=term.owned_on(day),
            offered=self.offered,
            tax_rate=self.company.taxes[self.account.billing_country],
            used_seats=None,
        )

    def _line(
        self, line: engine.PricedLine, owned: Mapping[str, OwnedLine], *, change: DeltaKind | None = None
    ) -> Line:
        held = owned.get(line.product_code)
        plan = next((own for own in owned.values() if own.product.kind == ProductKind.PLAN), None)
        is_swap = line.kind is engine.LineKind.PLAN and plan is not None and plan.product.code != line.key
        if line.role is engine.LineRole.CREDIT and held is not None:
            kind, after, unit_price, recurring = DeltaKind.SWAP_OUT, Decimal(0), line.unit_price, -held.monthly_minor
        else:
            kind = change or (DeltaKind.SWAP_IN if is_swap else DeltaKind.QUANTITY if held else DeltaKind.NEW)
            after = line.quantity_change + (held.quantity if held else Decimal(0))
            unit_price = line.unit_price if change is DeltaKind.RENEWAL else line.sold_unit_price
            recurring = line.monthly_minor - (0 if is_swap else line.monthly_before_minor)
        return Line(
            product=self.company.products[line.product_code],
            change=kind,
            quantity=line.quantity_change,
            quantity_after=after,
            unit_price=unit_price,
            recurring_minor=recurring,
            priced=line,
            tax_category=self._tax.category,
        )

    def _deal(
        self,
        deal_type: DealType,
        name: str,
        amount_minor: int,
        *,
        opened_and_closed: tuple[datetime, datetime],
        source: DealSource,
        stage: DealStage = DealStage.WON,
    ) -> Deal:
        """A closed deal; what sales did for it is added where sales worked on it."""
        opened_at, closed_at = opened_and_closed
        deal = self.world.add(
            Deal(
                account=self.account,
                name=name[:120],
                type=deal_type,
                stage=stage,
                source=source,
                amount_minor=amount_minor,
                currency=self.account.currency,
                owner=self.account.sales_contact,
                close_date=closed_at.date(),
                created_at=opened_at,
                closed_at=closed_at,
            )
        )
        if source != DealSource.PORTAL:
            add_activities(self.world, deal, self.chance)
        return deal

    def _quote(
        self,
        term: Term,
        deal: Deal,
        asked: Configuration,
        priced: engine.PricedQuote,
        lines: list[Line],
        *,
        asked_at: datetime,
        accepted_at: datetime | None,
    ) -> Quote:
        """The quote a customer made in the portal; without `accepted_at` it expires, and its deal is lost that day."""
        last = min(asked_at.date() + timedelta(days=QUOTE_DAYS), term.contract.last_date)
        midnight = datetime.combine(last + timedelta(days=1), time(), ZoneInfo(self.account.time_zone))
        expires_at = midnight.astimezone(UTC)
        status = QuoteStatus.ORDERED
        if accepted_at is None:
            is_over = expires_at <= self.world.calendar.now
            status = QuoteStatus.EXPIRED if is_over else QuoteStatus.VIEWED
            deal.stage = DealStage.LOST if is_over else DealStage.PROPOSAL
            deal.closed_at = expires_at if is_over else None
            deal.close_date = last
        buyer = self.customer.buyer
        quote = self.world.add(
            Quote(
                account=self.account,
                deal=deal,
                contract=term.contract,
                contract_version=term.contract.version,
                created_by=buyer,
                status=status,
                currency=self.account.currency,
                price_date=asked_at.date(),
                expires_at=expires_at,
                configuration=asked.as_json(),
                subtotal_minor=priced.due_net_minor,
                tax_minor=priced.due_tax_minor,
                total_minor=priced.due_now_minor,
                recurring_before_minor=priced.monthly_before_minor,
                recurring_after_minor=priced.monthly_minor,
                price_hash=priced.price_hash,
                created_at=asked_at,
                submitted_at=asked_at,
                submitted_by=buyer,
                approved_at=asked_at,
                presented_at=asked_at,
                viewed_at=asked_at + timedelta(seconds=40),
                accepted_at=accepted_at,
                accepted_by=buyer if accepted_at else None,
                accepted_name=buyer.name if accepted_at else "",
                accepted_hash=priced.price_hash if accepted_at else "",
            )
        )
        for position, line in enumerate(lines, start=1):
            self.world.add(
                QuoteLine(
                    account=self.account,
                    quote=quote,
                    position=position,
                    product=line.product,
                    change=line.change,
                    quantity=line.quantity,
                    quantity_after=line.quantity_after,
                    unit_price=line.unit_price,
                    total_minor=line.priced.net_minor,
                    tax_rate=line.priced.tax_rate_percent / 100,
                    tax_minor=line.priced.tax_minor,
                    tax_category=line.tax_category.value,
                    recurring_minor=line.recurring_minor,
                    steps=[[step.name, str(step.value)] for step in line.priced.steps],
                    explanation=explanations.to_json(line.priced.explanation),
                )
            )
        return quote

    def _sell(
        self,
        term: Term,
        deal: Deal,
        lines: list[Line],
        *,
        effective: date,
        quote: Quote | None = None,
        done_at: datetime | None = None,
    ) -> None:
        """The order, its invoice, and the entries of the ledger."""
        placed_at = done_at or deal.closed_at or in_office_hours(self.chance, effective)
        buyer = self.customer.buyer
        order = self.world.add(
            Order(
                account=self.account,
                quote=quote,
                contract=term.contract,
                deal=deal,
                status=OrderStatus.ACTIVE,
                placed_by=buyer,
                placed_at=placed_at,
                currency=self.account.currency,
                total_minor=sum(line.priced.gross_minor for line in lines),
                po_number=f"PO-{self.chance.randrange(10_000, 99_999)}" if self.chance.random() < 0.4 else "",
            )
        )
        invoice = add_invoice(self.world, self.chance, order, lines, is_paid_at_once=quote is not None)
        paid_at = placed_at + timedelta(minutes=3)
        steps = ((OrderStatus.AWAITING_PAYMENT, placed_at), (OrderStatus.PAID, paid_at), (OrderStatus.ACTIVE, paid_at))
        for status, reached_at in steps if quote is not None else ((OrderStatus.ACTIVE, placed_at),):
            self.world.add(OrderStep(account=self.account, order=order, status=status, reached_at=reached_at))
        for line in lines:
            self._enter(term, order, line, effective)
        self.books.purchases.append(Purchase(self.customer, deal, buyer, quote, order, invoice, placed_at))

    def _enter(self, term: Term, order: Order, line: Line, effective: date) -> None:
        subscription = term.subscriptions.get(line.product.pk)
        if subscription is None:
            subscription = term.subscriptions[line.product.pk] = self.world.add(
                Subscription(
                    account=self.account, contract=term.contract, product=line.product, created_at=order.placed_at
                )
            )
        term.deltas.append(
            self.world.add(
                SubscriptionDelta(
                    account=self.account,
                    subscription=subscription,
                    kind=line.change,
                    quantity=line.quantity,
                    unit_price=line.unit_price,
                    recurring_minor=line.recurring_minor,
                    currency=self.account.currency,
                    effective_date=effective,
                    billing_date=effective,
                    order=order,
                    created_at=order.placed_at,
                )
            )
        )

    def _worked_on(self, closed: date, least: int, most: int) -> tuple[datetime, datetime]:
        """When a deal was opened and closed that took sales between `least` and `most` days."""
        closed_at = in_office_hours(self.chance, closed)
        opened_at = closed_at - timedelta(days=self.chance.randrange(least, most), minutes=self.chance.randrange(200))
        return opened_at, closed_at

    def _asked_at(self, term: Term, growth: Growth, signed_at: datetime) -> datetime:
        """When a change was first asked for; in the portal that is when its quote was made, a few days before."""
        if not growth.is_in_portal:
            return signed_at - timedelta(days=self.chance.randrange(24, 75), minutes=self.chance.randrange(200))
        changed_date = max(delta.effective_date for delta in term.deltas)
        days = self.chance.randrange(6) if growth.is_won else 0
        day = max(growth.date - timedelta(days=days), min(changed_date + timedelta(days=1), growth.date))
        if day < growth.date:
            return in_office_hours(self.chance, day)
        return signed_at - timedelta(minutes=self.chance.randrange(4, 45))

    def _annual_value(self, term: Term, day: date) -> int:
        return 12 * sum(line.monthly_minor for line in term.owned_on(day).values())

    def _renewal_date(self, start: date) -> date:
        """When a renewal is signed: companies that see their dates in the portal do it weeks earlier."""
        early = start - timedelta(days=50)
        days = self.chance.randrange(34, 75) if self.customer.is_active_on(early) else self.chance.randrange(1, 34)
        return working_day(start - timedelta(days=days + 2))

    def _words(self, asked: Configuration, growth: Growth) -> str:
        if growth.plan or growth.seats:
            return line_label(self.company.products[asked.plan], Decimal(asked.seats))
        code, units = growth.addons[0]
        return line_label(self.company.products[code], Decimal(units))
