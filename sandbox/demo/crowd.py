"""Any number of customers beside those that are there: companies, people, contracts in force, and a year of visits."""

import hashlib
import sys
from bisect import bisect
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import accumulate, pairwise
from random import Random
from typing import TextIO

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection, models, transaction
from django.db.models import Max

from accounts.law.terms import current, text_for
from accounts.models import Industry, LifecycleStage, Tier, User
from accounts.permissions import StaffGroup
from commerce.models import Contract, InvoiceSeries, Order, Price, Product, ProductGrant, Quote, TaxRate
from sandbox.demo.accounts import JOBS, Customer, Profile, add_account, add_member
from sandbox.demo.books import Books
from sandbox.demo.company import CURRENCY, Company
from sandbox.demo.contracts import number_papers
from sandbox.demo.events import COLUMNS, event
from sandbox.demo.law import accept
from sandbox.demo.load import copy_rows, load
from sandbox.demo.people import FIRST_NAMES, LAST_NAMES
from sandbox.demo.selling import Seller
from sandbox.demo.world import Values, World, in_office_hours
from tracking.models import Event, EventName

BATCH = 250  # Customers written together.
FIRST_WORDS = ("Alten", "Borea", "Calder", "Dorn", "Elbe", "Falken", "Garda", "Hansa", "Isar", "Jura", "Lahn", "Oder")
SECOND_WORDS = ("Werke", "Transport", "Kliniken", "Markt", "Netz", "Bau", "Technik", "Logistik", "Handel", "Energie")
FORMS = {"DE": "GmbH", "NL": "B.V.", "FR": "SAS", "PL": "Sp. z o.o.", "IT": "S.r.l.", "GB": "Ltd", "SE": "AB"}
# Out of a thousand events, so many of each; the last ones are what earns money.
EVENT_SHARES = {
    EventName.HOME_VIEWED: 270,
    EventName.ARTICLE_VIEWED: 180,
    EventName.LOGIN: 160,
    EventName.CASE_VIEWED: 120,
    EventName.USAGE_VIEWED: 90,
    EventName.ARTICLE_SEARCHED: 80,
    EventName.CONTRACT_VIEWED: 40,
    EventName.INVOICE_VIEWED: 20,
    EventName.PLANS_VIEWED: 20,
    EventName.CONFIGURATOR_USED: 10,
    EventName.QUOTE_VIEWED: 6,
    EventName.QUOTE_CREATED: 4,
}


class NotSeeded(Exception):
    """There is no catalogue to sell from."""


class Progress:
    """A bar that fills on a terminal, and a line at each tenth elsewhere."""

    def __init__(self, title: str, total: int, out: TextIO) -> None:
        self.title, self.total, self.out, self.done, self.shown = title, max(total, 1), out, 0, -1

    def add(self, count: int) -> None:
        self.done += count
        percent = min(100, self.done * 100 // self.total)
        if percent == self.shown:
            return
        if self.out.isatty():
            end = "\n" if percent == 100 else ""
            self.out.write(f"\r{self.title:<10} [{'#' * (percent * 40 // 100):<40}] {percent:>3} %{end}")
        elif percent // 10 > self.shown // 10:
            self.out.write(f"{self.title}: {percent} %\n")
        self.out.flush()
        self.shown = percent


def add_crowd(*, accounts: int, users: int, events: int, seed: int, today: date, out: TextIO = sys.stderr) -> None:
    """Add so many customers, people and events; the same arguments over the same rows add the same.

    Each batch commits by itself. Raises `NotSeeded` where the demo company has not been loaded before.
    """
    chance = Random(repr((seed, "crowd")))
    weights = [chance.paretovariate(1.16) for _account in range(accounts)]  # A fifth of them makes most of the visits.
    heads = _shared_out(users - accounts, weights)
    members: list[tuple[int, list[int], datetime]] = []
    progress = Progress("Accounts", accounts, out)
    for first in range(0, accounts, BATCH):
        batch = range(first, min(first + BATCH, accounts))
        with transaction.atomic():
            members += _add_batch(seed, today, [(number, heads[number] + 1) for number in batch])
        progress.add(len(batch))
    with transaction.atomic():
        stream = _events(chance, weights, members, events, World(seed=seed, today=today).calendar.now)
        copy_rows(Event._meta.db_table, COLUMNS, _watched(stream, Progress("Events", events, out)))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def read_company() -> Company:
    """The vendor as it stands in the database. Raises `NotSeeded`."""
    series = InvoiceSeries.objects.filter(legal_entity=settings.LEGAL_ENTITY, kind="invoice").first()
    company = Company(
        tiers={tier.code: tier for tier in Tier.objects.all()},
        products={product.code: product for product in Product.objects.all()},
        taxes={tax.country: tax for tax in TaxRate.objects.all()},
        series=series,
    )
    company.grants = {code: [] for code in company.products}
    for grant in ProductGrant.objects.select_related("product"):
        company.grants[grant.product.code].append(grant)
    of_tiers = Price.objects.filter(book__currency=CURRENCY, book__tier__isnull=False)
    for price in of_tiers.select_related("book__tier", "product", "volume_schedule"):
        if price.book.tier is None:
            continue
        company.books[price.book.tier.code, CURRENCY] = price.book
        company.prices[price.book.tier.code, CURRENCY, price.product.code] = price
    for group in Group.objects.prefetch_related("user_set"):
        company.staff[StaffGroup(group.name)] = list(User.objects.filter(groups=group))
    if series is None or not company.prices or not company.staff.get(StaffGroup.SALES):
        raise NotSeeded("Load the demo company first: python -m sandbox.demo")
    return company


def _add_batch(seed: int, today: date, numbers: list[tuple[int, int]]) -> list[tuple[int, list[int], datetime]]:
    """Write some customers; what the events need of each: its id, its people, and since when they visit."""
    company = read_company()
    world = World(seed=seed, today=today, first_id=_next_id)
    books = Books()
    added = [_add_customer(world, company, books, number, people) for number, people in numbers]
    if (terms := current(world.calendar.now)) is not None:
        accept(world, text_for(terms, "en"), [person for one in added for person in one.people])
    series = company.series
    if series is None:
        raise NotSeeded
    number_papers(
        world,
        company,
        contract=_next_number(Contract),
        quote=_next_number(Quote),
        order=_next_number(Order),
        invoice=series.next_number,
    )
    load(world)
    series.save(update_fields=["next_number"])
    return [
        (one.account.pk, [person.pk for person in one.people], one.account.first_login_at or world.calendar.now)
        for one in added
    ]


def _add_customer(world: World, company: Company, books: Books, number: int, people: int) -> Customer:
    chance = world.random("crowd", number)
    country = chance.choice(list(FORMS))
    joined = world.calendar.today - timedelta(days=chance.randrange(40, 350))
    profile = Profile(
        industry=chance.choice(Industry.values),
        stage=chance.choice(LifecycleStage.values),
        plan=chance.choice(("team", "team", "business", "enterprise")),
        seats=max(20, people + chance.randrange(40)),
        joined_date=joined,
        portal="active",
        first_login_date=joined,
    )
    customer = add_account(
        world,
        company,
        profile,
        name=f"{chance.choice(FIRST_WORDS)} {chance.choice(SECOND_WORDS)} {number + 1} {FORMS[country]}",
        domain=f"c{number + 1}-s{world.seed}.scale.example",
        tier=chance.choice(list(company.tiers)),
        street=f"Main street {chance.randrange(1, 200)}",
        postal_code=f"{chance.randrange(10_000, 99_999)}",
        city="Musterstadt",
        country=country,
    )
    customer.account.first_login_at = in_office_hours(chance, joined)
    first, last = FIRST_NAMES[country].split(), LAST_NAMES[country].split()
    for place in range(people):
        title, department, roles = JOBS[place % len(JOBS)]
        add_member(
            world,
            customer,
            email=f"p{place + 1}@c{number + 1}-s{world.seed}.scale.example",
            name=f"{chance.choice(first)} {chance.choice(last)}",
            roles=roles,
            job_title=title,
            department=department,
        )
    seller = Seller(world, company, books, customer)
    seller.sign()
    seller.grant_entitlements()
    return customer


def _events(
    chance: Random,
    weights: list[float],
    members: list[tuple[int, list[int], datetime]],
    count: int,
    now: datetime,
) -> Iterator[Values]:
    """Visits over the last year, in the order of time but for companies that came later."""
    names, shares = list(EVENT_SHARES), list(accumulate(EVENT_SHARES.values()))
    bounds = list(accumulate(weights))
    start = now - timedelta(days=365)
    step = timedelta(days=365) / max(count, 1)
    for number in range(count):
        account_id, people, since = members[bisect(bounds, chance.random() * bounds[-1])]
        at = start + step * number
        if at <= since:
            at = since + (now - since) * (0.01 + 0.98 * chance.random())
        name = names[bisect(shares, chance.random() * shares[-1])]
        user_id = people[int(len(people) * chance.random() ** 2)]  # A few of the people are there most.
        session_key = hashlib.sha256(f"{user_id} {at:%Y%m%d}".encode()).hexdigest()
        about = ("article", f"article-{chance.randrange(200)}") if name == EventName.ARTICLE_VIEWED else ("", "")
        yield event(name, account_id=account_id, user_id=user_id, at=at, session_key=session_key, about=about)


def _watched(rows: Iterable[Values], progress: Progress) -> Iterator[Values]:
    count = 0
    for count, row in enumerate(rows, start=1):
        yield row
        if count % 1_000 == 0:
            progress.add(1_000)
    progress.add(count % 1_000)


def _shared_out(total: int, weights: list[float]) -> list[int]:
    """Whole numbers that add up to the total, about in proportion."""
    whole = sum(weights)
    bounds = [0, *(round(total * part / whole) for part in accumulate(weights))]
    return [upper - lower for lower, upper in pairwise(bounds)]


def _next_id(model: type[models.Model]) -> int:
    return int(model._base_manager.aggregate(last=Max("pk"))["last"] or 0) + 1


def _next_number(model: type[Contract | Quote | Order]) -> int:
    return int(model._base_manager.aggregate(last=Max("serial"))["last"] or 0) + 1
