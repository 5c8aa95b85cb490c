"""The org as a whole: its records, its people, its credentials, its limits and its log."""

import json
import secrets
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from sandbox.salesforce.certificates import private_key, write_private
from sandbox.salesforce.control import CallLog, FaultList
from sandbox.salesforce.fields import Record
from sandbox.salesforce.query import QueryService
from sandbox.salesforce.schema import OBJECTS, ORGANIZATION, PRICEBOOK, USER
from sandbox.salesforce.store import Store

PEOPLE = (
    ("Portal", "Integration", "portal-sync@meridian.example", "Integration"),
    ("Sam", "Rivera", "support@vendor.example", "Support agent"),
    ("Mina", "Keller", "manager@vendor.example", "Revenue manager"),
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """How clients sign in. Made once per state folder."""

    client_id: str
    client_secret: str
    username: str
    password: str
    security_token: str


@dataclass(slots=True)
class ApiUsage:
    """API calls made and allowed. Counted from the start of the process: a stand-in has no rolling day."""

    allowed: int = 100_000
    used: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def spend(self) -> bool:
        """Counts a call. False when the allowance is used up."""
        with self.lock:
            if self.used >= self.allowed:
                return False
            self.used += 1
            return True

    @property
    def header(self) -> str:
        return f"api-usage={self.used}/{self.allowed}"


class Org:
    """Everything the handlers need. `instance_url` is known once the port is."""

    def __init__(self, state: Path) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self.state = state
        self.private_key_file = state / "jwt.key"
        self.public_key: RSAPublicKey = private_key(self.private_key_file).public_key()
        self.credentials = self._credentials(state / "credentials.json")
        self.store = Store(state / "org.sqlite3")
        self.queries = QueryService(self.store)
        self.usage = ApiUsage()
        self.faults = FaultList()
        self.calls = CallLog()
        self.instance_url = ""
        self._furnish()

    @staticmethod
    def _credentials(path: Path) -> Credentials:
        if path.exists():
            return Credentials(**json.loads(path.read_text()))
        made = Credentials(
            client_id=f"3MVG9{secrets.token_urlsafe(40)}",
            client_secret=secrets.token_hex(32).upper(),
            username=PEOPLE[0][2],
            password=secrets.token_urlsafe(12),
            security_token=secrets.token_urlsafe(18),
        )
        write_private(path, json.dumps(asdict(made), indent=2).encode())
        return made

    def _furnish(self) -> None:
        """The records every org has: itself, its users, and the standard price book."""
        with self.store.transaction():
            if self.store.count(ORGANIZATION):
                return
            for first, last, username, title in PEOPLE:
                user: Record = {"FirstName": first, "LastName": last, "Name": f"{first} {last}", "Username": username}
                more: Record = {"Email": username, "Title": title, "Alias": first.lower()[:8], "IsActive": True}
                self.store.insert(USER, user | more, user_id=self._first_user_id())
            owner = self._first_user_id()
            standard: Record = {"Name": "Standard Price Book", "IsStandard": True, "IsActive": True}
            self.store.insert(PRICEBOOK, standard, user_id=owner)
            organization: Record = {"Name": "Meridian Works", "InstanceName": "SBX1", "IsSandbox": True}
            self.store.insert(ORGANIZATION, organization | {"OrganizationType": "Enterprise Edition"}, user_id=owner)

    def _first_user_id(self) -> str:
        users = self.store.find(USER, {"Username": PEOPLE[0][2]})
        return str(users[0]["Id"]) if users else ""

    @property
    def id(self) -> str:
        return str(self.store.find(ORGANIZATION, {})[0]["Id"])

    def user_id(self, username: str) -> str | None:
        """The id of the active user with this username."""
        users = self.store.find(USER, {"Username": username, "IsActive": True})
        return str(users[0]["Id"]) if users else None

    def reset(self) -> None:
        """Empties the org for good, but for the records every org has. Ids are not given twice. Sessions stay valid."""
        kept = {
            USER.name: [user_id for *_, name, _ in PEOPLE if (user_id := self.user_id(name))],
            PRICEBOOK.name: [str(book["Id"]) for book in self.store.find(PRICEBOOK, {"IsStandard": True})],
            ORGANIZATION.name: [self.id],
        }
        with self.store.transaction():
            for sobject in OBJECTS:
                self.store.erase(sobject, keep=kept.get(sobject.name, []))
        self.faults.clear()
        self.calls.clear()
        self.usage.allowed, self.usage.used = ApiUsage().allowed, 0
