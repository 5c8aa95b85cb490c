"""The two companies of the demo whose people sign in at an identity provider of their own, and who works there.

Their identity providers start before the database is there, so the companies are known by their public ids.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sandbox.idp import OidcProvider, SamlProvider

CLIENT_ID = "customer-portal"
CLIENT_SECRET = "known to the portal and to its demo on loopback"
Person = Mapping[str, str | list[str]]


def _person(email: str, name: str, *groups: str) -> Person:
    return {"id": email.partition("@")[0], "email": email, "name": name, "groups": list(groups)}


@dataclass(frozen=True)
class DemoCompany:
    public_id: UUID
    domain: str
    people: Sequence[Person]
    role_map: Mapping[str, list[str]]  # Roles in the portal by group.


GLOBEX = DemoCompany(
    UUID("1efabd0c-0693-4299-92e2-b2ffce0a6c1f"),
    "globex.example",
    (
        _person("admin@globex.example", "Gus Okafor", "Directors"),
        _person("imogen.hughes@globex.example", "Imogen Hughes", "Store systems"),
        _person("priti.shah@globex.example", "Priti Shah", "Store systems"),  # New: her first sign-in lets her in.
        _person("dana.cole@globex.example", "Dana Cole", "Canteen"),  # Refused: her group has no role.
        _person("alex.reed@elsewhere.example", "Alex Reed", "Directors"),  # Refused: not an address of Globex.
    ),
    {"Directors": ["administrator"], "Store systems": ["support", "viewer"], "Finance": ["billing"]},
)
HARROW = DemoCompany(
    UUID("872a1fd1-6fab-4d52-b737-24d58e60a1b5"),
    "harrow.example",
    (
        _person("kwame.wright@harrow.example", "Kwame Wright", "IT"),
        _person("hannah.osei@harrow.example", "Hannah Osei", "Branches"),
        _person("robin.finch@harrow.example", "Robin Finch", "Branches"),  # New.
        _person("jo.barker@harrow.example", "Jo Barker", "Visitors"),  # Refused.
    ),
    {"IT": ["administrator"], "Branches": ["support", "viewer"]},
)


def of_globex(folder: Path, *, port: int, log: Path, portal_url: str) -> OidcProvider:
    client = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": [f"{portal_url}/sso/{GLOBEX.public_id}/callback/"],
    }
    return OidcProvider(folder, port=port, log=log, people=GLOBEX.people, clients=[client])


def of_harrow(folder: Path, *, port: int, log: Path, portal_url: str) -> SamlProvider:
    """It is told the portal's addresses by each request."""
    return SamlProvider(folder, port=port, log=log, people=HARROW.people)
