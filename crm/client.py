"""The one module that speaks to Salesforce: records out, records in, errors as ours.

simple-salesforce runs in direct mode: it is handed a token and never signs in by itself, as its own renewal of a
token loops without end on a permanent refusal. Its defaults are completed here: timeouts, the header that marks our
changes (on the session: per call it is lost on a retry), no proxies or certificates from the environment, no request
to a host that is not the org's.
"""

import base64
import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core.cache import cache
from redis import Redis
from redis.exceptions import LockError, RedisError
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from crm.mapping import EXTERNAL_ID, Value

API_VERSION = "59.0"
CLIENT_NAME = "portal-sync"  # How Salesforce names our changes in its change events.
TIMEOUT = (5, 60)  # Seconds to connect, and between bytes of an answer.
MAX_ROWS = 200  # Of one collections call.
TOKEN_SECONDS = 3600  # Kept shorter than any session in Salesforce lives.
ASSERTION_SECONDS = 180


class NotConfigured(Exception):
    """No Salesforce org is named in the settings: nothing is exchanged, changes wait."""


class CrmError(Exception):
    """The call as a whole failed. `http_status` None: no answer came, and what became of the call is unknown."""

    def __init__(self, http_status: int | None, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.http_status = http_status
        self.code = code
        self.message = message


class ForeignHost(CrmError):
    """Something pointed us, and our token, to a host that is not the org's."""


@dataclass(frozen=True)
class RowResult:
    """What became of one row of a collections call."""

    crm_id: str = ""
    created: bool = False
    code: str = ""  # Empty: it worked.
    message: str = ""


class _Session(requests.Session):
    """A session that waits for a limited time, for the org's hosts alone, and knows the time over there."""

    def __init__(self, hosts: frozenset[str], ca_bundle: str) -> None:
        super().__init__()
        self._hosts = hosts
        self.trust_env = False  # REQUESTS_CA_BUNDLE in the environment would beat `verify`.
        self.verify = ca_bundle or True
        self.headers["Sforce-Call-Options"] = f"client={CLIENT_NAME}"
        self.date: datetime | None = None

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        target = urlsplit(url if isinstance(url, str) else url.decode())
        if target.scheme != "https" or target.netloc not in self._hosts:
            raise ForeignHost(None, "FOREIGN_HOST", f"{target.netloc} is not the org's host")
        kwargs.setdefault("timeout", TIMEOUT)
        kwargs["allow_redirects"] = False  # A redirect could lead elsewhere.
        response = super().request(method, url, *args, **kwargs)
        if stamp := response.headers.get("Date"):
            self.date = parsedate_to_datetime(stamp)
        return response


@dataclass(frozen=True)
class Org:
    """How to reach an org, and as whom."""

    instance_url: str
    login_url: str
    client_id: str
    username: str
    private_key_file: str
    ca_bundle: str

    @classmethod
    def from_settings(cls) -> "Org":
        """Raises NotConfigured."""
        if not settings.SALESFORCE_INSTANCE_URL:
            raise NotConfigured
        return cls(
            instance_url=settings.SALESFORCE_INSTANCE_URL.rstrip("/"),
            login_url=settings.SALESFORCE_LOGIN_URL.rstrip("/"),
            client_id=settings.SALESFORCE_CLIENT_ID,
            username=settings.SALESFORCE_USERNAME,
            private_key_file=settings.SALESFORCE_PRIVATE_KEY_FILE,
            ca_bundle=settings.SALESFORCE_CA_BUNDLE,
        )


class _Tokens:
    """The access token, shared by all workers: one of them signs in, the others wait for it and use the same."""

    def __init__(self, org: Org, session: _Session) -> None:
        self._org = org
        self._session = session
        name = hashlib.sha256(f"{org.instance_url} {org.client_id} {org.username}".encode()).hexdigest()[:32]
        self._key = f"crm-token:{name}"
        secret = hashlib.sha256(b"crm-token:" + settings.SECRET_KEY.encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(secret))

    def current(self) -> str | None:
        kept = cache.get(self._key)
        if not isinstance(kept, str):
            return None
        try:
            return self._fernet.decrypt(kept.encode()).decode()
        except InvalidToken:  # SECRET_KEY has changed.
            return None

    def renewed(self, refused: str | None) -> str:
        """A token other than the one that was refused. Raises CrmError."""
        with self._alone():
            kept = self.current()
            if kept and kept != refused:
                return kept
            token = self._sign_in()
            cache.set(self._key, self._fernet.encrypt(token.encode()).decode(), TOKEN_SECONDS)
            return token

    @contextmanager
    def _alone(self) -> Iterator[None]:
        redis = Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=5)
        lock = redis.lock(f"{self._key}:lock", timeout=75, blocking_timeout=70)
        try:
            if not lock.acquire():
                raise CrmError(None, "UNREACHABLE", "another worker has been signing in for too long")
        except RedisError:
            yield  # Without Redis every worker signs in for itself.
            return
        try:
            yield
        finally:
            # It may have run out, or Redis have gone away: then nobody waits for it any more.
            with suppress(LockError, RedisError):
                lock.release()

    def _sign_in(self) -> str:
        """The JWT bearer flow: a signed statement of who we are for an access token. Raises CrmError."""
        claims = {
            "iss": self._org.client_id,
            "sub": self._org.username,
            "aud": self._org.login_url,
            "exp": int(time.time()) + ASSERTION_SECONDS,
        }
        try:
            assertion = jwt.encode(claims, Path(self._org.private_key_file).read_text(), algorithm="RS256")
        except (OSError, ValueError, jwt.PyJWTError) as error:
            raise CrmError(401, "INVALID_GRANT", "the private key can't be used") from error
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
        with _errors_as_ours():
            response = self._session.post(f"{self._org.login_url}/services/oauth2/token", data=form)
        try:
            answer = response.json()
        except ValueError:
            answer = {}
        if response.status_code != 200 or not isinstance(answer.get("access_token"), str):
            code = str(answer.get("error") or "").upper()
            raise CrmError(response.status_code, code, str(answer.get("error_description") or "sign-in was refused"))
        return str(answer["access_token"])


class Crm:
    """A Salesforce org, for the length of one task. Every method raises CrmError when a call fails as a whole."""

    def __init__(self, org: Org) -> None:
        self._org = org
        hosts = frozenset({urlsplit(org.instance_url).netloc, urlsplit(org.login_url).netloc})
        self._session = _Session(hosts, org.ca_bundle)
        self._tokens = _Tokens(org, self._session)
        self._salesforce: Salesforce | None = None
        self._used: str | None = None  # The token of the latest call.

    def close(self) -> None:
        self._session.close()

    def upsert(self, crm_object: str, rows: Sequence[Mapping[str, Value]]) -> list[RowResult]:
        """Create up to 200 records by their external id, or change those it finds; a result each, in the order given.

        After a lost answer the same call can be made again: the external id finds what the first one made.
        """
        return self._write(f"composite/sobjects/{crm_object}/{EXTERNAL_ID}", crm_object, rows)

    def update(self, crm_object: str, rows: Sequence[Mapping[str, Value]]) -> list[RowResult]:
        """Change up to 200 records by their `Id`; a result each, in the order given. None is made anew."""
        return self._write("composite/sobjects", crm_object, rows)

    def _write(self, path: str, crm_object: str, rows: Sequence[Mapping[str, Value]]) -> list[RowResult]:
        if not 1 <= len(rows) <= MAX_ROWS:
            raise ValueError(f"a call takes 1 to {MAX_ROWS} rows, not {len(rows)}")
        records = [{"attributes": {"type": crm_object}, **row} for row in rows]
        answers = self._call(path, method="PATCH", json={"allOrNone": False, "records": records})
        if not isinstance(answers, list) or len(answers) != len(rows):
            raise CrmError(200, "", "the answer does not tell of every row")
        return [_row_result(answer) for answer in answers]

    def query(self, soql: str) -> Iterator[dict[str, Any]]:
        """The records that a SOQL query finds, page by page."""
        page = self._call("query/", params={"q": soql})
        while True:
            yield from page["records"]
            if page["done"]:
                return
            # The locator alone: the rest of the address is ours to say.
            page = self._call(f"query/{str(page['nextRecordsUrl']).rsplit('/', 1)[-1]}")

    def server_time(self) -> datetime:
        """The time over there, in whole seconds. One call, which counts against no limit."""
        with _errors_as_ours():
            self._session.get(f"{self._org.instance_url}/services/data/")
        return self._session.date or datetime.now(UTC)

    def _call(self, path: str, **kwargs: Any) -> Any:
        """One call, and a second one with a new token when the first was refused for its token."""
        try:
            return self._call_once(path, self._tokens.current() or self._tokens.renewed(None), **kwargs)
        except CrmError as error:
            if error.http_status != 401 or error.code != "INVALID_SESSION_ID":
                raise
        return self._call_once(path, self._tokens.renewed(self._used), **kwargs)

    def _call_once(self, path: str, token: str, **kwargs: Any) -> Any:
        if self._salesforce is None or self._used != token:
            self._used = token
            self._salesforce = Salesforce(
                session_id=token, instance_url=self._org.instance_url, session=self._session, version=API_VERSION
            )
        with _errors_as_ours():
            return self._salesforce.restful(path, **kwargs)


@contextmanager
def connect() -> Iterator[Crm]:
    """The org of the settings. Raises NotConfigured."""
    crm = Crm(Org.from_settings())
    try:
        yield crm
    finally:
        crm.close()


@contextmanager
def _errors_as_ours() -> Iterator[None]:
    try:
        yield
    except SalesforceError as error:
        code, message = _first_error(error.content)
        raise CrmError(error.status, code, message) from error
    except requests.exceptions.JSONDecodeError as error:
        raise CrmError(503, "", "the answer is not JSON") from error
    except requests.RequestException as error:
        raise CrmError(None, "UNREACHABLE", type(error).__name__) from error


def _first_error(content: object) -> tuple[str, str]:
    """Code and message of an error answer; no code when it is not in Salesforce's form."""
    if isinstance(content, list) and content and isinstance(content[0], Mapping):
        return str(content[0].get("errorCode") or ""), str(content[0].get("message") or "")
    return "", "the answer is not in Salesforce's form"


def _row_result(answer: Mapping[str, Any]) -> RowResult:
    if answer.get("success"):
        return RowResult(crm_id=str(answer["id"]), created=bool(answer.get("created")))
    errors = answer.get("errors") or [{}]
    return RowResult(
        code=str(errors[0].get("statusCode") or "UNKNOWN_EXCEPTION"), message=str(errors[0].get("message") or "")
    )
