"""The demo company as a whole: a seed and a day in, always the same rows out. Touches no database."""

from dataclasses import dataclass
from datetime import date

from commerce.pricing.proration import add_months
from sandbox.demo.abroad import add_customers_abroad
from sandbox.demo.accounts import Customer, add_customers
from sandbox.demo.agreements import agree
from sandbox.demo.books import Books
from sandbox.demo.brands import add_brands
from sandbox.demo.bundles import add_bundles
from sandbox.demo.cases import write_cases
from sandbox.demo.company import Company, found_company
from sandbox.demo.contracts import number_papers, write_contracts
from sandbox.demo.events import open_portal, write_events
from sandbox.demo.help_centre import add_articles, cast_votes
from sandbox.demo.homes import arrange_homes
from sandbox.demo.invitations import invite_people
from sandbox.demo.law import write_law
from sandbox.demo.marketing import add_marketing
from sandbox.demo.newcomer import add_newcomer
from sandbox.demo.period_bills import bill_use
from sandbox.demo.prices import add_prices
from sandbox.demo.self_administration import administer
from sandbox.demo.self_rule import write_rules
from sandbox.demo.staff import add_staff_work
from sandbox.demo.telling import tell
from sandbox.demo.usage import write_usage
from sandbox.demo.world import World

DEFAULT_SEED = 1


@dataclass(frozen=True)
class Demo:
    """The generated world, and its main characters."""

    world: World
    company: Company
    customers: list[Customer]
    books: Books


def generate(*, seed: int = DEFAULT_SEED, today: date) -> Demo:
    """Everything, in memory: the vendor first, then each customer's two years."""
    world = World(seed=seed, today=today)
    company = found_company(world)
    add_prices(world, company, add_months(world.calendar.start_date, -24))
    add_bundles(world, company, add_months(world.calendar.start_date, -24))
    settled = [*add_customers(world, company), *add_customers_abroad(world, company)]
    agree(world, company, settled[0])
    newcomer = add_newcomer(world, company)
    newcomer.account.brand = add_brands(world)
    customers = [*settled, newcomer]
    open_portal(customers)
    invite_people(world, *settled[:2])
    add_staff_work(world, company, settled)
    articles = add_articles(world, company)
    add_marketing(world, company)
    books = write_contracts(world, company, customers)
    write_rules(world, settled)
    write_usage(world, customers)
    bill_use(world, company, books)
    number_papers(world, company)
    write_cases(world, company, settled, articles)
    administer(world, company, settled)
    write_law(world, company, settled)
    tell(world)
    cast_votes(world, settled, articles)
    write_events(world, customers, books, articles, also=arrange_homes(world, settled))
    return Demo(world, company, customers, books)
