"""A brand's own domain: shown to be the vendor's by a DNS record, asked of a real name server on loopback."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts import brands
from accounts.models import Brand, Entitlement, IdentityProvider
from sandbox.nameserver import NameServer
from tests.conftest import NOW
from tests.factories import make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_cache")]

HOST = "help.northwind.example"


@pytest.fixture
def dns(settings):
    """A name server that knows nothing yet, and the portal asks it."""
    with NameServer() as server:
        settings.DNS_SERVERS = [server.address]
        yield server


@pytest.fixture
def brand(settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    brand = Brand(name="Northwind", legal_name="Northwind AG", custom_domain=HOST)
    brands.save_brand(brand, now=NOW)
    return brand


@pytest.fixture
def marketer(db):
    return make_staff("marketing@vendor.example", "Mara Marketing", group="Marketing")


def check(client, brand):
    return client.get(reverse("admin:accounts_brand_check_the_domain", args=[brand.pk]), follow=True)


def answers_there() -> bool:
    return Client(headers={"host": HOST}).get(reverse("account_login")).status_code == 200


def test_marketing_reads_which_record_to_set(brand, marketer, signed_in):
    page = signed_in(marketer).get(reverse("admin:accounts_brand_change", args=[brand.pk])).content.decode()
    assert f"_portal.{HOST} portal-brand={brand.public_id}" in page


def test_the_portal_answers_at_the_domain_once_its_record_is_there(dns, brand, marketer, signed_in):
    client = signed_in(marketer)
    assert "was not found" in check(client, brand).content.decode()
    assert not answers_there()
    name, value = brand.domain_record
    dns.records[name] = ["something=else", value]
    assert "answers at this domain now" in check(client, brand).content.decode()
    assert answers_there()
    brand.refresh_from_db()
    assert brand.domain_verified_at is not None


@pytest.mark.parametrize("values", [["portal-brand=another"], ["portal-brand"]])
def test_another_record_verifies_nothing(dns, brand, values):
    dns.records[brand.domain_record[0]] = values
    assert not brands.check_domain(brand, now=NOW)
    assert not answers_there()


def test_a_domain_whose_record_is_gone_is_no_longer_answered(dns, brand):
    name, value = brand.domain_record
    dns.records[name] = [value]
    assert brands.check_domain(brand, now=NOW)
    del dns.records[name]
    assert not brands.check_domain(brand, now=NOW)
    assert not answers_there()


def test_a_name_server_that_is_silent_takes_no_domain_away(dns, brand, monkeypatch):
    monkeypatch.setattr("accounts.domains.DNS_SECONDS", 0.2)
    name, value = brand.domain_record
    dns.records[name] = [value]
    assert brands.check_domain(brand, now=NOW)
    dns.is_silent = True
    assert not brands.check_domain(brand, now=NOW)
    assert answers_there()


def test_a_domain_changed_while_the_dns_was_asked_is_not_verified(dns, brand):
    name, value = brand.domain_record
    dns.records[name] = [value]
    Brand.objects.filter(pk=brand.pk).update(custom_domain="other.northwind.example")
    assert not brands.check_domain(brand, now=NOW)
    assert Brand.objects.get().domain_verified_at is None


@pytest.fixture
def provider(acme):
    Entitlement.objects.create(account=acme, code="sso", start_date="2026-01-01", source="test")
    return IdentityProvider.objects.create(
        account=acme, protocol="oidc", is_active=True, client_id="portal",
        endpoints={"authorization_endpoint": "https://idp.acme.example/authorize"},
    )  # fmt: skip


@pytest.mark.parametrize("name", ["accounts:sso-begin", "accounts:sso-start-test"])
def test_single_sign_on_begun_at_the_domain_goes_on_where_its_answer_comes(
    brand, provider, admin, signed_in, settings, name
):
    """In the browser's session of that address lies what the answer is compared with."""
    Brand.objects.filter(pk=brand.pk).update(domain_verified_at=NOW)
    cache.delete(brands.CACHE_KEY)
    client = Client() if name == "accounts:sso-begin" else signed_in(admin)
    path = reverse(name, args=[provider.public_id] if name == "accounts:sso-begin" else [])
    answer = client.get(f"{path}?next=/orders/", headers={"host": HOST})
    assert answer["Location"] == f"{settings.PORTAL_BASE_URL}{path}?next=/orders/"
    there = client.get(f"{path}?next=/orders/")
    assert there["Location"].startswith("https://idp.acme.example/authorize?")


def test_who_may_not_change_brands_checks_none(dns, brand, agent, admin, signed_in):
    name, value = brand.domain_record
    dns.records[name] = [value]
    assert check(signed_in(agent), brand).status_code == 403
    for client in (signed_in(admin), Client()):
        assert "answers at this domain now" not in check(client, brand).content.decode()
    assert not answers_there()
