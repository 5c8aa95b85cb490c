"""Signing in by real identity providers: oidc-provider and samlp, as processes of their own on loopback.

Each refusal says what the administrator must mend, is an event of the company, and changes nothing.
"""

import base64
import re
from datetime import timedelta
from html import unescape

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone
from lxml import etree

from accounts.audit.collecting import collect
from accounts.audit.wording import lines
from accounts.models import AuditEntry, Domain, Entitlement, IdentityProvider, Membership, SsoIdentity, UsedAnswer, User
from accounts.models.sso import Protocol
from accounts.sso import metadata, oidc
from sandbox.idp import SAML_GROUPS, OidcProvider, SamlProvider
from sandbox.processes import free_port
from tests.accounts.sso_side import ACME, CLIENTS, SECRET, Browser, person, with_query
from tests.factories import PASSWORD as FACTORY_PASSWORD
from tests.factories import make_member, make_staff
from tracking.models import Event, EventName

pytestmark = pytest.mark.django_db

NS = {"saml": "urn:oasis:names:tc:SAML:2.0:assertion", "samlp": "urn:oasis:names:tc:SAML:2.0:protocol"}
DS = "{http://www.w3.org/2000/09/xmldsig#}"


@pytest.fixture(scope="module")
def oidc_server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("oidc")
    with OidcProvider(folder, port=free_port(), log=folder / "log", clients=CLIENTS) as server:
        yield server


@pytest.fixture(scope="module")
def saml_server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saml")
    with SamlProvider(folder, port=free_port(), log=folder / "log") as server:
        yield server


@pytest.fixture
def company(acme, settings):
    """Acme, entitled, with a verified domain."""
    settings.OUTBOUND_LOOPBACK = True
    acme.public_id = ACME
    acme.save()
    Domain.objects.create(account=acme, name="acme.example", verified_at=timezone.now(), verified_how="dns")
    Entitlement.objects.create(account=acme, code="sso", start_date="2026-01-01", source="test")
    return acme


def provider_of(company, **fields):
    return IdentityProvider.objects.create(
        account=company,
        is_active=True,
        role_map={"Support team": ["support", "viewer"]},
        tested_at=timezone.now(),
        **fields,
    )


@pytest.fixture
def by_oidc(company, oidc_server):
    provider = IdentityProvider(account=company)
    provider.secret = SECRET
    provider = provider_of(
        company, protocol=Protocol.OIDC, issuer=oidc_server.url, client_id="portal",
        secret_sealed=provider.secret_sealed, endpoints=oidc.discover(oidc_server.url), roles_attribute="groups",
    )  # fmt: skip
    oidc_server.control(person=person())
    return provider


@pytest.fixture
def by_saml(company, saml_server):
    import urllib.request

    with urllib.request.urlopen(saml_server.metadata_url) as answer:
        described = metadata.read(answer.read())
    provider = provider_of(
        company, protocol=Protocol.SAML, entity_id=described.entity_id, sso_url=described.sso_url,
        certificates=described.certificates, roles_attribute=SAML_GROUPS,
    )  # fmt: skip
    saml_server.control(person=person())
    return provider


@pytest.fixture(params=["oidc", "saml"])
def either(request):
    """The same promises by both protocols: the provider as set up, and the server behind it."""
    return request.getfixturevalue(f"by_{request.param}"), request.getfixturevalue(f"{request.param}_server")


def rows():
    return [list(model.objects.order_by("pk").values()) for model in (User, Membership, SsoIdentity, IdentityProvider)]


class Refusal:
    """Goes to sign in, and expects to be refused with nothing changed."""

    def __init__(self, provider):
        self.provider = provider
        self.browser = Browser()

    def expect(self, reason, *, advice="", url="", data=None):
        before = rows()
        response = self.browser.open(url or f"/sso/{ACME}/", data)
        page = response.content.decode()
        assert response.status_code == 403, page
        assert f"Reason: {reason}" in page
        assert advice in page
        assert not self.browser.is_signed_in()
        assert rows() == before
        event = Event.objects.filter(name=EventName.SSO_REFUSED).latest("pk")
        assert (event.account_id, event.properties["reason"]) == (self.provider.account_id, reason)
        return page


# Who comes in


def test_a_new_person_becomes_a_member_with_mapped_roles(either):
    provider, _server = either
    browser = Browser()
    response = browser.open(f"/sso/{ACME}/")
    assert response.status_code == 200
    user = User.objects.get(email="nina@acme.example")
    membership = Membership.objects.get(user=user)
    assert (user.name, user.has_usable_password(), user.is_staff) == ("Nina Nowak", False, False)
    assert (membership.account, membership.roles) == (provider.account, ["support", "viewer"])
    assert browser.client.session["_auth_user_id"] == str(user.pk)
    assert Event.objects.filter(name=EventName.SSO_SIGNED_IN, account_id=provider.account_id).count() == 1


def test_a_colleague_is_linked_and_keeps_the_roles(either, member):
    _provider, server = either
    server.control(person=person("Member@ACME.example", "Somebody Else", groups=["Unknown"]))
    browser = Browser()
    browser.open(f"/sso/{ACME}/")
    assert browser.client.session["_auth_user_id"] == str(member.pk)
    assert SsoIdentity.objects.get().user == member
    assert Membership.objects.get(user=member).roles == ["support", "viewer"]
    member.refresh_from_db()
    assert member.name == "Milo Brandt"


def test_a_linked_person_is_found_again_under_a_new_address(either, member):
    _provider, server = either
    renamed = person("member@acme.example")
    server.control(person=renamed)
    Browser().open(f"/sso/{ACME}/")
    server.control(person=renamed | {"email": "milo.brandt@acme.example"})
    browser = Browser()
    browser.open(f"/sso/{ACME}/")
    assert browser.client.session["_auth_user_id"] == str(member.pk)


def test_a_person_of_two_companies_keeps_the_other(either, globex):
    provider, server = either
    user = make_member(globex, "both@acme.example", "Bo Both", roles=["buyer"])
    server.control(person=person(user.email))
    browser = Browser()
    browser.open(f"/sso/{ACME}/")
    found = {one.account: one.roles for one in Membership.objects.filter(user=user)}
    assert found == {globex: ["buyer"], provider.account: ["support", "viewer"]}
    assert browser.client.session["account"] == provider.account_id


def test_default_roles_take_those_whose_values_are_not_mapped(either):
    _provider, server = either
    IdentityProvider.objects.update(default_roles=["viewer"])
    server.control(person=person(groups=["Unknown"]))
    Browser().open(f"/sso/{ACME}/")
    assert Membership.objects.get().roles == ["viewer"]


@pytest.fixture
def following(by_oidc):
    """Roles follow the identity provider at each sign-in."""
    IdentityProvider.objects.update(
        roles_follow=True, role_map={"Support team": ["support"], "Bosses": ["administrator"]}
    )
    by_oidc.refresh_from_db()
    return by_oidc


def sign_in_as(user, server, *groups):
    server.control(person=person(user.email, user.name, groups=groups))
    return Browser().open(f"/sso/{ACME}/")


def test_roles_follow_the_identity_provider_where_the_company_says_so(following, admin, member, oidc_server):
    place = member.memberships.get()
    for groups, roles in [(["Bosses"], ["administrator"]), (["Support team"], ["support"])]:
        assert sign_in_as(member, oidc_server, *groups).status_code == 200
        place.refresh_from_db()
        assert place.roles == roles
    assert Event.objects.filter(name=EventName.MEMBER_CHANGED, object_id=str(place.public_id)).count() == 2


def test_a_member_without_a_mapped_value_is_refused_and_keeps_what_they_have(following, admin, member, oidc_server):
    assert "Reason: no_role" in sign_in_as(member, oidc_server, "Canteen").content.decode()
    assert member.memberships.get().roles == ["support", "viewer"]


@pytest.mark.parametrize("groups", [["Support team"], []])
def test_the_last_administrator_is_never_demoted_by_it(following, admin, oidc_server, groups):
    assert sign_in_as(admin, oidc_server, *groups).status_code == 200
    assert "administrator" in admin.memberships.get().roles


def test_the_emergency_administrator_is_never_demoted_by_it(following, acme, admin, oidc_server):
    make_member(acme, "boss@acme.example", "Bea Boss", roles=["administrator"])
    IdentityProvider.objects.update(is_enforced=True, emergency_administrator=admin)
    assert sign_in_as(admin, oidc_server, "Support team").status_code == 200
    assert admin.memberships.get().roles == ["administrator", "support"]
    IdentityProvider.objects.update(is_enforced=False)
    sign_in_as(admin, oidc_server, "Support team")
    assert admin.memberships.get().roles == ["support"]


def test_a_test_says_that_roles_would_change_and_changes_none(following, admin, member, oidc_server, signed_in):
    oidc_server.control(person=person(member.email, member.name, groups=["Bosses"]))
    page = Browser(client=signed_in(admin)).open("/company/sso/test/start/").content.decode()
    assert "would get other roles" in page
    assert member.memberships.get().roles == ["support", "viewer"]


def test_the_page_asked_for_is_where_one_ends(either):
    browser = Browser()
    response = browser.open(f"/sso/{ACME}/?next=/cases/")
    assert response.request["PATH_INFO"] == "/cases/"


def test_the_address_leads_to_the_companys_sign_in(by_oidc, client):
    page = client.post("/sso/", {"email": "whoever@ACME.example"}).content.decode()
    assert "Sign in with Acme Logistics GmbH" in page
    assert f"/sso/{ACME}/" in page
    elsewhere = client.post("/sso/", {"email": "whoever@globex.example"})
    assert elsewhere.status_code == 422
    assert "no single sign-on" in elsewhere.content.decode()
    assert "whoever@globex.example" in elsewhere.content.decode()


# Who does not


def test_an_address_outside_the_verified_domains_is_refused(either):
    provider, server = either
    server.control(person=person("nina@globex.example"))
    Refusal(provider).expect("outside_domains", advice="none of the company&#x27;s verified domains")


def test_an_unverified_domain_does_not_count(either):
    provider, _server = either
    Domain.objects.update(verified_at=None, verified_how="")
    Refusal(provider).expect("outside_domains")


def test_staff_are_never_signed_in(either):
    provider, server = either
    make_staff("sam@acme.example", "Sam Rivera", group="Support agent")
    server.control(person=person("sam@acme.example"))
    Refusal(provider).expect("staff")


def test_a_deactivated_colleague_is_refused(either, member):
    provider, server = either
    Membership.objects.filter(user=member).update(is_active=False)
    server.control(person=person(member.email))
    Refusal(provider).expect("inactive")


def test_a_person_without_a_mapped_role_is_refused(either):
    provider, server = either
    server.control(person=person(groups=["Canteen"]))
    Refusal(provider).expect("no_role", advice="Canteen")


def test_new_people_are_refused_where_sign_in_makes_no_members(either):
    provider, _server = either
    IdentityProvider.objects.update(creates_members=False)
    Refusal(provider).expect("not_a_member")


def test_an_answer_for_another_application_is_refused(either):
    provider, server = either
    if provider.protocol == Protocol.OIDC:
        server.control(person=person(), spoil={"aud": "another-application"})
    else:
        server.control(person=person(), options={"audience": "https://another.example/metadata"})
    Refusal(provider).expect("wrong_audience", advice="meant for another application")


def test_an_expired_answer_is_refused(either):
    provider, server = either
    if provider.protocol == Protocol.OIDC:
        hour_ago = int((timezone.now() - timedelta(hours=1)).timestamp())
        server.control(person=person(), spoil={"exp": hour_ago, "iat": hour_ago - 300})
    else:
        server.control(person=person(), options={"lifetimeInSeconds": -3600})
    Refusal(provider).expect("expired", advice="Check the clock")


def test_an_answer_of_another_issuer_is_refused(either):
    provider, server = either
    if provider.protocol == Protocol.OIDC:
        server.control(person=person(), spoil={"iss": "https://evil.example"})
    else:
        server.control(person=person(), options={"issuer": "https://evil.example"})
    Refusal(provider).expect("wrong_issuer")


def test_an_answer_without_an_address_is_refused(either):
    provider, server = either
    server.control(person={**person(), "email": "", "id": "0815"})
    Refusal(provider).expect("no_email")


def test_a_contract_without_single_sign_on_ends_it(either):
    provider, _server = either
    browser = Browser()
    Entitlement.objects.all().delete()
    assert browser.open(f"/sso/{ACME}/").status_code == 404
    Entitlement.objects.create(account=provider.account, code="sso", start_date="2026-01-01", source="test")
    refusal = Refusal(provider)

    def end(url):
        Entitlement.objects.all().delete()
        return url

    refusal.browser.on_way = end
    refusal.expect("not_entitled")


# OpenID Connect


def test_an_id_token_signed_by_a_stranger_is_refused(by_oidc, oidc_server):
    oidc_server.control(person=person(), spoil={"email": "admin@acme.example"}, is_foreign_key=True)
    Refusal(by_oidc).expect("bad_signature")


@pytest.mark.parametrize("spoil", [{"nonce": "another"}, {"nonce": None}])
def test_an_id_token_of_another_sign_in_is_refused(by_oidc, oidc_server, spoil):
    oidc_server.control(person=person(), spoil=spoil)
    Refusal(by_oidc).expect("wrong_nonce")


def test_a_nonce_changed_on_the_way_is_refused(by_oidc):
    refusal = Refusal(by_oidc)
    refusal.browser.on_way = lambda url: with_query(url, nonce="another")
    refusal.expect("wrong_nonce")


def test_an_id_token_without_an_end_is_refused(by_oidc, oidc_server):
    oidc_server.control(person=person(), spoil={"exp": None})
    Refusal(by_oidc).expect("malformed")


@pytest.mark.parametrize(
    "claims", [{"name": "Ni\x00na"}, {"groups": ["Support team", "Sup\x00port"]}, {"id": "n" * 300}]
)
def test_what_cannot_be_kept_is_refused(by_oidc, oidc_server, claims):
    oidc_server.control(person=person() | claims)
    Refusal(by_oidc).expect("malformed")


def test_an_id_token_until_the_end_of_time_is_refused(by_oidc, oidc_server):
    oidc_server.control(person=person(), spoil={"exp": 10**15})
    Refusal(by_oidc).expect("malformed")


def test_an_address_without_end_is_refused(either):
    provider, server = either
    server.control(person=person(email="n" * 300 + "@acme.example") | {"id": "nina"})
    Refusal(provider).expect("no_email")


def test_a_state_that_is_not_ours_is_refused(by_oidc):
    refusal = Refusal(by_oidc)
    refusal.browser.on_way = lambda url: with_query(url, state="another")
    refusal.expect("wrong_state")


def test_an_answer_in_another_browser_is_refused(by_oidc):
    """Somebody else's answer does not sign one in as them."""
    theirs = Browser()
    ours = Refusal(by_oidc)
    url = theirs.client.get(f"/sso/{ACME}/").url
    ours.expect("wrong_state", url=url)


def test_a_code_can_be_brought_once(by_oidc):
    browser = Browser()
    urls = []
    browser.on_way = lambda url: urls.append(url) or url
    browser.open(f"/sso/{ACME}/")
    refusal = Refusal(by_oidc)
    refusal.browser.client = browser.client
    browser.client.logout()
    refusal.expect("wrong_state", url=f"/sso/{ACME}/callback/?code=used&state=used")


def test_an_address_that_the_provider_has_not_verified_is_refused(by_oidc, oidc_server):
    oidc_server.control(person=person(email_verified=False))
    Refusal(by_oidc).expect("email_unverified")


def test_a_provider_that_says_no_is_quoted(by_oidc):
    refusal = Refusal(by_oidc)
    state = with_query(refusal.browser.client.get(f"/sso/{ACME}/").url).partition("state=")[2].partition("&")[0]
    url = f"/sso/{ACME}/callback/?state={state}&error=access_denied&error_description=Not+assigned"
    refusal.expect("cancelled", url=url, advice="Not assigned")


def test_a_provider_that_is_away_is_said(by_oidc):
    IdentityProvider.objects.update(
        endpoints={**by_oidc.endpoints, "token_endpoint": f"http://127.0.0.1:{free_port()}/"}
    )
    Refusal(by_oidc).expect("no_answer", advice="could not be reached")


# SAML


def changed(change):
    """Posts the answer with its XML changed by `change(root)`."""

    def post(fields):
        root = etree.fromstring(base64.b64decode(fields["SAMLResponse"]))
        root = change(root) or root
        return fields | {"SAMLResponse": base64.b64encode(etree.tostring(root)).decode()}

    return post


def test_an_unsigned_assertion_is_refused(by_saml, saml_server):
    saml_server.control(person=person(), options={"signAssertion": False, "signResponse": False})
    Refusal(by_saml).expect("unsigned", advice="sign assertions")


def test_a_signature_around_an_unsigned_assertion_is_not_enough(by_saml, saml_server):
    saml_server.control(person=person(), options={"signAssertion": False, "signResponse": True})
    Refusal(by_saml).expect("unsigned")


def test_a_tampered_assertion_is_refused(by_saml):
    def become_admin(root):
        for value in root.iterfind(".//saml:AttributeValue", NS):
            value.text = (value.text or "").replace("nina@acme.example", "admin@acme.example")

    refusal = Refusal(by_saml)
    refusal.browser.on_post = changed(become_admin)
    refusal.expect("bad_signature", advice="signature does not fit")


def test_an_answer_signed_by_another_key_is_refused(by_saml, tmp_path):
    with SamlProvider(tmp_path, port=free_port(), log=tmp_path / "log") as stranger:
        stranger.control(person=person(), options={"issuer": by_saml.entity_id})
        refusal = Refusal(by_saml)
        refusal.browser.on_way = lambda url: stranger.url + url.partition("127.0.0.1:")[2][len("00000") :]
        refusal.expect("bad_signature")


def wrap_beside(root):
    """A forged assertion first, the signed one after it."""
    signed = root.find("saml:Assertion", NS)
    root.insert(list(root).index(signed), forged(signed))


def wrap_around(root):
    """A forged assertion in the place of the signed one, which hides inside the forged one's signature."""
    signed = root.find("saml:Assertion", NS)
    evil = forged(signed)
    signature = signed.find(f"{DS}Signature")
    root.replace(signed, evil)
    signature.append(etree.SubElement(signature, f"{DS}Object"))
    evil.insert(1, signature)
    signature.find(f"{DS}Object").append(signed)


def wrap_in_extensions(root):
    """The signed assertion out of the way, a forged one with its id in its place."""
    signed = root.find("saml:Assertion", NS)
    evil = forged(signed)
    evil.set("ID", signed.get("ID"))
    root.replace(signed, evil)
    extensions = etree.Element("{urn:oasis:names:tc:SAML:2.0:protocol}Extensions")
    extensions.append(signed)
    root.insert(1, extensions)


def forged(signed):
    evil = etree.fromstring(etree.tostring(signed))
    evil.remove(evil.find(f"{DS}Signature"))
    evil.set("ID", "_forged")
    for value in evil.iterfind(".//saml:AttributeValue", NS):
        value.text = (value.text or "").replace("nina@acme.example", "admin@acme.example")
    return evil


@pytest.mark.parametrize("wrap", [wrap_beside, wrap_around, wrap_in_extensions])
def test_a_wrapped_signature_is_refused(by_saml, admin, wrap):
    refusal = Refusal(by_saml)
    refusal.browser.on_post = changed(wrap)
    before = rows()
    response = refusal.browser.open(f"/sso/{ACME}/")
    assert response.status_code == 403
    assert Event.objects.latest("pk").properties["reason"] in ("bad_signature", "malformed", "unsigned")
    assert not refusal.browser.is_signed_in()
    assert rows() == before


def test_a_comment_in_an_address_changes_nothing(by_saml, saml_server):
    """`admin@acme.example<!-- -->.evil` read up to the comment would be somebody else."""

    def comment(root):
        for value in root.iterfind(".//saml:AttributeValue", NS):
            if value.text == "nina@acme.example.evil":
                value.text = "nina@acme.example"
                tail = etree.Comment(" ")
                tail.tail = ".evil"
                value.append(tail)

    saml_server.control(person=person("nina@acme.example.evil"))
    refusal = Refusal(by_saml)
    refusal.browser.on_post = changed(comment)
    refusal.expect("outside_domains")


def test_an_answer_counts_once(by_saml):
    browser = Browser()
    browser.open(f"/sso/{ACME}/")
    url, fields = browser.posted[0]
    assert browser.is_signed_in()
    Refusal(by_saml).expect("replayed", url=url, data=fields, advice="used before")


def test_an_answer_counts_once_also_where_nobody_has_to_ask(by_saml, saml_server):
    IdentityProvider.objects.update(may_start_there=True)
    browser = Browser()
    url = f"{saml_server.url}/sso?acs={by_saml.acs_url}&audience={by_saml.our_entity_id}"
    browser.open(url)
    assert browser.is_signed_in()
    Refusal(by_saml).expect("replayed", url=browser.posted[0][0], data=browser.posted[0][1])


def test_used_answers_are_forgotten_once_they_have_expired(by_saml):
    Browser().open(f"/sso/{ACME}/")
    old = UsedAnswer.objects.get()
    Browser().open(f"/sso/{ACME}/")
    assert UsedAnswer.objects.count() == 2
    UsedAnswer.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    Browser().open(f"/sso/{ACME}/")
    assert UsedAnswer.objects.count() == 2
    assert not UsedAnswer.objects.filter(pk=old.pk).exists()


def test_an_answer_that_nobody_asked_for_is_refused(by_saml, saml_server):
    url = f"{saml_server.url}/sso?acs={by_saml.acs_url}&audience={by_saml.our_entity_id}"
    Refusal(by_saml).expect("unsolicited", url=url)


def test_an_answer_to_somebody_elses_request_is_refused(by_saml):
    """Who is led to post another person's answer is not signed in as them."""
    theirs, ours = Browser(), Refusal(by_saml)
    ours.expect("wrong_state", url=theirs.client.get(f"/sso/{ACME}/").url)


def test_an_answer_for_another_address_is_refused(by_saml, saml_server):
    saml_server.control(person=person(), options={"recipient": "https://another.example/acs/"})
    Refusal(by_saml).expect("wrong_audience")


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>',
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>',
        b"no xml",
        b"\xff\xfe",
    ],
)
def test_what_is_no_answer_is_refused(by_saml, document):
    fields = {"SAMLResponse": base64.b64encode(document).decode()}
    page = Refusal(by_saml).expect("malformed", url=by_saml.acs_url, data=fields)
    assert "root:" not in page


def test_an_answer_of_megabytes_is_refused(by_saml):
    Refusal(by_saml).expect("malformed", url=by_saml.acs_url, data={"SAMLResponse": "A" * 1024 * 1024})


# Required


@pytest.fixture
def required(by_oidc, admin):
    """Single sign-on is required; the administrator is for emergencies."""
    IdentityProvider.objects.update(is_enforced=True, emergency_administrator=admin)
    return by_oidc


def second_factor(user):
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    return TOTP.activate(user, generate_totp_secret())


PASSWORD = {"password": "correct-horse-battery"}


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("/accounts/login/", {"login": "Member@acme.example", **PASSWORD}),
        ("/accounts/login/code/", {"email": "member@acme.example"}),
        ("/accounts/password/reset/", {"email": "member@acme.example"}),
        ("/accounts/login/", {"login": "nobody-known@acme.example", **PASSWORD}),
    ],
)
def test_another_way_in_leads_to_the_identity_provider(required, member, client, mailoutbox, url, form):
    response = client.post(url, form, follow=True)
    page = response.content.decode()
    assert response.status_code == 403
    assert "Sign in with Acme Logistics GmbH" in page
    assert f'href="/sso/{ACME}/"' in page
    assert "_auth_user_id" not in client.session
    assert mailoutbox == []


@pytest.mark.parametrize("email", ["nina@bücher.example", "nina@xn--bcher-kva.example"])
def test_an_address_in_another_script_has_the_same_domain(required, acme, client, email):
    """However the domain is written, its company's identity provider is the way in."""
    Domain.objects.update(name="xn--bcher-kva.example")
    nina = make_member(acme, email, "Nina Nowak", roles=["viewer"])
    response = client.post("/accounts/login/", {"login": nina.email, "password": FACTORY_PASSWORD}, follow=True)
    assert response.status_code == 403
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("/accounts/login/", {"login": "nina@acme.example", **PASSWORD}),
        ("/accounts/login/code/", {"email": "nina@acme.example"}),
    ],
)
def test_a_mail_link_survives_the_way_to_the_identity_provider(required, url, form):
    """Somebody opens a link, types a password by habit, and ends on the page of the link, in its company."""
    browser = Browser()
    link = f"/cases/?show=all&company={ACME}"
    sign_in = browser.client.get(link).headers["Location"]
    target = sign_in.partition("?next=")[2]
    assert target
    page = browser.client.post(url, form | {"next": link}, follow=True)
    [button] = re.findall(rf'href="(/sso/{ACME}/[^"]*)"', page.content.decode())
    ended = browser.open(unescape(button))
    assert (ended.status_code, ended.request["PATH_INFO"], ended.request["QUERY_STRING"]) == (
        200,
        "/cases/",
        "show=all",
    )


def test_a_target_elsewhere_is_not_carried_along(required, client):
    page = client.post(
        "/accounts/login/", {"login": "nina@acme.example", **PASSWORD, "next": "https://evil.example/"}, follow=True
    )
    assert "evil.example" not in page.content.decode()


def test_whatever_way_somebody_comes_by_is_closed(required, member, rf):
    """A passkey names no address beforehand: the last step refuses."""
    from allauth.account.adapter import get_adapter
    from django.contrib.sessions.backends.db import SessionStore

    request = rf.post("/accounts/2fa/webauthn/login/")
    request.session = SessionStore()
    request.user = member
    response = get_adapter(request).pre_login(
        request, member, email_verification="none", signal_kwargs=None, email=None, signup=False, redirect_url=None
    )
    assert response.status_code == 403
    assert Event.objects.filter(name=EventName.SSO_REQUIRED, account_id=required.account_id).count() == 1


def test_the_companys_address_stays_the_one_to_sign_in_with(required, member, admin, signed_in):
    for user in (member, admin):
        further = EmailAddress.objects.create(user=user, email=f"private-{user.pk}@home.example", verified=True)
        page = signed_in(user).post("/accounts/email/", {"email": further.email, "action_primary": ""}, follow=True)
        assert "requires single sign-on" in page.content.decode()
        before = user.email
        user.refresh_from_db()
        assert user.email == before


def test_another_address_of_the_company_may_become_the_one_to_sign_in_with(required, member, signed_in):
    further = EmailAddress.objects.create(user=member, email="milo@acme.example", verified=True)
    signed_in(member).post("/accounts/email/", {"email": further.email, "action_primary": ""})
    member.refresh_from_db()
    assert member.email == further.email


def test_people_of_other_domains_sign_in_as_before(required, other_admin, client):
    client.post("/accounts/login/", {"login": other_admin.email, **PASSWORD})
    assert "_auth_user_id" in client.session


def test_the_emergency_administrator_needs_a_second_factor(required, admin, client):
    response = client.post("/accounts/login/", {"login": admin.email, **PASSWORD}, follow=True)
    assert response.status_code == 403
    assert "two-factor sign-in is off" in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_the_emergency_administrator_gets_in_with_one(required, admin, client):
    second_factor(admin)
    response = client.post("/accounts/login/", {"login": admin.email, **PASSWORD})
    assert response.url == "/accounts/2fa/authenticate/"


def test_when_the_contract_ends_passwords_open_again(required, member, client):
    Entitlement.objects.all().delete()
    client.post("/accounts/login/", {"login": member.email, **PASSWORD})
    assert client.session["_auth_user_id"] == str(member.pk)


def test_single_sign_on_asks_for_the_second_factor_of_those_who_have_one(required, member, oidc_server):
    second_factor(member)
    oidc_server.control(person=person(member.email))
    browser = Browser()
    response = browser.open(f"/sso/{ACME}/")
    assert response.request["PATH_INFO"] == "/accounts/2fa/authenticate/"
    assert not browser.is_signed_in()


# The test button


def test_a_test_shows_what_came_and_signs_nobody_in(either, admin, signed_in):
    provider, _server = either
    IdentityProvider.objects.update(is_active=False, tested_at=None)
    people_before = (User.objects.count(), Membership.objects.count(), SsoIdentity.objects.count())
    browser = Browser(client=signed_in(admin))
    page = browser.open("/company/sso/test/start/").content.decode()
    assert "This sign-in would succeed" in page
    assert "nina@acme.example" in page
    assert "is new here" in page
    assert "Support contact, Viewer" in page
    assert "Support team" in page
    assert (User.objects.count(), Membership.objects.count(), SsoIdentity.objects.count()) == people_before
    assert browser.client.session["_auth_user_id"] == str(admin.pk)
    provider.refresh_from_db()
    assert provider.tested_at is not None


def test_a_test_that_would_be_refused_says_why(either, admin, signed_in):
    provider, server = either
    IdentityProvider.objects.update(is_active=False, tested_at=None)
    server.control(person=person("nina@globex.example"))
    page = Browser(client=signed_in(admin)).open("/company/sso/test/start/").content.decode()
    assert "would be refused" in page
    assert "none of the company&#x27;s verified domains" in page
    assert "nina@globex.example" in page
    provider.refresh_from_db()
    assert provider.tested_at is None
    assert Event.objects.latest("pk").properties == {
        "reason": "outside_domains", "detail": "nina@globex.example", "is_test": True,
    }  # fmt: skip


# What the audit log says


def logged(account):
    collect(now=timezone.now())
    entries = AuditEntry.objects.for_account(account).filter(action__startswith="sso.").latest_first()
    return [line.sentence for line in lines(entries)]


def test_a_refusal_reads_well_in_the_audit_log_and_names_nobody(by_oidc, oidc_server):
    oidc_server.control(person=person("nina@globex.example"))
    Refusal(by_oidc).expect("outside_domains")
    [sentence] = logged(by_oidc.account)
    assert sentence == (
        "A sign-in by OpenID Connect was refused: The address …@globex.example is at none of the company's verified "
        "domains. Verify its domain first."
    )


def test_tests_are_in_the_audit_log_with_who_ran_them(by_oidc, oidc_server, admin, signed_in):
    browser = Browser(client=signed_in(admin))
    browser.open("/company/sso/test/start/")
    oidc_server.control(person=person(groups=["Canteen"]))
    browser.open("/company/sso/test/start/")
    assert logged(by_oidc.account) == [
        (
            "Ada Achterberg tested single sign-on by OpenID Connect: No role fits the values received (Canteen). "
            "Add one of them to the roles by value."
        ),
        "Ada Achterberg tested single sign-on by OpenID Connect: it works",
    ]
