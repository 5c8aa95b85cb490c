"""A company's administrator connects the company's identity provider. What is malicious or careless is refused."""

import socket
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection
from django.utils import timezone

from accounts import outbound, vault
from accounts.models import Domain, Entitlement, IdentityProvider, SsoIdentity
from accounts.models.sso import Protocol
from accounts.outbound import NoAnswer, OutboundRefused
from accounts.sso.answers import Reason, SsoRefused
from sandbox.idp import make_certificate
from tests.accounts.test_sso_sign_in import second_factor

pytestmark = pytest.mark.django_db

SAML, OIDC, ACCESS, PEOPLE = "/company/sso/saml/", "/company/sso/oidc/", "/company/sso/access/", "/company/sso/people/"
METADATA = """<EntityDescriptor entityID="{entity}" xmlns="urn:oasis:names:tc:SAML:2.0:metadata">
  <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>
      <X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{url}"/>
  </IDPSSODescriptor></EntityDescriptor>"""
BOMB = (
    '<!DOCTYPE lolz [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><EntityDescriptor>&j;</EntityDescriptor>"
)
OUTSIDE_FILE = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><EntityDescriptor entityID="&f;"/>'
OUTSIDE_DTD = '<!DOCTYPE x SYSTEM "http://127.0.0.1/evil.dtd"><EntityDescriptor/>'


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    make_certificate(folder / "key.pem", folder / "certificate.pem")
    return "".join((folder / "certificate.pem").read_text().splitlines()[1:-1])


@pytest.fixture
def entitled(acme):
    Entitlement.objects.create(account=acme, code="sso", start_date="2026-01-01", source="test")
    Domain.objects.create(account=acme, name="acme.example", verified_at=timezone.now(), verified_how="dns")
    return acme


@pytest.fixture
def client(entitled, admin, signed_in):
    return signed_in(admin)


def metadata(certificate, entity="https://idp.example/metadata", url="https://idp.example/sso"):
    return METADATA.format(entity=entity, url=url, certificate=certificate)


@contextmanager
def answering(body: bytes, *, status=200, content_type="application/json", headers=()):
    """A server on loopback that always answers this."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.replace(b"{here}", f"http://127.0.0.1:{self.server.server_port}".encode()))

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


DISCOVERY = (
    b'{"issuer":"{here}","authorization_endpoint":"{here}/auth",'
    b'"token_endpoint":"{here}/token","jwks_uri":"{here}/jwks"}'
)


# SAML metadata


def test_metadata_is_taken_as_text(client, entitled, certificate):
    assert client.post(SAML, {"text": metadata(certificate)}).status_code == 302
    provider = IdentityProvider.objects.get()
    assert (provider.account, provider.protocol, provider.is_active) == (entitled, Protocol.SAML, False)
    assert (provider.entity_id, provider.sso_url) == ("https://idp.example/metadata", "https://idp.example/sso")
    assert provider.certificates == [certificate]
    page = client.get("/company/sso/").content.decode()
    assert "https://idp.example/metadata" in page
    assert provider.acs_url in page


def test_metadata_is_taken_as_a_file(client, certificate):
    file = SimpleUploadedFile("idp.xml", metadata(certificate).encode(), content_type="text/xml")
    assert client.post(SAML, {"file": file, "may_start_there": "on"}).status_code == 302
    assert IdentityProvider.objects.get().may_start_there


def test_metadata_is_fetched(client, certificate, settings):
    settings.OUTBOUND_LOOPBACK = True
    with answering(metadata(certificate).encode(), content_type="text/xml") as url:
        assert client.post(SAML, {"url": url}).status_code == 302
    assert IdentityProvider.objects.get().entity_id == "https://idp.example/metadata"


@pytest.mark.parametrize("document", [BOMB, OUTSIDE_FILE, OUTSIDE_DTD])
def test_metadata_that_declares_entities_is_refused(client, document):
    response = client.post(SAML, {"text": document})
    assert response.status_code == 422
    assert "declares a document type or entities" in response.content.decode()
    assert "root:" not in response.content.decode()
    assert not IdentityProvider.objects.exists()


def test_entities_in_another_encoding_are_refused(client):
    file = SimpleUploadedFile("idp.xml", BOMB.encode("utf-16"), content_type="text/xml")
    response = client.post(SAML, {"file": file})
    assert response.status_code == 422
    assert "not UTF-8" in response.content.decode()


def test_a_file_of_ten_megabytes_is_refused(client):
    file = SimpleUploadedFile("idp.xml", b"<x>" + b" " * (10 * 1024 * 1024), content_type="text/xml")
    response = client.post(SAML, {"file": file})
    assert response.status_code == 422
    assert "At most 256 KB are read" in response.content.decode()
    assert not IdentityProvider.objects.exists()


def test_a_text_of_ten_megabytes_is_refused(client):
    response = client.post(SAML, {"text": "<x>" + " " * (10 * 1024 * 1024)})
    assert response.status_code in (400, 413, 422)
    assert not IdentityProvider.objects.exists()


def test_an_address_with_ten_megabytes_is_refused(client, settings):
    settings.OUTBOUND_LOOPBACK = True
    with answering(b"<x>" + b" " * (10 * 1024 * 1024), content_type="text/xml") as url:
        response = client.post(SAML, {"url": url})
    assert response.status_code == 422
    assert "larger than 256 KB" in response.content.decode()
    assert url in response.content.decode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: "", "one of the three ways"),
        (lambda text: text[:-30], "not well-formed XML"),
        (lambda text: "<EntityDescriptor/>", "must describe one identity provider"),
        (lambda text: text.replace("HTTP-Redirect", "HTTP-POST"), "no address for HTTP-Redirect"),
        (lambda text: text.replace("https://idp.example/sso", "javascript:alert(1)"), "not a web address"),
        (lambda text: text.replace("https://idp.example/sso", "https://[::1/sso"), "not a web address"),
        (lambda text: text.replace("https://idp.example/sso", "https://idp.example:99999/sso"), "not a web address"),
        (lambda text: text.replace("https://idp.example/sso", "http://idp.example/sso"), "must begin with https"),
        (lambda text: text.replace("https://idp.example/sso", "https://10.0.0.1/sso"), "private network"),
        (lambda text: text.replace("MII", "AAA"), "can&#x27;t be read"),
    ],
)
def test_metadata_that_cannot_be_used_is_refused_with_a_reason(client, certificate, change, said):
    text = change(metadata(certificate))
    response = client.post(SAML, {"text": text})
    assert response.status_code == 422
    assert said in response.content.decode()
    assert not IdentityProvider.objects.exists()


def test_a_weak_key_is_refused(client, tmp_path):
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    name = x509.Name([])
    now = timezone.now()
    weak = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, SHA256())
    )  # fmt: skip
    body = "".join(weak.public_bytes(Encoding.PEM).decode().splitlines()[1:-1])
    response = client.post(SAML, {"text": metadata(body)})
    assert response.status_code == 422
    assert "too weak" in response.content.decode()


def test_our_metadata_can_be_downloaded_before_anything_is_connected(client, entitled):
    response = client.get(f"/sso/{entitled.public_id}/metadata/")
    assert response.status_code == 200
    assert f"/sso/{entitled.public_id}/acs/" in response.content.decode()
    assert 'WantAssertionsSigned="true"' in response.content.decode()


# OpenID Connect


def test_an_issuer_is_discovered_and_the_secret_is_sealed(client, settings):
    settings.OUTBOUND_LOOPBACK = True
    with answering(DISCOVERY) as issuer:
        assert (
            client.post(OIDC, {"issuer": issuer, "client_id": "portal", "secret": "s3cret-of-acme"}).status_code == 302
        )
        provider = IdentityProvider.objects.get()
        # The secret may stay as it is.
        client.post(OIDC, {"issuer": issuer, "client_id": "portal-2", "secret": ""})
    assert provider.endpoints["token_endpoint"] == f"{issuer}/token"
    assert "s3cret" not in provider.secret_sealed
    provider = IdentityProvider.objects.get()
    assert (provider.client_id, provider.secret) == ("portal-2", "s3cret-of-acme")
    for url in (OIDC, "/company/sso/"):
        assert "s3cret" not in client.get(url).content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(row::text, ' ') FROM accounts_identityproviderevent row")
        assert provider.secret_sealed not in cursor.fetchone()[0]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 200, "did not answer with JSON"),
        (b"[]", 200, "did not answer with JSON"),
        (b'{"issuer": "https://evil.example"}', 200, "The server calls itself"),
        (b'{"issuer": "{here}"}', 200, "does not say"),
        (DISCOVERY.replace(b"{here}/token", b"https://169.254.169.254/latest"), 200, "private network"),
        (DISCOVERY.replace(b"{here}/token", b"https://idp.example:99999/token"), 200, "not a web address"),
        (b"", 302, "status 302"),
        (b" " * 300 * 1024, 200, "larger than 256 KB"),
    ],
)
def test_an_issuer_that_does_not_answer_as_it_should_is_refused(client, settings, body, status, said):
    settings.OUTBOUND_LOOPBACK = True
    with answering(body, status=status, headers=[("Location", "http://127.0.0.1:1/")]) as issuer:
        response = client.post(OIDC, {"issuer": issuer, "client_id": "typed-before", "secret": "x"})
    page = response.content.decode()
    assert response.status_code == 422
    assert said in page
    assert "typed-before" in page
    assert not IdentityProvider.objects.exists()


@pytest.mark.parametrize(
    "issuer",
    [
        "http://127.0.0.1:5432", "https://127.0.0.1", "https://localhost", "https://10.1.2.3", "https://192.168.0.1",
        "https://169.254.169.254", "https://[::1]", "https://[::ffff:10.0.0.1]", "https://0.0.0.0", "http://idp.example",
        "file:///etc/passwd", "https://user@idp.example", "https://2130706433", "gopher://idp.example",
        "https://[::1", "https://idp.example:99999", "https://idp.example:0",
    ],
)  # fmt: skip
def test_nothing_inside_our_own_network_is_asked(client, issuer):
    response = client.post(OIDC, {"issuer": issuer, "client_id": "portal", "secret": "x"})
    assert response.status_code == 422
    assert not IdentityProvider.objects.exists()


def test_a_name_with_one_private_address_is_not_asked(monkeypatch):
    """A name server that answers with a public and a private address gains nothing."""
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("93.184.215.14", "192.168.1.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    with pytest.raises(OutboundRefused):
        outbound.fetch("https://idp.example/")


def test_the_address_that_was_looked_at_is_the_one_that_is_asked(settings, monkeypatch):
    """A second look-up, which may answer differently, does not happen."""
    settings.OUTBOUND_LOOPBACK = True
    looked_up = []
    real = socket.getaddrinfo

    def look_up(host, *args, **kwargs):
        looked_up.append(host)
        return real("127.0.0.1" if host == "idp.localhost" else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with answering(b"{}") as url:
        assert outbound.fetch(url.replace("127.0.0.1", "idp.localhost")) == b"{}"
    assert looked_up.count("idp.localhost") == 1


def test_a_server_that_is_away_is_said():
    with pytest.raises(NoAnswer):
        outbound.fetch("https://no-such-host.invalid/")


# Whom it brings, and whether there is another way in


@pytest.fixture
def provider(entitled, certificate):
    return IdentityProvider.objects.create(
        account=entitled, protocol=Protocol.SAML, entity_id="https://idp.example/metadata",
        sso_url="https://idp.example/sso", certificates=[certificate],
    )  # fmt: skip


def test_roles_by_value_are_written_line_by_line(client, provider):
    form = {
        "creates_members": "on", "roles_attribute": "groups", "default_roles": ["viewer"],
        "role_lines": "Portal admins = administrator\nCN=Buyers,OU=x = buyer, billing",
    }  # fmt: skip
    assert client.post(PEOPLE, form).status_code == 302
    provider.refresh_from_db()
    assert provider.role_map == {"Portal admins": ["administrator"], "CN=Buyers,OU=x": ["buyer", "billing"]}
    assert provider.roles_for(["CN=Buyers,OU=x", "Unknown"]) == ["buyer", "billing"]
    assert provider.roles_for(["Unknown"]) == ["viewer"]
    assert "CN=Buyers,OU=x = buyer, billing" in client.get(PEOPLE).content.decode()


@pytest.mark.parametrize(
    "form",
    [
        {"roles_attribute": "groups", "role_lines": "Admins = owner"},
        {"roles_attribute": "groups", "role_lines": "Admins"},
        {"roles_attribute": "groups", "role_lines": "Admins ="},
        {"roles_attribute": "", "role_lines": "Admins = administrator"},
        {"default_roles": ["owner"]},
    ],
)
def test_roles_that_do_not_exist_are_refused(client, provider, form):
    response = client.post(PEOPLE, form)
    assert response.status_code == 422
    provider.refresh_from_db()
    assert (provider.role_map, provider.default_roles) == ({}, [])


def test_roles_follow_an_attribute_that_has_a_name(client, provider):
    nothing = {"creates_members": "on", "roles_follow": "on", "roles_attribute": "", "role_lines": ""}
    refused = client.post(PEOPLE, nothing)
    assert refused.status_code == 422
    assert "Name the attribute that roles are to follow" in refused.content.decode()
    saved = client.post(
        PEOPLE, nothing | {"roles_attribute": "groups", "role_lines": "Bosses = administrator"}, follow=True
    )
    assert "from each person&#x27;s next sign-in on" in saved.content.decode()
    provider.refresh_from_db()
    assert provider.roles_follow


def test_it_is_switched_on_after_a_test_that_succeeded(client, provider):
    response = client.post(ACCESS, {"is_active": "on"})
    assert response.status_code == 422
    assert "Run a test that succeeds first" in response.content.decode()
    IdentityProvider.objects.update(tested_at=timezone.now())
    assert client.post(ACCESS, {"is_active": "on"}).status_code == 302
    provider.refresh_from_db()
    assert provider.is_active


def test_it_needs_a_verified_domain(client, provider):
    Domain.objects.all().delete()
    IdentityProvider.objects.update(tested_at=timezone.now())
    response = client.post(ACCESS, {"is_active": "on"})
    assert "Verify a domain first" in response.content.decode()
    provider.refresh_from_db()
    assert not provider.is_active


def test_it_is_required_with_an_emergency_administrator_who_has_a_second_factor(
    client, provider, admin, viewer, other_admin
):
    IdentityProvider.objects.update(tested_at=timezone.now())
    wanted = {"is_active": "on", "is_enforced": "on"}
    assert "Name an emergency administrator" in client.post(ACCESS, wanted).content.decode()
    for somebody in (viewer, other_admin):
        assert client.post(ACCESS, wanted | {"emergency_administrator": somebody.pk}).status_code == 422
    wanted |= {"emergency_administrator": admin.pk}
    assert "needs two-factor sign-in" in client.post(ACCESS, wanted).content.decode()
    provider.refresh_from_db()
    assert not provider.is_enforced
    second_factor(admin)
    assert client.post(ACCESS, wanted).status_code == 302
    provider.refresh_from_db()
    assert (provider.is_enforced, provider.emergency_administrator) == (True, admin)


def test_another_identity_provider_knows_nobody_and_is_off(client, provider, certificate, member):
    IdentityProvider.objects.update(is_active=True, tested_at=timezone.now())
    SsoIdentity.objects.create(account=provider.account, provider=provider, subject="42", user=member)
    client.post(SAML, {"text": metadata(certificate)})
    provider.refresh_from_db()
    assert (provider.is_active, provider.tested_at, SsoIdentity.objects.count()) == (True, None, 1)
    client.post(SAML, {"text": metadata(certificate, entity="https://other.example/")})
    provider.refresh_from_db()
    assert (provider.is_active, SsoIdentity.objects.count()) == (False, 0)


def test_removing_asks_first(client, provider):
    assert "Remove single sign-on?" in client.get("/company/sso/remove/").content.decode()
    assert IdentityProvider.objects.exists()
    client.post("/company/sso/remove/")
    assert not IdentityProvider.objects.exists()


def test_without_the_feature_the_page_offers_it(admin, signed_in):
    client = signed_in(admin)
    page = client.get("/company/sso/").content.decode()
    assert "does not include it yet" in page
    for url in (SAML, OIDC):
        assert client.post(url, {"text": "<x/>"}).url == "/company/sso/"
    assert not IdentityProvider.objects.exists()


def test_changes_ask_who_it_is(entitled, provider, admin, signed_in):
    client = signed_in(admin, confirmed=False)
    for url in (SAML, OIDC, ACCESS, PEOPLE, "/company/sso/remove/"):
        assert client.post(url, {"is_active": "on"}).status_code == 302
    assert IdentityProvider.objects.filter(is_active=False).count() == 1


def test_customers_read_no_identities_and_no_used_answers(provider, admin, as_customer):
    for table in ("accounts_ssoidentity", "accounts_usedanswer"):
        with pytest.raises(DatabaseError), as_customer(admin.membership), connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")


def test_staff_see_it_without_the_secret(provider, agent, signed_in):
    provider.secret = "s3cret"
    provider.save()
    client = signed_in(agent)
    page = client.get(f"/admin/accounts/identityprovider/{provider.pk}/change/").content.decode()
    assert "https://idp.example/metadata" in page
    assert provider.secret_sealed not in page
    assert client.post(f"/admin/accounts/identityprovider/{provider.pk}/change/", {}).status_code == 403


def test_a_secret_opens_with_an_older_key_and_with_no_other(settings):
    settings.SECRET_KEY = "old"
    sealed = vault.seal("s3cret")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", ["old"]
    assert vault.unseal(sealed) == "s3cret"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(vault.CannotUnseal):
        vault.unseal(sealed)


def test_single_sign_on_belongs_to_administrators(provider, member, other_admin, signed_in):
    from django.test import Client

    for url in ("/company/sso/", SAML, OIDC, ACCESS, PEOPLE, "/company/sso/remove/", "/company/sso/test/start/"):
        assert signed_in(member).get(url).status_code == 403
        assert Client().get(url).url.startswith("/accounts/login/")
    for url in (ACCESS, PEOPLE, "/company/sso/remove/", "/company/sso/test/start/"):
        assert signed_in(other_admin).get(url).status_code == 404
    assert IdentityProvider.objects.count() == 1


def test_a_null_character_in_an_identity_providers_words_is_left_out():
    assert SsoRefused(Reason.CANCELLED, "no\x00 such person").detail == "no such person"
