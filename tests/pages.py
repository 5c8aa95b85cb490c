"""Every address of the portal, who may use it, and with which rows: what the walks, the browser and the counts read.

A new address needs an entry here; `tests/portal/test_walk.py` fails without one. Each entry says what the company that
owns the rows sends and gets. The walk works out the rest: another company's administrator, every other role, staff,
and visitors who are not signed in.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.permissions import Permission
from commerce import orders
from commerce.models import Quote, QuoteStatus
from commerce.payments import prepare_card
from tests.commerce.stripe_side import StripeJs
from tests.world import Company

# Parts of the address tree that are not ours, walked in another way. By the beginning of the address.
ELSEWHERE = {
    "accounts/": "allauth's pages, about the person signed in alone: tests/accounts and the browser",
    "admin/": "Django's admin: walked model by model in tests/portal/test_walk.py",
}


class Audience(Enum):
    CUSTOMERS = "customers"  # Members whose roles grant the permission; visitors are sent to sign in.
    STAFF = "staff"  # Staff whose groups grant the permission; visitors are sent to sign in.
    EVERYBODY = "everybody"  # Also visitors.
    API = "api"  # As CUSTOMERS; visitors get 401.


Sent = Callable[[Company], Mapping[str, Any]]


def nothing(company: Company) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Foreign:
    """A request to one's own page that names something of another company outside the path.

    `query` and `body` are given the other company; they go on top of what the page itself sends.
    """

    what: str
    status: int  # What comes back; never with anything of the other company, and nothing of theirs changes.
    query: Sent = nothing
    body: Sent = nothing
    changes: bool = False  # Whether something of one's own may change all the same.


@dataclass(frozen=True)
class Page:
    """One address with one method."""

    name: str  # Of the URL pattern, with its namespace.
    permission: Permission | str | None = None  # A customers' permission, or a Django permission for staff pages.
    method: str = "GET"
    kwargs: Sent = nothing  # Of the address.
    query: Sent = nothing
    body: Sent = nothing
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""  # Of the body; empty: a form.
    status: int = 200  # What the owner gets.
    shows: Sent = nothing  # Texts of the company on the owner's page, by any name.
    names_row: bool = False  # The path names a row of a company: for all others it is not there (404).
    audience: Audience = Audience.CUSTOMERS
    screen: bool = False  # A page that people look at, in the portal's frame.
    changes: bool | None = None  # Whether the owner's request changes rows; None: as its method suggests.
    is_csrf_checked: bool = True
    arrange: Callable[[Company], None] | None = None  # What must be so before the owner's request can succeed.
    needs_stripe: bool = False
    foreign: tuple[Foreign, ...] = ()
    label: str = ""  # Where one pattern has several entries of a method.

    @property
    def id(self) -> str:
        return " ".join(filter(None, [self.method, self.name, self.label]))

    @property
    def does_change(self) -> bool:
        return self.method != "GET" if self.changes is None else self.changes

    def url(self, company: Company) -> str:
        return reverse(self.name, kwargs=dict(self.kwargs(company)))


def patterns(resolver: URLResolver | None = None, namespace: str = "", route: str = "") -> Iterable[tuple[str, str]]:
    """Name and route of every address that is ours."""
    for entry in (resolver or get_resolver()).url_patterns:
        path = route + str(entry.pattern)
        if path.startswith(tuple(ELSEWHERE)):
            continue
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from patterns(entry, inner, path)
        elif isinstance(entry, URLPattern):
            yield f"{namespace}{entry.name or path}", path


def _number(what: str) -> Sent:
    return lambda company: {"number": getattr(company, what).number}


def _case(company: Company) -> Mapping[str, Any]:
    return {"serial": company.case.serial}


def _quote(company: Company) -> Mapping[str, Any]:
    return {"public_id": company.quote.public_id}


def _attempt(company: Company) -> Mapping[str, Any]:
    return {"public_id": company.attempt.pk}


def _slug(slug: str) -> Sent:
    return lambda company: {"slug": slug}


def _from(what: str, field: str, unique: str = "serial") -> Sent:
    """The address of the page behind a row of the other company."""

    def cursor(company: Company) -> Mapping[str, Any]:
        row = getattr(company, what)
        values = (row._meta.get_field(name).value_to_string(row) for name in (field, unique))
        return {"cursor": "~".join(("older", *values))}

    return cursor


def _form_key(what: str) -> Sent:
    """A form's key that a form of the other company had."""
    return lambda company: {"form_key": getattr(company, what).form_key}


def _of(*names: str) -> Sent:
    """Numbers and names of the company's rows: "case.number"."""

    def shown(company: Company) -> Mapping[str, Any]:
        values = {}
        for name in names:
            value: Any = company
            for part in name.split("."):
                value = getattr(value, part)
            values[name] = value
        return values

    return shown


def _cancel_unpaid(company: Company) -> None:
    """A contract is changed by one order at a time."""
    orders.cancel_order(order=company.order, now=company.quote.created_at)


def _card(company: Company) -> str:
    """A card that the company has set up at Stripe, which must be at hand."""
    secret = prepare_card(account=company.account, now=company.quote.created_at).client_secret
    StripeJs(settings.STRIPE_API_BASE).set_up(secret)
    return secret.split("_secret_")[0]


def _expire(company: Company) -> None:
    Quote.objects.filter(pk=company.quote.pk).update(status=QuoteStatus.EXPIRED)


ARTICLE = "reset-a-forgotten-password"
NEW_CASE = {"subject": "The scanner beeps", "topic": "access", "priority": "normal", "description": "Twice a minute."}
DETAILS = {
    "phone": "+49 30 1234567", "website": "https://example.org", "billing_email": "billing@example.org",
    "billing_street": "Hafenstraße 1", "billing_postal_code": "20457", "billing_city": "Hamburg",
    "billing_country": "de", "vat_id": "", "time_zone": "Europe/Berlin",
}  # fmt: skip
ANSWERS_JSON = {"Accept": "application/json"}

HOUSE = [
    Page(
        "home", Permission.VIEW_HOME, screen=True,
        shows=_of("account.name", "contract.number", "case.subject"),
    ),
    Page("livez", audience=Audience.EVERYBODY),
    Page("healthz", audience=Audience.EVERYBODY, status=503),  # No worker runs beside the tests.
    Page("styleguide", audience=Audience.EVERYBODY, screen=True),
]  # fmt: skip

ACCOUNTS = [
    Page("accounts:company", Permission.VIEW_TEAM, screen=True, shows=_of("administrator.name", "account.name")),
    Page("accounts:company-profile", Permission.MANAGE_COMPANY, screen=True, shows=_of("account.billing_email")),
    Page(
        "accounts:company-profile", Permission.MANAGE_COMPANY, method="POST", body=lambda company: DETAILS, status=302
    ),
    Page(
        "accounts:switch", method="POST", status=302, changes=False,  # The choice is kept in the session.
        body=lambda company: {"account": company.account.public_id},
        foreign=(
            Foreign("a company I don't belong to", 404, body=lambda other: {"account": other.account.public_id}),
        ),
    ),
    Page(
        "accounts:download", Permission.VIEW_CASES, names_row=True,
        kwargs=lambda company: {"public_id": company.file.public_id},
        changes=True,  # A download is recorded.
    ),
]  # fmt: skip

KNOWLEDGE = [
    Page("knowledge:help", Permission.READ_ARTICLES, screen=True),
    Page("knowledge:search", Permission.READ_ARTICLES, query=lambda company: {"q": "password"}, screen=True),
    Page("knowledge:suggestions", Permission.READ_ARTICLES, query=lambda company: {"subject": "password forgotten"}),
    Page("knowledge:category", Permission.READ_ARTICLES, kwargs=_slug("access"), screen=True),
    Page(
        "knowledge:article", Permission.READ_ARTICLES, kwargs=_slug(ARTICLE), screen=True,
        query=lambda company: {"form_key": uuid.uuid4(), "subject": "Password"},
        foreign=(Foreign("a form of another company", 200, query=_form_key("case")),),
    ),
    Page(
        "knowledge:article", audience=Audience.EVERYBODY, kwargs=_slug("see-whether-the-service-is-up"), screen=True,
        label="public",
    ),
    Page(
        "knowledge:vote", Permission.READ_ARTICLES, method="POST", kwargs=_slug(ARTICLE), status=302,
        body=lambda company: {"is_helpful": "yes"},
    ),
    Page(
        "knowledge:solved", Permission.OPEN_CASES, method="POST", kwargs=_slug(ARTICLE), status=302,
        body=lambda company: {"form_key": uuid.uuid4(), "subject": "Password"},
        foreign=(Foreign("a form of another company", 302, body=_form_key("case"), changes=True),),
    ),
    Page("knowledge:thanks", Permission.READ_ARTICLES, kwargs=_slug(ARTICLE), screen=True),
]  # fmt: skip

CASES = [
    Page(
        "cases:list", Permission.VIEW_CASES, screen=True, shows=_of("case.number", "case.subject"),
        foreign=(
            Foreign("from a case of another company on", 200, query=lambda other: {"cursor": _cursor(other)}),
            Foreign("resolved ones", 200, query=lambda other: {"show": "all"}),
        ),
    ),
    Page("cases:new", Permission.OPEN_CASES, screen=True, query=lambda company: {"subject": "password forgotten"}),
    Page(
        "cases:new", Permission.OPEN_CASES, method="POST", status=302,
        body=lambda company: NEW_CASE | {"form_key": uuid.uuid4()},
        foreign=(Foreign("a form of another company", 302, body=_form_key("case"), changes=True),),
    ),
    Page(
        "cases:detail", Permission.VIEW_CASES, kwargs=_case, names_row=True, screen=True,
        shows=_of("case.subject", "message.body", "file.name"),
    ),
    Page(
        "cases:reply", Permission.OPEN_CASES, method="POST", kwargs=_case, names_row=True, status=302,
        body=lambda company: {"body": "It works.", "form_key": uuid.uuid4()},
        foreign=(Foreign("a form of another company", 302, body=_form_key("message"), changes=True),),
    ),
    Page("cases:close", Permission.OPEN_CASES, method="POST", kwargs=_case, names_row=True, status=302),
]  # fmt: skip


def _cursor(other: Company) -> str:
    return f"older~{other.case.updated_at.isoformat()}~{other.case.serial}"


def _configuration(company: Company) -> Mapping[str, Any]:
    return {"plan": "business", "seats": "60", "sso": "1"}


COMMERCE = [
    Page("commerce:contracts", Permission.VIEW_CONTRACTS, screen=True, shows=_of("contract.number")),
    Page(
        "commerce:contract", Permission.VIEW_CONTRACTS, kwargs=_number("contract"), names_row=True, screen=True,
        shows=_of("contract.number"),
    ),
    Page("commerce:usage", Permission.VIEW_USAGE, screen=True),
    Page("commerce:export-usage", Permission.VIEW_USAGE, changes=True),  # A download is recorded.
    Page("commerce:plans", Permission.VIEW_PRICES, screen=True),
    Page("commerce:configure", Permission.BUY, screen=True, query=_configuration),
    Page("commerce:configure-price", Permission.BUY, query=_configuration),
    Page("commerce:configure-price", Permission.BUY, method="POST", body=_configuration, changes=False),
    Page(
        "commerce:quotes", Permission.VIEW_PRICES, screen=True, shows=_of("quote.number"),
        foreign=(
            Foreign(
                "from a quote of another company on", 200, query=_from("quote", "created_at")
            ),
        ),
    ),
    Page(
        "commerce:create-quote", Permission.BUY, method="POST", status=302,
        body=lambda company: {**_configuration(company), "form_key": uuid.uuid4()},
        foreign=(Foreign("a form of another company", 302, body=_form_key("quote"), changes=True),),
    ),
    Page(
        "commerce:quote", Permission.VIEW_PRICES, kwargs=_quote, names_row=True, screen=True,
        shows=_of("quote.number"), changes=True,  # The first view is written down.
    ),
    Page(
        "commerce:accept-quote", Permission.BUY, method="POST", kwargs=_quote, names_row=True, status=302,
        arrange=_cancel_unpaid,
        body=lambda company: {
            "shown_hash": company.quote.price_hash, "name": "Ada Achterberg", "consent": "on", "po_number": "",
        },
        foreign=(
            Foreign("the price of another company", 302, body=lambda other: {"shown_hash": other.quote.price_hash}),
        ),
    ),
    Page(
        "commerce:refresh-quote", Permission.BUY, method="POST", kwargs=_quote, names_row=True, status=302,
        arrange=_expire,
    ),
    Page(
        "commerce:orders", Permission.VIEW_ORDERS, screen=True, shows=_of("order.number"),
        foreign=(
            Foreign("from an order of another company on", 200, query=_from("order", "placed_at")),
        ),
    ),
    Page(
        "commerce:order", Permission.VIEW_ORDERS, kwargs=_number("order"), names_row=True, screen=True,
        shows=_of("order.number"),
    ),
    Page(
        "commerce:order", Permission.VIEW_ORDERS, kwargs=_number("active_order"), names_row=True, screen=True,
        shows=_of("active_order.number"), label="active",
    ),
    Page(
        "commerce:cancel-order", Permission.BUY, method="POST", kwargs=_number("order"), names_row=True, status=302
    ),
    Page(
        "commerce:invoices", Permission.VIEW_INVOICES, screen=True, shows=_of("invoice.number"),
        foreign=(
            Foreign(
                "from an invoice of another company on", 200, query=_from("invoice", "issue_date", "number")
            ),
        ),
    ),
    Page(
        "commerce:invoice", Permission.VIEW_INVOICES, kwargs=_number("invoice"), names_row=True, screen=True,
        shows=_of("invoice.number"),
    ),
    Page(
        "commerce:invoice-pdf", Permission.VIEW_INVOICES, kwargs=_number("invoice"), names_row=True,
        changes=True,  # The document is made once and kept.
    ),
    Page(
        "commerce:pay", Permission.BUY, kwargs=_number("invoice"), names_row=True, screen=True,
        shows=_of("invoice.number"),
    ),
    Page(
        "commerce:pay", Permission.BUY, method="POST", kwargs=_number("invoice"), names_row=True, needs_stripe=True,
        headers=ANSWERS_JSON, shows=lambda company: {"what the browser needs": "client_secret"},
    ),
    Page(
        "commerce:start-payment", Permission.BUY, method="POST", kwargs=_number("invoice"), names_row=True,
        needs_stripe=True, headers=ANSWERS_JSON, body=lambda company: {"setup": _card(company)},
        shows=lambda company: {"where to go": "/payments/"},
        foreign=(
            # The company gets a customer of its own at Stripe before the card is looked at.
            Foreign("a card of another company", 200, body=lambda other: {"setup": _card(other)}, changes=True),
        ),
    ),
    Page("commerce:payment", Permission.BUY, kwargs=_attempt, names_row=True, screen=True),
    Page(
        "commerce:finish-payment", Permission.BUY, method="POST", kwargs=_attempt, names_row=True, status=302,
        changes=False,  # The attempt is at its end.
    ),
    Page(
        "commerce:stripe-webhook", audience=Audience.EVERYBODY, method="POST", status=400, is_csrf_checked=False,
        body=lambda company: {"id": "evt_2"}, content_type="application/json", changes=False,
    ),  # Unsigned: refused for everybody alike. tests/commerce sends signed ones.
]  # fmt: skip

RECOMMENDATIONS = [
    Page(
        "recommendations:open-offer", Permission.BUY, method="POST", kwargs=lambda company: {"code": "sso"}, status=302
    ),
]  # fmt: skip

INSIGHTS = "analytics.view_insights"


def _deal(company: Company) -> Mapping[str, Any]:
    return {"public_id": company.active_order.deal.public_id}


ANALYTICS = [
    Page("analytics:insights", INSIGHTS, audience=Audience.STAFF, screen=True),
    Page("analytics:influenced-revenue", INSIGHTS, audience=Audience.STAFF, screen=True),
    Page("analytics:influenced-deal", INSIGHTS, audience=Audience.STAFF, kwargs=_deal, screen=True),
    Page(
        "analytics:definition", INSIGHTS, audience=Audience.STAFF, screen=True,
        kwargs=lambda company: {"metric": "influenced-revenue"},
    ),
]  # fmt: skip


def _json(body: Sent) -> dict[str, Any]:
    """How a program sends it."""
    return {"method": "POST", "body": body, "content_type": "application/json", "audience": Audience.API}


API = [
    Page("api:api-root", audience=Audience.API, status=404),  # Where its addresses begin; nothing is there.
    Page("api:openapi-json", audience=Audience.API),
    Page(
        "api:list_cases", Permission.VIEW_CASES, audience=Audience.API, shows=_of("case.number", "case.subject"),
        foreign=(Foreign("from a case of another company on", 200, query=lambda other: {"cursor": _cursor(other)}),),
    ),
    Page(
        "api:open_case", Permission.OPEN_CASES, status=201,
        **_json(lambda company: {**NEW_CASE, "form_key": uuid.uuid4()}),
        foreign=(Foreign("a form of another company", 201, body=_form_key("case"), changes=True),),
    ),
    Page(
        "api:read_case", Permission.VIEW_CASES, kwargs=_number("case"), names_row=True, audience=Audience.API,
        shows=_of("case.subject", "message.body"),
    ),
    Page(
        "api:reply", Permission.OPEN_CASES, kwargs=_number("case"), names_row=True, status=201,
        **_json(lambda company: {"body": "It works.", "form_key": uuid.uuid4()}),
        foreign=(Foreign("a form of another company", 201, body=_form_key("message"), changes=True),),
    ),
    Page("api:list_articles", Permission.READ_ARTICLES, audience=Audience.API),
    Page("api:read_article", Permission.READ_ARTICLES, audience=Audience.API, kwargs=_slug(ARTICLE)),
]  # fmt: skip

INVENTORY: list[Page] = [
    *HOUSE, *ACCOUNTS, *KNOWLEDGE, *CASES, *COMMERCE, *RECOMMENDATIONS, *ANALYTICS, *API,
]  # fmt: skip


def screens(*audiences: Audience) -> list[Page]:
    """What people look at."""
    return [page for page in INVENTORY if page.screen and page.audience in audiences]
