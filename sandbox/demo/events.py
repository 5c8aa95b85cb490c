"""What people did in the portal, from the day their company first signed in: visits, and the way to each purchase."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from accounts.models import Membership, User
from accounts.permissions import Permission, Role
from cases.models import Case
from commerce.models import ConfiguratorStep, DealSource, DealType, Invoice, Order, Quote
from commerce.views.guiding import SMALL_TIERS
from knowledge.models import Article, Deflection
from sandbox.demo.accounts import Customer
from sandbox.demo.books import Books, Purchase
from sandbox.demo.help_centre import readable_by
from sandbox.demo.world import Values, World, in_office_hours, working_day
from tracking.actor import ActorKind
from tracking.models import Event, EventName

COLUMNS = (
    "name", "account_id", "user_id", "actor_kind", "session_key", "object_type", "object_id", "properties",
    "occurred_at",
)  # fmt: skip
OCCURRED_AT = COLUMNS.index("occurred_at")
# Visits a week, by role; a person with several has the highest.
VISITS = {
    Role.ADMINISTRATOR: 1.5,
    Role.SUPPORT: 1.9,
    Role.BUYER: 0.9,
    Role.BILLING: 0.5,
    Role.APPROVER: 0.3,
    Role.VIEWER: 0.7,
}
QUIET = 0.06  # Companies that hardly use the portal come this much less often.
SEARCHES = (
    "export timeout", "two-step code", "add seats", "webhook signature", "offline", "invoice address", "renewal",
    "csv import", "429", "notification", "route", "storage full", "reset password", "audit log",
)  # fmt: skip
# Pages somebody goes to, how often beside others, and what they must be allowed to.
PAGES: tuple[tuple[EventName, int, Permission], ...] = (
    (EventName.ARTICLE_VIEWED, 8, Permission.READ_ARTICLES),
    (EventName.ARTICLE_SEARCHED, 4, Permission.READ_ARTICLES),
    (EventName.CASE_VIEWED, 7, Permission.VIEW_CASES),
    (EventName.USAGE_VIEWED, 4, Permission.VIEW_USAGE),
    (EventName.CONTRACT_VIEWED, 2, Permission.VIEW_CONTRACTS),
    (EventName.PLANS_VIEWED, 1, Permission.VIEW_PRICES),
    (EventName.OFFER_CLICKED, 1, Permission.VIEW_PRICES),
    (EventName.ORDER_VIEWED, 1, Permission.VIEW_ORDERS),
    (EventName.INVOICE_VIEWED, 2, Permission.VIEW_INVOICES),
    (EventName.DOCUMENT_DOWNLOADED, 1, Permission.VIEW_INVOICES),
)
GUIDED_STEPS = (ConfiguratorStep.PLAN, ConfiguratorStep.ADDONS, ConfiguratorStep.REVIEW)


def write_events(
    world: World, customers: list[Customer], books: Books, articles: list[Article], also: Iterable[Values] = ()
) -> None:
    """The whole stream in the order of time, with what `also` happened; people's last visits follow from it."""
    written = list(also)
    for customer in customers:
        written += _Visitors(world, customer, books, articles).events()
    written.sort(key=lambda event: (event[OCCURRED_AT], event))
    world.table(Event, COLUMNS).extend(written)
    seen = {(account_id, user_id): at for _name, account_id, user_id, *_rest, at in written}
    for member in world.rows(Membership):
        member.last_seen_at = seen.get((member.account_id, member.user_id))
    last_login = {user_id: at for name, _account, user_id, *_rest, at in written if name == EventName.LOGIN}
    for user in world.rows(User):
        user.last_login = last_login.get(user.pk)


def event(
    name: EventName,
    *,
    account_id: int,
    user_id: int,
    at: datetime,
    session_key: str = "",
    about: tuple[str, str] = ("", ""),
    properties: dict[str, object] | None = None,
) -> Values:
    """One row, in the order of `COLUMNS`. `about` is the type and id of what it was about."""
    what = (name.value, account_id, user_id, ActorKind.CUSTOMER.value)
    return (*what, session_key, *about, json.dumps(properties or {}), at)


class _Visitors:
    """The people of one customer."""

    def __init__(self, world: World, customer: Customer, books: Books, articles: list[Article]) -> None:
        self.world, self.customer, self.articles = world, customer, articles
        self.account = customer.account
        self.chance = world.random(customer.name, "visits")
        self.terms = books.terms[customer.name]
        self.purchases = [one for one in books.purchases if one.customer is customer]
        self.cases = sorted(self._of(Case), key=lambda case: case.created_at)
        self.invoices = sorted(self._of(Invoice), key=lambda invoice: invoice.issue_date)
        self.orders = sorted(self._of(Order), key=lambda order: order.placed_at)
        self.deflections = self._of(Deflection)
        self.visits = 0

    def events(self) -> Iterator[Values]:
        """Everything, in no order. Nothing comes before the first sign-in."""
        first_at = self.account.first_login_at
        if first_at is None:
            return
        yield self._event(EventName.LOGIN, self.customer.people[0], first_at, self._session())
        start = first_at.date() + timedelta(days=1)
        for member in self.customer.members:
            yield from self._weeks_of(member, start)
        for purchase in self.purchases:
            yield from self._way_to(purchase, first_at)
        for user in self.customer.may(Permission.BUY):
            yield from self._tried(user)
        for case in self.cases:
            if case.created_at > first_at and self.customer.profile.portal == "active":
                yield self._event(EventName.CASE_CREATED, case.opened_by, case.created_at, "", ("case", case.number))
        for deflection in self.deflections:
            yield from self._deflected(deflection)

    def _weeks_of(self, member: Membership, start: date) -> Iterator[Values]:
        """A person's visits, week by week, to yesterday."""
        rate = max(VISITS[Role(role)] for role in member.roles)
        rate *= self.chance.uniform(0.5, 1.4) * (1 if self.customer.profile.portal == "active" else QUIET)
        pages = [page for page in PAGES if member.user in self.customer.may(page[2])]
        readable = readable_by(self.articles, self.account.tier.code, member.roles)
        week = start
        while week < self.world.calendar.today:
            for _visit in range(int(rate + self.chance.random())):
                day = working_day(week + timedelta(days=self.chance.randrange(7)))
                if day < self.world.calendar.today:
                    yield from self._visit(member.user, in_office_hours(self.chance, day), pages, readable)
            week += timedelta(days=7)

    def _visit(
        self, user: User, at: datetime, pages: list[tuple[EventName, int, Permission]], readable: list[Article]
    ) -> Iterator[Values]:
        session = self._session()
        if self.chance.random() < 0.6:
            yield self._event(EventName.LOGIN, user, at, session)
        yield self._event(EventName.HOME_VIEWED, user, at + timedelta(seconds=2), session)
        for name, _weight, _permission in self.chance.choices(
            pages, weights=[weight for _name, weight, _permission in pages], k=self.chance.randrange(0, 5)
        ):
            at += timedelta(seconds=self.chance.randrange(15, 300))
            found = self._object_of(name, at, readable)
            if found is not None and at < self.world.calendar.now:
                about, properties = found
                yield self._event(name, user, at, session, about, properties)

    def _object_of(
        self, name: EventName, at: datetime, readable: list[Article]
    ) -> tuple[tuple[str, str], dict[str, object]] | None:
        """What a page was about, of what there was at that moment; None where there was nothing to see."""
        none: tuple[str, str] = ("", "")
        finders: dict[EventName, Callable[[], tuple[str, str] | None]] = {
            EventName.ARTICLE_VIEWED: lambda: self._article(at, readable),
            EventName.CASE_VIEWED: lambda: self._latest("case", self.cases, at, lambda one: one.created_at),
            EventName.ORDER_VIEWED: lambda: self._latest("order", self.orders, at, lambda one: one.placed_at),
            EventName.INVOICE_VIEWED: lambda: self._invoice(at),
            EventName.DOCUMENT_DOWNLOADED: lambda: self._invoice(at),
            EventName.CONTRACT_VIEWED: lambda: self._contract(at.date()),
            EventName.OFFER_CLICKED: lambda: ("product", self.chance.choice(("business", "api_boost", "storage_pack"))),
        }
        properties: dict[str, object] = {}
        if name == EventName.ARTICLE_SEARCHED:
            properties = {"query": self.chance.choice(SEARCHES), "results": self.chance.randrange(1, 9)}
        about = finders[name]() if name in finders else none
        return None if about is None else (about, properties)

    def _article(self, at: datetime, readable: list[Article]) -> tuple[str, str] | None:
        published = [article for article in readable if article.published_at and article.published_at < at]
        return ("article", self.chance.choice(published).slug) if published else None

    def _latest(
        self, kind: str, rows: list[Case] | list[Order], at: datetime, when: Callable[[Any], datetime]
    ) -> tuple[str, str] | None:
        """One of the latest three."""
        known = [row for row in rows if when(row) < at][-3:]
        if not known:
            return None
        row = self.chance.choice(known)
        return kind, row.number if isinstance(row, Case) else str(row.public_id)

    def _invoice(self, at: datetime) -> tuple[str, str] | None:
        known = [invoice for invoice in self.invoices if invoice.issue_date < at.date()][-3:]
        return ("invoice", self.chance.choice(known).number) if known else None

    def _contract(self, day: date) -> tuple[str, str] | None:
        for term in self.terms:
            if term.contract.start_date <= day < term.contract.end_date:
                return "contract", str(term.contract.public_id)
        return None

    def _way_to(self, purchase: Purchase, first_at: datetime) -> Iterator[Values]:
        """The steps before a purchase: its quote, or what people looked at before they signed with sales."""
        if purchase.quote is not None:
            yield from self._bought(purchase, purchase.quote)
            return
        is_renewal = purchase.deal.type == DealType.RENEWAL
        if not is_renewal or purchase.deal.source != DealSource.ALERT or purchase.done_at <= first_at:
            return
        for days in (33, 21, 6):  # The reminders of the renewal ahead led here.
            at = in_office_hours(self.chance, working_day(purchase.done_at.date() - timedelta(days=days)))
            if first_at < at:
                session = self._session()
                about = self._contract(at.date()) or ("", "")
                yield self._event(EventName.CONTRACT_VIEWED, purchase.by, at, session, about)
                yield self._event(EventName.USAGE_VIEWED, purchase.by, at + timedelta(seconds=70), session)

    def _bought(self, purchase: Purchase, quote: Quote) -> Iterator[Values]:
        user, asked_at, session = purchase.by, quote.created_at, self._session()
        figures: dict[str, object] = {
            "number": quote.number,
            "deal": str(purchase.deal.public_id),
            "total_minor": quote.total_minor,
            "annual_minor": purchase.deal.amount_minor,
            "currency": quote.currency,
        }
        about = ("quote", str(quote.public_id))
        yield self._event(EventName.PLANS_VIEWED, user, asked_at - timedelta(seconds=210), session)
        yield from self._configured(user, asked_at - timedelta(seconds=120), session)
        yield self._event(EventName.QUOTE_CREATED, user, asked_at, "", about, figures)
        yield self._event(EventName.QUOTE_VIEWED, user, asked_at + timedelta(seconds=40), session, about)
        if quote.accepted_at is None or purchase.order is None or purchase.invoice is None:
            return
        before = quote.accepted_at - timedelta(seconds=100)
        if before > asked_at + timedelta(hours=1):
            yield self._event(EventName.QUOTE_VIEWED, user, before, self._session(), about)
        yield self._event(EventName.QUOTE_ACCEPTED, user, quote.accepted_at, "", about, figures)
        paid_at = purchase.invoice.paid_at
        if paid_at is not None:
            invoice = ("invoice", purchase.invoice.number)
            money: dict[str, object] = {
                "total_minor": purchase.invoice.total_minor,
                "currency": purchase.invoice.currency,
            }
            yield self._event(EventName.INVOICE_PAID, user, paid_at, "", invoice, money)
            order = ("order", str(purchase.order.public_id))
            placed = figures | {"number": purchase.order.number, "quote": str(quote.public_id)}
            yield self._event(EventName.ORDER_PLACED, user, paid_at, "", order, placed)

    def _tried(self, user: User) -> Iterator[Values]:
        """The configurator in the last weeks without a quote in the end: each time somebody gets less far."""
        chance = self.world.random(self.customer.name, user.email, "configurator")
        for days in chance.sample(range(3, 80), chance.randrange(3)):
            at = in_office_hours(chance, working_day(self.world.calendar.today - timedelta(days=days)))
            if self.customer.is_active_on(at.date() - timedelta(days=1)):
                yield from self._configured(user, at, self._session(), steps=chance.randrange(1, 4))

    def _configured(self, user: User, at: datetime, session: str, *, steps: int = 3) -> Iterator[Values]:
        """The configurator, so many steps far: small companies have three, the others one page with all."""
        is_guided = self.account.tier is not None and self.account.tier.code in SMALL_TIERS
        shown = GUIDED_STEPS[:steps] if is_guided else (ConfiguratorStep.ALL,)
        yield self._event(EventName.CONFIGURATOR_USED, user, at, session)
        for number, step in enumerate(shown):
            yield self._event(
                EventName.CONFIGURATOR_STEP_VIEWED, user, at + timedelta(seconds=number * 30), session,
                properties={"configuration": "", "step": step.value},
            )  # fmt: skip

    def _deflected(self, deflection: Deflection) -> Iterator[Values]:
        if deflection.user is None:
            return
        session, about = self._session(), ("article", deflection.article.slug)
        at = deflection.created_at
        yield self._event(EventName.ARTICLE_VIEWED, deflection.user, at - timedelta(seconds=95), session, about)
        properties: dict[str, object] = {"form_key": str(deflection.form_key)}
        yield self._event(EventName.CASE_DEFLECTED, deflection.user, at, "", about, properties)

    def _event(
        self,
        name: EventName,
        user: User,
        at: datetime,
        session: str,
        about: tuple[str, str] = ("", ""),
        properties: dict[str, object] | None = None,
    ) -> Values:
        return event(
            name, account_id=self.account.pk, user_id=user.pk, at=at, session_key=session, about=about,
            properties=properties,
        )  # fmt: skip

    def _session(self) -> str:
        self.visits += 1
        return hashlib.sha256(repr((self.world.seed, self.customer.name, self.visits)).encode()).hexdigest()

    def _of(self, model: type[Any]) -> list[Any]:
        return [row for row in self.world.rows(model) if row.account is self.account]


def open_portal(customers: list[Customer]) -> None:
    """Each company's first sign-in, on its day."""
    for customer in customers:
        day = customer.profile.first_login_date
        if day is not None:
            customer.account.first_login_at = datetime.combine(day, time(7, 40), UTC)
