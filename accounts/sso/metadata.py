"""What a SAML identity provider says about itself."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils.translation import gettext as _

from accounts.outbound import OutboundRefused, check_url
from accounts.sso.xml import XmlRefused, parse

NAMESPACES = {"md": "urn:oasis:names:tc:SAML:2.0:metadata", "ds": "http://www.w3.org/2000/09/xmldsig#"}
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
SMALLEST_RSA_KEY = 2048
CERTIFICATES_AT_MOST = 8


class MetadataRefused(Exception):
    """The metadata can't be used; the message says why."""


@dataclass(frozen=True)
class Metadata:
    entity_id: str
    sso_url: str
    certificates: list[str]  # Base64 of DER.


def read(content: bytes) -> Metadata:
    """The identity provider that the document describes. Raises `MetadataRefused`."""
    try:
        root = parse(content)
    except XmlRefused as error:
        raise MetadataRefused(str(error)) from error
    entities = root.xpath(
        "(. | .//md:EntityDescriptor)[self::md:EntityDescriptor][md:IDPSSODescriptor]", namespaces=NAMESPACES
    )
    if len(entities) != 1:
        raise MetadataRefused(
            _("The document must describe one identity provider; it describes %(count)d.") % {"count": len(entities)}
        )
    entity = entities[0]
    urls = entity.xpath(
        "md:IDPSSODescriptor/md:SingleSignOnService[@Binding=$binding]/@Location",
        namespaces=NAMESPACES,
        binding=REDIRECT,
    )
    if not urls or not entity.get("entityID"):
        raise MetadataRefused(_("The document names no entity id or no address for HTTP-Redirect."))
    try:
        check_url(urls[0])
    except OutboundRefused as error:
        raise MetadataRefused(str(error)) from error
    texts = entity.xpath(
        "md:IDPSSODescriptor/md:KeyDescriptor[not(@use) or @use='signing']//ds:X509Certificate/text()",
        namespaces=NAMESPACES,
    )
    certificates = list(dict.fromkeys(checked_certificate(text) for text in texts[:CERTIFICATES_AT_MOST]))
    if not certificates:
        raise MetadataRefused(_("The document has no certificate for signing."))
    return Metadata(entity_id=entity.get("entityID")[:500], sso_url=urls[0][:500], certificates=certificates)


def checked_certificate(text: str) -> str:
    """The certificate as Base64 of DER, from that or from PEM. Raises `MetadataRefused`."""
    body = "".join(line for line in text.split() if not line.startswith("-----") and "CERTIFICATE" not in line)
    try:
        certificate = x509.load_der_x509_certificate(binascii.a2b_base64(body))
    except ValueError as error:
        raise MetadataRefused(_("A certificate in it can't be read.")) from error
    key = certificate.public_key()
    strong = isinstance(key, ec.EllipticCurvePublicKey) or (
        isinstance(key, rsa.RSAPublicKey) and key.key_size >= SMALLEST_RSA_KEY
    )
    if not strong:
        raise MetadataRefused(
            _("The key of a certificate in it is too weak: RSA needs %(bits)d bits.") % {"bits": SMALLEST_RSA_KEY}
        )
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


def expires_at(certificate: str) -> datetime:
    """When the certificate ends, for people to see: SAML trusts the key as it was brought, also after that."""
    return x509.load_der_x509_certificate(binascii.a2b_base64(certificate)).not_valid_after_utc
