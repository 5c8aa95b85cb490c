"""Signing in: password, code, reset, verification, limits, and nothing given away about who has an account."""

import re

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.utils import timezone

from accounts.models import Account, Membership, User
from tests.factories import PASSWORD, make_account, make_member
from tracking.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_cache")]


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


def login(client, email, password=PASSWORD):
    return client.post("/accounts/login/", {"login": email, "password": password})


def code_in(message):
    return re.search(r"^\s*([A-Z0-9]{3,}-?[A-Z0-9]{3,})\s*$", message.body, re.MULTILINE).group(1)


def test_a_customer_signs_in_and_lands_on_home(client, admin):
    response = login(client, "admin@acme.example")
    assert (response.status_code, response["Location"]) == (302, "/")
    event = Event.objects.get(name="login")
    assert (event.user_id, event.account_id) == (admin.pk, admin.membership.account_id)
    admin.membership.account.refresh_from_db()
    assert admin.membership.account.first_login_at is not None


def test_the_address_is_taken_in_any_case(client, admin):
    assert login(client, "Admin@Acme.Example").status_code == 302


def test_staff_land_in_the_admin(client, agent):
    assert login(client, "support@vendor.example")["Location"] == "/admin/"
    assert not Event.objects.exists()


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client, admin):
    known = login(client, "admin@acme.example", "wrong-password-1")
    unknown = login(client, "nobody@acme.example", "wrong-password-1")
    assert known.status_code == unknown.status_code == 200
    strip = re.compile(r'value="[^"]*"|"X-CSRFToken": "[^"]*"')
    assert strip.sub("", known.content.decode()) == strip.sub("", unknown.content.decode())


def test_failed_sign_ins_are_limited(client, admin):
    for _ in range(5):
        login(client, "admin@acme.example", "wrong-password-1")
    response = login(client, "admin@acme.example")
    assert response.status_code == 200
    assert "_auth_user_id" not in client.session


def test_signing_up_is_verified_by_a_code_and_leads_to_no_company(client):
    response = client.post(
        "/accounts/signup/", {"name": "Nia New", "email": "nia@new.example", "password1": "a-long-passphrase-7"}
    )
    assert response.status_code == 302
    assert not EmailAddress.objects.get(email="nia@new.example").verified
    client.post("/accounts/confirm-email/", {"code": code_in(mail.outbox[-1])})
    assert EmailAddress.objects.get(email="nia@new.example").verified
    home = client.get("/")
    assert home.status_code == 403
    assert "company" in home.content.decode().lower()
    assert not Membership.objects.exists()


def test_signing_up_with_a_known_address_gives_nothing_away(client, admin):
    known = client.post(
        "/accounts/signup/", {"name": "X", "email": "admin@acme.example", "password1": "a-long-passphrase-7"}
    )
    unknown = client.post(
        "/accounts/signup/", {"name": "X", "email": "x@acme.example", "password1": "a-long-passphrase-7"}
    )
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert User.objects.filter(email="admin@acme.example").count() == 1


def test_a_sign_in_code_by_mail_works_once(client, admin):
    client.post("/accounts/login/code/", {"email": "admin@acme.example"})
    code = code_in(mail.outbox[-1])
    response = client.post("/accounts/login/code/confirm/", {"code": code})
    assert response["Location"] == "/"
    assert client.session["_auth_user_id"] == str(admin.pk)


@pytest.mark.parametrize(
    ("asked", "page", "body"),
    [
        ("/accounts/login/code/", "/accounts/login/code/confirm/", {"email": "admin@acme.example"}),
        ("/accounts/password/reset/", "/accounts/password/reset/confirm/", {"email": "admin@acme.example"}),
        (
            "/accounts/signup/",
            "/accounts/confirm-email/",
            {"name": "Nia", "email": "nia@new.example", "password1": "a-long-passphrase-7"},
        ),
    ],
)
def test_a_code_by_mail_runs_out(client, admin, asked, page, body):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client.post(asked, body)
        clock.shift(601)  # Seconds: ten minutes, and one.
        client.post(page, {"code": code_in(mail.outbox[-1])})
    assert "_auth_user_id" not in client.session
    assert not EmailAddress.objects.filter(email="nia@new.example", verified=True).exists()


def test_a_code_for_an_unknown_address_looks_the_same(client, admin):
    known = client.post("/accounts/login/code/", {"email": "admin@acme.example"})
    unknown = client.post("/accounts/login/code/", {"email": "nobody@acme.example"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])


def test_a_forgotten_password_is_reset_by_code(client, admin):
    client.post("/accounts/password/reset/", {"email": "admin@acme.example"})
    response = client.post("/accounts/password/reset/confirm/", {"code": code_in(mail.outbox[-1])}, follow=True)
    path = response.redirect_chain[-1][0]
    client.post(path, {"password1": "another-passphrase-8", "password2": "another-passphrase-8"})
    client.logout()
    assert login(client, "admin@acme.example", "another-passphrase-8").status_code == 302


def test_a_reset_for_an_unknown_address_looks_the_same(client, admin):
    known = client.post("/accounts/password/reset/", {"email": "admin@acme.example"})
    unknown = client.post("/accounts/password/reset/", {"email": "nobody@acme.example"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])


@pytest.mark.parametrize("address", ["admin@acme.example", "nobody@acme.example"])
@pytest.mark.parametrize("path", ["/accounts/password/reset/", "/accounts/login/code/", "/accounts/signup/"])
def test_with_the_mail_server_away_the_person_is_told_and_nothing_is_kept(client, admin, settings, path, address):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    response = client.post(path, {"email": address, "name": "New", "password1": "a-long-passphrase-7"})
    assert response.status_code == 503
    assert "We cannot send mail just now" in response.content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize(("person", "address"), [("admin", "admin@acme.example"), ("agent", "support@vendor.example")])
def test_setting_up_a_second_factor_asks_for_the_password_first(client, request, person, address):
    request.getfixturevalue(person)
    login(client, address)
    asked = client.get("/accounts/2fa/totp/activate/")
    assert (asked.status_code, asked["Location"].partition("?")[0]) == (302, "/accounts/reauthenticate/")
    confirmed = client.post(asked["Location"], {"password": PASSWORD})
    assert (confirmed.status_code, confirmed["Location"]) == (302, "/accounts/2fa/totp/activate/")
    assert client.get(confirmed["Location"]).status_code == 200


def test_someone_of_two_companies_switches_between_them(client, admin, globex):
    other = make_account("Initech Energy AG", industry="energy")
    Membership.objects.create(account=other, user=admin, roles=["viewer"])
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    assert "Acme Logistics GmbH" in client.get("/company/").content.decode()
    response = client.post("/company/switch/", {"account": other.public_id, "next": "/company/"})
    assert response["Location"] == "/company/"
    page = client.get("/company/").content.decode()
    assert "<h1>Initech Energy AG</h1>" in page


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/cases/CS-10001/", "company", "@"])
def test_switching_never_leads_elsewhere(client, admin, target):
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    response = client.post("/company/switch/", {"account": admin.membership.account.public_id, "next": target})
    assert response["Location"] == "/"


def test_a_company_one_does_not_belong_to_cannot_be_chosen(client, admin, globex):
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    assert client.post("/company/switch/", {"account": globex.public_id}).status_code == 404
    assert client.post("/company/switch/", {"account": "1 OR 1=1"}).status_code == 404
    assert "account" not in client.session


def test_a_deactivated_membership_shows_nothing(client, acme):
    person = make_member(acme, "gone@acme.example", "Gone", roles=["administrator"])
    Membership.objects.update(is_active=False)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/company/").status_code == 403


def test_a_deactivated_company_shows_nothing_and_hears_of_no_visit(client, admin, acme):
    Account.objects.update(is_active=False)
    login(client, "admin@acme.example")
    assert client.get("/company/").status_code == 403
    acme.refresh_from_db()
    assert acme.first_login_at is None
    assert not Event.objects.exists()


def test_somebody_deactivated_is_signed_out_at_the_next_page(client, admin):
    login(client, "admin@acme.example")
    assert client.get("/company/").status_code == 200
    User.objects.update(is_active=False)
    assert client.get("/company/")["Location"].startswith("/accounts/login/")


def test_somebody_of_the_staff_is_no_customer_as_well(client, agent, acme):
    Membership.objects.create(account=acme, user=agent, roles=["administrator"])
    login(client, "support@vendor.example")
    assert client.get("/company/").status_code == 403
    User.objects.update(is_staff=False)
    assert client.get("/company/").status_code == 200
    assert client.get("/admin/").status_code in (302, 403)
