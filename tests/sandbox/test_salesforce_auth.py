"""Signing in to the stand-in org: each grant, each refusal, TLS and plain HTTP."""

import base64
import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce, SalesforceLogin
from simple_salesforce.exceptions import SalesforceAuthenticationFailed

from sandbox.salesforce.certificates import private_key
from sandbox.salesforce.server import Server, running
from tests.sandbox.test_salesforce import count, make_account

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ROOT = Path(__file__).parents[2]


class ToTheStandIn(HTTPAdapter):
    """Sends what is meant for salesforce.com to the stand-in, as the login of the client library needs."""

    def __init__(self, instance_url: str) -> None:
        super().__init__()
        self.instance_url = instance_url

    def send(self, request, *args, **kwargs):
        parts = urlsplit(request.url)
        if parts.hostname.endswith(".salesforce.com"):
            request.url = f"{self.instance_url}{parts.path}"
        return super().send(request, *args, **kwargs)


def session_for(instance_url: str, ca_bundle: str) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = ca_bundle
    session.mount("https://", ToTheStandIn(instance_url))
    return session


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("salesforce")) as running_server:
        yield running_server


@pytest.fixture
def session(server: Server) -> requests.Session:
    server.org.reset()
    return session_for(server.org.instance_url, str(server.ca_bundle))


def ask(server: Server, session: requests.Session, **form: str) -> requests.Response:
    return session.post(f"{server.org.instance_url}/services/oauth2/token", data=form)


def works(server: Server, session: requests.Session, token: str) -> bool:
    url = f"{server.org.instance_url}/services/data/v59.0/limits"
    return session.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 200


def assertion(server: Server, *, key: Path | None = None, **changed: object) -> str:
    claims = {
        "iss": server.org.credentials.client_id,
        "sub": server.org.credentials.username,
        "aud": "https://login.salesforce.com",
        "exp": int(time.time()) + 180,
    }
    kept = {name: value for name, value in (claims | changed).items() if value is not None}
    return jwt.encode(kept, (key or server.org.private_key_file).read_text(), algorithm="RS256")


def test_the_client_library_signs_in_with_its_key(server, session):
    token, instance = SalesforceLogin(
        username=server.org.credentials.username,
        consumer_key=server.org.credentials.client_id,
        privatekey_file=str(server.org.private_key_file),
        session=session,
    )
    assert instance == urlsplit(server.org.instance_url).netloc
    sf = Salesforce(session_id=token, instance_url=server.org.instance_url, session=session)
    make_account(sf)
    assert count(sf, "Account") == 1


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"iss": "somebody"}, "invalid_client_id"),
        ({"sub": "nobody@meridian.example"}, "invalid_grant"),
        ({"aud": "https://elsewhere.example"}, "invalid_grant"),
        ({"exp": 1}, "invalid_grant"),
        ({"exp": 2**33}, "invalid_grant"),
        ({"exp": None}, "invalid_grant"),
    ],
)
def test_a_wrong_assertion_is_refused(server, session, changed, error):
    answer = ask(server, session, grant_type=JWT_GRANT, assertion=assertion(server, **changed))
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert "access_token" not in answer.json()


def test_an_assertion_signed_by_another_key_or_not_at_all_is_refused(server, session, tmp_path):
    private_key(tmp_path / "other.key")
    signed_by_other = assertion(server, key=tmp_path / "other.key")
    unsigned = jwt.encode({"iss": server.org.credentials.client_id}, None, algorithm="none")
    for given in (signed_by_other, unsigned, "nonsense", ""):
        answer = ask(server, session, grant_type=JWT_GRANT, assertion=given)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_client_credentials_work_as_basic_and_as_form_fields(server, session):
    known = server.org.credentials
    basic = session.post(
        f"{server.org.instance_url}/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(known.client_id, known.client_secret),
    )
    form = ask(
        server, session, grant_type="client_credentials", client_id=known.client_id, client_secret=known.client_secret
    )
    assert all(works(server, session, answer.json()["access_token"]) for answer in (basic, form))
    wrong = ask(server, session, grant_type="client_credentials", client_id=known.client_id, client_secret="x")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")


def test_a_refresh_token_from_the_password_grant_gives_new_sessions(server, session):
    known = server.org.credentials
    app = {"client_id": known.client_id, "client_secret": known.client_secret}
    person = {"username": known.username, "password": known.password + known.security_token}
    first = ask(server, session, grant_type="password", scope="api refresh_token", **app, **person).json()
    second = ask(server, session, grant_type="refresh_token", refresh_token=first["refresh_token"], **app).json()
    assert second["access_token"] != first["access_token"]
    assert works(server, session, second["access_token"])
    wrong = ask(server, session, grant_type="password", **app, username=known.username, password="guess")
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")


def test_an_authorization_code_is_good_once_and_only_with_its_verifier(server, session):
    verifier, redirect_uri = "v" * 64, "http://localhost:9/callback"
    digest = hashlib.sha256(verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": server.org.credentials.client_id,
        "redirect_uri": redirect_uri,
        "state": "s 1",
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    address = f"{server.org.instance_url}/services/oauth2/authorize"
    back = session.get(address, params=asked, allow_redirects=False).headers["Location"]
    given = dict(parse_qsl(urlsplit(back).query))
    assert given["state"] == "s 1"
    trade = {"grant_type": "authorization_code", "code": given["code"], "redirect_uri": redirect_uri}
    trade["client_id"] = server.org.credentials.client_id
    assert ask(server, session, **trade, code_verifier="w" * 64).status_code == 400
    token = ask(server, session, **trade, code_verifier=verifier).json()
    assert works(server, session, token["access_token"])
    assert "refresh_token" in token
    assert ask(server, session, **trade, code_verifier=verifier).json()["error"] == "invalid_grant"
    elsewhere = session.get(address, params=asked | {"redirect_uri": "https://evil.example/"}, allow_redirects=False)
    assert elsewhere.status_code == 400


def test_the_identity_url_names_org_and_user(server, session):
    token = ask(server, session, grant_type=JWT_GRANT, assertion=assertion(server)).json()
    org_id, user_id = token["id"].split("/")[-2:]
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    for url in (token["id"], f"{server.org.instance_url}/services/oauth2/userinfo"):
        who = session.get(url, headers=headers).json()
        assert (who["organization_id"], who["user_id"]) == (org_id, user_id)
        assert who["username"] == server.org.credentials.username
    root = session.get(f"{server.org.instance_url}/services/data/v59.0", headers=headers).json()
    assert root["identity"] == token["id"]


def test_a_revoked_token_no_longer_works(server, session):
    token = ask(server, session, grant_type=JWT_GRANT, assertion=assertion(server)).json()["access_token"]
    assert works(server, session, token)
    revoked = session.post(f"{server.org.instance_url}/services/oauth2/revoke", data={"token": token})
    assert revoked.status_code == 200
    assert not works(server, session, token)


def test_soap_login_gives_a_session_and_faults_in_soaps_way(server, session):
    known = server.org.credentials
    token, instance = SalesforceLogin(
        username=known.username, password=known.password, security_token=known.security_token, session=session
    )
    assert instance == urlsplit(server.org.instance_url).netloc
    assert works(server, session, token)
    with pytest.raises(SalesforceAuthenticationFailed) as caught:
        SalesforceLogin(username=known.username, password="guess", security_token="x", session=session)
    assert caught.value.code == "INVALID_LOGIN"


def test_one_port_speaks_tls_and_plain_http(server, session):
    plain = f"http://127.0.0.1:{server.port}/services/data"
    assert requests.get(plain, timeout=10).json() == session.get(f"{server.org.instance_url}/services/data").json()
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{server.org.instance_url}/services/data", timeout=10)


def start(state: Path) -> tuple[subprocess.Popen[str], dict[str, str]]:
    command = [sys.executable, "-m", "sandbox.salesforce", "--port", "0", "--state", str(state)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return process, json.loads(process.stdout.readline())


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_records_and_keys_survive_a_restart(tmp_path, ending):
    seen = []
    for _ in range(2):
        process, ready = start(tmp_path / "org")
        try:
            session = session_for(ready["instance_url"], ready["ca_bundle"])
            token, _ = SalesforceLogin(
                username=ready["username"],
                consumer_key=ready["client_id"],
                privatekey_file=ready["private_key_file"],
                session=session,
            )
            sf = Salesforce(session_id=token, instance_url=ready["instance_url"], session=session)
            seen.append((make_account(sf), count(sf, "Account"), ready["client_id"]))
        finally:
            process.send_signal(ending)
            code = process.wait(timeout=10)
            process.stdout.close()
        assert code == (0 if ending == signal.SIGTERM else -signal.SIGKILL)
    assert seen[0] == seen[1]
    assert seen[0][1] == 1


def test_a_port_in_use_is_said_in_one_line(server, tmp_path):
    command = [sys.executable, "-m", "sandbox.salesforce", "--port", str(server.port), "--state", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines() == [
        f"The Salesforce stand-in cannot listen on port {server.port}: Address already in use."
    ]


def test_only_the_owner_can_read_keys_and_credentials(server):
    secret = ("ca.key", "server.key", "jwt.key", "credentials.json")
    assert {(server.org.state / name).stat().st_mode & 0o777 for name in secret} == {0o600}
