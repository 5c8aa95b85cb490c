"""A company shows that an e-mail domain is its own: asked of a real name server on loopback."""

import pytest
from django.db import DatabaseError, connection
from django.urls import reverse
from django.utils import timezone

from accounts.domains import DomainRefused, normalise, verify_domain
from accounts.models import Domain
from accounts.models.domains import CheckProblem, VerifiedHow
from sandbox.nameserver import NameServer

URL = "/company/domains/"


@pytest.fixture(scope="module")
def name_server():
    with NameServer() as server:
        yield server


@pytest.fixture
def dns(name_server, settings):
    """An empty name server, and the portal asks it."""
    name_server.records.clear()
    name_server.is_silent = False
    settings.DNS_SERVERS = [name_server.address]
    return name_server


def add(client, name):
    return client.post(URL, {"name": name})


def check(client, domain):
    client.post(reverse("accounts:domain-check", args=[domain.public_id]))
    return Domain.objects.get(pk=domain.pk)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Acme.Example", "acme.example"),
        ("  https://www.acme.example/about ", "acme.example"),
        ("ada@acme.example", "acme.example"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("acme.example.", "acme.example"),
    ],
)
def test_a_domain_is_kept_in_one_form(typed, kept):
    assert normalise(typed) == kept


@pytest.mark.parametrize(
    "typed", ["acme", "127.0.0.1", "a..example", "-acme.example", "ac me.example", "_x.example", ""]
)
def test_what_is_no_domain_name_is_refused(typed):
    with pytest.raises(DomainRefused):
        normalise(typed)


@pytest.mark.django_db
def test_an_administrator_adds_a_domain_and_reads_which_record_to_set(admin, signed_in):
    client = signed_in(admin)
    assert add(client, "Acme.Example").status_code == 302
    domain = Domain.objects.get()
    page = client.get(URL).content.decode()
    assert domain.account == admin.membership.account
    assert not domain.is_verified
    assert "_portal-verification.acme.example" in page
    assert domain.record_value in page


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["gmail.com", "GMX.de", "someone@outlook.com"])
def test_a_public_mail_provider_is_refused(admin, signed_in, name):
    answer = add(signed_in(admin), name)
    assert answer.status_code == 422
    assert "public mail provider" in answer.content.decode()
    assert f'value="{name}"' in answer.content.decode()
    assert not Domain.objects.exists()


@pytest.mark.django_db
def test_a_domain_stands_in_the_list_once(admin, signed_in):
    client = signed_in(admin)
    add(client, "acme.example")
    assert add(client, "ACME.example").status_code == 422
    assert Domain.objects.count() == 1


@pytest.mark.django_db
def test_the_record_verifies_the_domain(admin, signed_in, dns):
    client = signed_in(admin)
    add(client, "acme.example")
    domain = Domain.objects.get()
    assert check(client, domain).problem == CheckProblem.NOT_FOUND
    dns.records[domain.record_name] = ["v=spf1 -all"]
    assert check(client, domain).problem == CheckProblem.OTHER_VALUE
    dns.records[domain.record_name] = ["v=spf1 -all", domain.record_value]
    domain = check(client, domain)
    assert (domain.is_verified, domain.verified_how, domain.problem) == (True, VerifiedHow.DNS, "")


@pytest.mark.django_db
def test_name_servers_that_are_silent_verify_nothing(admin, signed_in, dns, monkeypatch):
    monkeypatch.setattr("accounts.domains.DNS_SECONDS", 0.2)
    client = signed_in(admin)
    add(client, "acme.example")
    dns.is_silent = True
    domain = check(client, Domain.objects.get())
    assert (domain.is_verified, domain.problem) == (False, CheckProblem.NO_ANSWER)
    assert "did not answer" in client.get(URL).content.decode()


@pytest.mark.django_db
def test_a_domain_is_verified_by_one_company_only(admin, other_admin, signed_in, dns):
    for user in (admin, other_admin):
        add(signed_in(user), "acme.example")
    first, second = (Domain.objects.get(account=user.membership.account) for user in (admin, other_admin))
    dns.records[first.record_name] = [first.record_value, second.record_value]
    assert check(signed_in(admin), first).is_verified
    second = check(signed_in(other_admin), second)
    assert (second.is_verified, second.problem) == (False, CheckProblem.TAKEN)


@pytest.mark.django_db
def test_the_database_refuses_a_domain_that_a_customers_request_verifies(admin, as_customer):
    account = admin.membership.account
    with pytest.raises(DatabaseError), as_customer(admin.membership):
        Domain.objects.create(
            account=account, name="acme.example", verified_at=timezone.now(), verified_how=VerifiedHow.STAFF
        )
    domain = Domain.objects.create(account=account, name="acme.example")
    with pytest.raises(DatabaseError), as_customer(admin.membership):
        Domain.objects.update(verified_at=timezone.now(), verified_how=VerifiedHow.STAFF)
    domain.refresh_from_db()
    assert not domain.is_verified


@pytest.mark.django_db
def test_staff_approve_a_domain_in_the_admin(admin, agent, signed_in):
    domain = Domain.objects.create(account=admin.membership.account, name="acme.example")
    answer = signed_in(agent).post(
        reverse("admin:accounts_domain_changelist"), {"action": "approve", "_selected_action": [domain.pk]}, follow=True
    )
    domain.refresh_from_db()
    assert "1 domains are approved" in answer.content.decode()
    assert (domain.is_verified, domain.verified_how) == (True, VerifiedHow.STAFF)


@pytest.mark.django_db
def test_staff_without_the_right_approve_nothing(admin, manager, signed_in):
    domain = Domain.objects.create(account=admin.membership.account, name="acme.example")
    signed_in(manager).post(
        reverse("admin:accounts_domain_changelist"), {"action": "approve", "_selected_action": [domain.pk]}
    )
    domain.refresh_from_db()
    assert not domain.is_verified


@pytest.mark.django_db
def test_only_a_verified_domain_lets_people_join(admin, signed_in):
    client = signed_in(admin)
    domain = Domain.objects.create(account=admin.membership.account, name="acme.example")
    url = reverse("accounts:domain-joining", args=[domain.public_id])
    assert client.post(url, {"is_joinable": "on"}).status_code == 404
    assert not Domain.objects.joinable().exists()
    verify_domain(domain=domain, how=VerifiedHow.STAFF, now=timezone.now())
    client.post(url, {"is_joinable": "on"})
    assert Domain.objects.joinable().of_email("Ada@ACME.example").get() == domain
    client.post(url)
    assert not Domain.objects.joinable().exists()


@pytest.mark.django_db
def test_removing_a_domain_asks_first(admin, signed_in):
    client = signed_in(admin)
    domain = Domain.objects.create(account=admin.membership.account, name="acme.example")
    url = reverse("accounts:domain-remove", args=[domain.public_id])
    assert "Remove acme.example?" in client.get(url).content.decode()
    assert Domain.objects.exists()
    client.post(url)
    assert not Domain.objects.exists()


@pytest.mark.django_db
def test_adding_and_verifying_are_in_the_audit(admin, signed_in):
    add(signed_in(admin), "acme.example")
    verify_domain(domain=Domain.objects.get(), how=VerifiedHow.STAFF, now=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("SELECT pgh_label, verified_how FROM accounts_domainevent ORDER BY pgh_id")
        assert cursor.fetchall() == [("insert", ""), ("update", "staff")]


@pytest.mark.django_db
def test_domains_belong_to_administrators_of_the_company(admin, other_admin, member, client, signed_in):
    domain = Domain.objects.create(account=admin.membership.account, name="acme.example")
    for name in ("domain-check", "domain-joining", "domain-remove"):
        url = reverse(f"accounts:{name}", args=[domain.public_id])
        assert signed_in(other_admin).post(url).status_code == 404
        assert signed_in(member).post(url).status_code == 403
        assert client.post(url).status_code == 302
    assert signed_in(member).get(URL).status_code == 403
    assert client.get(URL).url.startswith("/accounts/login/")
    assert Domain.objects.count() == 1
