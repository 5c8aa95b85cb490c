"""Confirming who one is before money, people and sign-in change: nothing happens before, and nothing is lost."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.core import mail
from django.core.cache import cache

from accounts.models import Account
from tests.factories import PASSWORD, confirm
from tests.pages.accounts import DETAILS

pytestmark = pytest.mark.django_db
PROFILE = "/company/profile/"


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


@pytest.fixture
def stale(signed_in, admin):
    return signed_in(admin, confirmed=False)


def city():
    return Account.objects.get(name="Acme Logistics GmbH").billing_city


def carried_on(page):
    """The fields of the page that sends the form on."""
    text = page.content.decode()
    return re.search(r'<form method="post" action="([^"]+)" data-send-at-once', text).group(1), dict(
        re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text)
    )


def test_a_form_sent_too_late_is_kept_and_sent_on_after_the_password(stale):
    asked = stale.post(PROFILE, DETAILS)
    assert (asked.status_code, asked["Location"].partition("?")[0]) == (302, "/accounts/reauthenticate/")
    assert city() != "Hamburg"
    confirmed = stale.post(asked["Location"], {"password": PASSWORD})
    path, fields = carried_on(stale.get(confirmed["Location"]))
    assert path == PROFILE
    assert city() != "Hamburg"
    assert stale.post(path, fields)["Location"] == "/company/"
    assert city() == "Hamburg"


def test_a_proof_by_a_factor_that_was_removed_elsewhere_counts_no_longer(signed_in, admin):
    factor = TOTP.activate(admin, "JBSWY3DPEHPK3PXP").instance
    client = signed_in(admin, confirmed=False)
    session = client.session
    proof = {"method": "mfa", "type": "totp", "id": factor.pk, "at": time.time(), "reauthenticated": True}
    session["account_authentication_methods"] = [proof]
    session["account_authentication_methods_user"] = str(admin.pk)
    session.save()
    assert client.post(PROFILE, DETAILS)["Location"] == "/company/"
    Account.objects.filter(name="Acme Logistics GmbH").update(billing_city="Before")
    Authenticator.objects.filter(pk=factor.pk).delete()
    assert client.post(PROFILE, DETAILS)["Location"].startswith("/accounts/reauthenticate/")
    assert city() == "Before"


def test_a_wrong_password_changes_nothing(stale):
    asked = stale.post(PROFILE, DETAILS)
    assert stale.post(asked["Location"], {"password": "wrong-password-1"}).status_code == 200
    assert stale.post(PROFILE, DETAILS)["Location"].startswith("/accounts/reauthenticate/")
    assert city() != "Hamburg"


def test_the_form_is_shown_to_its_owner_alone_and_only_after_the_confirmation(stale, signed_in, other_admin):
    key = re.search(r"carry-on%2F([\w-]+)", stale.post(PROFILE, DETAILS)["Location"]).group(1)
    assert stale.get(f"/me/carry-on/{key}/")["Location"].startswith("/accounts/reauthenticate/")
    assert signed_in(other_admin).get(f"/me/carry-on/{key}/")["Location"] == "/"


def test_a_form_is_sent_on_once(stale, admin):
    key = re.search(r"carry-on%2F([\w-]+)", stale.post(PROFILE, DETAILS)["Location"]).group(1)
    confirm(stale, admin)
    assert stale.get(f"/me/carry-on/{key}/").status_code == 200
    assert stale.get(f"/me/carry-on/{key}/")["Location"] == "/"


def test_fields_that_come_several_times_and_odd_characters_are_kept(stale, admin):
    late = stale.post(PROFILE, {"roles": ["buyer", "viewer"], "name": 'Zoë "<b>" & co'})
    confirm(stale, admin)
    page = stale.get(re.search(r"next=(.+)$", late["Location"]).group(1).replace("%2F", "/")).content.decode()
    assert page.count('name="roles"') == 2
    assert "Zoë &quot;&lt;b&gt;&quot; &amp; co" in page


def test_only_the_last_three_forms_are_kept_and_only_while_a_confirmation_lasts(stale, admin):
    keys = [re.search(r"carry-on%2F([\w-]+)", stale.post(PROFILE, DETAILS)["Location"]).group(1) for _ in range(4)]
    confirm(stale, admin)
    assert stale.get(f"/me/carry-on/{keys[0]}/").status_code == 302
    session = stale.session
    session["forms_put_aside"] = [{**one, "at": time.time() - 601} for one in session["forms_put_aside"]]
    session.save()
    assert stale.get(f"/me/carry-on/{keys[3]}/").status_code == 302


def test_a_confirmation_lasts_ten_minutes(stale, admin):
    confirm(stale, admin, at=time.time() - 601)
    assert stale.post(PROFILE, DETAILS)["Location"].startswith("/accounts/reauthenticate/")
    confirm(stale, admin, at=time.time() - 590)
    assert stale.post(PROFILE, DETAILS)["Location"] == "/company/"


def test_signing_in_is_a_proof_too(client, admin):
    client.post("/accounts/login/", {"login": admin.email, "password": PASSWORD})
    assert client.post(PROFILE, DETAILS)["Location"] == "/company/"


def test_somebody_else_s_confirmation_in_the_same_browser_does_not_count(stale, member):
    confirm(stale, member)
    assert stale.post(PROFILE, DETAILS)["Location"].startswith("/accounts/reauthenticate/")


def test_htmx_is_told_where_to_go(stale):
    told = stale.post(PROFILE, DETAILS, headers={"HX-Request": "true"})
    assert told.status_code == 401
    assert told["HX-Redirect"].startswith("/accounts/reauthenticate/?next=%2Fme%2Fcarry-on%2F")


def test_a_script_is_told_where_to_go_and_comes_back_to_its_page(stale):
    told = stale.post(
        PROFILE, DETAILS, headers={"Accept": "application/json", "Referer": "http://testserver/company/profile/?a=1"}
    )
    assert told.status_code == 401
    assert told.json()["next"] == "/accounts/reauthenticate/?next=%2Fcompany%2Fprofile%2F%3Fa%3D1"


def test_a_script_on_another_site_s_page_is_sent_home(stale):
    told = stale.post(
        PROFILE, DETAILS, headers={"Accept": "application/json", "Referer": "https://evil.example/company/"}
    )
    assert told.json()["next"] == "/accounts/reauthenticate/?next=%2F"


def test_without_a_password_a_code_by_mail_confirms(stale, admin):
    admin.set_unusable_password()
    admin.save()
    stale.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    asked = stale.post(PROFILE, DETAILS)["Location"]
    assert asked.startswith("/me/confirm/")
    assert "Send the code" in stale.get(asked).content.decode()
    stale.post(asked, {"send": "1"})
    assert mail.outbox[-1].to == [admin.email]
    wrong = stale.post(asked, {"code": "AAAA-BBBB"})
    assert wrong.status_code == 422
    code = re.search(r"^\s*([A-Z0-9]{3,}-?[A-Z0-9]{3,})\s*$", mail.outbox[-1].body, re.MULTILINE).group(1)
    path, fields = carried_on(stale.get(stale.post(asked, {"code": code})["Location"]))
    stale.post(path, fields)
    assert city() == "Hamburg"


def test_three_wrong_codes_end_the_code(stale, admin):
    admin.set_unusable_password()
    admin.save()
    stale.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    stale.post("/me/confirm/", {"send": "1"})
    code = re.search(r"^\s*([A-Z0-9]{3,}-?[A-Z0-9]{3,})\s*$", mail.outbox[-1].body, re.MULTILINE).group(1)
    for _ in range(3):
        stale.post("/me/confirm/", {"code": "AAAA-BBBB"})
    stale.post("/me/confirm/", {"code": code})
    assert stale.post(PROFILE, DETAILS)["Location"].startswith("/me/confirm/")


@pytest.mark.parametrize("page", ["/accounts/email/", "/accounts/2fa/totp/activate/"])
def test_without_a_password_sign_in_is_not_changed_unconfirmed(stale, admin, page):
    """allauth would let them pass."""
    admin.set_unusable_password()
    admin.save()
    stale.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    asked = stale.post(page, {"action_add": "", "email": "thief@acme.example"})
    assert asked["Location"].startswith("/me/confirm/")
    assert not admin.emailaddress_set.filter(email="thief@acme.example").exists()


@pytest.mark.parametrize("page", ["/me/confirm/", "/me/carry-on/some-key/"])
def test_nobody_signed_in_is_sent_to_sign_in(client, page):
    assert client.get(page)["Location"].startswith("/accounts/login/")
