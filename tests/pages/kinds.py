"""What an entry of the inventory says, and how entries name rows of the company at hand."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.permissions import Permission
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


def number(what: str) -> Sent:
    return lambda company: {"number": getattr(company, what).number}


def slug(value: str) -> Sent:
    return lambda company: {"slug": value}


def cursor_of(what: str, field: str, unique: str = "serial") -> Sent:
    """The address of the page behind a row of the other company."""

    def cursor(company: Company) -> Mapping[str, Any]:
        row = getattr(company, what)
        values = (row._meta.get_field(name).value_to_string(row) for name in (field, unique))
        return {"cursor": "~".join(("older", *values))}

    return cursor


def form_key(what: str) -> Sent:
    """A form's key that a form of the other company had."""
    return lambda company: {"form_key": getattr(company, what).form_key}


def of(*names: str) -> Sent:
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
