"""SAML 2.0: web browser single sign-on, asked by redirect and answered by POST.

python3-saml checks signature, time, issuer and destination, and reads only what is signed. It does not insist on an
audience, on an exact recipient or on an end, takes the request's id from outside the signature, and remembers nothing:
all that is checked here, and in `people` whether an answer was used before.
"""

import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from lxml import etree
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from accounts.models.sso import IdentityProvider
from accounts.sso.answers import Answer, Reason, SsoRefused
from accounts.sso.xml import XmlRefused, parse

MAX_ANSWER_BYTES = 256 * 1024
CLOCK_DRIFT = timedelta(minutes=5)  # What python3-saml forgives.
NAME_ID = "NameID"  # How the subject's own name is called beside the attributes.
EMAIL = (
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "urn:oid:0.9.2342.19200300.100.1.3",
    "mail",
    "email",
)
NAME = (
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
    "urn:oid:2.16.840.1.113730.3.1.241",
    "displayName",
    "name",
)
_Refused = OneLogin_Saml2_ValidationError
REASONS: dict[int, Reason] = {
    _Refused.STATUS_CODE_IS_NOT_SUCCESS: Reason.CANCELLED,
    _Refused.ASSERTION_EXPIRED: Reason.EXPIRED,
    _Refused.ASSERTION_TOO_EARLY: Reason.EXPIRED,
    _Refused.SESSION_EXPIRED: Reason.EXPIRED,
    _Refused.RESPONSE_EXPIRED: Reason.EXPIRED,
    _Refused.WRONG_AUDIENCE: Reason.WRONG_AUDIENCE,
    _Refused.WRONG_DESTINATION: Reason.WRONG_AUDIENCE,
    _Refused.WRONG_ISSUER: Reason.WRONG_ISSUER,
    _Refused.NO_SIGNED_ASSERTION: Reason.UNSIGNED,
    _Refused.NO_SIGNATURE_FOUND: Reason.UNSIGNED,
    _Refused.INVALID_SIGNATURE: Reason.BAD_SIGNATURE,
    _Refused.WRONG_SIGNED_ELEMENT: Reason.BAD_SIGNATURE,
    _Refused.INVALID_SIGNED_ELEMENT: Reason.BAD_SIGNATURE,
    _Refused.UNEXPECTED_SIGNED_ELEMENTS: Reason.BAD_SIGNATURE,
    _Refused.DUPLICATED_ID_IN_SIGNED_ELEMENTS: Reason.BAD_SIGNATURE,
    _Refused.DUPLICATED_REFERENCE_IN_SIGNED_ELEMENTS: Reason.BAD_SIGNATURE,
    _Refused.WRONG_NUMBER_OF_SIGNATURES_IN_ASSERTION: Reason.BAD_SIGNATURE,
    _Refused.WRONG_NUMBER_OF_SIGNATURES_IN_RESPONSE: Reason.BAD_SIGNATURE,
    _Refused.WRONG_NUMBER_OF_ASSERTIONS: Reason.BAD_SIGNATURE,
    _Refused.DEPRECATED_SIGNATURE_METHOD: Reason.BAD_SIGNATURE,
    _Refused.DEPRECATED_DIGEST_METHOD: Reason.BAD_SIGNATURE,
}


def request_url(provider: IdentityProvider) -> tuple[str, str]:
    """Where the person signs in, and the id that the answer must name."""
    auth = OneLogin_Saml2_Auth(_where(provider), _settings(provider))
    url: str = auth.login(return_to="")
    request_id: str = auth.get_last_request_id()
    return url, request_id


def metadata(provider: IdentityProvider) -> bytes:
    """What the company brings to its identity provider: our entity id and where answers go."""
    ours = OneLogin_Saml2_Settings(_settings(provider), sp_validation_only=True)
    document: str | bytes = ours.get_sp_metadata()
    return document.encode() if isinstance(document, str) else document


def answer_in(provider: IdentityProvider, encoded: str) -> Answer:
    """What a posted SAMLResponse says. Raises `SsoRefused`."""
    if len(encoded) > MAX_ANSWER_BYTES:
        raise SsoRefused(Reason.MALFORMED, f"{len(encoded) // 1024} KB")
    try:
        parse(binascii.a2b_base64(encoded))
        response = OneLogin_Saml2_Response(OneLogin_Saml2_Settings(_settings(provider)), encoded)
        response.is_valid(_where(provider), raise_exceptions=True)
    except OneLogin_Saml2_ValidationError as error:
        raise SsoRefused(_reason(response, error), str(error)) from error
    except (XmlRefused, OneLogin_Saml2_Error, binascii.Error, etree.LxmlError, ValueError) as error:
        raise SsoRefused(Reason.MALFORMED, str(error)) from error
    return _answer(provider, response)


def _answer(provider: IdentityProvider, response: OneLogin_Saml2_Response) -> Answer:
    if provider.our_entity_id not in response.get_audiences():
        raise SsoRefused(Reason.WRONG_AUDIENCE)
    confirmation = _confirmation(response)
    if confirmation.recipient != provider.acs_url:
        raise SsoRefused(Reason.WRONG_AUDIENCE)
    if confirmation.expires_at is None:
        raise SsoRefused(Reason.EXPIRED)
    subject = response.get_nameid()
    attributes = {
        name: [str(value) for value in values if value is not None]
        for name, values in response.get_attributes().items()
    }
    return Answer(
        id=response.get_assertion_id(),
        subject=subject,
        expires_at=confirmation.expires_at + CLOCK_DRIFT,
        attributes=attributes | {NAME_ID: [subject]},
        in_response_to=confirmation.in_response_to,
    )


@dataclass(frozen=True)
class _Confirmation:
    """To whom and until when the assertion may be shown: inside the signature, unlike the response around it."""

    recipient: str
    in_response_to: str
    expires_at: datetime | None


def _confirmation(response: OneLogin_Saml2_Response) -> _Confirmation:
    # The one reader that looks at the signed assertion alone; the library has no public name for it.
    found = response._query_assertion("/saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData")
    if len(found) != 1:
        raise SsoRefused(Reason.MALFORMED, "SubjectConfirmationData")
    end = found[0].get("NotOnOrAfter")
    return _Confirmation(
        recipient=found[0].get("Recipient", ""),
        in_response_to=found[0].get("InResponseTo", ""),
        expires_at=datetime.fromisoformat(end).astimezone(UTC) if end else None,
    )


def _reason(response: OneLogin_Saml2_Response, error: OneLogin_Saml2_ValidationError) -> Reason:
    if error.code == _Refused.WRONG_SUBJECTCONFIRMATION:
        end = _confirmation(response).expires_at
        return Reason.EXPIRED if end and end <= datetime.now(UTC) else Reason.WRONG_AUDIENCE
    return REASONS.get(error.code, Reason.MALFORMED)


def _where(provider: IdentityProvider) -> dict[str, Any]:
    """Where the answer arrived, as python3-saml wants to hear it: at the one address that our metadata names."""
    parts = urlsplit(provider.acs_url)
    return {
        "https": "on" if parts.scheme == "https" else "off",
        "http_host": parts.netloc,
        "script_name": parts.path,
        "get_data": {},
        "post_data": {},
    }


def _settings(provider: IdentityProvider) -> dict[str, Any]:
    return {
        "strict": True,
        "sp": {
            "entityId": provider.our_entity_id,
            "assertionConsumerService": {
                "url": provider.acs_url,
                "binding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
            },
            "NameIDFormat": "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
        },
        "idp": {
            "entityId": provider.entity_id,
            "singleSignOnService": {"url": provider.sso_url},
            "x509certMulti": {"signing": provider.certificates},
        },
        "security": {
            "wantAssertionsSigned": True,
            "wantAttributeStatement": False,
            "wantNameId": True,
            "requestedAuthnContext": False,
            "rejectDeprecatedAlgorithm": True,
            "allowSingleLabelDomains": True,
            "allowRepeatAttributeName": True,
        },
    }
