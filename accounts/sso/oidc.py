"""OpenID Connect: the authorization code flow with PKCE, state and nonce."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import jwt
from django.utils.translation import gettext as _

from accounts.models.sso import IdentityProvider
from accounts.outbound import NoAnswer, OutboundRefused, check_url, fetch_json
from accounts.sso.answers import Answer, Reason, SsoRefused

SCOPE = "openid profile email"
# Asymmetric only: with HS256 the client secret would sign, and "none" signs nothing.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
LEEWAY_SECONDS = 60
EMAIL, NAME = "email", "name"
# Of the ID token: about the token, not about the person.
PROTOCOL_CLAIMS = frozenset(
    {"iss", "aud", "exp", "iat", "nbf", "nonce", "at_hash", "c_hash", "azp", "sid", "acr", "amr", "jti"}
)
REFUSALS: list[tuple[type[jwt.PyJWTError], Reason]] = [
    (jwt.ExpiredSignatureError, Reason.EXPIRED),
    (jwt.ImmatureSignatureError, Reason.EXPIRED),
    (jwt.InvalidAudienceError, Reason.WRONG_AUDIENCE),
    (jwt.InvalidIssuerError, Reason.WRONG_ISSUER),
    (jwt.InvalidSignatureError, Reason.BAD_SIGNATURE),
    (jwt.InvalidAlgorithmError, Reason.BAD_SIGNATURE),
]


class DiscoveryRefused(Exception):
    """The issuer can't be set up; the message says why."""


@dataclass(frozen=True)
class Request:
    """What a sign-in needs to remember until its answer comes."""

    state: str
    nonce: str
    verifier: str


def discover(issuer: str) -> dict[str, str]:
    """The endpoints from the issuer's discovery document. Asks the outside world. Raises `DiscoveryRefused`."""
    try:
        document = fetch_json(issuer.rstrip("/") + "/.well-known/openid-configuration")
        if document.get("issuer") != issuer:
            raise DiscoveryRefused(
                _("The server calls itself “%(found)s”. Enter the issuer exactly like that.")
                % {"found": str(document.get("issuer", ""))[:200]}
            )
        endpoints = {}
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
            if value := document.get(name):
                check_url(str(value))
                endpoints[name] = str(value)
            elif name != "userinfo_endpoint":
                raise DiscoveryRefused(_("The discovery document does not say “%(name)s”.") % {"name": name})
    except (NoAnswer, OutboundRefused) as error:
        raise DiscoveryRefused(str(error)) from error
    methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    endpoints["token_auth"] = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
    return endpoints


def request_url(provider: IdentityProvider, request: Request) -> str:
    """Where the person signs in."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(request.verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": provider.callback_url,
        "scope": SCOPE,
        "state": request.state,
        "nonce": request.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    endpoint = provider.endpoints["authorization_endpoint"]
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


def answer_for(provider: IdentityProvider, request: Request, *, code: str) -> Answer:
    """What the provider says about whoever brought the code. Asks the outside world. Raises `SsoRefused`."""
    try:
        tokens = _tokens(provider, request, code=code)
        keys = fetch_json(provider.endpoints["jwks_uri"])
        claims = _checked(provider, str(tokens.get("id_token") or ""), keys)
        # Compared in constant time, and before anything else is believed.
        if not hmac.compare_digest(str(claims.get("nonce", "")), request.nonce):
            raise SsoRefused(Reason.WRONG_NONCE)
        claims |= _more(provider, claims, str(tokens.get("access_token") or ""))
    except (NoAnswer, OutboundRefused) as error:
        raise SsoRefused(Reason.NO_ANSWER, str(error)) from error
    if claims.get("email_verified") in (False, "false"):
        raise SsoRefused(Reason.EMAIL_UNVERIFIED, str(claims.get("email", "")))
    return Answer(
        id=hashlib.sha256(code.encode()).hexdigest(),
        subject=str(claims["sub"]),
        expires_at=_end_of(claims),
        attributes={name: _texts(value) for name, value in claims.items() if name not in PROTOCOL_CLAIMS},
        in_response_to=request.state,
    )


def _end_of(claims: dict[str, Any]) -> datetime:
    try:
        return datetime.fromtimestamp(claims["exp"] + LEEWAY_SECONDS, UTC)
    except (ValueError, OverflowError, OSError) as error:  # In a year that there is not.
        raise SsoRefused(Reason.MALFORMED, "exp") from error


def _tokens(provider: IdentityProvider, request: Request, *, code: str) -> dict[str, Any]:
    data = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": provider.callback_url,
        "code_verifier": request.verifier,
    }
    headers = {}
    if provider.endpoints.get("token_auth") == "client_secret_post":
        data |= {"client_id": provider.client_id, "client_secret": provider.secret}
    else:
        pair = f"{quote(provider.client_id, safe='')}:{quote(provider.secret, safe='')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return fetch_json(provider.endpoints["token_endpoint"], data=data, headers=headers)


def _checked(provider: IdentityProvider, token: str, keys: dict[str, Any]) -> dict[str, Any]:
    """The claims of an ID token for us, by this issuer, signed with one of its keys and still valid."""
    try:
        header = jwt.get_unverified_header(token)
        claims: dict[str, Any] = jwt.decode(
            token,
            key=_key(keys, header),
            algorithms=ALGORITHMS,
            audience=provider.client_id,
            issuer=provider.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except jwt.PyJWTError as error:
        reason = next((reason for kind, reason in REFUSALS if isinstance(error, kind)), Reason.MALFORMED)
        raise SsoRefused(reason, str(error)) from error
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != provider.client_id:
        raise SsoRefused(Reason.WRONG_AUDIENCE)
    return claims


def _key(keys: dict[str, Any], header: dict[str, Any]) -> jwt.PyJWK:
    """The key that the token names; without a name, the only one there is. Raises `jwt.InvalidSignatureError`."""
    entries = [entry for entry in keys.get("keys", []) if isinstance(entry, dict) and entry.get("use", "sig") == "sig"]
    if wanted := header.get("kid"):
        entries = [entry for entry in entries if entry.get("kid") == wanted]
    if len(entries) != 1:
        raise jwt.InvalidSignatureError("no key of the issuer fits")
    return jwt.PyJWK(entries[0], algorithm=header.get("alg"))


def _more(provider: IdentityProvider, claims: dict[str, Any], access_token: str) -> dict[str, Any]:
    """What the userinfo endpoint adds, where the ID token leaves out what we read. It must be of the same person."""
    wanted = {provider.email_attribute or EMAIL, provider.name_attribute or NAME, provider.roles_attribute} - {""}
    endpoint = provider.endpoints.get("userinfo_endpoint")
    if wanted <= claims.keys() or not endpoint or not access_token:
        return {}
    more = fetch_json(endpoint, headers={"Authorization": f"Bearer {access_token}"})
    if more.get("sub") != claims["sub"]:
        raise SsoRefused(Reason.MALFORMED, _("userinfo is about another person than the ID token"))
    return {name: value for name, value in more.items() if name not in PROTOCOL_CLAIMS}


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]
