"""What customers bought over the years: contracts that grow, are renewed, and now and then end."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

from commerce.models import Contract, Invoice, Order, ProductKind, Quote
from sandbox.demo.accounts import LIKELY_ADDONS, Customer, Growth
from sandbox.demo.books import Books, Term
from sandbox.demo.company import Company
from sandbox.demo.period_bills import bill_periods, sell_calls
from sandbox.demo.selling import RENEWAL_DAYS, Seller
from sandbox.demo.world import World, working_day

# Sold once to a customer: having two would give nothing more.
ADD_ONE = ("sso", "audit_log", "premium_support", "analytics", "ai_assist", "route_planner")


def write_contracts(world: World, company: Company, customers: list[Customer]) -> Books:
    """Every customer's contracts up to today."""
    books = Books()
    for customer in customers:
        _write(Seller(world, company, books, customer), _recent_wins(world, customers))
    sell_calls(world, company, books)
    bill_periods(world, company, books)
    return books


def number_papers(
    world: World, company: Company, *, contract: int = 101, quote: int = 2001, order: int = 5001, invoice: int = 1
) -> None:
    """Number contracts, quotes, orders and invoices in the order of time; invoices without a gap."""
    world.number_in_order(Contract, key=lambda row: row.created_at, first=contract)
    world.number_in_order(Quote, key=lambda row: row.created_at, first=quote)
    world.number_in_order(Order, key=lambda row: row.placed_at, first=order)
    series = company.series
    if series is None:
        return
    invoices = sorted(world.rows(Invoice), key=lambda row: (row.issue_date, row.pk))
    for number, row in enumerate(invoices, start=invoice):
        row.number = f"{series.prefix}{number:05d}"
    series.next_number = invoice + len(invoices)


def _write(seller: Seller, recent_wins: dict[str, Growth]) -> None:
    customer, today = seller.customer, seller.world.calendar.today
    recent = recent_wins.get(customer.name)
    term = seller.sign()
    while True:
        until = min(term.contract.end_date, today)
        for growth in _growth_within(seller, term, until, recent):
            _try(seller, term, growth)
        if term.contract.end_date > today:
            break
        if term.contract.end_date == customer.profile.left_date:
            seller.lose_renewal(term)
            break
        shrinks = customer.profile.stage == "at_risk" and seller.chance.random() < 0.5
        term = seller.renew(term, keep=Decimal("0.85") if shrinks else Decimal(1))
    if today < term.contract.end_date < today + timedelta(days=RENEWAL_DAYS):
        seller.propose_renewal(term)
    seller.grant_entitlements()


def _growth_within(seller: Seller, term: Term, until: date, recent: Growth | None) -> list[Growth]:
    """What is proposed during a term, in order of time."""
    start = term.contract.start_date
    scripted = seller.customer.profile.growth
    if scripted is not None:
        planned = list(scripted)
    else:
        # The running quarter is written by hand, so that it has something to tell on each of its days.
        planned = _growth_by_chance(seller, start, min(until, seller.world.calendar.quarter_date))
        planned += [recent] if recent else []
    return sorted((one for one in planned if start < one.date < until), key=lambda one: one.date)


def _growth_by_chance(seller: Seller, start: date, until: date) -> list[Growth]:
    """Twice as much where people see prices and usage in the portal; customers at risk buy nothing."""
    chance, customer, found = seller.chance, seller.customer, []
    day = start + timedelta(days=45)
    while day < until:
        is_active = customer.is_active_on(day)
        rate = 0.0 if customer.profile.stage == "at_risk" and not is_active else 0.16 if is_active else 0.075
        when = working_day(day + timedelta(days=chance.randrange(20)))
        roll, in_portal, won = chance.random(), chance.random() < 0.7, chance.random()
        if roll < rate and when < until:
            wanted = _wanted(chance, customer)
            is_in_portal = in_portal and customer.is_active_on(when - timedelta(days=8))
            found.append(
                Growth(
                    when,
                    seats=wanted.seats,
                    plan=wanted.plan,
                    addons=wanted.addons,
                    is_in_portal=is_in_portal,
                    is_won=won < (0.8 if is_in_portal else 0.66),
                )
            )
        day += timedelta(days=30)
    return found


def _wanted(chance: Random, customer: Customer) -> Growth:
    """More seats more often than an add-on, and now and then the next plan."""
    profile = customer.profile
    day = profile.joined_date  # Stands for none: the caller knows when.
    roll = chance.random()
    if roll < 0.5:
        return Growth(day, seats=max(2, round(profile.seats * chance.uniform(0.06, 0.2))))
    if roll < 0.9:
        return Growth(day, addons=((chance.choice(LIKELY_ADDONS[profile.industry]), 1),))
    return Growth(day, plan="business" if profile.plan == "team" else "enterprise")


def _try(seller: Seller, term: Term, growth: Growth) -> None:
    """Sell it, or more seats where the customer has the thing already."""
    owned = term.owned_on(growth.date)
    has_it = any(code in ADD_ONE and code in owned for code, _units in growth.addons)
    plan = next(line for line in owned.values() if line.product.kind == ProductKind.PLAN)
    is_no_upgrade = bool(growth.plan) and (
        seller.company.products[growth.plan].rank <= plan.product.rank
        or plan.quantity < seller.company.products[growth.plan].min_quantity
    )
    if has_it or is_no_upgrade:
        growth = Growth(growth.date, seats=3, is_in_portal=growth.is_in_portal, is_won=growth.is_won)
    seller.grow(term, growth)


def _recent_wins(world: World, customers: list[Customer]) -> dict[str, Growth]:
    """Deals won in the running quarter: with the portal, with its help, and without it."""
    calendar = world.calendar
    span = (calendar.today - calendar.quarter_date).days
    growing = [one for one in customers if one.profile.growth is None and one.profile.stage == "growing"]
    active = [one for one in growing if one.is_active_on(calendar.quarter_date)]
    quiet = [one for one in growing if one.profile.portal == "quiet"]
    wins: dict[str, Growth] = {}
    for position, customer in enumerate([*active[:8], *quiet[:2]]):
        chance = world.random(customer.name, "quarter")
        day = calendar.quarter_date + timedelta(days=int(span * (position + 0.5) / 11))
        if not calendar.quarter_date <= day < calendar.today:
            continue
        wanted = _wanted(chance, customer)
        wins[customer.name] = Growth(
            day, seats=wanted.seats, plan=wanted.plan, addons=wanted.addons,
            is_in_portal=position < 5,
        )  # fmt: skip
    return wins
