"""Signing in: the OAuth grants, SOAP login, and who a bearer token belongs to."""

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import jwt

from sandbox.salesforce.errors import invalid_session
from sandbox.salesforce.messages import Request, Response
from sandbox.salesforce.org import Org

SESSION_SECONDS = 2 * 3600
CODE_SECONDS = 15 * 60
REFRESH_SECONDS = 365 * 24 * 3600
MAX_ASSERTION_SECONDS = 5 * 60
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
LOGIN_HOSTS = ("https://login.salesforce.com", "https://test.salesforce.com")


class RefusedGrant(Exception):
    """OAuth's answer to a client that cannot be let in."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


def bearer_user(org: Org, request: Request) -> str:
    """The id of the user who makes this request. Raises ApiError INVALID_SESSION_ID."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    user_id = None
    if scheme.lower() in ("bearer", "oauth"):
        user_id = org.store.session_user(token.strip(), kind="access", now=time.time())
    if user_id is None:
        raise invalid_session()
    return user_id


def open_session(org: Org, user_id: str) -> str:
    """A new access token for the user."""
    token = f"{org.id[:15]}!{secrets.token_urlsafe(72)}"
    org.store.save_session(
        token,
        kind="access",
        user_id=user_id,
        client_id=org.credentials.client_id,
        expires_at=time.time() + SESSION_SECONDS,
    )
    return token


def token_endpoint(org: Org, request: Request) -> Response:
    """`POST /services/oauth2/token`."""
    form = request.form()
    try:
        grant = _GRANTS.get(form.get("grant_type", ""))
        if grant is None:
            raise RefusedGrant("unsupported_grant_type", "grant type not supported")
        user_id = grant(org, request, form)
    except RefusedGrant as refusal:
        status = 401 if refusal.error == "invalid_client" else 400
        return Response(status, {"error": refusal.error, "error_description": refusal.description})
    body = _token_body(org, user_id)
    # Salesforce gives one to apps that a person let in; asking by scope also works with a password here.
    asked = "refresh_token" in form.get("scope", "").split()
    if form["grant_type"] == "authorization_code" or (form["grant_type"] == "password" and asked):
        body["refresh_token"] = _refresh_token(org, user_id)
    return Response(200, body, {"Cache-Control": "no-cache, no-store"})


def _token_body(org: Org, user_id: str) -> dict[str, object]:
    identity = f"{org.instance_url}/id/{org.id}/{user_id}"
    issued = str(int(time.time() * 1000))
    digest = hmac.new(org.credentials.client_secret.encode(), (identity + issued).encode(), hashlib.sha256).digest()
    return {
        "access_token": open_session(org, user_id),
        "signature": base64.b64encode(digest).decode(),
        "scope": "api",
        "instance_url": org.instance_url,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued,
    }


def _refresh_token(org: Org, user_id: str) -> str:
    token = f"5Aep861{secrets.token_urlsafe(48)}"
    org.store.save_session(
        token,
        kind="refresh",
        user_id=user_id,
        client_id=org.credentials.client_id,
        expires_at=time.time() + REFRESH_SECONDS,
    )
    return token


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _check_client(org: Org, request: Request, form: dict[str, str]) -> None:
    """The connected app's id and secret, as form fields or as HTTP Basic. Raises RefusedGrant."""
    client_id, client_secret = form.get("client_id", ""), form.get("client_secret", "")
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, client_secret = base64.b64decode(encoded).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise RefusedGrant("invalid_client", "invalid client credentials") from None
    if not _same(client_id, org.credentials.client_id):
        raise RefusedGrant("invalid_client_id", "client identifier invalid")
    if not _same(client_secret, org.credentials.client_secret):
        raise RefusedGrant("invalid_client", "invalid client credentials")


def _client_credentials(org: Org, request: Request, form: dict[str, str]) -> str:
    _check_client(org, request, form)
    return _user(org, org.credentials.username)


def _password(org: Org, request: Request, form: dict[str, str]) -> str:
    _check_client(org, request, form)
    if not _password_fits(org, form.get("username", ""), form.get("password", "")):
        raise RefusedGrant("invalid_grant", "authentication failure")
    return _user(org, org.credentials.username)


def _password_fits(org: Org, username: str, password: str) -> bool:
    known = org.credentials
    with_token = _same(password, known.password + known.security_token)
    return _same(username, known.username) and (with_token or _same(password, known.password))


def _refresh(org: Org, request: Request, form: dict[str, str]) -> str:
    if not _same(form.get("client_id", ""), org.credentials.client_id):
        raise RefusedGrant("invalid_client_id", "client identifier invalid")
    if "client_secret" in form:
        _check_client(org, request, form)
    user_id = org.store.session_user(form.get("refresh_token", ""), kind="refresh", now=time.time())
    if user_id is None:
        raise RefusedGrant("invalid_grant", "expired access/refresh token")
    return user_id


def _jwt_bearer(org: Org, request: Request, form: dict[str, str]) -> str:
    try:
        claims = jwt.decode(
            form.get("assertion", ""),
            org.public_key,
            algorithms=["RS256"],
            options={"require": ["iss", "sub", "aud", "exp"], "verify_aud": False},
        )
        expires_at = float(claims["exp"])
    except jwt.ExpiredSignatureError:
        raise RefusedGrant("invalid_grant", "expired authorization code") from None
    except (jwt.InvalidTokenError, TypeError, ValueError):
        raise RefusedGrant("invalid_grant", "invalid assertion") from None
    if claims["iss"] != org.credentials.client_id:
        raise RefusedGrant("invalid_client_id", "client identifier invalid")
    if not _is_our_audience(org, claims["aud"]):
        raise RefusedGrant("invalid_grant", "audience is invalid")
    if expires_at > time.time() + MAX_ASSERTION_SECONDS:
        raise RefusedGrant("invalid_grant", "assertion lives too long: exp must lie within five minutes")
    return _user(org, str(claims["sub"]))


def _is_our_audience(org: Org, audience: object) -> bool:
    if not isinstance(audience, str):
        return False
    host = audience.rstrip("/")
    my_domain = host.startswith("https://") and host.endswith(".my.salesforce.com")
    return my_domain or host in (*LOGIN_HOSTS, org.instance_url)


def _user(org: Org, username: str) -> str:
    user_id = org.user_id(username)
    if user_id is None:
        raise RefusedGrant("invalid_grant", "user hasn't approved this consumer")
    return user_id


def _authorization_code(org: Org, request: Request, form: dict[str, str]) -> str:
    """A code is good once, for the redirect address and the PKCE verifier it was given for. Raises RefusedGrant."""
    if not _same(form.get("client_id", ""), org.credentials.client_id):
        raise RefusedGrant("invalid_client_id", "client identifier invalid")
    verifier = form.get("code_verifier", "")
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=") if verifier else ""
    if not challenge:
        _check_client(org, request, form)
    token = _code_token(form.get("code", ""), form.get("redirect_uri", ""), challenge)
    user_id = org.store.session_user(token, kind="code", now=time.time())
    if user_id is None or not org.store.end_session(token):
        raise RefusedGrant("invalid_grant", "invalid authorization code")
    return user_id


def _code_token(code: str, redirect_uri: str, challenge: str) -> str:
    """A code together with what it is bound to: with another address or verifier it is another token."""
    return hashlib.sha256("\n".join((code, redirect_uri, challenge)).encode()).hexdigest()


def authorize_endpoint(org: Org, request: Request) -> Response:
    """`GET /services/oauth2/authorize`: there is nobody to ask here, so the code comes back at once."""
    query = request.query
    redirect_uri = query.get("redirect_uri", "")
    if query.get("response_type") != "code" or not _same(query.get("client_id", ""), org.credentials.client_id):
        return Response(400, {"error": "invalid_client_id", "error_description": "client identifier invalid"})
    if urlsplit(redirect_uri).hostname not in LOOPBACK_HOSTS or urlsplit(redirect_uri).scheme not in ("http", "https"):
        return Response(
            400, {"error": "redirect_uri_mismatch", "error_description": "only loopback may be called back"}
        )
    code = f"aPrx{secrets.token_urlsafe(32)}"
    challenge = query.get("code_challenge", "") if query.get("code_challenge_method") == "S256" else ""
    org.store.save_session(
        _code_token(code, redirect_uri, challenge),
        kind="code",
        user_id=_user(org, org.credentials.username),
        client_id=org.credentials.client_id,
        expires_at=time.time() + CODE_SECONDS,
    )
    answer = {"code": code} | ({"state": query["state"]} if "state" in query else {})
    joint = "&" if "?" in redirect_uri else "?"
    return Response(302, headers={"Location": f"{redirect_uri}{joint}{urlencode(answer)}"})


_GRANTS: dict[str, Callable[[Org, Request, dict[str, str]], str]] = {
    JWT_GRANT: _jwt_bearer,
    "client_credentials": _client_credentials,
    "password": _password,
    "refresh_token": _refresh,
    "authorization_code": _authorization_code,
}


def revoke_endpoint(org: Org, request: Request) -> Response:
    """`POST /services/oauth2/revoke`, with the token in the form or the query string."""
    token = request.form().get("token") or request.query.get("token", "")
    if org.store.end_session(token):
        return Response(200)
    return Response(400, {"error": "unsupported_token_type", "error_description": "this token type is not supported"})


def identity(org: Org, user_id: str) -> dict[str, object]:
    """Who the bearer is, as `/id/<org>/<user>` and `/services/oauth2/userinfo` tell it."""
    rows = org.store.rows('SELECT "Username", "Name", "Email", "IsActive" FROM "User" WHERE "Id" = ?', (user_id,))
    username, name, address, active = rows[0]
    api = f"{org.instance_url}/services/data/v{{version}}"
    return {
        "id": f"{org.instance_url}/id/{org.id}/{user_id}",
        "asserted_user": True,
        "user_id": user_id,
        "organization_id": org.id,
        "sub": f"{org.instance_url}/id/{org.id}/{user_id}",
        "username": username,
        "preferred_username": username,
        "display_name": name,
        "name": name,
        "email": address,
        "active": bool(active),
        "user_type": "STANDARD",
        "urls": {
            "rest": f"{api}/",
            "sobjects": f"{api}/sobjects/",
            "query": f"{api}/query/",
            "partner": f"{org.instance_url}/services/Soap/u/{{version}}/{org.id[:15]}",
        },
    }


def soap_login(org: Org, request: Request, version: str) -> Response:
    """`POST /services/Soap/u/NN.0`: the login call and no other."""
    try:
        root = ElementTree.fromstring(request.body)
    except ElementTree.ParseError:
        return _soap_fault("INVALID_LOGIN", "the request is not XML")
    found = {element.tag.rpartition("}")[2]: element.text or "" for element in root.iter()}
    user_id = org.user_id(found.get("username", ""))
    if user_id is None or not _password_fits(org, found.get("username", ""), found.get("password", "")):
        return _soap_fault("INVALID_LOGIN", "Invalid username, password, security token; or user locked out.")
    session_id = open_session(org, user_id)
    body = f"""<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com">
<soapenv:Body><loginResponse><result><passwordExpired>false</passwordExpired>
<serverUrl>{escape(org.instance_url)}/services/Soap/u/{escape(version)}/{org.id[:15]}</serverUrl>
<sessionId>{escape(session_id)}</sessionId><userId>{user_id}</userId>
<userInfo><organizationId>{org.id}</organizationId><userName>{escape(found["username"])}</userName></userInfo>
</result></loginResponse></soapenv:Body></soapenv:Envelope>"""
    return Response(200, content=body.encode(), media_type="text/xml;charset=UTF-8")


def _soap_fault(code: str, message: str) -> Response:
    body = f"""<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
  xmlns:sf="urn:fault.partner.soap.sforce.com">
<soapenv:Body><soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {escape(message)}</faultstring>
<detail><sf:LoginFault><sf:exceptionCode>{code}</sf:exceptionCode>
<sf:exceptionMessage>{escape(message)}</sf:exceptionMessage></sf:LoginFault></detail>
</soapenv:Fault></soapenv:Body></soapenv:Envelope>"""
    return Response(500, content=body.encode(), media_type="text/xml;charset=UTF-8")
