"""Where somebody is signed in: seen, ended, limited in time; and what a company asks of everybody's sign-in."""

import re
import time
from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import SecurityPolicy
from accounts.sessions import device_in_words, end_sessions
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537"


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


def come(user, agent=FIREFOX, *, password=PASSWORD, client=None):
    client = client or Client(headers={"User-Agent": agent})
    client.post("/accounts/login/", {"login": user.email, "password": password})
    return client


def is_in(client):
    return client.get("/company/").status_code == 200


@pytest.fixture
def policy(acme):
    def make(**rules):
        return SecurityPolicy.objects.update_or_create(account=acme, defaults=rules)[0]

    return make


# The list.


def test_somebody_sees_where_they_are_signed_in_and_what_failed(admin):
    laptop, desk = come(admin), come(admin, CHROME)
    come(admin, CHROME, password="wrong-password-1")
    page = desk.get("/me/sessions/").content.decode()
    assert "Firefox on Linux" in page
    assert "Chrome on Windows" in page
    assert page.count("This one") == 1
    assert page.count("Refused") == 1
    assert is_in(laptop)


def test_one_session_is_ended_and_the_others_stay(admin):
    laptop, desk, phone = come(admin), come(admin, CHROME), come(admin, "Something odd")
    page = desk.get("/me/sessions/").content.decode()
    name = re.search(r'value="([0-9a-f]{32})"[^>]*>\s*<button[^>]*aria-label="Sign out on Firefox', page).group(1)
    desk.post("/me/sessions/end/", {"session": name})
    assert [is_in(one) for one in (laptop, desk, phone)] == [False, True, True]


def test_all_others_are_ended_at_once(admin):
    laptop, desk = come(admin), come(admin, CHROME)
    desk.post("/me/sessions/end/", {"others": "1"})
    assert [is_in(laptop), is_in(desk)] == [False, True]


def test_nobody_ends_somebody_else_s_session(admin, other_admin):
    theirs, ours = come(other_admin), come(admin)
    name = re.search(r'value="([0-9a-f]{32})"', come(other_admin, CHROME).get("/me/sessions/").content.decode()).group(
        1
    )
    ours.post("/me/sessions/end/", {"session": name})
    assert is_in(theirs)


def test_the_page_holds_no_session_s_key(admin):
    laptop, desk = come(admin), come(admin, CHROME)
    assert laptop.session.session_key not in desk.get("/me/sessions/").content.decode()


def test_a_new_password_ends_the_other_sessions(admin):
    laptop, desk = come(admin), come(admin, CHROME)
    asked = desk.post("/accounts/password/change/", {})
    if asked.status_code == 302:
        desk.post(asked["Location"], {"password": PASSWORD})
    new = "another-passphrase-8"
    desk.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert [is_in(laptop), is_in(desk)] == [False, True]
    assert "Firefox" not in desk.get("/me/sessions/").content.decode().split("Last sign-ins")[0]


def test_somebody_is_signed_out_everywhere(admin):
    laptop, desk = come(admin), come(admin, CHROME)
    assert end_sessions(user=admin) == 2
    assert [is_in(laptop), is_in(desk)] == [False, False]


def test_a_deactivated_person_is_out_at_once(admin):
    laptop = come(admin)
    admin.is_active = False
    admin.save()
    assert not is_in(laptop)


def test_signing_out_ends_the_session_at_the_server(admin):
    laptop = come(admin)
    cookie = laptop.cookies[settings.SESSION_COOKIE_NAME].value
    laptop.post("/accounts/logout/")
    laptop.cookies[settings.SESSION_COOKIE_NAME] = cookie
    assert not is_in(laptop)


def test_signing_in_gives_the_session_a_new_key(client, admin):
    client.get("/accounts/login/")
    session = client.session
    session["planted"] = "1"
    session.save()
    before = session.session_key
    client.cookies[settings.SESSION_COOKIE_NAME] = before
    come(admin, client=client)
    assert client.session.session_key != before
    assert client.session["_auth_user_id"] == str(admin.pk)


def test_confirming_needs_no_new_session(signed_in, admin):
    assert is_in(signed_in(admin))


@pytest.mark.parametrize(
    ("agent", "words"), [(FIREFOX, "Firefox on Linux"), ("", "Unknown device"), ("<script>", "Unknown device")]
)
def test_devices_in_words(agent, words):
    assert device_in_words(agent) in (words, "Other on Other")


# Mail about a new device.


def test_a_new_device_is_told_by_mail_and_known_ones_and_the_first_are_not(admin):
    laptop = come(admin)
    assert mail.outbox == []
    laptop.post("/accounts/logout/")
    come(admin, client=laptop)
    assert mail.outbox == []
    come(admin, CHROME)
    assert [message.to for message in mail.outbox] == [[admin.email]]
    assert "Chrome on Windows" in mail.outbox[0].body
    assert "/me/sessions/" in mail.outbox[0].body


def test_a_mail_server_that_is_away_keeps_nobody_out(admin, settings):
    come(admin)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert is_in(come(admin, CHROME))


def test_a_forged_device_cookie_is_no_device(admin):
    come(admin)
    client = Client(headers={"User-Agent": CHROME})
    client.cookies["known_device"] = "forged"
    come(admin, client=client)
    assert len(mail.outbox) == 1


# Limits.


def at(client, moment, page="/company/", **headers):
    with time_machine.travel(moment, tick=False):
        return client.get(page, headers=headers)


def test_a_session_ends_without_a_click_for_twelve_hours(admin):
    client, now = come(admin), timezone.now()
    assert at(client, now + timedelta(hours=11, minutes=59)).status_code == 200
    assert at(client, now + timedelta(hours=23, minutes=58)).status_code == 200
    over = at(client, now + timedelta(hours=36))
    assert over["Location"] == "/accounts/login/?next=/company/"
    assert "_auth_user_id" not in client.session


def test_a_page_left_open_does_not_keep_a_session(admin):
    """The bell asks by itself, every minute."""
    client, now = come(admin), timezone.now()
    for minutes in range(0, 12 * 60, 30):
        at(client, now + timedelta(minutes=minutes), "/me/notifications/bell/")
    assert at(client, now + timedelta(hours=12, minutes=1)).status_code == 302


def test_staff_who_viewed_as_a_customer_have_limits_again(agent):
    client, now = come(agent), timezone.now()
    session = client.session
    session["hijack_history"] = []  # What django-hijack leaves behind.
    session.save()
    assert at(client, now + timedelta(minutes=61), "/admin/").status_code == 302


def test_a_company_may_be_stricter(admin, other_admin, policy):
    policy(idle_minutes=15)
    ours, theirs, now = come(admin), come(other_admin), timezone.now()
    later = now + timedelta(minutes=16)
    assert at(ours, later).status_code == 302
    assert at(theirs, later).status_code == 200


def test_a_session_ends_in_any_case(admin, policy):
    policy(absolute_hours=8)
    client, now = come(admin), timezone.now()
    for minutes in range(50, 480, 50):
        assert at(client, now + timedelta(minutes=minutes)).status_code == 200
    assert at(client, now + timedelta(minutes=481)).status_code == 302


def test_staff_sign_in_again_after_an_hour_without_a_click(agent):
    client, now = come(agent), timezone.now()
    assert at(client, now + timedelta(minutes=59), "/admin/").status_code == 200
    assert at(client, now + timedelta(minutes=120), "/admin/").status_code == 302


def test_scripts_and_the_api_are_told_that_a_session_is_over(admin):
    later = timezone.now() + timedelta(hours=13)
    told = at(come(admin), later, "/company/", Accept="application/json")
    assert told.status_code == 401
    led = at(come(admin), later, "/company/", **{"HX-Request": "true"})
    assert led["HX-Redirect"].startswith("/accounts/login/")


# Two factors for everybody.


def test_who_has_no_second_factor_is_led_to_set_one_up(admin, policy):
    policy(mfa_required=True)
    client = come(admin)
    assert client.get("/company/")["Location"] == "/accounts/2fa/"
    assert client.post("/company/profile/", {"phone": "1"})["Location"] == "/accounts/2fa/"
    assert client.get("/accounts/2fa/").status_code == 200
    asked = client.get("/accounts/2fa/totp/activate/", follow=True)
    assert asked.status_code == 200
    assert asked.redirect_chain[-1][0].startswith("/accounts/reauthenticate/")


def test_scripts_get_403_while_the_second_factor_is_missing(admin, policy):
    policy(mfa_required=True)
    assert come(admin).get("/company/", headers={"Accept": "application/json"}).status_code == 403
    assert come(admin).get("/api/v1/usage").status_code in (403, 404)


def test_with_a_second_factor_nothing_changes_and_the_last_one_stays(signed_in, admin, policy):
    policy(mfa_required=True)
    factor = TOTP.activate(admin, "JBSWY3DPEHPK3PXP").instance
    client = signed_in(admin)
    assert is_in(client)
    assert client.post("/accounts/2fa/totp/deactivate/", {}).status_code in (200, 302)
    factor.refresh_from_db()
    assert is_in(client)


def test_a_second_factor_removed_elsewhere_is_missed_by_every_session(signed_in, admin, agent, policy, settings):
    policy(mfa_required=True)
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    for person, page in ((admin, "/company/"), (agent, "/admin/")):
        factor = TOTP.activate(person, "JBSWY3DPEHPK3PXP").instance
        client = signed_in(person)
        assert client.get(page).status_code == 200
        Authenticator.objects.filter(pk=factor.pk).delete()
        assert client.get(page)["Location"] == "/accounts/2fa/"


def test_only_the_companys_own_identity_provider_stands_for_a_second_factor(admin, acme, globex, policy):
    policy(mfa_required=True)
    for company, is_enough in ((globex, False), (acme, True)):
        client = come(admin)
        session = client.session
        came = {"method": "sso", "provider": str(company.public_id), "at": time.time(), "uid": admin.pk}
        session["account_authentication_methods"] = [came]
        session.save()
        assert is_in(client) is is_enough, company


def test_the_rule_holds_from_its_day_on_and_for_this_company_alone(admin, other_admin, policy):
    tomorrow = timezone.now().date() + timedelta(days=1)
    policy(mfa_required=True, mfa_from_date=tomorrow)
    client = come(admin)
    assert is_in(client)
    policy(mfa_required=True, mfa_from_date=timezone.now().date())
    assert not is_in(client)
    assert is_in(come(other_admin))


def test_staff_need_a_second_factor_where_the_vendor_says_so(agent, settings):
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    client = come(agent)
    assert client.get("/admin/")["Location"] == "/accounts/2fa/"
    TOTP.activate(agent, "JBSWY3DPEHPK3PXP")
    assert client.get("/admin/").status_code == 200


# The page.


def test_an_administrator_sets_the_rules(signed_in, admin, acme):
    client = signed_in(admin)
    client.post("/company/security/", {"mfa_required": "on", "idle_minutes": "30", "absolute_hours": "12"})
    rules = SecurityPolicy.objects.get(account=acme)
    assert (rules.mfa_required, rules.idle_minutes, rules.absolute_hours) == (True, 30, 12)
    assert SecurityPolicy.pgh_event_model.objects.filter(pgh_obj=rules).count() == 1


def test_limits_that_are_not_offered_are_refused(signed_in, admin):
    assert signed_in(admin).post("/company/security/", {"idle_minutes": "99999"}).status_code == 422
    assert not SecurityPolicy.objects.exists()


def test_rules_are_changed_by_administrators_of_the_company_alone(signed_in, member, client, admin):
    assert signed_in(member).get("/company/security/").status_code == 403
    assert signed_in(member).post("/company/security/", {"mfa_required": "on"}).status_code == 403
    assert signed_in(admin, confirmed=False).post("/company/security/", {"mfa_required": "on"}).status_code == 302
    assert client.get("/company/security/")["Location"].startswith("/accounts/login/")
    assert client.get("/me/sessions/")["Location"].startswith("/accounts/login/")
    assert not SecurityPolicy.objects.exists()
